//! Custom IDs, through the API, on both databases.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value as Json, json};
use testkit::{Client, both, gid};

use crate::world::{Small, small};

async fn made(client: &Client, path: &str, data: Json) -> String {
    gid(&client.post(path, data).await.created())
}

async fn project(client: &Client, small: &Small) -> String {
    made(client, "/projects", json!({"workspace": small.workspace, "name": "Engines"})).await
}

async fn field(client: &Client, small: &Small, prefix: &str) -> String {
    let data = json!({"workspace": small.workspace, "name": format!("No. {prefix}"), "id_prefix": prefix});
    made(client, "/custom_fields", data).await
}

async fn attach(client: &Client, project: &str, field: &str) {
    client.post(&format!("/projects/{project}/addCustomFieldSetting"), json!({"custom_field": field})).await.ok();
}

/// What a task is called, by each of its fields.
async fn ids(client: &Client, task: &str) -> Vec<String> {
    let read = client.get(&format!("/tasks/{task}?opt_fields=custom_fields.display_value")).await.ok();
    let fields = read["custom_fields"].as_array().unwrap().iter();
    fields.map(|field| field["display_value"].as_str().unwrap_or("none").to_owned()).collect()
}

both!(a_custom_id_reads_as_a_text_that_nobody_writes, small, |small: Small| async move {
    let Small { ann, workspace, .. } = &small;
    let project = project(ann, &small).await;
    let field = field(ann, &small, "ENG").await;
    attach(ann, &project, &field).await;
    let definition = ann.get(&format!("/custom_fields/{field}")).await.ok();
    for (name, value) in [
        ("id_prefix", json!("ENG")),
        ("is_formula_field", json!(false)),
        ("is_value_read_only", json!(true)),
        ("representation_type", json!("custom_id")),
        ("resource_subtype", json!("text")),
        ("type", json!("text")),
    ] {
        assert_eq!(definition[name], value, "{name}");
    }
    let task = ann.post("/tasks", json!({"projects": [project], "name": "Piston"})).await.created();
    let shown = &task["custom_fields"][0];
    for (name, value) in [
        ("display_value", json!("ENG-1")),
        ("text_value", json!("ENG-1")),
        ("is_value_read_only", json!(true)),
        ("representation_type", json!("custom_id")),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    let wanted = format!("/tasks/{}?opt_fields=custom_fields.(id_prefix|html_text_value)", gid(&task));
    assert_eq!(
        ann.get(&wanted).await.ok()["custom_fields"],
        json!([{"gid": field, "html_text_value": "<body>ENG-1</body>", "id_prefix": "ENG"}])
    );
    let message = format!("custom_fields: {field}: Cannot write this property");
    for value in [json!("ENG-7"), json!(null)] {
        ann.put(&format!("/tasks/{}", gid(&task)), json!({"custom_fields": {(&*field): value}}))
            .await
            .refused(400, &message);
        ann.post("/tasks", json!({"projects": [project], "custom_fields": {(&*field): value}}))
            .await
            .refused(400, &message);
    }
    // What was refused has taken no number.
    let next = made(ann, "/tasks", json!({"projects": [project]})).await;
    assert_eq!(ids(ann, &next).await, ["ENG-2"]);
    // Another field is no custom ID, and says so.
    let text =
        ann.post("/custom_fields", json!({"workspace": workspace, "name": "Note", "type": "text"})).await.created();
    assert_eq!((&text["id_prefix"], &text["representation_type"]), (&Json::Null, &json!("text")));
    assert_eq!(text["is_value_read_only"], json!(false));
});

both!(a_task_is_numbered_when_it_comes_in_and_keeps_its_number, small, |small: Small| async move {
    let Small { ann, workspace, .. } = &small;
    let (home, away) = (project(ann, &small).await, project(ann, &small).await);
    let task = |data: Json| async move { made(ann, "/tasks", data).await };
    // Those that are there when the field comes, as they stand: a new task is the first of its section.
    let (second, first) = (task(json!({"projects": [home]})).await, task(json!({"projects": [home]})).await);
    let trash = task(json!({"projects": [home]})).await;
    ann.delete(&format!("/tasks/{trash}")).await.ok();
    let field = field(ann, &small, "H").await;
    attach(ann, &home, &field).await;
    assert_eq!((ids(ann, &first).await, ids(ann, &second).await), (vec!["H-1".to_owned()], vec!["H-2".to_owned()]));
    // Those that come later: made there, added, moved into a section. A subtask is in no project by itself.
    let third = task(json!({"projects": [home], "name": "third"})).await;
    let fourth = task(json!({"workspace": workspace})).await;
    assert_eq!(ids(ann, &fourth).await, [""; 0]);
    ann.post(&format!("/tasks/{fourth}/addProject"), json!({"project": home})).await.ok();
    let fifth = task(json!({"workspace": workspace})).await;
    let section = gid(&ann.get(&format!("/projects/{home}/sections")).await.ok()[0]);
    ann.post(&format!("/sections/{section}/addTask"), json!({"task": fifth})).await.ok();
    let part = gid(&ann.post(&format!("/tasks/{fifth}/subtasks"), json!({})).await.created());
    assert_eq!(ids(ann, &part).await, [""; 0]);
    for (task, id) in [(&third, "H-3"), (&fourth, "H-4"), (&fifth, "H-5")] {
        assert_eq!(ids(ann, task).await, [id]);
        // Moving about in the project changes nothing.
        ann.post(&format!("/tasks/{task}/addProject"), json!({"project": home, "insert_before": null})).await.ok();
        assert_eq!(ids(ann, task).await, [id]);
    }
    // It goes, is not shown, and comes back as what it was; numbers of what is deleted are not given again.
    ann.post(&format!("/tasks/{third}/addProject"), json!({"project": away})).await.ok();
    ann.post(&format!("/tasks/{third}/removeProject"), json!({"project": home})).await.ok();
    assert_eq!(ids(ann, &third).await, [""; 0]);
    ann.delete(&format!("/tasks/{fifth}")).await.ok();
    let sixth = task(json!({"projects": [home]})).await;
    assert_eq!(ids(ann, &sixth).await, ["H-6"]);
    attach(ann, &away, &field).await;
    assert_eq!(ids(ann, &third).await, ["H-3"]);
    ann.post(&format!("/tasks/{third}/addProject"), json!({"project": home})).await.ok();
    assert_eq!(ids(ann, &third).await, ["H-3"]);
    // The field leaves and comes back; who came meanwhile is next.
    ann.post(&format!("/projects/{home}/removeCustomFieldSetting"), json!({"custom_field": field})).await.ok();
    let seventh = task(json!({"projects": [home]})).await;
    assert_eq!(ids(ann, &seventh).await, [""; 0]);
    attach(ann, &home, &field).await;
    assert_eq!((ids(ann, &seventh).await, ids(ann, &first).await), (vec!["H-7".to_owned()], vec!["H-1".to_owned()]));
});

both!(each_field_counts_for_itself, small, |small: Small| async move {
    let Small { ann, .. } = &small;
    let (one, other) = (project(ann, &small).await, project(ann, &small).await);
    let (a, b) = (field(ann, &small, "A").await, field(ann, &small, "B2").await);
    attach(ann, &one, &a).await;
    attach(ann, &one, &b).await;
    attach(ann, &other, &b).await;
    let both = made(ann, "/tasks", json!({"projects": [one]})).await;
    let single = made(ann, "/tasks", json!({"projects": [other]})).await;
    let again = made(ann, "/tasks", json!({"projects": [one, other]})).await;
    assert_eq!(ids(ann, &both).await, ["A-1", "B2-1"]);
    assert_eq!(ids(ann, &single).await, ["B2-2"]);
    assert_eq!(ids(ann, &again).await, ["A-2", "B2-3"]);
});

both!(a_prefix_is_short_and_names_one_field, small, |small: Small| async move {
    let Small { ann, workspace, .. } = &small;
    let project = project(ann, &small).await;
    let eng = field(ann, &small, "ENG").await;
    attach(ann, &project, &eng).await;
    let task = made(ann, "/tasks", json!({"projects": [project]})).await;
    let text = made(ann, "/custom_fields", json!({"workspace": workspace, "name": "T", "type": "text"})).await;
    for (data, message) in [
        (json!({"id_prefix": "eng"}), "id_prefix: Prefix is already taken by another custom field: eng"),
        (json!({"id_prefix": ""}), "id_prefix: Must be letters and digits, and begin with a letter"),
        (json!({"id_prefix": "1A"}), "id_prefix: Must be letters and digits, and begin with a letter"),
        (json!({"id_prefix": "A-B"}), "id_prefix: Must be letters and digits, and begin with a letter"),
        (json!({"id_prefix": "Ä"}), "id_prefix: Must be letters and digits, and begin with a letter"),
        (json!({"id_prefix": "ABCDEFGHIJK"}), "id_prefix: Value is longer than 10 characters"),
        (json!({"id_prefix": "X", "type": "number"}), "id_prefix: Only fields of the type text have it"),
    ] {
        let mut data = data;
        (data["workspace"], data["name"]) = (json!(workspace), json!("New"));
        ann.post("/custom_fields", data).await.refused(400, message);
    }
    let path = format!("/custom_fields/{eng}");
    ann.put(&format!("/custom_fields/{text}"), json!({"id_prefix": "T"}))
        .await
        .refused(400, "id_prefix: Only custom ID fields have it");
    ann.put(&path, json!({"id_prefix": null})).await.refused(400, "id_prefix: A custom ID field needs a prefix");
    // A new prefix is every task's at once, the old one is free.
    let changed = ann.put(&path, json!({"id_prefix": "Motor", "name": "No. Motor"})).await.ok();
    assert_eq!(changed["id_prefix"], "Motor");
    assert_eq!(ids(ann, &task).await, ["Motor-1"]);
    let in_workspace = format!("/workspaces/{workspace}/tasks/custom_id");
    ann.get(&format!("{in_workspace}/ENG-1")).await.refused(404, "task: Not a recognized ID: ENG-1");
    assert_eq!(gid(&ann.get(&format!("{in_workspace}/Motor-1")).await.ok()), task);
    field(ann, &small, "ENG").await;
    // Deleted, it leads nowhere, and its prefix is free too.
    ann.delete(&path).await.ok();
    ann.get(&format!("{in_workspace}/Motor-1")).await.refused(404, "task: Not a recognized ID: Motor-1");
    field(ann, &small, "MOTOR").await;
});

both!(a_task_is_found_by_its_custom_id, small, |small: Small| async move {
    let Small { ann, bob, guest, stranger, workspace, .. } = &small;
    let data = json!({"workspace": workspace, "name": "Secret", "privacy_setting": "private",
        "members": [bob.user.to_string()]});
    let project = made(ann, "/projects", data).await;
    let eng = field(ann, &small, "ENG").await;
    let data = json!({"workspace": workspace, "name": "Own", "id_prefix": "OWN", "privacy_setting": "private"});
    let own = made(ann, "/custom_fields", data).await;
    attach(ann, &project, &eng).await;
    attach(ann, &project, &own).await;
    let task = ann.post("/tasks", json!({"projects": [project], "name": "Piston"})).await.created();
    let path = |id: &str| format!("/workspaces/{workspace}/tasks/custom_id/{id}");
    assert_eq!(ann.get(&path("ENG-1")).await.ok(), task);
    let named = ann.get(&format!("{}?opt_fields=name", path("OWN-1"))).await.ok();
    assert_eq!(named, json!({"gid": gid(&task), "name": "Piston"}));
    assert_eq!(gid(&bob.get(&path("ENG-1")).await.ok()), gid(&task));
    // A field that one does not see leads nowhere, nor does a task.
    bob.get(&path("OWN-1")).await.refused(404, "task: Not a recognized ID: OWN-1");
    guest.get(&path("ENG-1")).await.refused(404, "task: Not a recognized ID: ENG-1");
    stranger.get(&path("ENG-1")).await.refused(404, &format!("workspace: Not a recognized ID: {workspace}"));
    for id in ["ENG-2", "ENG-01", "ENG", "ENG-", "-1", "eng-1", "1", "ENG-1'", "%C3%84-1", "ENG-99999999999999999999"] {
        let text = id.replace("%C3%84", "Ä");
        ann.get(&path(id)).await.refused(404, &format!("task: Not a recognized ID: {text}"));
    }
    ann.get("/workspaces/x/tasks/custom_id/ENG-1").await.refused(400, "workspace: Not a Long: x");
    ann.delete(&format!("/tasks/{}", gid(&task))).await.ok();
    ann.get(&path("ENG-1")).await.refused(404, "task: Not a recognized ID: ENG-1");
});

both!(many_at_once_get_a_number_each, small, |small: Small| async move {
    let Small { ann, bob, .. } = &small;
    let (one, other) = (project(ann, &small).await, project(ann, &small).await);
    let (a, b) = (field(ann, &small, "A").await, field(ann, &small, "B").await);
    for (project, field) in [(&one, &a), (&one, &b), (&other, &b), (&other, &a)] {
        attach(ann, project, field).await;
    }
    let mut writers = Vec::new();
    for number in 0..24 {
        let (client, projects) = match number % 3 {
            0 => (ann.clone(), json!([one])),
            1 => (bob.clone(), json!([other])),
            _ => (ann.clone(), json!([other, one])),
        };
        writers.push(async move {
            // Every fourth is refused at its end.
            let data = match number % 4 {
                3 => json!({"projects": projects, "assignee": "nobody@acme.example"}),
                _ => json!({"projects": projects}),
            };
            let answer = client.post("/tasks", data).await;
            (number % 4 != 3).then(|| gid(&answer.created()))
        });
    }
    let mut seen = BTreeSet::new();
    for task in join_all(writers).await.into_iter().flatten() {
        seen.extend(ids(ann, &task).await);
    }
    let all: BTreeSet<String> = (1..=18).flat_map(|number| [format!("A-{number}"), format!("B-{number}")]).collect();
    assert_eq!(seen, all);
});
