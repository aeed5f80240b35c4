//! The resources of the API, one readable file each: its fields, who may see it, its operations, its rules.
//!
//! This list is the table of contents.

pub mod attachment;
pub mod custom_field;
pub mod custom_field_display;
pub mod custom_field_setting;
pub mod custom_field_value;
pub mod custom_id;
pub mod deactivation;
pub mod enum_option;
pub mod favorite;
pub mod host;
pub mod job;
pub mod like;
pub mod membership;
pub mod missing;
pub mod order;
pub mod project;
pub mod purge;
pub mod reaction;
pub mod rich_text;
pub mod section;
pub mod status_update;
pub mod story;
pub mod tag;
pub mod task;
pub mod team;
pub mod team_membership;
pub mod trash;
pub mod user;
pub mod user_task_list;
pub mod workspace;
pub mod workspace_membership;
#[cfg(test)]
mod world;

use engine::resource::Resource;

/// Every resource.
pub static RESOURCES: &[&Resource] = &[
    &workspace::WORKSPACE,
    &workspace_membership::WORKSPACE_MEMBERSHIP,
    &user::USER,
    &user_task_list::USER_TASK_LIST,
    &team::TEAM,
    &team_membership::TEAM_MEMBERSHIP,
    &project::PROJECT,
    &membership::MEMBERSHIP,
    &membership::PROJECT_MEMBERSHIP,
    &section::SECTION,
    &task::TASK,
    &tag::TAG,
    &story::STORY,
    &status_update::STATUS_UPDATE,
    &status_update::PROJECT_STATUS,
    &reaction::REACTION,
    &attachment::ATTACHMENT,
    &custom_field::CUSTOM_FIELD,
    &custom_field_setting::CUSTOM_FIELD_SETTING,
    &enum_option::ENUM_OPTION,
    &job::JOB,
    &trash::TRASH_ENTRY,
];
