use serde_json::{Value as Json, json};
use testkit::{Client, both, gid};

use crate::world::{Small, small};

fn names(list: &Json) -> Vec<&str> {
    list.as_array().expect("a list").iter().filter_map(|item| item["name"].as_str()).collect()
}

async fn list(client: &Client, workspace: &str) -> String {
    gid(&client.get(&format!("/users/me/user_task_list?workspace={workspace}")).await.ok())
}

async fn task(client: &Client, data: Json) -> String {
    gid(&client.post("/tasks", data).await.created())
}

both!(everyone_has_a_list, small, |small: Small| async move {
    let Small { ann, bob, guest, stranger, workspace, .. } = small;
    let own = bob.get(&format!("/users/me/user_task_list?workspace={workspace}")).await.ok();
    assert_eq!(
        own,
        json!({
            "gid": gid(&own), "resource_type": "user_task_list", "name": "My tasks in Acme",
            "owner": {"gid": bob.user.to_string(), "resource_type": "user", "name": "Bob Example"},
            "workspace": {"gid": workspace, "resource_type": "workspace", "name": "Acme"}
        })
    );
    let path = format!("/user_task_lists/{}", gid(&own));
    assert_eq!(ann.get(&path).await.ok(), own);
    assert_eq!(ann.get(&format!("/users/bob@acme.example/user_task_list?workspace={workspace}")).await.ok(), own);
    let name = guest.get(&format!("/users/me/user_task_list?workspace={workspace}&opt_fields=name")).await.ok();
    assert_eq!(name, json!({"gid": gid(&name), "name": "My tasks in Acme"}));
    guest.get(&path).await.refused(403, "You do not have access to this user task list.");
    stranger.get(&path).await.refused(404, &format!("user_task_list: Not a recognized ID: {}", gid(&own)));
    ann.get("/users/me/user_task_list").await.refused(400, "workspace: Missing input");
    let sam = stranger.user;
    ann.get(&format!("/users/{sam}/user_task_list?workspace={workspace}"))
        .await
        .refused(404, &format!("user: Not a recognized ID: {sam}"));
    stranger
        .get(&format!("/users/me/user_task_list?workspace={workspace}"))
        .await
        .refused(400, &format!("workspace: Unknown object: {workspace}"));
});

both!(what_is_assigned_comes_into_the_list, small, |small: Small| async move {
    let Small { ann, bob, cat, guest, workspace, .. } = small;
    let own = list(&bob, &workspace).await;
    let (path, bob_gid) = (format!("/user_task_lists/{own}/tasks"), bob.user.to_string());
    let named = |name: &str| json!({"workspace": workspace, "name": name, "assignee": bob_gid});
    let one = task(&ann, named("one")).await;
    let two = task(&ann, named("two")).await;
    let three = task(&cat, json!({"workspace": workspace, "name": "three"})).await;
    cat.put(&format!("/tasks/{three}"), json!({"assignee": bob_gid})).await.ok();
    assert_eq!(names(&bob.get(&path).await.ok()), ["three", "two", "one"]);
    assert_eq!(names(&Json::from(bob.pages(&path, 1).await)), ["three", "two", "one"]);
    assert_eq!(names(&bob.get(&format!("/tasks?user_task_list={own}")).await.ok()), ["three", "two", "one"]);
    // Others see of it what they see anyway.
    assert_eq!(names(&ann.get(&path).await.ok()), ["two", "one"]);
    assert_eq!(names(&cat.get(&path).await.ok()), ["three"]);
    guest.get(&path).await.refused(403, "You do not have access to this user task list.");
    // `now` leaves what is still to be done.
    bob.put(&format!("/tasks/{two}"), json!({"completed": true})).await.ok();
    assert_eq!(names(&bob.get(&format!("{path}?completed_since=now")).await.ok()), ["three", "one"]);
    assert_eq!(
        names(&bob.get(&format!("/tasks?user_task_list={own}&completed_since=2026-01-01T00:00:00Z")).await.ok()),
        ["three", "two", "one"]
    );
    // It goes where its assignee goes, and nowhere without one.
    bob.put(&format!("/tasks/{one}"), json!({"assignee": null})).await.ok();
    bob.put(&format!("/tasks/{two}"), json!({"assignee": "me"})).await.ok();
    cat.put(&format!("/tasks/{three}"), json!({"assignee": "me"})).await.ok();
    assert_eq!(names(&bob.get(&path).await.ok()), ["two"]);
    let cats = list(&cat, &workspace).await;
    assert_eq!(names(&cat.get(&format!("/user_task_lists/{cats}/tasks")).await.ok()), ["three"]);
    bob.delete(&format!("/tasks/{two}")).await.ok();
    assert_eq!(bob.get(&path).await.ok(), json!([]));
    bob.get(&format!("/tasks?user_task_list={own}&project=1"))
        .await
        .refused(400, "Must specify exactly one of project, tag, section, user task list, or assignee + workspace");
});

both!(the_list_has_sections_of_its_own, small, |small: Small| async move {
    let Small { ann, bob, workspace, .. } = small;
    let own = list(&bob, &workspace).await;
    let sections = format!("/projects/{own}/sections");
    let made = bob.get(&sections).await.ok();
    assert_eq!(names(&made), ["Recently assigned", "Do today", "Do next week", "Do later"]);
    let [recent, today, later] = [0, 1, 3].map(|at| gid(&made[at]));
    let section = bob.get(&format!("/sections/{today}")).await.ok();
    let list = json!({"gid": own, "resource_type": "user_task_list", "name": "My tasks in Acme"});
    assert_eq!((&section["project"], &section["projects"]), (&list, &json!([])));
    // Nobody else sees or changes them.
    ann.get(&sections).await.refused(403, "You do not have access to this project.");
    ann.get(&format!("/sections/{today}")).await.refused(403, "You do not have access to this section.");
    ann.get(&format!("/sections/{today}/tasks")).await.refused(403, "You do not have access to this section.");
    ann.post(&sections, json!({"name": "Mine"})).await.refused(403, "You do not have access to this project.");

    let assigned = |name: &str| json!({"workspace": workspace, "name": name, "assignee": bob.user.to_string()});
    let one = task(&bob, assigned("one")).await;
    let mut data = assigned("two");
    data["assignee_section"] = json!(today);
    let two = task(&bob, data).await;
    let tasks = format!("/user_task_lists/{own}/tasks");
    assert_eq!(names(&bob.get(&tasks).await.ok()), ["one", "two"]);
    let asked = format!("/tasks/{two}?opt_fields=assignee_section.name");
    assert_eq!(bob.get(&asked).await.ok()["assignee_section"], json!({"gid": today, "name": "Do today"}));
    bob.post(&format!("/tasks/{two}/addFollowers"), json!({"followers": [ann.user.to_string()]})).await.ok();
    assert_eq!(ann.get(&asked).await.ok()["assignee_section"], json!(null));
    assert_eq!(bob.get(&format!("/tasks/{two}")).await.ok().get("assignee_section"), None);
    // Moved by the property, by the section, next to another.
    let moved = bob.put(&format!("/tasks/{one}?opt_fields=assignee_section"), json!({"assignee_section": today})).await;
    assert_eq!(gid(&moved.ok()["assignee_section"]), today);
    assert_eq!(names(&bob.get(&format!("/sections/{today}/tasks")).await.ok()), ["one", "two"]);
    assert_eq!(names(&bob.get(&format!("/tasks?section={today}")).await.ok()), ["one", "two"]);
    let add = |section: &str| format!("/sections/{section}/addTask");
    bob.post(&add(&today), json!({"task": one, "insert_after": two})).await.ok();
    assert_eq!(names(&bob.get(&format!("/sections/{today}/tasks")).await.ok()), ["two", "one"]);
    bob.post(&add(&later), json!({"task": two})).await.ok();
    assert_eq!(names(&bob.get(&tasks).await.ok()), ["one", "two"]);
    // Only what is assigned to Bob is in there, and only Bob's sections are.
    let other = task(&bob, json!({"workspace": workspace, "name": "other"})).await;
    bob.post(&add(&today), json!({"task": other}))
        .await
        .refused(400, &format!("task: Not a section of the assignee's My Tasks: {today}"));
    bob.put(&format!("/tasks/{other}"), json!({"assignee_section": today}))
        .await
        .refused(400, &format!("assignee_section: Not a section of the assignee's My Tasks: {today}"));
    ann.put(&format!("/tasks/{two}"), json!({"assignee_section": today}))
        .await
        .refused(403, "You do not have access to this section.");

    // They are made, renamed, moved and deleted like any.
    let new = gid(&bob.post(&sections, json!({"name": "Waiting", "insert_after": recent})).await.created());
    bob.put(&format!("/sections/{new}"), json!({"name": "Blocked"})).await.ok();
    bob.post(&format!("{sections}/insert"), json!({"section": new, "before_section": recent})).await.ok();
    assert_eq!(names(&bob.get(&sections).await.ok())[..2], ["Blocked", "Recently assigned"]);
    let three = task(&ann, assigned("three")).await;
    assert_eq!(names(&bob.get(&tasks).await.ok()), ["three", "one", "two"]);
    bob.delete(&format!("/sections/{new}")).await.refused(400, "section: A section with tasks in it cannot be deleted");
    bob.put(&format!("/tasks/{three}"), json!({"assignee_section": recent})).await.ok();
    bob.delete(&format!("/sections/{new}")).await.ok();
    assert_eq!(names(&bob.get(&sections).await.ok())[0], "Recently assigned");
});
