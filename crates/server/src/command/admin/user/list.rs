//! `vinyasa admin user list`.

use std::collections::HashMap;

use clap::Args;
use serde::Serialize;
use store::{Db, Query, Statement, Type};

use crate::command::admin::place::Which;
use crate::command::{json_line, table, written_time};
use crate::config::Config;
use crate::failure::Result;
use crate::open::clock;

const EXAMPLES: &str = "\
The state is active, invited (may set a first password), or deactivated.

Examples:
  vinyasa admin user list
  vinyasa admin user list --json | jq -r '.[] | select(.role == \"guest\") | .email'";

/// List the people of a workspace
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct List {
    /// One line of JSON, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

#[derive(Serialize)]
struct Row {
    gid: String,
    email: String,
    name: String,
    role: &'static str,
    state: &'static str,
    has_password: bool,
    teams: Vec<String>,
    created_at: String,
}

impl List {
    pub async fn run(self, config: &Config, db: &Db) -> Result<String> {
        let workspace = self.which.find(db).await?;
        let rows = list_people(db, workspace, clock(config).now()).await?;
        if self.json {
            return json_line(&rows);
        }
        let cells = rows.into_iter().map(|row| {
            vec![row.gid, row.email, row.role.to_owned(), row.state.to_owned(), row.name, row.teams.join(", ")]
        });
        Ok(table(&["GID", "EMAIL", "ROLE", "STATE", "NAME", "TEAMS"], &cells.collect::<Vec<_>>()))
    }
}

async fn list_people(db: &Db, workspace: i64, now: i64) -> Result<Vec<Row>> {
    let people = Statement::new(
        "SELECT u.gid, u.email, u.name, m.is_guest, m.is_admin, u.deactivated_at, u.password_digest IS NOT NULL, \
           EXISTS (SELECT 1 FROM invitations i WHERE i.user_id = u.gid AND i.expires_at > ?2), m.created_at \
         FROM workspace_memberships m JOIN users u ON u.gid = m.user_id WHERE m.workspace_id = ?1 \
         ORDER BY u.name_folded, u.gid",
        &[Type::Int, Type::Text, Type::Text, Type::Bool, Type::Bool, Type::Int, Type::Bool, Type::Bool, Type::Int],
    );
    let teams = Statement::new(
        "SELECT m.user_id, t.name FROM teams t JOIN team_memberships m ON m.team_id = t.gid WHERE t.workspace_id = ?1 \
         ORDER BY t.name_folded, t.gid",
        &[Type::Int, Type::Text],
    );
    let queries = [Query::new(&people, vec![workspace.into(), now.into()]), Query::new(&teams, vec![workspace.into()])];
    let blocks = db.begin_read().await?.level(&queries).await?;
    let (people, memberships) = (&blocks[0], &blocks[1]);
    let mut teams: HashMap<i64, Vec<String>> = HashMap::new();
    for row in 0..memberships.len() {
        let name = memberships.text(row, 1).unwrap_or_default().to_owned();
        teams.entry(memberships.int(row, 0).unwrap_or_default()).or_default().push(name);
    }
    let rows = (0..people.len()).map(|row| {
        let gid = people.int(row, 0).unwrap_or_default();
        Row {
            gid: gid.to_string(),
            email: people.text(row, 1).unwrap_or_default().to_owned(),
            name: people.text(row, 2).unwrap_or_default().to_owned(),
            role: match (people.bool(row, 3), people.bool(row, 4)) {
                (true, _) => "guest",
                (_, true) => "admin",
                _ => "member",
            },
            state: match (people.int(row, 5), people.bool(row, 6), people.bool(row, 7)) {
                (Some(_), ..) => "deactivated",
                (None, false, true) => "invited",
                _ => "active",
            },
            has_password: people.bool(row, 6),
            teams: teams.remove(&gid).unwrap_or_default(),
            created_at: written_time(people.int(row, 8).unwrap_or_default()),
        }
    });
    Ok(rows.collect())
}
