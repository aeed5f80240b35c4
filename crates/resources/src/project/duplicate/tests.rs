use serde_json::{Value as Json, json};
use testkit::{Client, both, gid};

use crate::world::{Small, small};

async fn made(client: &Client, path: &str, data: Json) -> String {
    gid(&client.post(path, data).await.created())
}

fn names(list: &Json) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

both!(a_project_is_copied_with_its_tasks, small, |small: Small| async move {
    let Small { ann, bob, cat, workspace, team, world, .. } = small;
    let data =
        json!({"team": team, "name": "source", "notes": "why", "color": "dark-red", "privacy_setting": "private"});
    let source = made(&ann, "/projects", data).await;
    let data = json!({"parent": source, "member": bob.user.to_string(), "access_level": "commenter"});
    ann.post("/memberships", data).await.created();
    let data = json!({"workspace": workspace, "name": "Size", "resource_subtype": "text"});
    let field = made(&ann, "/custom_fields", data).await;
    ann.post(&format!("/projects/{source}/addCustomFieldSetting"), json!({"custom_field": field})).await.ok();
    let later = made(&ann, &format!("/projects/{source}/sections"), json!({"name": "later"})).await;
    let other = made(&ann, "/projects", json!({"workspace": workspace, "name": "other"})).await;
    let task = async |name: &str, section: Option<&str>, due: &str| {
        let place = json!([{"project": source, "section": section}]);
        let data = json!({"memberships": place, "name": name, "start_on": due, "due_on": due, "notes": name,
            "assignee": "me", "custom_fields": {&field: format!("size of {name}")}});
        made(&ann, "/tasks", data).await
    };
    let one = task("one", None, "2026-03-02").await;
    let two = task("two", None, "2026-03-05").await;
    let three = task("three", Some(&later), "2026-03-06").await;
    ann.post(&format!("/tasks/{two}/addProject"), json!({"project": other})).await.ok();
    ann.post(&format!("/tasks/{two}/addDependencies"), json!({"dependencies": [one]})).await.ok();
    made(&ann, "/tasks", json!({"parent": one, "name": "part", "notes": "n"})).await;
    let gone = task("gone", None, "2026-03-06").await;
    ann.delete(&format!("/tasks/{gone}")).await.ok();

    let all = "members,notes,permissions,forms,task_assignee,task_attachments,task_dates,task_dependencies,\
        task_followers,task_notes,task_projects,task_subtasks,task_tags";
    let data = json!({"name": "copy", "include": all,
        "schedule_dates": {"should_skip_weekends": true, "due_on": "2026-03-10"}});
    let job = ann.post(&format!("/projects/{source}/duplicate"), data).await.created();
    assert_eq!((&job["resource_subtype"], &job["status"]), (&json!("duplicate_project"), &json!("not_started")));
    assert_eq!(job["new_project"]["name"], "copy");
    assert_eq!(job["new_task"], Json::Null);
    let copy = gid(&job["new_project"]);
    world.queue("small steps", 1).run_due().await.unwrap();
    assert_eq!(ann.get(&format!("/jobs/{}", gid(&job))).await.ok()["status"], "succeeded");

    let shown = "opt_fields=notes,color,privacy_setting,team,members.name,custom_field_settings.custom_field";
    let mut project = ann.get(&format!("/projects/{copy}?{shown}")).await.ok();
    let mut original = ann.get(&format!("/projects/{source}?{shown}")).await.ok();
    for project in [&mut project, &mut original] {
        project["gid"] = Json::Null;
        project["custom_field_settings"][0]["gid"] = Json::Null;
    }
    assert_eq!(project, original);
    bob.get(&format!("/projects/{copy}")).await.ok();
    cat.get(&format!("/projects/{copy}")).await.refused(403, "You do not have access to this project.");
    let sections = ann.get(&format!("/projects/{copy}/sections")).await.ok();
    assert_eq!(names(&sections), ["Untitled section", "later"]);
    let fields = "opt_fields=name,notes,start_on,due_on,assignee.name,memberships.section.name,dependencies,\
        custom_fields.display_value,num_subtasks,projects.name";
    let tasks = ann.get(&format!("/projects/{copy}/tasks?{fields}")).await.ok();
    let before = ann.get(&format!("/projects/{source}/tasks?{fields}")).await.ok();
    assert_eq!(names(&tasks), names(&before), "in the same order");
    let find = |name: &str| tasks.as_array().unwrap().iter().find(|task| task["name"] == name).unwrap();
    // Four days on; what comes to a weekend waits for Monday.
    for (name, due) in [("one", "2026-03-06"), ("two", "2026-03-09"), ("three", "2026-03-10")] {
        let task = find(name);
        assert_eq!((&task["start_on"], &task["due_on"]), (&json!(due), &json!(due)), "{name}");
        assert_eq!((&task["notes"], &task["assignee"]["name"]), (&json!(name), &json!("Ann Example")));
        assert_eq!(task["custom_fields"][0]["display_value"], format!("size of {name}"));
    }
    assert_eq!(find("three")["memberships"][0]["section"]["name"], "later");
    assert_eq!(gid(&find("two")["dependencies"][0]), gid(find("one")));
    assert_eq!(names(&find("two")["projects"]), ["other", "copy"]);
    let parts = ann.get(&format!("/tasks/{}/subtasks", gid(find("one")))).await.ok();
    assert_eq!(names(&parts), ["part"]);
    assert_eq!(ann.get(&format!("/projects/{source}/tasks")).await.ok().as_array().unwrap().len(), 3);
    let _ = three;

    // Bare: the tasks' names, and nobody but its maker.
    let data = json!({"name": "bare"});
    let job = bob.post(&format!("/projects/{source}/duplicate"), data).await.created();
    world.run_jobs().await;
    let copy = gid(&job["new_project"]);
    let tasks = bob.get(&format!("/projects/{copy}/tasks?opt_fields=name,notes,due_on,assignee")).await.ok();
    assert_eq!(names(&tasks), names(&before));
    assert!(tasks.as_array().unwrap().iter().all(|task| task["notes"] == "" && task["due_on"].is_null()));
    ann.get(&format!("/projects/{copy}")).await.refused(403, "You do not have access to this project.");
    let wrong = testkit::consistency::violations(&world.api.db).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
});

both!(who_may_not_copy_a_project_is_told, small, |small: Small| async move {
    let Small { ann, cat, guest, workspace, .. } = small;
    let private = json!({"workspace": workspace, "name": "p", "privacy_setting": "private"});
    let project = made(&ann, "/projects", private).await;
    let path = format!("/projects/{project}/duplicate");
    cat.post(&path, json!({"name": "x"})).await.refused(403, "You do not have access to this project.");
    let data = json!({"parent": project, "member": guest.user.to_string(), "access_level": "admin"});
    ann.post("/memberships", data).await.created();
    assert_eq!(guest.post(&path, json!({"name": "x"})).await.response.status, 403, "a guest creates no projects");
    let schedule = json!({"should_skip_weekends": false, "start_on": "2026-03-02"});
    for (data, message) in [
        (json!({}), "name: Missing input"),
        (json!({"name": "x", "schedule_dates": schedule}), "schedule_dates: task_dates must be included"),
        (
            json!({"name": "x", "include": "task_dates", "schedule_dates": {"should_skip_weekends": true}}),
            "schedule_dates: You should specify one of start_on, due_on",
        ),
        (
            json!({"name": "x", "include": "task_dates", "schedule_dates": {"start_on": "2026-03-02"}}),
            "schedule_dates: should_skip_weekends: Missing required field",
        ),
    ] {
        ann.post(&path, data).await.refused(400, message);
    }
});

both!(who_has_lost_a_project_gets_no_more_of_it, small, |small: Small| async move {
    let Small { ann, bob, workspace, team, world, .. } = small;
    let data = json!({"team": team, "name": "source", "privacy_setting": "private"});
    let source = made(&ann, "/projects", data).await;
    let data = json!({"parent": source, "member": bob.user.to_string(), "access_level": "viewer"});
    let membership = made(&ann, "/memberships", data).await;
    let task = made(&ann, "/tasks", json!({"projects": [source], "name": "secret"})).await;
    ann.put(&format!("/tasks/{task}"), json!({"notes": "secret"})).await.ok();
    let job = bob.post(&format!("/projects/{source}/duplicate"), json!({"name": "copy"})).await.created();
    let own = bob.post(&format!("/tasks/{task}/duplicate"), json!({"name": "own", "include": "notes"})).await.created();
    ann.delete(&format!("/memberships/{membership}")).await.ok();
    world.queue("small steps", 1).run_due().await.unwrap();
    for job in [&job, &own] {
        assert_eq!(bob.get(&format!("/jobs/{}", gid(job))).await.ok()["status"], "failed");
    }
    let copied = bob.get(&format!("/projects/{}/tasks", gid(&job["new_project"]))).await.ok();
    assert_eq!(copied, json!([]));
    let own = bob.get(&format!("/tasks/{}?opt_fields=notes", gid(&own["new_task"]))).await.ok();
    assert_eq!(own["notes"], "");
    let known = ann.get(&format!("/workspaces/{workspace}/projects")).await.ok();
    assert_eq!(names(&known), ["source"]);
});
