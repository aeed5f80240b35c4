//! `vinyasa admin user invite`, and the link of an invitation.

use auth::invitation::{self, Invitation};
use clap::Args;
use serde::Serialize;
use store::{Db, Query, Statement, Type};

use crate::command::admin::place::{Standing, Which};
use crate::command::{json_line, print_line, written_time};
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::mail::Mailer;
use crate::open::{clock, random, write_as_administrator};
use crate::organization::{Place, find_team, settle_person};

const EXAMPLES: &str = "\
The link lets the person choose name and password, once, within seven days; a newer one voids it. For somebody who has a
password already it is a way to set another. The link begins with public_url, or else with where the server listens.
Prints one line: {\"user\":GID,\"link\":URL,\"expires_at\":TIME,\"mailed\":BOOL}. Nobody can read the link again.

Examples:
  vinyasa admin user invite --email bob@acme.example --name 'Bob Example' --team Makers
  vinyasa admin user invite --email gus@guest.example --guest --mail
  vinyasa admin user invite --email bob@acme.example --set public_url=https://tasks.acme.example";

/// Make a link that lets a person in, who becomes a member if they are not yet
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Invite {
    /// E-mail address
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// Name [default: the address up to the @, until the person chooses another]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    standing: Standing,
    #[command(flatten)]
    which: Which,
    /// Send the link by e-mail (settings mail_server, mail_from, ...)
    #[arg(long)]
    mail: bool,
}

#[derive(Serialize)]
struct Invited {
    user: String,
    link: String,
    expires_at: String,
    mailed: bool,
}

impl Invite {
    /// Prints by itself: the link has to be told also when the e-mail fails.
    pub async fn run(self, config: &Config, db: &Db) -> Result<()> {
        let links = Links::new(config, db, self.which.find(db).await?, self.mail).await?;
        let (random, workspace) = (random(config), links.workspace);
        let (role, named, email) = (self.standing.role(), self.standing.team, self.email.trim().to_owned());
        let mut place = Place { email: email.clone(), name: self.name, role, teams: Vec::new() };
        let invite = move |call: &mut engine::call::Call<'_>| {
            place.teams = named.iter().map(|team| find_team(call, workspace, team)).collect::<Result<_>>()?;
            let (user, _) = settle_person(call, workspace, &place)?;
            let now = call.now;
            Ok((user, invitation::create(call.write()?, &random, now, user)?))
        };
        let (user, invitation) = write_as_administrator(db, clock(config).now(), invite).await?;
        let link = links.link(&invitation);
        let sent = links.send(&email, &invitation).await;
        let expires_at = written_time(invitation.expires_at);
        let mailed = matches!(sent, Ok(true));
        print_line(&json_line(&Invited { user: user.to_string(), link, expires_at, mailed })?)?;
        sent.map(|_| ())
    }
}

/// What makes links of invitations, and sends them.
pub struct Links {
    base: String,
    workspace: i64,
    called: String,
    mailer: Option<Mailer>,
}

impl Links {
    /// Links into a workspace; with `mail` they are also sent.
    pub async fn new(config: &Config, db: &Db, workspace: i64, mail: bool) -> Result<Links> {
        let base = base_of(config)?;
        let mailer = mail.then(|| Mailer::new(config)).transpose()?;
        let name = Statement::new("SELECT name FROM workspaces WHERE gid = ?1", &[Type::Text]);
        let block = db.begin_read().await?.one(Query::new(&name, vec![workspace.into()])).await?;
        let called = if block.is_empty() { "" } else { block.text(0, 0).unwrap_or_default() };
        Ok(Links { base, workspace, called: called.to_owned(), mailer })
    }

    /// The link of an invitation.
    pub fn link(&self, invitation: &Invitation) -> String {
        format!("{}{}{}", self.base, invitation::PATH, invitation.secret)
    }

    /// Sends an invitation; whether it was to be sent.
    pub async fn send(&self, email: &str, invitation: &Invitation) -> Result<bool> {
        let Some(mailer) = &self.mailer else {
            return Ok(false);
        };
        let called = &self.called;
        let text = format!(
            "Hello,\n\nthere is a place for you in {called}. This link lets you choose a name and a password. It works once, \
             until {}:\n\n{}\n\nYou log in with {email}. If you did not expect this, you need not do anything.\n",
            written_time(invitation.expires_at),
            self.link(invitation)
        );
        mailer.send(email, &format!("Your place in {called}"), &text).await?;
        Ok(true)
    }
}

/// Where people reach the server.
fn base_of(config: &Config) -> Result<String> {
    if let Some(url) = &config.public_url {
        return Ok(url.clone());
    }
    let scheme = if config.tls_cert.is_some() { "https" } else { "http" };
    let known = |address: &&String| {
        let (host, port) = address.rsplit_once(':').unwrap_or_default();
        port != "0" && !matches!(host, "" | "0.0.0.0" | "[::]")
    };
    match config.listen.iter().find(known) {
        Some(address) => Ok(format!("{scheme}://{address}")),
        None => Err(Failure::usage(
            "public_url is not set, and the link has to say where the server is: --set public_url=https://tasks.example.com",
        )),
    }
}
