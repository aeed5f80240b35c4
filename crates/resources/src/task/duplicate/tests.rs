use serde_json::{Value as Json, json};
use testkit::{Client, World, both, gid};

use crate::world::{Small, small};

async fn made(client: &Client, path: &str, data: Json) -> String {
    gid(&client.post(path, data).await.created())
}

/// A copy of a task, filled.
async fn copied(world: &World, client: &Client, task: &str, data: Json) -> String {
    let job = client.post(&format!("/tasks/{task}/duplicate"), data).await.created();
    world.run_jobs().await;
    gid(&job["new_task"])
}

async fn is_consistent(world: &World) {
    let wrong = testkit::consistency::violations(&world.api.db).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

both!(a_job_tells_how_far_it_has_come, small, |small: Small| async move {
    let Small { ann, bob, guest, stranger, workspace, world, .. } = small;
    let task = made(&ann, "/tasks", json!({"workspace": workspace, "name": "original", "notes": "words"})).await;
    let answer = ann.post(&format!("/tasks/{task}/duplicate"), json!({"name": "copy", "include": "notes"})).await;
    let job = answer.created();
    let (path, copy) = (format!("/jobs/{}", gid(&job)), gid(&job["new_task"]));
    assert_eq!(answer.response.location, Some(format!("/api/1.0{path}")));
    let new_task = json!({"gid": copy, "resource_type": "task", "name": "copy", "resource_subtype": "default_task"});
    let expected = |status: &str| {
        json!({"gid": gid(&job), "resource_type": "job", "new_project": null, "new_task": new_task,
            "resource_subtype": "duplicate_task", "status": status})
    };
    assert_eq!(job, expected("not_started"));
    assert_eq!(ann.get(&path).await.ok(), job);
    assert_eq!(ann.get(&format!("/tasks/{copy}")).await.ok()["notes"], "", "it is there at once");

    let (queue, once) = (world.queue("worker", 10), std::cell::Cell::new(false));
    let claimed = queue.claim().await.unwrap().expect("the job is due");
    queue.run(claimed, || once.replace(true)).await.unwrap();
    assert_eq!(ann.get(&path).await.ok(), expected("in_progress"));
    world.run_jobs().await;
    assert_eq!(ann.get(&path).await.ok(), expected("succeeded"));
    assert_eq!(ann.get(&format!("/tasks/{copy}")).await.ok()["notes"], "words");
    let few = ann.get(&format!("{path}?opt_fields=status,new_task.name")).await.ok();
    assert_eq!(few, json!({"gid": gid(&job), "status": "succeeded", "new_task": {"gid": copy, "name": "copy"}}));

    // A job is nobody else's.
    for client in [&bob, &guest] {
        client.get(&path).await.refused(403, "You do not have access to this job.");
    }
    stranger.get(&path).await.refused(404, &format!("job: Not a recognized ID: {}", gid(&job)));
    bob.post(&format!("/tasks/{task}/duplicate"), json!({})).await.refused(403, "You do not have access to this task.");
    let wrong = ann.post(&format!("/tasks/{task}/duplicate"), json!({"include": "notes, everything"})).await;
    wrong.refused(
        400,
        "include: Not a recognized value: everything. Use any of: notes, assignee, subtasks, attachments, tags, \
         followers, projects, dates, dependencies, parent",
    );
    let named = copied(&world, &ann, &task, json!({})).await;
    assert_eq!(ann.get(&format!("/tasks/{named}")).await.ok()["name"], "Duplicate of original");

    // Thirty days after its end it is forgotten, and the copy is not.
    world.schedule_jobs().await;
    world.clock.advance(30 * 86_400_000);
    world.run_jobs().await;
    ann.get(&path).await.refused(404, &format!("job: Unknown object: {}", gid(&job)));
    ann.get(&format!("/tasks/{copy}")).await.ok();
    is_consistent(&world).await;
});

both!(a_copy_has_what_is_asked_for, small, |small: Small| async move {
    let Small { ann, bob, cat, workspace, world, .. } = small;
    let user = |client: &Client| client.user.to_string();
    let project = made(&ann, "/projects", json!({"workspace": workspace, "name": "p"})).await;
    let data = json!({"workspace": workspace, "name": "Size", "resource_subtype": "number", "precision": 1});
    let field = made(&ann, "/custom_fields", data).await;
    ann.post(&format!("/projects/{project}/addCustomFieldSetting"), json!({"custom_field": field})).await.ok();
    let tag = made(&ann, "/tags", json!({"workspace": workspace, "name": "urgent"})).await;
    let parent = made(&ann, "/tasks", json!({"projects": [project], "name": "parent"})).await;
    let other = made(&ann, "/tasks", json!({"projects": [project], "name": "other"})).await;
    let data = json!({"parent": parent, "name": "original", "html_notes": "<body><strong>loud</strong></body>",
        "assignee": user(&bob), "followers": [user(&cat)], "tags": [tag], "start_on": "2026-03-01",
        "due_on": "2026-03-09", "resource_subtype": "approval"});
    let task = made(&ann, "/tasks", data).await;
    ann.post(&format!("/tasks/{task}/addProject"), json!({"project": project})).await.ok();
    ann.put(&format!("/tasks/{task}"), json!({"custom_fields": {&field: 2.5}, "approval_status": "approved"}))
        .await
        .ok();
    ann.post(&format!("/tasks/{task}/addDependencies"), json!({"dependencies": [other]})).await.ok();
    let part = made(&ann, "/tasks", json!({"parent": task, "name": "part", "notes": "of it"})).await;
    let second = made(&ann, "/tasks", json!({"parent": task, "name": "second"})).await;
    made(&ann, "/tasks", json!({"parent": part, "name": "crumb"})).await;
    ann.post(&format!("/tasks/{second}/addDependencies"), json!({"dependencies": [part]})).await.ok();
    let link = json!({"parent": task, "name": "link", "url": "https://example.com", "resource_subtype": "external"});
    ann.post("/attachments", link).await.ok();
    made(&ann, "/tasks", json!({"parent": parent, "name": "last"})).await;

    let fields = "opt_fields=name,notes,html_notes,assignee.name,followers,tags.name,start_on,due_on,resource_subtype,\
        approval_status,completed,projects.name,custom_fields.display_value,dependencies,parent.name,num_subtasks";
    let shown = async |gid: &str| ann.get(&format!("/tasks/{gid}?{fields}")).await.ok();
    let original = shown(&task).await;
    let bare = shown(&copied(&world, &ann, &task, json!({"name": "original"})).await).await;
    for (name, value) in [
        ("notes", json!("")),
        ("assignee", Json::Null),
        ("tags", json!([])),
        ("due_on", Json::Null),
        ("start_on", Json::Null),
        ("projects", json!([])),
        ("dependencies", json!([])),
        ("parent", Json::Null),
        ("num_subtasks", json!(0)),
        ("approval_status", json!("pending")),
        ("completed", json!(false)),
        ("resource_subtype", json!("approval")),
    ] {
        assert_eq!(bare[name], value, "{name} without being asked for");
    }
    assert_eq!(bare["followers"].as_array().unwrap().len(), 1);

    let all = "notes,assignee,subtasks,attachments,tags,followers,projects,dates,dependencies,parent";
    let copy = copied(&world, &ann, &task, json!({"name": "original", "include": all})).await;
    let mut full = shown(&copy).await;
    // A decision is about the original.
    assert_eq!((&full["approval_status"], &full["completed"]), (&json!("pending"), &json!(false)));
    for name in ["gid", "approval_status", "completed"] {
        full[name] = original[name].clone();
    }
    assert_eq!(full, original);
    let subtasks = |list: &Json| -> Vec<String> {
        list.as_array().unwrap().iter().map(|task| task["name"].as_str().unwrap().to_owned()).collect()
    };
    let below = ann.get(&format!("/tasks/{copy}/subtasks")).await.ok();
    assert_eq!(subtasks(&below), ["part", "second"]);
    let (part_copy, second_copy) = (gid(&below[0]), gid(&below[1]));
    assert_eq!(shown(&part_copy).await["notes"], "of it");
    assert_eq!(subtasks(&ann.get(&format!("/tasks/{part_copy}/subtasks")).await.ok()), ["crumb"]);
    let waits = shown(&second_copy).await["dependencies"].clone();
    assert_eq!(gid(&waits[0]), part_copy, "copies wait for copies");
    let beside = ann.get(&format!("/tasks/{parent}/subtasks")).await.ok();
    assert_eq!(subtasks(&beside), ["original", "original", "last"], "right after the original");
    assert_eq!(ann.get(&format!("/attachments?parent={copy}")).await.ok()[0]["name"], "link");
    bob.get(&format!("/tasks/{copy}")).await.ok();
    cat.get(&format!("/tasks/{copy}")).await.ok();
    is_consistent(&world).await;
});

both!(a_copy_goes_where_its_maker_may_put_it, small, |small: Small| async move {
    let Small { ann, bob, workspace, world, .. } = small;
    let private = json!({"workspace": workspace, "name": "private", "privacy_setting": "private"});
    let private = made(&ann, "/projects", private).await;
    let open = made(&ann, "/projects", json!({"workspace": workspace, "name": "open"})).await;
    let data = json!({"parent": private, "member": bob.user.to_string(), "access_level": "viewer"});
    ann.post("/memberships", data).await.created();
    let hidden = made(&ann, "/tasks", json!({"workspace": workspace, "name": "hidden"})).await;
    let task = made(&ann, "/tasks", json!({"projects": [private, open], "name": "t"})).await;
    ann.post(&format!("/tasks/{task}/addDependencies"), json!({"dependencies": [hidden]})).await.ok();
    let copy = copied(&world, &bob, &task, json!({"include": "projects,dependencies"})).await;
    let shown = ann.get(&format!("/tasks/{copy}?opt_fields=projects.name,dependencies")).await.ok();
    assert_eq!(shown["projects"], json!([{"gid": open, "name": "open"}]));
    assert_eq!(shown["dependencies"], json!([]), "what he does not see, his copy does not wait for");
    is_consistent(&world).await;
});

both!(a_copy_leads_where_its_original_leads, small, |small: Small| async move {
    let Small { ann, workspace, world, .. } = small;
    let other = made(&ann, "/tasks", json!({"workspace": workspace, "name": "the other one"})).await;
    let html = format!("<body>see <a data-asana-gid=\"{other}\"/></body>");
    let task = made(&ann, "/tasks", json!({"workspace": workspace, "name": "t", "html_notes": html})).await;
    let copy = copied(&world, &ann, &task, json!({"include": "notes"})).await;
    let shown =
        async |gid: &str| ann.get(&format!("/tasks/{gid}?opt_fields=html_notes")).await.ok()["html_notes"].clone();
    let notes = shown(&copy).await;
    assert_eq!(notes, shown(&task).await);
    assert!(notes.as_str().unwrap().contains("the other one"), "{notes}");
});

both!(a_copy_may_be_thrown_away_meanwhile, small, |small: Small| async move {
    let Small { ann, workspace, world, .. } = small;
    let task = made(&ann, "/tasks", json!({"workspace": workspace, "name": "t"})).await;
    for at in 0..12 {
        made(&ann, "/tasks", json!({"parent": task, "name": format!("part {at}")})).await;
    }
    let job = ann.post(&format!("/tasks/{task}/duplicate"), json!({"include": "subtasks"})).await.created();
    let (queue, steps) = (world.queue("worker", 5), std::cell::Cell::new(0));
    let claimed = queue.claim().await.unwrap().expect("the job is due");
    queue.run(claimed, || steps.replace(steps.get() + 1) == 3).await.unwrap();
    let copy = gid(&job["new_task"]);
    assert_eq!(ann.get(&format!("/tasks/{copy}?opt_fields=num_subtasks")).await.ok()["num_subtasks"], 5);
    ann.delete(&format!("/tasks/{copy}")).await.ok();
    world.run_jobs().await;
    let ended = ann.get(&format!("/jobs/{}", gid(&job))).await.ok();
    assert_eq!((&ended["status"], &ended["new_task"]), (&json!("failed"), &Json::Null));
    is_consistent(&world).await;
});
