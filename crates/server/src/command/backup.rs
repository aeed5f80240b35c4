//! `vinyasa backup` and `vinyasa restore`: the whole database as one file, and back.

use std::path::PathBuf;

use clap::Args;
use store::{Error, Location};

use super::progress::show_progress;
use crate::config::{Common, Config};
use crate::failure::{Failure, Result};
use crate::log;
use crate::open::make_directory;

const BACKUP_EXAMPLES: &str = "\
The server may run: what is written is the state of one moment. The file appears when it is whole and verified. It is a
database of the embedded engine, whatever engine it comes from, and `vinyasa restore` makes a database of either of it.

Examples:
  vinyasa backup --to /backup/vinyasa-$(date +%F).db
  vinyasa backup --database postgres://vinyasa@db.example/vinyasa --to /backup/vinyasa.db";

/// Write the whole database to a file, while the server runs
#[derive(Args)]
#[command(after_help = BACKUP_EXAMPLES)]
pub struct Backup {
    /// The file to write; there must be none yet
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

impl Backup {
    pub async fn run(self, common: &Common) -> Result<()> {
        let config = Config::load(common, &[])?;
        log::start(&config, "warn")?;
        let location = config.location();
        // A file is taken as it is; any other database would be brought up to date by opening it.
        let state = store::inspect(&location).await?;
        if !matches!(location, Location::SqliteFile(_)) && !state.is_current() {
            return Err(Failure::new(format_args!(
                "{location}: of version {}, and this program of {}: back it up with the program that serves it",
                state.version, state.known
            )));
        }
        store::back_up(&location, &self.to, show_progress()).await.map_err(|error| match error {
            Error::Filled { place } => Failure::new(format_args!("{place}: there is a file already")),
            error => error.into(),
        })
    }
}

const RESTORE_EXAMPLES: &str = "\
The backup is checked, and brought up to date in a copy, before anything is touched. Only an empty database is filled;
with --replace a database in a file gives way and is kept beside the new one: stop the server first.

Examples:
  vinyasa restore /backup/vinyasa-2026-03-02.db --data /var/lib/vinyasa
  vinyasa restore /backup/vinyasa.db --data /var/lib/vinyasa --replace
  vinyasa restore /backup/vinyasa.db --database postgres://vinyasa@db.example/empty";

/// Make a database of a backup
#[derive(Args)]
#[command(after_help = RESTORE_EXAMPLES)]
pub struct Restore {
    /// What `vinyasa backup` has written
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Put it in the place of the database that is there, which is kept beside it
    #[arg(long)]
    replace: bool,
}

impl Restore {
    pub async fn run(self, common: &Common) -> Result<()> {
        let config = Config::load(common, &[])?;
        log::start(&config, "warn")?;
        let location = config.location();
        let in_file = matches!(location, Location::SqliteFile(_));
        if self.replace && !in_file {
            return Err(Failure::usage(
                "--replace: only a database in a file is replaced; restore into a new, empty one, and let `database` name it",
            ));
        }
        if let Location::SqliteFile(path) = &location {
            make_directory(path)?;
        }
        let restored = store::restore(&self.file, &location, self.replace, show_progress()).await;
        let restored = restored.map_err(|error| match error {
            Error::Filled { place } if in_file => Failure::new(format_args!(
                "{place}: there is something in it: --replace puts the backup in its place and keeps it beside"
            )),
            Error::Filled { place } => {
                Failure::new(format_args!("{place}: there is something in it: restore into a new, empty database"))
            }
            Error::Missing { .. } => Failure::new(format_args!("{}: no such backup", self.file.display())),
            error => error.into(),
        })?;
        if let Some(kept) = restored.kept {
            eprintln!("vinyasa: what was there before is {}", kept.display());
        }
        Ok(())
    }
}
