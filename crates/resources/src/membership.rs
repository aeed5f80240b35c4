//! Memberships of people and teams in projects, under both names that the API has for them.
//!
//! `project_membership` is the older face of the same rows, read only; a `membership` can be made, changed and ended. What
//! a project sets for its sharing holds here too: nobody gives more than they have, joining alone takes no right to share,
//! and everyone may leave.

use engine::access::Name;
use engine::call::Call;
use engine::error::{Error, Result};
use engine::field::{Field, Kind, NAME_LENGTH, choice, one, one_of, sql, text};
use engine::input::{Input, InputKind, input};
use engine::operation::{
    Filter, FilterKind, Key, Listing, Outcome, by_number, create, delete, filter, get, list_one_of, parent, update,
};
use engine::parameter::{Parameters, shortened};
use engine::resource::{Guard, Names, Resource};
use model::Level;
use store::Type;

use crate::project::{ACCESS_LEVELS, Facts, PROJECT, set_grants};
use crate::team::{TEAM, require_content};
use crate::user::USER;
use crate::workspace::require_member;

/// A membership. Whoever sees the project sees who is in it; a team that one does not see is shown as nobody.
pub static MEMBERSHIP: Resource = Resource {
    faces: &["project_membership"],
    guard: Guard::Via("project_id", &PROJECT),
    fields: &[
        ACCESS_LEVEL,
        MEMBER,
        one("parent", &PARENT, "project_id").opt_in(),
        sql("resource_subtype", Kind::Text(NAME_LENGTH), "'project_membership'").compact(),
    ],
    operations: &[
        list_one_of("getMemberships", "/memberships", &["parent", "member", "resource_subtype"], choose),
        create("createMembership", "/memberships", Level::Viewer, create_membership).with(CREATE_INPUTS),
        get("getMembership", "/memberships/{membership_gid}"),
        update("updateMembership", "/memberships/{membership_gid}", Level::Viewer, update_membership)
            .with(UPDATE_INPUTS),
        delete("deleteMembership", "/memberships/{membership_gid}", Level::Viewer, delete_membership),
    ],
    ..Resource::new("membership", "project_memberships")
};

/// The same under its older name.
pub static PROJECT_MEMBERSHIP: Resource = Resource {
    guard: Guard::Via("project_id", &PROJECT),
    fields: &[
        ACCESS_LEVEL,
        MEMBER,
        one("parent", &PROJECT, "project_id").opt_in(),
        one("project", &PROJECT, "project_id").opt_in(),
        one("user", &USER, "member_id"),
        sql(
            "write_access",
            Kind::Choice(&["full_write", "comment_only"]),
            "(CASE WHEN t.access_level IN ('admin', 'editor') THEN 'full_write' ELSE 'comment_only' END)",
        ),
    ],
    operations: &[
        get("getProjectMembership", "/project_memberships/{project_membership_gid}"),
        list_one_of(
            "getProjectMembershipsForProject",
            "/projects/{project_gid}/project_memberships",
            &["user"],
            choose_for_project,
        ),
    ],
    ..Resource::new("project_membership", "project_memberships")
};

const ACCESS_LEVEL: Field = choice("access_level", ACCESS_LEVELS).compact();
const MEMBER: Field = one_of("member", MEMBERS, "member_id").compact();
static MEMBERS: &[&Resource] = &[&PERSON, &GROUP];

/// Members and parents are shown by name: that is all that the contract has of them here.
static PERSON: Resource = Resource { open_in_relations: true, fields: NAMED, ..Resource::new("user", "users") };
static GROUP: Resource = Resource { fields: NAMED, ..Resource::new("team", "teams") };
static PARENT: Resource = Resource { trash: true, fields: NAMED, ..Resource::new("project", "projects") };
const NAMED: &[Field] = &[text("name").compact()];

static CREATE_INPUTS: &[Input] = &[
    input("access_level", InputKind::Choice(ACCESS_LEVELS)),
    // A user or a team, which a rule tells apart.
    input("member", InputKind::Text(NAME_LENGTH)).required(),
    input("parent", InputKind::Gid(&PROJECT)).required(),
    // Its older name.
    input("role", InputKind::Choice(ACCESS_LEVELS)),
];

static UPDATE_INPUTS: &[Input] = &[input("access_level", InputKind::Choice(ACCESS_LEVELS))];

static BY_GID: &[Key] = &[by_number("t.gid")];

const fn memberships(which: &'static str) -> Listing {
    Listing::of("project_memberships t", "t.gid", which, BY_GID)
}

static OF_MEMBER: &[Filter] = &[filter("member", FilterKind::Gid, "t.member_id = :value")];

static IN_PARENT: Listing =
    memberships("t.project_id = :parent").within(&[parent("parent", &PROJECT)]).filtered(OF_MEMBER).covered();

static OF_TEAM: Listing = memberships("t.member_id = :member").within(&[parent("member", &TEAM)]);

static IN_PROJECT: Listing =
    memberships("t.project_id = :project").within(&[parent("project_gid", &PROJECT)]).covered();

static OF_USER_IN_PROJECT: Listing = memberships("t.project_id = :project AND t.member_id = :user")
    .within(&[parent("project_gid", &PROJECT), parent("user", &USER)])
    .covered();

/// All memberships of a parent; or, as far as the contract goes, those of a team in projects.
fn choose(parameters: &Parameters<'_>) -> Result<&'static Listing> {
    let subtype = parameters.query_value("resource_subtype");
    let known = subtype.is_none_or(|subtype| subtype == "project_membership");
    match (parameters.has("parent"), parameters.has("member"), subtype) {
        (true, ..) => Ok(&IN_PARENT),
        (false, true, Some(_)) if known => Ok(&OF_TEAM),
        (false, true, Some(subtype)) => Err(Error::field(
            "resource_subtype",
            format_args!("Not a recognized value: {}. Use one of: project_membership", shortened(subtype)),
        )),
        (false, true, None) => Err(Error::missing("resource_subtype")),
        (false, false, _) => Err(Error::missing("parent")),
    }
}

fn choose_for_project(parameters: &Parameters<'_>) -> Result<&'static Listing> {
    Ok(if parameters.query_value("user").is_some() { &OF_USER_IN_PROJECT } else { &IN_PROJECT })
}

fn create_membership(call: &mut Call<'_>) -> Result<Outcome> {
    let project = call.body.gid("parent").unwrap_or_default();
    let facts = Facts::of(call, project)?;
    let own = call.level(&PROJECT, project)?.unwrap_or(Level::Viewer);
    let asked = level_asked(call, "access_level").or(level_asked(call, "role"));
    let member = member_asked(call, &facts)?;
    // Nobody makes the same member a second time meanwhile.
    call.lock(project)?;
    let known = facts.membership(call, member)?;
    match (known, asked) {
        (Some((_, level)), Some(asked)) => require_change(call, &facts, member, level, asked, own)?,
        (Some(_), None) => {}
        (None, asked) => {
            let joins = member == call.viewer.user;
            if (!joins && own < facts.sharing_level) || asked.is_some_and(|asked| asked > own) {
                return Err(Error::no_permission(PROJECT.kind));
            }
        }
    }
    let level = asked.or(known.map(|(_, level)| level)).unwrap_or(facts.default_level.min(own));
    facts.set_member(call, member, level)?;
    set_grants(call, project)?;
    match facts.membership(call, member)? {
        Some((membership, _)) => Ok(Outcome::Object(membership)),
        None => Err(Error::server()),
    }
}

fn level_asked(call: &Call<'_>, property: &str) -> Option<Level> {
    call.body.text(property).and_then(Level::from_name)
}

/// The user or the team that the body names: of the project's workspace, and one that the caller sees.
fn member_asked(call: &mut Call<'_>, facts: &Facts) -> Result<i64> {
    let text = call.body.text("member").unwrap_or_default().to_owned();
    let not_a_user = || Error::not_a_user("member", shortened(&text));
    let name = Name::parse(Names::User, &text).ok_or_else(not_a_user)?;
    let member = call.named(&name)?.ok_or_else(not_a_user)?;
    if call.number("SELECT gid FROM teams WHERE gid = ?1", &[member.into()])?.is_some() {
        call.require(&TEAM, "member", member, Level::Viewer)?;
        let workspace = call.number("SELECT workspace_id FROM teams WHERE gid = ?1", &[member.into()])?;
        if workspace != Some(facts.workspace) {
            return Err(Error::field("member", "Must be in the same workspace as the project"));
        }
        require_content(call, member)?;
        return Ok(member);
    }
    if call.level(&USER, member)?.is_none() {
        return Err(not_a_user());
    }
    require_member(call, facts.workspace, member, "member")?;
    Ok(member)
}

/// Refuses unless a caller of level `own` may make a member of one level one of another.
fn require_change(call: &Call<'_>, facts: &Facts, member: i64, from: Level, to: Level, own: Level) -> Result<()> {
    let steps_back = member == call.viewer.user && to <= from;
    match steps_back || (own >= facts.sharing_level && own >= from && own >= to) {
        true => Ok(()),
        false => Err(Error::no_permission(PROJECT.kind)),
    }
}

/// The project and the member of a membership, and what it allows.
fn load(call: &mut Call<'_>, membership: i64) -> Result<(Facts, i64, Level)> {
    let project = call.query(
        "SELECT project_id, member_id FROM project_memberships WHERE gid = ?1",
        &[Type::Int, Type::Int],
        &[membership.into()],
    )?;
    if project.is_empty() {
        return Err(Error::deleted(MEMBERSHIP.kind, membership));
    }
    let (project, member) = (project.int(0, 0).unwrap_or_default(), project.int(0, 1).unwrap_or_default());
    call.lock(project)?;
    let facts = Facts::of(call, project)?;
    match facts.membership(call, member)? {
        Some((_, level)) => Ok((facts, member, level)),
        None => Err(Error::deleted(MEMBERSHIP.kind, membership)),
    }
}

fn update_membership(call: &mut Call<'_>) -> Result<Outcome> {
    let membership = call.target;
    let (facts, member, level) = load(call, membership)?;
    let own = call.level(&PROJECT, facts.project)?.unwrap_or(Level::Viewer);
    if let Some(asked) = level_asked(call, "access_level") {
        require_change(call, &facts, member, level, asked, own)?;
        facts.set_member(call, member, asked)?;
        set_grants(call, facts.project)?;
    }
    Ok(Outcome::Object(membership))
}

fn delete_membership(call: &mut Call<'_>) -> Result<Outcome> {
    let membership = call.target;
    let (facts, member, level) = load(call, membership)?;
    let own = call.level(&PROJECT, facts.project)?.unwrap_or(Level::Viewer);
    facts.require_removal(call, member, level, own)?;
    facts.remove_member(call, membership, member)?;
    set_grants(call, facts.project)?;
    Ok(Outcome::Empty)
}

#[cfg(test)]
mod tests;
