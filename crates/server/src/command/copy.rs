//! `vinyasa copy`: everything from one database into another, of the same engine or not.

use clap::Args;
use store::{Db, Error, Location, Options};

use super::print_line;
use super::progress::show_progress;
use crate::config::{Common, Config};
use crate::failure::{Failure, Result};
use crate::log;
use crate::open::make_directory;

const EXAMPLES: &str = "\
Stop the server first: what it writes after the copy has begun stays behind. The other database must be empty; it is made
when it is a file. At the end every table is read again and compared. Then let `database` name the new place.

Examples:
  vinyasa copy --from sqlite:/var/lib/vinyasa/vinyasa.db --to postgres://vinyasa@db.example/vinyasa
  vinyasa copy --from postgres://vinyasa@db.example/vinyasa --to sqlite:./vinyasa.db";

/// Copy everything from one database into another one, which is empty
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Copy {
    /// The database to read: sqlite:PATH or postgres://...
    #[arg(long, value_name = "PLACE")]
    from: String,
    /// The empty database to fill
    #[arg(long, value_name = "PLACE")]
    to: String,
}

impl Copy {
    pub async fn run(self, common: &Common) -> Result<()> {
        let config = Config::load(common, &[])?;
        log::start(&config, "warn")?;
        let (from, to) = (read_place("from", &self.from)?, read_place("to", &self.to)?);
        if from == to {
            return Err(Failure::usage("--to: the same place as --from"));
        }
        let state = store::inspect(&from).await?;
        if !state.is_current() {
            return Err(Failure::new(format_args!(
                "{from}: of version {}, and this program of {}: start `vinyasa serve` on it once, which brings it up to date",
                state.version, state.known
            )));
        }
        if let Location::SqliteFile(path) = &to {
            make_directory(path)?;
        }
        let told = |error: Error, place: &Location| match error {
            Error::Filled { .. } => {
                Failure::new(format_args!("{place}: there is something in it: copy into a new, empty database"))
            }
            error => error.into(),
        };
        let source = Db::open(Options { create: false, writers: 1, ..Options::new(from.clone()) }).await?;
        let target = Db::open(Options { writers: 1, ..Options::new(to.clone()) }).await;
        let copied = match &target {
            Ok(target) => store::copy(&source, target, show_progress()).await,
            Err(error) => Err(error.clone()),
        };
        source.close().await;
        if let Ok(target) = target {
            target.close().await;
        }
        let copied = copied.map_err(|error| told(error, &to))?;
        let rows: u64 = copied.iter().map(|table| table.rows).sum();
        print_line(&format!("copied {rows} rows of {} tables, compared one by one", copied.len()))
    }
}

fn read_place(option: &str, text: &str) -> Result<Location> {
    match text.parse() {
        Ok(Location::SqliteMemory) | Err(_) => {
            Err(Failure::usage(format_args!("--{option}: Not a database (sqlite:PATH or postgres://...): {text}")))
        }
        Ok(location) => Ok(location),
    }
}
