//! `vinyasa admin user import`: many people at once, from a file.

use std::collections::HashMap;
use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::PathBuf;

use auth::invitation::{self, Invitation};
use clap::Args;
use engine::call::Call;
use resources::workspace::Role;
use serde::Serialize;
use store::Db;

use super::invite::Links;
use crate::command::admin::place::Which;
use crate::command::{json_line, print_line};
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::open::{clock, random, write_as_administrator};
use crate::organization::{
    Place, Settled, email_address, find_team, line_of_text, refuse_deactivated, settle_person, user_of,
};

const EXAMPLES: &str = "\
The first line names the columns, in any order, separated by commas, semicolons or tabs:
  email   the address, by which a person is known; each once
  name    the name; empty: what it is, or the address up to the @
  role    member, admin or guest; empty: what it is, or member
  teams   teams to be in, separated by semicolons, by name or gid; no team is left (`team` is the same)
All lines are looked at first, and every one that is wrong is told; then either nothing is written or everything. Importing a
file twice changes nothing the second time.
Prints one line: {\"added\":N,\"changed\":N,\"unchanged\":N} and, with --invite, \"invitations\": [{\"email\":...,\"link\":...}].

Examples:
  vinyasa admin user import people.csv
  vinyasa admin user import people.csv --invite | jq -r '.invitations[] | [.email, .link] | @tsv'
  vinyasa admin user import people.csv --invite --mail

A file:
  name,email,role,teams
  Bob Example,bob@acme.example,member,Makers;Marketing
  Gus Guest,gus@guest.example,guest,";

/// Bring in many people at once, from a CSV file
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Import {
    /// The file; `-` is standard input
    #[arg(value_name = "CSV")]
    file: PathBuf,
    #[command(flatten)]
    which: Which,
    /// Make a link, as `user invite` does, for everybody of the file who has neither a password nor a link yet
    #[arg(long)]
    invite: bool,
    /// Send the links by e-mail
    #[arg(long, requires = "invite")]
    mail: bool,
}

/// Somebody of the file.
struct Entry {
    line: u64,
    place: Place,
    /// The teams as they are called.
    teams: Vec<String>,
}

#[derive(Serialize)]
struct Imported {
    added: usize,
    changed: usize,
    unchanged: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    invitations: Option<Vec<Sent>>,
}

#[derive(Serialize)]
struct Sent {
    email: String,
    link: String,
    mailed: bool,
}

impl Import {
    /// Prints by itself: links have to be told also when an e-mail fails.
    pub async fn run(self, config: &Config, db: &Db) -> Result<()> {
        let file = self.file.display().to_string();
        let mut bytes = Vec::new();
        let read = match self.file.as_os_str() == "-" {
            true => io::stdin().read_to_end(&mut bytes).map(|_| ()),
            false => fs::read(&self.file).map(|read| bytes = read),
        };
        read.map_err(|error| Failure::new(format_args!("{file}: {error}")))?;
        let workspace = self.which.find(db).await?;
        let links = match self.invite {
            true => Some(Links::new(config, db, workspace, self.mail).await?),
            false => None,
        };
        let entries = read_entries(&bytes).map_err(|wrong| refused(&file, &wrong))?;
        let (random, invites) = (random(config), self.invite);
        let import = move |call: &mut Call<'_>| {
            let mut entries = entries;
            // Nobody makes or leaves teams meanwhile.
            call.lock(workspace)?;
            let wrong = resolve(call, workspace, &mut entries)?;
            if !wrong.is_empty() {
                return Err(refused(&file, &wrong));
            }
            let mut imported = Imported { added: 0, changed: 0, unchanged: 0, invitations: None };
            let mut invitations: Vec<(String, Invitation)> = Vec::new();
            let shown = io::stderr().is_terminal();
            for (number, entry) in entries.iter().enumerate() {
                let settled = settle_person(call, workspace, &entry.place);
                let (user, settled) =
                    settled.map_err(|failure| refused(&file, &[format!("line {}: {}", entry.line, failure.text)]))?;
                match settled {
                    Settled::Added => imported.added += 1,
                    Settled::Changed => imported.changed += 1,
                    Settled::Unchanged => imported.unchanged += 1,
                }
                if invites && waits_for_link(call, user)? {
                    let now = call.now;
                    let invitation = invitation::create(call.write()?, &random, now, user)?;
                    invitations.push((entry.place.email.clone(), invitation));
                }
                if shown {
                    show(number + 1, entries.len());
                }
            }
            Ok((imported, invitations))
        };
        let (mut imported, invitations) = write_as_administrator(db, clock(config).now(), import).await?;
        let mut failure = None;
        if let Some(links) = links {
            let mut sent = Vec::new();
            for (email, invitation) in invitations {
                let link = links.link(&invitation);
                let mailed = match links.send(&email, &invitation).await {
                    Ok(mailed) => mailed,
                    Err(error) => {
                        failure.get_or_insert(error);
                        false
                    }
                };
                sent.push(Sent { email, link, mailed });
            }
            imported.invitations = Some(sent);
        }
        print_line(&json_line(&imported)?)?;
        failure.map_or(Ok(()), Err)
    }
}

fn refused(file: &str, wrong: &[String]) -> Failure {
    Failure::new(format_args!("{file}: nothing was imported:\n  {}", wrong.join("\n  ")))
}

/// Whether somebody has neither a password nor a link to set one.
fn waits_for_link(call: &mut Call<'_>, user: i64) -> Result<bool> {
    let waits = "SELECT u.gid FROM users u WHERE u.gid = ?1 AND u.password_digest IS NULL \
         AND NOT EXISTS (SELECT 1 FROM invitations i WHERE i.user_id = u.gid AND i.expires_at > ?2)";
    Ok(call.number(waits, &[user.into(), call.now.into()])?.is_some())
}

/// How far it has come, for somebody who watches.
fn show(number: usize, of: usize) {
    let end = if number == of { "\r\x1b[K" } else { "" };
    let mut out = io::stderr().lock();
    drop(write!(out, "\r\x1b[K{number} of {of}{end}").and_then(|()| out.flush()));
}

/// Reads the file, or tells what is wrong with it.
fn read_entries(bytes: &[u8]) -> Result<Vec<Entry>, Vec<String>> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}'),
        Err(error) => {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            return Err(vec![format!("line {line}: Is not UTF-8")]);
        }
    };
    let first = text.lines().next().unwrap_or_default();
    let delimiter = [b',', b';', b'\t'].into_iter().find(|sign| first.contains(char::from(*sign))).unwrap_or(b',');
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).delimiter(delimiter).from_reader(text.as_bytes());
    let columns = match reader.headers() {
        Ok(columns) => columns.iter().map(str::to_lowercase).collect::<Vec<_>>(),
        Err(error) => return Err(vec![error.to_string()]),
    };
    let mut wrong = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        if !["email", "name", "role", "team", "teams"].contains(&column.as_str()) {
            wrong.push(format!("line 1, {column}: No such column; there are email, name, role, teams"));
        } else if columns[..at].contains(column) {
            wrong.push(format!("line 1, {column}: Is there twice"));
        }
    }
    if !columns.iter().any(|column| column == "email") {
        wrong.push("line 1, email: This column is missing".to_owned());
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let (mut entries, mut lines): (Vec<Entry>, HashMap<String, u64>) = Default::default();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                wrong.push(error.to_string());
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != columns.len() {
            wrong.push(format!("line {line}: Has {} columns, and the first line {}", record.len(), columns.len()));
            continue;
        }
        let before = wrong.len();
        let entry = read_entry(line, &columns, &record, &mut wrong);
        if wrong.len() == before {
            match lines.insert(model::fold_email(&entry.place.email), line) {
                Some(first) => wrong.push(format!("line {line}, email: Stands in line {first} already")),
                None => entries.push(entry),
            }
        }
    }
    if wrong.is_empty() { Ok(entries) } else { Err(wrong) }
}

fn read_entry(line: u64, columns: &[String], record: &csv::StringRecord, wrong: &mut Vec<String>) -> Entry {
    let mut entry = Entry { line, place: Place::default(), teams: Vec::new() };
    for (column, cell) in columns.iter().zip(record) {
        let place = &mut entry.place;
        match column.as_str() {
            "email" => match email_address(cell) {
                Ok(email) => place.email = email.to_owned(),
                Err(failure) => wrong.push(format!("line {line}, {}", failure.text)),
            },
            "name" if !cell.is_empty() => match line_of_text("name", cell) {
                Ok(name) => place.name = Some(name.to_owned()),
                Err(failure) => wrong.push(format!("line {line}, {}", failure.text)),
            },
            "role" => match cell.to_lowercase().as_str() {
                "" => {}
                "member" => place.role = Some(Role::Member),
                "admin" => place.role = Some(Role::Admin),
                "guest" => place.role = Some(Role::Guest),
                _ => wrong.push(format!("line {line}, role: Not one of member, admin, guest: {cell}")),
            },
            "team" | "teams" => {
                let named = cell.split(';').map(str::trim).filter(|team| !team.is_empty());
                entry.teams.extend(named.map(str::to_owned));
            }
            _ => {}
        }
    }
    entry
}

/// Finds the teams; what is wrong with the lines in this database.
fn resolve(call: &mut Call<'_>, workspace: i64, entries: &mut [Entry]) -> Result<Vec<String>> {
    let (mut wrong, mut known): (Vec<String>, HashMap<String, i64>) = Default::default();
    for entry in entries {
        if let Some(user) = user_of(call, &entry.place.email)?
            && let Err(failure) = refuse_deactivated(call, user, &entry.place.email)
        {
            wrong.push(format!("line {}, email: {}", entry.line, failure.text));
        }
        for named in &entry.teams {
            let team = match known.get(named) {
                Some(team) => *team,
                None => match find_team(call, workspace, named) {
                    Ok(team) => team,
                    Err(failure) => {
                        wrong.push(format!("line {}, teams: {}", entry.line, failure.text));
                        continue;
                    }
                },
            };
            known.insert(named.clone(), team);
            entry.place.teams.push(team);
        }
    }
    Ok(wrong)
}
