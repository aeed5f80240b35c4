//! `vinyasa admin team`: teams and who is in them.

use clap::{Args, Subcommand};
use resources::team;
use resources::workspace::{is_member, is_organization};
use serde::Serialize;
use store::{Db, Query, Statement, Type};

use super::place::Which;
use crate::command::{json_line, print_line, table};
use crate::config::{Common, Config};
use crate::failure::{Failure, Result};
use crate::log;
use crate::open::{clock, find_user, open_database, write_as_administrator};
use crate::organization::{find_team, line_of_text, refuse_deactivated};

/// Teams of an organization
#[derive(Subcommand)]
pub enum Team {
    Create(Create),
    List(List),
    Add(Add),
    Remove(Remove),
}

/// Create a team; prints {"team":GID}
#[derive(Args)]
#[command(after_help = "Example:\n  vinyasa admin team create --name Marketing --visibility request_to_join")]
pub struct Create {
    /// Name
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Who sees it and may join: public, request_to_join, secret
    #[arg(long, value_name = "VISIBILITY", default_value = "public", value_parser = team::VISIBILITIES.to_vec())]
    visibility: String,
    #[command(flatten)]
    which: Which,
}

/// List teams and how many people are in them
#[derive(Args)]
#[command(after_help = "Example:\n  vinyasa admin team list --json | jq -r '.[].name'")]
pub struct List {
    /// One line of JSON, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

const ADD_EXAMPLES: &str = "\
Prints one line: {\"team\":GID,\"added\":N,\"unchanged\":N}. Who is in the team already stays what they are there.

Example:
  vinyasa admin team add --team Marketing bob@acme.example cat@acme.example";

/// Put people of the organization into a team
#[derive(Args)]
#[command(after_help = ADD_EXAMPLES)]
pub struct Add {
    #[command(flatten)]
    about: About,
    /// They administer the team
    #[arg(long)]
    admin: bool,
}

const REMOVE_EXAMPLES: &str = "\
Prints one line: {\"team\":GID,\"removed\":N,\"unchanged\":N}.

Example:
  vinyasa admin team remove --team Marketing bob@acme.example";

/// Take people out of a team
#[derive(Args)]
#[command(after_help = REMOVE_EXAMPLES)]
pub struct Remove {
    #[command(flatten)]
    about: About,
}

#[derive(Args)]
struct About {
    /// The team: its name or its gid
    #[arg(long, value_name = "TEAM")]
    team: String,
    /// People: e-mail addresses or gids
    #[arg(value_name = "USER", required = true)]
    users: Vec<String>,
    #[command(flatten)]
    which: Which,
}

#[derive(Serialize)]
struct Created {
    team: String,
}

#[derive(Serialize)]
struct Row {
    gid: String,
    name: String,
    visibility: String,
    people: i64,
}

#[derive(Serialize)]
struct Added {
    team: String,
    added: usize,
    unchanged: usize,
}

#[derive(Serialize)]
struct Removed {
    team: String,
    removed: usize,
    unchanged: usize,
}

impl Team {
    pub async fn run(self, common: &Common) -> Result<()> {
        let config = Config::load(common, &[])?;
        log::start(&config, "warn")?;
        let db = open_database(&config, false).await?;
        let now = clock(&config).now();
        let done = match self {
            Team::Create(create) => create.run(now, &db).await,
            Team::List(list) => list.run(&db).await,
            Team::Add(add) => add.run(now, &db).await,
            Team::Remove(remove) => remove.run(now, &db).await,
        };
        db.close().await;
        print_line(&done?)
    }
}

impl Create {
    async fn run(self, now: i64, db: &Db) -> Result<String> {
        let name = line_of_text("name", &self.name)?.to_owned();
        let workspace = self.which.find(db).await?;
        let create = move |call: &mut engine::call::Call<'_>| {
            call.lock(workspace)?;
            if !is_organization(call, workspace)? {
                return Err(Failure::new(format_args!("workspace {workspace} is no organization: it has no teams")));
            }
            let known = "SELECT gid FROM teams WHERE workspace_id = ?1 AND name_folded = ?2 LIMIT 1";
            if call.number(known, &[workspace.into(), model::fold(&name).into()])?.is_some() {
                return Err(Failure::new(format_args!("there is a team {name} already")));
            }
            Ok(team::create_team(call, workspace, &name, &self.visibility)?)
        };
        let team = write_as_administrator(db, now, create).await?;
        json_line(&Created { team: team.to_string() })
    }
}

impl List {
    async fn run(self, db: &Db) -> Result<String> {
        let workspace = self.which.find(db).await?;
        let all = Statement::new(
            "SELECT t.gid, t.name, t.visibility, (SELECT count(*) FROM team_memberships m WHERE m.team_id = t.gid) \
             FROM teams t WHERE t.workspace_id = ?1 ORDER BY t.name_folded, t.gid",
            &[Type::Int, Type::Text, Type::Text, Type::Int],
        );
        let block = db.begin_read().await?.one(Query::new(&all, vec![workspace.into()])).await?;
        let rows = (0..block.len()).map(|row| Row {
            gid: block.int(row, 0).unwrap_or_default().to_string(),
            name: block.text(row, 1).unwrap_or_default().to_owned(),
            visibility: block.text(row, 2).unwrap_or_default().to_owned(),
            people: block.int(row, 3).unwrap_or_default(),
        });
        let rows: Vec<Row> = rows.collect();
        if self.json {
            return json_line(&rows);
        }
        let cells = rows.into_iter().map(|row| vec![row.gid, row.visibility, row.people.to_string(), row.name]);
        Ok(table(&["GID", "VISIBILITY", "PEOPLE", "NAME"], &cells.collect::<Vec<_>>()))
    }
}

impl About {
    /// The workspace, the team's name, and the people.
    async fn find(self, db: &Db) -> Result<(i64, String, Vec<(i64, String)>)> {
        let workspace = self.which.find(db).await?;
        let mut users = Vec::new();
        for named in self.users {
            users.push((find_user(db, &named).await?, named));
        }
        Ok((workspace, self.team, users))
    }
}

impl Add {
    async fn run(self, now: i64, db: &Db) -> Result<String> {
        let is_admin = self.admin;
        let (workspace, named, users) = self.about.find(db).await?;
        let add = move |call: &mut engine::call::Call<'_>| {
            let team = find_team(call, workspace, &named)?;
            call.lock(workspace)?;
            call.lock(team)?;
            let mut added = Added { team: team.to_string(), added: 0, unchanged: 0 };
            for (user, named) in users {
                if !is_member(call, workspace, user)? {
                    return Err(Failure::new(format_args!("{named} is not in workspace {workspace}")));
                }
                refuse_deactivated(call, user, &named)?;
                let fresh = team::add_member(call, workspace, team, user, is_admin)?;
                *(if fresh { &mut added.added } else { &mut added.unchanged }) += 1;
            }
            Ok(added)
        };
        json_line(&write_as_administrator(db, now, add).await?)
    }
}

impl Remove {
    async fn run(self, now: i64, db: &Db) -> Result<String> {
        let (workspace, named, users) = self.about.find(db).await?;
        let remove = move |call: &mut engine::call::Call<'_>| {
            let team = find_team(call, workspace, &named)?;
            call.lock(team)?;
            let mut removed = Removed { team: team.to_string(), removed: 0, unchanged: 0 };
            for (user, _) in users {
                let was = team::remove_member(call, team, user)?;
                *(if was { &mut removed.removed } else { &mut removed.unchanged }) += 1;
            }
            Ok(removed)
        };
        json_line(&write_as_administrator(db, now, remove).await?)
    }
}
