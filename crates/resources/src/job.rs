//! Jobs: what goes on in the background for a caller, who may ask how far it has come. The work itself waits in the queue
//! (crate `jobs`); this is its face in the API.

use engine::call::Call;
use engine::error::Result;
use engine::field::{choice, one, text};
use engine::job::{Job, Next, Period, Turn};
use engine::operation::get;
use engine::resource::{Guard, Resource};
use serde_json::Value as Json;
use store::Value;

use crate::project::PROJECT;
use crate::task::TASK;

/// How a job stands.
pub const STATUSES: &[&str] = &["not_started", "in_progress", "succeeded", "failed"];

/// A job, for the eyes of whoever started it.
pub static JOB: Resource = Resource {
    guard: Guard::Sql("EXISTS (SELECT 1 FROM jobs j WHERE j.gid = {key} AND j.user_id = :viewer)"),
    subtype: "resource_subtype",
    fields: &[
        one("new_project", &PROJECT, "new_project_id").nullable().compact(),
        one("new_task", &TASK, "new_task_id").nullable().compact(),
        text("resource_subtype").compact(),
        choice("status", STATUSES).compact(),
    ],
    operations: &[get("getJob", "/jobs/{job_gid}")],
    jobs: &[&PURGE_JOBS],
    ..Resource::new("job", "jobs")
};

/// What a job makes.
#[derive(Clone, Copy, Debug)]
pub enum New {
    /// A task.
    Task(i64),
    /// A project.
    Project(i64),
}

/// Begins a job of the caller's. Its work is to be enqueued in the same transaction, with the job's gid as `job` in its
/// state, so that [`given_up`] finds it.
pub fn begin(call: &mut Call<'_>, workspace: i64, subtype: &str, new: New) -> Result<i64> {
    let job = call.create_object(&JOB, workspace)?;
    let (task, project) = match new {
        New::Task(task) => (Some(task), None),
        New::Project(project) => (None, Some(project)),
    };
    let columns = [
        ("gid", job.into()),
        ("workspace_id", workspace.into()),
        ("user_id", call.viewer.user.into()),
        ("resource_subtype", subtype.into()),
        ("status", STATUSES[0].into()),
        ("new_task_id", task.into()),
        ("new_project_id", project.into()),
        ("created_at", call.now.into()),
    ];
    call.insert(JOB.table, &columns);
    Ok(job)
}

/// The work has begun.
pub fn start(call: &mut Call<'_>, job: i64) -> Result<()> {
    call.update(JOB.table, job, &[("status", STATUSES[1].into())])
}

/// The work is done.
pub fn succeed(call: &mut Call<'_>, job: i64) -> Result<()> {
    end(call, job, STATUSES[2])
}

/// The work cannot be done.
pub fn fail(call: &mut Call<'_>, job: i64) -> Result<()> {
    end(call, job, STATUSES[3])
}

fn end(call: &mut Call<'_>, job: i64, status: &str) -> Result<()> {
    call.execute("DELETE FROM job_copies WHERE job_id = ?1", &[job.into()])?;
    call.update(JOB.table, job, &[("status", status.into()), ("ended_at", call.now.into())])
}

/// The work has failed too often: what the queue says when it gives up a job whose state names one of these.
pub fn given_up(call: &mut Call<'_>, state: &Json) -> Result<()> {
    fail(call, state["job"].as_i64().unwrap_or_default())
}

/// Remembers that a job has made a copy of something.
pub fn remember_copy(call: &mut Call<'_>, job: i64, source: i64, copy: i64) {
    call.insert("job_copies", &[("job_id", job.into()), ("source_id", source.into()), ("copy_id", copy.into())]);
}

/// Removes jobs that have ended long ago.
pub static PURGE_JOBS: Job = Job::new("purge_jobs", purge_jobs).every(Period::Daily);

fn purge_jobs(call: &mut Call<'_>, turn: &Turn<'_>) -> Result<Next> {
    let until = call.now - turn.limits.job_days * 86_400_000;
    let old = call.numbers(
        "SELECT gid FROM jobs WHERE ended_at IS NOT NULL AND ended_at <= ?1 ORDER BY ended_at, gid LIMIT ?2",
        &[until.into(), Value::Int(turn.size)],
    )?;
    for job in &old {
        call.execute("DELETE FROM jobs WHERE gid = ?1", &[(*job).into()])?;
        call.delete_object(*job)?;
    }
    Ok(if old.len() as i64 == turn.size { Next::Step(turn.state.clone()) } else { Next::Done })
}
