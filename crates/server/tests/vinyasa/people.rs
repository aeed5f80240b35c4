//! People, teams and organizations, from the command line, while the server runs.

use std::fs;

use serde_json::{Value as Json, json};

use crate::process::{Client, Ended, Place, Server, both, json};

#[track_caller]
fn refused(ended: &Ended, code: i32, text: &str) {
    let text = format!("vinyasa: {text}\n");
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(code), "", text.as_str()));
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap_or_default()
}

/// Acme with a running server: Ann administers it, Bob and Cat are members, Gus is a guest.
struct Acme {
    place: Place,
    server: Server,
    workspace: String,
    ann: Client,
    bob: Client,
    bob_gid: String,
    cat_gid: String,
}

impl Acme {
    fn found(place: Place) -> Acme {
        let founded = place.init(&[]);
        let server = place.serve(&[]);
        let add = |email: &str, name: &str, more: &[&str]| {
            let line = [&["admin", "user", "add", "--email", email, "--name", name], more].concat();
            json(&place.line(&line))
        };
        let bob = add("bob@acme.example", "Bob Example", &["--team", "acme"]);
        let cat = add("cat@acme.example", "Cat Example", &["--team", text(&founded["team"])]);
        add("gus@guest.example", "Gus Guest", &["--guest"]);
        Acme {
            workspace: text(&founded["workspace"]).to_owned(),
            ann: server.client(&founded["token"]),
            bob: server.client(&bob["token"]),
            bob_gid: text(&bob["user"]).to_owned(),
            cat_gid: text(&cat["user"]).to_owned(),
            place,
            server,
        }
    }

    fn people(&self) -> Vec<Json> {
        let list = json(&self.place.line(&["admin", "user", "list", "--json"]));
        list.as_array().expect("a list").clone()
    }
}

#[track_caller]
fn gid(answer: &Json) -> String {
    text(&answer["gid"]).to_owned()
}

both!(people_are_listed, |place| {
    let acme = Acme::found(place);
    let people = acme.people();
    let shown: Vec<_> = people
        .iter()
        .map(|row| format!("{} {} {} {}", text(&row["email"]), text(&row["role"]), text(&row["state"]), row["teams"]))
        .collect();
    assert_eq!(
        shown,
        [
            "ann@acme.example admin active [\"Acme\"]",
            "bob@acme.example member active [\"Acme\"]",
            "cat@acme.example member active [\"Acme\"]",
            "gus@guest.example guest active []",
        ]
    );
    let list = acme.place.run(&["admin", "user", "list", "--workspace", "ACME"]).out;
    let lines: Vec<_> = list.lines().collect();
    assert_eq!(lines.len(), 5, "{list}");
    assert!(lines[0].starts_with("GID ") && lines[2].contains("  member  active  Bob Example  Acme"), "{list}");
    acme.server.stop();
});

both!(whoever_leaves_is_let_in_no_more_and_the_work_goes_on, |place| {
    let Acme { place, server, workspace, mut ann, mut bob, bob_gid, cat_gid } = Acme::found(place);
    let task = |client: &mut Client, more: Json| {
        let mut data = json!({"workspace": workspace, "name": "x", "assignee": bob_gid});
        data.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        gid(&client.post("/api/1.0/tasks", &json!({ "data": data })).data())
    };
    let open = task(&mut bob, json!({}));
    let done = task(&mut ann, json!({"completed": true}));
    let teams = ann.get(&format!("/api/1.0/workspaces/{workspace}/teams")).data();
    let project = |client: &mut Client, name: &str, privacy: &str| {
        let data = json!({"data": {"team": teams[0]["gid"], "name": name, "privacy_setting": privacy}});
        gid(&client.post("/api/1.0/projects", &data).data())
    };
    let shared = project(&mut bob, "Shared", "public_to_workspace");
    let private = project(&mut bob, "Private", "private");

    refused(&place.run(&["admin", "user", "deactivate", "nobody@acme.example"]), 1, "no user nobody@acme.example");
    let last = format!("user: The last administrator of workspace {workspace} has to stay");
    refused(&place.run(&["admin", "user", "deactivate", "ann@acme.example"]), 1, &last);
    let line = ["admin", "user", "deactivate", "bob@acme.example", "--reassign-to"];
    refused(&place.run(&[&line[..], &[&bob_gid]].concat()), 1, "reassign_to: Has to be somebody else");
    refused(&place.run(&["admin", "user", "reactivate", &bob_gid]), 1, &format!("{bob_gid} is not deactivated"));
    assert_eq!(bob.get("/api/1.0/users/me").status, 200);

    let gone = json(&place.line(&[&line[..], &["CAT@acme.example"]].concat()));
    assert_eq!(gone, json!({"user": bob_gid, "reassigned": 1, "unassigned": 0, "projects": 2}));
    assert_eq!(bob.get("/api/1.0/users/me").error(), (401, "Not Authorized".to_owned()));
    refused(&place.run(&line[..4]), 1, "bob@acme.example is deactivated already");
    let assignee = |client: &mut Client, task: &str| {
        client.get(&format!("/api/1.0/tasks/{task}?opt_fields=assignee")).data()["assignee"]["gid"].clone()
    };
    let mut cat = server.client(&json!(place.line(&["admin", "token", "create", "--user", &cat_gid, "--label", "x"])));
    assert_eq!(assignee(&mut cat, &open), json!(cat_gid));
    assert_eq!(assignee(&mut ann, &done), json!(bob_gid));
    let path = format!("/api/1.0/tasks/{open}/stories?opt_fields=resource_subtype,created_by.gid");
    let stories = cat.get(&path).data();
    let told = stories.as_array().expect("a list").last().expect("a story");
    assert_eq!((&told["resource_subtype"], &told["created_by"]["gid"]), (&json!("assigned"), &json!(bob_gid)));
    let owner = |client: &mut Client, project: &str| {
        client.get(&format!("/api/1.0/projects/{project}?opt_fields=owner")).data()["owner"]["gid"].clone()
    };
    assert_eq!(owner(&mut cat, &shared), json!(cat_gid));
    assert_eq!(cat.get(&format!("/api/1.0/projects/{private}")).status, 403);
    assert_eq!(ann.get(&format!("/api/1.0/users?workspace={workspace}")).data().as_array().map(Vec::len), Some(3));

    // Nobody gives the person anything to do, or brings the person in again by another way.
    let data = json!({"data": {"workspace": workspace, "name": "x", "assignee": bob_gid}});
    let refusal = format!("assignee: Not a user in Organization: {bob_gid}");
    assert_eq!(ann.post("/api/1.0/tasks", &data).error(), (400, refusal));
    refused(
        &place.run(&["admin", "team", "add", "--team", "Acme", "bob@acme.example"]),
        1,
        "bob@acme.example is deactivated; `vinyasa admin user reactivate bob@acme.example` lets them in again",
    );
    let heir = place.run(&["admin", "user", "deactivate", "gus@guest.example", "--reassign-to", "bob@acme.example"]);
    refused(&heir, 1, "reassign_to: Is deactivated");

    place.line(&["admin", "user", "reactivate", "bob@acme.example"]);
    assert_eq!(bob.get("/api/1.0/users/me").status, 200);
    assert_eq!(bob.get(&format!("/api/1.0/projects/{private}")).status, 200);
    assert_eq!(assignee(&mut bob, &open), json!(cat_gid));
    // Now two administer it, of whom the other may go.
    place.line(&["admin", "user", "add", "--email", "eve@acme.example", "--name", "Eve", "--admin"]);
    let without_heir = json(&place.line(&["admin", "user", "deactivate", "cat@acme.example"]));
    assert_eq!(without_heir["unassigned"], 1);
    assert_eq!(assignee(&mut bob, &open), Json::Null);
    place.line(&["admin", "user", "deactivate", "eve@acme.example"]);
    refused(&place.run(&["admin", "user", "deactivate", "ann@acme.example"]), 1, &last);
    server.stop();
    assert_eq!(place.run(&["doctor"]).code, Some(0), "{}", place.run(&["doctor"]).out);
});

both!(organizations_of_one_server_see_nothing_of_each_other, |place| {
    let Acme { place, server, workspace, mut ann, .. } = Acme::found(place);
    let created = json(&place.line(&["admin", "workspace", "create", "--name", "Juniper Lane"]));
    let lane = text(&created["workspace"]).to_owned();
    let choir = json(&place.line(&[
        "admin",
        "workspace",
        "create",
        "--name",
        "Choir",
        "--no-organization",
        "--admin",
        "ann@acme.example",
    ]));
    assert_eq!(choir.get("team"), None);
    refused(
        &place.run(&["admin", "workspace", "create", "--name", "juniper lane"]),
        1,
        "there is a workspace juniper lane already",
    );
    let which = place.run(&["admin", "user", "list"]);
    assert!(which.code == Some(2) && which.err.starts_with("vinyasa: --workspace GID: which one? "), "{which:?}");
    let list = json(&place.line(&["admin", "workspace", "list", "--json"]));
    let names: Vec<_> = list.as_array().expect("a list").iter().map(|row| text(&row["name"])).collect();
    assert_eq!(names, ["Acme", "Juniper Lane", "Choir"]);
    assert_eq!(place.run(&["admin", "workspace", "list"]).out.lines().count(), 4);
    let in_choir = place.run(&["admin", "team", "create", "--name", "Tenors", "--workspace", "Choir"]);
    let choir = text(&choir["workspace"]);
    refused(&in_choir, 1, &format!("workspace {choir} is no organization: it has no teams"));

    let add = |email: &str, more: &[&str]| {
        let line = ["admin", "user", "add", "--name", "Someone", "--workspace", "Juniper Lane", "--email", email];
        json(&place.line(&[&line[..], more].concat()))
    };
    let mara = add("mara@juniperlane.example", &["--admin", "--team", "Juniper Lane"]);
    let mut mara = server.client(&mara["token"]);
    let hidden = mara.get(&format!("/api/1.0/workspaces/{workspace}"));
    assert_eq!(hidden.error(), (404, format!("workspace: Not a recognized ID: {workspace}")));
    assert_eq!(mara.get("/api/1.0/users").data().as_array().map(Vec::len), Some(1));
    assert_eq!(mara.get("/api/1.0/users/ann@acme.example").status, 404);
    assert_eq!(ann.get(&format!("/api/1.0/workspaces/{lane}/users")).status, 404);
    // A person may be in several.
    let known = add("bob@acme.example", &[]);
    assert_eq!(known.get("token"), None);
    assert_eq!(mara.get("/api/1.0/users").data().as_array().map(Vec::len), Some(2));
    assert_eq!(
        mara.get("/api/1.0/users/bob@acme.example?opt_fields=workspaces").data()["workspaces"].as_array().map(Vec::len),
        Some(1)
    );
    let again =
        place.run(&["admin", "user", "add", "--name", "B", "--workspace", &lane, "--email", "bob@acme.example"]);
    refused(&again, 1, "there is a user bob@acme.example already");
    server.stop();
    assert_eq!(place.run(&["doctor"]).code, Some(0));
});

both!(teams_are_made_and_filled, |place| {
    let Acme { place, server, mut bob, cat_gid, workspace, .. } = Acme::found(place);
    let made = json(&place.line(&["admin", "team", "create", "--name", "Makers", "--visibility", "secret"]));
    refused(&place.run(&["admin", "team", "create", "--name", "makers"]), 1, "there is a team makers already");
    let path = format!("/api/1.0/teams/{}", text(&made["team"]));
    assert_eq!(bob.get(&path).status, 403);
    let add = ["admin", "team", "add", "--team", "MAKERS", "bob@acme.example"];
    let added = json(&place.line(&[&add[..], &[&cat_gid]].concat()));
    assert_eq!(added, json!({"team": made["team"], "added": 2, "unchanged": 0}));
    assert_eq!(bob.get(&path).data()["name"], "Makers");
    assert_eq!(json(&place.line(&add))["unchanged"], 1);
    let list = json(&place.line(&["admin", "team", "list", "--json"]));
    assert_eq!(
        (&list[1]["name"], &list[1]["people"], &list[1]["visibility"]),
        (&json!("Makers"), &json!(2), &json!("secret"))
    );
    assert_eq!(place.run(&["admin", "team", "list"]).out.lines().count(), 3);
    let removed =
        json(&place.line(&["admin", "team", "remove", "--team", "Makers", "bob@acme.example", "ann@acme.example"]));
    assert_eq!(removed, json!({"team": made["team"], "removed": 1, "unchanged": 1}));
    assert_eq!(bob.get(&path).status, 403);
    place.line(&["admin", "workspace", "create", "--name", "Elsewhere"]);
    place.line(&[
        "admin",
        "user",
        "add",
        "--workspace",
        "Elsewhere",
        "--email",
        "sam@elsewhere.example",
        "--name",
        "Sam",
    ]);
    let line = ["admin", "team", "add", "--workspace", "Acme", "--team", "Makers", "sam@elsewhere.example"];
    refused(&place.run(&line), 1, &format!("sam@elsewhere.example is not in workspace {workspace}"));
    let line = ["admin", "team", "remove", "--workspace", "Acme", "--team", "Elsewhere", "sam@elsewhere.example"];
    refused(&place.run(&line), 1, "no team Elsewhere; `vinyasa admin team create` makes one");
    server.stop();
});

#[test]
fn a_password_is_set_from_a_file() {
    let place = Place::embedded();
    place.init(&[]);
    let set = |password: &str| {
        fs::write(place.path("password"), password).expect("writes");
        place.run(&[
            "admin",
            "user",
            "set-password",
            "ann@acme.example",
            "--password-file",
            &place.path("password").display().to_string(),
        ])
    };
    let file = place.path("password").display().to_string();
    refused(&set("Ann@acme.example"), 2, &format!("{file}: password: Must not be the e-mail address"));
    refused(&set("Password1234"), 2, &format!("{file}: password: Is one of those that are guessed first"));
    assert_eq!(set("squid snuggle softly\n").code, Some(0));
    let none = place.run(&["admin", "user", "set-password", "ann@acme.example"]);
    refused(&none, 2, "--password-file FILE, or --ask-password on a terminal: where is the password?");
    refused(&place.run(&["admin", "user", "set-password", "x@y.example"]), 1, "no user x@y.example");
    let people = json(&place.line(&["admin", "user", "list", "--json"]));
    assert_eq!(people[0]["has_password"], true);
    let data = fs::read(place.path("data/vinyasa.db")).expect("a database");
    assert!(!data.windows(20).any(|window| window == b"squid snuggle softly"));
}
