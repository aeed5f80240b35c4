//! A project on its way into the trash and out of it. The project itself is gone, or back, for everybody at once; its tasks
//! follow with it if they are few, and in steps of a job if they are many.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::Result;
use engine::job::{Job, Next, Turn};
use engine::operation::Outcome;
use engine::sql::Template;
use serde_json::{Value as Json, json};
use store::{Type, Value};

use super::{Facts, PROJECT, set_grants};
use crate::task::trash::{move_tasks, restore_tasks};
use crate::trash;

/// How many tasks go with the project in one request.
const AT_ONCE: i64 = 200;

/// Puts the tasks of a deleted project into the trash.
pub static DELETE_TASKS: Job = Job::new("delete_project_tasks", delete_more);
/// Takes the tasks of a restored project out of it.
pub static RESTORE_TASKS: Job = Job::new("restore_project_tasks", restore_more);

/// deleteProject: to the trash, together with the tasks that are nowhere else, and with their subtasks.
pub fn delete_project(call: &mut Call<'_>) -> Result<Outcome> {
    let project = call.target;
    let facts = Facts::of(call, project)?;
    call.lock(facts.workspace)?;
    let start = Position::default();
    let (doomed, mut more) = next_doomed(call, project, &start, AT_ONCE)?;
    // From now on nobody puts another task into it. Whoever has done so since we looked is found by the job.
    call.lock(project)?;
    if !call.is_alone() {
        let (roots, _) = next_roots(call, project, &start, AT_ONCE)?;
        let found = select_doomed(call, project, &roots, AT_ONCE)?;
        if found.iter().any(|task| !doomed.contains(task)) {
            more = Some(start);
        }
    }
    let now = call.now;
    move_tasks(call, &doomed, Some((project, now)), facts.workspace, &[project])?;
    call.update(PROJECT.table, project, &[("deleted_at", now.into())])?;
    call.delete_object(project)?;
    set_grants(call, project)?;
    call.record(&Change::new(Did::Deleted, PROJECT.kind, project, facts.workspace), &facts.containers());
    trash::throw_away(call, PROJECT.kind, project, facts.workspace, None);
    if let Some(more) = more {
        call.enqueue(&DELETE_TASKS, &more.state(project));
    }
    Ok(Outcome::Empty)
}

fn delete_more(call: &mut Call<'_>, turn: &Turn<'_>) -> Result<Next> {
    let project = turn.number("project");
    let Some((workspace, _)) = find(call, project)? else { return Ok(Next::Done) };
    call.lock(workspace)?;
    // Whoever has restored it wants its tasks to stay where they are.
    let Some((_, Some(deleted_at))) = find(call, project)? else { return Ok(Next::Done) };
    let (doomed, more) = next_doomed(call, project, &Position::of(turn), turn.size)?;
    move_tasks(call, &doomed, Some((project, deleted_at)), workspace, &[project])?;
    Ok(more.map_or(Next::Done, |more| Next::Step(more.state(project))))
}

/// The workspace of a project, and when it was deleted, if it is there at all.
fn find(call: &mut Call<'_>, project: i64) -> Result<Option<(i64, Option<i64>)>> {
    let found = call.query(
        "SELECT workspace_id, deleted_at FROM projects WHERE gid = ?1",
        &[Type::Int, Type::Int],
        &[project.into()],
    )?;
    Ok(if found.is_empty() { None } else { found.int(0, 0).map(|workspace| (workspace, found.int(0, 1))) })
}

/// How far through the tasks of a project: behind this one, in the order of the sections' gids.
#[derive(Clone, Debug, Default)]
pub struct Position {
    /// Its section.
    pub section: i64,
    /// Its place there.
    pub rank: String,
    /// Its gid.
    pub task: i64,
}

impl Position {
    /// The one that a job's state says.
    pub fn of(turn: &Turn<'_>) -> Position {
        Position { section: turn.number("section"), rank: turn.text("rank").to_owned(), task: turn.number("task") }
    }

    fn state(&self, project: i64) -> Json {
        json!({"project": project, "section": self.section, "rank": self.rank, "task": self.task})
    }
}

/// Of these tasks those that go with the project, which are in no other one and below no other task, and everything below
/// them; what is furthest below first, so that nothing is ever there whose parent is not.
static DOOMED: LazyLock<Template> = LazyLock::new(|| {
    let text = "WITH RECURSIVE doomed (gid, depth) AS (\
          SELECT k.gid, CAST(0 AS BIGINT) FROM tasks k WHERE k.gid IN ({ids}) \
          AND k.parent_id IS NULL AND k.deleted_at IS NULL \
          AND NOT EXISTS (SELECT 1 FROM task_projects o CROSS JOIN projects p WHERE o.task_id = k.gid \
            AND o.project_id <> :project AND p.gid = o.project_id AND p.deleted_at IS NULL) \
          UNION ALL SELECT c.gid, d.depth + 1 FROM doomed d CROSS JOIN tasks c \
            WHERE c.parent_id = d.gid AND c.deleted_at IS NULL) \
        SELECT gid FROM doomed ORDER BY depth DESC, gid LIMIT :most";
    Template::new(text, &[Type::Int])
});

/// The next tasks of a project, `most` of them, and the last of them.
pub fn next_roots(call: &mut Call<'_>, project: i64, after: &Position, most: i64) -> Result<(Vec<i64>, Position)> {
    let sections = call.numbers(
        "SELECT gid FROM sections WHERE project_id = ?1 AND gid >= ?2 ORDER BY gid",
        &[project.into(), after.section.into()],
    )?;
    let (mut roots, mut last) = (Vec::new(), after.clone());
    for section in sections {
        let left = most - roots.len() as i64;
        if left == 0 {
            break;
        }
        if section != last.section {
            last = Position { section, ..Position::default() };
        }
        let found = call.query(
            "SELECT rank, task_id FROM task_projects WHERE section_id = ?1 AND (rank, task_id) > (?2, ?3) \
             ORDER BY rank, task_id LIMIT ?4",
            &[Type::Text, Type::Int],
            &[section.into(), last.rank.as_str().into(), last.task.into(), left.into()],
        )?;
        for row in 0..found.len() {
            let task = found.int(row, 1).unwrap_or_default();
            last = Position { section, rank: found.text(row, 0).unwrap_or_default().to_owned(), task };
            roots.push(task);
        }
    }
    Ok((roots, last))
}

/// What of these tasks goes with the project, no more than `most`.
fn select_doomed(call: &mut Call<'_>, project: i64, roots: &[i64], most: i64) -> Result<Vec<i64>> {
    let found = call.select(&DOOMED, roots, &[("project", Value::Int(project)), ("most", most.into())])?;
    Ok((0..found.len()).filter_map(|row| found.int(row, 0)).collect())
}

/// The next tasks that go with a project, `most` of them, locked; and where to go on, unless that is the end.
fn next_doomed(call: &mut Call<'_>, project: i64, after: &Position, most: i64) -> Result<(Vec<i64>, Option<Position>)> {
    let (roots, last) = next_roots(call, project, after, most)?;
    let mut locked = BTreeSet::new();
    let doomed = loop {
        // What came to be before its parent was locked shows the next time.
        let doomed = select_doomed(call, project, &roots, most)?;
        let fresh: Vec<i64> = doomed.iter().copied().filter(|gid| locked.insert(*gid)).collect();
        if fresh.is_empty() {
            break doomed;
        }
        call.lock_all(&fresh)?;
    };
    Ok(if doomed.len() as i64 >= most {
        // There may be more above them, which the next step finds under the same roots.
        (doomed, Some(after.clone()))
    } else if (roots.len() as i64) < most {
        (doomed, None)
    } else {
        (doomed, Some(last))
    })
}

/// Takes a project out of the trash, with the tasks that went with it.
pub fn restore(call: &mut Call<'_>, project: i64, workspace: i64) -> Result<()> {
    call.lock(workspace)?;
    call.lock(project)?;
    call.update(PROJECT.table, project, &[("deleted_at", Value::Null)])?;
    call.execute("UPDATE objects SET deleted_at = NULL WHERE gid = ?1", &[project.into()])?;
    set_grants(call, project)?;
    let containers = Facts::of(call, project)?.containers();
    call.record(&Change::new(Did::Undeleted, PROJECT.kind, project, workspace), &containers);
    let mut left = AT_ONCE;
    while left > 0 {
        match restore_tasks(call, project, workspace, &[project], left)? {
            0 => return Ok(()),
            restored => left -= restored,
        }
    }
    call.enqueue(&RESTORE_TASKS, &json!({"project": project}));
    Ok(())
}

fn restore_more(call: &mut Call<'_>, turn: &Turn<'_>) -> Result<Next> {
    let project = turn.number("project");
    let Some((workspace, _)) = find(call, project)? else { return Ok(Next::Done) };
    call.lock(workspace)?;
    // Whoever has deleted it again wants them to stay where they are.
    let Some((_, None)) = find(call, project)? else { return Ok(Next::Done) };
    let restored = restore_tasks(call, project, workspace, &[project], turn.size)?;
    Ok(if restored > 0 { Next::Step(turn.state.clone()) } else { Next::Done })
}
