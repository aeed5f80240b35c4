//! duplicateTask: the copy is there at once, and filled in the background.

use engine::call::Call;
use engine::error::Result;
use engine::field::NAME_LENGTH;
use engine::input::{Input, InputKind, input};
use engine::job::{Job, Next, Turn};
use engine::operation::Outcome;
use serde_json::json;

use super::copy::{Home, Include, PARTS, SUBTASKS, copy_below, fill, make, phase};
use super::{TASK, load};
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

/// What comes first.
const FILL: &str = "fill";

fn go_on(call: &mut Call<'_>, turn: &Turn<'_>) -> Result<Next> {
    let (job, source, copy) = (turn.number("job"), turn.number("source"), turn.number("copy"));
    let include = Include::of(&turn.state["include"]);
    // A circle of dependencies closes between two who do not see each other's; locks come in everybody's order.
    let workspace = call.workspace_of(copy)?;
    call.lock(workspace)?;
    // Somebody has thrown one of them away, or the caller does not see the original any more.
    if call.level(&TASK, copy)?.is_none() || call.level(&TASK, source)?.is_none() {
        job::fail(call, job)?;
        return Ok(Next::Done);
    }
    match turn.text("phase") {
        "" => {
            job::start(call, job)?;
            Ok(phase(turn, FILL, 0))
        }
        FILL => {
            call.lock(copy)?;
            fill(call, source, copy, &include)?;
            Ok(phase(turn, SUBTASKS, 0))
        }
        _ => copy_below(call, turn, &include),
    }
}

#[cfg(test)]
mod tests;
