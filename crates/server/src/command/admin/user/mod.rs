//! `vinyasa admin user`: people.

mod add;
mod deactivate;
mod list;
mod set_password;

use clap::Subcommand;

use crate::command::print_line;
use crate::config::{Common, Config};
use crate::failure::Result;
use crate::log;
use crate::open::open_database;

/// People
#[derive(Subcommand)]
pub enum User {
    Add(add::Add),
    List(list::List),
    SetPassword(set_password::SetPassword),
    Deactivate(deactivate::Deactivate),
    Reactivate(deactivate::Reactivate),
}

impl User {
    pub async fn run(self, common: &Common) -> Result<()> {
        let config = Config::load(common, &[])?;
        log::start(&config, "warn")?;
        let db = open_database(&config, false).await?;
        let done = match self {
            User::Add(add) => add.run(&config, &db).await,
            User::List(list) => list.run(&config, &db).await,
            User::SetPassword(set_password) => set_password.run(&config, &db).await,
            User::Deactivate(deactivate) => deactivate.run(&config, &db).await,
            User::Reactivate(reactivate) => reactivate.run(&config, &db).await,
        };
        db.close().await;
        print_line(&done?)
    }
}
