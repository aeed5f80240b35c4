//! Which workspace a command is about, and what somebody is to be there.

use clap::Args;
use resources::workspace::Role;
use store::Db;

use crate::failure::Result;
use crate::open::choose_workspace;

/// Which workspace.
#[derive(Args)]
pub struct Which {
    /// The workspace, where there is more than one: its gid or its name
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<String>,
}

impl Which {
    /// Its gid.
    pub async fn find(&self, db: &Db) -> Result<i64> {
        choose_workspace(db, self.workspace.as_deref()).await
    }
}

/// What somebody is in a workspace.
#[derive(Args)]
pub struct Standing {
    /// Sees only what is shared with the person
    #[arg(long, conflicts_with = "admin")]
    guest: bool,
    /// Administers the workspace
    #[arg(long)]
    admin: bool,
    /// Team to be in, its name or its gid; may be repeated
    #[arg(long, value_name = "TEAM")]
    pub team: Vec<String>,
}

impl Standing {
    /// The role, if one is said.
    pub fn role(&self) -> Option<Role> {
        match (self.guest, self.admin) {
            (true, _) => Some(Role::Guest),
            (_, true) => Some(Role::Admin),
            _ => None,
        }
    }
}
