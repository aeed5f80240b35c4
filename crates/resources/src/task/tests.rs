//! Tasks, through the API, on both databases.

use serde_json::{Value as Json, json};
use testkit::{Client, both, gid};

use crate::world::{Small, small};

async fn project(client: &Client, small: &Small, name: &str) -> String {
    let body = json!({"team": small.team, "name": name, "privacy_setting": "private"});
    gid(&client.post("/projects", body).await.created())
}

async fn section(client: &Client, project: &str, name: &str) -> String {
    gid(&client.post(&format!("/projects/{project}/sections"), json!({"name": name})).await.created())
}

async fn task(client: &Client, small: &Small, name: &str) -> String {
    gid(&client.post("/tasks", json!({"workspace": small.workspace, "name": name})).await.created())
}

async fn names(client: &Client, path: &str) -> Vec<String> {
    let list = client.get(path).await.ok();
    let names = list.as_array().unwrap().iter().map(|task| task["name"].as_str().unwrap().to_owned());
    names.collect()
}

async fn stories(client: &Client, task: &str) -> Vec<String> {
    let list = client.get(&format!("/tasks/{task}/stories?opt_fields=resource_subtype")).await.ok();
    let subtypes = list.as_array().unwrap().iter().map(|story| story["resource_subtype"].as_str().unwrap().to_owned());
    subtypes.collect()
}

both!(a_fresh_task_has_the_default_record, small, |small: Small| async move {
    let Small { ann, workspace, .. } = &small;
    let task = ann.post("/tasks", json!({"workspace": workspace, "name": "Call Bob"})).await.created();
    let (task_gid, ann_gid) = (gid(&task), ann.user.to_string());
    let by = json!({"gid": ann_gid, "resource_type": "user", "name": "Ann Example"});
    assert_eq!(
        task,
        json!({
            "gid": task_gid, "resource_type": "task", "actual_time_minutes": null, "assignee": null,
            "assignee_status": "upcoming", "completed": false, "completed_at": null,
            "created_at": "2026-03-02T10:00:00.000Z", "custom_fields": [], "due_at": null, "due_on": null,
            "followers": [by], "hearted": false, "hearts": [], "liked": false, "likes": [], "memberships": [],
            "modified_at": "2026-03-02T10:00:00.000Z", "name": "Call Bob", "notes": "", "num_hearts": 0,
            "num_likes": 0, "parent": null,
            "permalink_url": format!("http://localhost/1/{workspace}/task/{task_gid}"),
            "projects": [], "resource_subtype": "default_task", "start_at": null, "start_on": null, "tags": [],
            "workspace": {"gid": workspace, "resource_type": "workspace", "name": "Acme"}
        })
    );
    assert_eq!(ann.get(&format!("/tasks/{task_gid}")).await.ok(), task);
});

both!(a_task_is_made_by_the_older_path, small, |small: Small| async move {
    let Small { ann, bob, stranger, workspace, .. } = &small;
    let path = format!("/workspaces/{workspace}/tasks");
    // The path has the last word.
    let task = ann.post(&path, json!({"workspace": "12", "name": "Call Bob"})).await.created();
    assert_eq!((&task["name"], &task["workspace"]["gid"]), (&json!("Call Bob"), &json!(workspace)));
    bob.post("/workspaces/x/tasks", json!({})).await.refused(400, "workspace: Not a Long: x");
    stranger.post(&path, json!({})).await.refused(400, &format!("workspace: Unknown object: {workspace}"));
});

both!(what_is_wrong_with_a_new_task_is_named, small, |small: Small| async move {
    let Small { ann, stranger, workspace, .. } = &small;
    let hidden = task(ann, &small, "secret").await;
    for (body, message) in [
        (json!({}), "You should specify one of workspace, parent, projects".to_owned()),
        (json!({"workspace": 12}), "workspace: Not a valid GID type: number".to_owned()),
        (json!({"workspace": "x"}), "workspace: Not a Long: x".to_owned()),
        (json!({"workspace": "5"}), "workspace: Unknown object: 5".to_owned()),
        (json!({"projects": ["x"]}), "projects: [0]: Not a recognized ID: x".to_owned()),
        (json!({"memberships": [{}]}), "memberships: [0]: project: Missing required field".to_owned()),
        (
            json!({"memberships": [{"project": "1", "section": {}}]}),
            "memberships: [0]: section: Not a valid GID type: object".to_owned(),
        ),
        (
            json!({"workspace": workspace, "due_on": "2026-01-01", "due_at": "2026-01-01T00:00:00Z"}),
            "You may only provide one of due_on or due_at!".to_owned(),
        ),
        (
            json!({"workspace": workspace, "due_on": "2026-02-30"}),
            "due_on: Date must be in ISO-8601 (yyyy-mm-dd) format, not: 2026-02-30".to_owned(),
        ),
        (
            json!({"workspace": workspace, "assignee_status": "today"}),
            "Schedule status shouldn't be set for unassigned tasks".to_owned(),
        ),
        (
            json!({"workspace": workspace, "assignee": "nobody@acme.example"}),
            "assignee: Not a user in Organization: nobody@acme.example".to_owned(),
        ),
        (
            json!({"workspace": workspace, "assignee": "bogus"}),
            "assignee: Not a user in Organization: bogus".to_owned(),
        ),
        (json!({"workspace": workspace, "completed": "yes"}), "completed: Value is not a boolean: yes".to_owned()),
        (
            json!({"workspace": workspace, "created_at": "2026-01-01"}),
            "created_at: Cannot write this property".to_owned(),
        ),
        (
            json!({"workspace": workspace, "start_on": "2026-01-01"}),
            "start_on: A start date needs a due date in the same request".to_owned(),
        ),
        (
            json!({"workspace": workspace, "html_notes": "no body"}),
            "Rich text should be wrapped in <body> tag.".to_owned(),
        ),
    ] {
        ann.post("/tasks", body).await.refused(400, &message);
    }
    ann.put(&format!("/tasks/{hidden}"), json!({"projects": []}))
        .await
        .refused(400, "projects: Cannot write this property");
    stranger.post("/tasks", json!({"parent": hidden})).await.refused(400, &format!("parent: Unknown object: {hidden}"));
    assert_eq!(names(ann, &format!("/tasks?assignee=me&workspace={workspace}")).await, Vec::<String>::new());
});

both!(the_lists_of_tasks_want_one_of_a_few, small, |small: Small| async move {
    let Small { ann, bob, workspace, .. } = &small;
    let either = "Must specify exactly one of project, tag, section, user task list, or assignee + workspace";
    ann.get("/tasks").await.refused(400, "workspace: Missing input");
    ann.get(&format!("/tasks?workspace={workspace}")).await.refused(400, either);
    ann.get(&format!("/tasks?assignee=me&project=1&workspace={workspace}")).await.refused(400, either);
    ann.get("/tasks?project=x").await.refused(400, "project: Not a Long: x");
    ann.get("/tasks?project=1").await.refused(400, "project: Unknown object: 1");
    let hidden = project(bob, &small, "Bob's own").await;
    let cat = &small.cat;
    cat.get(&format!("/tasks?project={hidden}")).await.refused(403, "You do not have access to this project.");
    ann.get("/tasks/000").await.refused(404, "task: Not a recognized ID: 0");
    ann.get(&format!("/tasks/{hidden}")).await.refused(404, &format!("task: Not a recognized ID: {hidden}"));
});

both!(a_task_moves_through_its_project, small, |small: Small| async move {
    let Small { ann, .. } = &small;
    let launch = project(ann, &small, "Launch").await;
    let doing = section(ann, &launch, "Doing").await;
    let done = section(ann, &launch, "Done").await;
    for name in ["three", "two", "one"] {
        ann.post("/tasks", json!({"projects": [launch], "name": name})).await.created();
    }
    let body = json!({"memberships": [{"project": launch, "section": doing}], "name": "four"});
    let four = gid(&ann.post("/tasks", body).await.created());
    let path = format!("/projects/{launch}/tasks");
    assert_eq!(names(ann, &path).await, ["one", "two", "three", "four"]);
    let all = ann.pages(&path, 1).await;
    assert_eq!(
        all.iter().map(|task| task["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["one", "two", "three", "four"]
    );

    let one = gid(&all[0]);
    ann.post(&format!("/sections/{done}/addTask"), json!({"task": one})).await.ok();
    assert_eq!(names(ann, &path).await, ["two", "three", "four", "one"]);
    ann.post(&format!("/tasks/{one}/addProject"), json!({"project": launch, "section": doing, "insert_before": four}))
        .await
        .ok();
    assert_eq!(names(ann, &path).await, ["two", "three", "one", "four"]);
    ann.post(&format!("/tasks/{one}/addProject"), json!({"project": launch, "insert_after": four})).await.ok();
    assert_eq!(names(ann, &path).await, ["two", "three", "four", "one"]);
    ann.post(&format!("/tasks/{one}/addProject"), json!({"project": launch, "section": doing, "insert_after": null}))
        .await
        .ok();
    assert_eq!(names(ann, &format!("/sections/{doing}/tasks")).await, ["one", "four"]);
    let record = ann.get(&format!("/tasks/{one}")).await.ok();
    assert_eq!(
        record["memberships"],
        json!([{
            "project": {"gid": launch, "resource_type": "project", "name": "Launch"},
            "section": {"gid": doing, "resource_type": "section", "name": "Doing"},
        }])
    );
    assert_eq!(stories(ann, &one).await, ["added_to_project", "section_changed", "section_changed"]);
    ann.post(&format!("/tasks/{one}/removeProject"), json!({"project": launch})).await.ok();
    assert_eq!(names(ann, &path).await, ["two", "three", "four"]);
    ann.put(&format!("/tasks/{four}"), json!({"completed": true})).await.ok();
    assert_eq!(names(ann, &format!("{path}?completed_since=now")).await, ["two", "three"]);
});

both!(subtasks_nest_but_never_in_a_circle, small, |small: Small| async move {
    let Small { ann, .. } = &small;
    let mut chain = vec![task(ann, &small, "0").await];
    for level in 1..=5 {
        let above = chain.last().unwrap().clone();
        let made = ann.post(&format!("/tasks/{above}/subtasks"), json!({"name": level.to_string()})).await.created();
        assert_eq!(made["parent"]["gid"], json!(above));
        chain.push(gid(&made));
    }
    let too_deep = "parent: Subtasks can be at most 5 levels deep";
    ann.post(&format!("/tasks/{}/subtasks", chain[5]), json!({"name": "6"})).await.refused(400, too_deep);
    let circle = "parent: A task can't be a subtask of itself";
    ann.post(&format!("/tasks/{}/setParent", chain[0]), json!({"parent": chain[3]})).await.refused(400, circle);
    ann.post(&format!("/tasks/{}/setParent", chain[2]), json!({"parent": null})).await.ok();
    let two = ann.get(&format!("/tasks/{}?opt_fields=parent,num_subtasks", chain[2])).await.ok();
    assert_eq!(two, json!({"gid": chain[2], "num_subtasks": 1, "parent": null}));
    let other = gid(&ann.post(&format!("/tasks/{}/subtasks", chain[0]), json!({"name": "other"})).await.created());
    let body = json!({"parent": chain[0], "insert_before": chain[1]});
    ann.post(&format!("/tasks/{other}/setParent"), body).await.ok();
    assert_eq!(names(ann, &format!("/tasks/{}/subtasks", chain[0])).await, ["other", "1"]);
    ann.delete(&format!("/tasks/{}", chain[0])).await.ok();
    ann.get(&format!("/tasks/{}", chain[1])).await.refused(404, &format!("task: Unknown object: {}", chain[1]));
});

both!(dates_and_completion_follow_the_rules, small, |small: Small| async move {
    let Small { ann, workspace, world, .. } = &small;
    let one = task(ann, &small, "one").await;
    let path = format!("/tasks/{one}");
    let dated = ann.put(&path, json!({"due_at": "2026-03-05T23:30:00+02:00", "start_on": "2026-03-01"})).await.ok();
    assert_eq!(
        [&dated["due_at"], &dated["due_on"], &dated["start_on"], &dated["start_at"]],
        [&json!("2026-03-05T21:30:00.000Z"), &json!("2026-03-05"), &json!("2026-03-01"), &Json::Null]
    );
    ann.put(&path, json!({"start_on": "2026-04-01"})).await.refused(400, "start_on: Must be before the due date");
    let cleared = ann.put(&path, json!({"due_on": null})).await.ok();
    assert_eq!([&cleared["due_at"], &cleared["due_on"], &cleared["start_on"]], [&Json::Null; 3]);
    world.clock.advance(5_000);
    let done = ann
        .put(&format!("{path}?opt_fields=completed,completed_at,completed_by,modified_at"), json!({"completed": true}))
        .await;
    assert_eq!(
        done.ok(),
        json!({
            "gid": one, "completed": true, "completed_at": "2026-03-02T10:00:05.000Z",
            "completed_by": {"gid": ann.user.to_string(), "resource_type": "user", "name": "Ann Example"},
            "modified_at": "2026-03-02T10:00:05.000Z"
        })
    );
    let approval = json!({"workspace": workspace, "name": "ok?", "resource_subtype": "approval"});
    let approval = ann.post("/tasks", approval).await.created();
    assert_eq!(approval["approval_status"], "pending");
    let path = format!("/tasks/{}", gid(&approval));
    let decided = ann.put(&path, json!({"approval_status": "rejected"})).await.ok();
    assert_eq!([&decided["completed"], &decided["approval_status"]], [&json!(true), &json!("rejected")]);
    let reopened = ann.put(&path, json!({"completed": false})).await.ok();
    assert_eq!(reopened["approval_status"], "pending");
    ann.put(&format!("/tasks/{one}"), json!({"approval_status": "approved"}))
        .await
        .refused(400, "approval_status: Cannot write this property");
    ann.post("/tasks", json!({"workspace": workspace, "resource_subtype": "milestone", "start_on": "2026-01-01", "due_on": "2026-01-02"}))
        .await
        .refused(400, "start_on: A milestone can't have a start date");
});

both!(dependencies_never_close_a_circle, small, |small: Small| async move {
    let Small { ann, bob, .. } = &small;
    let (a, b, c) = (task(ann, &small, "a").await, task(ann, &small, "b").await, task(ann, &small, "c").await);
    ann.post(&format!("/tasks/{a}/addDependencies"), json!({"dependencies": [b]})).await.ok();
    ann.post(&format!("/tasks/{c}/addDependents"), json!({"dependents": [b]})).await.ok();
    let circle = "dependencies: [0]: This dependency would close a circle";
    ann.post(&format!("/tasks/{c}/addDependencies"), json!({"dependencies": [a]})).await.refused(400, circle);
    ann.post(&format!("/tasks/{c}/addDependencies"), json!({"dependencies": [{"gid": a}]}))
        .await
        .refused(400, "dependencies: [0]: Not a valid GID type: object");
    assert_eq!(names(ann, &format!("/tasks/{b}/dependencies")).await, ["c"]);
    assert_eq!(names(ann, &format!("/tasks/{b}/dependents")).await, ["a"]);
    let fields = ann.get(&format!("/tasks/{b}?opt_fields=dependencies.name,dependents")).await.ok();
    assert_eq!(
        fields,
        json!({"gid": b, "dependencies": [{"gid": c}], "dependents": [{"gid": a, "resource_type": "task"}]})
    );
    // Bob sees b, but neither of the other two.
    ann.post(&format!("/tasks/{b}/addFollowers"), json!({"followers": [bob.user.to_string()]})).await.ok();
    assert_eq!(names(bob, &format!("/tasks/{b}/dependencies")).await, Vec::<String>::new());
    let fields = bob.get(&format!("/tasks/{b}?opt_fields=dependencies,dependents")).await.ok();
    assert_eq!(fields, json!({"gid": b, "dependencies": [], "dependents": []}));
    ann.post(&format!("/tasks/{b}/removeDependencies"), json!({"dependencies": [c]})).await.ok();
    assert_eq!(names(ann, &format!("/tasks/{b}/dependencies")).await, Vec::<String>::new());
});

both!(followers_and_assignees_see_and_lose_sight, small, |small: Small| async move {
    let Small { ann, bob, guest, workspace, .. } = &small;
    let one = task(ann, &small, "one").await;
    let path = format!("/tasks/{one}");
    bob.get(&path).await.refused(403, "You do not have access to this task.");
    guest.get(&path).await.refused(403, "You do not have access to this task.");
    ann.put(&path, json!({"assignee": "gus@guest.example"})).await.ok();
    assert_eq!(guest.get(&path).await.ok()["assignee"]["name"], "Gus Guest");
    assert_eq!(names(guest, &format!("/tasks?assignee=me&workspace={workspace}")).await, ["one"]);
    assert_eq!(
        names(bob, &format!("/tasks?assignee={}&workspace={workspace}", guest.user)).await,
        Vec::<String>::new()
    );
    let below = gid(&ann.post(&format!("{path}/subtasks"), json!({"name": "below"})).await.created());
    assert_eq!(guest.get(&format!("/tasks/{below}?opt_fields=name")).await.ok()["name"], "below");
    ann.put(&path, json!({"assignee": null})).await.ok();
    // Still a follower.
    guest.get(&path).await.ok();
    guest.post(&format!("{path}/removeFollowers"), json!({"followers": ["me"]})).await.ok();
    guest.get(&path).await.refused(403, "You do not have access to this task.");
    guest.get(&format!("/tasks/{below}")).await.refused(403, "You do not have access to this task.");
});

both!(a_hidden_project_does_not_show_through, small, |small: Small| async move {
    let Small { ann, bob, cat, .. } = &small;
    let hidden = project(ann, &small, "Hidden").await;
    let body = json!({"projects": [hidden], "name": "one", "followers": [bob.user.to_string(), cat.user.to_string()]});
    let one = gid(&ann.post("/tasks", body).await.created());
    let record = cat.get(&format!("/tasks/{one}")).await.ok();
    assert_eq!([&record["projects"], &record["memberships"]], [&json!([]), &json!([])]);
    assert!(!record["permalink_url"].as_str().unwrap().contains(&hidden));
    assert_eq!(names(cat, &format!("/tasks/{one}/projects")).await, Vec::<String>::new());
    assert!(!cat.get(&format!("/tasks/{one}/stories")).await.json.to_string().contains("Hidden"));
    cat.post(&format!("/tasks/{one}/removeProject"), json!({"project": hidden}))
        .await
        .refused(403, "You do not have access to this project.");
});

both!(likes_tags_external_data_and_forms, small, |small: Small| async move {
    let Small { ann, bob, workspace, .. } = &small;
    let tag = gid(&ann.post("/tags", json!({"workspace": workspace, "name": "urgent"})).await.created());
    let body = json!({
        "workspace": workspace, "name": "one", "tags": [tag], "liked": true,
        "external": {"gid": "ext-1", "data": "{\"a\":1}"}, "html_notes": "<body><b>Hi</b> there</body>",
    });
    let one =
        ann.post("/tasks?opt_fields=notes,html_notes,external,liked,num_likes,likes.user.name,tags.name", body).await;
    let one = one.created();
    assert_eq!(
        one,
        json!({
            "gid": gid(&one), "external": {"gid": "ext-1", "data": "{\"a\":1}"},
            "html_notes": "<body><strong>Hi</strong> there</body>", "liked": true,
            "likes": [{"gid": one["likes"][0]["gid"], "user": {"gid": ann.user.to_string(), "name": "Ann Example"}}],
            "notes": "Hi there", "num_likes": 1, "tags": [{"gid": tag, "name": "urgent"}]
        })
    );
    assert_eq!(ann.get("/tasks/external:ext-1?opt_fields=name").await.ok()["gid"], one["gid"]);
    bob.get("/tasks/external:ext-1").await.refused(403, "You do not have access to this task.");
    ann.post("/tasks", json!({"workspace": workspace, "external": {"gid": "ext-1"}}))
        .await
        .refused(400, "external: gid: Already in use: ext-1");
    let path = format!("/tasks/{}", gid(&one));
    let form = ann
        .send(
            engine::operation::Method::Put,
            &path,
            b"name=a+b&completed=True&opt_fields=name%2Ccompleted",
            Some("application/x-www-form-urlencoded"),
        )
        .await;
    assert_eq!(form.ok(), json!({"gid": gid(&one), "completed": true, "name": "a b"}));
    ann.post(&format!("{path}/removeTag"), json!({"tag": tag})).await.ok();
    assert_eq!(ann.get(&format!("{path}/tags")).await.ok(), json!([]));
});

both!(a_guest_pages_through_what_few_tasks_of_a_tag_the_guest_sees, small, |small: Small| async move {
    let Small { ann, guest, stranger, workspace, .. } = small;
    let tag = gid(&ann.post("/tags", json!({"workspace": workspace, "name": "urgent"})).await.created());
    let me = gid(&guest.get("/users/me").await.ok());
    let mut shared = Vec::new();
    for number in 0..9 {
        let body = json!({"workspace": workspace, "name": format!("task {number}"), "tags": [tag]});
        let task = gid(&ann.post("/tasks", body).await.created());
        if number % 2 == 1 {
            let path = format!("/tasks/{task}");
            ann.put(&path, json!({"assignee": me})).await.ok();
            // Seen for two reasons, it is listed once.
            ann.post(&format!("{path}/addFollowers"), json!({"followers": [me]})).await.ok();
            shared.push(format!("task {number}"));
        }
    }
    let names = |tasks: Vec<Json>| -> Vec<String> {
        tasks.iter().filter_map(|task| task["name"].as_str().map(str::to_owned)).collect()
    };
    let list = format!("/tags/{tag}/tasks");
    assert_eq!(names(guest.pages(&list, 1).await), shared);
    assert_eq!(names(guest.pages(&list, 3).await), shared);
    assert_eq!(names(ann.pages(&list, 4).await).len(), 9);
    stranger.get(&list).await.refused(404, &format!("tag: Not a recognized ID: {tag}"));
});
