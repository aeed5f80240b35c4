//! A call of every operation that succeeds for an administrator, in the organization of [`crate::world`].

use engine::operation::{Method, Operation};
use serde_json::{Value as Json, json};
use testkit::{Answer, Client};

use crate::world::{CUSTOM_ID, Place};

/// A request that is ready to be sent.
#[derive(Clone, Debug)]
pub struct Call {
    pub id: &'static str,
    pub method: Method,
    pub path: String,
    pub query: String,
    pub data: Option<Json>,
}

impl Call {
    pub async fn send(&self, client: &Client) -> Answer {
        let path = if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) };
        let body = self.data.as_ref().map(|data| json!({ "data": data }).to_string()).unwrap_or_default();
        client.send(self.method, &path, body.as_bytes(), Some("application/json")).await
    }

    /// The same with more in the query.
    pub fn with(&self, query: &str) -> Call {
        let separator = if self.query.is_empty() { "" } else { "&" };
        Call { query: format!("{}{separator}{query}", self.query), ..self.clone() }
    }

    /// The same with other data.
    pub fn data(&self, data: Json) -> Call {
        Call { data: Some(data), ..self.clone() }
    }
}

/// The call of an operation.
pub fn call(place: &Place, operation: &'static Operation) -> Call {
    let gid = |name: &'static str| if name == "custom_id" { CUSTOM_ID } else { place.gid(name) };
    let target = target(operation.id);
    let mut path = operation.path.to_owned();
    for part in operation.path.split('/') {
        if let Some(parameter) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            path = path.replace(part, gid(target.unwrap_or(parameter)));
        }
    }
    let (query, data) = asked(place, operation.id);
    let data = data.or_else(|| (operation.method != Method::Get).then(|| json!({})));
    Call { id: operation.id, method: operation.method, path, query, data }
}

/// What stands in the path when it is not the usual object.
fn target(id: &str) -> Option<&'static str> {
    Some(match id {
        "deleteSection" => "empty_section",
        "deleteCustomField" => "spare_field",
        "deleteTag" => "third_tag",
        "getFavoritesForUser" => "ann",
        _ => return None,
    })
}

fn asked(place: &Place, id: &str) -> (String, Option<Json>) {
    let gid = |name: &str| place.gid(name);
    let query = match id {
        "getAttachmentsForObject" => format!("parent={}", gid("task_gid")),
        "getProjects" | "getTags" | "getUsers" => format!("workspace={}", gid("workspace_gid")),
        "getReactionsOnObject" => format!("target={}&emoji_base=%F0%9F%91%8D", gid("story_gid")),
        "getStatusesForObject" => format!("parent={}", gid("project_gid")),
        "getTasks" => format!("project={}", gid("project_gid")),
        "getMemberships" => format!("parent={}", gid("project_gid")),
        "getTeamMemberships" => format!("team={}", gid("team_gid")),
        "getTeamMembershipsForUser" | "getUserTaskListForUser" | "getFavoritesForUser" => {
            format!("workspace={}", gid("workspace_gid"))
        }
        "getTeamsForUser" => format!("organization={}", gid("workspace_gid")),
        _ => String::new(),
    };
    let data = match id {
        "duplicateProject" => json!({"name": "Umbra duplicate", "include": "members,notes,task_notes,task_subtasks"}),
        "duplicateTask" => json!({"name": "Umbra duplicate", "include": "notes,subtasks"}),
        "addCustomFieldSettingForProject" => json!({"custom_field": gid("spare_field"), "is_important": true}),
        "addDependenciesForTask" => json!({"dependencies": [gid("approval_task")]}),
        "addDependentsForTask" => json!({"dependents": [gid("approval_task")]}),
        "addFollowersForProject" | "addFollowersForTask" => json!({"followers": [gid("mel")]}),
        "addMembersForProject" => json!({"members": [gid("mel")]}),
        "addProjectForTask" => json!({"project": gid("project_gid"), "section": gid("empty_section")}),
        "addTagForTask" => json!({"tag": gid("tag_gid")}),
        "addUserForTeam" => json!({"user": gid("mel")}),
        "addUserForWorkspace" => json!({"user": "nia@umbra.example"}),
        "addTaskForSection" => json!({"task": gid("first_task")}),
        "createAttachmentForObject" => json!({
            "parent": gid("task_gid"), "resource_subtype": "external", "name": "Umbra link",
            "url": "https://umbra.example/",
        }),
        "createCustomField" => {
            json!({"workspace": gid("workspace_gid"), "name": "Umbra new field", "resource_subtype": "text"})
        }
        "createEnumOptionForCustomField" => json!({"name": "Umbra new option", "color": "blue"}),
        "createMembership" => json!({"parent": gid("project_gid"), "member": gid("mel"), "access_level": "editor"}),
        "createTeam" => json!({"organization": gid("workspace_gid"), "name": "Umbra new team"}),
        "createProject" => {
            json!({"workspace": gid("workspace_gid"), "name": "Umbra new project", "privacy_setting": "private"})
        }
        "createProjectForTeam" | "createProjectForWorkspace" => json!({"name": "Umbra new project"}),
        "createProjectStatusForProject" => json!({"text": "Umbra new status", "color": "red"}),
        "createSectionForProject" => json!({"name": "Umbra new section"}),
        "createStatusForObject" => {
            json!({"parent": gid("project_gid"), "text": "Umbra new status", "status_type": "at_risk"})
        }
        "createStoryForTask" => json!({"text": "Umbra new comment"}),
        "createSubtaskForTask" => json!({"name": "Umbra new subtask"}),
        "createTag" => json!({"workspace": gid("workspace_gid"), "name": "Umbra new tag"}),
        "createTagForWorkspace" => json!({"name": "Umbra new tag"}),
        "createTask" => json!({"projects": [gid("project_gid")], "name": "Umbra new task", "notes": "Umbra"}),
        "insertEnumOptionForCustomField" => {
            json!({"enum_option": gid("enum_option_gid"), "after_enum_option": gid("other_option")})
        }
        "insertSectionForProject" => {
            json!({"section": gid("section_gid"), "after_section": gid("empty_section")})
        }
        "removeCustomFieldSettingForProject" => json!({"custom_field": gid("custom_field_gid")}),
        "removeDependenciesForTask" => json!({"dependencies": [gid("first_task")]}),
        "removeDependentsForTask" => json!({"dependents": [gid("dependent_task")]}),
        "removeFollowerForTask" | "removeFollowersForProject" => json!({"followers": [gid("eve")]}),
        "removeMembersForProject" => json!({"members": [gid("vic")]}),
        "removeProjectForTask" => json!({"project": gid("project_gid")}),
        "removeUserForTeam" | "removeUserForWorkspace" => json!({"user": gid("eve")}),
        "removeTagForTask" => json!({"tag": gid("other_tag")}),
        "setParentForTask" => json!({"parent": gid("first_task")}),
        "updateCustomField" => json!({"name": "Umbra field renamed"}),
        "updateEnumOption" => json!({"name": "Umbra option renamed", "color": "green"}),
        "updateMembership" => json!({"access_level": "viewer"}),
        "updateTeam" => json!({"name": "Umbra team renamed", "visibility": "secret"}),
        "updateUser" | "updateUserForWorkspace" => json!({"name": "Umbra Eve again"}),
        "updateWorkspace" => json!({"name": "Umbra Works again"}),
        "updateProject" => json!({"name": "Umbra project renamed", "archived": true}),
        "updateSection" => json!({"name": "Umbra section renamed"}),
        "updateStory" => json!({"text": "Umbra comment changed"}),
        "updateTag" => json!({"name": "Umbra tag renamed", "notes": "Umbra"}),
        "updateTask" => json!({"name": "Umbra task again", "assignee": gid("cora"), "completed": false}),
        _ => return (query, None),
    };
    (query, Some(data))
}
