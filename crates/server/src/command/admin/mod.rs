//! `vinyasa admin`: what an administrator of the machine does without a token.

mod init;
mod token;
mod user;

use clap::Subcommand;

use crate::config::Common;
use crate::failure::Result;

/// Organizations, people and tokens, straight in the database
#[derive(Subcommand)]
pub enum Admin {
    Init(init::Init),
    #[command(subcommand)]
    Token(token::Token),
    #[command(subcommand)]
    User(user::User),
}

impl Admin {
    pub async fn run(self, common: &Common) -> Result<()> {
        match self {
            Admin::Init(init) => init.run(common).await,
            Admin::Token(token) => token.run(common).await,
            Admin::User(user) => user.run(common).await,
        }
    }
}
