//! `vinyasa seed`: fills a database to measure with.

use std::io::{self, IsTerminal, Write};

use clap::Args;
use sample::seed::{self, Progress};

use super::print_line;
use crate::config::{Common, Config};
use crate::failure::{Failure, Result};
use crate::log;
use crate::open::{clock, open_database, random};

const EXAMPLES: &str = "\
Makes the same organization every time: projects of very different sizes, notes of 200 to 1,000 characters, assignees,
due dates, custom field values, tags, comments. Prints one line of JSON with the gids and tokens to begin with:
workspace, project (1,000 tasks), large_project (a tenth of all), admin_token, guest_token and more.

Examples:
  vinyasa seed --tasks 10000 --data ./measured
  vinyasa seed --tasks 1000000 --projects 2000 --people 500 --database postgres://vinyasa@db.example/measured";

/// Fill an empty database with invented work to measure with; creates it when there is none
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Seed {
    /// Number of tasks, subtasks included
    #[arg(long, value_name = "NUMBER")]
    tasks: u64,
    /// Number of projects [default: one for 500 tasks]
    #[arg(long, value_name = "NUMBER")]
    projects: Option<u64>,
    /// Number of people [default: one for 1,000 tasks, from 20 to 1,000]
    #[arg(long, value_name = "NUMBER")]
    people: Option<u64>,
    /// Which of all such organizations; the same number makes the same one
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

impl Seed {
    pub async fn run(self, common: &Common) -> Result<()> {
        let config = Config::load(common, &[])?;
        log::start(&config, "warn")?;
        let db = open_database(&config, true).await?;
        let options = seed::Seed { tasks: self.tasks, projects: self.projects, people: self.people, seed: self.seed };
        let seeded = seed::seed(&db, &options, clock(&config).now(), &random(&config), show_progress()).await;
        db.close().await;
        let seeded = serde_json::to_string(&seeded?);
        print_line(&seeded.map_err(Failure::new)?)
    }
}

/// Shows how far it has come, to somebody who watches.
fn show_progress() -> impl FnMut(Progress) + Send + 'static {
    let watched = io::stderr().is_terminal();
    move |progress: Progress| {
        if watched {
            let end = if progress.tasks >= progress.of { '\n' } else { '\r' };
            let mut out = io::stderr().lock();
            drop(write!(out, "{} of {} tasks{end}", progress.tasks, progress.of).and_then(|()| out.flush()));
        }
    }
}
