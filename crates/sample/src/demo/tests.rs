//! The demonstration, looked at through the API.

use engine::Limits;
use model::Random;
use resources::{RESOURCES, missing};
use serde_json::{Value as Json, json};
use store::{Query, Statement, Type};
use testkit::{Client, Engine, START, World, both, gid};

use super::{DAY, Demo, fill, scripts};
use crate::Error;

async fn empty(engine: Engine) -> World {
    World::new(engine, RESOURCES, missing::MISSING, Limits::default()).await
}

async fn filled(engine: Engine) -> (World, Demo) {
    let world = empty(engine).await;
    let demo = fill(&world.api.db, START, &Random::seeded(1)).await.expect("is filled");
    (world, demo)
}

async fn number(world: &World, sql: &str) -> i64 {
    let query = Query::new(&Statement::new(sql, &[Type::Int]), Vec::new());
    let block = world.api.db.begin_read().await.expect("reads").one(query).await.expect(sql);
    block.int(0, 0).expect("a number")
}

fn names(list: &[Json]) -> Vec<&str> {
    list.iter().filter_map(|one| one["name"].as_str()).collect()
}

async fn project(client: &Client, demo: &Demo, name: &str) -> String {
    let projects = client.pages(&format!("/workspaces/{}/projects", demo.workspace), 100).await;
    projects.iter().find(|project| project["name"] == name).map(gid).expect(name)
}

both!(an_organization_is_at_work, filled, |(world, demo): (World, Demo)| async move {
    let mara = world.bearer(&demo.token);
    let me = mara.get("/users/me").await.ok();
    assert_eq!((gid(&me), me["email"].as_str()), (demo.user.clone(), Some("mara@juniperlane.example")));
    assert_eq!(demo.email, "mara@juniperlane.example");
    let workspace = mara.get(&format!("/workspaces/{}", demo.workspace)).await.ok();
    assert_eq!((&workspace["name"], &workspace["is_organization"]), (&json!("Juniper Lane"), &json!(true)));
    let list = |what: &'static str| {
        let (mara, demo) = (mara.clone(), demo.clone());
        async move { mara.pages(&format!("/workspaces/{}/{what}", demo.workspace), 100).await }
    };
    assert_eq!(list("users").await.len(), 12);
    assert_eq!(names(&list("teams").await), ["Marketing", "Operations", "Product"]);
    assert_eq!(list("projects").await.len(), 8);
    assert_eq!(list("custom_fields").await.len(), 11);
    assert_eq!(list("tags").await.len(), 4);
    let tasks = number(&world, "SELECT count(*) FROM tasks").await;
    assert!((280..=320).contains(&tasks), "{tasks}");
    for (what, least) in [
        ("tasks WHERE parent_id IS NOT NULL", 60),
        ("tasks WHERE completed", 90),
        ("tasks WHERE resource_subtype = 'milestone'", 7),
        ("tasks WHERE resource_subtype = 'approval'", 10),
        ("tasks WHERE approval_status = 'rejected'", 1),
        ("stories WHERE type = 'comment'", 60),
        ("stories WHERE resource_subtype = 'section_changed'", 30),
        ("stories WHERE resource_subtype = 'marked_complete'", 90),
        ("task_dependencies", 10),
        ("custom_field_values", 250),
        ("task_likes", 30),
        ("task_tags", 40),
        ("changes", 2_000),
    ] {
        let found = number(&world, &format!("SELECT count(*) FROM {what}")).await;
        assert!(found >= least, "{what}: {found}");
    }
});

both!(a_project_looks_as_written, filled, |(world, demo): (World, Demo)| async move {
    let mara = world.bearer(&demo.token);
    for (_, script) in scripts().expect("can be read") {
        let path = format!("/projects/{}", project(&mara, &demo, script.name).await);
        let sections = mara.pages(&format!("{path}/sections"), 100).await;
        let expected: Vec<&str> = script.sections.iter().map(|section| section.name).collect();
        assert_eq!(names(&sections), expected);
        for (section, shown) in script.sections.iter().zip(&sections) {
            let tasks = mara.pages(&format!("/sections/{}/tasks", gid(shown)), 100).await;
            let expected: Vec<&str> = section.tasks.iter().map(|task| task.name).collect();
            // What stands here beside its own project comes last.
            assert_eq!(names(&tasks)[..expected.len()], expected);
            for (task, shown) in section.tasks.iter().zip(&tasks) {
                let subtasks = mara.pages(&format!("/tasks/{}/subtasks", gid(shown)), 100).await;
                let expected: Vec<&str> = task.subtasks.iter().map(|subtask| subtask.name).collect();
                assert_eq!(names(&subtasks), expected);
            }
        }
        let settings = mara.get(&format!("{path}/custom_field_settings")).await.ok();
        let settings = settings.as_array().expect("a list").iter();
        let settings: Vec<_> = settings.filter_map(|one| one["custom_field"]["name"].as_str()).collect();
        assert_eq!(settings, script.list("fields").collect::<Vec<_>>());
    }
    let launch = project(&mara, &demo, "Dewdrop 2 launch").await;
    let tasks = mara.pages(&format!("/projects/{launch}/tasks?opt_fields=name"), 100).await;
    let of = |name: &str| tasks.iter().find(|task| task["name"] == name).map(gid).expect("a task");
    let sale = mara.get(&format!("/tasks/{}", of("On sale"))).await.ok();
    // 31 days from a Monday.
    assert_eq!((&sale["due_on"], &sale["resource_subtype"]), (&json!("2026-04-02"), &json!("milestone")));
    assert_eq!(mara.get(&format!("/tasks/{}/dependencies", gid(&sale))).await.ok().as_array().map(Vec::len), Some(2));
    let colours = of("Decide on the three colours");
    let stories = mara.get(&format!("/tasks/{colours}/stories?opt_fields=text,created_at,created_by.name")).await.ok();
    let told: Vec<String> = stories
        .as_array()
        .expect("a list")
        .iter()
        .map(|story| format!("{}: {}", story["created_by"]["name"].as_str().unwrap(), story["text"].as_str().unwrap()))
        .collect();
    assert!(told.contains(&"Mara Lindqvist: Plum. The blue looks like a router.".to_owned()), "{told:?}");
    assert!(told.last().is_some_and(|last| last.ends_with("marked this task complete")), "{told:?}");
    let colours = mara.get(&format!("/tasks/{colours}")).await.ok();
    let values: Vec<_> = colours["custom_fields"].as_array().expect("fields").iter().collect();
    assert_eq!(values.iter().map(|field| &field["display_value"]).collect::<Vec<_>>(), ["High", "3.0 days"]);
    assert_eq!((&colours["completed"], &colours["num_likes"]), (&json!(true), &json!(2)));
});

both!(everybody_sees_what_they_should, filled, |(world, demo): (World, Demo)| async move {
    let mara = world.bearer(&demo.token);
    let users = mara.pages(&format!("/workspaces/{}/users", demo.workspace), 100).await;
    let user = |name: &str| users.iter().find(|user| user["name"] == name).map(gid).expect(name);
    let noor = world.client(user("Noor Castellan").parse().expect("a gid")).await;
    let seen = noor.pages(&format!("/workspaces/{}/projects", demo.workspace), 100).await;
    assert_eq!(names(&seen), ["Content calendar"]);
    let owen = world.client(user("Owen Blythe").parse().expect("a gid")).await;
    let seen = owen.pages(&format!("/workspaces/{}/projects", demo.workspace), 100).await;
    assert_eq!(seen.len(), 7);
    assert!(!names(&seen).contains(&"Hiring"));
});

#[test]
fn it_is_fresh_on_every_day_of_the_week() {
    testkit::run(async {
        for day in 0..7 {
            let world = empty(Engine::Embedded).await;
            // Also shortly after midnight, when today has hardly begun.
            let now = START + day * DAY - 9 * 3_600_000;
            fill(&world.api.db, now, &Random::seeded(1)).await.expect("is filled");
            for what in [
                format!("tasks WHERE created_at > {now} OR modified_at > {now} OR completed_at > {now}"),
                format!("stories WHERE created_at > {now}"),
                "tasks WHERE completed_at < created_at OR modified_at < created_at".to_owned(),
                "stories s CROSS JOIN tasks t WHERE t.gid = s.target_id AND s.created_at < t.created_at".to_owned(),
                "tasks t CROSS JOIN tasks p WHERE p.gid = t.parent_id AND t.created_at < p.created_at".to_owned(),
                "task_projects e CROSS JOIN tasks t CROSS JOIN projects p WHERE t.gid = e.task_id \
                 AND p.gid = e.project_id AND t.created_at < p.created_at \
                 AND (SELECT count(*) FROM task_projects o WHERE o.task_id = t.gid) = 1"
                    .to_owned(),
                // What was recorded later happened later.
                "change_sets a CROSS JOIN change_sets b WHERE b.id = a.id + 1 AND b.created_at < a.created_at"
                    .to_owned(),
            ] {
                assert_eq!(number(&world, &format!("SELECT count(*) FROM {what}")).await, 0, "{day}: {what}");
            }
        }
    });
}

#[test]
fn the_same_moment_gives_the_same() {
    testkit::run(async {
        let mut told = Vec::new();
        for _ in 0..2 {
            let (world, demo) = filled(Engine::Embedded).await;
            let mara = world.bearer(&demo.token);
            let launch = project(&mara, &demo, "Dewdrop 2 launch").await;
            let fields = "opt_fields=name,created_at,created_by,assignee,followers,modified_at,custom_fields";
            told.push((demo, mara.pages(&format!("/projects/{launch}/tasks?{fields}"), 100).await));
        }
        assert_eq!(told[0], told[1]);
    });
}

both!(only_an_empty_database_is_filled, filled, |(world, _): (World, Demo)| async move {
    let again = fill(&world.api.db, START, &Random::seeded(1)).await;
    assert!(matches!(again, Err(Error::Filled)), "{again:?}");
    assert_eq!(number(&world, "SELECT count(*) FROM workspaces").await, 1);
});
