//! `vinyasa admin user set-password`.

use auth::{invitation, session};
use clap::Args;
use serde::Serialize;
use store::{Db, Query, Statement, Type};

use crate::command::admin::password::PasswordSource;
use crate::command::json_line;
use crate::config::Config;
use crate::failure::Result;
use crate::open::{clock, find_user, random, write_as_administrator};
use crate::organization::refuse_deactivated;

const EXAMPLES: &str = "\
Asks for the password when it is neither in a file nor on standard input. It has at least 12 characters, is not the e-mail
address, and none of those that are guessed first. The person's sessions end, and an open invitation is void; tokens stay.
Prints one line: {\"user\":GID}.

Examples:
  vinyasa admin user set-password bob@acme.example
  head -c 15 /dev/urandom | base64 | tee bob.txt | vinyasa admin user set-password bob@acme.example --password-file -";

/// Set a person's password
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct SetPassword {
    /// The person: e-mail address or gid
    #[arg(value_name = "USER")]
    user: String,
    #[command(flatten)]
    password: PasswordSource,
}

#[derive(Serialize)]
struct Set {
    user: String,
}

impl SetPassword {
    pub async fn run(self, config: &Config, db: &Db) -> Result<String> {
        let user = find_user(db, &self.user).await?;
        let email = Statement::new("SELECT email FROM users WHERE gid = ?1", &[Type::Text]);
        let block = db.begin_read().await?.one(Query::new(&email, vec![user.into()])).await?;
        let email = if block.is_empty() { "" } else { block.text(0, 0).unwrap_or_default() };
        let digest = self.password.require()?.digest(email, &random(config)).await?;
        let set = move |call: &mut engine::call::Call<'_>| {
            refuse_deactivated(call, user, &self.user)?;
            call.update("users", user, &[("password_digest", digest.into())])?;
            let write = call.write()?;
            invitation::withdraw(write, user)?;
            Ok(session::end_all(write, user, None)?)
        };
        write_as_administrator(db, clock(config).now(), set).await?;
        json_line(&Set { user: user.to_string() })
    }
}
