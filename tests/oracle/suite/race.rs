//! What must hold when many do something at once: nothing is lost, nothing is there twice, nothing goes in circles, and
//! nobody gets a 500.

use std::collections::BTreeSet;
use std::future::Future;

use serde_json::{Value as Json, json};
use testkit::{Answer, Client, both, gid};

use crate::small::{Small, small};

/// How many do something at once.
const AT_ONCE: usize = 16;

/// Runs so many at once.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(one: impl Fn(usize) -> F) -> Vec<T> {
    let tasks: Vec<_> = (0..AT_ONCE).map(|number| tokio::spawn(one(number))).collect();
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.expect("no panic"));
    }
    done
}

/// A source of choices for one of those who act at once.
struct Dice(u64);

impl Dice {
    fn new(seed: usize) -> Self {
        Dice(seed as u64 + 1)
    }

    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % most as u64) as usize
    }
}

async fn project(small: &Small, name: &str) -> String {
    gid(&small.ann.post("/projects", json!({"workspace": small.workspace, "name": name})).await.created())
}

async fn sections(client: &Client, project: &str, names: &[&str]) -> Vec<String> {
    let path = format!("/projects/{project}/sections");
    let mut sections = vec![gid(&client.get(&path).await.ok()[0])];
    for name in names {
        sections.push(gid(&client.post(&path, json!({"name": name})).await.created()));
    }
    sections
}

fn gids(list: &Json) -> Vec<String> {
    list.as_array().expect("a list").iter().map(gid).collect()
}

/// Success, or a refusal that says why; with nobody in anybody's way there is no reason for another answer.
#[track_caller]
fn answered(answer: &Answer, allowed: &[u16]) -> bool {
    let status = answer.response.status;
    assert!(status < 300 || allowed.contains(&status), "{}: {}", answer.request, answer.json);
    status < 300
}

both!(tasks_moved_at_once_are_all_there, small, |small: Small| async move {
    let launch = project(&small, "Launch").await;
    let sections = sections(&small.ann, &launch, &["Doing", "Done"]).await;
    let mut tasks = Vec::new();
    for number in 0..12 {
        let data = json!({"projects": [launch], "name": number.to_string()});
        tasks.push(gid(&small.ann.post("/tasks", data).await.created()));
    }
    at_once(|number| {
        let (ann, launch, sections, tasks) = (small.ann.clone(), launch.clone(), sections.clone(), tasks.clone());
        async move {
            let mut dice = Dice::new(number);
            for _ in 0..5 {
                let (moving, anchor) = (&tasks[dice.below(12)], &tasks[dice.below(12)]);
                let section = &sections[dice.below(3)];
                let data = match dice.below(4) {
                    0 => json!({"project": launch, "section": section}),
                    1 => json!({"project": launch, "section": section, "insert_after": null}),
                    2 => json!({"project": launch, "insert_before": anchor}),
                    _ => json!({"project": launch, "insert_after": anchor}),
                };
                // The neighbour may be elsewhere by now.
                answered(&ann.post(&format!("/tasks/{moving}/addProject"), data).await, &[400]);
            }
        }
    })
    .await;
    let all: BTreeSet<String> = tasks.iter().cloned().collect();
    let listed = gids(&small.ann.get(&format!("/projects/{launch}/tasks")).await.ok());
    assert_eq!(listed.len(), 12, "{listed:?}");
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), all);
    // In short pages as well, and section by section.
    let paged = small.ann.pages(&format!("/projects/{launch}/tasks"), 2).await;
    assert_eq!(gids(&Json::from(paged)), listed);
    let mut by_section = Vec::new();
    for section in &sections {
        by_section.extend(gids(&small.ann.get(&format!("/sections/{section}/tasks")).await.ok()));
    }
    assert_eq!(by_section, listed);
    // Whatever happened, the next move does what it says.
    let (moving, anchor) = (&listed[0], &listed[6]);
    let data = json!({"project": launch, "insert_after": anchor});
    small.ann.post(&format!("/tasks/{moving}/addProject"), data).await.ok();
    let after = gids(&small.ann.get(&format!("/projects/{launch}/tasks")).await.ok());
    let at = after.iter().position(|task| task == anchor).unwrap();
    assert_eq!(&after[at + 1], moving);
});

both!(tasks_created_at_once_have_places_of_their_own, small, |small: Small| async move {
    let launch = project(&small, "Launch").await;
    let made = at_once(|number| {
        let (ann, launch) = (small.ann.clone(), launch.clone());
        async move {
            let mut made = Vec::new();
            for part in 0..4 {
                let data = json!({"projects": [launch], "name": format!("{number}.{part}")});
                made.push(gid(&ann.post("/tasks", data).await.created()));
            }
            made
        }
    })
    .await;
    let path = format!("/projects/{launch}/tasks");
    let mut order = gids(&small.ann.get(&path).await.ok());
    let all: BTreeSet<&String> = made.iter().flatten().collect();
    assert_eq!((order.len(), order.iter().collect::<BTreeSet<_>>()), (AT_ONCE * 4, all));
    // One's own tasks stand in the order in which one made them, the latest on top.
    for own in &made {
        let places: Vec<usize> = own.iter().map(|task| order.iter().position(|known| known == task).unwrap()).collect();
        assert!(places.windows(2).all(|pair| pair[0] > pair[1]), "{places:?}");
    }
    // Between any two there is room for a third, also where two took the same rank.
    let moving = order.pop().unwrap();
    for at in 0..order.len() {
        let data = json!({"project": launch, "insert_after": order[at]});
        small.ann.post(&format!("/tasks/{moving}/addProject"), data).await.ok();
        let mut expected = order.clone();
        expected.insert(at + 1, moving.clone());
        assert_eq!(gids(&small.ann.get(&path).await.ok()), expected);
    }
});

both!(subtasks_never_go_in_circles, small, |small: Small| async move {
    let mut tasks = Vec::new();
    for number in 0..6 {
        let data = json!({"workspace": small.workspace, "name": number.to_string()});
        tasks.push(gid(&small.ann.post("/tasks", data).await.created()));
    }
    at_once(|number| {
        let (ann, tasks) = (small.ann.clone(), tasks.clone());
        async move {
            let mut dice = Dice::new(number);
            for _ in 0..5 {
                let (task, parent) = (&tasks[dice.below(6)], &tasks[dice.below(6)]);
                let parent = if dice.below(5) == 0 { Json::Null } else { json!(parent) };
                answered(&ann.post(&format!("/tasks/{task}/setParent"), json!({"parent": parent})).await, &[400]);
            }
        }
    })
    .await;
    for task in &tasks {
        let mut above = task.clone();
        for depth in 0.. {
            assert!(depth <= 5, "{task} is in a circle");
            match small.ann.get(&format!("/tasks/{above}?opt_fields=parent")).await.ok()["parent"]["gid"].as_str() {
                Some(parent) => above = parent.to_owned(),
                None => break,
            }
        }
    }
});

both!(dependencies_never_go_in_circles, small, |small: Small| async move {
    let mut tasks = Vec::new();
    for number in 0..6 {
        let data = json!({"workspace": small.workspace, "name": number.to_string()});
        tasks.push(gid(&small.ann.post("/tasks", data).await.created()));
    }
    at_once(|number| {
        let (ann, tasks) = (small.ann.clone(), tasks.clone());
        async move {
            let mut dice = Dice::new(number);
            for _ in 0..6 {
                let (task, other) = (&tasks[dice.below(6)], &tasks[dice.below(6)]);
                let answer = match dice.below(3) {
                    0 => ann.post(&format!("/tasks/{task}/addDependencies"), json!({"dependencies": [other]})).await,
                    1 => ann.post(&format!("/tasks/{task}/addDependents"), json!({"dependents": [other]})).await,
                    _ => ann.post(&format!("/tasks/{task}/removeDependencies"), json!({"dependencies": [other]})).await,
                };
                answered(&answer, &[400]);
            }
        }
    })
    .await;
    // Take away, again and again, what waits for nothing: in the end nothing is left.
    let mut waits = Vec::new();
    for task in &tasks {
        waits.push((task.clone(), gids(&small.ann.get(&format!("/tasks/{task}/dependencies")).await.ok())));
    }
    while let Some(at) = waits.iter().position(|(_, waits_for)| waits_for.is_empty()) {
        let (done, _) = waits.remove(at);
        waits.iter_mut().for_each(|(_, waits_for)| waits_for.retain(|other| *other != done));
    }
    assert_eq!(waits, []);
});

// Whoever comes late to a task's visibility gets the visibility of its parent, as it is in the end.
both!(subtasks_created_meanwhile_are_seen_by_the_same_people, small, |small: Small| async move {
    for round in 0..4 {
        let data = json!({"workspace": small.workspace, "name": "private", "privacy_setting": "private",
            "members": [small.guest.user.to_string()]});
        let shared = gid(&small.ann.post("/projects", data).await.created());
        let top = gid(&small.ann.post("/tasks", json!({"workspace": small.workspace, "name": "top"})).await.created());
        let middle = gid(&small.ann.post(&format!("/tasks/{top}/subtasks"), json!({"name": "middle"})).await.created());
        let below = at_once(|number| {
            let (ann, shared, top, middle) = (small.ann.clone(), shared.clone(), top.clone(), middle.clone());
            async move {
                if number == round {
                    ann.post(&format!("/tasks/{top}/addProject"), json!({"project": shared})).await.ok();
                }
                if number == round + 4 {
                    ann.post(&format!("/tasks/{top}/removeProject"), json!({"project": shared})).await.ok();
                }
                gid(&ann.post(&format!("/tasks/{middle}/subtasks"), json!({"name": "below"})).await.created())
            }
        })
        .await;
        let seen = small.guest.get(&format!("/tasks/{top}")).await.response.status;
        for task in below.iter().chain([&middle]) {
            let answer = small.guest.get(&format!("/tasks/{task}")).await;
            assert_eq!(answer.response.status, seen, "{}: {}", answer.request, answer.json);
        }
    }
});

both!(one_task_put_into_one_project_at_once_is_in_it_once, small, |small: Small| async move {
    let (launch, party) = (project(&small, "Launch").await, project(&small, "Party").await);
    let sections = sections(&small.ann, &launch, &["Doing", "Done"]).await;
    let task = gid(&small.ann.post("/tasks", json!({"projects": [party], "name": "one"})).await.created());
    for _ in 0..4 {
        at_once(|number| {
            let (ann, launch, party, sections, task) =
                (small.ann.clone(), launch.clone(), party.clone(), sections.clone(), task.clone());
            async move {
                let section = &sections[number % 3];
                let path = format!("/tasks/{task}");
                let answer = match number % 5 {
                    0 => ann.post(&format!("/sections/{section}/addTask"), json!({"task": task})).await,
                    1 => ann.post(&format!("{path}/removeProject"), json!({"project": launch})).await,
                    2 => ann.post(&format!("{path}/addProject"), json!({"project": party})).await,
                    _ => ann.post(&format!("{path}/addProject"), json!({"project": launch, "section": section})).await,
                };
                answered(&answer, &[]);
            }
        })
        .await;
        small.ann.post(&format!("/tasks/{task}/addProject"), json!({"project": launch})).await.ok();
        let listed = gids(&small.ann.get(&format!("/projects/{launch}/tasks")).await.ok());
        assert_eq!(listed, std::slice::from_ref(&task));
        let data = json!({"project": launch});
        small.ann.post(&format!("/tasks/{task}/removeProject"), data).await.ok();
    }
});

both!(a_section_deleted_meanwhile_takes_no_task_with_it, small, |small: Small| async move {
    for _ in 0..4 {
        let launch = project(&small, "Launch").await;
        let sections = sections(&small.ann, &launch, &["A", "B", "C"]).await;
        let made = at_once(|number| {
            let (ann, launch, sections) = (small.ann.clone(), launch.clone(), sections.clone());
            async move {
                let section = &sections[number % 4];
                if number < 4 {
                    answered(&ann.delete(&format!("/sections/{section}")).await, &[400]);
                    return None;
                }
                // With a section, which may be gone, and without.
                let data = match number % 8 < 4 {
                    true => json!({"memberships": [{"project": launch, "section": section}]}),
                    false => json!({"projects": [launch]}),
                };
                let answer = ann.post("/tasks", data).await;
                let allowed: &[u16] = if number % 8 < 4 { &[400] } else { &[] };
                answered(&answer, allowed).then(|| gid(&answer.json["data"]))
            }
        })
        .await;
        let made: BTreeSet<String> = made.into_iter().flatten().collect();
        let listed = gids(&small.ann.get(&format!("/projects/{launch}/tasks")).await.ok());
        assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), made);
        for task in &made {
            let path = format!("/tasks/{task}?opt_fields=memberships.section.name");
            let memberships = small.ann.get(&path).await.ok()["memberships"].clone();
            assert!(memberships[0]["section"]["gid"].is_string(), "{memberships}");
        }
    }
});

both!(a_task_deleted_meanwhile_takes_its_subtasks_with_it, small, |small: Small| async move {
    for round in 0..4 {
        let top = gid(&small.ann.post("/tasks", json!({"workspace": small.workspace, "name": "top"})).await.created());
        let below = at_once(|number| {
            let (ann, top) = (small.ann.clone(), top.clone());
            async move {
                if number == round {
                    ann.delete(&format!("/tasks/{top}")).await.ok();
                    return None;
                }
                let answer = ann.post(&format!("/tasks/{top}/subtasks"), json!({"name": "below"})).await;
                answered(&answer, &[404, 400]).then(|| gid(&answer.json["data"]))
            }
        })
        .await;
        for task in below.iter().flatten() {
            small.ann.get(&format!("/tasks/{task}")).await.refused(404, &format!("task: Unknown object: {task}"));
        }
    }
});

both!(who_stops_being_assignee_and_follower_at_once_is_out, small, |small: Small| async move {
    for _ in 0..4 {
        let guest = small.guest.user.to_string();
        let data = json!({"workspace": small.workspace, "name": "one", "assignee": guest});
        let task = gid(&small.ann.post("/tasks", data).await.created());
        at_once(|number| {
            let (ann, task, guest) = (small.ann.clone(), task.clone(), guest.clone());
            async move {
                let path = format!("/tasks/{task}");
                let answer = match number % 4 {
                    0 => ann.put(&path, json!({"assignee": null})).await,
                    1 => ann.post(&format!("{path}/removeFollowers"), json!({"followers": [guest]})).await,
                    2 => ann.post(&format!("{path}/stories"), json!({"text": "hm"})).await,
                    _ => ann.put(&path, json!({"name": "again", "liked": true})).await,
                };
                answered(&answer, &[]);
            }
        })
        .await;
        small.guest.get(&format!("/tasks/{task}")).await.refused(403, "You do not have access to this task.");
    }
});
