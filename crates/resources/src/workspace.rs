//! Workspaces and organizations: where everything else lives.

use engine::field::{boolean, json, text};
use engine::operation::{Listing, by_number, get, list};
use engine::resource::{Guard, Resource};

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
