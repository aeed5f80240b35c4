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
    require_same_workspace(call, task.workspace, tag)?;
    if call.insert_new("task_tags", &[("task_id", task.gid.into()), ("tag_id", tag.into())])? {
        touch(call, task.gid)?;
        let containers = containers(call, task.gid)?;
        call.record(&task_change(Did::Changed, &task).field("tags").member(Did::Added, tag), &containers);
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
        call.record(&task_change(Did::Changed, &task).field("tags").member(Did::Removed, tag), &containers);
        story(call, &task, "removed_from_tag", &containers, |story| story.object = Some(tag))?;
    }
    Ok(Outcome::Empty)
}

/// Refuses a tag of another workspace.
fn require_same_workspace(call: &mut Call<'_>, workspace: i64, tag: i64) -> Result<()> {
    match call.workspace_of(tag)? {
        own if own == workspace => Ok(()),
        _ => Err(Error::unknown_object("tag", tag)),
    }
}

/// The tags that the body of a new task names.
pub fn first_tags(call: &mut Call<'_>, workspace: i64) -> Result<Vec<i64>> {
    let tags = call.body.gids("tags").to_vec();
    tags.iter().try_for_each(|tag| require_same_workspace(call, workspace, *tag))?;
    Ok(tags)
}
