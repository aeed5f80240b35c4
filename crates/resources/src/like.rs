//! Likes: who likes a task or a story. They have a gid and no type, and nobody reads them by themselves.

use engine::field::{Edge, Field, Kind, children, count, many, one, sql};
use engine::resource::Resource;

use crate::user::USER;

/// A person's like of a task.
pub static LIKE_OF_TASK: Resource = like("task_likes");

/// A person's like of a story.
pub static LIKE_OF_STORY: Resource = like("story_likes");

const fn like(table: &'static str) -> Resource {
    Resource { typed: false, open_in_relations: true, fields: LIKE, ..Resource::new("like", table) }
}

const LIKE: &[Field] = &[one("user", &USER, "user_id").compact()];

/// `likes` of a task.
pub const TASK_LIKES: Field = many("likes", &LIKE_OF_TASK, IN_TASK);
/// `liked` of a task: whether the viewer does.
pub const TASK_LIKED: Field =
    sql("liked", Kind::Bool, "EXISTS (SELECT 1 FROM task_likes l WHERE l.task_id = t.gid AND l.user_id = :viewer)");
/// `num_likes` of a task.
pub const TASK_NUM_LIKES: Field = count("num_likes", "(SELECT count(*) FROM task_likes l WHERE l.task_id = t.gid)");

/// `likes` of a story.
pub const STORY_LIKES: Field = many("likes", &LIKE_OF_STORY, IN_STORY);
/// `liked` of a story: whether the viewer does.
pub const STORY_LIKED: Field =
    sql("liked", Kind::Bool, "EXISTS (SELECT 1 FROM story_likes l WHERE l.story_id = t.gid AND l.user_id = :viewer)");
/// `num_likes` of a story.
pub const STORY_NUM_LIKES: Field = count("num_likes", "(SELECT count(*) FROM story_likes l WHERE l.story_id = t.gid)");

const IN_TASK: Edge = children("task_id", "t.gid");
const IN_STORY: Edge = children("story_id", "t.gid");
