use serde_json::{Value as Json, json};
use testkit::{both, gid};

use crate::world::{Small, small};

fn names(list: &Json) -> Vec<&str> {
    list.as_array().expect("a list").iter().filter_map(|item| item["name"].as_str()).collect()
}

const CHANGE: &str = "You do not have permission to change this team.";

both!(a_team_is_created, small, |small: Small| async move {
    let Small { ann, bob, cat, guest, stranger, workspace, world, .. } = small;
    let data = json!({
        "organization": workspace, "name": "Bakers", "html_description": "<body>We <b>bake</b></body>",
        "visibility": "secret", "member_invite_management_access_level": "only_team_admins"
    });
    let team = bob.post("/teams", data).await.created();
    assert_eq!(
        team,
        json!({
            "gid": gid(&team), "resource_type": "team", "custom_field_settings": [],
            "edit_team_name_or_description_access_level": "all_team_members",
            "edit_team_visibility_or_trash_team_access_level": "all_team_members", "endorsed": false,
            "guest_invite_management_access_level": "all_team_members",
            "join_request_management_access_level": "all_team_members",
            "member_invite_management_access_level": "only_team_admins", "name": "Bakers",
            "organization": {"gid": workspace, "resource_type": "workspace", "name": "Acme"},
            "permalink_url": format!("http://localhost/1/{workspace}/team/{}", gid(&team)),
            "team_content_management_access_level": "no_restriction",
            "team_member_removal_access_level": "all_team_members", "visibility": "secret"
        })
    );
    let path = format!("/teams/{}", gid(&team));
    let words = bob.get(&format!("{path}?opt_fields=description,html_description")).await.ok();
    assert_eq!(words["description"], "We bake");
    assert_eq!(words["html_description"], "<body>We <strong>bake</strong></body>");
    // Its creator administers it, and it is a secret.
    let member = bob.get(&format!("/team_memberships?team={}", gid(&team))).await.ok();
    assert_eq!((&member[0]["user"]["name"], &member[0]["is_admin"]), (&json!("Bob Example"), &json!(true)));
    ann.get(&path).await.refused(403, "You do not have access to this team.");
    assert_eq!(names(&ann.get(&format!("/workspaces/{workspace}/teams")).await.ok()), ["Makers"]);
    assert_eq!(names(&bob.get(&format!("/organizations/{workspace}/teams")).await.ok()), ["Bakers", "Makers"]);
    stranger.get(&path).await.refused(404, &format!("team: Not a recognized ID: {}", gid(&team)));

    let open = cat.post("/teams", json!({"organization": workspace, "name": "Open"})).await.created();
    assert_eq!(open["visibility"], "request_to_join");
    for (data, message) in [
        (json!({"name": "x"}), "organization: Missing input"),
        (json!({"organization": workspace}), "name: Missing input"),
        (json!({"organization": workspace, "name": ""}), "name: Value must not be empty"),
        (
            json!({"organization": workspace, "name": "x", "visibility": "open"}),
            "visibility: Not a recognized value: open. Use one of: secret, request_to_join, public",
        ),
        (
            json!({"organization": workspace, "name": "x", "description": "a", "html_description": "<body>a</body>"}),
            "You may only provide one of description or html_description!",
        ),
        (
            json!({"organization": workspace, "name": "x", "visibility": "public",
                "join_request_management_access_level": "only_team_admins"}),
            "join_request_management_access_level: Only a team whose visibility is request_to_join has this",
        ),
    ] {
        ann.post("/teams", data).await.refused(400, message);
    }
    let data = json!({"organization": workspace, "name": "x"});
    guest.post("/teams", data.clone()).await.refused(403, "You do not have permission to change this workspace.");
    stranger.post("/teams", data).await.refused(400, &format!("organization: Unknown object: {workspace}"));
    bob.post("/teams", json!({"organization": workspace, "name": "x", "endorsed": true})).await.refused(403, CHANGE);
    let user = ann.user;
    let side = world
        .write(move |call| {
            let side = crate::workspace::create_workspace(call, "Side", false)?;
            crate::workspace::add_member(call, side, user, crate::workspace::Role::Admin)?;
            Ok(side)
        })
        .await;
    ann.post("/teams", json!({"organization": side.to_string(), "name": "x"}))
        .await
        .refused(400, &format!("organization: Not an organization: {side}"));
});

both!(a_team_says_who_changes_it, small, |small: Small| async move {
    let Small { ann, bob, cat, guest, workspace, team, .. } = small;
    let path = format!("/teams/{team}");
    // Ann administers it, Bob is in it, Cat only sees it.
    assert_eq!(bob.put(&path, json!({"name": "Doers", "description": "We do"})).await.ok()["name"], "Doers");
    cat.put(&path, json!({"name": "Mine"})).await.refused(403, CHANGE);
    guest.put(&path, json!({"name": "Mine"})).await.refused(403, "You do not have access to this team.");
    bob.put(&path, json!({"team_member_removal_access_level": "only_team_admins"})).await.refused(403, CHANGE);
    let strict = json!({
        "edit_team_name_or_description_access_level": "only_team_admins",
        "edit_team_visibility_or_trash_team_access_level": "only_team_admins",
        "team_content_management_access_level": "only_team_admins", "endorsed": true
    });
    assert_eq!(ann.put(&path, strict).await.ok()["endorsed"], json!(true));
    bob.put(&path, json!({"name": "Mine"})).await.refused(403, CHANGE);
    bob.put(&path, json!({"description": "Mine"})).await.refused(403, CHANGE);
    bob.put(&path, json!({"visibility": "secret"})).await.refused(403, CHANGE);
    bob.put(&path, json!({"endorsed": false})).await.refused(403, CHANGE);
    // What says nothing new is nobody's business.
    bob.put(&path, json!({"name": "Doers", "endorsed": true, "organization": workspace})).await.ok();
    bob.post("/projects", json!({"team": team, "name": "x"})).await.refused(403, CHANGE);
    ann.post("/projects", json!({"team": team, "name": "x"})).await.created();
    ann.put(&path, json!({"organization": team})).await.refused(400, &format!("organization: Unknown object: {team}"));
    let join = json!({"join_request_management_access_level": "only_team_admins"});
    ann.put(&path, join.clone())
        .await
        .refused(400, "join_request_management_access_level: Only a team whose visibility is request_to_join has this");
    // Visibility counts from the next request on.
    ann.put(&path, json!({"visibility": "secret"})).await.ok();
    cat.get(&path).await.refused(403, "You do not have access to this team.");
    ann.put(&path, json!({"visibility": "request_to_join"})).await.ok();
    ann.put(&path, join).await.ok();
    assert_eq!(cat.get(&path).await.ok()["name"], "Doers");
});

both!(people_come_and_go, small, |small: Small| async move {
    let Small { ann, bob, cat, guest, stranger, workspace, team, world } = small;
    let (add, remove) = (format!("/teams/{team}/addUser"), format!("/teams/{team}/removeUser"));
    let me = json!({"user": "me"});
    let gus = json!({"user": guest.user.to_string()});
    // Whoever sees a public team joins it alone, and brings nobody before.
    cat.post(&add, gus.clone()).await.refused(403, CHANGE);
    let joined = cat.post(&add, me.clone()).await.ok();
    assert_eq!(
        joined,
        json!({
            "gid": gid(&joined), "resource_type": "team_membership", "is_admin": false, "is_guest": false,
            "is_limited_access": false, "team": {"gid": team, "resource_type": "team", "name": "Makers"},
            "user": {"gid": cat.user.to_string(), "resource_type": "user", "name": "Cat Example"}
        })
    );
    assert_eq!(gid(&cat.post(&add, me.clone()).await.ok()), gid(&joined));
    guest.get(&format!("/teams/{team}")).await.refused(403, "You do not have access to this team.");
    assert_eq!(cat.post(&add, gus.clone()).await.ok()["is_guest"], json!(true));
    assert_eq!(names(&guest.get(&format!("/users/me/teams?organization={workspace}")).await.ok()), ["Makers"]);
    let sam = stranger.user.to_string();
    ann.post(&add, json!({"user": sam})).await.refused(400, &format!("user: Not a user in Organization: {sam}"));
    ann.post(&add, json!({})).await.refused(400, "user: Missing input");

    // The settings say who brings and who removes.
    let strict = json!({
        "guest_invite_management_access_level": "only_team_admins", "team_member_removal_access_level": "only_team_admins"
    });
    ann.put(&format!("/teams/{team}"), strict).await.ok();
    assert_eq!(guest.post(&remove, me.clone()).await.json, json!({"data": {}}));
    cat.post(&add, gus.clone()).await.refused(403, CHANGE);
    cat.post(&remove, json!({"user": "bob@acme.example"})).await.refused(403, CHANGE);
    ann.post(&add, gus.clone()).await.ok();
    ann.post(&remove, gus.clone()).await.ok();
    ann.post(&remove, gus).await.refused(400, &format!("user: Not a member of the team: {}", guest.user));
    bob.post(&remove, me.clone()).await.ok();
    assert_eq!(names(&ann.get(&format!("/teams/{team}/users")).await.ok()), ["Ann Example", "Cat Example"]);
    // One asks to join the others, which nobody answers yet.
    ann.put(&format!("/teams/{team}"), json!({"visibility": "request_to_join"})).await.ok();
    bob.post(&add, me).await.refused(403, CHANGE);

    let (team, changes): (i64, _) = (
        team.parse().unwrap(),
        "SELECT count(*) FROM changes c JOIN change_routes r \
        ON r.set_id = c.set_id WHERE r.container_id = ?1 AND c.kind = 'team_membership' AND c.action = 'deleted'",
    );
    assert_eq!(world.write(move |call| call.number(changes, &[team.into()])).await, Some(3));
});
