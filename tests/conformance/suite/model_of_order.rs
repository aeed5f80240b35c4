//! Manual order, parents and dependencies against a plain model: whatever is moved wherever, reading it again shows what
//! the model has; nothing ever becomes its own ancestor or waits for itself.

use std::collections::BTreeMap;

use model::Random;
use serde_json::{Value as Json, json};
use testkit::{Client, both, gid};

use crate::world::{Place, has, place};

struct Dice(Random);

impl Dice {
    fn below(&self, most: usize) -> usize {
        (self.0.number() % most.max(1) as u64) as usize
    }
}

async fn read(client: &Client, path: &str) -> Vec<String> {
    client.get(path).await.ok().as_array().unwrap().iter().map(gid).collect()
}

/// Where a move puts something, in the words of one operation.
enum To<'a> {
    Before(&'a str),
    After(&'a str),
}

fn move_in(model: &mut Vec<String>, moving: &str, to: &To<'_>) {
    model.retain(|known| known != moving);
    let at = match to {
        To::Before(other) => model.iter().position(|known| known == other).unwrap(),
        To::After(other) => model.iter().position(|known| known == other).unwrap() + 1,
    };
    model.insert(at, moving.to_owned());
}

/// Moves members of a list about at random and compares; then ever between the same two, until ranks have to be renewed.
async fn try_order(client: &Client, list: &str, moves: usize, ask: impl Fn(&str, &To<'_>) -> (String, Json)) {
    let dice = Dice(Random::seeded(11));
    let mut model = read(client, list).await;
    assert!(model.len() >= 5, "{list} has something to move: {model:?}");
    for turn in 0..moves {
        let (moving, other) = if turn % 3 == 0 {
            (dice.below(model.len()), dice.below(model.len()))
        } else {
            // Into the same gap again and again.
            (model.len() - 1, 1)
        };
        if moving == other {
            continue;
        }
        let (moving, other) = (model[moving].clone(), model[other].clone());
        let to = if dice.below(2) == 0 { To::Before(&other) } else { To::After(&other) };
        let (path, data) = ask(&moving, &to);
        let answer = client.post(&path, data.clone()).await;
        assert_eq!(answer.response.status, 200, "{path} {data}: {}", answer.json);
        move_in(&mut model, &moving, &to);
        if turn % 10 == 0 {
            assert_eq!(read(client, list).await, model, "{list} after {turn} moves");
        }
    }
    assert_eq!(read(client, list).await, model, "{list} in the end");
}

const MOVES: usize = 150;

both!(tasks_stay_where_they_are_put, place, |place: Place| async move {
    let project = json!({"workspace": place.gid("workspace_gid"), "name": "Umbra order"});
    let project = gid(&place.admin.post("/projects", project).await.created());
    for number in 0..8 {
        let data = json!({"name": format!("{number}"), "projects": [project]});
        place.admin.post("/tasks", data).await.created();
    }
    let list = format!("/projects/{project}/tasks");
    try_order(&place.admin, &list, MOVES, |moving, to| {
        let data = match to {
            To::Before(other) => json!({"project": project, "insert_before": other}),
            To::After(other) => json!({"project": project, "insert_after": other}),
        };
        (format!("/tasks/{moving}/addProject"), data)
    })
    .await;
});

both!(sections_stay_where_they_are_put, place, |place: Place| async move {
    let project = place.gid("project_gid").to_owned();
    for number in 0..5 {
        place
            .admin
            .post(&format!("/projects/{project}/sections"), json!({"name": format!("{number}")}))
            .await
            .created();
    }
    try_order(&place.admin, &format!("/projects/{project}/sections"), MOVES, |moving, to| {
        let data = match to {
            To::Before(other) => json!({"section": moving, "before_section": other}),
            To::After(other) => json!({"section": moving, "after_section": other}),
        };
        (format!("/projects/{project}/sections/insert"), data)
    })
    .await;
});

both!(subtasks_stay_where_they_are_put, place, |place: Place| async move {
    let parent = place.gid("first_task").to_owned();
    for number in 0..6 {
        place.admin.post(&format!("/tasks/{parent}/subtasks"), json!({"name": format!("{number}")})).await.created();
    }
    try_order(&place.admin, &format!("/tasks/{parent}/subtasks"), MOVES, |moving, to| {
        let data = match to {
            To::Before(other) => json!({"parent": parent, "insert_before": other}),
            To::After(other) => json!({"parent": parent, "insert_after": other}),
        };
        (format!("/tasks/{moving}/setParent"), data)
    })
    .await;
});

both!(parents_never_make_a_circle, place, |place: Place| async move {
    const DEEPEST: usize = 5;
    let dice = Dice(Random::seeded(5));
    let mut tasks = Vec::new();
    for number in 0..14 {
        let data = json!({"workspace": place.gid("workspace_gid"), "name": format!("{number}")});
        tasks.push(gid(&place.admin.post("/tasks", data).await.created()));
    }
    let mut parents: BTreeMap<String, String> = BTreeMap::new();
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..200 {
        let (task, parent) = (&tasks[dice.below(tasks.len())], &tasks[dice.below(tasks.len())]);
        let parent = if dice.below(8) == 0 { None } else { Some(parent) };
        let answer = place.admin.post(&format!("/tasks/{task}/setParent"), json!({ "parent": parent })).await;
        let fits = parent.is_none_or(|parent| {
            let above = above(&parents, parent);
            let height = tasks.iter().filter_map(|other| above_in(&parents, other, task)).max().unwrap_or(0);
            !above.contains(task) && above.len() + height <= DEEPEST
        });
        assert_eq!(answer.response.status == 200, fits, "{task} below {parent:?}: {}", answer.json);
        if fits {
            accepted += 1;
            match parent {
                Some(parent) => parents.insert(task.clone(), parent.clone()),
                None => parents.remove(task),
            };
        } else {
            refused += 1;
            assert_eq!(answer.response.status, 400, "{}", answer.json);
        }
    }
    assert!(accepted > 20 && refused > 20, "both happen: {accepted} {refused}");
    for task in &tasks {
        let record = place.admin.get(&format!("/tasks/{task}?opt_fields=parent")).await.ok();
        assert_eq!(record["parent"]["gid"].as_str(), parents.get(task).map(String::as_str), "the parent of {task}");
    }
});

/// The task and everything above it.
fn above(parents: &BTreeMap<String, String>, task: &str) -> Vec<String> {
    let mut chain = vec![task.to_owned()];
    while let Some(parent) = parents.get(chain.last().unwrap()) {
        assert!(!chain.contains(parent), "a circle in the model");
        chain.push(parent.clone());
    }
    chain
}

/// How far below `root` the task stands.
fn above_in(parents: &BTreeMap<String, String>, task: &str, root: &str) -> Option<usize> {
    above(parents, task).iter().position(|known| known == root)
}

both!(dependencies_never_make_a_circle, place, |place: Place| async move {
    let dice = Dice(Random::seeded(9));
    let mut tasks = Vec::new();
    for number in 0..9 {
        let data = json!({"workspace": place.gid("workspace_gid"), "name": format!("{number}")});
        tasks.push(gid(&place.admin.post("/tasks", data).await.created()));
    }
    let mut waits: Vec<(usize, usize)> = Vec::new();
    let reaches = |waits: &[(usize, usize)], from: usize, to: usize| {
        let mut seen = vec![from];
        let mut at = 0;
        while at < seen.len() {
            let next: Vec<usize> = waits.iter().filter(|(task, _)| *task == seen[at]).map(|(_, on)| *on).collect();
            for on in next {
                if !seen.contains(&on) {
                    seen.push(on);
                }
            }
            at += 1;
        }
        seen.contains(&to)
    };
    for _ in 0..150 {
        let (task, on) = (dice.below(tasks.len()), dice.below(tasks.len()));
        let (path, data, edge) = if dice.below(2) == 0 {
            (format!("/tasks/{}/addDependencies", tasks[task]), json!({"dependencies": [tasks[on]]}), (task, on))
        } else {
            (format!("/tasks/{}/addDependents", tasks[task]), json!({"dependents": [tasks[on]]}), (on, task))
        };
        if dice.below(4) == 0 {
            let path = path.replace("/add", "/remove");
            place.admin.post(&path, data).await.ok();
            waits.retain(|known| *known != edge);
            continue;
        }
        let answer = place.admin.post(&path, data).await;
        let circle = reaches(&waits, edge.1, edge.0);
        assert_eq!(answer.response.status == 200, !circle, "{path}: {}", answer.json);
        if !circle && !waits.contains(&edge) {
            waits.push(edge);
        }
    }
    for (at, task) in tasks.iter().enumerate() {
        let mut known: Vec<String> =
            waits.iter().filter(|(task, _)| *task == at).map(|(_, on)| tasks[*on].clone()).collect();
        known.sort();
        let mut listed = read(&place.admin, &format!("/tasks/{task}/dependencies")).await;
        listed.sort();
        assert_eq!(listed, known);
    }
});

both!(options_stay_where_they_are_put, place, |place: Place| async move {
    let field = place.gid("custom_field_gid").to_owned();
    for number in 0..5 {
        let data = json!({"name": format!("{number}")});
        let answer = place.admin.post(&format!("/custom_fields/{field}/enum_options"), data).await;
        assert_eq!(answer.response.status, 201, "{}", answer.json);
    }
    assert!(has("insertEnumOptionForCustomField"));
    let dice = Dice(Random::seeded(13));
    let options = || async {
        let record = place.admin.get(&format!("/custom_fields/{field}")).await.ok();
        record["enum_options"].as_array().unwrap().iter().map(gid).collect::<Vec<_>>()
    };
    let mut model = options().await;
    for _ in 0..60 {
        let (moving, other) = (model[dice.below(model.len())].clone(), model[dice.below(model.len())].clone());
        if moving == other {
            continue;
        }
        let (to, name) = if dice.below(2) == 0 {
            (To::Before(&other), "before_enum_option")
        } else {
            (To::After(&other), "after_enum_option")
        };
        let data = json!({"enum_option": moving, name: other});
        place.admin.post(&format!("/custom_fields/{field}/enum_options/insert"), data).await.ok();
        move_in(&mut model, &moving, &to);
        assert_eq!(options().await, model);
    }
});
