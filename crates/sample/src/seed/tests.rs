//! Small organizations of a seed, looked at from below (the rows) and from above (the API).

use engine::Limits;
use model::Random;
use resources::{RESOURCES, missing};
use serde_json::{Value as Json, json};
use store::{Block, Cell, Db, Query, Statement, Type, Type::Bool, Type::Int, Type::Text};
use testkit::{Engine, START, World, both, gid};

use super::table::Tables;
use super::{Progress, Seed, Seeded, seed};
use crate::Error;

async fn world(engine: Engine) -> World {
    World::new(engine, RESOURCES, missing::MISSING, Limits::default()).await
}

async fn fill(db: &Db, options: &Seed) -> Result<Seeded, Error> {
    seed(db, options, START, &Random::seeded(1), |_| {}).await
}

async fn seeded(engine: Engine) -> (World, Seeded) {
    let world = world(engine).await;
    let seeded = fill(&world.api.db, &Seed::of(2_000)).await.expect("is seeded");
    (world, seeded)
}

async fn rows(db: &Db, sql: &str, columns: &[Type]) -> Block {
    let query = Query::new(&Statement::new(sql, columns), Vec::new());
    db.begin_read().await.expect("reads").one(query).await.expect(sql)
}

async fn number(db: &Db, sql: &str) -> i64 {
    rows(db, sql, &[Int]).await.int(0, 0).expect("a number")
}

/// Every table that seeding writes to, row by row in one order.
async fn content(db: &Db) -> Vec<(&'static str, Vec<String>)> {
    let mut tables = Tables::columns();
    tables.extend([
        ("workspaces", vec![("gid", Int), ("name", Text), ("is_organization", Bool), ("created_at", Int)]),
        ("users", vec![("gid", Int), ("name", Text), ("name_folded", Text), ("email", Text), ("created_at", Int)]),
        ("workspace_memberships", vec![("gid", Int), ("user_id", Int), ("is_guest", Bool), ("is_admin", Bool)]),
        ("teams", vec![("gid", Int), ("name", Text), ("visibility", Text)]),
        ("team_memberships", vec![("gid", Int), ("team_id", Int), ("user_id", Int), ("is_admin", Bool)]),
        ("tokens", vec![("gid", Int), ("user_id", Int), ("digest", Type::Bytes)]),
    ]);
    let mut content = Vec::new();
    for (table, columns) in tables {
        let (names, types): (Vec<&str>, Vec<Type>) = columns.into_iter().unzip();
        let order = names[..2].join(", ");
        let block = rows(db, &format!("SELECT {} FROM {table} ORDER BY {order}", names.join(", ")), &types).await;
        let cells = |row: usize| (0..block.width()).map(move |column| (row, column));
        let line = |row: usize| {
            let cells: Vec<Cell<'_>> = cells(row).map(|(row, column)| block.cell(row, column)).collect();
            format!("{cells:?}")
        };
        content.push((table, (0..block.len()).map(line).collect()));
    }
    content
}

#[test]
fn a_seed_always_makes_the_same() {
    testkit::run(async {
        let mut contents = Vec::new();
        for engine in [Engine::Embedded, Engine::Embedded, Engine::Server] {
            let (world, seeded) = seeded(engine).await;
            contents.push((seeded, content(&world.api.db).await));
        }
        let (first, rest) = contents.split_first().expect("three");
        for other in rest {
            assert_eq!(other.0, first.0);
            for ((table, rows), (_, expected)) in other.1.iter().zip(&first.1) {
                assert!(!rows.is_empty(), "{table}");
                assert_eq!(rows.len(), expected.len(), "{table}");
                for (row, expected) in rows.iter().zip(expected) {
                    assert_eq!(row, expected, "{table}");
                }
            }
        }
        let world = world(Engine::Embedded).await;
        let other = Seed { seed: 2, ..Seed::of(2_000) };
        fill(&world.api.db, &other).await.expect("is seeded");
        assert_ne!(content(&world.api.db).await, first.1);
    });
}

#[test]
fn tasks_are_as_various_as_in_life() {
    testkit::run(async {
        let (world, seeded) = seeded(Engine::Embedded).await;
        let db = &world.api.db;
        let count = |what: &'static str| async move { number(db, &format!("SELECT count(*) FROM {what}")).await };
        assert_eq!(count("tasks").await, 2_000);
        let between = |what: &str, found: i64, low: i64, high: i64| {
            assert!((low..=high).contains(&found), "{what}: {found} is not from {low} to {high}");
        };
        between("assigned", count("tasks WHERE assignee_id IS NOT NULL").await, 1_120, 1_280);
        between("due", count("tasks WHERE due_on IS NOT NULL").await, 720, 880);
        between("completed", count("tasks WHERE completed").await, 520, 680);
        between("subtasks", count("tasks WHERE parent_id IS NOT NULL").await, 200, 200);
        let in_two = "(SELECT task_id FROM task_projects GROUP BY task_id HAVING count(*) = 2) AS two";
        between("in two projects", count(in_two).await, 340, 460);
        between("tagged", count("(SELECT DISTINCT task_id FROM task_tags) AS tagged").await, 200, 240);
        between("commented", count("(SELECT DISTINCT target_id FROM stories) AS told").await, 200, 240);
        between("valued", count("(SELECT DISTINCT object_id FROM custom_field_values) AS valued").await, 800, 1_200);
        between("notes", number(db, "SELECT min(length(notes)) FROM tasks").await, 200, 210);
        between("notes", number(db, "SELECT max(length(notes)) FROM tasks").await, 990, 1_024);
        let year = 365 * super::DAY;
        between(
            "oldest",
            number(db, "SELECT min(created_at) FROM tasks").await,
            START - 2 * year,
            START - 3 * year / 2,
        );
        between("newest", number(db, "SELECT max(created_at) FROM tasks").await, START - year / 12, START);
        between("newest", number(db, "SELECT max(modified_at) FROM tasks").await, START - year / 12, START);
        let of = |project: &str| format!("task_projects WHERE project_id = {project}");
        let large = number(db, &format!("SELECT count(*) FROM {}", of(&seeded.large_project))).await;
        let thousand = number(db, &format!("SELECT count(*) FROM {}", of(&seeded.project))).await;
        assert_eq!((large, thousand), (200, 1_000));
        assert_eq!((seeded.guest_tasks.len(), seeded.full_tasks.len()), (10, 10));
    });
}

#[test]
fn every_row_belongs_to_something() {
    testkit::run(async {
        let (world, _) = seeded(Engine::Embedded).await;
        for (orphans, condition) in [
            ("tasks t", "NOT EXISTS (SELECT 1 FROM objects o WHERE o.gid = t.gid AND o.kind = 'task')"),
            ("stories t", "NOT EXISTS (SELECT 1 FROM objects o WHERE o.gid = t.gid AND o.kind = 'story')"),
            ("tasks t", "NOT EXISTS (SELECT 1 FROM task_scopes s WHERE s.task_id = t.gid AND s.scope_id = t.gid)"),
            (
                "task_projects t",
                "NOT EXISTS (SELECT 1 FROM sections s WHERE s.gid = t.section_id AND s.project_id = t.project_id)",
            ),
            (
                "task_projects t",
                "NOT EXISTS (SELECT 1 FROM task_scopes s WHERE s.task_id = t.task_id AND s.scope_id = t.project_id)",
            ),
            // What the parent's scopes are, the subtask's are too.
            (
                "tasks t CROSS JOIN task_scopes s",
                "t.parent_id = s.task_id AND NOT EXISTS (SELECT 1 FROM task_scopes o WHERE o.task_id = t.gid AND o.scope_id = s.scope_id)",
            ),
            (
                "task_followers t",
                "NOT EXISTS (SELECT 1 FROM grants g WHERE g.scope_id = t.task_id AND g.principal_id = t.user_id)",
            ),
            (
                "tasks t",
                "t.assignee_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM task_followers f WHERE f.task_id = t.gid AND f.user_id = t.assignee_id)",
            ),
            (
                "tasks t",
                "t.completed <> (t.completed_at IS NOT NULL) OR t.completed <> (t.completed_by_id IS NOT NULL)",
            ),
            (
                "custom_field_values t",
                "NOT EXISTS (SELECT 1 FROM task_projects p JOIN custom_field_settings s ON s.parent_id = p.project_id WHERE p.task_id = t.object_id AND s.custom_field_id = t.custom_field_id)",
            ),
            ("stories t", "t.created_at > (SELECT k.modified_at FROM tasks k WHERE k.gid = t.target_id)"),
        ] {
            let sql = format!("SELECT count(*) FROM {orphans} WHERE {condition}");
            assert_eq!(number(&world.api.db, &sql).await, 0, "{sql}");
        }
        let deepest = number(
            &world.api.db,
            "WITH RECURSIVE below(gid, depth) AS (SELECT gid, 0 FROM tasks WHERE parent_id IS NULL \
             UNION ALL SELECT c.gid, b.depth + 1 FROM below b CROSS JOIN tasks c WHERE c.parent_id = b.gid) \
             SELECT max(depth) FROM below",
        );
        assert!((2..=5).contains(&deepest.await));
    });
}

both!(an_administrator_reads_what_was_seeded, seeded, |(world, seeded): (World, Seeded)| async move {
    let admin = world.bearer(&seeded.admin_token);
    let path = format!("/tasks/{}", seeded.full_task);
    let task = admin.get(&path).await.ok();
    let length = |field: &str| task[field].as_array().map(Vec::len);
    for (field, expected) in [("memberships", 2), ("projects", 2), ("tags", 3), ("followers", 3), ("custom_fields", 5)]
    {
        assert_eq!(length(field), Some(expected), "{field}");
    }
    assert_eq!(task["notes"].as_str().map(str::len), Some(1_024));
    assert_eq!(task["parent"]["resource_type"], "task");
    for field in task["custom_fields"].as_array().expect("fields") {
        assert!(field["display_value"].is_string(), "{field}");
    }
    let home = json!({"project": seeded.full_task_project, "section": seeded.full_task_section});
    let places = task["memberships"].as_array().expect("places").iter();
    let mut places = places.map(|place| json!({"project": gid(&place["project"]), "section": gid(&place["section"])}));
    assert!(places.any(|place| place == home));

    let tasks = admin.pages(&format!("/projects/{}/tasks", seeded.project), 100).await;
    assert_eq!(tasks.len(), 1_000);
    let tasks = admin.pages(&format!("/tasks?project={}&opt_fields=name", seeded.large_project), 100).await;
    assert_eq!(tasks.len(), 200);
    assert!(tasks.iter().all(|task| task["name"].as_str().is_some_and(|name| name.len() > 5)));
    let stories = admin.get(&format!("{path}/stories")).await.ok();
    assert!(stories.as_array().is_some_and(|stories| !stories.is_empty()));
    assert_eq!(stories[0]["resource_subtype"], "comment_added");
    let fields = admin.get(&format!("/workspaces/{}/custom_fields", seeded.workspace)).await.ok();
    let fields: Vec<String> = fields.as_array().expect("fields").iter().map(gid).collect();
    assert_eq!(fields, seeded.custom_fields);
    let tagged = admin.get(&format!("/tags/{}/tasks?limit=5", seeded.tag)).await.ok();
    assert_eq!(tagged.as_array().map(Vec::len), Some(5));
});

both!(a_guest_sees_ten_tasks, seeded, |(world, seeded): (World, Seeded)| async move {
    let guest = world.bearer(&seeded.guest_token);
    let mine = guest.pages(&format!("/tasks?assignee=me&workspace={}", seeded.workspace), 4).await;
    let mine: Vec<String> = mine.iter().map(gid).collect();
    assert_eq!(mine, seeded.guest_tasks);
    for task in &mine {
        let task = guest.get(&format!("/tasks/{task}?opt_fields=projects,num_subtasks,name")).await.ok();
        assert_eq!((&task["projects"], &task["num_subtasks"]), (&json!([]), &json!(0)));
    }
    let seen = format!(
        "SELECT count(DISTINCT s.task_id) FROM grants g CROSS JOIN task_scopes s \
         WHERE g.principal_id = {} AND s.scope_id = g.scope_id",
        seeded.guest
    );
    assert_eq!(number(&world.api.db, &seen).await, 10);
    guest.get(&format!("/tasks/{}", seeded.full_task)).await.refused(403, "You do not have access to this task.");
    guest
        .get(&format!("/projects/{}/tasks", seeded.project))
        .await
        .refused(403, "You do not have access to this project.");
});

/// The rows that one task has, table by table.
async fn rows_of(db: &Db, task: &str) -> Vec<(&'static str, i64)> {
    let mut counts = Vec::new();
    for (table, column) in [
        ("objects", "gid"),
        ("tasks", "gid"),
        ("task_projects", "task_id"),
        ("task_scopes", "task_id"),
        ("task_followers", "task_id"),
        ("task_tags", "task_id"),
        ("grants", "scope_id"),
        ("custom_field_values", "object_id"),
    ] {
        counts.push((table, number(db, &format!("SELECT count(*) FROM {table} WHERE {column} = {task}")).await));
    }
    counts
}

both!(a_task_made_through_the_api_is_the_same, seeded, |(world, seeded): (World, Seeded)| async move {
    let fields = "?opt_fields=assignee,assigned_by,completed,created_by,custom_fields,due_on,due_at,followers,html_notes,\
                  memberships.(project|section),name,notes,parent,projects,resource_subtype,start_on,tags,workspace";
    for original in &seeded.full_tasks[..5] {
        let admin = world.bearer(&seeded.admin_token);
        let mut expected = admin.get(&format!("/tasks/{original}{fields}")).await.ok();
        let creator = gid(&expected["created_by"]).parse().expect("a gid");
        let gids = |list: &Json| Json::from(list.as_array().expect("a list").iter().map(gid).collect::<Vec<_>>());
        let mut values = serde_json::Map::new();
        for field in expected["custom_fields"].as_array().expect("fields") {
            let value = match field["resource_subtype"].as_str() {
                Some("enum") => field["enum_value"]["gid"].clone(),
                Some("multi_enum") => gids(&field["multi_enum_values"]),
                Some("number") => field["number_value"].clone(),
                Some("date") => field["date_value"].clone(),
                _ => field["text_value"].clone(),
            };
            values.insert(gid(field), value);
        }
        let places = expected["memberships"].as_array().expect("places").iter();
        let places = places.map(|place| json!({"project": gid(&place["project"]), "section": gid(&place["section"])}));
        let mut body = json!({
            "name": expected["name"], "notes": expected["notes"], "parent": gid(&expected["parent"]),
            "completed": expected["completed"], "resource_subtype": expected["resource_subtype"],
            "assignee": expected["assignee"]["gid"], "followers": gids(&expected["followers"]),
            "tags": gids(&expected["tags"]), "memberships": places.collect::<Vec<_>>(), "custom_fields": values,
        });
        for (date, moment) in [("due_on", "due_at"), ("start_on", "start_at")] {
            let name = if expected[moment].is_null() { date } else { moment };
            if !expected[name].is_null() {
                body[name] = expected[name].clone();
            }
        }
        let creator = world.client(creator).await;
        let mut copy = creator.post(&format!("/tasks{fields}"), body).await.created();
        assert_eq!(rows_of(&world.api.db, &gid(&copy)).await, rows_of(&world.api.db, original).await);
        copy["gid"] = Json::Null;
        expected["gid"] = Json::Null;
        assert_eq!(copy, expected);
    }
});

both!(only_an_empty_database_is_seeded, seeded, |(world, _): (World, Seeded)| async move {
    let again = fill(&world.api.db, &Seed::of(1_000)).await;
    assert!(matches!(again, Err(Error::Filled)), "{again:?}");
});

#[test]
fn the_least_organization_has_everything() {
    testkit::run(async {
        let least = Seed { tasks: 100, projects: Some(4), people: Some(4), seed: 3 };
        let world = world(Engine::Embedded).await;
        let (tell, told) = std::sync::mpsc::channel();
        let progress = move |progress: Progress| tell.send(progress).expect("somebody listens");
        let seeded = seed(&world.api.db, &least, START, &Random::seeded(1), progress).await.expect("is seeded");
        assert_eq!(told.iter().last(), Some(Progress { tasks: 100, of: 100 }));
        assert_eq!((seeded.tasks, seeded.guest_tasks.len(), seeded.full_tasks.len()), (100, 10, 1));
        let admin = world.bearer(&seeded.admin_token);
        assert_eq!(
            admin.get(&format!("/tasks/{}", seeded.full_task)).await.ok()["projects"].as_array().map(Vec::len),
            Some(2)
        );
        for (options, message) in [
            (Seed { tasks: 99, ..least.clone() }, "tasks: at least 100, not 99"),
            (Seed { projects: Some(3), ..least.clone() }, "projects: at least 4, not 3"),
            (Seed { people: Some(0), ..least.clone() }, "people: at least 4, not 0"),
        ] {
            assert_eq!(fill(&world.api.db, &options).await.expect_err("is refused").to_string(), message);
        }
    });
}
