//! Likes: who likes a task, a story or a status update. They have a gid and no type, and nobody reads them by themselves.

use engine::field::{Field, one};
use engine::resource::Resource;

use crate::user::USER;

/// A person's like of a task.
pub static LIKE_OF_TASK: Resource = like("task_likes");

/// A person's like of a story.
pub static LIKE_OF_STORY: Resource = like("story_likes");

/// A person's like of a status update.
pub static LIKE_OF_STATUS_UPDATE: Resource = like("status_update_likes");

/// Whoever sees what is liked sees who likes it.
const fn like(table: &'static str) -> Resource {
    Resource { typed: false, open_in_relations: true, fields: FIELDS, ..Resource::new("like", table) }
}

const FIELDS: &[Field] = &[one("user", &USER, "user_id").compact()];
