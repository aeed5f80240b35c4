//! Teams of an organization.

use engine::access::start_epoch;
use engine::call::Call;
use engine::error::Result;
use engine::field::{Kind, choice, computed, long_text, one, text};
use engine::json::Writer;
use engine::operation::{Listing, by_number, by_text, get, list, parent};
use engine::read::Record;
use engine::resource::{Guard, Resource};
use model::Level;

use crate::workspace::{WORKSPACE, grant};

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

/// Creates a team without members. `visibility` is one of [`VISIBILITIES`].
pub fn create_team(call: &mut Call<'_>, workspace: i64, name: &str, visibility: &str) -> Result<i64> {
    let team = call.create_object(&TEAM, workspace)?;
    call.insert(
        TEAM.table,
        &[
            ("gid", team.into()),
            ("workspace_id", workspace.into()),
            ("name", name.into()),
            ("name_folded", model::fold(name).into()),
            ("description", "".into()),
            ("visibility", visibility.into()),
            ("created_at", call.now.into()),
        ],
    );
    grant(call, team, team, Level::Editor)?;
    if visibility != "secret" {
        grant(call, team, workspace, Level::Viewer)?;
    }
    Ok(team)
}

/// Makes a person a member of a team.
pub fn add_member(call: &mut Call<'_>, workspace: i64, team: i64, user: i64, is_admin: bool) -> Result<()> {
    let membership = call.gid()?;
    call.insert_new(
        "team_memberships",
        &[
            ("gid", membership.into()),
            ("workspace_id", workspace.into()),
            ("team_id", team.into()),
            ("user_id", user.into()),
            ("is_admin", is_admin.into()),
            ("created_at", call.now.into()),
        ],
    )?;
    start_epoch(call.write()?)?;
    Ok(())
}

/// Ends a person's membership of a team.
pub fn remove_member(call: &mut Call<'_>, team: i64, user: i64) -> Result<()> {
    call.execute("DELETE FROM team_memberships WHERE team_id = ?1 AND user_id = ?2", &[team.into(), user.into()])?;
    start_epoch(call.write()?)?;
    Ok(())
}
