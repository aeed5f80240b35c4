//! Workspaces and organizations: where everything else lives.

use std::sync::LazyLock;

use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use engine::field::{NAME_LENGTH, boolean, json, text};
use engine::input::{Input, InputKind, input};
use engine::operation::{Listing, Outcome, action, by_number, get, list, update};
use engine::resource::{Guard, Resource};
use engine::sql::Template;
use model::Level;
use store::Type;

use crate::user::{USER, USER_BASE};
use crate::workspace_membership::{dismiss, invite};

pub use crate::workspace_membership::add_member;

/// A workspace. Its members hold grants on it: full members through the workspace as a principal, guests by themselves.
pub static WORKSPACE: Resource = Resource {
    guard: Guard::Scope,
    fields: &[text("name").compact().on_update(), json("email_domains"), boolean("is_organization")],
    operations: &[
        get("getWorkspace", "/workspaces/{workspace_gid}"),
        list("getWorkspaces", "/workspaces", &OWN),
        update("updateWorkspace", "/workspaces/{workspace_gid}", Level::Admin, update_workspace),
        action("addUserForWorkspace", "/workspaces/{workspace_gid}/addUser", Level::Editor, INVITED, invite)
            .answers(&USER_BASE),
        action("removeUserForWorkspace", "/workspaces/{workspace_gid}/removeUser", Level::Admin, DISMISSED, dismiss)
            .empty(),
    ],
    ..Resource::new("workspace", "workspaces")
};

/// An e-mail address that nobody has yet is one too.
static INVITED: &[Input] = &[input("user", InputKind::Text(NAME_LENGTH)).required()];
static DISMISSED: &[Input] = &[input("user", InputKind::Gid(&USER)).required()];

static OWN: Listing = Listing::of(
    "workspace_memberships m JOIN workspaces t ON t.gid = m.workspace_id",
    "t.gid",
    "m.user_id = :viewer",
    &[by_number("m.workspace_id")],
)
.covered();

/// The workspace of an object, which every table names.
pub const fn workspace_field() -> engine::field::Field {
    engine::field::one("workspace", &WORKSPACE, "workspace_id")
}

fn update_workspace(call: &mut Call<'_>) -> Result<Outcome> {
    let workspace = call.target;
    if let Some(name) = call.body.text("name").map(str::to_owned) {
        if name.trim().is_empty() {
            return Err(Error::field("name", "Value must not be empty"));
        }
        let renamed = call.execute(
            "UPDATE workspaces SET name = ?2 WHERE gid = ?1 AND name <> ?2",
            &[workspace.into(), name.into()],
        )?;
        if renamed > 0 {
            call.record(&Change::new(Did::Changed, WORKSPACE.kind, workspace, workspace).field("name"), &[]);
        }
    }
    Ok(Outcome::Object(workspace))
}

/// What a person is in a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sees what is shared with the workspace, and administers it.
    Admin,
    /// Sees what is shared with the workspace.
    Member,
    /// Sees only what is shared with the person.
    Guest,
}

/// Creates a workspace, or an organization, which has teams.
pub fn create_workspace(call: &mut Call<'_>, name: &str, is_organization: bool) -> Result<i64> {
    let workspace = call.gid()?;
    call.insert(
        "objects",
        &[("gid", workspace.into()), ("kind", WORKSPACE.kind.into()), ("workspace_id", workspace.into())],
    );
    call.insert(
        WORKSPACE.table,
        &[
            ("gid", workspace.into()),
            ("name", name.into()),
            ("is_organization", is_organization.into()),
            ("email_domains", "[]".into()),
            ("created_at", call.now.into()),
        ],
    );
    grant(call, workspace, workspace, Level::Editor)?;
    Ok(workspace)
}

/// Lets a principal do something in a scope, in place of what it could do there before.
pub fn grant(call: &mut Call<'_>, scope: i64, principal: i64, level: Level) -> Result<()> {
    call.execute(
        "INSERT INTO grants (scope_id, principal_id, level) VALUES (?1, ?2, ?3) \
         ON CONFLICT (scope_id, principal_id) DO UPDATE SET level = excluded.level",
        &[scope.into(), principal.into(), level.as_i64().into()],
    )?;
    Ok(())
}

/// Whether the workspace is an organization, which has teams.
pub fn is_organization(call: &mut Call<'_>, workspace: i64) -> Result<bool> {
    let block =
        call.query("SELECT is_organization FROM workspaces WHERE gid = ?1", &[Type::Bool], &[workspace.into()])?;
    Ok(!block.is_empty() && block.bool(0, 0))
}

/// Whether a person belongs to the workspace, be it as a guest.
pub fn is_member(call: &mut Call<'_>, workspace: i64, user: i64) -> Result<bool> {
    let membership = call.number(
        "SELECT gid FROM workspace_memberships WHERE user_id = ?1 AND workspace_id = ?2",
        &[user.into(), workspace.into()],
    )?;
    Ok(membership.is_some())
}

/// Refuses a person who does not belong to the workspace.
pub fn require_member(call: &mut Call<'_>, workspace: i64, user: i64, field: &str) -> Result<()> {
    require_members(call, workspace, &[user], field)
}

static MEMBERS: LazyLock<Template> = LazyLock::new(|| {
    let text = "SELECT m.user_id FROM workspace_memberships m CROSS JOIN users u WHERE m.user_id IN ({ids}) \
         AND m.workspace_id = :workspace AND u.gid = m.user_id AND u.deactivated_at IS NULL";
    Template::new(text, &[Type::Int])
});

/// Refuses people of whom one does not belong to the workspace, or was deactivated. Whoever does is not put out of it before the transaction
/// ends.
pub fn require_members(call: &mut Call<'_>, workspace: i64, users: &[i64], field: &str) -> Result<()> {
    let members = members_among(call, workspace, users)?;
    match users.iter().copied().find(|user| !members.contains(user)) {
        None => Ok(()),
        Some(user) if is_organization(call, workspace)? => {
            Err(Error::field(field, format_args!("Not a user in Organization: {user}")))
        }
        Some(_) => Err(Error::field(field, format_args!("Not a user in Workspace: {workspace}"))),
    }
}

/// Those of these people who belong to the workspace, in their order. They are not put out of it before the transaction ends.
pub fn members_among(call: &mut Call<'_>, workspace: i64, users: &[i64]) -> Result<Vec<i64>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    call.share_all(users)?;
    let found = call.select(&MEMBERS, users, &[("workspace", workspace.into())])?;
    let members: Vec<i64> = (0..found.len()).filter_map(|row| found.int(row, 0)).collect();
    Ok(users.iter().copied().filter(|user| members.contains(user)).collect())
}
