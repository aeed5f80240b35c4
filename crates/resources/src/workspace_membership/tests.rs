use serde_json::{Value as Json, json};
use testkit::{Client, both, gid};

use crate::world::{Small, small};

fn names(list: &Json) -> Vec<&str> {
    list.as_array().expect("a list").iter().filter_map(|item| item["name"].as_str()).collect()
}

async fn membership(client: &Client, workspace: &str, user: i64) -> Json {
    let path = format!("/workspaces/{workspace}/workspace_memberships?user={user}");
    client.get(&path).await.ok()[0].clone()
}

both!(a_membership_tells_what_somebody_is, small, |small: Small| async move {
    let Small { ann, bob, cat, guest, stranger, workspace, .. } = small;
    let compact = membership(&bob, &workspace, ann.user).await;
    let (ann_gid, home) =
        (ann.user.to_string(), json!({"gid": workspace, "resource_type": "workspace", "name": "Acme"}));
    let me = json!({"gid": ann_gid, "resource_type": "user", "name": "Ann Example"});
    assert_eq!(
        compact,
        json!({"gid": gid(&compact), "resource_type": "workspace_membership", "user": me, "workspace": home})
    );
    let path = format!("/workspace_memberships/{}", gid(&compact));
    let list = ann.get(&format!("/users/me/user_task_list?workspace={workspace}")).await.ok();
    assert_eq!(
        bob.get(&path).await.ok(),
        json!({
            "gid": gid(&compact), "resource_type": "workspace_membership", "created_at": "2026-03-02T10:00:00.000Z",
            "is_active": true, "is_admin": true, "is_guest": false, "is_view_only": false, "user": me,
            "user_task_list": list, "vacation_dates": null, "workspace": home
        })
    );
    assert_eq!(membership(&ann, &workspace, guest.user).await["user"]["name"], "Gus Guest");
    let all =
        ann.pages(&format!("/workspaces/{workspace}/workspace_memberships?opt_fields=user.name,is_guest"), 2).await;
    let guests: Vec<_> =
        all.iter().filter(|one| one["is_guest"] == json!(true)).map(|one| &one["user"]["name"]).collect();
    assert_eq!((all.len(), guests), (4, vec![&json!("Gus Guest")]));
    let own = cat.get("/users/me/workspace_memberships").await.ok();
    assert_eq!((own.as_array().unwrap().len(), &own[0]["workspace"]["gid"]), (1, &json!(workspace)));
    // A guest sees nobody's but the own.
    let seen = guest.get(&format!("/workspaces/{workspace}/workspace_memberships")).await.ok();
    assert_eq!((seen.as_array().unwrap().len(), &seen[0]["user"]["name"]), (1, &json!("Gus Guest")));
    guest.get(&path).await.refused(403, "You do not have access to this workspace membership.");
    guest
        .get(&format!("/users/{ann_gid}/workspace_memberships"))
        .await
        .refused(404, &format!("user: Not a recognized ID: {ann_gid}"));
    stranger.get(&path).await.refused(404, &format!("workspace_membership: Not a recognized ID: {}", gid(&compact)));
});

both!(a_workspace_is_renamed_by_its_administrators, small, |small: Small| async move {
    let Small { ann, bob, guest, stranger, workspace, .. } = small;
    let path = format!("/workspaces/{workspace}");
    assert_eq!(ann.put(&path, json!({"name": "Acme Works"})).await.ok()["name"], "Acme Works");
    assert_eq!(guest.get(&path).await.ok()["name"], "Acme Works");
    ann.put(&path, json!({"name": " "})).await.refused(400, "name: Value must not be empty");
    ann.put(&path, json!({"email_domains": []})).await.refused(400, "email_domains: Cannot write this property");
    let refusal = "You do not have permission to change this workspace.";
    bob.put(&path, json!({"name": "Bob's"})).await.refused(403, refusal);
    guest.put(&path, json!({"name": "Gus's"})).await.refused(403, refusal);
    stranger
        .put(&path, json!({"name": "Sam's"}))
        .await
        .refused(404, &format!("workspace: Not a recognized ID: {workspace}"));
});

both!(people_are_invited, small, |small: Small| async move {
    let Small { ann, bob, guest, stranger, workspace, world, .. } = small;
    let path = format!("/workspaces/{workspace}/addUser");
    let new = bob.post(&path, json!({"user": " Nia@Acme.example "})).await.ok();
    assert_eq!(
        new,
        json!({"gid": gid(&new), "resource_type": "user", "email": "Nia@Acme.example", "name": "Nia@Acme.example",
            "photo": null})
    );
    // The same again is the same person, and somebody of another workspace is invited by address alone.
    assert_eq!(gid(&ann.post(&path, json!({"user": "nia@acme.example"})).await.ok()), gid(&new));
    let sam = stranger.user.to_string();
    ann.post(&path, json!({"user": sam})).await.refused(400, &format!("user: Not a user in Organization: {sam}"));
    assert_eq!(ann.post(&path, json!({"user": "sam@elsewhere.example"})).await.ok()["name"], "Sam Stranger");
    assert_eq!(stranger.get("/workspaces").await.ok().as_array().map(Vec::len), Some(2));
    assert_eq!(
        names(&ann.get(&format!("/workspaces/{workspace}/users")).await.ok()),
        ["Ann Example", "Bob Example", "Cat Example", "Gus Guest", "Nia@Acme.example", "Sam Stranger"]
    );
    for (sent, message) in [
        ("nobody", "user: Not a user in Organization: nobody"),
        ("a@b@c", "user: Not an e-mail address: a@b@c"),
        ("a b@c", "user: Not an e-mail address: a b@c"),
        ("@c", "user: Not an e-mail address: @c"),
    ] {
        ann.post(&path, json!({"user": sent})).await.refused(400, message);
    }
    ann.post(&path, json!({})).await.refused(400, "user: Missing input");
    let refusal = "You do not have permission to change this workspace.";
    guest.post(&path, json!({"user": "friend@guest.example"})).await.refused(403, refusal);
    // With domains of its own, an organization has everyone else as a guest.
    let home: i64 = workspace.parse().unwrap();
    world.write(move |call| call.update("workspaces", home, &[("email_domains", "[\"acme.example\"]".into())])).await;
    for (address, is_guest) in [("dan@acme.example", false), ("eli@other.example", true)] {
        let user = gid(&ann.post(&path, json!({"user": address})).await.ok()).parse().unwrap();
        let one = gid(&membership(&ann, &workspace, user).await);
        assert_eq!(ann.get(&format!("/workspace_memberships/{one}")).await.ok()["is_guest"], json!(is_guest));
    }
});

both!(who_is_removed_keeps_nothing, small, |small: Small| async move {
    let Small { ann, bob, cat, guest, stranger, workspace, team, .. } = small;
    let (path, bob_gid) = (format!("/workspaces/{workspace}/removeUser"), bob.user.to_string());
    let task = |name: &str| json!({"workspace": workspace, "name": name, "assignee": bob_gid});
    let open = gid(&ann.post("/tasks", task("open")).await.created());
    let done = gid(&ann.post("/tasks", task("done")).await.created());
    ann.put(&format!("/tasks/{done}"), json!({"completed": true})).await.ok();
    let shared = gid(&bob.post("/projects", json!({"team": team, "name": "shared"})).await.created());
    let private = json!({"workspace": workspace, "name": "private", "privacy_setting": "private"});
    let private = gid(&bob.post("/projects", private).await.created());
    let followed = gid(&cat.post("/tasks", json!({"workspace": workspace, "followers": [bob_gid]})).await.created());
    let list = gid(&bob.get(&format!("/users/me/user_task_list?workspace={workspace}")).await.ok());
    assert_eq!(names(&bob.get(&format!("/user_task_lists/{list}/tasks")).await.ok()), ["done", "open"]);

    let refusal = "You do not have permission to change this workspace.";
    cat.post(&path, json!({"user": bob_gid})).await.refused(403, refusal);
    bob.post(&path, json!({"user": "me"})).await.refused(403, refusal);
    ann.post(&path, json!({"user": "me"}))
        .await
        .refused(400, "user: The last administrator of a workspace cannot be removed");
    let sam = stranger.user.to_string();
    ann.post(&path, json!({"user": sam})).await.refused(400, &format!("user: Not a user in Organization: {sam}"));
    assert_eq!(ann.post(&path, json!({"user": "bob@acme.example"})).await.json, json!({"data": {}}));

    // Bob is still somebody, and sees nothing.
    assert_eq!(bob.get("/users/me").await.ok()["workspaces"], json!([]));
    for object in [
        format!("/workspaces/{workspace}"),
        format!("/teams/{team}"),
        format!("/projects/{shared}"),
        format!("/projects/{private}"),
        format!("/tasks/{open}"),
        format!("/tasks/{done}"),
        format!("/tasks/{followed}"),
        format!("/user_task_lists/{list}"),
        format!("/users/{}", ann.user),
    ] {
        assert_eq!(bob.get(&object).await.response.status, 404, "{object}");
    }
    // What was to be done is nobody's, what was done stays his; the rest goes on without him.
    let fields = "opt_fields=assignee.name,assignee_status,followers.name";
    let read = ann.get(&format!("/tasks/{open}?{fields}")).await.ok();
    assert_eq!((&read["assignee"], names(&read["followers"])), (&json!(null), vec!["Ann Example"]));
    let read = ann.get(&format!("/tasks/{done}?{fields}")).await.ok();
    assert_eq!((&read["assignee"]["name"], names(&read["followers"])), (&json!("Bob Example"), vec!["Ann Example"]));
    assert_eq!(names(&cat.get(&format!("/tasks/{followed}")).await.ok()["followers"]), ["Cat Example"]);
    let project = ann.get(&format!("/projects/{shared}")).await.ok();
    assert_eq!((names(&project["members"]), &project["owner"]["name"]), (vec!["Ann Example"], &json!("Ann Example")));
    ann.delete(&format!("/projects/{shared}")).await.ok();
    ann.get(&format!("/projects/{private}")).await.refused(403, "You do not have access to this project.");
    assert_eq!(names(&ann.get(&format!("/teams/{team}/users")).await.ok()), ["Ann Example"]);
    ann.get(&format!("/users/{bob_gid}")).await.refused(404, &format!("user: Not a recognized ID: {bob_gid}"));
    ann.get(&format!("/user_task_lists/{list}")).await.refused(404, &format!("user_task_list: Unknown object: {list}"));
    ann.put(&format!("/tasks/{open}"), json!({"assignee": bob_gid}))
        .await
        .refused(400, &format!("assignee: Not a user in Organization: {bob_gid}"));
    let unassigned = ann.get(&format!("/tasks/{open}/stories?opt_fields=resource_subtype")).await.ok();
    assert_eq!(unassigned.as_array().unwrap().last().unwrap()["resource_subtype"], "unassigned");

    // Who comes back is asked for nothing, and still has done what was done.
    ann.post(&format!("/workspaces/{workspace}/addUser"), json!({"user": "bob@acme.example"})).await.ok();
    assert_eq!(bob.get(&format!("/tasks/{done}")).await.ok()["name"], "done");
    let list = gid(&bob.get(&format!("/users/me/user_task_list?workspace={workspace}")).await.ok());
    assert_eq!(names(&bob.get(&format!("/user_task_lists/{list}/tasks")).await.ok()), ["done"]);
    bob.get(&format!("/projects/{private}")).await.refused(403, "You do not have access to this project.");
    ann.post(&path, json!({"user": bob_gid})).await.ok();
    // What is taken up again has no assignee.
    assert_eq!(ann.put(&format!("/tasks/{done}"), json!({"completed": false})).await.ok()["assignee"], json!(null));
    assert!(guest.get("/users/me").await.ok()["workspaces"].is_array());
});
