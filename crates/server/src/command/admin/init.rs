//! `vinyasa admin init`: founds the organization.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use auth::password;
use clap::Args;
use engine::call::Call;
use model::Random;

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
    /// File whose first line is the administrator's password; `-` is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Time, gids and tokens are predictable: for tests alone
    #[arg(long)]
    test_mode: bool,
}

impl Init {
    pub async fn run(self, common: &Common) -> Result<()> {
        let config = Config::load(common, &[("test_mode", self.test_mode.then(|| "true".to_owned()))])?;
        log::start(&config, "warn")?;
        let random = random(&config);
        let password_digest = self.password_file.as_deref().map(|file| read_password(file, &random)).transpose()?;
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

/// One organization is what an installation is for; typed again by mistake, the command must not make another.
fn refuse_second(call: &mut Call<'_>) -> Result<()> {
    call.lock(0)?;
    match call.text("SELECT name FROM workspaces ORDER BY gid LIMIT 1", &[])? {
        Some(name) => Err(Failure::new(format_args!(
            "there is an organization already: {name}; `vinyasa admin user add` adds people, \
             `vinyasa admin token create` prints a token"
        ))),
        None => Ok(()),
    }
}

/// The digest of the password in the first line of a file.
pub fn read_password(file: &Path, random: &Random) -> Result<String> {
    let mut text = String::new();
    let read = match file.as_os_str() == "-" {
        true => io::stdin().read_to_string(&mut text).map(|_| ()),
        false => fs::read_to_string(file).map(|read| text = read),
    };
    read.map_err(|error| Failure::new(format_args!("{}: {error}", file.display())))?;
    let password = text.lines().next().unwrap_or_default();
    match password::refusal(password) {
        Some(refusal) => Err(Failure::usage(format_args!("{}: {refusal}", file.display()))),
        None => Ok(password::digest(random, password)),
    }
}
