use serde_json::{Value as Json, json};
use testkit::{both, gid};

use crate::team;
use crate::world::{Small, small};

fn people(list: &Json) -> Vec<&str> {
    list.as_array().expect("a list").iter().filter_map(|item| item["user"]["name"].as_str()).collect()
}

fn teams(list: &Json) -> Vec<&str> {
    list.as_array().expect("a list").iter().filter_map(|item| item["team"]["name"].as_str()).collect()
}

both!(memberships_of_teams_are_listed, small, |small: Small| async move {
    let Small { bob, cat, guest, stranger, workspace, team, world, .. } = small;
    let (home, user) = (workspace.parse().unwrap(), bob.user);
    world
        .write(move |call| {
            let secret = team::create_team(call, home, "Secret", "secret")?;
            team::add_member(call, home, secret, user, true)
        })
        .await;
    let bob_gid = bob.user.to_string();
    assert_eq!(people(&cat.get(&format!("/teams/{team}/team_memberships")).await.ok()), ["Ann Example", "Bob Example"]);
    assert_eq!(
        people(&Json::from(cat.pages(&format!("/team_memberships?team={team}"), 1).await)),
        ["Ann Example", "Bob Example"]
    );
    let one = cat.get(&format!("/team_memberships?team={team}&user={bob_gid}")).await.ok();
    assert_eq!((people(&one), &one[0]["is_admin"]), (vec!["Bob Example"], &json!(false)));
    assert_eq!(cat.get(&format!("/team_memberships/{}", gid(&one[0]))).await.ok(), one[0]);
    // A secret team is one to others, in every list.
    let of_bob = format!("/users/{bob_gid}/team_memberships?workspace={workspace}");
    assert_eq!(teams(&bob.get(&of_bob).await.ok()), ["Makers", "Secret"]);
    assert_eq!(teams(&cat.get(&of_bob).await.ok()), ["Makers"]);
    assert_eq!(
        teams(&cat.get(&format!("/team_memberships?user=bob@acme.example&workspace={workspace}")).await.ok()),
        ["Makers"]
    );
    let of_bob = format!("/users/{bob_gid}/teams?organization={workspace}");
    assert_eq!(bob.get(&of_bob).await.ok().as_array().map(Vec::len), Some(2));
    assert_eq!(cat.get(&of_bob).await.ok().as_array().map(Vec::len), Some(1));
    let hidden = bob.get(&format!("/team_memberships?user=me&workspace={workspace}")).await.ok();
    let hidden = gid(&hidden[1]);
    cat.get(&format!("/team_memberships/{hidden}"))
        .await
        .refused(403, "You do not have access to this team membership.");
    guest
        .get(&format!("/team_memberships/{}", gid(&one[0])))
        .await
        .refused(403, "You do not have access to this team membership.");
    stranger
        .get(&format!("/team_memberships/{hidden}"))
        .await
        .refused(404, &format!("team_membership: Not a recognized ID: {hidden}"));
    for (query, message) in [
        ("", "You should specify one of team, user + workspace"),
        ("?user=me", "workspace: Missing input"),
        (&format!("?workspace={workspace}"), "user: Missing input"),
        ("?team=x", "team: Not a Long: x"),
        ("?team=12", "team: Unknown object: 12"),
    ] {
        cat.get(&format!("/team_memberships{query}")).await.refused(400, message);
    }
    cat.get(&format!("/users/{bob_gid}/team_memberships")).await.refused(400, "workspace: Missing input");
    cat.get("/users/me/teams").await.refused(400, "organization: Missing input");
});
