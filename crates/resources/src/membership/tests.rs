use serde_json::{Value as Json, json};
use testkit::{Client, both, gid};

use crate::team;
use crate::world::{Small, small};

const CHANGE: &str = "You do not have permission to change this project.";

async fn project(client: &Client, workspace: &str) -> String {
    let data = json!({"workspace": workspace, "name": "Launch", "privacy_setting": "private"});
    gid(&client.post("/projects", data).await.created())
}

fn members(list: &Json) -> Vec<String> {
    let member = |one: &Json| format!("{}: {}", one["member"]["name"].as_str().unwrap_or("?"), one["access_level"]);
    list.as_array().expect("a list").iter().map(member).map(|text| text.replace('"', "")).collect()
}

both!(people_and_teams_are_members, small, |small: Small| async move {
    let Small { ann, bob, cat, guest, stranger, workspace, team, world } = small;
    let project = project(&ann, &workspace).await;
    bob.get(&format!("/projects/{project}")).await.refused(403, "You do not have access to this project.");
    let data = json!({"parent": project, "member": team, "access_level": "commenter"});
    let shared = ann.post("/memberships", data).await.created();
    assert_eq!(
        shared,
        json!({
            "gid": gid(&shared), "resource_type": "membership", "access_level": "commenter",
            "member": {"gid": team, "resource_type": "team", "name": "Makers"},
            "resource_subtype": "project_membership"
        })
    );
    let path = format!("/memberships/{}", gid(&shared));
    assert_eq!(bob.get(&path).await.ok(), shared);
    assert_eq!(
        bob.get(&format!("/project_memberships/{}", gid(&shared))).await.ok(),
        json!({
            "gid": gid(&shared), "resource_type": "project_membership", "access_level": "commenter",
            "member": {"gid": team, "resource_type": "team", "name": "Makers"}, "user": null,
            "write_access": "comment_only"
        })
    );
    // The team's members have it, nobody else.
    bob.put(&format!("/projects/{project}"), json!({"name": "x"})).await.refused(403, CHANGE);
    cat.get(&path).await.refused(403, "You do not have access to this membership.");
    stranger.get(&path).await.refused(404, &format!("membership: Not a recognized ID: {}", gid(&shared)));
    assert_eq!(ann.put(&path, json!({"access_level": "editor"})).await.ok()["access_level"], "editor");
    bob.put(&format!("/projects/{project}"), json!({"name": "y"})).await.ok();
    // An editor shares what an editor has, by address too, and with guests.
    let with = |member: &str, level: &str| json!({"parent": project, "member": member, "access_level": level});
    bob.post("/memberships", with("cat@acme.example", "admin")).await.refused(403, CHANGE);
    bob.post("/memberships", with("cat@acme.example", "viewer")).await.created();
    let own = json!({"parent": project, "member": guest.user.to_string()});
    assert_eq!(ann.post("/memberships", own).await.created()["access_level"], "editor");
    guest.get(&format!("/projects/{project}")).await.ok();

    let list = format!("/memberships?parent={project}");
    let all = ["Ann Example: admin", "Makers: editor", "Cat Example: viewer", "Gus Guest: editor"];
    assert_eq!(members(&cat.get(&list).await.ok()), all);
    assert_eq!(members(&Json::from(cat.pages(&list, 1).await)), all);
    assert_eq!(members(&cat.get(&format!("{list}&member={}", cat.user)).await.ok()), ["Cat Example: viewer"]);
    // A team that one does not see is nobody; a guest is in no team here.
    assert_eq!(members(&guest.get(&list).await.ok())[1], "?: editor");
    let older = format!("/projects/{project}/project_memberships");
    assert_eq!(members(&cat.get(&older).await.ok()), all);
    assert_eq!(members(&cat.get(&format!("{older}?user=me")).await.ok()), ["Cat Example: viewer"]);
    let parent = cat.get(&format!("{list}&limit=1&opt_fields=parent.name")).await.ok();
    assert_eq!(parent[0]["parent"], json!({"gid": project, "name": "y"}));
    let of_team = format!("/memberships?member={team}&resource_subtype=project_membership");
    assert_eq!(bob.get(&of_team).await.ok()[0]["gid"], json!(gid(&shared)));

    // What is over is over at once.
    assert_eq!(ann.delete(&path).await.json, json!({"data": {}}));
    bob.get(&format!("/projects/{project}")).await.refused(403, "You do not have access to this project.");
    ann.get(&path).await.refused(404, &format!("membership: Unknown object: {}", gid(&shared)));
    let user = ann.user;
    let (home, hidden): (i64, _) = (workspace.parse().unwrap(), "secret");
    let secret = world
        .write(move |call| {
            let secret = team::create_team(call, home, "Secret", hidden)?;
            team::add_member(call, home, secret, user, true)?;
            Ok(secret)
        })
        .await
        .to_string();
    bob.post("/memberships", json!({"parent": project, "member": secret}))
        .await
        .refused(403, "You do not have access to this project.");
    cat.post("/memberships", with(&secret, "viewer")).await.refused(403, "You do not have access to this team.");
    ann.post("/memberships", with(&secret, "viewer")).await.created();
});

both!(nobody_gives_more_than_they_have, small, |small: Small| async move {
    let Small { ann, bob, cat, workspace, .. } = small;
    let data = json!({"workspace": workspace, "name": "Launch", "default_access_level": "commenter"});
    let project = gid(&ann.post("/projects", data).await.created());
    // Everyone sees it; whoever sees it joins it, with what they have.
    let own = |level: &str| json!({"parent": project, "member": "me", "access_level": level});
    bob.post("/memberships", own("editor")).await.refused(403, CHANGE);
    let joined = bob.post("/memberships", json!({"parent": project, "member": "me"})).await.created();
    assert_eq!(joined["access_level"], "commenter");
    let path = format!("/memberships/{}", gid(&joined));
    // The same again is the same membership, and so is its older word for the level.
    assert_eq!(
        gid(&bob.post("/memberships", json!({"parent": project, "member": "me"})).await.created()),
        gid(&joined)
    );
    bob.put(&path, json!({"access_level": "editor"})).await.refused(403, CHANGE);
    assert_eq!(bob.put(&path, json!({"access_level": "viewer"})).await.ok()["access_level"], "viewer");
    let promoted = json!({"parent": project, "member": bob.user.to_string(), "role": "editor"});
    assert_eq!(ann.post("/memberships", promoted).await.created()["access_level"], "editor");
    // An editor changes and puts out who may do as much, and no administrator.
    let all = bob.get(&format!("/memberships?parent={project}")).await.ok();
    let first = format!("/memberships/{}", gid(&all[0]));
    bob.put(&first, json!({"access_level": "viewer"})).await.refused(403, CHANGE);
    bob.delete(&first).await.refused(403, CHANGE);
    cat.delete(&path).await.refused(403, CHANGE);
    ann.put(&format!("/projects/{project}"), json!({"minimum_access_level_for_sharing": "admin"})).await.ok();
    bob.post("/memberships", json!({"parent": project, "member": cat.user.to_string()})).await.refused(403, CHANGE);
    assert_eq!(bob.delete(&path).await.json, json!({"data": {}}));
    assert_eq!(members(&ann.get(&format!("/memberships?parent={project}")).await.ok()), ["Ann Example: admin"]);
});

both!(memberships_are_asked_for_rightly, small, |small: Small| async move {
    let Small { ann, cat, stranger, workspace, team, .. } = small;
    let project = project(&ann, &workspace).await;
    for (query, status, message) in [
        ("".to_owned(), 400, "parent: Missing input".to_owned()),
        (format!("?member={team}"), 400, "resource_subtype: Missing input".to_owned()),
        (
            format!("?member={team}&resource_subtype=goal_membership"),
            400,
            "resource_subtype: Not a recognized value: goal_membership. Use one of: project_membership".to_owned(),
        ),
        (format!("?parent={team}"), 400, format!("parent: Unknown object: {team}")),
        (format!("?parent={project}"), 403, "You do not have access to this project.".to_owned()),
    ] {
        cat.get(&format!("/memberships{query}")).await.refused(status, &message);
    }
    stranger
        .get(&format!("/projects/{project}/project_memberships"))
        .await
        .refused(404, &format!("project: Not a recognized ID: {project}"));
    let sam = stranger.user.to_string();
    for (data, message) in [
        (json!({"member": "me"}), "parent: Missing input".to_owned()),
        (json!({"parent": project}), "member: Missing input".to_owned()),
        (json!({"parent": project, "member": "x"}), "member: Not a user in Organization: x".to_owned()),
        (json!({"parent": project, "member": sam}), format!("member: Not a user in Organization: {sam}")),
        (json!({"parent": project, "member": project}), format!("member: Not a user in Organization: {project}")),
        (
            json!({"parent": project, "member": "me", "access_level": "user"}),
            "access_level: Not a recognized value: user. Use one of: admin, editor, commenter, viewer".to_owned(),
        ),
    ] {
        ann.post("/memberships", data).await.refused(400, &message);
    }
});
