use serde_json::{Value as Json, json};
use store::{Query, Statement, Type};
use testkit::{Client, World, both, gid};

use crate::world::{Small, small};

const DAY: i64 = 86_400_000;

async fn made(client: &Client, path: &str, data: Json) -> String {
    gid(&client.post(path, data).await.created())
}

/// What a caller could have back, by name.
async fn trash(client: &Client, workspace: &str) -> Vec<String> {
    let list = client.get(&format!("/-/v1/workspaces/{workspace}/trash?limit=100")).await.ok();
    list.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
}

async fn restore(client: &Client, gid: &str) {
    let answer = client.post(&format!("/-/v1/trash/{gid}/restore"), json!({})).await;
    assert_eq!((answer.response.status, &answer.json), (200, &json!({"data": {}})));
}

async fn count(world: &World, sql: &str) -> i64 {
    let statement = Statement::new(sql, &[Type::Int]);
    world.api.db.begin_read().await.unwrap().one(Query::new(&statement, Vec::new())).await.unwrap().int(0, 0).unwrap()
}

/// What the log tells of an object, in its order.
async fn told(world: &World, gid: &str) -> Vec<String> {
    let text = "SELECT action FROM changes WHERE object_id = ?1 AND action <> 'changed' ORDER BY set_id, number";
    let statement = Statement::new(text, &[Type::Text]);
    let query = Query::new(&statement, vec![gid.parse::<i64>().unwrap().into()]);
    let block = world.api.db.begin_read().await.unwrap().one(query).await.unwrap();
    (0..block.len()).map(|row| block.text(row, 0).unwrap().to_owned()).collect()
}

async fn is_consistent(world: &World) {
    let wrong = testkit::consistency::violations(&world.api.db).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

both!(a_task_comes_back_with_what_is_below_it, small, |small: Small| async move {
    let Small { ann, bob, workspace, world, .. } = small;
    let project = made(&ann, "/projects", json!({"workspace": workspace, "name": "p"})).await;
    let section = made(&ann, &format!("/projects/{project}/sections"), json!({"name": "later"})).await;
    let place = json!([{"project": project, "section": section}]);
    let task = made(&ann, "/tasks", json!({"memberships": place, "name": "task", "assignee": "me"})).await;
    let part = made(&ann, "/tasks", json!({"parent": task, "name": "part"})).await;
    let gone = made(&ann, "/tasks", json!({"parent": task, "name": "gone before"})).await;
    ann.post(&format!("/tasks/{task}/stories"), json!({"text": "so be it"})).await.created();
    ann.delete(&format!("/tasks/{gone}")).await.ok();
    world.clock.advance(5_000);
    bob.delete(&format!("/tasks/{task}")).await.ok();

    let path = format!("/-/v1/workspaces/{workspace}/trash");
    let list = ann.get(&format!("{path}?limit=1")).await;
    assert_eq!(list.json["data"][0]["name"], "gone before", "what goes first comes first");
    let next = list.json["next_page"].clone();
    assert!(next["uri"].as_str().unwrap().starts_with("http://localhost/-/v1/workspaces/"), "{next}");
    let list = ann.get(next["path"].as_str().unwrap()).await.ok();
    let entry = json!([{"gid": task, "resource_type": "trash_entry", "deleted_at": "2026-03-02T10:00:05.000Z",
        "deleted_by": {"gid": bob.user.to_string(), "resource_type": "user", "name": "Bob Example"},
        "kind": "task", "name": "task", "purge_at": "2026-04-01T10:00:05.000Z"}]);
    assert_eq!(list, entry, "with its subtask, which has no entry of its own");

    restore(&ann, &task).await;
    let fields = "opt_fields=name,memberships.section.name,assignee_section.name,num_subtasks";
    let back = bob.get(&format!("/tasks/{task}?{fields}")).await.ok();
    assert_eq!(back["memberships"], json!([{"section": {"gid": section, "name": "later"}}]));
    assert_eq!((&back["name"], &back["num_subtasks"]), (&json!("task"), &json!(1)));
    ann.get(&format!("/tasks/{part}")).await.ok();
    ann.get(&format!("/tasks/{gone}")).await.refused(404, &format!("task: Unknown object: {gone}"));
    assert_eq!(
        ann.get(&format!("/tasks/{task}/stories")).await.ok().as_array().unwrap().last().unwrap()["text"],
        "so be it"
    );
    for gid in [&task, &part] {
        assert_eq!(told(&world, gid).await.last().unwrap(), "undeleted");
    }
    let again = ann.post(&format!("/-/v1/trash/{task}/restore"), json!({})).await;
    again.refused(404, &format!("trash_entry: Not a recognized ID: {task}"));

    // A part whose whole is gone meanwhile stands on its own.
    ann.delete(&format!("/tasks/{task}")).await.ok();
    restore(&ann, &gone).await;
    assert_eq!(ann.get(&format!("/tasks/{gone}")).await.ok()["parent"], Json::Null);
    restore(&ann, &task).await;
    assert!(trash(&ann, &workspace).await.is_empty());
    is_consistent(&world).await;
});

both!(a_project_comes_back_with_its_tasks, small, |small: Small| async move {
    let Small { ann, bob, workspace, world, .. } = small;
    let project = made(&ann, "/projects", json!({"workspace": workspace, "name": "p"})).await;
    let other = made(&ann, "/projects", json!({"workspace": workspace, "name": "other"})).await;
    let alone = made(&ann, "/tasks", json!({"projects": [project], "name": "alone"})).await;
    let part = made(&ann, "/tasks", json!({"parent": alone, "name": "part"})).await;
    let shared = made(&ann, "/tasks", json!({"projects": [project, other], "name": "shared"})).await;
    let before = made(&ann, "/tasks", json!({"projects": [project], "name": "gone before"})).await;
    ann.delete(&format!("/tasks/{before}")).await.ok();
    world.clock.advance(1_000);
    ann.delete(&format!("/projects/{project}")).await.ok();
    world.run_jobs().await;
    assert_eq!(trash(&ann, &workspace).await, ["gone before", "p"]);
    bob.get(&format!("/tasks/{alone}")).await.refused(404, &format!("task: Unknown object: {alone}"));

    restore(&ann, &project).await;
    world.run_jobs().await;
    let tasks = bob.get(&format!("/projects/{project}/tasks")).await.ok();
    let mut names: Vec<&str> = tasks.as_array().unwrap().iter().map(|task| task["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["alone", "shared"]);
    bob.get(&format!("/tasks/{part}")).await.ok();
    assert_eq!(trash(&ann, &workspace).await, ["gone before"]);
    for gid in [&project, &alone, &part] {
        assert_eq!(told(&world, gid).await, ["added", "deleted", "undeleted"], "{gid}");
    }
    let _ = shared;
    is_consistent(&world).await;
});

both!(tags_and_fields_come_back, small, |small: Small| async move {
    let Small { ann, bob, workspace, world, .. } = small;
    let tag = made(&ann, "/tags", json!({"workspace": workspace, "name": "urgent"})).await;
    let project = made(&ann, "/projects", json!({"workspace": workspace, "name": "p"})).await;
    let data = json!({"workspace": workspace, "name": "Size", "resource_subtype": "enum",
        "enum_options": [{"name": "S"}, {"name": "L"}]});
    let field = ann.post("/custom_fields", data).await.created();
    let (option, field) = (gid(&field["enum_options"][1]), gid(&field));
    ann.post(&format!("/projects/{project}/addCustomFieldSetting"), json!({"custom_field": field})).await.ok();
    let data = json!({"projects": [project], "tags": [tag], "name": "t", "custom_fields": {&field: option}});
    let task = made(&ann, "/tasks", data).await;
    let shown = format!("/tasks/{task}?opt_fields=tags.name,custom_fields.display_value");
    let before = ann.get(&shown).await.ok();
    assert_eq!(before["custom_fields"][0]["display_value"], "L");

    bob.delete(&format!("/tags/{tag}")).await.ok();
    ann.delete(&format!("/custom_fields/{field}")).await.ok();
    assert_eq!(ann.get(&shown).await.ok(), json!({"gid": task, "tags": [], "custom_fields": []}));
    assert_eq!(ann.get(&format!("/tasks/{task}/tags")).await.ok(), json!([]));
    assert_eq!(ann.get(&format!("/workspaces/{workspace}/tags")).await.ok(), json!([]));
    ann.get(&format!("/tags/{tag}")).await.refused(404, &format!("tag: Unknown object: {tag}"));
    ann.post(&format!("/tasks/{task}/addTag"), json!({"tag": tag}))
        .await
        .refused(400, &format!("tag: Unknown object: {tag}"));
    assert_eq!(trash(&bob, &workspace).await, ["urgent"], "a field is its administrators'");
    assert_eq!(trash(&ann, &workspace).await, ["urgent", "Size"]);

    // Its name is taken meanwhile, and free again.
    let data = json!({"workspace": workspace, "name": "size", "resource_subtype": "text"});
    let usurper = made(&ann, "/custom_fields", data).await;
    let refused = ann.post(&format!("/-/v1/trash/{field}/restore"), json!({})).await;
    refused.refused(400, "name: Name is already taken by another custom field: Size");
    ann.put(&format!("/custom_fields/{usurper}"), json!({"name": "Weight"})).await.ok();

    restore(&bob, &tag).await;
    restore(&ann, &field).await;
    assert_eq!(ann.get(&shown).await.ok(), before);
    assert_eq!(bob.get(&shown).await.ok(), before);
    assert!(trash(&ann, &workspace).await.is_empty());
    for gid in [&tag, &field] {
        assert_eq!(told(&world, gid).await, ["added", "deleted", "undeleted"]);
    }
    is_consistent(&world).await;
});

both!(who_could_delete_it_may_have_it_back, small, |small: Small| async move {
    let Small { ann, bob, cat, guest, stranger, workspace, team, world } = small;
    let user = |client: &Client| client.user.to_string();
    let private = json!({"workspace": workspace, "name": "private", "privacy_setting": "private"});
    let private = made(&ann, "/projects", private).await;
    for (client, level) in [(&bob, "editor"), (&guest, "viewer")] {
        let data = json!({"parent": private, "member": user(client), "access_level": level});
        ann.post("/memberships", data).await.created();
    }
    let task = made(&ann, "/tasks", json!({"projects": [private], "name": "task"})).await;
    let assigned = made(&cat, "/tasks", json!({"workspace": workspace, "name": "cat's"})).await;
    let open = json!({"workspace": workspace, "team": team, "name": "of the team", "default_access_level": "admin",
        "privacy_setting": "private_to_team"});
    let open = made(&ann, "/projects", open).await;
    let tag = made(&ann, "/tags", json!({"workspace": workspace, "name": "tag"})).await;
    let data = json!({"workspace": workspace, "name": "field", "resource_subtype": "text"});
    let field = made(&bob, "/custom_fields", data).await;
    for path in ["tasks/", "projects/", "tags/", "custom_fields/"].into_iter().zip([&task, &open, &tag, &field]) {
        ann.delete(&format!("/{}{}", path.0, path.1)).await.ok();
    }
    ann.delete(&format!("/tasks/{assigned}")).await.refused(403, "You do not have access to this task.");
    cat.delete(&format!("/tasks/{assigned}")).await.ok();
    world.run_jobs().await;
    for (client, names) in [
        (&ann, vec!["task", "of the team", "tag", "field"]),
        (&bob, vec!["task", "of the team", "tag", "field"]),
        (&cat, vec!["tag", "cat's"]),
        (&guest, vec![]),
    ] {
        let mut seen = trash(client, &workspace).await;
        seen.sort();
        let mut names = names;
        names.sort_unstable();
        assert_eq!(seen, names);
    }
    let path = format!("/-/v1/workspaces/{workspace}/trash");
    stranger.get(&path).await.refused(404, &format!("workspace: Not a recognized ID: {workspace}"));
    world.nobody().get(&path).await.refused(401, "Not Authorized");
    for (client, hidden) in [(&cat, &task), (&guest, &task), (&guest, &tag), (&ann, &assigned), (&cat, &field)] {
        let refused = client.post(&format!("/-/v1/trash/{hidden}/restore"), json!({})).await;
        refused.refused(404, &format!("trash_entry: Not a recognized ID: {hidden}"));
    }
    let refused = stranger.post(&format!("/-/v1/trash/{task}/restore"), json!({})).await;
    refused.refused(404, &format!("trash_entry: Not a recognized ID: {task}"));
    ann.post("/-/v1/trash/x/restore", json!({})).await.refused(400, "trash_entry: Not a Long: x");

    // A project in the trash takes its task's editors with it; its administrators are still there.
    ann.delete(&format!("/projects/{private}")).await.ok();
    world.run_jobs().await;
    assert!(!trash(&bob, &workspace).await.contains(&"private".to_owned()));
    assert!(trash(&ann, &workspace).await.contains(&"private".to_owned()));
    restore(&ann, &private).await;
    restore(&bob, &open).await;
    restore(&bob, &field).await;
    restore(&cat, &assigned).await;
    restore(&cat, &tag).await;
    restore(&bob, &task).await;
    world.run_jobs().await;
    guest.get(&format!("/tasks/{task}")).await.ok();
    cat.get(&format!("/projects/{open}")).await.refused(403, "You do not have access to this project.");
    is_consistent(&world).await;
});

both!(a_large_project_goes_in_steps, small, |small: Small| async move {
    let Small { ann, bob, workspace, world, .. } = small;
    let project = made(&ann, "/projects", json!({"workspace": workspace, "name": "large"})).await;
    let first = made(&ann, "/tasks", json!({"projects": [project], "name": "first"})).await;
    let (place, parent): (i64, i64) = (project.parse().unwrap(), first.parse().unwrap());
    // A task like the first, very often; one has so many parts that they are more than a step may touch.
    world
        .write(move |call| {
            let mut gids = Vec::new();
            for at in 0..5_000 {
                let gid = call.gid()?;
                gids.push(gid);
                let below: Option<i64> = (at % 5 == 0).then_some(parent);
                call.execute(
                    "INSERT INTO tasks (gid, workspace_id, name, resource_subtype, notes, assignee_status, completed, \
                     parent_id, rank, is_rendered_as_separator, created_at, created_by_id, modified_at) \
                     SELECT ?1, workspace_id, name, resource_subtype, notes, assignee_status, completed, ?3, ?4, \
                     is_rendered_as_separator, created_at, created_by_id, modified_at FROM tasks WHERE gid = ?2",
                    &[gid.into(), parent.into(), below.into(), format!("b{at:05}").into()],
                )?;
                call.execute(
                    "INSERT INTO objects (gid, kind, workspace_id) SELECT ?1, kind, workspace_id FROM objects WHERE gid = ?2",
                    &[gid.into(), parent.into()],
                )?;
                call.execute(
                    "INSERT INTO task_scopes (task_id, scope_id) VALUES (?1, ?1), (?1, ?2)",
                    &[gid.into(), place.into()],
                )?;
                if below.is_some() {
                    call.insert("task_scopes", &[("task_id", gid.into()), ("scope_id", parent.into())]);
                } else {
                    call.execute(
                        "INSERT INTO task_projects (task_id, project_id, section_id, rank) \
                         SELECT ?1, project_id, section_id, ?3 FROM task_projects WHERE task_id = ?2",
                        &[gid.into(), parent.into(), format!("b{at:05}").into()],
                    )?;
                }
                let task = engine::change::Change::new(engine::change::Did::Added, "task", gid, 0);
                call.record(&task, &[place]);
            }
            Ok(())
        })
        .await;
    let left = "SELECT count(*) FROM tasks WHERE deleted_at IS NULL";
    assert_eq!(count(&world, left).await, 5_001);

    ann.delete(&format!("/projects/{project}")).await.ok();
    for client in [&ann, &bob] {
        client.get(&format!("/projects/{project}")).await.refused(404, &format!("project: Unknown object: {project}"));
    }
    assert_eq!(count(&world, left).await, 4_801, "the request itself takes no more than its share");
    let (queue, mut steps) = (world.queue("worker", 250), 0);
    while let Some(claimed) = queue.claim().await.unwrap() {
        // One step; then others have their turn.
        let once = std::cell::Cell::new(false);
        let before = count(&world, left).await;
        let ended = queue.run(claimed, || once.replace(true)).await.unwrap();
        assert!(before - count(&world, left).await <= 250, "a step has a bound");
        steps += 1;
        let name = format!("while it goes on {steps}");
        let task = made(&ann, "/tasks", json!({"workspace": workspace, "name": name})).await;
        ann.delete(&format!("/tasks/{task}")).await.ok();
        assert!(steps < 60, "{ended:?}");
    }
    assert!(steps >= 19, "{steps}");
    assert_eq!(count(&world, left).await, 0);
    is_consistent(&world).await;

    let entry = trash(&ann, &workspace).await;
    assert_eq!(entry.iter().filter(|name| *name == "large").count(), 1);
    restore(&ann, &project).await;
    world.run_jobs().await;
    assert_eq!(count(&world, left).await, 5_001);
    bob.get(&format!("/tasks/{first}")).await.ok();
    is_consistent(&world).await;
});

/// Every table that holds something of an object, and the column with its gid.
const TRACES: &[(&str, &str)] = &[
    ("tasks", "gid"),
    ("projects", "gid"),
    ("tags", "gid"),
    ("custom_fields", "gid"),
    ("enum_options", "custom_field_id"),
    ("custom_id_counters", "custom_field_id"),
    ("tag_followers", "tag_id"),
    ("custom_field_settings", "custom_field_id"),
    ("custom_field_settings", "parent_id"),
    ("custom_field_values", "custom_field_id"),
    ("custom_field_values", "object_id"),
    ("sections", "project_id"),
    ("project_memberships", "project_id"),
    ("project_followers", "project_id"),
    ("status_updates", "parent_id"),
    ("task_projects", "project_id"),
    ("task_projects", "task_id"),
    ("task_scopes", "scope_id"),
    ("task_scopes", "task_id"),
    ("task_followers", "task_id"),
    ("task_likes", "task_id"),
    ("task_tags", "task_id"),
    ("task_tags", "tag_id"),
    ("task_dependencies", "task_id"),
    ("task_dependencies", "depends_on_id"),
    ("task_externals", "task_id"),
    ("user_task_list_tasks", "task_id"),
    ("stories", "target_id"),
    ("attachments", "parent_id"),
    ("reactions", "host_id"),
    ("favorites", "object_id"),
    ("grants", "scope_id"),
    ("trash", "gid"),
];

both!(a_purge_leaves_nothing, small, |small: Small| async move {
    let Small { ann, bob, workspace, world, .. } = small;
    let project = made(&ann, "/projects", json!({"workspace": workspace, "name": "p"})).await;
    let kept = made(&ann, "/projects", json!({"workspace": workspace, "name": "kept"})).await;
    let tag = made(&ann, "/tags", json!({"workspace": workspace, "name": "tag"})).await;
    let data = json!({"workspace": workspace, "name": "Who", "resource_subtype": "people"});
    let field = made(&ann, "/custom_fields", data).await;
    for project in [&project, &kept] {
        ann.post(&format!("/projects/{project}/addCustomFieldSetting"), json!({"custom_field": field})).await.ok();
    }
    let everything = |name: &str, projects: Json| {
        json!({"name": name, "projects": projects, "tags": [tag], "assignee": "me", "liked": true,
            "followers": [bob.user.to_string()], "external": {"gid": name, "data": "x"},
            "custom_fields": {&field: [bob.user.to_string()]}})
    };
    let task = made(&ann, "/tasks", everything("task", json!([project]))).await;
    let part = made(&ann, "/tasks", json!({"parent": task, "name": "part", "assignee": "me"})).await;
    let shared = made(&ann, "/tasks", everything("shared", json!([project, kept]))).await;
    let shared_part = made(&ann, "/tasks", json!({"parent": shared, "name": "a part of it"})).await;
    let before = made(&ann, "/tasks", everything("before", json!([project]))).await;
    ann.post(&format!("/tasks/{task}/addDependencies"), json!({"dependencies": [shared]})).await.ok();
    ann.post(&format!("/tasks/{shared}/addDependencies"), json!({"dependencies": [before]})).await.ok();
    let data = json!({"text": "a comment"});
    let comment = gid(&ann.post(&format!("/tasks/{part}/stories"), data).await.created());
    for parent in [&task, &project] {
        let link =
            json!({"parent": parent, "name": "a link", "url": "https://example.com", "resource_subtype": "external"});
        ann.post("/attachments", link).await.ok();
    }
    let status = json!({"parent": project, "status_type": "on_track", "title": "fine", "text": "so far"});
    let status = made(&ann, "/status_updates", status).await;
    let favorites: Vec<i64> = [&project, &tag, &task].map(|gid| gid.parse().unwrap()).into();
    let (home, user, said) =
        (workspace.parse().unwrap(), ann.user, [comment, status].map(|gid| gid.parse::<i64>().unwrap()));
    let hosts = [part.parse::<i64>().unwrap(), project.parse().unwrap()];
    world
        .write(move |call| {
            for (kind, object) in ["project", "tag", "task"].into_iter().zip(favorites) {
                crate::favorite::add_favorite(call, home, user, kind, object)?;
            }
            for (target, host) in said.into_iter().zip(hosts) {
                let gid = call.gid()?;
                call.insert(
                    "reactions",
                    &[
                        ("gid", gid.into()),
                        ("workspace_id", home.into()),
                        ("host_id", host.into()),
                        ("target_id", target.into()),
                        ("user_id", user.into()),
                        ("emoji", "x".into()),
                        ("emoji_base", "x".into()),
                        ("created_at", call.now.into()),
                    ],
                );
            }
            Ok(())
        })
        .await;
    is_consistent(&world).await;
    let rows = "SELECT (SELECT count(*) FROM stories) + (SELECT count(*) FROM attachments)";
    assert!(count(&world, rows).await > 10);

    ann.delete(&format!("/tasks/{before}")).await.ok();
    ann.delete(&format!("/projects/{project}")).await.ok();
    ann.delete(&format!("/tags/{tag}")).await.ok();
    ann.delete(&format!("/custom_fields/{field}")).await.ok();
    world.schedule_jobs().await;
    world.run_jobs().await;
    world.clock.advance(30 * DAY - 1);
    world.run_jobs().await;
    assert_eq!(trash(&ann, &workspace).await.len(), 4, "until then all can be had back");
    is_consistent(&world).await;
    world.clock.advance(3_600_000);
    // With steps so small that everything takes several.
    world.queue("small steps", 1).run_due().await.unwrap();
    while world.queue("small steps", 1).run_due().await.unwrap() > 0 {}

    for gone in [&project, &tag, &field, &task, &part, &before] {
        for (table, column) in TRACES {
            let rows = count(&world, &format!("SELECT count(*) FROM {table} WHERE {column} = {gone}")).await;
            assert_eq!(rows, 0, "{table}.{column} still holds {gone}");
        }
    }
    for (table, of) in [
        ("story_likes", "story_id IN (SELECT gid FROM stories)"),
        ("status_update_likes", "status_update_id IN (SELECT gid FROM status_updates)"),
        ("custom_field_value_items", "value_id IN (SELECT gid FROM custom_field_values)"),
        ("reactions", "target_id IN (SELECT gid FROM reaction_targets)"),
    ] {
        assert_eq!(count(&world, &format!("SELECT count(*) FROM {table} WHERE NOT ({of})")).await, 0, "{table}");
    }
    is_consistent(&world).await;
    assert!(trash(&ann, &workspace).await.is_empty());
    ann.get(&format!("/tasks/{task}")).await.refused(404, &format!("task: Unknown object: {task}"));
    let back = ann.post(&format!("/-/v1/trash/{task}/restore"), json!({})).await;
    assert_eq!(back.response.status, 404, "{}", back.json);
    let fields = "opt_fields=projects,tags,dependencies,custom_fields";
    let left = ann.get(&format!("/tasks/{shared}?{fields}")).await.ok();
    assert_eq!(left["projects"], json!([{"gid": kept, "resource_type": "project", "name": "kept"}]));
    assert_eq!((&left["tags"], &left["dependencies"], &left["custom_fields"]), (&json!([]), &json!([]), &json!([])));
    ann.get(&format!("/tasks/{shared_part}")).await.ok();
});

both!(a_private_field_is_not_told_in_the_trash, small, |small: Small| async move {
    let Small { ann, bob, workspace, .. } = small;
    let private = |name: &str| json!({"workspace": workspace, "name": name, "resource_subtype": "text", "privacy_setting": "private"});
    let field = made(&bob, "/custom_fields", private("Salary")).await;
    assert_eq!(ann.delete(&format!("/custom_fields/{field}")).await.response.status, 403);
    bob.delete(&format!("/custom_fields/{field}")).await.ok();
    let trash = format!("/-/v1/workspaces/{workspace}/trash");
    assert_eq!(ann.get(&trash).await.ok(), json!([]));
    let refused = ann.post(&format!("/-/v1/trash/{field}/restore"), json!({})).await;
    refused.refused(404, &format!("trash_entry: Not a recognized ID: {field}"));
    assert_eq!(bob.get(&trash).await.ok()[0]["name"], "Salary");
    bob.post(&format!("/-/v1/trash/{field}/restore"), json!({})).await.ok();
});
