//! What content hangs on: a task or a project. Whoever sees it sees the content.

use engine::resource::{Guard, Resource};

use crate::project::PROJECT;
use crate::task::TASK;

/// A task or a project, where a parameter, a body or a row may name either.
pub static HOST: Resource = Resource {
    guard: Guard::OneOf(&[&TASK, &PROJECT]),
    faces: &["task", "project"],
    ..Resource::new("object", "objects")
};
