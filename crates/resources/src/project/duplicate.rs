//! duplicateProject: the copy is there at once with its sections, fields and members, and its tasks follow in the
//! background.

use std::collections::BTreeMap;

use engine::body::Body;
use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use engine::field::NAME_LENGTH;
use engine::input::{Input, InputKind, input};
use engine::job::{Job, Next, Turn};
use engine::operation::Outcome;
use model::Level;
use serde_json::{Value as Json, json};
use store::Type;

use super::deletion::{Position, next_roots};
use super::{Facts, PROJECT, set_grants};
use crate::custom_field::CUSTOM_FIELD;
use crate::custom_field_setting::CUSTOM_FIELD_SETTING;
use crate::custom_id::number_task;
use crate::section::SECTION;
use crate::task::copy::{Home, Include, SUBTASKS, Shift, copy_below, fill, make, phase};
use crate::team::{TEAM, require_content};
use crate::workspace::WORKSPACE;
use crate::{custom_field_value, job};

/// The words of `include`. What a project has none of here, such as forms, is nothing in its copy either.
const PARTS: &[&str] = &[
    "allocations",
    "forms",
    "members",
    "notes",
    "permissions",
    "task_assignee",
    "task_attachments",
    "task_dates",
    "task_dependencies",
    "task_followers",
    "task_notes",
    "task_projects",
    "task_subtasks",
    "task_tags",
    "task_templates",
    "task_type_default",
];

static SCHEDULE: &[Input] = &[
    input("due_on", InputKind::Date),
    input("should_skip_weekends", InputKind::Bool).required(),
    input("start_on", InputKind::Date),
];

/// The body.
pub static INPUTS: &[Input] = &[
    input("include", InputKind::Text(1_024)),
    input("name", InputKind::Text(NAME_LENGTH)).required(),
    input("schedule_dates", InputKind::Object(SCHEDULE)),
];

/// Copies the tasks of a project.
pub static DUPLICATE_PROJECT: Job = Job::new("duplicate_project", go_on).or_else(job::given_up);

/// duplicateProject. Whoever sees a project and may create one in its workspace may have a copy, which the caller
/// administers. It belongs to the same team if the caller may put a project there.
pub fn duplicate_project(call: &mut Call<'_>) -> Result<Outcome> {
    let source = call.target;
    let words = call.body.text("include").unwrap_or_default().to_owned();
    let mut include = Include::read(&words, "task_", PARTS)?;
    let has = |word: &str| words.split(',').any(|known| known.trim() == word);
    let facts = Facts::of(call, source)?;
    call.require(&WORKSPACE, "workspace", facts.workspace, Level::Editor)?;
    if let Some(schedule) = call.body.object("schedule_dates").cloned() {
        if !include.dates {
            return Err(Error::field("schedule_dates", "task_dates must be included"));
        }
        include.shift = shift_asked(call, source, &schedule)?;
    }
    let team = match facts.team {
        Some(team) if call.level(&TEAM, team)? >= Some(Level::Editor) && require_content(call, team).is_ok() => {
            Some(team)
        }
        _ => None,
    };
    let copy = copy_project(call, &facts, team, has("notes"), has("permissions"))?;
    let new = Facts::of(call, copy)?;
    let caller = call.viewer.user;
    new.add_member(call, caller, Level::Admin)?;
    new.add_follower(call, caller)?;
    if has("members") {
        copy_members(call, source, &new)?;
    }
    set_grants(call, copy)?;
    call.record(&Change::new(Did::Added, PROJECT.kind, copy, new.workspace), &new.containers());
    let job = job::begin(call, new.workspace, "duplicate_project", job::New::Project(copy))?;
    copy_sections(call, job, source, &new)?;
    copy_settings(call, source, &new)?;
    include.not_in = Some(source);
    let state = json!({"job": job, "source": source, "copy": copy, "include": include.state()});
    call.enqueue(&DUPLICATE_PROJECT, &state);
    Ok(Outcome::Object(job))
}

/// How far the dates of tasks move, so that the first start or the last due date is where the body says.
fn shift_asked(call: &mut Call<'_>, project: i64, schedule: &Body) -> Result<Option<Shift>> {
    let (column, wanted) = match (schedule.text("start_on"), schedule.text("due_on")) {
        (Some(start), None) => ("min(t.start_on)", start),
        (None, Some(due)) => ("max(t.due_on)", due),
        _ => return Err(Error::field("schedule_dates", "You should specify one of start_on, due_on")),
    };
    let now = call.text(
        &format!(
            "SELECT {column} FROM sections s CROSS JOIN task_projects e CROSS JOIN tasks t WHERE s.project_id = ?1 \
             AND e.section_id = s.gid AND t.gid = e.task_id AND t.deleted_at IS NULL"
        ),
        &[project.into()],
    )?;
    let skip_weekends = schedule.bool("should_skip_weekends").unwrap_or_default();
    // Without dates there is nothing to move.
    Ok(now.and_then(|now| Shift::between(&now, wanted, skip_weekends)))
}

fn copy_project(call: &mut Call<'_>, source: &Facts, team: Option<i64>, notes: bool, permissions: bool) -> Result<i64> {
    let copy = call.create_object(&PROJECT, source.workspace)?;
    let name = call.body.text("name").unwrap_or_default().to_owned();
    call.execute(
        "INSERT INTO projects (gid, workspace_id, team_id, name, notes, html_notes, mentions, owner_id, archived, color, \
           icon, default_view, privacy_setting, default_access_level, minimum_access_level_for_customization, \
           minimum_access_level_for_sharing, completed, created_at, created_by_id, modified_at) \
         SELECT ?2, workspace_id, CAST(?3 AS BIGINT), ?4, CASE WHEN ?5 THEN notes ELSE '' END, \
           CASE WHEN ?5 THEN html_notes END, CASE WHEN ?5 THEN mentions END, CAST(?6 AS BIGINT), FALSE, \
           color, icon, default_view, \
           CASE WHEN privacy_setting = 'private_to_team' AND ?3 IS NULL THEN 'private' ELSE privacy_setting END, \
           CASE WHEN ?7 THEN default_access_level ELSE 'editor' END, \
           CASE WHEN ?7 THEN minimum_access_level_for_customization ELSE 'editor' END, \
           CASE WHEN ?7 THEN minimum_access_level_for_sharing ELSE 'editor' END, \
           FALSE, CAST(?8 AS BIGINT), CAST(?6 AS BIGINT), CAST(?8 AS BIGINT) FROM projects WHERE gid = ?1",
        &[
            source.project.into(),
            copy.into(),
            team.into(),
            name.into(),
            notes.into(),
            call.viewer.user.into(),
            permissions.into(),
            call.now.into(),
        ],
    )?;
    Ok(copy)
}

/// The copy is for those for whom the original is, people and teams.
fn copy_members(call: &mut Call<'_>, source: i64, new: &Facts) -> Result<()> {
    let found = call.query(
        "SELECT member_id, access_level FROM project_memberships WHERE project_id = ?1 ORDER BY gid",
        &[Type::Int, Type::Text],
        &[source.into()],
    )?;
    for row in 0..found.len() {
        let level = found.text(row, 1).and_then(Level::from_name).unwrap_or(Level::Viewer);
        new.add_member(call, found.int(row, 0).unwrap_or_default(), level)?;
    }
    let followers = "SELECT user_id FROM project_followers WHERE project_id = ?1 ORDER BY user_id";
    for user in call.numbers(followers, &[source.into()])? {
        new.add_follower(call, user)?;
    }
    Ok(())
}

/// Sections in the same order. The job remembers which is a copy of which.
fn copy_sections(call: &mut Call<'_>, job: i64, source: i64, new: &Facts) -> Result<()> {
    let found = call.query(
        "SELECT gid, name, rank FROM sections WHERE project_id = ?1 ORDER BY rank, gid",
        &[Type::Int, Type::Text, Type::Text],
        &[source.into()],
    )?;
    for row in 0..found.len() {
        let section = call.create_object(&SECTION, new.workspace)?;
        let columns = [
            ("gid", section.into()),
            ("workspace_id", new.workspace.into()),
            ("project_id", new.project.into()),
            ("name", found.text(row, 1).into()),
            ("rank", found.text(row, 2).into()),
            ("created_at", call.now.into()),
        ];
        call.insert(SECTION.table, &columns);
        job::remember_copy(call, job, found.int(row, 0).unwrap_or_default(), section);
        let change = Change::new(Did::Added, SECTION.kind, section, new.workspace).parent(new.project);
        call.record(&change, &[new.project]);
    }
    Ok(())
}

/// The fields that the caller sees, in the same order.
fn copy_settings(call: &mut Call<'_>, source: i64, new: &Facts) -> Result<()> {
    let found = call.query(
        "SELECT custom_field_id, is_important, rank FROM custom_field_settings WHERE parent_id = ?1 ORDER BY rank, gid",
        &[Type::Int, Type::Bool, Type::Text],
        &[source.into()],
    )?;
    for row in 0..found.len() {
        let field = found.int(row, 0).unwrap_or_default();
        if call.level(&CUSTOM_FIELD, field)?.is_none() {
            continue;
        }
        let setting = call.create_object(&CUSTOM_FIELD_SETTING, new.workspace)?;
        let columns = [
            ("gid", setting.into()),
            ("workspace_id", new.workspace.into()),
            ("parent_id", new.project.into()),
            ("custom_field_id", field.into()),
            ("is_important", found.bool(row, 1).into()),
            ("rank", found.text(row, 2).into()),
        ];
        call.insert(CUSTOM_FIELD_SETTING.table, &columns);
    }
    Ok(())
}

/// What comes first.
const TASKS: &str = "tasks";

fn go_on(call: &mut Call<'_>, turn: &Turn<'_>) -> Result<Next> {
    let (job, source, copy) = (turn.number("job"), turn.number("source"), turn.number("copy"));
    let include = Include::of(&turn.state["include"]);
    let workspace = call.workspace_of(copy)?;
    call.lock(workspace)?;
    // Somebody has thrown one of them away, or the caller does not see the original any more.
    if call.level(&PROJECT, copy)?.is_none() || call.level(&PROJECT, source)?.is_none() {
        job::fail(call, job)?;
        return Ok(Next::Done);
    }
    match turn.text("phase") {
        "" => {
            job::start(call, job)?;
            Ok(phase(turn, TASKS, 0))
        }
        TASKS => Ok(match copy_tasks(call, turn, &include)? {
            Some(state) => Next::Step(state),
            None => phase(turn, SUBTASKS, 0),
        }),
        _ => copy_below(call, turn, &include),
    }
}

/// Copies some tasks of the project, each into the copy of its section. The state to go on with; `None` at the end.
fn copy_tasks(call: &mut Call<'_>, turn: &Turn<'_>, include: &Include) -> Result<Option<Json>> {
    let (job, source, copy) = (turn.number("job"), turn.number("source"), turn.number("copy"));
    let (roots, last) = next_roots(call, source, &Position::of(turn), turn.size)?;
    let found = call.query(
        "SELECT c.source_id, c.copy_id FROM sections s CROSS JOIN job_copies c \
         WHERE s.project_id = ?1 AND c.job_id = ?2 AND c.source_id = s.gid",
        &[Type::Int, Type::Int],
        &[source.into(), job.into()],
    )?;
    let pairs = (0..found.len()).filter_map(|row| Some((found.int(row, 0)?, found.int(row, 1)?)));
    let sections: BTreeMap<i64, i64> = pairs.collect();
    for task in &roots {
        let section = call.number(
            "SELECT e.section_id FROM task_projects e CROSS JOIN tasks t WHERE e.task_id = ?1 AND e.project_id = ?2 \
             AND t.gid = e.task_id AND t.deleted_at IS NULL",
            &[(*task).into(), source.into()],
        )?;
        // A section that is newer than the copy has none: its tasks are not copied.
        let Some(section) = section.and_then(|section| sections.get(&section)) else { continue };
        let known = "SELECT copy_id FROM job_copies WHERE job_id = ?1 AND source_id = ?2";
        if call.number(known, &[job.into(), (*task).into()])?.is_some() {
            continue;
        }
        let new = make(call, *task, None, Home::In(copy, *section))?;
        job::remember_copy(call, job, *task, new);
        number_task(call, new, &[copy])?;
        custom_field_value::copy_values(call, *task, new)?;
        fill(call, *task, new, &Include { parent: false, ..*include })?;
    }
    let mut state = turn.state.clone();
    (state["section"], state["rank"], state["task"]) = (last.section.into(), last.rank.into(), last.task.into());
    Ok((roots.len() as i64 == turn.size).then_some(state))
}

#[cfg(test)]
mod tests;
