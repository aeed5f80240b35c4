//! What somebody has lost counts from the next request on, whichever server it goes to, and for writes too.

use engine::access::start_epoch;
use serde_json::json;
use testkit::{Client, both, gid};

use crate::small::{Small, small};

/// The same caller on the server that the others use, and on another one that knows nothing of it.
fn servers(small: &Small, client: &Client) -> [Client; 2] {
    [client.clone(), small.world.another().called_by(client)]
}

async fn is_forgotten(client: &Client, task: &str, workspace: &str) {
    let path = format!("/tasks/{task}");
    for answer in [
        client.get(&path).await,
        client.get("/users/me").await,
        client.get(&format!("/tasks?assignee=me&workspace={workspace}&limit=3")).await,
        client.put(&path, json!({"name": "mine"})).await,
        client.post("/tasks", json!({"workspace": workspace, "name": "new"})).await,
        client.delete(&path).await,
        client.get("/tasks/1").await,
        client.get("/tasks/x").await,
    ] {
        answer.refused(401, "Not Authorized");
    }
}

both!(a_revoked_token_is_refused_everywhere, small, |small: Small| async move {
    let Small { world, ann, bob, workspace, .. } = &small;
    let data = json!({"workspace": workspace, "name": "one", "followers": [bob.user.to_string()]});
    let task = gid(&ann.post("/tasks", data).await.created());
    // A second token of the same person stays good.
    let other = world.client(bob.user).await;
    let [here, there] = servers(&small, bob);
    for client in [&here, &there, &other] {
        client.get(&format!("/tasks/{task}")).await.ok();
    }
    let user = bob.user;
    world
        .write(move |call| {
            let now = call.now;
            let first = call.number("SELECT min(gid) FROM tokens WHERE user_id = ?1", &[user.into()])?;
            call.execute("UPDATE tokens SET revoked_at = ?2 WHERE gid = ?1", &[first.into(), now.into()])?;
            Ok(start_epoch(call.write()?)?)
        })
        .await;
    is_forgotten(&there, &task, workspace).await;
    is_forgotten(&here, &task, workspace).await;
    other.put(&format!("/tasks/{task}"), json!({"name": "still"})).await.ok();
    let name = ann.get(&format!("/tasks/{task}")).await.ok()["name"].clone();
    assert_eq!(name, "still");
});

both!(who_leaves_a_team_loses_its_projects_at_once, small, |small: Small| async move {
    let Small { world, ann, bob, team, .. } = &small;
    let data = json!({"team": team, "name": "ours", "privacy_setting": "private_to_team"});
    let project = gid(&ann.post("/projects", data).await.created());
    let task = gid(&ann.post("/tasks", json!({"projects": [project], "name": "one"})).await.created());
    let path = format!("/tasks/{task}");
    for client in servers(&small, bob) {
        let (makers, user) = (team.parse().unwrap(), client.user);
        client.put(&path, json!({"name": "seen"})).await.ok();
        world.write(move |call| resources::team::remove_member(call, makers, user)).await;
        // The write comes first: it decides by what is true in its own transaction.
        client.put(&path, json!({"name": "unseen"})).await.refused(403, "You do not have access to this task.");
        client.get(&path).await.refused(403, "You do not have access to this task.");
        assert_eq!(client.get("/projects").await.ok(), json!([]));
        client
            .get(&format!("/projects/{project}/tasks?limit=1"))
            .await
            .refused(403, "You do not have access to this project.");
        let home: i64 = small.workspace.parse().unwrap();
        world.write(move |call| resources::team::add_member(call, home, makers, user, false)).await;
        client.get(&path).await.ok();
    }
    assert_eq!(ann.get(&path).await.ok()["name"], "seen");
});

both!(who_leaves_a_workspace_does_not_know_it_any_more, small, |small: Small| async move {
    let Small { ann, cat, workspace, .. } = &small;
    let project = gid(&ann.post("/projects", json!({"workspace": workspace, "name": "public"})).await.created());
    let task = gid(&ann.post("/tasks", json!({"projects": [project], "name": "one"})).await.created());
    for client in servers(&small, cat) {
        client.get(&format!("/tasks/{task}")).await.ok();
        let user = json!({"user": client.user.to_string()});
        ann.post(&format!("/workspaces/{workspace}/removeUser"), user).await.ok();
        client
            .post(&format!("/tasks/{task}/stories"), json!({"text": "and me?"}))
            .await
            .refused(404, &format!("task: Not a recognized ID: {task}"));
        client.get(&format!("/tasks/{task}")).await.refused(404, &format!("task: Not a recognized ID: {task}"));
        client
            .get(&format!("/projects?workspace={workspace}"))
            .await
            .refused(400, &format!("workspace: Unknown object: {workspace}"));
        client
            .post("/tasks", json!({"projects": [project]}))
            .await
            .refused(400, &format!("projects: [0]: Unknown object: {project}"));
        assert_eq!(client.get("/workspaces").await.ok(), json!([]));
        ann.post(&format!("/workspaces/{workspace}/addUser"), json!({"user": "cat@acme.example"})).await.ok();
    }
});

both!(a_page_is_not_walked_on_with_rights_that_are_lost, small, |small: Small| async move {
    let Small { ann, cat, workspace, .. } = &small;
    let project = gid(&ann.post("/projects", json!({"workspace": workspace, "name": "public"})).await.created());
    for _ in 0..4 {
        ann.post("/tasks", json!({"projects": [project], "name": "one"})).await.created();
    }
    for client in servers(&small, cat) {
        let first = client.get(&format!("/projects/{project}/tasks?limit=2")).await;
        let next = first.json["next_page"]["path"].as_str().expect("there are more").to_owned();
        ann.put(&format!("/projects/{project}"), json!({"privacy_setting": "private"})).await.ok();
        client.get(&next).await.refused(403, "You do not have access to this project.");
        ann.put(&format!("/projects/{project}"), json!({"privacy_setting": "public_to_workspace"})).await.ok();
        assert_eq!(client.get(&next).await.ok().as_array().map(Vec::len), Some(2));
    }
});

both!(somebody_new_is_known_at_once, small, |small: Small| async move {
    let Small { world, ann, guest, workspace, .. } = &small;
    let data = json!({"workspace": workspace, "name": "private", "privacy_setting": "private"});
    let project = gid(&ann.post("/projects", data).await.created());
    let [here, there] = servers(&small, guest);
    for client in [&here, &there] {
        client.get(&format!("/projects/{project}")).await.refused(403, "You do not have access to this project.");
    }
    let data = json!({"members": [guest.user.to_string()]});
    ann.post(&format!("/projects/{project}/addMembers"), data.clone()).await.ok();
    for client in [&here, &there] {
        client.get(&format!("/projects/{project}")).await.ok();
        client.put(&format!("/projects/{project}"), json!({"notes": "hello"})).await.ok();
    }
    ann.post(&format!("/projects/{project}/removeMembers"), data).await.ok();
    there
        .put(&format!("/projects/{project}"), json!({"notes": "bye"}))
        .await
        .refused(403, "You do not have access to this project.");
    // Whose account is closed is nobody.
    let user = guest.user;
    world
        .write(move |call| {
            let now = call.now;
            call.execute("UPDATE users SET deactivated_at = ?2 WHERE gid = ?1", &[user.into(), now.into()])?;
            Ok(start_epoch(call.write()?)?)
        })
        .await;
    for client in [&there, &here] {
        client.get("/users/me").await.refused(401, "Not Authorized");
    }
});
