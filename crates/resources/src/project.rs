//! Projects: lists and boards of tasks, and who may do what in them.
//!
//! A project belongs to a workspace for ever and to a team if it was given one. Who sees it follows from its memberships,
//! its team and its privacy; [`set_grants`] writes that down as grants whenever one of them changes.
//!
//! A project of an organization may have no team: sharing with a team by naming it here is deprecated, and callers who
//! have moved on to memberships name none. Whoever names one gets what was always meant by it.

pub mod deletion;
pub mod duplicate;

use engine::body::{Body, Given};
use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use engine::field::{Field, Kind, boolean, children, choice, computed, count, date, link, many, one, sql, text, time};
use engine::input::{Input, InputKind, input};
use engine::json::Writer;
use engine::operation::{
    Filter, FilterKind, Key, Listing, Outcome, action, by_number, create, delete, filter, get, list, list_one_of,
    parent, update,
};
use engine::parameter::Parameters;
use engine::read::Record;
use engine::resource::{Guard, Resource};
use model::Level;
use store::{Type, Value};

use crate::custom_field_setting::CUSTOM_FIELD_SETTING;
use crate::job::JOB;
use crate::membership::PROJECT_MEMBERSHIP;
use crate::rich_text::{Words, html_text, mentioned, mentioning, plain_text, stored_html, stored_text};
use crate::section::add_section;
use crate::status_update::{
    CURRENT_STATUS, CURRENT_STATUS_INPUTS, CURRENT_STATUS_UPDATE_INPUTS, PROJECT_STATUS, STATUS_UPDATE,
    set_current_status,
};
use crate::tag::COLORS;
use crate::team::{TEAM, require_content};
use crate::user::USER;
use crate::workspace::{WORKSPACE, is_organization, require_member, workspace_field};

/// The icons.
pub const ICONS: &[&str] = &[
    "list",
    "board",
    "timeline",
    "calendar",
    "rocket",
    "people",
    "graph",
    "star",
    "bug",
    "light_bulb",
    "globe",
    "gear",
    "notebook",
    "computer",
    "check",
    "target",
    "html",
    "megaphone",
    "chat_bubbles",
    "briefcase",
    "page_layout",
    "mountain_flag",
    "puzzle",
    "presentation",
    "line_and_symbols",
    "speed_dial",
    "ribbon",
    "shoe",
    "shopping_basket",
    "map",
    "ticket",
    "coins",
];

/// How a project can be looked at.
pub const VIEWS: &[&str] = &["list", "board", "calendar", "timeline"];

/// Who sees a project beside its members.
pub const PRIVACY: &[&str] = &["public_to_workspace", "private_to_team", "private"];

/// What a member may do.
pub const ACCESS_LEVELS: &[&str] = &["admin", "editor", "commenter", "viewer"];

/// Whom a project can leave its appearance and its sharing to.
pub const MINIMUM_LEVELS: &[&str] = &["admin", "editor"];

/// A project.
pub static PROJECT: Resource = Resource {
    guard: Guard::Scope,
    trash: true,
    fields: &[
        boolean("archived").writable(),
        choice("color", COLORS).writable().nullable(),
        boolean("completed"),
        time("completed_at"),
        one("completed_by", &USER, "completed_by_id"),
        time("created_at"),
        one("current_status", &PROJECT_STATUS, CURRENT_STATUS)
            .inside("author,color,created_at,created_by,modified_at,resource_type,text,title")
            .writable()
            .nullable()
            .input(InputKind::Object(CURRENT_STATUS_INPUTS)),
        one("current_status_update", &STATUS_UPDATE, CURRENT_STATUS)
            .writable()
            .nullable()
            .input(InputKind::Object(CURRENT_STATUS_UPDATE_INPUTS)),
        // Values on the project itself, which need a portfolio that has the fields.
        sql("custom_fields", Kind::Json, "'[]'").input(InputKind::Json).writable(),
        many("custom_field_settings", &CUSTOM_FIELD_SETTING, children("parent_id", "t.rank, t.gid")),
        choice("default_access_level", ACCESS_LEVELS).writable(),
        choice("default_view", VIEWS).writable(),
        date("due_on").writable().nullable(),
        DUE_DATE,
        many("followers", &USER, link("project_followers", "project_id", "user_id", "e.user_id")).on_create(),
        html_text("html_notes").opt_in().writable(),
        choice("icon", ICONS).writable().nullable(),
        many("members", &USER, link("project_memberships", "project_id", "member_id", "e.gid")).on_create(),
        choice("minimum_access_level_for_customization", MINIMUM_LEVELS).writable(),
        choice("minimum_access_level_for_sharing", MINIMUM_LEVELS).writable(),
        time("modified_at"),
        text("name").compact().writable(),
        plain_text("notes").writable(),
        one("owner", &USER, "owner_id").writable().nullable(),
        computed("permalink_url", Kind::Text(2_048), "workspace", permalink),
        choice("privacy_setting", PRIVACY).writable(),
        sql("public", Kind::Bool, "(t.privacy_setting = 'public_to_workspace')").input(InputKind::Bool).writable(),
        date("start_on").writable().nullable(),
        stored_text("notes"),
        stored_html("html_notes"),
        mentioning(MENTIONING_NOTES),
        mentioned(MENTIONING_NOTES),
        one("team", &TEAM, "team_id").writable().nullable(),
        workspace_field().on_create(),
    ],
    operations: &[
        create("createProject", "/projects", Level::Viewer, create_somewhere),
        get("getProject", "/projects/{project_gid}"),
        list_one_of("getProjects", "/projects", &["workspace", "team", "archived"], choose),
        update("updateProject", "/projects/{project_gid}", Level::Editor, update_project),
        delete("deleteProject", "/projects/{project_gid}", Level::Admin, deletion::delete_project),
        action(
            "duplicateProject",
            "/projects/{project_gid}/duplicate",
            Level::Viewer,
            duplicate::INPUTS,
            duplicate::duplicate_project,
        )
        .answers(&JOB)
        .status(201),
        list("getProjectsForTeam", "/teams/{team_gid}/projects", &IN_TEAM),
        create("createProjectForTeam", "/teams/{team_gid}/projects", Level::Editor, create_in_team),
        list("getProjectsForWorkspace", "/workspaces/{workspace_gid}/projects", &IN_WORKSPACE),
        create("createProjectForWorkspace", "/workspaces/{workspace_gid}/projects", Level::Viewer, create_in_workspace),
        get("getTaskCountsForProject", "/projects/{project_gid}/task_counts").answers(&TASK_COUNTS).shown("-"),
        action("addMembersForProject", "/projects/{project_gid}/addMembers", Level::Viewer, MEMBERS, add_members),
        action(
            "removeMembersForProject",
            "/projects/{project_gid}/removeMembers",
            Level::Viewer,
            MEMBERS,
            remove_members,
        ),
        action(
            "addFollowersForProject",
            "/projects/{project_gid}/addFollowers",
            Level::Viewer,
            FOLLOWERS,
            add_followers,
        ),
        action(
            "removeFollowersForProject",
            "/projects/{project_gid}/removeFollowers",
            Level::Viewer,
            FOLLOWERS,
            remove_followers,
        ),
    ],
    jobs: &[&deletion::DELETE_TASKS, &deletion::RESTORE_TASKS, &duplicate::DUPLICATE_PROJECT],
    ..Resource::new("project", "projects")
};

/// The query that counts the tasks of the project `t` that meet a condition over `k`.
macro_rules! tasks {
    ($condition:literal) => {
        concat!(
            "(SELECT count(*) FROM sections s CROSS JOIN task_projects e CROSS JOIN tasks k WHERE s.project_id = t.gid \
             AND e.section_id = s.gid AND k.gid = e.task_id \
             AND k.deleted_at IS NULL AND ",
            $condition,
            ")"
        )
    };
}

/// How many tasks stand in the project itself, their subtasks not counted. A milestone is a task too.
static TASK_COUNTS: Resource = Resource {
    guard: Guard::Scope,
    trash: true,
    fields: &[
        count("num_completed_milestones", tasks!("k.resource_subtype = 'milestone' AND k.completed")),
        count("num_completed_tasks", tasks!("k.completed")),
        count("num_incomplete_milestones", tasks!("k.resource_subtype = 'milestone' AND NOT k.completed")),
        count("num_incomplete_tasks", tasks!("NOT k.completed")),
        count("num_milestones", tasks!("k.resource_subtype = 'milestone'")),
        count("num_tasks", tasks!("TRUE")),
    ],
    ..Resource::rows("projects")
};

/// The older name of `due_on`.
/// The notes that lead to objects.
const MENTIONING_NOTES: &str = "CASE WHEN t.mentions THEN t.html_notes END";

const DUE_DATE: Field = Field { name: "due_date", ..date("due_on").writable().nullable() };

static MEMBERS: &[Input] = &[input("members", InputKind::Gids(&USER)).required()];
static FOLLOWERS: &[Input] = &[input("followers", InputKind::Gids(&USER)).required()];

fn permalink(project: &Record<'_>, out: &mut Writer<'_>) {
    let workspace = project.one("workspace").map_or(0, |workspace| workspace.gid());
    out.parts(&[&project.scene().base, "/1/", &workspace.to_string(), "/project/", &project.gid().to_string()]);
}

static ARCHIVED: &[Filter] = &[filter("archived", FilterKind::Bool, "t.archived = :value")];

static BY_GID: &[Key] = &[by_number("t.gid")];

const fn projects(which: &'static str) -> Listing {
    Listing::of("projects t", "t.gid", which, BY_GID).filtered(ARCHIVED)
}

static IN_WORKSPACE: Listing =
    projects("t.workspace_id = :workspace AND t.deleted_at IS NULL").within(&[parent("workspace_gid", &WORKSPACE)]);

static IN_NAMED_WORKSPACE: Listing =
    projects("t.workspace_id = :workspace AND t.deleted_at IS NULL").within(&[parent("workspace", &WORKSPACE)]);

static IN_TEAM: Listing = projects("t.team_id = :team AND t.deleted_at IS NULL").within(&[parent("team_gid", &TEAM)]);

static IN_NAMED_TEAM: Listing = projects("t.team_id = :team AND t.deleted_at IS NULL").within(&[parent("team", &TEAM)]);

static IN_BOTH: Listing = projects("t.team_id = :team AND t.workspace_id = :workspace AND t.deleted_at IS NULL")
    .within(&[parent("workspace", &WORKSPACE), parent("team", &TEAM)]);

static EVERYWHERE: Listing = projects(
    "t.workspace_id IN (SELECT m.workspace_id FROM workspace_memberships m WHERE m.user_id = :viewer) \
     AND t.deleted_at IS NULL",
);

fn choose(parameters: &Parameters<'_>) -> Result<&'static Listing> {
    Ok(match (parameters.has("workspace"), parameters.has("team")) {
        (true, true) => &IN_BOTH,
        (true, false) => &IN_NAMED_WORKSPACE,
        (false, true) => &IN_NAMED_TEAM,
        (false, false) => &EVERYWHERE,
    })
}

fn create_somewhere(call: &mut Call<'_>) -> Result<Outcome> {
    let (workspace, team) = (call.body.gid("workspace"), call.body.gid("team"));
    create_project(call, workspace, team)
}

fn create_in_team(call: &mut Call<'_>) -> Result<Outcome> {
    let (workspace, team) = (call.body.gid("workspace"), call.target);
    create_project(call, workspace, Some(team))
}

fn create_in_workspace(call: &mut Call<'_>) -> Result<Outcome> {
    let (workspace, team) = (call.target, call.body.gid("team"));
    create_project(call, Some(workspace), team)
}

fn create_project(call: &mut Call<'_>, workspace: Option<i64>, team: Option<i64>) -> Result<Outcome> {
    let workspace = match (workspace, team) {
        (None, None) => return Err(Error::bad("You should specify one of workspace, team")),
        (Some(workspace), None) => {
            call.require(&WORKSPACE, "workspace", workspace, Level::Editor)?;
            workspace
        }
        (workspace, Some(team)) => {
            call.require(&TEAM, "team", team, Level::Editor)?;
            require_content(call, team)?;
            workspace_of_team(call, workspace, team)?
        }
    };
    refuse_values(&call.body)?;
    let privacy = privacy_asked(call, workspace)?.unwrap_or_else(|| "public_to_workspace".to_owned());
    require_team(&privacy, team)?;
    let Dates { due_on, start_on } = Dates::asked(&call.body, Dates::default())?;
    let words = Words::asked(call, "notes", "html_notes")?.unwrap_or_default();
    let owner = match call.body.get("owner") {
        None => Some(call.viewer.user),
        Some(_) => call.body.gid("owner"),
    };

    let project = call.create_object(&PROJECT, workspace)?;
    let word = |name: &str, otherwise: &str| -> Value { call.body.text(name).unwrap_or(otherwise).into() };
    let columns = [
        ("gid", project.into()),
        ("workspace_id", workspace.into()),
        ("team_id", team.into()),
        ("name", word("name", "")),
        ("owner_id", owner.into()),
        ("archived", call.body.bool("archived").unwrap_or_default().into()),
        ("color", call.body.text("color").into()),
        ("icon", if call.body.has("icon") { call.body.text("icon").into() } else { "list".into() }),
        ("default_view", word("default_view", "list")),
        ("due_on", due_on.into()),
        ("start_on", start_on.into()),
        ("privacy_setting", privacy.into()),
        ("default_access_level", word("default_access_level", "editor")),
        ("minimum_access_level_for_customization", word("minimum_access_level_for_customization", "editor")),
        ("minimum_access_level_for_sharing", word("minimum_access_level_for_sharing", "editor")),
        ("completed", false.into()),
        ("created_at", call.now.into()),
        ("created_by_id", call.viewer.user.into()),
        ("modified_at", call.now.into()),
    ];
    call.insert(PROJECT.table, &[&columns[..], &words.columns("notes", "html_notes")].concat());
    add_section(call, workspace, project, "Untitled section", crate::order::Place::Last)?;

    let facts = Facts::of(call, project)?;
    let creator = call.viewer.user;
    facts.add_member(call, creator, Level::Admin)?;
    facts.add_follower(call, creator)?;
    if let Some(owner) = owner {
        require_member(call, workspace, owner, "owner")?;
        facts.add_member(call, owner, Level::Admin)?;
    }
    for user in call.body.gids("members").to_vec() {
        require_member(call, workspace, user, "members")?;
        facts.add_member(call, user, facts.default_level)?;
    }
    for user in call.body.gids("followers").to_vec() {
        require_member(call, workspace, user, "followers")?;
        facts.add_member(call, user, facts.default_level)?;
        facts.add_follower(call, user)?;
    }
    set_grants(call, project)?;
    call.record(&Change::new(Did::Added, PROJECT.kind, project, workspace), &facts.containers());
    set_current_status(call, project)?;
    Ok(Outcome::Object(project))
}

/// The workspace of a team, which is also the one that was named, if one was.
fn workspace_of_team(call: &mut Call<'_>, named: Option<i64>, team: i64) -> Result<i64> {
    let workspace = call.number("SELECT workspace_id FROM teams WHERE gid = ?1", &[team.into()])?.unwrap_or_default();
    match named {
        Some(named) if named != workspace => Err(Error::field("team", "Must be in the same workspace as the project")),
        _ => Ok(workspace),
    }
}

/// Values of custom fields are given to a project where a portfolio has the fields, and there are no portfolios.
pub fn refuse_values(body: &Body) -> Result<()> {
    match body.json("custom_fields").and_then(|fields| fields.keys().next()) {
        Some(field) => Err(not_on_object(engine::parameter::shortened(field))),
        None => Ok(()),
    }
}

/// What the real service says when a value or a setting is meant for a field that the object does not have.
pub fn not_on_object(field: impl std::fmt::Display) -> Error {
    Error::bad(format!("Custom field with ID {field} is not on given object"))
}

/// The privacy that the body asks for. `public` is its older name, which organizations never had.
fn privacy_asked(call: &mut Call<'_>, workspace: i64) -> Result<Option<String>> {
    if call.body.has("public") && is_organization(call, workspace)? {
        return Err(Error::not_writable("public"));
    }
    let named = call.body.text("privacy_setting").map(str::to_owned);
    let public = call.body.bool("public");
    Ok(named.or_else(|| public.map(|public| if public { "public_to_workspace" } else { "private" }.to_owned())))
}

fn require_team(privacy: &str, team: Option<i64>) -> Result<()> {
    match team {
        None if privacy == "private_to_team" => {
            Err(Error::field("privacy_setting", "A project without a team cannot be private to its team"))
        }
        _ => Ok(()),
    }
}

/// When a project begins and ends.
#[derive(Clone, Debug, Default, PartialEq)]
struct Dates {
    due_on: Option<String>,
    start_on: Option<String>,
}

impl Dates {
    /// What the body makes of them.
    fn asked(body: &Body, now: Dates) -> Result<Dates> {
        let due = match (body.get("due_on"), body.get("due_date")) {
            (Some(due_on), Some(due_date)) if due_on != due_date => {
                return Err(Error::bad("You may only provide one of due_on or due_date!"));
            }
            (due_on, due_date) => due_on.or(due_date),
        };
        let text = |given: &Given| {
            given.value().and_then(|value| match value {
                Value::Text(date) => Some(String::from(date)),
                _ => None,
            })
        };
        let start = body.get("start_on");
        if start.is_some() && due.is_none() && start.and_then(text) != now.start_on {
            return Err(Error::field("start_on", "due_on must be present in the request"));
        }
        let mut dates = Dates { due_on: due.map_or(now.due_on, text), start_on: start.map_or(now.start_on, text) };
        match (&dates.start_on, &dates.due_on) {
            (Some(start_on), Some(due_on)) if start_on >= due_on => {
                return Err(Error::field("start_on", "Must be before due_on"));
            }
            (Some(_), None) if start.and_then(text).is_some() => {
                return Err(Error::field("start_on", "A project without a due date cannot have a start date"));
            }
            // Who takes the due date away takes the start date away.
            (Some(_), None) => dates.start_on = None,
            _ => {}
        }
        Ok(dates)
    }
}

fn update_project(call: &mut Call<'_>) -> Result<Outcome> {
    let project = call.target;
    let facts = Facts::of(call, project)?;
    let own = call.level(&PROJECT, project)?.unwrap_or(Level::Viewer);
    for (property, least) in [
        ("color", facts.customization_level),
        ("icon", facts.customization_level),
        ("default_view", facts.customization_level),
        ("privacy_setting", facts.sharing_level),
        ("public", facts.sharing_level),
        ("team", facts.sharing_level),
        ("default_access_level", Level::Admin),
        ("minimum_access_level_for_customization", Level::Admin),
        ("minimum_access_level_for_sharing", Level::Admin),
    ] {
        if call.body.has(property) && own < least {
            return Err(Error::no_permission(PROJECT.kind));
        }
    }
    refuse_values(&call.body)?;
    let team = match call.body.get("team") {
        None => facts.team,
        Some(_) => call.body.gid("team"),
    };
    if let Some(team) = team
        && facts.team != Some(team)
    {
        call.require(&TEAM, "team", team, Level::Editor)?;
        require_content(call, team)?;
        workspace_of_team(call, Some(facts.workspace), team)?;
    }
    let privacy = privacy_asked(call, facts.workspace)?;
    if privacy.is_some() || team != facts.team {
        let now = "SELECT privacy_setting FROM projects WHERE gid = ?1";
        let privacy = match &privacy {
            Some(privacy) => privacy.clone(),
            None => call.text(now, &[project.into()])?.unwrap_or_default(),
        };
        require_team(&privacy, team)?;
    }
    if let Some(owner) = call.body.gid("owner") {
        require_member(call, facts.workspace, owner, "owner")?;
        facts.share(call, &[owner], own)?;
    }

    let mut wanted: Vec<Wanted> = Vec::new();
    for field in PROJECT.fields {
        // The others follow their own rules.
        let own = ["due_on", "due_date", "start_on", "html_notes", "notes", "privacy_setting"];
        if !own.contains(&field.name)
            && !field.name.starts_with("current_status")
            && let Some(column) = field.stored_in()
            && let Some(value) = call.body.get(field.name).and_then(Given::value)
        {
            wanted.push(Wanted { field: field.name, column, value });
        }
    }
    if call.body.has("due_on") || call.body.has("due_date") || call.body.has("start_on") {
        let now = Dates {
            due_on: call.text("SELECT due_on FROM projects WHERE gid = ?1", &[project.into()])?,
            start_on: call.text("SELECT start_on FROM projects WHERE gid = ?1", &[project.into()])?,
        };
        let Dates { due_on, start_on } = Dates::asked(&call.body, now)?;
        wanted.push(Wanted { field: "due_on", column: "due_on", value: due_on.into() });
        wanted.push(Wanted { field: "start_on", column: "start_on", value: start_on.into() });
    }
    if let Some(words) = Words::asked(call, "notes", "html_notes")? {
        let columns = words.columns("notes", "html_notes");
        wanted.extend(columns.map(|(column, value)| Wanted { field: "notes", column, value }));
    }
    if let Some(privacy) = privacy {
        wanted.push(Wanted { field: "privacy_setting", column: "privacy_setting", value: privacy.into() });
    }
    set_current_status(call, project)?;
    let changed = differing(call, project, wanted)?;
    if changed.is_empty() {
        return Ok(Outcome::Object(project));
    }
    let mut columns: Vec<(&str, Value)> = changed.iter().map(|wanted| (wanted.column, wanted.value.clone())).collect();
    columns.push(("modified_at", call.now.into()));
    call.update(PROJECT.table, project, &columns)?;
    set_grants(call, project)?;
    let containers = Facts::of(call, project)?.containers();
    for (at, Wanted { field, value, .. }) in changed.iter().enumerate() {
        if changed[..at].iter().any(|before| before.field == *field) {
            continue;
        }
        let named = match value {
            Value::Int(gid) => Some(*gid),
            _ => None,
        };
        let change = Change::new(Did::Changed, PROJECT.kind, project, facts.workspace).field(field).value(named);
        call.record(&change, &containers);
    }
    Ok(Outcome::Object(project))
}

/// A column that a body wants to have another value.
struct Wanted {
    field: &'static str,
    column: &'static str,
    value: Value,
}

/// Those that make a difference.
fn differing(call: &mut Call<'_>, project: i64, mut wanted: Vec<Wanted>) -> Result<Vec<Wanted>> {
    if wanted.is_empty() {
        return Ok(wanted);
    }
    let differs: Vec<String> = wanted
        .iter()
        .enumerate()
        .map(|(at, wanted)| format!("{} IS DISTINCT FROM ?{}", wanted.column, at + 2))
        .collect();
    let mut parameters: Vec<Value> = vec![project.into()];
    parameters.extend(wanted.iter().map(|wanted| wanted.value.clone()));
    let types = vec![Type::Bool; wanted.len()];
    let sql = format!("SELECT {} FROM projects WHERE gid = ?1", differs.join(", "));
    let block = call.query(&sql, &types, &parameters)?;
    let mut at = 0;
    wanted.retain(|_| {
        at += 1;
        block.bool(0, at - 1)
    });
    Ok(wanted)
}

fn add_members(call: &mut Call<'_>) -> Result<Outcome> {
    let (project, users) = (call.target, call.body.gids("members").to_vec());
    let facts = Facts::of(call, project)?;
    for user in &users {
        require_member(call, facts.workspace, *user, "members")?;
    }
    let own = call.level(&PROJECT, project)?.unwrap_or(Level::Viewer);
    facts.share(call, &users, own)?;
    Ok(Outcome::Object(project))
}

fn add_followers(call: &mut Call<'_>) -> Result<Outcome> {
    let (project, users) = (call.target, call.body.gids("followers").to_vec());
    let facts = Facts::of(call, project)?;
    for user in &users {
        require_member(call, facts.workspace, *user, "followers")?;
    }
    let own = call.level(&PROJECT, project)?.unwrap_or(Level::Viewer);
    if own < Level::Editor && users.iter().any(|user| *user != call.viewer.user) {
        return Err(Error::no_permission(PROJECT.kind));
    }
    facts.share(call, &users, own)?;
    for user in users {
        if facts.add_follower(call, user)? {
            facts.record_member(call, "followers", Did::Added, user);
        }
    }
    Ok(Outcome::Object(project))
}

fn remove_members(call: &mut Call<'_>) -> Result<Outcome> {
    let project = call.target;
    let facts = Facts::of(call, project)?;
    let own = call.level(&PROJECT, project)?.unwrap_or(Level::Viewer);
    for user in call.body.gids("members").to_vec() {
        let Some((membership, level)) = facts.membership(call, user)? else {
            continue;
        };
        facts.require_removal(call, user, level, own)?;
        facts.remove_member(call, membership, user)?;
    }
    set_grants(call, project)?;
    Ok(Outcome::Object(project))
}

fn remove_followers(call: &mut Call<'_>) -> Result<Outcome> {
    let project = call.target;
    let facts = Facts::of(call, project)?;
    let own = call.level(&PROJECT, project)?.unwrap_or(Level::Viewer);
    for user in call.body.gids("followers").to_vec() {
        if user != call.viewer.user && own < Level::Editor {
            return Err(Error::no_permission(PROJECT.kind));
        }
        facts.remove_follower(call, user)?;
    }
    Ok(Outcome::Object(project))
}

/// What rules have to know about a project.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Its gid.
    pub project: i64,
    /// Its workspace.
    pub workspace: i64,
    /// Its team.
    pub team: Option<i64>,
    /// What somebody may do who joins.
    pub default_level: Level,
    /// From which level on its appearance and its fields may be changed.
    pub customization_level: Level,
    /// From which level on it may be shared.
    pub sharing_level: Level,
}

impl Facts {
    /// Loads them.
    pub fn of(call: &mut Call<'_>, project: i64) -> Result<Facts> {
        let block = call.query(
            "SELECT workspace_id, team_id, default_access_level, minimum_access_level_for_customization, \
             minimum_access_level_for_sharing FROM projects WHERE gid = ?1",
            &[Type::Int, Type::Int, Type::Text, Type::Text, Type::Text],
            &[project.into()],
        )?;
        if block.is_empty() {
            return Err(Error::deleted(PROJECT.kind, project));
        }
        let level = |column| block.text(0, column).and_then(Level::from_name);
        Ok(Facts {
            project,
            workspace: block.int(0, 0).unwrap_or_default(),
            team: block.int(0, 1),
            default_level: level(2).unwrap_or(Level::Viewer),
            customization_level: level(3).unwrap_or(Level::Admin),
            sharing_level: level(4).unwrap_or(Level::Admin),
        })
    }

    /// Where changes of the project are heard beside the project itself.
    pub fn containers(&self) -> Vec<i64> {
        std::iter::once(self.workspace).chain(self.team).collect()
    }

    /// Refuses unless a caller of level `own` may put out a member of this level. Everyone may leave; nobody puts out
    /// somebody who may do more.
    pub fn require_removal(&self, call: &Call<'_>, member: i64, level: Level, own: Level) -> Result<()> {
        match member != call.viewer.user && (own < self.sharing_level || own < level) {
            true => Err(Error::no_permission(PROJECT.kind)),
            false => Ok(()),
        }
    }

    /// Ends a membership. [`set_grants`] has to follow.
    pub fn remove_member(&self, call: &mut Call<'_>, membership: i64, member: i64) -> Result<()> {
        call.execute("DELETE FROM project_memberships WHERE gid = ?1", &[membership.into()])?;
        call.delete_object(membership)?;
        self.record_member(call, "members", Did::Removed, member);
        self.remove_follower(call, member)
    }

    /// Lets go of somebody who leaves the workspace. What the person owned goes to `heir`, who then administers it.
    pub fn part_with(&self, call: &mut Call<'_>, user: i64, heir: Option<i64>) -> Result<()> {
        if let Some((membership, _)) = self.membership(call, user)? {
            self.remove_member(call, membership, user)?;
        }
        self.remove_follower(call, user)?;
        self.pass_on(call, user, heir)?;
        set_grants(call, self.project)
    }

    /// Gives what a person owns to `heir`, who then administers it, or to nobody. [`set_grants`] has to follow.
    pub fn pass_on(&self, call: &mut Call<'_>, user: i64, heir: Option<i64>) -> Result<()> {
        let owned = "SELECT gid FROM projects WHERE gid = ?1 AND owner_id = ?2";
        if call.number(owned, &[self.project.into(), user.into()])?.is_some() {
            call.update(PROJECT.table, self.project, &[("owner_id", heir.into())])?;
            let change = Change::new(Did::Changed, PROJECT.kind, self.project, self.workspace);
            call.record(&change.field("owner").value(heir), &self.containers());
            if let Some(heir) = heir {
                self.set_member(call, heir, Level::Admin)?;
            }
        }
        Ok(())
    }

    /// Makes a user or a team a member of this level, whatever it was before. [`set_grants`] has to follow.
    pub fn set_member(&self, call: &mut Call<'_>, member: i64, level: Level) -> Result<()> {
        match self.membership(call, member)? {
            None => {
                self.add_member(call, member, level)?;
                self.record_member(call, "members", Did::Added, member);
                Ok(())
            }
            Some((_, known)) if known == level => Ok(()),
            Some((membership, _)) => {
                call.update(PROJECT_MEMBERSHIP.table, membership, &[("access_level", level.name().into())])?;
                let change = Change::new(Did::Changed, PROJECT_MEMBERSHIP.kind, membership, self.workspace);
                call.record(&change.field("access_level").parent(self.project), &[self.project]);
                Ok(())
            }
        }
    }

    /// The membership of a user or a team, and what it allows.
    pub fn membership(&self, call: &mut Call<'_>, member: i64) -> Result<Option<(i64, Level)>> {
        let block = call.query(
            "SELECT gid, access_level FROM project_memberships WHERE project_id = ?1 AND member_id = ?2",
            &[Type::Int, Type::Text],
            &[self.project.into(), member.into()],
        )?;
        if block.is_empty() {
            return Ok(None);
        }
        let level = block.text(0, 1).and_then(Level::from_name).unwrap_or(Level::Viewer);
        Ok(block.int(0, 0).map(|membership| (membership, level)))
    }

    /// Makes users members where they are not, as a caller of level `own` may. Who joins alone needs no right to share;
    /// nobody gives more than they have.
    fn share(&self, call: &mut Call<'_>, users: &[i64], own: Level) -> Result<()> {
        let mut joined = false;
        for user in users {
            if self.membership(call, *user)?.is_some() {
                continue;
            }
            if *user != call.viewer.user && own < self.sharing_level {
                return Err(Error::no_permission(PROJECT.kind));
            }
            self.add_member(call, *user, self.default_level.min(own))?;
            self.record_member(call, "members", Did::Added, *user);
            joined = true;
        }
        if joined { set_grants(call, self.project) } else { Ok(()) }
    }

    /// Makes a user or a team a member unless it is one. [`set_grants`] has to follow.
    pub fn add_member(&self, call: &mut Call<'_>, member: i64, level: Level) -> Result<()> {
        call.lock(self.project)?;
        if self.membership(call, member)?.is_some() {
            return Ok(());
        }
        let membership = call.create_object(&PROJECT_MEMBERSHIP, self.workspace)?;
        call.insert(
            PROJECT_MEMBERSHIP.table,
            &[
                ("gid", membership.into()),
                ("workspace_id", self.workspace.into()),
                ("project_id", self.project.into()),
                ("member_id", member.into()),
                ("access_level", level.name().into()),
                ("created_at", call.now.into()),
            ],
        );
        Ok(())
    }

    fn add_follower(&self, call: &mut Call<'_>, user: i64) -> Result<bool> {
        call.insert_new("project_followers", &[("project_id", self.project.into()), ("user_id", user.into())])
    }

    fn remove_follower(&self, call: &mut Call<'_>, user: i64) -> Result<()> {
        let removed = call.execute(
            "DELETE FROM project_followers WHERE project_id = ?1 AND user_id = ?2",
            &[self.project.into(), user.into()],
        )?;
        if removed > 0 {
            self.record_member(call, "followers", Did::Removed, user);
        }
        Ok(())
    }

    fn record_member(&self, call: &mut Call<'_>, field: &str, did: Did, user: i64) {
        let change = Change::new(Did::Changed, PROJECT.kind, self.project, self.workspace);
        call.record(&change.field(field).member(did, user), &self.containers());
    }
}

/// Refuses unless the caller may change the project's appearance and its fields.
pub fn require_customization(call: &mut Call<'_>, project: i64) -> Result<Facts> {
    let facts = Facts::of(call, project)?;
    call.require_target(&PROJECT, project, facts.customization_level)?;
    Ok(facts)
}

/// Writes down who may do what in a project: its members at their levels; at its default level its team, unless it is
/// private, and its workspace, if it is public. In the trash nobody.
pub fn set_grants(call: &mut Call<'_>, project: i64) -> Result<()> {
    // Two at once would not see each other's memberships.
    call.lock(project)?;
    call.execute("DELETE FROM grants WHERE scope_id = ?1", &[project.into()])?;
    let mut level = String::from("CASE s.access_level");
    for known in Level::ALL {
        level.push_str(&format!(" WHEN '{known}' THEN {}", known.as_i64()));
    }
    level.push_str(" END");
    call.execute(
        &format!(
            "INSERT INTO grants (scope_id, principal_id, level) SELECT p.gid, s.principal_id, max({level}) \
             FROM projects p CROSS JOIN (\
               SELECT m.member_id AS principal_id, m.access_level FROM project_memberships m WHERE m.project_id = ?1 \
               UNION ALL SELECT w.workspace_id, w.default_access_level FROM projects w \
                 WHERE w.gid = ?1 AND w.privacy_setting = 'public_to_workspace' \
               UNION ALL SELECT w.team_id, w.default_access_level FROM projects w \
                 WHERE w.gid = ?1 AND w.team_id IS NOT NULL AND w.privacy_setting <> 'private') s \
             WHERE p.gid = ?1 AND p.deleted_at IS NULL GROUP BY p.gid, s.principal_id"
        ),
        &[project.into()],
    )?;
    Ok(())
}

/// Remembers that a project has changed just now.
pub fn touch(call: &mut Call<'_>, project: i64) -> Result<()> {
    let now = call.now;
    call.update(PROJECT.table, project, &[("modified_at", now.into())])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};
    use store::Type;
    use testkit::{Answer, Client, both, gid};

    use crate::world::{Small, small};

    fn names(list: &Json) -> Vec<&str> {
        list.as_array().expect("a list").iter().filter_map(|item| item["name"].as_str()).collect()
    }

    async fn project(client: &Client, data: Json) -> String {
        gid(&client.post("/projects", data).await.created())
    }

    #[track_caller]
    fn forbidden(answer: &Answer) {
        answer.refused(403, "You do not have permission to change this project.");
    }

    #[track_caller]
    fn hidden(answer: &Answer) {
        answer.refused(403, "You do not have access to this project.");
    }

    both!(a_fresh_project_has_the_usual_settings, small, |small: Small| async move {
        let Small { ann, workspace, team, .. } = small;
        let project = ann.post("/projects", json!({"team": team, "name": "Launch"})).await.created();
        let me = json!({"gid": ann.user.to_string(), "resource_type": "user", "name": "Ann Example"});
        let whole = json!({
            "gid": gid(&project), "resource_type": "project", "archived": false, "color": null, "completed": false,
            "completed_at": null, "completed_by": null, "created_at": "2026-03-02T10:00:00.000Z",
            "current_status": null, "current_status_update": null, "custom_fields": [], "custom_field_settings": [],
            "default_access_level": "editor", "default_view": "list", "due_on": null, "due_date": null,
            "followers": [me], "icon": "list", "members": [me],
            "minimum_access_level_for_customization": "editor", "minimum_access_level_for_sharing": "editor",
            "modified_at": "2026-03-02T10:00:00.000Z", "name": "Launch", "notes": "", "owner": me,
            "permalink_url": format!("http://localhost/1/{workspace}/project/{}", gid(&project)),
            "privacy_setting": "public_to_workspace", "public": true, "start_on": null,
            "team": {"gid": team, "resource_type": "team", "name": "Makers"},
            "workspace": {"gid": workspace, "resource_type": "workspace", "name": "Acme"}
        });
        assert_eq!(project, whole);
        let path = format!("/projects/{}", gid(&project));
        let read = ann.get(&path).await;
        assert_eq!(read.ok(), whole);
        // In the order of the real service, gid first.
        let text = String::from_utf8(read.response.body.clone()).unwrap();
        let mut rest = text.as_str();
        for key in "gid resource_type archived color completed completed_at completed_by created_at current_status \
            current_status_update custom_fields custom_field_settings default_access_level default_view due_on \
            due_date followers icon members minimum_access_level_for_customization minimum_access_level_for_sharing \
            modified_at name notes owner permalink_url privacy_setting public start_on team workspace"
            .split_whitespace()
        {
            let at = rest.find(&format!("\"{key}\":"));
            rest = &rest[at.unwrap_or_else(|| panic!("{key} comes later than it should: {text}"))..];
        }
        let some = ann.get(&format!("{path}?opt_fields=owner,team.name,html_notes,public")).await.ok();
        assert_eq!(
            some,
            json!({"gid": gid(&project), "html_notes": "<body></body>", "owner": me, "public": true,
                "team": {"gid": team, "name": "Makers"}})
        );
        let sections = ann.get(&format!("{path}/sections")).await.ok();
        assert_eq!(names(&sections), ["Untitled section"]);
    });

    both!(a_project_is_created_with_everything, small, |small: Small| async move {
        let Small { ann, bob, cat, workspace, team, .. } = small;
        let data = json!({
            "name": "Launch", "archived": true, "color": "light-green", "icon": "rocket", "default_view": "board",
            "due_date": "2026-05-04", "start_on": "2026-05-01", "html_notes": "<body>We <b>launch</b></body>",
            "privacy_setting": "private_to_team", "default_access_level": "commenter",
            "minimum_access_level_for_customization": "admin", "minimum_access_level_for_sharing": "admin",
            "owner": "bob@acme.example", "followers": format!("{},me", cat.user), "members": [bob.user.to_string()],
            "team": team, "workspace": workspace, "custom_fields": {}
        });
        let project = ann.post("/projects?opt_fields=archived,color,icon,default_view,due_on,due_date,start_on,notes,html_notes,privacy_setting,public,default_access_level,minimum_access_level_for_sharing,owner.name,followers.name,members.name", data).await.created();
        let person = |client: &Client, name: &str| json!({"gid": client.user.to_string(), "name": name});
        let (a, b, c) = (person(&ann, "Ann Example"), person(&bob, "Bob Example"), person(&cat, "Cat Example"));
        assert_eq!(
            project,
            json!({
                "gid": gid(&project), "archived": true, "color": "light-green", "icon": "rocket", "default_view": "board",
                "due_on": "2026-05-04", "due_date": "2026-05-04", "start_on": "2026-05-01", "notes": "We launch",
                "html_notes": "<body>We <strong>launch</strong></body>", "privacy_setting": "private_to_team",
                "public": false, "default_access_level": "commenter", "minimum_access_level_for_sharing": "admin",
                "owner": b, "followers": [a, c], "members": [a, b, c]
            })
        );
        let path = format!("/projects/{}", gid(&project));
        // Bob owns it, Cat only follows.
        bob.put(&path, json!({"default_access_level": "viewer"})).await.ok();
        forbidden(&cat.put(&path, json!({"name": "Mine"})).await);
    });

    both!(where_a_project_is_created, small, |small: Small| async move {
        let Small { ann, bob, cat, guest, stranger, workspace, team, world } = small;
        ann.post("/projects", json!({"name": "x"})).await.refused(400, "You should specify one of workspace, team");
        let (in_team, in_workspace) = (format!("/teams/{team}/projects"), format!("/workspaces/{workspace}/projects"));
        let project = ann.post(&in_team, json!({"name": "x"})).await.created();
        assert_eq!(project["team"]["gid"], json!(team));
        let project = cat.post(&in_workspace, json!({"name": "y"})).await.created();
        assert_eq!(project["team"], json!(null));
        let project = bob.post(&in_workspace, json!({"name": "z", "team": team})).await.created();
        assert_eq!(project["team"]["gid"], json!(team));
        // Only its members put projects into a team, and guests none into a workspace.
        let refusal = "You do not have permission to change this team.";
        cat.post(&in_team, json!({"name": "x"})).await.refused(403, refusal);
        cat.post("/projects", json!({"team": team})).await.refused(403, refusal);
        let refusal = "You do not have permission to change this workspace.";
        guest.post(&in_workspace, json!({"name": "x"})).await.refused(403, refusal);
        guest.post("/projects", json!({"workspace": workspace})).await.refused(403, refusal);
        stranger.post(&in_team, json!({})).await.refused(404, &format!("team: Not a recognized ID: {team}"));
        stranger
            .post("/projects", json!({"workspace": workspace}))
            .await
            .refused(400, &format!("workspace: Unknown object: {workspace}"));
        // A team implies its workspace.
        let (elsewhere, user) = (world.clone(), ann.user);
        let other = elsewhere
            .write(move |call| {
                let other = crate::workspace::create_workspace(call, "Side", false)?;
                crate::workspace::add_member(call, other, user, crate::workspace::Role::Member)?;
                Ok(other)
            })
            .await;
        ann.post("/projects", json!({"team": team, "workspace": other.to_string()}))
            .await
            .refused(400, "team: Must be in the same workspace as the project");
        // A workspace that is no organization knows `public`.
        let private = ann.post("/projects", json!({"workspace": other.to_string(), "public": false})).await.created();
        assert_eq!((&private["privacy_setting"], &private["public"]), (&json!("private"), &json!(false)));
        let path = format!("/projects/{}", gid(&private));
        assert_eq!(ann.put(&path, json!({"public": true})).await.ok()["privacy_setting"], "public_to_workspace");
        ann.post("/projects", json!({"workspace": workspace, "public": true}))
            .await
            .refused(400, "public: Cannot write this property");
    });

    both!(changes_are_heard, small, |small: Small| async move {
        let Small { ann, bob, workspace, team, world, .. } = small;
        let project = project(&ann, json!({"team": team, "name": "x"})).await;
        let path = format!("/projects/{project}");
        let data = json!({"name": "y", "archived": false, "owner": bob.user.to_string(),
            "html_notes": "<body><b>z</b></body>", "due_on": "2026-05-04"});
        ann.put(&path, data).await.ok();
        ann.post(&format!("{path}/addFollowers"), json!({"followers": [bob.user.to_string()]})).await.ok();
        let (project, user) = (project.parse::<i64>().unwrap(), bob.user);
        for container in [project, workspace.parse().unwrap(), team.parse().unwrap()] {
            let heard = world
                .write(move |call| {
                    let block = call.query(
                        "SELECT c.action, c.field, c.field_action, c.value FROM changes c \
                         JOIN change_routes r ON r.set_id = c.set_id WHERE r.container_id = ?1 AND c.object_id = ?2 \
                         ORDER BY c.set_id, c.number",
                        &[Type::Text, Type::Text, Type::Text, Type::Int],
                        &[container.into(), project.into()],
                    )?;
                    let text = |row, column| block.text(row, column).unwrap_or("-").to_owned();
                    let row = |row| (text(row, 0), text(row, 1), text(row, 2), block.int(row, 3));
                    Ok((0..block.len()).map(row).collect::<Vec<_>>())
                })
                .await;
            let expected = [
                ("added", "-", "-", None),
                ("changed", "members", "added", Some(user)),
                ("changed", "name", "changed", None),
                ("changed", "owner", "changed", Some(user)),
                ("changed", "due_on", "changed", None),
                ("changed", "notes", "changed", None),
                ("changed", "followers", "added", Some(user)),
            ];
            let expected = expected.map(|(action, field, did, value)| (action.into(), field.into(), did.into(), value));
            assert_eq!(heard, expected);
        }
    });

    both!(what_is_refused, small, |small: Small| async move {
        let Small { ann, cat, stranger, workspace, .. } = small;
        let path = format!("/projects/{}", project(&ann, json!({"workspace": workspace, "name": "x"})).await);
        let create = |data: Json| {
            let mut data = data;
            data["workspace"] = json!(workspace);
            ann.post("/projects", data)
        };
        for (data, message) in [
            (json!({"name": 5}), "name: Value is not a string: 5"),
            (json!({"name": null}), "name: Value must not be null"),
            (
                json!({"color": "pink"}),
                "color: Not a recognized value: pink. Use one of: dark-pink, dark-green, dark-blue, dark-red, dark-teal, dark-brown, dark-orange, dark-purple, dark-warm-gray, light-pink, light-green, light-blue, light-red, light-teal, light-brown, light-orange, light-purple, light-warm-gray, none",
            ),
            (json!({"due_on": "4 May"}), "due_on: Date must be in ISO-8601 (yyyy-mm-dd) format, not: 4 May"),
            (
                json!({"due_on": "2026-05-04", "due_date": "2026-05-05"}),
                "You may only provide one of due_on or due_date!",
            ),
            (json!({"start_on": "2026-05-04"}), "start_on: due_on must be present in the request"),
            (json!({"start_on": "2026-05-04", "due_on": "2026-05-04"}), "start_on: Must be before due_on"),
            (
                json!({"start_on": "2026-05-04", "due_on": null}),
                "start_on: A project without a due date cannot have a start date",
            ),
            (json!({"notes": "a", "html_notes": "<body>a</body>"}), "You may only provide one of notes or html_notes!"),
            (json!({"html_notes": "a"}), "Rich text should be wrapped in <body> tag."),
            (json!({"html_notes": "<body><p>a</p></body>"}), "XML is invalid"),
            (json!({"custom_fields": {"12": "x"}}), "Custom field with ID 12 is not on given object"),
            (json!({"custom_fields": 5}), "custom_fields: Value is not a JSON object: 5"),
            (json!({"owner": 5}), "owner: Not a valid GID type: number"),
            (
                json!({"privacy_setting": "private_to_team"}),
                "privacy_setting: A project without a team cannot be private to its team",
            ),
            (json!({"completed": true}), "completed: Cannot write this property"),
        ] {
            create(data.clone()).await.refused(400, message);
            ann.put(&path, data).await.refused(400, message);
        }
        let sam = stranger.user;
        let message = format!("owner: Not a user in Organization: {sam}");
        ann.put(&path, json!({"owner": sam.to_string()})).await.refused(400, &message);
        create(json!({"owner": sam.to_string()})).await.refused(400, &message);
        ann.put(&path, json!({"workspace": workspace})).await.refused(400, "workspace: Cannot write this property");
        ann.put(&path, json!({"followers": [cat.user.to_string()]}))
            .await
            .refused(400, "followers: Cannot write this property");
        ann.put("/projects/0", json!({})).await.refused(404, "project: Not a recognized ID: 0");
        ann.get("/projects/x").await.refused(400, "project: Not a Long: x");
        ann.get(&format!("/projects/{workspace}"))
            .await
            .refused(404, &format!("project: Not a recognized ID: {workspace}"));
        // Nothing of it has happened.
        assert_eq!(ann.get("/projects").await.ok().as_array().unwrap().len(), 1);
    });

    both!(a_project_changes, small, |small: Small| async move {
        let Small { ann, bob, workspace, team, world, .. } = small;
        let path = format!("/projects/{}", project(&ann, json!({"team": team, "name": "x"})).await);
        world.clock.advance(60_000);
        // A value that is there already changes nothing.
        assert_eq!(ann.put(&path, json!({"name": "x"})).await.ok()["modified_at"], "2026-03-02T10:00:00.000Z");
        let changed = bob
            .put(
                &path,
                json!({"name": "y", "due_on": "2026-05-04", "start_on": "2026-05-01", "notes": "a < b",
                "color": "none", "owner": null, "archived": true, "icon": null}),
            )
            .await
            .ok();
        assert_eq!(
            (&changed["name"], &changed["due_date"], &changed["start_on"], &changed["color"], &changed["owner"]),
            (&json!("y"), &json!("2026-05-04"), &json!("2026-05-01"), &json!("none"), &json!(null))
        );
        assert_eq!((&changed["archived"], &changed["icon"]), (&json!(true), &json!(null)));
        assert_eq!(changed["modified_at"], "2026-03-02T10:01:00.000Z");
        let html = ann.get(&format!("{path}?opt_fields=html_notes")).await.ok();
        assert_eq!(html["html_notes"], "<body>a &lt; b</body>");
        ann.put(&path, json!({"start_on": null})).await.refused(400, "start_on: due_on must be present in the request");
        ann.put(&path, json!({"due_on": "2026-04-30"})).await.refused(400, "start_on: Must be before due_on");
        let cleared = ann.put(&path, json!({"due_date": null})).await.ok();
        assert_eq!((&cleared["due_on"], &cleared["start_on"]), (&json!(null), &json!(null)));
        let html = ann.put(&path, json!({"html_notes": "<body><em>c</em></body>"})).await.ok();
        assert_eq!(html["notes"], "c");
        // It leaves its team and comes back; another workspace's team is no team of it.
        assert_eq!(ann.put(&path, json!({"team": null})).await.ok()["team"], json!(null));
        ann.put(&path, json!({"team": team, "privacy_setting": "private_to_team"})).await.ok();
        ann.put(&path, json!({"team": null}))
            .await
            .refused(400, "privacy_setting: A project without a team cannot be private to its team");
        let _ = workspace;
    });

    both!(who_sees_a_project, small, |small: Small| async move {
        let Small { ann, bob, cat, guest, stranger, workspace, team, .. } = small;
        let public = project(&ann, json!({"workspace": workspace, "name": "public"})).await;
        let ours = project(&ann, json!({"team": team, "name": "team", "privacy_setting": "private_to_team"})).await;
        let private = project(&ann, json!({"team": team, "name": "private", "privacy_setting": "private"})).await;
        let list = format!("/workspaces/{workspace}/projects");
        for (client, seen) in [
            (&ann, vec!["public", "team", "private"]),
            (&bob, vec!["public", "team"]),
            (&cat, vec!["public"]),
            (&guest, vec![]),
        ] {
            assert_eq!(names(&client.get(&list).await.ok()), seen);
            assert_eq!(names(&client.get("/projects").await.ok()), seen);
            assert_eq!(names(&client.get(&format!("/projects?workspace={workspace}")).await.ok()), seen);
            assert_eq!(names(&Json::from(client.pages("/projects", 1).await)), seen);
            for (project, name) in [(&public, "public"), (&ours, "team"), (&private, "private")] {
                let answer = client.get(&format!("/projects/{project}")).await;
                let counts = client.get(&format!("/projects/{project}/task_counts?opt_fields=num_tasks")).await;
                let sections = client.get(&format!("/projects/{project}/sections")).await;
                if seen.contains(&name) {
                    answer.ok();
                    assert_eq!(counts.ok(), json!({"num_tasks": 0}));
                    assert_eq!(names(&sections.ok()), ["Untitled section"]);
                } else {
                    for answer in [answer, counts, sections] {
                        hidden(&answer);
                    }
                }
            }
        }
        assert_eq!(names(&stranger.get("/projects").await.ok()), Vec::<&str>::new());
        for path in [&list, &format!("/projects?workspace={workspace}"), &format!("/projects?team={team}")] {
            assert!(stranger.get(path).await.response.status >= 400);
        }
        for path in ["", "/sections", "/task_counts"] {
            stranger
                .get(&format!("/projects/{public}{path}"))
                .await
                .refused(404, &format!("project: Not a recognized ID: {public}"));
        }
        let in_team = names(&bob.get(&format!("/teams/{team}/projects")).await.ok()).join(" ");
        assert_eq!(in_team, "team");
        assert_eq!(names(&cat.get(&format!("/projects?team={team}")).await.ok()), Vec::<&str>::new());
        let both = format!("/projects?team={team}&workspace={workspace}");
        assert_eq!(names(&ann.get(&both).await.ok()), ["team", "private"]);
        // The public one becomes private, and Cat is out.
        ann.put(&format!("/projects/{public}"), json!({"privacy_setting": "private"})).await.ok();
        hidden(&cat.get(&format!("/projects/{public}")).await);
    });

    both!(archived_projects_are_asked_for, small, |small: Small| async move {
        let Small { ann, workspace, team, .. } = small;
        project(&ann, json!({"team": team, "name": "old", "archived": true})).await;
        project(&ann, json!({"team": team, "name": "new"})).await;
        for list in ["/projects?", &format!("/teams/{team}/projects?"), &format!("/workspaces/{workspace}/projects?")] {
            assert_eq!(names(&ann.get(&format!("{list}archived=True")).await.ok()), ["old"]);
            assert_eq!(names(&ann.get(&format!("{list}archived=false")).await.ok()), ["new"]);
            assert_eq!(names(&ann.get(list).await.ok()), ["old", "new"]);
        }
        ann.get("/projects?archived=maybe").await.refused(400, "archived: Value is not a boolean: maybe");
    });

    both!(members_come_and_go, small, |small: Small| async move {
        let Small { ann, bob, cat, guest, stranger, workspace, .. } = small;
        let data = json!({"workspace": workspace, "name": "x", "privacy_setting": "private"});
        let path = format!("/projects/{}", project(&ann, data).await);
        let (add, remove) = (format!("{path}/addMembers"), format!("{path}/removeMembers"));
        hidden(&bob.post(&add, json!({"members": "me"})).await);
        let added = ann.post(&add, json!({"members": format!("{},gus@guest.example", bob.user)})).await.ok();
        assert_eq!(names(&added["members"]), ["Ann Example", "Bob Example", "Gus Guest"]);
        assert_eq!(names(&added["followers"]), ["Ann Example"]);
        guest.put(&path, json!({"name": "y"})).await.ok();
        // Editors share, as nobody has said otherwise, and change nothing about who may.
        bob.post(&add, json!({"members": [cat.user.to_string()]})).await.ok();
        forbidden(&bob.put(&path, json!({"minimum_access_level_for_sharing": "admin"})).await);
        forbidden(&bob.put(&path, json!({"default_access_level": "admin"})).await);
        // They put out their equals, not an admin; and whoever wants to leaves.
        forbidden(&bob.post(&remove, json!({"members": [ann.user.to_string()]})).await);
        let left = bob.post(&remove, json!({"members": [cat.user.to_string()]})).await.ok();
        assert_eq!(names(&left["members"]), ["Ann Example", "Bob Example", "Gus Guest"]);
        hidden(&cat.get(&path).await);
        guest.post(&remove, json!({"members": "me"})).await.ok();
        hidden(&guest.get(&path).await);
        ann.put(&path, json!({"minimum_access_level_for_sharing": "admin"})).await.ok();
        forbidden(&bob.post(&add, json!({"members": [cat.user.to_string()]})).await);
        forbidden(&bob.put(&path, json!({"privacy_setting": "public_to_workspace"})).await);
        forbidden(&bob.put(&path, json!({"owner": cat.user.to_string()})).await);
        forbidden(&bob.delete(&path).await);
        // What is refused.
        ann.post(&add, json!({})).await.refused(400, "members: Missing input");
        ann.post(&add, json!({"members": ["12"]})).await.refused(400, "members: [0]: Not a user in Organization: 12");
        let sam = stranger.user.to_string();
        ann.post(&add, json!({"members": [sam]}))
            .await
            .refused(400, &format!("members: [0]: Not a user in Organization: {sam}"));
        stranger
            .post(&add, json!({"members": "me"}))
            .await
            .refused(404, &format!("project: Not a recognized ID: {}", path.trim_start_matches("/projects/")));
    });

    both!(nobody_gives_more_than_they_have, small, |small: Small| async move {
        let Small { ann, bob, cat, workspace, .. } = small;
        let data = json!({"workspace": workspace, "name": "x", "default_access_level": "viewer"});
        let path = format!("/projects/{}", project(&ann, data).await);
        // Bob joins as the viewer that he already is, and does not become more by it.
        bob.post(&format!("{path}/addFollowers"), json!({"followers": "me"})).await.ok();
        ann.put(&path, json!({"default_access_level": "admin", "privacy_setting": "private"})).await.ok();
        forbidden(&bob.put(&path, json!({"name": "mine"})).await);
        forbidden(&bob.post(&format!("{path}/addMembers"), json!({"members": [cat.user.to_string()]})).await);
        forbidden(&bob.post(&format!("{path}/addFollowers"), json!({"followers": [cat.user.to_string()]})).await);
        forbidden(&bob.delete(&path).await);
        ann.post(&format!("{path}/addMembers"), json!({"members": [cat.user.to_string()]})).await.ok();
        cat.put(&path, json!({"minimum_access_level_for_sharing": "admin"})).await.ok();
    });

    both!(followers_are_members, small, |small: Small| async move {
        let Small { ann, bob, cat, workspace, .. } = small;
        let path = format!("/projects/{}", project(&ann, json!({"workspace": workspace, "name": "x"})).await);
        let (add, remove) = (format!("{path}/addFollowers"), format!("{path}/removeFollowers"));
        let added = ann.post(&add, json!({"followers": [bob.user.to_string(), cat.user.to_string()]})).await.ok();
        assert_eq!(names(&added["followers"]), ["Ann Example", "Bob Example", "Cat Example"]);
        assert_eq!(names(&added["members"]), ["Ann Example", "Bob Example", "Cat Example"]);
        let removed = bob.post(&remove, json!({"followers": "me"})).await.ok();
        assert_eq!(names(&removed["followers"]), ["Ann Example", "Cat Example"]);
        assert_eq!(names(&removed["members"]), ["Ann Example", "Bob Example", "Cat Example"]);
        let removed = ann.post(&format!("{path}/removeMembers"), json!({"members": [cat.user.to_string()]})).await.ok();
        assert_eq!(names(&removed["followers"]), ["Ann Example"]);
        ann.post(&add, json!({"followers": {}})).await.refused(400, "followers: Value is not an array: {}");
    });

    both!(counts_are_asked_for, small, |small: Small| async move {
        let Small { ann, workspace, .. } = small;
        let path = format!("/projects/{}/task_counts", project(&ann, json!({"workspace": workspace})).await);
        assert_eq!(ann.get(&path).await.json, json!({"data": {}}));
        assert_eq!(
            ann.get(&format!("{path}?opt_fields=num_tasks,num_milestones,gid,name")).await.ok(),
            json!({"num_milestones": 0, "num_tasks": 0})
        );
    });

    both!(tasks_are_counted, small, |small: Small| async move {
        let Small { ann, workspace, .. } = small;
        let project = project(&ann, json!({"workspace": workspace, "name": "x"})).await;
        for data in [
            json!({}),
            json!({"completed": true}),
            json!({"resource_subtype": "milestone"}),
            json!({"resource_subtype": "milestone", "completed": true}),
        ] {
            let mut data = data;
            data["projects"] = json!([project]);
            let task = gid(&ann.post("/tasks", data).await.created());
            // Subtasks and what lies in the trash do not count.
            ann.post(&format!("/tasks/{task}/subtasks"), json!({"name": "part"})).await.created();
            let trash = gid(&ann.post("/tasks", json!({"projects": [project]})).await.created());
            ann.delete(&format!("/tasks/{trash}")).await.ok();
        }
        let all = "num_completed_milestones,num_completed_tasks,num_incomplete_milestones,num_incomplete_tasks,\
            num_milestones,num_tasks";
        assert_eq!(
            ann.get(&format!("/projects/{project}/task_counts?opt_fields={all}")).await.ok(),
            json!({"num_completed_milestones": 1, "num_completed_tasks": 2, "num_incomplete_milestones": 1,
                "num_incomplete_tasks": 2, "num_milestones": 2, "num_tasks": 4})
        );
    });

    both!(tasks_go_with_their_last_project, small, |small: Small| async move {
        let Small { ann, bob, workspace, world, .. } = small;
        let (doomed, other, empty) = (
            project(&ann, json!({"workspace": workspace, "name": "doomed"})).await,
            project(&ann, json!({"workspace": workspace, "name": "other", "privacy_setting": "private"})).await,
            project(&ann, json!({"workspace": workspace, "name": "empty"})).await,
        );
        let task = |data: Json| {
            let ann = ann.clone();
            async move { gid(&ann.post("/tasks", data).await.created()) }
        };
        let alone = task(json!({"projects": [doomed], "name": "alone"})).await;
        let part = task(json!({"parent": alone, "name": "part"})).await;
        let crumb = task(json!({"parent": part, "name": "crumb"})).await;
        let shared = task(json!({"projects": [doomed, other], "name": "shared"})).await;
        let whole = task(json!({"projects": [other], "name": "whole"})).await;
        let guest_part = task(json!({"parent": whole, "name": "a part that is in the doomed project"})).await;
        ann.post(&format!("/tasks/{guest_part}/addProject"), json!({"project": doomed})).await.ok();
        ann.delete(&format!("/projects/{empty}")).await.ok();
        bob.get(&format!("/tasks/{shared}")).await.ok();

        ann.delete(&format!("/projects/{doomed}")).await.ok();
        for gone in [&alone, &part, &crumb] {
            ann.get(&format!("/tasks/{gone}")).await.refused(404, &format!("task: Unknown object: {gone}"));
        }
        for left in [&shared, &whole, &guest_part] {
            ann.get(&format!("/tasks/{left}")).await.ok();
        }
        let projects =
            ann.get(&format!("/tasks/{shared}?opt_fields=projects.name,memberships.project.name")).await.ok();
        assert_eq!(names(&projects["projects"]), ["other"]);
        assert_eq!(projects["memberships"], json!([{"project": {"gid": other, "name": "other"}}]));
        // Bob saw it through the project that is gone.
        bob.get(&format!("/tasks/{shared}")).await.refused(403, "You do not have access to this task.");

        let (doomed, mut gone) = (doomed.parse::<i64>().unwrap(), vec![alone, part, crumb]);
        let heard = world
            .write(move |call| {
                call.numbers(
                    "SELECT c.object_id FROM changes c JOIN change_routes r ON r.set_id = c.set_id \
                     WHERE r.container_id = ?1 AND c.action = 'deleted' AND c.kind = 'task' ORDER BY c.object_id",
                    &[doomed.into()],
                )
            })
            .await;
        gone.sort();
        assert_eq!(heard.iter().map(i64::to_string).collect::<Vec<_>>(), gone);
    });

    both!(a_deleted_project_is_gone, small, |small: Small| async move {
        let Small { ann, bob, cat, workspace, .. } = small;
        let project = project(&ann, json!({"workspace": workspace, "name": "x"})).await;
        let path = format!("/projects/{project}");
        let section = gid(&ann.get(&format!("{path}/sections")).await.ok()[0]);
        forbidden(&cat.delete(&path).await);
        assert_eq!(ann.delete(&path).await.json, json!({"data": {}}));
        for client in [&ann, &bob] {
            client.get(&path).await.refused(404, &format!("project: Unknown object: {project}"));
            assert_eq!(client.get("/projects").await.ok(), json!([]));
            assert!(client.get(&format!("/sections/{section}")).await.response.status >= 400);
        }
        ann.put(&path, json!({"name": "y"})).await.refused(404, &format!("project: Unknown object: {project}"));
    });
}
