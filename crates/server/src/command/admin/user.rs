//! `vinyasa admin user`: people.

use std::path::PathBuf;

use auth::token;
use clap::{Args, Subcommand};
use resources::workspace::{self, Role};

use super::init::read_password;
use crate::command::print_object;
use crate::config::{Common, Config};
use crate::failure::{Failure, Result};
use crate::log;
use crate::open::{clock, list_workspaces, open_database, random, write_as_administrator};
use crate::organization::{Person, add_user};

/// People
#[derive(Subcommand)]
pub enum User {
    Add(Add),
}

const EXAMPLES: &str = "\
Prints one line: {\"user\":GID,\"token\":TEXT}. Nobody can read the token again.

Examples:
  vinyasa admin user add --email bob@acme.example --name 'Bob Example'
  vinyasa admin user add --email gus@guest.example --name 'Gus Guest' --guest";

/// Add a person to the organization and print a token
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Add {
    /// E-mail address
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// Name
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Sees only what is shared with the person
    #[arg(long, conflicts_with = "admin")]
    guest: bool,
    /// Administers the organization
    #[arg(long)]
    admin: bool,
    /// The workspace, where there is more than one
    #[arg(long, value_name = "GID")]
    workspace: Option<String>,
    /// File whose first line is the person's password; `-` is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl User {
    pub async fn run(self, common: &Common) -> Result<()> {
        let User::Add(add) = self;
        let config = Config::load(common, &[])?;
        log::start(&config, "warn")?;
        let db = open_database(&config, false).await?;
        let added = add.run(&config, &db).await;
        db.close().await;
        let (user, token) = added?;
        print_object(&[("user", &user.to_string()), ("token", &token)])
    }
}

impl Add {
    async fn run(self, config: &Config, db: &store::Db) -> Result<(i64, String)> {
        let random = random(config);
        let workspace = choose_workspace(&list_workspaces(db).await?, self.workspace.as_deref())?;
        let password_digest = self.password_file.as_deref().map(|file| read_password(file, &random)).transpose()?;
        let person = Person { name: self.name, email: self.email, password_digest };
        let role = match (self.guest, self.admin) {
            (true, _) => Role::Guest,
            (_, true) => Role::Admin,
            _ => Role::Member,
        };
        write_as_administrator(db, clock(config).now(), move |call| {
            let user = add_user(call, &person)?;
            workspace::add_member(call, workspace, user, role)?;
            let now = call.now;
            Ok((user, token::create(call.write()?, &random, now, user, "first token")?))
        })
        .await
    }
}

fn choose_workspace(all: &[(i64, String)], wanted: Option<&str>) -> Result<i64> {
    match (all, wanted) {
        (_, Some(wanted)) => {
            let gid = model::gid::parse(wanted).filter(|gid| all.iter().any(|(known, _)| known == gid));
            gid.ok_or_else(|| Failure::new(format_args!("no workspace {wanted}")))
        }
        ([], None) => Err(Failure::new("no organization yet; `vinyasa admin init` founds one")),
        ([(only, _)], None) => Ok(*only),
        (many, None) => {
            let many: Vec<_> = many.iter().map(|(gid, name)| format!("{gid} ({name})")).collect();
            Err(Failure::usage(format_args!("--workspace GID: which one? {}", many.join(", "))))
        }
    }
}
