//! `vinyasa admin user deactivate` and `reactivate`.

use auth::{invitation, session};
use clap::Args;
use resources::deactivation::{deactivate_user, is_deactivated, reactivate_user};
use serde::Serialize;
use store::Db;

use crate::command::json_line;
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::open::{clock, find_user, write_as, write_as_administrator};

const EXAMPLES: &str = "\
From the next request on no token and no session of the person's counts, in any workspace. Tasks that were still to be done
go to the heir, as do the projects that the person owned and the heir sees; without an heir, or where the heir is not,
they are nobody's. What was done keeps its assignee; memberships stay. The last administrator of a workspace has to stay.
Prints one line: {\"user\":GID,\"reassigned\":N,\"unassigned\":N,\"projects\":N}.

Examples:
  vinyasa admin user deactivate bob@acme.example --reassign-to cat@acme.example
  vinyasa admin user deactivate bob@acme.example";

/// Let a person in no more, and give away what the person was to do
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Deactivate {
    /// The person: e-mail address or gid
    #[arg(value_name = "USER")]
    user: String,
    /// Who takes over what was still to be done: e-mail address or gid
    #[arg(long, value_name = "USER")]
    reassign_to: Option<String>,
}

/// Let a person in again who was deactivated; prints {"user":GID}
#[derive(Args)]
#[command(after_help = "Tokens and the password count again; what was given away stays where it is.\n\nExample:\n  \
                  vinyasa admin user reactivate bob@acme.example")]
pub struct Reactivate {
    /// The person: e-mail address or gid
    #[arg(value_name = "USER")]
    user: String,
}

#[derive(Serialize)]
struct Deactivated {
    user: String,
    reassigned: usize,
    unassigned: usize,
    projects: usize,
}

#[derive(Serialize)]
struct Reactivated {
    user: String,
}

impl Deactivate {
    pub async fn run(self, config: &Config, db: &Db) -> Result<String> {
        let user = find_user(db, &self.user).await?;
        let heir = match &self.reassign_to {
            Some(heir) => Some(find_user(db, heir).await?),
            None => None,
        };
        let named = self.user;
        let deactivate = move |call: &mut engine::call::Call<'_>| {
            if is_deactivated(call, user)? {
                return Err(Failure::new(format_args!("{named} is deactivated already")));
            }
            let parting = deactivate_user(call, user, heir)?;
            let write = call.write()?;
            session::end_all(write, user, None)?;
            invitation::withdraw(write, user)?;
            Ok(parting)
        };
        let parting = write_as(db, clock(config).now(), user, deactivate).await?;
        json_line(&Deactivated {
            user: user.to_string(),
            reassigned: parting.reassigned,
            unassigned: parting.unassigned,
            projects: parting.projects,
        })
    }
}

impl Reactivate {
    pub async fn run(self, config: &Config, db: &Db) -> Result<String> {
        let user = find_user(db, &self.user).await?;
        let named = self.user;
        let reactivate = move |call: &mut engine::call::Call<'_>| match is_deactivated(call, user)? {
            true => Ok(reactivate_user(call, user)?),
            false => Err(Failure::new(format_args!("{named} is not deactivated"))),
        };
        write_as_administrator(db, clock(config).now(), reactivate).await?;
        json_line(&Reactivated { user: user.to_string() })
    }
}
