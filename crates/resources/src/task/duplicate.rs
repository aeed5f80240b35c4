//! duplicateTask: the copy is there at once, and filled in the background.

use engine::call::Call;
use engine::error::Result;
use engine::field::NAME_LENGTH;
use engine::input::{Input, InputKind, input};
use engine::job::{Job, Next, Turn};
use engine::operation::Outcome;
use serde_json::{Value as Json, json};

use super::copy::{Home, Include, PARTS, copy_dependencies, copy_subtasks, fill, make};
use super::load;
use crate::job;

/// The body.
pub static INPUTS: &[Input] = &[input("include", InputKind::Text(1_024)), input("name", InputKind::Text(NAME_LENGTH))];

/// Fills the copy of a task.
pub static DUPLICATE_TASK: Job = Job::new("duplicate_task", go_on).or_else(job::given_up);

/// duplicateTask. Whoever sees a task may have a copy of it, which is the caller's alone unless it goes where others are.
pub fn duplicate_task(call: &mut Call<'_>) -> Result<Outcome> {
    let include = Include::read(call.body.text("include").unwrap_or_default(), "", PARTS)?;
    let source = load(call, call.target)?;
    let name = match call.body.text("name") {
        Some(name) => name.to_owned(),
        None => format!("Duplicate of {}", source.name).chars().take(NAME_LENGTH).collect(),
    };
    let copy = make(call, source.gid, Some(&name), Home::Nowhere)?;
    let job = job::begin(call, source.workspace, "duplicate_task", job::New::Task(copy))?;
    job::remember_copy(call, job, source.gid, copy);
    call.enqueue(&DUPLICATE_TASK, &json!({"job": job, "source": source.gid, "copy": copy, "include": include.state()}));
    Ok(Outcome::Object(job))
}

/// What comes next.
const FILL: &str = "fill";
const SUBTASKS: &str = "subtasks";
const DEPENDENCIES: &str = "dependencies";

fn go_on(call: &mut Call<'_>, turn: &Turn<'_>) -> Result<Next> {
    let (job, source, copy) = (turn.number("job"), turn.number("source"), turn.number("copy"));
    let include = Include::of(&turn.state["include"]);
    let there = "SELECT t.gid FROM tasks t WHERE t.gid = ?1 AND t.deleted_at IS NULL";
    if call.number(there, &[copy.into()])?.is_none() {
        // Somebody has thrown the copy away.
        job::fail(call, job)?;
        return Ok(Next::Done);
    }
    let phase = |phase: &str, after: i64| {
        let mut state = turn.state.clone();
        (state["phase"], state["after"]) = (Json::from(phase), after.into());
        Ok(Next::Step(state))
    };
    // A circle of dependencies closes between two who do not see each other's; locks come in everybody's order.
    let workspace = call.workspace_of(copy)?;
    call.lock(workspace)?;
    match turn.text("phase") {
        FILL => {
            call.lock(copy)?;
            fill(call, source, copy, &include)?;
            phase(SUBTASKS, 0)
        }
        SUBTASKS if include.subtasks && copy_subtasks(call, job, &include, turn.size)? > 0 => phase(SUBTASKS, 0),
        SUBTASKS if include.dependencies => phase(DEPENDENCIES, 0),
        DEPENDENCIES => match copy_dependencies(call, job, turn.number("after"), turn.size)? {
            Some(after) => phase(DEPENDENCIES, after),
            None => end(call, job),
        },
        SUBTASKS => end(call, job),
        _ => {
            job::start(call, job)?;
            phase(FILL, 0)
        }
    }
}

fn end(call: &mut Call<'_>, job: i64) -> Result<Next> {
    job::succeed(call, job)?;
    Ok(Next::Done)
}

#[cfg(test)]
mod tests;
