//! Workspaces and organizations: where everything else lives.

use std::sync::LazyLock;

use engine::access::start_epoch;
use engine::call::Call;
use engine::error::{Error, Result};
use engine::field::{boolean, json, text};
use engine::operation::{Listing, by_number, get, list};
use engine::resource::{Guard, Resource};
use engine::sql::Template;
use model::Level;
use store::Type;

/// A workspace. Its members hold grants on it: full members through the workspace as a principal, guests by themselves.
pub static WORKSPACE: Resource = Resource {
    guard: Guard::Scope,
    fields: &[text("name").compact(), json("email_domains"), boolean("is_organization")],
    operations: &[get("getWorkspace", "/workspaces/{workspace_gid}"), list("getWorkspaces", "/workspaces", &OWN)],
    ..Resource::new("workspace", "workspaces")
};

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

/// Makes a person a member, an administrator or a guest of a workspace.
pub fn add_member(call: &mut Call<'_>, workspace: i64, user: i64, role: Role) -> Result<()> {
    let membership = call.gid()?;
    call.insert(
        "workspace_memberships",
        &[
            ("gid", membership.into()),
            ("workspace_id", workspace.into()),
            ("user_id", user.into()),
            ("is_guest", (role == Role::Guest).into()),
            ("is_admin", (role == Role::Admin).into()),
            ("created_at", call.now.into()),
        ],
    );
    match role {
        Role::Admin => grant(call, workspace, user, Level::Admin)?,
        Role::Guest => grant(call, workspace, user, Level::Viewer)?,
        Role::Member => {}
    }
    start_epoch(call.write()?)?;
    Ok(())
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

/// Refuses a person who does not belong to the workspace.
pub fn require_member(call: &mut Call<'_>, workspace: i64, user: i64, field: &str) -> Result<()> {
    require_members(call, workspace, &[user], field)
}

static MEMBERS: LazyLock<Template> = LazyLock::new(|| {
    let text = "SELECT user_id FROM workspace_memberships WHERE user_id IN ({ids}) AND workspace_id = :workspace";
    Template::new(text, &[Type::Int])
});

/// Refuses people of whom one does not belong to the workspace.
pub fn require_members(call: &mut Call<'_>, workspace: i64, users: &[i64], field: &str) -> Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    let members = call.select(&MEMBERS, users, &[("workspace", workspace.into())])?;
    let is_member = |user: i64| (0..members.len()).any(|row| members.int(row, 0) == Some(user));
    match users.iter().copied().find(|user| !is_member(*user)) {
        None => Ok(()),
        Some(user) if is_organization(call, workspace)? => {
            Err(Error::field(field, format_args!("Not a user in Organization: {user}")))
        }
        Some(_) => Err(Error::field(field, format_args!("Not a user in Workspace: {workspace}"))),
    }
}
