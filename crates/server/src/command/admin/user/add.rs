//! `vinyasa admin user add`.

use auth::token;
use clap::Args;
use resources::workspace::is_member;
use serde::Serialize;
use store::Db;

use crate::command::admin::password::PasswordSource;
use crate::command::admin::place::{Standing, Which};
use crate::command::json_line;
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::open::{clock, random, write_as_administrator};
use crate::organization::{Person, Place, add_user, find_team, settle_person, user_of};

const EXAMPLES: &str = "\
Prints one line: {\"user\":GID,\"token\":TEXT}. Nobody can read the token again. Somebody of another workspace of this server
gets no token: the ones that the person has count here too.

Examples:
  vinyasa admin user add --email bob@acme.example --name 'Bob Example' --team Makers
  vinyasa admin user add --email gus@guest.example --name 'Gus Guest' --guest
  vinyasa admin user add --email eve@acme.example --name 'Eve' --admin --ask-password";

/// Add a person and print a token
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Add {
    /// E-mail address
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// Name
    #[arg(long, value_name = "NAME")]
    name: String,
    #[command(flatten)]
    standing: Standing,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    password: PasswordSource,
}

#[derive(Serialize)]
struct Added {
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl Add {
    pub async fn run(self, config: &Config, db: &Db) -> Result<String> {
        let random = random(config);
        let workspace = self.which.find(db).await?;
        let password_digest = match self.password.read()? {
            Some(password) => Some(password.digest(&self.email, &random).await?),
            None => None,
        };
        let (role, named) = (self.standing.role(), self.standing.team);
        let person = Person { name: self.name, email: self.email, password_digest };
        let add = move |call: &mut engine::call::Call<'_>| {
            call.lock(workspace)?;
            let known = user_of(call, person.email.trim())?;
            if let Some(known) = known {
                let email = person.email.trim();
                if is_member(call, workspace, known)? {
                    return Err(Failure::new(format_args!("there is a user {email} already")));
                }
                if person.password_digest.is_some() {
                    return Err(Failure::new(format_args!(
                        "{email} is a user of another workspace already; `vinyasa admin user set-password` changes the \
                         password"
                    )));
                }
            } else {
                add_user(call, &person)?;
            }
            let teams = named.iter().map(|team| find_team(call, workspace, team)).collect::<Result<_>>()?;
            let place = Place { email: person.email, name: None, role, teams };
            let (user, _) = settle_person(call, workspace, &place)?;
            let now = call.now;
            let token = match known {
                None => Some(token::create(call.write()?, &random, now, user, "first token")?),
                Some(_) => None,
            };
            Ok(Added { user: user.to_string(), token })
        };
        json_line(&write_as_administrator(db, clock(config).now(), add).await?)
    }
}
