//! `vinyasa admin token`: personal access tokens.

use auth::token;
use clap::{Args, Subcommand};

use crate::command::{print_line, written_time};
use crate::config::{Common, Config};
use crate::failure::{Failure, Result};
use crate::log;
use crate::open::{clock, find_user, open_database, random, write_as_administrator};

/// Personal access tokens
#[derive(Subcommand)]
pub enum Token {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Create a token and print it; nobody can read it again
#[derive(Args)]
#[command(
    after_help = "Example:\n  TOKEN=$(vinyasa admin token create --user ann@acme.example --label 'nightly report')"
)]
pub struct Create {
    /// The user whom the token acts for: e-mail address or gid
    #[arg(long, value_name = "USER")]
    user: String,
    /// What the token is for
    #[arg(long, value_name = "LABEL")]
    label: String,
}

/// List a user's tokens, without their secrets
#[derive(Args)]
#[command(after_help = "Example:\n  vinyasa admin token list --user ann@acme.example")]
pub struct List {
    /// E-mail address or gid of the user
    #[arg(long, value_name = "USER")]
    user: String,
}

/// Revoke a token, from the next request on
#[derive(Args)]
#[command(after_help = "Example:\n  vinyasa admin token revoke 4503599627370503")]
pub struct Revoke {
    /// The token's gid, as `vinyasa admin token list` shows it; it also stands in the token, before the colon
    #[arg(value_name = "TOKEN_GID")]
    token: String,
}

impl Token {
    pub async fn run(self, common: &Common) -> Result<()> {
        let config = Config::load(common, &[])?;
        log::start(&config, "warn")?;
        let db = open_database(&config, false).await?;
        let done = match self {
            Token::Create(create) => create.run(&config, &db).await,
            Token::List(list) => list.run(&db).await,
            Token::Revoke(revoke) => revoke.run(&config, &db).await,
        };
        db.close().await;
        print_line(&done?)
    }
}

impl Create {
    async fn run(self, config: &Config, db: &store::Db) -> Result<String> {
        let label = self.label.trim().to_owned();
        if label.is_empty() || label.len() > 1_024 || label.contains(char::is_control) {
            return Err(Failure::usage("label: Must be a line of text"));
        }
        let user = find_user(db, &self.user).await?;
        let random = random(config);
        let create = move |call: &mut engine::call::Call<'_>| {
            let now = call.now;
            Ok(token::create(call.write()?, &random, now, user, &label)?)
        };
        write_as_administrator(db, clock(config).now(), create).await
    }
}

impl List {
    async fn run(self, db: &store::Db) -> Result<String> {
        let user = find_user(db, &self.user).await?;
        let mut read = db.begin_read().await?;
        let tokens = token::list(&mut read, user).await?;
        let mut lines = vec![format!("{:<20} {:<24} {:<24} LABEL", "GID", "CREATED", "REVOKED")];
        for token in tokens {
            let revoked = token.revoked_at.map_or_else(|| "-".to_owned(), written_time);
            lines.push(format!(
                "{:<20} {:<24} {revoked:<24} {}",
                token.gid,
                written_time(token.created_at),
                token.label
            ));
        }
        Ok(lines.join("\n"))
    }
}

impl Revoke {
    async fn run(self, config: &Config, db: &store::Db) -> Result<String> {
        let gid = model::gid::parse(&self.token)
            .ok_or_else(|| Failure::usage(format_args!("{}: Not a gid of a token", self.token)))?;
        let revoke = move |call: &mut engine::call::Call<'_>| {
            let now = call.now;
            Ok(token::revoke(call.write()?, now, gid)?)
        };
        match write_as_administrator(db, clock(config).now(), revoke).await? {
            true => Ok(format!("revoked {gid}")),
            false => Err(Failure::new(format_args!("no token {gid}, or it is revoked already"))),
        }
    }
}
