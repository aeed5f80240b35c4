//! Team memberships: that somebody is in a team, and whether they administer it.

use engine::error::{Error, Result};
use engine::field::{Kind, boolean, one, sql};
use engine::operation::{Key, Listing, by_number, get, list, list_one_of, parent};
use engine::parameter::Parameters;
use engine::resource::{Guard, Resource};

use crate::team::TEAM;
use crate::user::USER;
use crate::workspace::WORKSPACE;

/// The membership of a person in a team: whoever sees the team sees it.
pub static TEAM_MEMBERSHIP: Resource = Resource {
    guard: Guard::Via("team_id", &TEAM),
    fields: &[
        boolean("is_admin").compact(),
        sql(
            "is_guest",
            Kind::Bool,
            "EXISTS (SELECT 1 FROM workspace_memberships m WHERE m.user_id = t.user_id \
             AND m.workspace_id = t.workspace_id AND m.is_guest)",
        )
        .compact(),
        // Who is in a project of the team and not in the team is none of its members here.
        sql("is_limited_access", Kind::Bool, "FALSE").compact(),
        one("team", &TEAM, "team_id").compact(),
        one("user", &USER, "user_id").compact(),
    ],
    operations: &[
        get("getTeamMembership", "/team_memberships/{team_membership_gid}"),
        list_one_of("getTeamMemberships", "/team_memberships", &["team", "user", "workspace"], choose),
        list("getTeamMembershipsForTeam", "/teams/{team_gid}/team_memberships", &IN_TEAM),
        list("getTeamMembershipsForUser", "/users/{user_gid}/team_memberships", &OF_USER),
    ],
    ..Resource::new("team_membership", "team_memberships")
};

static BY_GID: &[Key] = &[by_number("t.gid")];

const fn memberships(which: &'static str) -> Listing {
    Listing::of("team_memberships t", "t.gid", which, BY_GID)
}

static IN_TEAM: Listing = memberships("t.team_id = :team").within(&[parent("team_gid", &TEAM)]).covered();

static IN_NAMED_TEAM: Listing = memberships("t.team_id = :team").within(&[parent("team", &TEAM)]).covered();

static OF_USER_IN_TEAM: Listing = memberships("t.team_id = :team AND t.user_id = :user")
    .within(&[parent("team", &TEAM), parent("user", &USER)])
    .covered();

static OF_USER: Listing = memberships("t.user_id = :user AND t.workspace_id = :workspace")
    .within(&[parent("user_gid", &USER), parent("workspace", &WORKSPACE)]);

static OF_NAMED_USER: Listing = memberships("t.user_id = :user AND t.workspace_id = :workspace")
    .within(&[parent("user", &USER), parent("workspace", &WORKSPACE)]);

/// Those of a team, or those of a user in a workspace.
fn choose(parameters: &Parameters<'_>) -> Result<&'static Listing> {
    match (parameters.has("team"), parameters.has("user"), parameters.has("workspace")) {
        (true, false, _) => Ok(&IN_NAMED_TEAM),
        (true, true, _) => Ok(&OF_USER_IN_TEAM),
        (false, true, true) => Ok(&OF_NAMED_USER),
        (false, true, false) => Err(Error::missing("workspace")),
        (false, false, true) => Err(Error::missing("user")),
        (false, false, false) => Err(Error::bad("You should specify one of team, user + workspace")),
    }
}

#[cfg(test)]
mod tests;
