//! Teams of an organization.

use engine::field::{Kind, choice, computed, long_text, one, text};
use engine::json::Writer;
use engine::operation::{Listing, by_number, by_text, get, list, parent};
use engine::read::Record;
use engine::resource::{Guard, Resource};

use crate::workspace::WORKSPACE;

/// Who sees a team.
pub const VISIBILITIES: &[&str] = &["secret", "request_to_join", "public"];

/// A team: its members hold grants on it through the team as a principal; one that is not secret also grants its
/// workspace's members to see it.
pub static TEAM: Resource = Resource {
    guard: Guard::Scope,
    fields: &[
        text("name").compact(),
        long_text("description").opt_in(),
        one("organization", &WORKSPACE, "workspace_id"),
        computed("permalink_url", Kind::Text(2_048), "organization", permalink),
        choice("visibility", VISIBILITIES),
    ],
    operations: &[
        get("getTeam", "/teams/{team_gid}"),
        list("getTeamsForWorkspace", "/workspaces/{workspace_gid}/teams", &IN_WORKSPACE)
            .older(&["/organizations/{workspace_gid}/teams"]),
    ],
    ..Resource::new("team", "teams")
};

static IN_WORKSPACE: Listing =
    Listing::of("teams t", "t.gid", "t.workspace_id = :workspace", &[by_text("t.name_folded"), by_number("t.gid")])
        .within(&[parent("workspace_gid", &WORKSPACE)]);

fn permalink(team: &Record<'_>, out: &mut Writer<'_>) {
    let workspace = team.one("organization").map_or(0, |workspace| workspace.gid());
    out.parts(&[&team.scene().base, "/1/", &workspace.to_string(), "/team/", &team.gid().to_string()]);
}
