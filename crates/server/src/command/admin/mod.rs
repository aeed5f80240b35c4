//! `vinyasa admin`: what an administrator of the machine does without a token.

mod init;
mod password;
mod place;
mod team;
mod token;
mod user;
mod workspace;

use clap::Subcommand;

use crate::config::Common;
use crate::failure::Result;

/// Organizations, people and tokens, straight in the database
#[derive(Subcommand)]
pub enum Admin {
    Init(init::Init),
    #[command(subcommand)]
    User(user::User),
    #[command(subcommand)]
    Team(team::Team),
    #[command(subcommand)]
    Workspace(workspace::Workspace),
    #[command(subcommand)]
    Token(token::Token),
}

impl Admin {
    pub async fn run(self, common: &Common) -> Result<()> {
        match self {
            Admin::Init(init) => init.run(common).await,
            Admin::User(user) => user.run(common).await,
            Admin::Team(team) => team.run(common).await,
            Admin::Workspace(workspace) => workspace.run(common).await,
            Admin::Token(token) => token.run(common).await,
        }
    }
}
