use serde_json::{Value as Json, json};
use testkit::{Client, both, gid};

use crate::world::{Small, small};

async fn project(client: &Client, data: Json) -> String {
    gid(&client.post("/projects", data).await.created())
}

both!(a_status_lives, small, |small: Small| async move {
    let Small { ann, bob, workspace, world, .. } = small;
    let project = project(&ann, json!({"workspace": workspace, "name": "x"})).await;
    let path = format!("/projects/{project}");
    let none = ann.get(&path).await.ok();
    assert_eq!((&none["current_status"], &none["current_status_update"]), (&json!(null), &json!(null)));

    let data = json!({"parent": project, "status_type": "at_risk", "title": "Week 10", "text": "Late & <slow>"});
    let status = bob.post("/status_updates", data).await.created();
    let by = json!({"gid": bob.user.to_string(), "resource_type": "user", "name": "Bob Example"});
    assert_eq!(
        status,
        json!({
            "gid": gid(&status), "resource_type": "status_update", "author": by,
            "created_at": "2026-03-02T10:00:00.000Z", "created_by": by, "hearted": false, "hearts": [],
            "liked": false, "likes": [], "modified_at": "2026-03-02T10:00:00.000Z", "num_hearts": 0, "num_likes": 0,
            "parent": {"gid": project, "resource_type": "project", "name": "x"}, "reaction_summary": [],
            "resource_subtype": "project_status_update", "status_type": "at_risk", "text": "Late & <slow>",
            "title": "Week 10"
        })
    );
    let own = format!("/status_updates/{}", gid(&status));
    assert_eq!(
        ann.get(&format!("{own}?opt_fields=html_text")).await.ok()["html_text"],
        "<body>Late &amp; &lt;slow&gt;</body>"
    );
    // The older face of the same, and what the project shows of it.
    let old = ann.get(&format!("/project_statuses/{}", gid(&status))).await.ok();
    assert_eq!(
        old,
        json!({
            "gid": gid(&status), "resource_type": "project_status", "author": by, "color": "yellow",
            "created_at": "2026-03-02T10:00:00.000Z", "created_by": by, "modified_at": "2026-03-02T10:00:00.000Z",
            "text": "Late & <slow>", "title": "Week 10"
        })
    );
    let shown = ann.get(&path).await.ok();
    assert_eq!(shown["current_status"], old);
    assert_eq!(
        shown["current_status_update"],
        json!({"gid": gid(&status), "resource_type": "status_update", "resource_subtype": "project_status_update",
            "title": "Week 10"})
    );

    world.clock.advance(60_000);
    let newer = ann
        .post(
            &format!("{path}/project_statuses"),
            json!({"html_text": "<body>All <b>well</b></body>", "color": "green"}),
        )
        .await
        .created();
    assert_eq!((&newer["title"], &newer["text"]), (&json!("Status Update - Mar 2"), &json!("All well")));
    let titles = |list: &Json| {
        let list = list.as_array().unwrap().iter().map(|status| status["title"].as_str().unwrap().to_owned());
        list.collect::<Vec<_>>()
    };
    for list in [format!("/status_updates?parent={project}"), format!("{path}/project_statuses")] {
        assert_eq!(titles(&ann.get(&list).await.ok()), ["Status Update - Mar 2", "Week 10"]);
        assert_eq!(titles(&Json::from(ann.pages(&list, 1).await)), ["Status Update - Mar 2", "Week 10"]);
    }
    let since = format!("/status_updates?parent={project}&created_since=2026-03-02T10:00:30Z");
    assert_eq!(titles(&ann.get(&since).await.ok()), ["Status Update - Mar 2"]);
    // Who names no colour leaves things as they stand.
    ann.post("/status_updates", json!({"parent": project, "status_type": "dropped", "text": "x"})).await.created();
    let third = ann.post(&format!("{path}/project_statuses"), json!({"text": "y"})).await.created();
    assert_eq!(third["color"], json!(null));

    for status in ann.get(&format!("/status_updates?parent={project}")).await.ok().as_array().unwrap() {
        ann.delete(&format!("/project_statuses/{}", gid(status))).await.ok();
    }
    assert_eq!(ann.get(&path).await.ok()["current_status_update"], json!(null));
    ann.get(&own).await.refused(404, &format!("status_update: Unknown object: {}", gid(&status)));
    ann.get(&format!("/project_statuses/{}", gid(&status)))
        .await
        .refused(404, &format!("project_status: Unknown object: {}", gid(&status)));
    assert_eq!(testkit::consistency::violations(&world.api.db).await, Vec::<String>::new());
});

both!(a_status_is_refused, small, |small: Small| async move {
    let Small { ann, workspace, .. } = small;
    let project = project(&ann, json!({"workspace": workspace, "name": "x"})).await;
    let task = gid(&ann.post("/tasks", json!({"projects": [project]})).await.created());
    for (data, message) in [
        (json!({"status_type": "on_track", "text": "x"}), "parent: Missing input".to_owned()),
        (json!({"parent": project, "text": "x"}), "status_type: Missing input".to_owned()),
        (json!({"parent": project, "status_type": "on_track"}), "text: Missing input".to_owned()),
        (json!({"parent": project, "status_type": "on_track", "text": " "}), "text: Missing input".to_owned()),
        (
            json!({"parent": project, "status_type": "on_track", "text": "x", "html_text": "<body>x</body>"}),
            "You may only provide one of text or html_text!".to_owned(),
        ),
        (
            json!({"parent": project, "status_type": "achieved", "text": "x"}),
            "status_type: Not a recognized value: achieved. \
             Use one of: on_track, at_risk, off_track, on_hold, complete, dropped"
                .to_owned(),
        ),
        (json!({"parent": task, "status_type": "on_track", "text": "x"}), format!("parent: Unknown object: {task}")),
    ] {
        ann.post("/status_updates", data).await.refused(400, &message);
    }
    ann.get("/status_updates").await.refused(400, "parent: Missing input");
    ann.get(&format!("/status_updates?parent={task}")).await.refused(400, &format!("parent: Unknown object: {task}"));
    ann.get(&format!("/status_updates/{task}"))
        .await
        .refused(404, &format!("status_update: Not a recognized ID: {task}"));
    let bad = json!({"text": "x", "color": "pink"});
    ann.post(&format!("/projects/{project}/project_statuses"), bad)
        .await
        .refused(400, "color: Not a recognized value: pink. Use one of: green, yellow, red, blue, complete");
});

both!(a_status_is_as_private_as_its_project, small, |small: Small| async move {
    let Small { ann, bob, cat, guest, stranger, workspace, world, .. } = small;
    let data =
        json!({"workspace": workspace, "name": "x", "privacy_setting": "private", "members": [bob.user.to_string()]});
    let project = project(&ann, data).await;
    let words = json!({"parent": project, "status_type": "on_track", "text": "x"});
    let (first, second) = (
        gid(&ann.post("/status_updates", words.clone()).await.created()),
        gid(&bob.post("/status_updates", words.clone()).await.created()),
    );
    for client in [&cat, &guest] {
        for face in ["status_update", "project_status"] {
            let path = if face == "status_update" { "status_updates" } else { "project_statuses" };
            let refusal = format!("You do not have access to this {}.", face.replace('_', " "));
            client.get(&format!("/{path}/{first}")).await.refused(403, &refusal);
            client.delete(&format!("/{path}/{first}")).await.refused(403, &refusal);
        }
        for answer in [
            client.get(&format!("/status_updates?parent={project}")).await,
            client.post("/status_updates", words.clone()).await,
        ] {
            answer.refused(403, "You do not have access to this project.");
        }
    }
    stranger
        .get(&format!("/status_updates/{first}"))
        .await
        .refused(404, &format!("status_update: Not a recognized ID: {first}"));
    stranger.post("/status_updates", words.clone()).await.refused(400, &format!("parent: Unknown object: {project}"));
    // An editor deletes what is their own, an administrator everything.
    bob.delete(&format!("/status_updates/{first}"))
        .await
        .refused(403, "You do not have permission to change this status update.");
    bob.delete(&format!("/status_updates/{second}")).await.ok();
    ann.put(&format!("/projects/{project}"), json!({"default_access_level": "commenter"})).await.ok();
    ann.post(&format!("/projects/{project}/addMembers"), json!({"members": [cat.user.to_string()]})).await.ok();
    cat.get(&format!("/status_updates/{first}")).await.ok();
    cat.post("/status_updates", words).await.refused(403, "You do not have permission to change this project.");
    // It goes with its project.
    ann.delete(&format!("/projects/{project}")).await.ok();
    assert!(ann.get(&format!("/status_updates/{first}")).await.response.status >= 400);
    let (first, project): (i64, i64) = (first.parse().unwrap(), project.parse().unwrap());
    let heard = world
        .write(move |call| {
            call.numbers(
                "SELECT r.container_id FROM changes c JOIN change_routes r ON r.set_id = c.set_id \
                 WHERE c.object_id = ?1 AND c.action = 'added' ORDER BY r.container_id",
                &[first.into()],
            )
        })
        .await;
    assert_eq!(heard, [project, first]);
});

both!(reactions_are_read, small, |small: Small| async move {
    let Small { ann, bob, cat, workspace, world, .. } = small;
    let data =
        json!({"workspace": workspace, "name": "x", "privacy_setting": "private", "members": [bob.user.to_string()]});
    let project = project(&ann, data).await;
    let task = gid(&ann.post("/tasks", json!({"projects": [project]})).await.created());
    let story = gid(&ann.post(&format!("/tasks/{task}/stories"), json!({"text": "x"})).await.created());
    let status = json!({"parent": project, "status_type": "on_track", "text": "x"});
    let status = gid(&ann.post("/status_updates", status).await.created());
    let gids = [&workspace, &task, &story, &project, &status].map(|gid| gid.parse::<i64>().unwrap());
    let people = [ann.user, bob.user];
    world
        .write(move |call| {
            let [workspace, task, story, project, status] = gids;
            for (host, target, user, emoji) in [
                (task, story, people[0], "👍"),
                (task, story, people[1], "👍🏽"),
                (task, story, people[1], "🎉"),
                (project, status, people[1], "👍"),
            ] {
                let reaction = call.gid()?;
                let columns = [
                    ("gid", reaction.into()),
                    ("workspace_id", workspace.into()),
                    ("host_id", host.into()),
                    ("target_id", target.into()),
                    ("user_id", user.into()),
                    ("emoji", emoji.into()),
                    ("emoji_base", emoji.trim_end_matches('🏽').into()),
                    ("created_at", call.now.into()),
                ];
                call.insert("reactions", &columns);
            }
            Ok(())
        })
        .await;
    let list = format!("/reactions?target={story}&emoji_base=%F0%9F%91%8D");
    let reactions = ann.get(&list).await.ok();
    assert_eq!(reactions.as_array().map(Vec::len), Some(2));
    assert_eq!(
        reactions[1],
        json!({"gid": gid(&reactions[1]), "emoji": "👍🏽",
            "user": {"gid": bob.user.to_string(), "resource_type": "user", "name": "Bob Example"}})
    );
    assert_eq!(ann.pages(&list, 1).await.len(), 2);
    assert_eq!(
        ann.get(&format!("/reactions?target={status}&emoji_base=%F0%9F%91%8D")).await.ok().as_array().unwrap().len(),
        1
    );
    let shown = ann.get(&format!("/stories/{story}")).await.ok();
    assert_eq!(
        shown["reaction_summary"],
        json!([
            {"emoji_base": "🎉", "variant": "🎉", "count": 1, "reacted": false},
            {"emoji_base": "👍", "variant": "👍", "count": 1, "reacted": true},
            {"emoji_base": "👍", "variant": "👍🏽", "count": 1, "reacted": false}
        ])
    );
    cat.get(&list).await.refused(403, "You do not have access to this story.");
    cat.get(&format!("/reactions?target={status}&emoji_base=x"))
        .await
        .refused(403, "You do not have access to this status update.");
    ann.get(&format!("/reactions?target={story}")).await.refused(400, "emoji_base: Missing input");
    ann.get("/reactions?emoji_base=x").await.refused(400, "target: Missing input");
    ann.get(&format!("/reactions?target={task}&emoji_base=x"))
        .await
        .refused(400, &format!("target: Unknown object: {task}"));
    ann.delete(&format!("/stories/{story}")).await.ok();
    ann.delete(&format!("/status_updates/{status}")).await.ok();
    assert_eq!(testkit::consistency::violations(&world.api.db).await, Vec::<String>::new());
});

both!(a_project_is_told_how_it_goes, small, |small: Small| async move {
    let Small { ann, bob, workspace, .. } = small;
    let data = json!({"workspace": workspace, "name": "Fair", "current_status": {"color": "red", "text": "Late"}});
    let project = ann.post("/projects", data).await.created();
    let path = format!("/projects/{}", gid(&project));
    let first = gid(&project["current_status_update"]);
    assert_eq!(
        (&project["current_status"]["color"], &project["current_status"]["text"]),
        (&json!("red"), &json!("Late"))
    );
    assert_eq!(project["current_status"]["gid"], json!(first));
    let list = format!("/status_updates?parent={}", gid(&project));
    // What was read comes back, and changes nothing.
    for name in ["current_status", "current_status_update"] {
        bob.put(&path, json!({(name): project[name]})).await.ok();
    }
    assert_eq!(ann.get(&list).await.ok().as_array().unwrap().len(), 1);
    let told = json!({"status_type": "at_risk", "title": "Week 2", "html_text": "<body><em>Better</em></body>"});
    let changed = bob.put(&path, json!({"name": "Spring fair", "current_status_update": told})).await.ok();
    assert_eq!(changed["name"], "Spring fair");
    assert_eq!(changed["current_status_update"]["title"], "Week 2");
    assert_eq!(changed["current_status"]["color"], "yellow");
    assert_eq!(changed["current_status"]["author"]["gid"], json!(bob.user.to_string()));
    // Who names no state leaves it.
    let changed = ann.put(&path, json!({"current_status": {"text": "As before"}})).await.ok();
    assert_eq!(
        (&changed["current_status"]["color"], &changed["current_status"]["text"]),
        (&json!("yellow"), &json!("As before"))
    );
    for (data, message) in [
        (json!({"current_status": null}), "current_status: A status goes when the status update is deleted"),
        (json!({"current_status": {"color": "red"}}), "text: Missing input"),
        (json!({"current_status": "red"}), "current_status: Value is not a JSON object: red"),
        (
            json!({"current_status": {"color": "mauve", "text": "x"}}),
            "current_status: color: Not a recognized value: mauve. Use one of: green, yellow, red, blue, complete",
        ),
        (json!({"current_status": {"gid": first}}), &*format!("current_status: Not the current status: {first}")),
        (
            json!({"current_status": {"text": "x"}, "current_status_update": {"text": "y"}}),
            "You may only provide one of current_status or current_status_update!",
        ),
    ] {
        ann.put(&path, data).await.refused(400, message);
    }
    assert_eq!(ann.get(&list).await.ok().as_array().unwrap().len(), 3);
    let fresh = ann.post("/projects", json!({"workspace": workspace, "current_status": null})).await.created();
    assert_eq!(fresh["current_status"], json!(null));
});
