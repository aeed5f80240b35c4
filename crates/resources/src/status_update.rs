//! Status updates: how a project goes, in words and in one of a few states. A project status is the older face of the
//! same thing.
//!
//! Only projects have them here: there are no portfolios and no goals.

use engine::body::Body;
use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use engine::field::{
    Field, Kind, NAME_LENGTH, TEXT_LENGTH, children, choice, computed, count, many, one, sql, text, time,
};
use engine::input::{Input, InputKind, input};
use engine::json::Writer;
use engine::operation::{
    Filter, FilterKind, Key, Listing, Outcome, by_number, create, delete, filter, get, list, parent,
};
use engine::parameter::shortened;
use engine::read::Record;
use engine::resource::{Guard, Resource};
use model::Level;
use model::time::{date_of, month_day};
use store::{Type, Value};

use crate::like::LIKE_OF_STATUS_UPDATE;
use crate::project::{Facts, PROJECT};
use crate::reaction::{delete_reactions, reaction_summary};
use crate::rich_text::{self, html_text, mentioned, mentioning, plain_text, stored_html, stored_text};
use crate::story::words;
use crate::user::USER;

/// The states of anything that has a status.
const STATUS_TYPES: &[&str] =
    &["on_track", "at_risk", "off_track", "on_hold", "complete", "achieved", "partial", "missed", "dropped"];
/// Those of a project.
const OF_PROJECTS: &[&str] = &["on_track", "at_risk", "off_track", "on_hold", "complete", "dropped"];
/// The parents that the API knows, as subtypes.
const SUBTYPES: &[&str] = &["project_status_update", "portfolio_status_update", "goal_status_update"];
const OF_PROJECT: &str = SUBTYPES[0];

/// The colours of project statuses, and the states that they stand for.
const COLORS: &[&str] = &["green", "yellow", "red", "blue", "complete"];
const MEANINGS: [&str; COLORS.len()] = ["on_track", "at_risk", "off_track", "on_hold", "complete"];

/// The latest status update of the project `t`.
pub const CURRENT_STATUS: &str =
    "(SELECT s.gid FROM status_updates s WHERE s.parent_id = t.gid ORDER BY s.created_at DESC, s.gid DESC LIMIT 1)";

/// A status update. Whoever sees the project sees it.
pub static STATUS_UPDATE: Resource = Resource {
    guard: Guard::Via("parent_id", &PROJECT),
    open_in_relations: true,
    fields: &[
        one("author", &USER, "created_by_id"),
        time("created_at"),
        one("created_by", &USER, "created_by_id"),
        LIKED.alias("hearted"),
        LIKES.alias("hearts"),
        HTML_TEXT,
        LIKED,
        LIKES,
        time("modified_at"),
        NUM_LIKES.alias("num_hearts"),
        NUM_LIKES,
        one("parent", &PROJECT, "parent_id").on_create(),
        reaction_summary(),
        choice("resource_subtype", SUBTYPES).compact(),
        choice("status_type", STATUS_TYPES).on_create(),
        plain_text("text").on_create(),
        text("title").compact().on_create(),
        stored_text("text"),
        stored_html("html_text"),
        mentioning(MENTIONING_TEXT),
        mentioned(MENTIONING_TEXT),
    ],
    operations: &[
        get("getStatus", "/status_updates/{status_update_gid}"),
        delete("deleteStatus", "/status_updates/{status_update_gid}", Level::Commenter, delete_status),
        list("getStatusesForObject", "/status_updates", &OF_NAMED_PARENT),
        create("createStatusForObject", "/status_updates", Level::Viewer, create_status)
            .with(CREATE_INPUTS)
            .parameters(&["limit", "offset"]),
    ],
    ..Resource::new("status_update", "status_updates")
};

/// A status update as it was called before there were others than those of projects.
pub static PROJECT_STATUS: Resource = Resource {
    faces: &["status_update"],
    guard: Guard::Via("parent_id", &PROJECT),
    open_in_relations: true,
    fields: &[
        one("author", &USER, "created_by_id"),
        computed("color", Kind::Choice(COLORS), "status_type", render_color)
            .on_create()
            .input(InputKind::Choice(COLORS)),
        time("created_at"),
        one("created_by", &USER, "created_by_id"),
        HTML_TEXT,
        time("modified_at"),
        choice("status_type", STATUS_TYPES).internal(),
        plain_text("text").on_create(),
        text("title").compact().on_create(),
        stored_text("text"),
        stored_html("html_text"),
        mentioning(MENTIONING_TEXT),
        mentioned(MENTIONING_TEXT),
    ],
    operations: &[
        get("getProjectStatus", "/project_statuses/{project_status_gid}"),
        delete("deleteProjectStatus", "/project_statuses/{project_status_gid}", Level::Commenter, delete_status),
        list("getProjectStatusesForProject", "/projects/{project_gid}/project_statuses", &OF_PROJECT_IN_PATH),
        create(
            "createProjectStatusForProject",
            "/projects/{project_gid}/project_statuses",
            Level::Editor,
            create_project_status,
        ),
    ],
    ..Resource::new("project_status", "status_updates")
};

const HTML_TEXT: Field = html_text("html_text").opt_in().on_create();
/// The text that leads to objects.
const MENTIONING_TEXT: &str = "CASE WHEN t.mentions THEN t.html_text END";
const LIKED: Field = sql(
    "liked",
    Kind::Bool,
    "EXISTS (SELECT 1 FROM status_update_likes l WHERE l.status_update_id = t.gid AND l.user_id = :viewer)",
);
const LIKES: Field = many("likes", &LIKE_OF_STATUS_UPDATE, children("status_update_id", "t.gid"));
const NUM_LIKES: Field =
    count("num_likes", "(SELECT count(*) FROM status_update_likes l WHERE l.status_update_id = t.gid)");

static CREATE_INPUTS: &[Input] = &[
    input("parent", InputKind::Gid(&PROJECT)).required(),
    input("status_type", InputKind::Choice(STATUS_TYPES)).required(),
];

/// A state without a colour of its own is none that a project status knows.
fn render_color(status: &Record<'_>, out: &mut Writer<'_>) {
    let state = status.text("status_type");
    match MEANINGS.iter().position(|meaning| Some(*meaning) == state) {
        Some(at) => out.text(COLORS[at]),
        None => out.raw(b"null"),
    }
}

static CREATED_SINCE: &[Filter] = &[filter("created_since", FilterKind::Time, "t.created_at >= :value")];

/// The latest first.
const LATEST: &[Key] = &[by_number("(-t.created_at)"), by_number("(-t.gid)")];

static OF_NAMED_PARENT: Listing = Listing::of("status_updates t", "t.gid", "t.parent_id = :parent", LATEST)
    .within(&[parent("parent", &PROJECT)])
    .covered()
    .filtered(CREATED_SINCE);

static OF_PROJECT_IN_PATH: Listing = Listing::of("status_updates t", "t.gid", "t.parent_id = :project", LATEST)
    .within(&[parent("project_gid", &PROJECT)])
    .covered();

fn create_status(call: &mut Call<'_>) -> Result<Outcome> {
    let project = call.body.gid("parent").unwrap_or_default();
    call.require(&PROJECT, "parent", project, Level::Editor)?;
    let status_type = call.body.text("status_type").unwrap_or_default().to_owned();
    if !OF_PROJECTS.contains(&status_type.as_str()) {
        let known = OF_PROJECTS.join(", ");
        return Err(Error::field(
            "status_type",
            format_args!("Not a recognized value: {status_type}. Use one of: {known}"),
        ));
    }
    let body = std::mem::take(&mut call.body);
    add_status(call, project, &status_type, &body).map(Outcome::Object)
}

fn create_project_status(call: &mut Call<'_>) -> Result<Outcome> {
    let body = std::mem::take(&mut call.body);
    let status_type = state_asked(call, call.target, &body)?;
    add_status(call, call.target, &status_type, &body).map(Outcome::Object)
}

/// The state that a body names, by its name or its colour. Who names none leaves things as they stand.
fn state_asked(call: &mut Call<'_>, project: i64, body: &Body) -> Result<String> {
    let color = body.text("color").and_then(|color| COLORS.iter().position(|known| *known == color));
    Ok(match (body.text("status_type"), color) {
        (Some(state), _) => state.to_owned(),
        (None, Some(at)) => MEANINGS[at].to_owned(),
        (None, None) => {
            let last = "SELECT status_type FROM status_updates WHERE parent_id = ?1 \
                        ORDER BY created_at DESC, gid DESC LIMIT 1";
            call.text(last, &[project.into()])?.unwrap_or_else(|| MEANINGS[0].to_owned())
        }
    })
}

/// How a project's body says how it goes: by a new status, or by the one that is current already.
pub static CURRENT_STATUS_INPUTS: &[Input] = &[
    input("gid", InputKind::Text(64)),
    input("color", InputKind::Choice(COLORS)),
    input("html_text", rich_text::SENT),
    input("text", InputKind::Text(TEXT_LENGTH)),
    input("title", InputKind::Text(NAME_LENGTH)),
];

/// As [`CURRENT_STATUS_INPUTS`], by the newer name.
pub static CURRENT_STATUS_UPDATE_INPUTS: &[Input] = &[
    input("gid", InputKind::Text(64)),
    input("html_text", rich_text::SENT),
    input("status_type", InputKind::Choice(OF_PROJECTS)),
    input("text", InputKind::Text(TEXT_LENGTH)),
    input("title", InputKind::Text(NAME_LENGTH)),
];

/// Makes the status that a project's body has as `current_status` or `current_status_update`, if it has one. A body that
/// brings back what was read changes nothing.
pub fn set_current_status(call: &mut Call<'_>, project: i64) -> Result<()> {
    let names = ["current_status", "current_status_update"];
    let mut given = names.into_iter().filter(|name| call.body.has(name));
    let Some(name) = given.next() else {
        return Ok(());
    };
    if given.next().is_some() {
        return Err(Error::bad("You may only provide one of current_status or current_status_update!"));
    }
    let current = "SELECT gid FROM status_updates WHERE parent_id = ?1 ORDER BY created_at DESC, gid DESC LIMIT 1";
    let asked = call.body.object(name).cloned();
    let current = call.number(current, &[project.into()])?;
    match (asked, current) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(Error::field(name, "A status goes when the status update is deleted")),
        (Some(asked), current) => match asked.text("gid") {
            Some(gid) if current.is_some() && model::gid::parse(gid) == current => Ok(()),
            Some(gid) => Err(Error::field(name, format_args!("Not the current status: {}", shortened(gid)))),
            None => {
                let status_type = state_asked(call, project, &asked)?;
                add_status(call, project, &status_type, &asked).map(drop)
            }
        },
    }
}

fn add_status(call: &mut Call<'_>, project: i64, status_type: &str, body: &Body) -> Result<i64> {
    let words = words(call, Some(body))?.ok_or_else(|| Error::missing("text"))?;
    // Called as the API's own example is when nobody calls it anything.
    let title = body.text("title").filter(|title| !title.trim().is_empty()).map(str::to_owned);
    let title = title.unwrap_or_else(|| format!("Status Update - {}", month_day(&date_of(call.now))));
    let facts = Facts::of(call, project)?;
    let status = call.create_object(&STATUS_UPDATE, facts.workspace)?;
    let columns: [(&str, Value); 9] = [
        ("gid", status.into()),
        ("workspace_id", facts.workspace.into()),
        ("parent_id", project.into()),
        ("resource_subtype", OF_PROJECT.into()),
        ("status_type", status_type.into()),
        ("title", title.into()),
        ("created_at", call.now.into()),
        ("created_by_id", call.viewer.user.into()),
        ("modified_at", call.now.into()),
    ];
    call.insert(STATUS_UPDATE.table, &[&columns[..], &words.columns("text", "html_text")].concat());
    call.record(&change(Did::Added, status, facts.workspace).parent(project), &[project]);
    record_current(call, &facts, Some(status));
    Ok(status)
}

/// A status update is its author's and the project's administrators' to delete.
fn delete_status(call: &mut Call<'_>) -> Result<Outcome> {
    let status = call.target;
    let found = call.query(
        "SELECT parent_id, created_by_id FROM status_updates WHERE gid = ?1",
        &[Type::Int, Type::Int],
        &[status.into()],
    )?;
    let project = found.int(0, 0).unwrap_or_default();
    if found.int(0, 1) != Some(call.viewer.user) {
        call.require_target(&STATUS_UPDATE, status, Level::Admin)?;
    }
    let facts = Facts::of(call, project)?;
    let current = "SELECT gid FROM status_updates WHERE parent_id = ?1 ORDER BY created_at DESC, gid DESC LIMIT 1";
    let was_current = call.number(current, &[project.into()])? == Some(status);
    delete_reactions(call, status)?;
    call.execute("DELETE FROM status_update_likes WHERE status_update_id = ?1", &[status.into()])?;
    call.execute("DELETE FROM status_updates WHERE gid = ?1", &[status.into()])?;
    call.delete_object(status)?;
    call.record(&change(Did::Deleted, status, facts.workspace), &[project]);
    if was_current {
        let before = call.number(current, &[project.into()])?;
        record_current(call, &facts, before);
    }
    Ok(Outcome::Empty)
}

fn change(did: Did, status: i64, workspace: i64) -> Change<'static> {
    Change::new(did, STATUS_UPDATE.kind, status, workspace).subtype(OF_PROJECT)
}

fn record_current(call: &mut Call<'_>, facts: &Facts, status: Option<i64>) {
    let project = Change::new(Did::Changed, PROJECT.kind, facts.project, facts.workspace);
    call.record(&project.field("current_status_update").value(status), &facts.containers());
}

#[cfg(test)]
mod tests;
