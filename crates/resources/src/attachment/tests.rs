use engine::body::Upload;
use serde_json::{Value as Json, json};
use testkit::{Client, both, gid};

use crate::world::{Small, small};

fn file(name: &str) -> Upload {
    Upload { file: format!("stored {name}"), name: name.to_owned(), content_type: "text/plain".to_owned(), size: 12 }
}

fn link(parent: &str) -> Json {
    json!({"parent": parent, "resource_subtype": "external", "name": "Plan", "url": "https://plans.example/1"})
}

async fn project(client: &Client, data: Json) -> String {
    gid(&client.post("/projects", data).await.created())
}

both!(a_file_is_attached, small, |small: Small| async move {
    let Small { ann, bob, workspace, world, .. } = small;
    let project = project(&ann, json!({"workspace": workspace, "name": "x"})).await;
    let task = gid(&ann.post("/tasks", json!({"projects": [project], "name": "t"})).await.created());
    world.clock.advance(60_000);
    let made = bob.upload("/attachments", json!({"parent": task}), file("a b.txt")).await.ok();
    let attachment = gid(&made);
    let (view, download) = (made["view_url"].as_str().unwrap(), made["download_url"].as_str().unwrap());
    let expires = (testkit::START + 60_000) / 1000 + 7_200;
    assert!(view.starts_with(&format!(
        "http://localhost/-/attachments/{attachment}/a%20b.txt?use=view&expires={expires}&signature="
    )));
    assert!(download.contains("use=download") && !download.ends_with("signature="));
    assert_eq!(
        made,
        json!({
            "gid": attachment, "resource_type": "attachment", "created_at": "2026-03-02T10:01:00.000Z",
            "download_url": download, "host": "asana", "name": "a b.txt",
            "parent": {"gid": task, "resource_type": "task", "name": "t", "resource_subtype": "default_task"},
            "permanent_url": format!("http://localhost/app/asana/-/get_asset?asset_id={attachment}"),
            "resource_subtype": "asana", "size": 12, "view_url": view
        })
    );
    assert_eq!(ann.get(&format!("/attachments/{attachment}")).await.ok(), made);
    let compact =
        json!({"gid": attachment, "resource_type": "attachment", "name": "a b.txt", "resource_subtype": "asana"});
    for list in [format!("/attachments?parent={task}"), format!("/tasks/{task}/attachments")] {
        assert_eq!(ann.get(&list).await.ok(), json!([compact]));
    }
    assert_eq!(
        ann.get(&format!("/tasks/{task}?opt_fields=modified_at")).await.ok()["modified_at"],
        "2026-03-02T10:01:00.000Z"
    );
    ann.delete(&format!("/attachments/{attachment}")).await.ok();
    ann.get(&format!("/attachments/{attachment}"))
        .await
        .refused(404, &format!("attachment: Unknown object: {attachment}"));
    let stories = ann.get(&format!("/tasks/{task}/stories?opt_fields=resource_subtype,text")).await.ok();
    let told: Vec<_> = stories.as_array().unwrap().iter().map(|story| story["text"].as_str().unwrap()).collect();
    assert_eq!(told[1..], ["Bob Example attached a b.txt", "Ann Example removed the attachment a b.txt"]);
    assert_eq!(stories[1]["resource_subtype"], "attachment_added");
    assert_eq!(testkit::consistency::violations(&world.api.db).await, Vec::<String>::new());
});

both!(a_link_is_attached, small, |small: Small| async move {
    let Small { ann, workspace, .. } = small;
    let project = project(&ann, json!({"workspace": workspace, "name": "x"})).await;
    let made = ann.post("/attachments", link(&project)).await.ok();
    assert_eq!(
        made,
        json!({
            "gid": gid(&made), "resource_type": "attachment", "connected_to_app": false,
            "created_at": "2026-03-02T10:00:00.000Z", "download_url": null, "host": "external", "name": "Plan",
            "parent": {"gid": project, "resource_type": "project", "name": "x"},
            "permanent_url": format!("http://localhost/app/asana/-/get_asset?asset_id={}", gid(&made)),
            "resource_subtype": "external", "view_url": "https://plans.example/1"
        })
    );
    for name in ["one", "two"] {
        ann.upload("/attachments", json!({"parent": project, "name": "ignored"}), file(name)).await.ok();
    }
    let unnamed = Upload { name: String::new(), ..file("three") };
    assert_eq!(ann.upload("/attachments", json!({"parent": project, "name": "x"}), unnamed).await.ok()["name"], "x");
    let all = ann.pages(&format!("/attachments?parent={project}"), 1).await;
    let names: Vec<_> = all.iter().map(|attachment| attachment["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Plan", "one", "two", "x"]);
});

both!(a_link_is_attached_by_the_older_path, small, |small: Small| async move {
    let Small { ann, workspace, .. } = small;
    let task = gid(&ann.post("/tasks", json!({"workspace": workspace})).await.created());
    let path = format!("/tasks/{task}/attachments");
    let made = ann.post(&path, json!({"resource_subtype": "external", "name": "x", "url": "https://x"})).await.ok();
    assert_eq!(ann.get(&path).await.ok()[0]["gid"], made["gid"]);
});

both!(pages_go_on_by_the_older_path, small, |small: Small| async move {
    let Small { ann, workspace, .. } = small;
    let task = gid(&ann.post("/tasks", json!({"workspace": workspace})).await.created());
    for _ in 0..3 {
        ann.post("/attachments", link(&task)).await.ok();
    }
    let path = format!("/tasks/{task}/attachments");
    assert_eq!(ann.pages(&path, 2).await.len(), 3);
    let page = ann.get(&format!("{path}?limit=2")).await;
    assert!(page.json["next_page"]["path"].as_str().unwrap().starts_with(&format!("{path}?limit=2&offset=")));
});

both!(what_is_not_attached, small, |small: Small| async move {
    let Small { ann, workspace, team, .. } = small;
    let task = gid(&ann.post("/tasks", json!({"workspace": workspace})).await.created());
    let but = |name: &str, value: Json| {
        let mut data = link(&task);
        data[name] = value;
        data
    };
    for (data, message) in [
        (json!({"parent": task}), "file: Missing input".to_owned()),
        (json!({"resource_subtype": "external"}), "parent: Missing input".to_owned()),
        (json!({"parent": task, "file": "x"}), "file: Value is not a file: x".to_owned()),
        (json!({"parent": task, "resource_subtype": "external", "url": "https://x"}), "name: Missing input".to_owned()),
        (json!({"parent": task, "resource_subtype": "external", "name": "x"}), "url: Missing input".to_owned()),
        (but("url", json!("javascript:alert(1)")), "url: Must be an http or https address".to_owned()),
        (but("url", json!("https://")), "url: Must be an http or https address".to_owned()),
        (
            but("connect_to_app", json!(true)),
            "connect_to_app: Only an app can connect an attachment of a task to itself".to_owned(),
        ),
        (
            but("resource_subtype", json!("dropbox")),
            "resource_subtype: Not a recognized value: dropbox. Use one of: asana, external".to_owned(),
        ),
        (but("parent", json!(team)), format!("parent: Unknown object: {team}")),
        (but("parent", json!("x")), "parent: Not a Long: x".to_owned()),
    ] {
        ann.post("/attachments", data).await.refused(400, &message);
    }
    ann.upload("/attachments", link(&task), file("x")).await.refused(400, "file: An external attachment has no file");
    ann.upload("/tasks", json!({"workspace": workspace}), file("x"))
        .await
        .refused(415, "Content-Type: Not a supported type: multipart/form-data");
    ann.get("/attachments").await.refused(400, "parent: Missing input");
    ann.get(&format!("/attachments?parent={team}")).await.refused(400, &format!("parent: Unknown object: {team}"));
});

both!(an_attachment_is_as_private_as_its_place, small, |small: Small| async move {
    let Small { ann, bob, cat, guest, stranger, workspace, world, .. } = small;
    let data =
        json!({"workspace": workspace, "name": "x", "privacy_setting": "private", "default_access_level": "commenter"});
    let project = project(&ann, data).await;
    ann.post(&format!("/projects/{project}/addMembers"), json!({"members": [bob.user.to_string()]})).await.ok();
    let task = gid(&ann.post("/tasks", json!({"projects": [project]})).await.created());
    let on_task = gid(&ann.upload("/attachments", json!({"parent": task}), file("one")).await.ok());
    let on_project = gid(&ann.upload("/attachments", json!({"parent": project}), file("two")).await.ok());
    for (parent, kind, attachment) in [(&task, "task", &on_task), (&project, "project", &on_project)] {
        for client in [&cat, &guest] {
            client
                .get(&format!("/attachments/{attachment}"))
                .await
                .refused(403, "You do not have access to this attachment.");
            client
                .delete(&format!("/attachments/{attachment}"))
                .await
                .refused(403, "You do not have access to this attachment.");
            let hidden = format!("You do not have access to this {kind}.");
            client.get(&format!("/attachments?parent={parent}")).await.refused(403, &hidden);
            client.post("/attachments", link(parent)).await.refused(403, &hidden);
        }
        stranger
            .get(&format!("/attachments/{attachment}"))
            .await
            .refused(404, &format!("attachment: Not a recognized ID: {attachment}"));
        for answer in [
            stranger.get(&format!("/attachments?parent={parent}")).await,
            stranger.post("/attachments", link(parent)).await,
        ] {
            answer.refused(400, &format!("parent: Unknown object: {parent}"));
        }
        bob.get(&format!("/attachments/{attachment}")).await.ok();
        bob.delete(&format!("/attachments/{attachment}"))
            .await
            .refused(403, "You do not have permission to change this attachment.");
    }
    // Who may comment adds to a task, and takes away what is their own.
    let own = gid(&bob.post("/attachments", link(&task)).await.ok());
    bob.delete(&format!("/attachments/{own}")).await.ok();
    bob.post("/attachments", link(&project)).await.refused(403, "You do not have permission to change this project.");
    // In the trash it is seen by nobody, and the file is still named.
    ann.delete(&format!("/tasks/{task}")).await.ok();
    assert!(ann.get(&format!("/attachments/{on_task}")).await.response.status >= 400);
    let mut read = world.api.read().await.unwrap();
    assert!(crate::attachment::is_attached(&mut read, "stored one").await.unwrap());
    assert_eq!(crate::attachment::content(&mut read, on_task.parse().unwrap()).await.unwrap(), None);
    let content = crate::attachment::content(&mut read, on_project.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((content.file.as_str(), content.name.as_str()), ("stored two", "two"));
    read.finish().await;
});
