//! Paging while the list changes: what stays where it is comes exactly once.

use std::collections::BTreeMap;

use model::Random;
use serde_json::json;
use testkit::{both, gid};

use crate::world::{Place, place};

both!(what_stays_comes_once, place, |place: Place| async move {
    let project = json!({"workspace": place.gid("workspace_gid"), "name": "Umbra pages"});
    let project = gid(&place.admin.post("/projects", project).await.created());
    let mut sections = vec![gid(&place.admin.get(&format!("/projects/{project}/sections")).await.ok()[0])];
    for number in 0..4 {
        let data = json!({"name": format!("section {number}")});
        sections.push(gid(&place.admin.post(&format!("/projects/{project}/sections"), data).await.created()));
    }
    let (mut stay, mut move_about) = (Vec::new(), Vec::new());
    for number in 0..60 {
        let section = &sections[number % 3];
        let data = json!({"name": format!("task {number}"), "memberships": [{"project": project, "section": section}]});
        let task = gid(&place.admin.post("/tasks", data).await.created());
        if number % 2 == 0 { stay.push(task) } else { move_about.push(task) }
    }
    let random = Random::seeded(3);
    let below = |most: usize| (random.number() % most as u64) as usize;
    for round in 0..4 {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut next = Some(format!("/projects/{project}/tasks?limit={}", 3 + round));
        while let Some(path) = next {
            let answer = place.admin.get(&path).await;
            for task in answer.ok().as_array().unwrap() {
                *seen.entry(gid(task)).or_default() += 1;
            }
            next = answer.json["next_page"]["path"].as_str().map(str::to_owned);
            // Between two pages: move some, add some, delete some.
            for _ in 0..3 {
                let task = move_about[below(move_about.len())].clone();
                let data = match below(3) {
                    0 => json!({"project": project, "section": sections[below(sections.len())]}),
                    1 => json!({"project": project, "insert_before": stay[below(stay.len())]}),
                    _ => json!({"project": project, "insert_after": stay[below(stay.len())]}),
                };
                place.admin.post(&format!("/tasks/{task}/addProject"), data).await.ok();
            }
            let data = json!({"name": "new", "projects": [project]});
            move_about.push(gid(&place.admin.post("/tasks", data).await.created()));
            if below(2) == 0 {
                let gone = move_about.swap_remove(below(move_about.len()));
                place.admin.delete(&format!("/tasks/{gone}")).await.ok();
            }
        }
        for task in &stay {
            assert_eq!(seen.get(task), Some(&1), "round {round}: a task that stayed came once");
        }
    }
});

both!(pages_join_to_the_whole_list, place, |place: Place| async move {
    for number in 0..23 {
        let data = json!({"projects": [place.gid("project_gid")], "name": format!("{number}"), "assignee": "me"});
        place.admin.post("/tasks", data).await.created();
    }
    let lists = [
        format!("/projects/{}/tasks", place.gid("project_gid")),
        format!("/tasks?project={}", place.gid("project_gid")),
        format!("/tasks?assignee=me&workspace={}", place.gid("workspace_gid")),
        format!("/workspaces/{}/users", place.gid("workspace_gid")),
        format!("/users?workspace={}", place.gid("workspace_gid")),
        format!("/projects?workspace={}", place.gid("workspace_gid")),
        format!("/workspaces/{}/custom_fields", place.gid("workspace_gid")),
        format!("/projects/{}/sections", place.gid("project_gid")),
        format!("/tasks/{}/subtasks", place.gid("task_gid")),
        format!("/workspaces/{}/tags", place.gid("workspace_gid")),
    ];
    for path in lists {
        let whole = place.admin.get(&path).await;
        assert!(whole.json.get("next_page").is_none(), "{path} without limit has no next_page");
        for limit in [1, 2, 7, 100] {
            let pages = place.admin.pages(&path, limit).await;
            assert_eq!(whole.ok().as_array(), Some(&pages), "{path} in pages of {limit}");
        }
    }
});
