//! What a task waits for, and what waits for it.

use engine::call::Call;
use engine::change::Did;
use engine::error::{Error, Result};
use engine::operation::Outcome;
use model::Level;
use store::Type;

use super::{TASK, Task, containers, load, story, task_change};

/// Dependencies and dependents of one task, together.
const MOST: i64 = 30;

/// addDependenciesForTask.
pub fn add_dependencies(call: &mut Call<'_>) -> Result<Outcome> {
    add(call, "dependencies")
}

/// addDependentsForTask.
pub fn add_dependents(call: &mut Call<'_>) -> Result<Outcome> {
    add(call, "dependents")
}

/// removeDependenciesForTask.
pub fn remove_dependencies(call: &mut Call<'_>) -> Result<Outcome> {
    remove(call, "dependencies")
}

/// removeDependentsForTask.
pub fn remove_dependents(call: &mut Call<'_>) -> Result<Outcome> {
    remove(call, "dependents")
}

/// The pair (who waits, for whom).
fn pair(field: &str, task: i64, other: i64) -> (i64, i64) {
    if field == "dependencies" { (task, other) } else { (other, task) }
}

fn add(call: &mut Call<'_>, field: &'static str) -> Result<Outcome> {
    let task = load(call, call.target)?;
    let others = call.body.gids(field).to_vec();
    // Two requests could close a circle together that neither closes alone.
    call.lock(task.workspace)?;
    for (at, other) in others.iter().enumerate() {
        let path = format!("{field}: [{at}]");
        if *other == task.gid {
            return Err(Error::field(path, "A task can't depend on itself"));
        }
        if field == "dependents" {
            call.require(&TASK, &path, *other, Level::Editor)?;
        }
        let other = load(call, *other)?;
        if other.workspace != task.workspace {
            return Err(Error::field(path, "Must be in the same workspace as the task"));
        }
        let (waiting, waited_for) = pair(field, task.gid, other.gid);
        if reaches(call, waited_for, waiting)? {
            return Err(Error::field(path, "This dependency would close a circle"));
        }
        let columns = [("task_id", waiting.into()), ("depends_on_id", waited_for.into())];
        if call.insert_new("task_dependencies", &columns)? {
            require_room(call, task.gid, field)?;
            require_room(call, other.gid, &path)?;
            record(call, &task, &other, field, Did::Added)?;
        }
    }
    Ok(Outcome::Empty)
}

fn remove(call: &mut Call<'_>, field: &'static str) -> Result<Outcome> {
    let task = load(call, call.target)?;
    for other in call.body.gids(field).to_vec() {
        let (waiting, waited_for) = pair(field, task.gid, other);
        let removed = call.execute(
            "DELETE FROM task_dependencies WHERE task_id = ?1 AND depends_on_id = ?2",
            &[waiting.into(), waited_for.into()],
        )?;
        if removed > 0 {
            let other = load(call, other)?;
            record(call, &task, &other, field, Did::Removed)?;
        }
    }
    Ok(Outcome::Empty)
}

fn require_room(call: &mut Call<'_>, task: i64, field: &str) -> Result<()> {
    let count = call.number(
        "SELECT (SELECT count(*) FROM task_dependencies WHERE task_id = ?1) \
         + (SELECT count(*) FROM task_dependencies WHERE depends_on_id = ?1)",
        &[task.into()],
    )?;
    if count.unwrap_or_default() > MOST {
        return Err(Error::field(field, format_args!("A task can have at most {MOST} dependencies and dependents")));
    }
    Ok(())
}

/// Whether `from` waits for `to`, directly or through others.
fn reaches(call: &mut Call<'_>, from: i64, to: i64) -> Result<bool> {
    let block = call.query(
        "WITH RECURSIVE waits(gid) AS (SELECT CAST(?1 AS BIGINT) UNION \
         SELECT d.depends_on_id FROM waits w JOIN task_dependencies d ON d.task_id = w.gid) \
         SELECT 1 FROM waits WHERE gid = ?2",
        &[Type::Int],
        &[from.into(), to.into()],
    )?;
    Ok(!block.is_empty())
}

/// Both tasks tell of it.
fn record(call: &mut Call<'_>, task: &Task, other: &Task, field: &'static str, did: Did) -> Result<()> {
    let opposite = if field == "dependencies" { "dependents" } else { "dependencies" };
    for (one, another, field) in [(task, other, field), (other, task, opposite)] {
        let containers = containers(call, one.gid)?;
        call.record(&task_change(Did::Changed, one).field(field).member(did, another.gid), &containers);
        let subtype = match (field, did) {
            ("dependencies", Did::Added) => "dependency_added",
            ("dependencies", _) => "dependency_removed",
            (_, Did::Added) => "dependent_added",
            _ => "dependent_removed",
        };
        story(call, one, subtype, &containers, |story| story.object = Some(another.gid))?;
    }
    Ok(())
}
