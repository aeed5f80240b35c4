//! Tasks on their way into the trash and out of it. With a task goes everything below it, and with a project every task
//! that is nowhere else: `deleted_with_id` remembers with what.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use engine::call::Call;
use engine::change::Did;
use engine::error::Result;
use engine::operation::Outcome;
use engine::sql::{LONGEST_LIST, Template};
use store::{Type, Value};

use super::container::{lock_tree, rescope};
use super::{TASK, containers, load};
use crate::trash;

/// To the trash, with everything below it.
pub fn delete_task(call: &mut Call<'_>) -> Result<Outcome> {
    let task = load(call, call.target)?;
    // Nobody gives any of them another subtask meanwhile.
    call.lock(task.workspace)?;
    lock_tree(call, task.gid)?;
    let mut heard = containers(call, task.gid)?;
    heard.push(task.gid);
    let doomed = call.numbers(THERE_BELOW, &[task.gid.into()])?;
    let now = call.now;
    move_tasks(call, &doomed, Some((task.gid, now)), task.workspace, &heard)?;
    trash::throw_away(call, TASK.kind, task.gid, task.workspace, None);
    Ok(Outcome::Empty)
}

/// A task and everything below it that is not in the trash yet.
const THERE_BELOW: &str = "\
    WITH RECURSIVE doomed (gid) AS (SELECT CAST(?1 AS BIGINT) \
      UNION SELECT k.gid FROM doomed d CROSS JOIN tasks k WHERE k.parent_id = d.gid AND k.deleted_at IS NULL) \
    SELECT gid FROM doomed ORDER BY gid";

static SUBTYPES: LazyLock<Template> = LazyLock::new(|| {
    let text = "SELECT t.gid, t.resource_subtype FROM tasks t WHERE t.gid IN ({ids}) ORDER BY t.gid";
    Template::new(text, &[Type::Int, Type::Text])
});
static MOVE_OBJECTS: LazyLock<Template> =
    LazyLock::new(|| Template::new("UPDATE objects SET deleted_at = :deleted_at WHERE gid IN ({ids})", &[]));
static MOVE_TASKS: LazyLock<Template> = LazyLock::new(|| {
    let text = "UPDATE tasks SET deleted_at = :deleted_at, deleted_with_id = :with WHERE gid IN ({ids})";
    Template::new(text, &[])
});

/// Puts tasks of a workspace into the trash, with what and when, or takes them out of it. Each change is heard at the task
/// itself and at `heard`.
pub fn move_tasks(
    call: &mut Call<'_>,
    tasks: &[i64],
    into: Option<(i64, i64)>,
    workspace: i64,
    heard: &[i64],
) -> Result<()> {
    if tasks.is_empty() {
        return Ok(());
    }
    let did = if into.is_some() { Did::Deleted } else { Did::Undeleted };
    let set = call.open_set(workspace)?;
    let (mut changes, mut number) = (Vec::new(), 0);
    for tasks in tasks.chunks(LONGEST_LIST) {
        let found = call.select(&SUBTYPES, tasks, &[])?;
        for row in 0..found.len() {
            let (task, subtype) = (found.int(row, 0).unwrap_or_default(), found.text(row, 1));
            changes.extend([
                Value::Int(set),
                number.into(),
                task.into(),
                TASK.kind.into(),
                subtype.into(),
                did.name().into(),
            ]);
            number += 1;
        }
    }
    let heard: BTreeSet<i64> = heard.iter().copied().collect();
    let itself = tasks.iter().filter(|task| !heard.contains(task));
    let routes: Vec<Value> = heard
        .iter()
        .map(|place| (place, false))
        .chain(itself.map(|task| (task, true)))
        .flat_map(|(place, only_itself)| [(*place).into(), Value::Int(set), only_itself.into()])
        .collect();
    let change = ["set_id", "number", "object_id", "kind", "resource_subtype", "action"];
    let types = [Type::Int, Type::Int, Type::Int, Type::Text, Type::Text, Type::Text];
    call.insert_rows("changes", &change.into_iter().zip(types).collect::<Vec<_>>(), &changes)?;
    let route = [("container_id", Type::Int), ("set_id", Type::Int), ("only_itself", Type::Bool)];
    call.insert_rows("change_routes", &route, &routes)?;
    let named = [("deleted_at", into.map(|(_, at)| at).into()), ("with", into.map(|(with, _)| with).into())];
    call.execute_for(&MOVE_OBJECTS, tasks, &named[..1])?;
    call.execute_for(&MOVE_TASKS, tasks, &named)?;
    Ok(())
}

/// Takes tasks out of the trash that went there with something: no more than `most`, and none before its parent. Answers how
/// many; when there are none, all are there. Changes are heard at each and at `heard`.
pub fn restore_tasks(call: &mut Call<'_>, with: i64, workspace: i64, heard: &[i64], most: i64) -> Result<i64> {
    let tasks = call.numbers(
        "SELECT t.gid FROM tasks t WHERE t.deleted_with_id = ?1 AND NOT EXISTS (\
           SELECT 1 FROM tasks p WHERE p.gid = t.parent_id AND p.deleted_with_id = ?1) ORDER BY t.gid LIMIT ?2",
        &[with.into(), most.into()],
    )?;
    call.lock_all(&tasks)?;
    move_tasks(call, &tasks, None, workspace, heard)?;
    Ok(tasks.len() as i64)
}

/// Takes a task out of the trash with what went along. It comes back to its places as far as they are still there: without
/// its parent, if that is in the trash now.
pub fn restore(call: &mut Call<'_>, task: i64, workspace: i64) -> Result<()> {
    call.lock(workspace)?;
    lock_tree(call, task)?;
    let parent = call.number(
        "SELECT k.parent_id FROM tasks k CROSS JOIN tasks p WHERE k.gid = ?1 AND p.gid = k.parent_id \
         AND p.deleted_at IS NOT NULL",
        &[task.into()],
    )?;
    if parent.is_some() {
        call.update(TASK.table, task, &[("parent_id", Value::Null), ("rank", "".into())])?;
        rescope(call, task)?;
    }
    let heard = [&containers(call, task)?[..], &[task]].concat();
    while restore_tasks(call, task, workspace, &heard, i64::MAX)? > 0 {}
    Ok(())
}
