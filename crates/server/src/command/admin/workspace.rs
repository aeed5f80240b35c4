//! `vinyasa admin workspace`: several organizations on one server, none of which sees anything of the others.

use clap::{Args, Subcommand};
use resources::workspace::create_workspace;
use resources::{team, workspace};
use serde::Serialize;
use store::{Db, Query, Statement, Type};

use crate::command::{json_line, print_line, table, written_time};
use crate::config::{Common, Config};
use crate::failure::{Failure, Result};
use crate::log;
use crate::open::{clock, find_user, open_database, write_as_administrator};
use crate::organization::{line_of_text, refuse_deactivated};

/// Organizations and workspaces
#[derive(Subcommand)]
pub enum Workspace {
    Create(Create),
    List(List),
}

const EXAMPLES: &str = "\
Prints one line: {\"workspace\":GID} and, for an organization, \"team\", its first one, called like it.

Examples:
  vinyasa admin workspace create --name 'Juniper Lane' --admin ann@acme.example
  vinyasa admin workspace create --name 'Choir' --no-organization --admin ann@acme.example
  vinyasa admin user invite --workspace 'Juniper Lane' --email mara@juniperlane.example --admin";

/// Create an organization, or a workspace without teams
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Create {
    /// Name
    #[arg(long, value_name = "NAME")]
    name: String,
    /// A workspace for a few people, which has no teams
    #[arg(long)]
    no_organization: bool,
    /// Who administers it, e-mail address or gid; without one, let somebody in with `user add --admin` or `user invite`
    #[arg(long, value_name = "USER")]
    admin: Option<String>,
}

/// List organizations and workspaces
#[derive(Args)]
#[command(after_help = "Example:\n  vinyasa admin workspace list --json | jq -r '.[].name'")]
pub struct List {
    /// One line of JSON, for programs
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Created {
    workspace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<String>,
}

#[derive(Serialize)]
struct Row {
    gid: String,
    name: String,
    is_organization: bool,
    people: i64,
    created_at: String,
}

impl Workspace {
    pub async fn run(self, common: &Common) -> Result<()> {
        let config = Config::load(common, &[])?;
        log::start(&config, "warn")?;
        let db = open_database(&config, false).await?;
        let done = match self {
            Workspace::Create(create) => create.run(&config, &db).await,
            Workspace::List(list) => list.run(&db).await,
        };
        db.close().await;
        print_line(&done?)
    }
}

impl Create {
    async fn run(self, config: &Config, db: &Db) -> Result<String> {
        let name = line_of_text("name", &self.name)?.to_owned();
        let admin = match &self.admin {
            Some(named) => Some((find_user(db, named).await?, named.clone())),
            None => None,
        };
        let is_organization = !self.no_organization;
        let create = move |call: &mut engine::call::Call<'_>| {
            // Typed again by mistake, it must not make another that only its gid tells from the first.
            call.lock(0)?;
            let known = call.query("SELECT name FROM workspaces", &[Type::Text], &[])?;
            if (0..known.len()).any(|row| known.text(row, 0).map(model::fold) == Some(model::fold(&name))) {
                return Err(Failure::new(format_args!("there is a workspace {name} already")));
            }
            let gid = create_workspace(call, &name, is_organization)?;
            let team = if is_organization { Some(team::create_team(call, gid, &name, "public")?) } else { None };
            if let Some((admin, named)) = admin {
                refuse_deactivated(call, admin, &named)?;
                workspace::add_member(call, gid, admin, workspace::Role::Admin)?;
                if let Some(team) = team {
                    team::add_member(call, gid, team, admin, true)?;
                }
            }
            Ok(Created { workspace: gid.to_string(), team: team.map(|team| team.to_string()) })
        };
        json_line(&write_as_administrator(db, clock(config).now(), create).await?)
    }
}

impl List {
    async fn run(self, db: &Db) -> Result<String> {
        let all = Statement::new(
            "SELECT w.gid, w.name, w.is_organization, w.created_at, \
               (SELECT count(*) FROM workspace_memberships m WHERE m.workspace_id = w.gid) \
             FROM workspaces w ORDER BY w.gid",
            &[Type::Int, Type::Text, Type::Bool, Type::Int, Type::Int],
        );
        let block = db.begin_read().await?.one(Query::new(&all, Vec::new())).await?;
        let rows = (0..block.len()).map(|row| Row {
            gid: block.int(row, 0).unwrap_or_default().to_string(),
            name: block.text(row, 1).unwrap_or_default().to_owned(),
            is_organization: block.bool(row, 2),
            people: block.int(row, 4).unwrap_or_default(),
            created_at: written_time(block.int(row, 3).unwrap_or_default()),
        });
        let rows: Vec<Row> = rows.collect();
        if self.json {
            return json_line(&rows);
        }
        let cells = rows.into_iter().map(|row| {
            let kind = if row.is_organization { "organization" } else { "workspace" };
            vec![row.gid, kind.to_owned(), row.people.to_string(), row.created_at, row.name]
        });
        Ok(table(&["GID", "KIND", "PEOPLE", "CREATED", "NAME"], &cells.collect::<Vec<_>>()))
    }
}
