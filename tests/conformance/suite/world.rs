//! The organization in which everything is called: one of everything, shared with a few people in every role.

use std::collections::BTreeMap;

use engine::Limits;
use engine::body::Upload;
use model::Level;
use resources::workspace::Role;
use resources::{RESOURCES, favorite, missing, team, user, workspace};
use serde_json::{Value as Json, json};
use testkit::{Client, Engine, World};

use crate::built;

/// Everything in the organization that has a name has this in it: who may see nothing must not see this.
pub const MARK: &str = "Umbra";
/// What only the administrator may see has this in its name instead.
pub const SECRET: &str = "Penumbra";

/// What the organization's custom field for that calls the task, the third of its project.
pub const CUSTOM_ID: &str = "NO-3";

/// The organization.
pub struct Place {
    /// The API.
    pub world: World,
    /// The gids that calls need, by the names of path parameters and some more.
    pub gids: BTreeMap<&'static str, String>,
    /// Created everything.
    pub admin: Client,
    /// An editor of the project.
    pub editor: Client,
    /// A commenter of the project.
    pub commenter: Client,
    /// A viewer of the project.
    pub viewer: Client,
    /// A member of the organization with whom the project is not shared.
    pub member: Client,
    /// A guest of the organization, with whom nothing is shared.
    pub guest: Client,
    /// Someone of another organization.
    pub stranger: Client,
}

impl Place {
    /// A gid by its name.
    pub fn gid(&self, name: &str) -> &str {
        self.gids.get(name).map_or_else(|| panic!("nothing is called {name}"), String::as_str)
    }

    /// Everyone, by what they are.
    pub fn people(&self) -> [(&'static str, &Client); 7] {
        [
            ("admin", &self.admin),
            ("editor", &self.editor),
            ("commenter", &self.commenter),
            ("viewer", &self.viewer),
            ("member", &self.member),
            ("guest", &self.guest),
            ("stranger", &self.stranger),
        ]
    }
}

/// Whether an operation is built.
pub fn has(id: &str) -> bool {
    built::operations().iter().any(|built| built.operation.id == id)
}

/// The organization on a fresh database.
pub async fn place(engine: Engine) -> Place {
    let world = World::new(engine, RESOURCES, missing::MISSING, Limits::default()).await;
    let (workspace, [team, secret], users) = world
        .write(|call| {
            let workspace = workspace::create_workspace(call, "Umbra Works", true)?;
            let elsewhere = workspace::create_workspace(call, "Elsewhere", true)?;
            let team = team::create_team(call, workspace, "Umbra Makers", "public")?;
            let people = [
                ("Umbra Ann", "ann@umbra.example", workspace, Role::Admin),
                ("Umbra Eve", "eve@umbra.example", workspace, Role::Member),
                ("Umbra Cora", "cora@umbra.example", workspace, Role::Member),
                ("Umbra Vic", "vic@umbra.example", workspace, Role::Member),
                ("Umbra Mel", "mel@umbra.example", workspace, Role::Member),
                ("Gus Guest", "gus@guest.example", workspace, Role::Guest),
                ("Sam Stranger", "sam@elsewhere.example", elsewhere, Role::Admin),
            ];
            let mut users = Vec::new();
            for (name, email, place, role) in people {
                let user = user::create_user(call, name, email, None)?;
                workspace::add_member(call, place, user, role)?;
                users.push(user);
            }
            team::add_member(call, workspace, team, users[0], true)?;
            team::add_member(call, workspace, team, users[1], false)?;
            let secret = team::create_team(call, workspace, "Penumbra Team", "secret")?;
            team::add_member(call, workspace, secret, users[0], true)?;
            Ok((workspace, [team, secret], users))
        })
        .await;
    let mut clients = Vec::new();
    for user in &users {
        clients.push(world.client(*user).await);
    }
    let [admin, editor, commenter, viewer, member, guest, stranger] =
        <[Client; 7]>::try_from(clients).unwrap_or_else(|_| panic!("seven people"));
    let mut place = Place { world, gids: BTreeMap::new(), admin, editor, commenter, viewer, member, guest, stranger };
    let names = ["ann", "eve", "cora", "vic", "mel", "gus", "sam"];
    place.gids.extend(names.into_iter().zip(users.iter().map(i64::to_string)));
    place.gids.insert("workspace_gid", workspace.to_string());
    place.gids.insert("team_gid", team.to_string());
    place.gids.insert("secret_team", secret.to_string());
    place.gids.insert("user_gid", users[1].to_string());
    fill(&mut place).await;
    let gids = |names: &[&str]| names.iter().map(|name| place.gid(name).parse().unwrap()).collect::<Vec<i64>>();
    let shared = gids(&["project_gid", "eve", "cora", "vic"]);
    place
        .world
        .write(move |call| {
            for (user, name, level) in [
                (shared[1], "editor", Level::Editor),
                (shared[2], "commenter", Level::Commenter),
                (shared[3], "viewer", Level::Viewer),
            ] {
                call.execute(
                    "UPDATE project_memberships SET access_level = ?3 WHERE project_id = ?1 AND member_id = ?2",
                    &[shared[0].into(), user.into(), name.into()],
                )?;
                workspace::grant(call, shared[0], user, level)?;
            }
            Ok(())
        })
        .await;
    for (name, path) in [
        ("membership_gid", "/memberships?parent=~project_gid&member=~eve"),
        ("project_membership_gid", "/memberships?parent=~project_gid&member=~cora"),
        ("team_membership_gid", "/team_memberships?team=~team_gid&user=~eve"),
        ("workspace_membership_gid", "/workspaces/~workspace_gid/workspace_memberships?user=~eve"),
    ] {
        let path = ["project_gid", "team_gid", "workspace_gid", "eve", "cora"]
            .iter()
            .fold(path.to_owned(), |path, name| path.replace(&format!("~{name}"), place.gid(name)));
        let found = testkit::gid(&place.admin.get(&path).await.ok()[0]);
        place.gids.insert(name, found);
    }
    let [home, ann, project] = ["workspace_gid", "ann", "project_gid"].map(|name| place.gid(name).parse().unwrap());
    place.world.write(move |call| favorite::add_favorite(call, home, ann, "project", project)).await;
    let list = format!("/users/{}/user_task_list?workspace={workspace}", place.gid("eve"));
    let list = testkit::gid(&place.admin.get(&list).await.ok());
    place.gids.insert("user_task_list_gid", list);
    let copy = json!({"name": "Umbra copy", "include": "notes"});
    let copy = place.admin.post(&format!("/tasks/{}/duplicate", place.gid("first_task")), copy).await.created();
    place.gids.insert("job_gid", testkit::gid(&copy));
    place.world.run_jobs().await;
    // Tests that call everything leave what it comes to.
    place.world.leaves_jobs();
    // What comes later is later on the clock too.
    place.world.clock.advance(60_000);
    place
}

async fn made(place: &mut Place, name: &'static str, path: &str, data: Json) -> String {
    let gid = testkit::gid(&place.admin.post(path, data).await.created());
    place.gids.insert(name, gid.clone());
    gid
}

async fn done(place: &Place, path: &str, data: Json) {
    place.admin.post(path, data).await.ok();
}

async fn fill(place: &mut Place) {
    let (workspace, team) = (place.gid("workspace_gid").to_owned(), place.gid("team_gid").to_owned());
    let [eve, cora, vic] = ["eve", "cora", "vic"].map(|name| place.gid(name).to_owned());
    let project = json!({
        "workspace": workspace, "team": team, "name": "Umbra plans", "notes": "Umbra notes", "color": "dark-red",
        "privacy_setting": "private", "due_on": "2026-05-01", "start_on": "2026-03-01", "members": [eve, cora, vic],
    });
    let project = made(place, "project_gid", "/projects", project).await;
    let other = json!({"workspace": workspace, "name": "Penumbra archive", "privacy_setting": "private"});
    let other = made(place, "other_project", "/projects", other).await;
    let sections = format!("/projects/{project}/sections");
    let section = made(place, "section_gid", &sections, json!({"name": "Umbra doing"})).await;
    made(place, "empty_section", &sections, json!({"name": "Umbra empty"})).await;
    let sections = format!("/projects/{other}/sections");
    let hidden = made(place, "hidden_section", &sections, json!({"name": "Penumbra section"})).await;
    let sideline = json!({
        "team": place.gid("secret_team"), "name": "Umbra sideline", "privacy_setting": "private", "members": [eve],
    });
    made(place, "sideline", "/projects", sideline).await;

    for (name, tag) in [("tag_gid", "Umbra urgent"), ("other_tag", "Umbra later"), ("third_tag", "Umbra never")] {
        made(place, name, "/tags", json!({"workspace": workspace, "name": tag, "color": "dark-green"})).await;
    }
    let options = json!([{"name": "Umbra high", "color": "red"}, {"name": "Umbra low"}]);
    for (name, data) in [
        ("text_field", json!({"name": "Umbra text", "resource_subtype": "text"})),
        ("number_field", json!({"name": "Umbra number", "resource_subtype": "number", "precision": 2})),
        ("custom_field_gid", json!({"name": "Umbra enum", "resource_subtype": "enum", "enum_options": options})),
        ("multi_field", json!({"name": "Umbra multi", "resource_subtype": "multi_enum", "enum_options": options})),
        ("date_field", json!({"name": "Umbra date", "resource_subtype": "date"})),
        ("people_field", json!({"name": "Umbra people", "resource_subtype": "people"})),
        ("id_field", json!({"name": "Umbra ID", "resource_subtype": "text", "id_prefix": "NO"})),
        ("spare_field", json!({"name": "Umbra spare", "resource_subtype": "text"})),
        ("secret_field", json!({"name": "Penumbra field", "resource_subtype": "text", "privacy_setting": "private"})),
    ] {
        let mut data = data;
        data["workspace"] = json!(workspace);
        let field = made(place, name, "/custom_fields", data).await;
        if name != "spare_field" && has("addCustomFieldSettingForProject") {
            let data = json!({"custom_field": field, "is_important": true});
            done(place, &format!("/projects/{project}/addCustomFieldSetting"), data).await;
        }
    }
    for (field, names) in
        [("custom_field_gid", ["enum_option_gid", "other_option"]), ("multi_field", ["multi_a", "multi_b"])]
    {
        let options =
            place.admin.get(&format!("/custom_fields/{}", place.gid(field))).await.ok()["enum_options"].clone();
        for (at, name) in names.into_iter().enumerate() {
            place.gids.insert(name, testkit::gid(&options[at]));
        }
    }

    let parent = json!({"projects": [project], "name": "Umbra parent"});
    let parent = made(place, "parent_task", "/tasks", parent).await;
    let first = json!({"projects": [project], "name": "Umbra first"});
    let first = made(place, "first_task", "/tasks", first).await;
    let mut task = json!({
        "memberships": [{"project": project, "section": section}, {"project": other, "section": hidden}],
        "name": "Umbra task", "notes": "Umbra <&> notes", "assignee": eve, "followers": [eve],
        "due_on": "2026-04-01", "start_on": "2026-03-20", "liked": true,
        "tags": [place.gid("tag_gid"), place.gid("other_tag"), place.gid("third_tag")],
        "external": {"gid": "umbra-1", "data": "Umbra data"},
    });
    if has("addCustomFieldSettingForProject") {
        task["custom_fields"] = json!({
            place.gid("text_field"): "Umbra value", place.gid("secret_field"): "Penumbra value", place.gid("number_field"): 12.345,
            place.gid("custom_field_gid"): place.gid("enum_option_gid"),
            place.gid("multi_field"): [place.gid("multi_a"), place.gid("multi_b")],
            place.gid("date_field"): {"date": "2026-04-02"}, place.gid("people_field"): [eve, vic],
        });
    }
    let task = made(place, "task_gid", "/tasks", task).await;
    done(place, &format!("/tasks/{task}/setParent"), json!({"parent": parent})).await;
    done(place, &format!("/tasks/{task}/addDependencies"), json!({"dependencies": [first]})).await;
    let dependent = json!({"projects": [project], "name": "Umbra dependent", "resource_subtype": "milestone"});
    let dependent = made(place, "dependent_task", "/tasks", dependent).await;
    done(place, &format!("/tasks/{task}/addDependents"), json!({"dependents": [dependent]})).await;
    let approval = json!({
        "projects": [project], "name": "Umbra approval", "resource_subtype": "approval", "approval_status": "approved",
        "due_at": "2026-04-03T10:00:00Z",
    });
    made(place, "approval_task", "/tasks", approval).await;
    made(place, "subtask", &format!("/tasks/{task}/subtasks"), json!({"name": "Umbra subtask"})).await;
    made(place, "other_subtask", &format!("/tasks/{task}/subtasks"), json!({"name": "Umbra other subtask"})).await;
    let alone = json!({"workspace": workspace, "name": "Penumbra alone"});
    let alone = made(place, "lonely_task", "/tasks", alone).await;
    let child = json!({"projects": [project], "parent": alone, "name": "Umbra child"});
    let child = made(place, "child_task", "/tasks", child).await;
    done(place, &format!("/tasks/{task}/addDependencies"), json!({"dependencies": [alone]})).await;
    done(place, &format!("/tasks/{child}/addDependents"), json!({"dependents": [alone]})).await;
    if has("createStoryForTask") {
        let stories = format!("/tasks/{task}/stories");
        made(place, "story_gid", &stories, json!({"text": "Umbra comment"})).await;
        made(place, "other_story", &stories, json!({"html_text": "<body>Umbra <b>other</b></body>"})).await;
    }
    let status = json!({"parent": project, "text": "Umbra status", "title": "Umbra week", "status_type": "on_track"});
    let status = made(place, "status_update_gid", "/status_updates", status).await;
    place.gids.insert("project_status_gid", status);
    let [story, host, user, home] =
        ["story_gid", "task_gid", "eve", "workspace_gid"].map(|name| place.gid(name).parse::<i64>().expect("a gid"));
    place
        .world
        .write(move |call| {
            let columns = [
                ("gid", call.gid()?.into()),
                ("workspace_id", home.into()),
                ("host_id", host.into()),
                ("target_id", story.into()),
                ("user_id", user.into()),
                ("emoji", "👍🏽".into()),
                ("emoji_base", "👍".into()),
                ("created_at", call.now.into()),
            ];
            call.insert("reactions", &columns);
            Ok(())
        })
        .await;
    let link = json!({
        "parent": task, "resource_subtype": "external", "name": "Umbra link", "url": "https://umbra.example/first",
    });
    place.admin.post("/attachments", link).await.ok();
    let upload = Upload {
        file: "0123".to_owned(),
        name: "Umbra file.txt".to_owned(),
        content_type: "text/plain".to_owned(),
        size: 5,
    };
    let file = place.admin.upload("/attachments", json!({"parent": task}), upload).await.ok();
    place.gids.insert("attachment_gid", testkit::gid(&file));
    // Changes of every kind, for the stories that the system writes.
    place.admin.put(&format!("/tasks/{task}"), json!({"name": "Umbra task renamed", "completed": true})).await.ok();
    place.admin.put(&format!("/tasks/{task}"), json!({"due_on": "2026-04-05", "notes": "Umbra more"})).await.ok();
    let elsewhere = json!({"project": other});
    done(place, &format!("/tasks/{child}/addProject"), elsewhere.clone()).await;
    done(place, &format!("/tasks/{child}/removeProject"), elsewhere).await;
}
