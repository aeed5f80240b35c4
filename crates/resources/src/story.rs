//! Stories: comments, and the lines that the system writes about changes.

use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::Result;
use engine::resource::{Guard, Resource};

/// A comment on a task, or a line that the system wrote about a change of it. Whoever sees the task sees it.
pub static STORY: Resource = Resource {
    guard: Guard::Scopes { table: "task_scopes", owner: "task_id" },
    subtype: "resource_subtype",
    ..Resource::new("story", "stories")
};

/// A line that the system writes about a change.
#[derive(Clone, Debug, Default)]
pub struct SystemStory<'a> {
    /// The task that it stands under.
    pub target: i64,
    /// The task's workspace.
    pub workspace: i64,
    /// What happened: `assigned`, `due_date_changed`, ...
    pub subtype: &'static str,
    /// What the subtype names: the assignee, the project, the tag, the follower, the other task, the custom field.
    pub object: Option<i64>,
    /// What it was before: a section, an enum option.
    pub old: Option<i64>,
    /// What it is now.
    pub new: Option<i64>,
    /// Plain values before and after: `old_name`, `new_dates`, ...
    pub details: Option<serde_json::Value>,
    /// Where the change is heard beside the task: its projects and parents.
    pub containers: &'a [i64],
}

/// Writes a line about a change, in the transaction of the change.
pub fn write_system_story(call: &mut Call<'_>, story: &SystemStory<'_>) -> Result<i64> {
    let gid = call.create_object(&STORY, story.workspace)?;
    let details = story.details.as_ref().map(ToString::to_string);
    let columns = [
        ("gid", gid.into()),
        ("workspace_id", story.workspace.into()),
        ("target_id", story.target.into()),
        ("type", "system".into()),
        ("resource_subtype", story.subtype.into()),
        ("is_pinned", false.into()),
        ("is_edited", false.into()),
        ("source", "api".into()),
        ("object_id", story.object.into()),
        ("old_id", story.old.into()),
        ("new_id", story.new.into()),
        ("details", details.into()),
        ("created_at", call.now.into()),
        ("created_by_id", call.viewer.user.into()),
    ];
    call.insert(STORY.table, &columns)?;
    record(call, Did::Added, gid, story)?;
    Ok(gid)
}

/// Says that a story came or went, where the task's changes are heard.
fn record(call: &mut Call<'_>, did: Did, gid: i64, story: &SystemStory<'_>) -> Result<()> {
    let change = Change::new(did, STORY.kind, gid, story.workspace).subtype(story.subtype).parent(story.target);
    let containers = [&[story.target], story.containers].concat();
    call.record(&change, &containers)
}
