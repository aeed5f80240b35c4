//! A task's tags.

use engine::call::Call;
use engine::change::Did;
use engine::error::{Error, Result};
use engine::operation::Outcome;

use super::{containers, load, story, task_change, touch};

/// addTagForTask.
pub fn add_tag(call: &mut Call<'_>) -> Result<Outcome> {
    let task = load(call, call.target)?;
    let tag = call.body.gid("tag").unwrap_or_default();
    if attach(call, task.gid, task.workspace, tag)? {
        touch(call, task.gid)?;
        let containers = containers(call, task.gid)?;
        call.record(&task_change(Did::Changed, &task).field("tags").member(Did::Added, tag), &containers)?;
        story(call, &task, "added_to_tag", &containers, |story| story.object = Some(tag))?;
    }
    Ok(Outcome::Empty)
}

/// removeTagForTask.
pub fn remove_tag(call: &mut Call<'_>) -> Result<Outcome> {
    let task = load(call, call.target)?;
    let tag = call.body.gid("tag").unwrap_or_default();
    let removed =
        call.execute("DELETE FROM task_tags WHERE task_id = ?1 AND tag_id = ?2", &[task.gid.into(), tag.into()])?;
    if removed > 0 {
        touch(call, task.gid)?;
        let containers = containers(call, task.gid)?;
        call.record(&task_change(Did::Changed, &task).field("tags").member(Did::Removed, tag), &containers)?;
        story(call, &task, "removed_from_tag", &containers, |story| story.object = Some(tag))?;
    }
    Ok(Outcome::Empty)
}

/// Puts a tag of the same workspace on a task; whether it was new there.
pub fn attach(call: &mut Call<'_>, task: i64, workspace: i64, tag: i64) -> Result<bool> {
    let own = call.number("SELECT workspace_id FROM tags WHERE gid = ?1", &[tag.into()])?;
    if own != Some(workspace) {
        return Err(Error::unknown_object("tag", tag));
    }
    call.insert_new("task_tags", &[("task_id", task.into()), ("tag_id", tag.into())])
}
