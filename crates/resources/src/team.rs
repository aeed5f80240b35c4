//! Teams of an organization.

use engine::access::start_epoch;
use engine::body::Given;
use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use engine::field::{Field, Kind, boolean, choice, computed, one, sql, text};
use engine::input::{Input, InputKind, input};
use engine::json::Writer;
use engine::operation::{Key, Listing, Outcome, action, by_number, by_text, create, get, list, parent, update};
use engine::read::Record;
use engine::resource::{Guard, Resource};
use model::Level;
use store::{Type, Value};

use crate::rich_text::{Words, html_text, mentioned, mentioning, plain_text, stored_html, stored_text};
use crate::team_membership::TEAM_MEMBERSHIP;
use crate::user::USER;
use crate::workspace::{WORKSPACE, grant, is_organization, require_member};

/// Who sees a team.
pub const VISIBILITIES: &[&str] = &["secret", "request_to_join", "public"];

/// A team: its members hold grants on it through the team as a principal; one that is not secret also grants its
/// workspace's members to see it.
pub static TEAM: Resource = Resource {
    guard: Guard::Scope,
    fields: &[
        // Fields of the team's own, which nobody can add.
        sql("custom_field_settings", Kind::Json, "'[]'"),
        plain_text("description").opt_in().writable(),
        setting("edit_team_name_or_description_access_level"),
        setting("edit_team_visibility_or_trash_team_access_level"),
        boolean("endorsed").writable(),
        setting("guest_invite_management_access_level"),
        html_text("html_description").opt_in().writable(),
        setting("join_request_management_access_level"),
        setting("member_invite_management_access_level"),
        text("name").compact().writable(),
        one("organization", &WORKSPACE, "workspace_id").writable(),
        computed("permalink_url", Kind::Text(2_048), "organization", permalink),
        stored_text("description"),
        stored_html("html_description"),
        mentioning(MENTIONING_DESCRIPTION),
        mentioned(MENTIONING_DESCRIPTION),
        choice("team_content_management_access_level", &["no_restriction", ADMINS]).writable(),
        setting("team_member_removal_access_level"),
        choice("visibility", VISIBILITIES).writable(),
    ],
    operations: &[
        create("createTeam", "/teams", Level::Viewer, create_in_organization),
        get("getTeam", "/teams/{team_gid}"),
        update("updateTeam", "/teams/{team_gid}", Level::Viewer, update_team),
        list("getTeamsForWorkspace", "/workspaces/{workspace_gid}/teams", &IN_WORKSPACE)
            .older(&["/organizations/{workspace_gid}/teams"]),
        list("getTeamsForUser", "/users/{user_gid}/teams", &OF_USER),
        action("addUserForTeam", "/teams/{team_gid}/addUser", Level::Viewer, USER_INPUT, add_user)
            .answers(&TEAM_MEMBERSHIP),
        action("removeUserForTeam", "/teams/{team_gid}/removeUser", Level::Viewer, USER_INPUT, remove_user).empty(),
    ],
    ..Resource::new("team", "teams")
};

const EVERYBODY: &str = "all_team_members";
const ADMINS: &str = "only_team_admins";

/// Which of its members a team lets do something.
const fn setting(name: &'static str) -> Field {
    choice(name, &[EVERYBODY, ADMINS]).writable()
}

static USER_INPUT: &[Input] = &[input("user", InputKind::Gid(&USER)).required()];

static BY_NAME: &[Key] = &[by_text("t.name_folded"), by_number("t.gid")];

static IN_WORKSPACE: Listing = Listing::of("teams t", "t.gid", "t.workspace_id = :workspace", BY_NAME)
    .within(&[parent("workspace_gid", &WORKSPACE)]);

static OF_USER: Listing = Listing::of(
    "team_memberships m CROSS JOIN teams t",
    "t.gid",
    "m.user_id = :user AND t.gid = m.team_id AND t.workspace_id = :organization",
    BY_NAME,
)
.within(&[parent("user_gid", &USER), parent("organization", &WORKSPACE)]);

fn permalink(team: &Record<'_>, out: &mut Writer<'_>) {
    let workspace = team.one("organization").map_or(0, |workspace| workspace.gid());
    out.parts(&[&team.scene().base, "/1/", &workspace.to_string(), "/team/", &team.gid().to_string()]);
}

/// The description that leads to objects.
const MENTIONING_DESCRIPTION: &str = "CASE WHEN t.mentions THEN t.html_description END";

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
            ("endorsed", false.into()),
            ("edit_team_name_or_description_access_level", EVERYBODY.into()),
            ("edit_team_visibility_or_trash_team_access_level", EVERYBODY.into()),
            ("guest_invite_management_access_level", EVERYBODY.into()),
            ("join_request_management_access_level", EVERYBODY.into()),
            ("member_invite_management_access_level", EVERYBODY.into()),
            ("team_content_management_access_level", "no_restriction".into()),
            ("team_member_removal_access_level", EVERYBODY.into()),
        ],
    );
    set_grants(call, workspace, team, visibility)?;
    Ok(team)
}

/// Writes down who may do what with a team: its members, and unless it is secret the members of its workspace.
fn set_grants(call: &mut Call<'_>, workspace: i64, team: i64, visibility: &str) -> Result<()> {
    grant(call, team, team, Level::Editor)?;
    match visibility {
        "secret" => {
            let parameters = [team.into(), workspace.into()];
            call.execute("DELETE FROM grants WHERE scope_id = ?1 AND principal_id = ?2", &parameters)?;
            Ok(())
        }
        _ => grant(call, team, workspace, Level::Viewer),
    }
}

/// createTeam: in an organization, by its full members. Whoever creates a team administers it.
fn create_in_organization(call: &mut Call<'_>) -> Result<Outcome> {
    let workspace = call.body.gid("organization").ok_or_else(|| Error::missing("organization"))?;
    call.require(&WORKSPACE, "organization", workspace, Level::Editor)?;
    if !is_organization(call, workspace)? {
        return Err(Error::field("organization", format_args!("Not an organization: {workspace}")));
    }
    let name = call.body.text("name").ok_or_else(|| Error::missing("name"))?.to_owned();
    refuse_empty(&name)?;
    let visibility = call.body.text("visibility").unwrap_or("request_to_join").to_owned();
    let team = create_team(call, workspace, &name, &visibility)?;
    let creator = call.viewer.user;
    add_member(call, workspace, team, creator, true)?;
    call.record(&Change::new(Did::Added, TEAM.kind, team, workspace), &[workspace]);
    let facts = Facts::of(call, team)?;
    facts.change(call)?;
    Ok(Outcome::Object(team))
}

fn refuse_empty(name: &str) -> Result<()> {
    if name.trim().is_empty() { Err(Error::field("name", "Value must not be empty")) } else { Ok(()) }
}

fn update_team(call: &mut Call<'_>) -> Result<Outcome> {
    // Its grants follow from its visibility.
    call.lock(call.target)?;
    let facts = Facts::of(call, call.target)?;
    if call.body.gid("organization").is_some_and(|organization| organization != facts.workspace) {
        return Err(Error::field("organization", "Cannot be changed"));
    }
    for (field, column) in facts.change(call)? {
        call.record(
            &Change::new(Did::Changed, TEAM.kind, facts.team, facts.workspace).field(field),
            &[facts.workspace],
        );
        if column == "visibility" {
            let visibility = call.body.text(column).unwrap_or_default().to_owned();
            set_grants(call, facts.workspace, facts.team, &visibility)?;
        }
    }
    Ok(Outcome::Object(facts.team))
}

/// Makes a person a member of a team; whether the person was none.
pub fn add_member(call: &mut Call<'_>, workspace: i64, team: i64, user: i64, is_admin: bool) -> Result<bool> {
    if membership_of(call, team, user)?.is_some() {
        return Ok(false);
    }
    let membership = call.create_object(&TEAM_MEMBERSHIP, workspace)?;
    call.insert(
        TEAM_MEMBERSHIP.table,
        &[
            ("gid", membership.into()),
            ("workspace_id", workspace.into()),
            ("team_id", team.into()),
            ("user_id", user.into()),
            ("is_admin", is_admin.into()),
            ("created_at", call.now.into()),
        ],
    );
    let change = Change::new(Did::Added, TEAM_MEMBERSHIP.kind, membership, workspace).parent(team);
    call.record(&change, &[team, workspace]);
    start_epoch(call.write()?)?;
    Ok(true)
}

/// Ends a person's membership of a team; whether there was one.
pub fn remove_member(call: &mut Call<'_>, team: i64, user: i64) -> Result<bool> {
    let Some((membership, _)) = membership_of(call, team, user)? else {
        return Ok(false);
    };
    let workspace = Facts::of(call, team)?.workspace;
    call.execute("DELETE FROM team_memberships WHERE gid = ?1", &[membership.into()])?;
    call.delete_object(membership)?;
    let change = Change::new(Did::Deleted, TEAM_MEMBERSHIP.kind, membership, workspace).parent(team);
    call.record(&change, &[team, workspace]);
    start_epoch(call.write()?)?;
    Ok(true)
}

/// Somebody's membership of a team, and whether they administer it.
fn membership_of(call: &mut Call<'_>, team: i64, user: i64) -> Result<Option<(i64, bool)>> {
    let block = call.query(
        "SELECT gid, is_admin FROM team_memberships WHERE team_id = ?1 AND user_id = ?2",
        &[Type::Int, Type::Bool],
        &[team.into(), user.into()],
    )?;
    Ok(if block.is_empty() { None } else { block.int(0, 0).map(|membership| (membership, block.bool(0, 1))) })
}

/// addUserForTeam. Members of the team bring others, as far as it lets them; who sees a public team can join it alone.
fn add_user(call: &mut Call<'_>) -> Result<Outcome> {
    let (team, user) = (call.target, call.body.gid("user").unwrap_or_default());
    let facts = Facts::of(call, team)?;
    require_member(call, facts.workspace, user, "user")?;
    // Nobody brings the same person a second time meanwhile.
    call.lock(team)?;
    if membership_of(call, team, user)?.is_none() {
        let guest = "SELECT gid FROM workspace_memberships WHERE user_id = ?1 AND workspace_id = ?2 AND is_guest";
        let setting = match call.number(guest, &[user.into(), facts.workspace.into()])? {
            Some(_) => "guest_invite_management_access_level",
            None => "member_invite_management_access_level",
        };
        let joins = user == call.viewer.user && facts.visibility == "public";
        if !joins {
            facts.require(call, setting)?;
        }
        add_member(call, facts.workspace, team, user, false)?;
    }
    match membership_of(call, team, user)? {
        Some((membership, _)) => Ok(Outcome::Object(membership)),
        None => Err(Error::server()),
    }
}

/// removeUserForTeam. Everyone may leave.
fn remove_user(call: &mut Call<'_>) -> Result<Outcome> {
    let (team, user) = (call.target, call.body.gid("user").unwrap_or_default());
    let facts = Facts::of(call, team)?;
    call.lock(team)?;
    if membership_of(call, team, user)?.is_none() {
        return Err(Error::field("user", format_args!("Not a member of the team: {user}")));
    }
    if user != call.viewer.user {
        facts.require(call, "team_member_removal_access_level")?;
    }
    remove_member(call, team, user)?;
    Ok(Outcome::Empty)
}

/// Refuses unless the caller may put something of the kind of projects into a team, or share it with the team.
pub fn require_content(call: &mut Call<'_>, team: i64) -> Result<()> {
    let setting = "SELECT team_content_management_access_level FROM teams WHERE gid = ?1";
    match call.text(setting, &[team.into()])?.as_deref() {
        Some(ADMINS) => Facts::of(call, team)?.require_administration(call),
        _ => Ok(()),
    }
}

/// What rules have to know about a team.
struct Facts {
    team: i64,
    workspace: i64,
    visibility: String,
}

impl Facts {
    fn of(call: &mut Call<'_>, team: i64) -> Result<Facts> {
        let block = call.query(
            "SELECT workspace_id, visibility FROM teams WHERE gid = ?1",
            &[Type::Int, Type::Text],
            &[team.into()],
        )?;
        if block.is_empty() {
            return Err(Error::deleted(TEAM.kind, team));
        }
        let visibility = block.text(0, 1).unwrap_or_default().to_owned();
        Ok(Facts { team, workspace: block.int(0, 0).unwrap_or_default(), visibility })
    }

    /// Refuses unless the caller is one of those whom a setting of the team leaves something to.
    fn require(&self, call: &mut Call<'_>, setting: &str) -> Result<()> {
        let known = call.text(&format!("SELECT {setting} FROM teams WHERE gid = ?1"), &[self.team.into()])?;
        let member = membership_of(call, self.team, call.viewer.user)?;
        match member {
            Some(_) if known.as_deref() != Some(ADMINS) => Ok(()),
            _ => self.require_administration(call),
        }
    }

    /// Refuses unless the caller administers the team, or the organization.
    fn require_administration(&self, call: &mut Call<'_>) -> Result<()> {
        let member = membership_of(call, self.team, call.viewer.user)?;
        if member.is_some_and(|(_, is_admin)| is_admin) || self.administers_organization(call)? {
            return Ok(());
        }
        Err(Error::no_permission(TEAM.kind))
    }

    fn administers_organization(&self, call: &mut Call<'_>) -> Result<bool> {
        Ok(call.level(&WORKSPACE, self.workspace)? == Some(Level::Admin))
    }

    /// Changes what the body wants to be different, and answers which fields those are, with their columns.
    fn change(&self, call: &mut Call<'_>) -> Result<Vec<(&'static str, &'static str)>> {
        let mut wanted: Vec<(&'static str, &'static str, Value)> = Vec::new();
        for field in TEAM.fields.iter().filter(|field| field.name != "organization") {
            if let Some(column) = field.stored_in()
                && let Some(value) = call.body.get(field.name).and_then(Given::value)
            {
                wanted.push((field.name, column, value));
            }
        }
        if let Some(words) = Words::asked(call, "description", "html_description")? {
            let columns = words.columns("description", "html_description");
            wanted.extend(columns.map(|(column, value)| ("description", column, value)));
        }
        let mut changed = Vec::new();
        for (field, column, value) in wanted {
            let differs = format!("SELECT gid FROM teams WHERE gid = ?1 AND {column} IS DISTINCT FROM ?2");
            if call.number(&differs, &[self.team.into(), value.clone()])?.is_none() {
                continue;
            }
            self.require_for(call, field)?;
            if field == "name" {
                let name = call.body.text("name").unwrap_or_default().to_owned();
                refuse_empty(&name)?;
                call.update(TEAM.table, self.team, &[("name_folded", model::fold(&name).into())])?;
            }
            call.update(TEAM.table, self.team, &[(column, value)])?;
            if !changed.iter().any(|(known, _)| *known == field) {
                changed.push((field, column));
            }
        }
        let visibility = call.body.text("visibility").unwrap_or(&self.visibility);
        if changed.iter().any(|(field, _)| *field == "join_request_management_access_level")
            && visibility != "request_to_join"
        {
            return Err(Error::field(
                "join_request_management_access_level",
                "Only a team whose visibility is request_to_join has this",
            ));
        }
        Ok(changed)
    }

    /// Name, description and visibility belong to whom the team leaves them; the settings to its administrators; whether
    /// it is endorsed to the organization's.
    fn require_for(&self, call: &mut Call<'_>, field: &str) -> Result<()> {
        match field {
            "name" | "description" => self.require(call, "edit_team_name_or_description_access_level"),
            "visibility" => self.require(call, "edit_team_visibility_or_trash_team_access_level"),
            "endorsed" if self.administers_organization(call)? => Ok(()),
            "endorsed" => Err(Error::no_permission(TEAM.kind)),
            _ => self.require_administration(call),
        }
    }
}

#[cfg(test)]
mod tests;
