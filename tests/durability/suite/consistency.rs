//! The rules that say that nothing is half-written: a world at work keeps them, and each kind of damage breaks one.

use engine::Limits;
use model::Random;
use resources::{RESOURCES, missing};
use store::{Db, Statement};
use testkit::consistency::{ties, violations};
use testkit::{Engine, START, World};

async fn demonstration(engine: Engine) -> World {
    let world = World::new(engine, RESOURCES, missing::MISSING, Limits::default()).await;
    sample::demo::fill(&world.api.db, START, &Random::seeded(1)).await.expect("is filled");
    world
}

async fn damage(db: &Db, sql: &'static str) {
    let done = db.write(move |write| write.execute(&Statement::new(sql, &[]), &[])).await;
    assert!(done.expect(sql) > 0, "{sql}");
}

/// What is done behind everybody's back, and what is found.
const DAMAGES: &[(&str, &str)] = &[
    ("DELETE FROM objects WHERE gid = (SELECT min(gid) FROM tasks)", "a row of tasks is no object"),
    ("UPDATE objects SET kind = 'tag' WHERE gid = (SELECT min(gid) FROM sections)", "a row of sections is no object"),
    ("DELETE FROM stories WHERE gid = (SELECT max(gid) FROM stories)", "a story has no row"),
    ("UPDATE tasks SET deleted_at = 1 WHERE gid = (SELECT min(gid) FROM tasks)", "not in the trash together"),
    (
        "UPDATE tasks SET assignee_id = 17 WHERE gid = (SELECT min(gid) FROM tasks)",
        "assignee_id of tasks leads nowhere",
    ),
    (
        "DELETE FROM sections WHERE gid = (SELECT min(section_id) FROM task_projects)",
        "section_id of task_projects leads",
    ),
    (
        "UPDATE task_projects SET section_id = (SELECT max(gid) FROM sections) \
         WHERE section_id = (SELECT min(section_id) FROM task_projects)",
        "a section of another project",
    ),
    ("UPDATE task_projects SET rank = 'a0'", "two tasks stand at the same place"),
    ("UPDATE tasks SET rank = 'a0'", "two subtasks stand at the same place"),
    ("UPDATE sections SET rank = 'a0'", "two sections stand at the same place"),
    ("DELETE FROM task_scopes WHERE task_id = (SELECT min(gid) FROM tasks)", "a task is not a scope of itself"),
    (
        "DELETE FROM task_scopes WHERE scope_id = (SELECT min(project_id) FROM task_projects)",
        "a task's project is not its scope",
    ),
    (
        "DELETE FROM task_scopes WHERE task_id <> scope_id AND task_id IN (SELECT gid FROM tasks WHERE parent_id IS NOT NULL)",
        "a subtask lacks a scope of its parent",
    ),
    ("INSERT INTO task_scopes (task_id, scope_id) SELECT min(gid), 17 FROM tasks", "a task has a scope from nowhere"),
    ("DELETE FROM grants WHERE scope_id IN (SELECT gid FROM tasks)", "an assignee has no grant"),
    ("DELETE FROM task_followers", "is neither the assignee's nor a follower's"),
    ("DELETE FROM grants WHERE scope_id IN (SELECT gid FROM projects)", "a member of a project has no grant"),
    ("UPDATE tasks SET completed = TRUE", "a task is complete and does not say when"),
    (
        "UPDATE tasks SET parent_id = gid WHERE gid = (SELECT min(gid) FROM tasks WHERE parent_id IS NOT NULL)",
        "a task is its own ancestor",
    ),
    ("DELETE FROM changes WHERE kind = 'task' AND action = 'added'", "an object appeared and no change tells"),
    ("DELETE FROM changes", "a route leads from no change"),
    ("DELETE FROM change_routes", "a change is not heard where it happened"),
    ("DELETE FROM custom_field_values", "value_id of custom_field_value_items leads nowhere"),
    ("UPDATE custom_field_values SET custom_id = CAST(gid AS TEXT)", "a custom ID is not its field's to give"),
    ("UPDATE gid_blocks SET next = 4503599627370496", "a gid will be given again"),
];

#[test]
fn every_damage_is_found() {
    testkit::run(find(Engine::Embedded, 1));
}

/// The same rules on a server, where it takes long to put everything back: some of the damages.
#[test]
fn damages_are_found_on_a_server() {
    testkit::run(find(Engine::Server, 6));
}

async fn find(engine: Engine, every: usize) {
    let world = demonstration(engine).await;
    let db = &world.api.db;
    assert_eq!(violations(db).await, Vec::<String>::new(), "the demonstration");
    assert_eq!(ties(db).await, Vec::<String>::new(), "the demonstration");
    let whole = db.snapshot().await.expect("a snapshot");
    for (sql, found) in DAMAGES.iter().step_by(every) {
        damage(db, sql).await;
        let violations = [violations(db).await, ties(db).await].concat();
        assert!(violations.iter().any(|violation| violation.contains(found)), "{sql}: {violations:?}");
        db.restore(&whole).await.expect("is restored");
    }
    assert_eq!(violations(db).await, Vec::<String>::new(), "restored");
}
