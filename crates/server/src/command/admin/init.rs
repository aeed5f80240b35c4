//! `vinyasa admin init`: founds the organization.

use clap::Args;
use engine::call::Call;

use super::password::PasswordSource;
use crate::command::print_object;
use crate::config::{Common, Config};
use crate::failure::{Failure, Result};
use crate::log;
use crate::open::{clock, open_database, random, write_as_administrator};
use crate::organization::{Person, found_organization};

const EXAMPLES: &str = "\
Prints one line: {\"workspace\":GID,\"team\":GID,\"user\":GID,\"token\":TEXT}. Nobody can read the token again.

Examples:
  vinyasa admin init --organization 'Acme' --email ann@acme.example --name 'Ann Example'
  TOKEN=$(vinyasa admin init --organization 'Acme' --email ann@acme.example --name 'Ann' | jq -r .token)
  vinyasa admin init --database postgres://vinyasa@db.example/vinyasa --organization 'Acme' ...";

/// Found the organization, with its first team and an administrator; creates the database when there is none
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Init {
    /// Name of the organization, and of its first team
    #[arg(long, value_name = "NAME")]
    organization: String,
    /// E-mail address of the administrator
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// Name of the administrator
    #[arg(long, value_name = "NAME")]
    name: String,
    #[command(flatten)]
    password: PasswordSource,
    /// Time, gids and tokens are predictable: for tests alone
    #[arg(long)]
    test_mode: bool,
}

impl Init {
    pub async fn run(self, common: &Common) -> Result<()> {
        let config = Config::load(common, &[("test_mode", self.test_mode.then(|| "true".to_owned()))])?;
        log::start(&config, "warn")?;
        let random = random(&config);
        let password_digest = match self.password.read()? {
            Some(password) => Some(password.digest(&self.email, &random).await?),
            None => None,
        };
        let db = open_database(&config, true).await?;
        let person = Person { name: self.name, email: self.email, password_digest };
        let (organization, now) = (self.organization, clock(&config).now());
        let founded = write_as_administrator(&db, now, move |call| {
            refuse_second(call)?;
            found_organization(call, &random, &organization, &person)
        })
        .await;
        db.close().await;
        let founded = founded?;
        print_object(&[
            ("workspace", &founded.workspace.to_string()),
            ("team", &founded.team.to_string()),
            ("user", &founded.user.to_string()),
            ("token", &founded.token),
        ])
    }
}

/// One organization is what most installations are for; typed again by mistake, the command must not make another.
fn refuse_second(call: &mut Call<'_>) -> Result<()> {
    call.lock(0)?;
    match call.text("SELECT name FROM workspaces ORDER BY gid LIMIT 1", &[])? {
        Some(name) => Err(Failure::new(format_args!(
            "there is an organization already: {name}; `vinyasa admin user add` adds people, \
             `vinyasa admin token create` prints a token, `vinyasa admin workspace create` makes another"
        ))),
        None => Ok(()),
    }
}
