//! The resources of the API, one readable file each: its fields, who may see it, its operations, its rules.
//!
//! This list is the table of contents.

pub mod like;
pub mod missing;
pub mod order;
pub mod story;
pub mod tag;
pub mod team;
pub mod user;
pub mod workspace;
#[cfg(test)]
mod world;

use engine::resource::Resource;

/// Every resource.
pub static RESOURCES: &[&Resource] = &[&workspace::WORKSPACE, &user::USER, &team::TEAM, &tag::TAG, &story::STORY, &story::pending::TASK];
