//! `vinyasa admin user`: people.

mod add;
mod deactivate;
mod import;
mod invite;
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
    Invite(invite::Invite),
    Import(import::Import),
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
        let print = |line: String| print_line(&line);
        let done = match self {
            User::Add(add) => add.run(&config, &db).await.and_then(print),
            User::Invite(invite) => invite.run(&config, &db).await,
            User::Import(import) => import.run(&config, &db).await,
            User::List(list) => list.run(&config, &db).await.and_then(print),
            User::SetPassword(set_password) => set_password.run(&config, &db).await.and_then(print),
            User::Deactivate(deactivate) => deactivate.run(&config, &db).await.and_then(print),
            User::Reactivate(reactivate) => reactivate.run(&config, &db).await.and_then(print),
        };
        db.close().await;
        done
    }
}
