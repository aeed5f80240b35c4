//! What has to hold of the stored data at any moment, read directly from the database. Each check is a query of what is
//! wrong, or a comparison with a slow computation of its own.

use std::collections::{BTreeMap, BTreeSet};

use engine::Api;
use store::{Query, Statement, Type};

/// Queries that find nothing; what they find is wrong.
const NOTHING: &[(&str, &str)] = &[
    (
        "a task is in a section of another project",
        "SELECT e.task_id FROM task_projects e LEFT JOIN sections s ON s.gid = e.section_id \
         WHERE s.project_id IS NULL OR s.project_id <> e.project_id",
    ),
    (
        "a task is in a project of another workspace",
        "SELECT e.task_id FROM task_projects e JOIN tasks t ON t.gid = e.task_id JOIN projects p ON p.gid = e.project_id \
         WHERE p.workspace_id <> t.workspace_id",
    ),
    (
        "a task and its parent are of two workspaces",
        "SELECT t.gid FROM tasks t JOIN tasks p ON p.gid = t.parent_id WHERE p.workspace_id <> t.workspace_id",
    ),
    (
        "a task is there below one in the trash",
        "SELECT t.gid FROM tasks t JOIN tasks p ON p.gid = t.parent_id \
         WHERE t.deleted_at IS NULL AND p.deleted_at IS NOT NULL",
    ),
    (
        "completed and completed_at disagree",
        "SELECT gid FROM tasks WHERE completed <> (completed_at IS NOT NULL) OR completed <> (completed_by_id IS NOT NULL)",
    ),
    (
        "approval status and completion disagree",
        "SELECT gid FROM tasks WHERE resource_subtype = 'approval' \
         AND (approval_status IS NULL OR completed <> (approval_status <> 'pending'))",
    ),
    ("a start without an end", "SELECT gid FROM tasks WHERE start_on IS NOT NULL AND due_on IS NULL"),
    ("a moment without its date", "SELECT gid FROM tasks WHERE due_at IS NOT NULL AND due_on IS NULL"),
    ("a subtask without rank", "SELECT gid FROM tasks WHERE parent_id IS NOT NULL AND rank = ''"),
    (
        "two things have one rank",
        "SELECT count(*) FROM sections GROUP BY project_id, rank HAVING count(*) > 1 \
         UNION ALL SELECT count(*) FROM tasks WHERE parent_id IS NOT NULL GROUP BY parent_id, rank HAVING count(*) > 1 \
         UNION ALL SELECT count(*) FROM enum_options GROUP BY custom_field_id, rank HAVING count(*) > 1 \
         UNION ALL SELECT count(*) FROM custom_field_settings GROUP BY parent_id, rank HAVING count(*) > 1",
    ),
    (
        "a project without sections",
        "SELECT p.gid FROM projects p WHERE NOT EXISTS (SELECT 1 FROM sections s WHERE s.project_id = p.gid)",
    ),
    (
        "an object that the list of objects does not know, or knows otherwise",
        "SELECT t.gid FROM tasks t LEFT JOIN objects o ON o.gid = t.gid WHERE o.kind IS NULL OR o.kind <> 'task' \
           OR o.workspace_id <> t.workspace_id OR (o.deleted_at IS NULL) <> (t.deleted_at IS NULL) \
         UNION ALL SELECT t.gid FROM projects t LEFT JOIN objects o ON o.gid = t.gid WHERE o.kind IS NULL \
           OR o.kind <> 'project' OR o.workspace_id <> t.workspace_id OR (o.deleted_at IS NULL) <> (t.deleted_at IS NULL) \
         UNION ALL SELECT t.gid FROM custom_fields t LEFT JOIN objects o ON o.gid = t.gid WHERE o.kind IS NULL \
           OR o.kind <> 'custom_field' OR (o.deleted_at IS NULL) <> (t.deleted_at IS NULL) \
         UNION ALL SELECT t.gid FROM sections t LEFT JOIN objects o ON o.gid = t.gid WHERE o.kind IS NULL \
           OR o.kind <> 'section' OR o.deleted_at IS NOT NULL \
         UNION ALL SELECT t.gid FROM stories t LEFT JOIN objects o ON o.gid = t.gid WHERE o.kind IS NULL \
           OR o.kind <> 'story' OR o.deleted_at IS NOT NULL \
         UNION ALL SELECT t.gid FROM tags t LEFT JOIN objects o ON o.gid = t.gid WHERE o.kind IS NULL \
           OR o.kind <> 'tag' OR (o.deleted_at IS NULL) <> (t.deleted_at IS NULL)",
    ),
    (
        "the list of objects knows what is not there",
        "SELECT o.gid FROM objects o WHERE o.deleted_at IS NULL AND ( \
           (o.kind = 'task' AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.gid = o.gid)) \
           OR (o.kind = 'section' AND NOT EXISTS (SELECT 1 FROM sections t WHERE t.gid = o.gid)) \
           OR (o.kind = 'story' AND NOT EXISTS (SELECT 1 FROM stories t WHERE t.gid = o.gid)) \
           OR (o.kind = 'tag' AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.gid = o.gid)))",
    ),
    (
        "a row about something that is not there",
        "SELECT x.task_id FROM task_tags x WHERE NOT EXISTS (SELECT 1 FROM tags t WHERE t.gid = x.tag_id) \
         UNION ALL SELECT x.task_id FROM task_followers x WHERE NOT EXISTS (SELECT 1 FROM tasks t WHERE t.gid = x.task_id) \
         UNION ALL SELECT x.gid FROM stories x WHERE NOT EXISTS (SELECT 1 FROM tasks t WHERE t.gid = x.target_id) \
         UNION ALL SELECT x.story_id FROM story_likes x WHERE NOT EXISTS (SELECT 1 FROM stories t WHERE t.gid = x.story_id) \
         UNION ALL SELECT x.value_id FROM custom_field_value_items x \
           WHERE NOT EXISTS (SELECT 1 FROM custom_field_values t WHERE t.gid = x.value_id)",
    ),
    (
        "an enum value that is no option of its field",
        "SELECT v.gid FROM custom_field_values v JOIN enum_options o ON o.gid = v.enum_option_id \
         WHERE o.custom_field_id <> v.custom_field_id",
    ),
    ("a task waits for itself", "SELECT task_id FROM task_dependencies WHERE task_id = depends_on_id"),
    (
        "a change that is not heard at its object",
        "SELECT c.object_id FROM changes c WHERE c.kind <> 'story' AND NOT EXISTS (SELECT 1 FROM change_routes r \
         WHERE r.set_id = c.set_id AND r.container_id = c.object_id)",
    ),
    (
        "a change of the wrong kind or workspace",
        "SELECT c.object_id FROM changes c JOIN change_sets s ON s.id = c.set_id LEFT JOIN objects o ON o.gid = c.object_id \
         WHERE o.kind IS NULL OR o.kind <> c.kind OR o.workspace_id <> s.workspace_id",
    ),
    (
        "somebody of another workspace follows, is assigned or is a member",
        "SELECT t.gid FROM tasks t WHERE t.assignee_id IS NOT NULL AND NOT t.completed AND NOT EXISTS (SELECT 1 \
           FROM workspace_memberships m WHERE m.user_id = t.assignee_id AND m.workspace_id = t.workspace_id) \
         UNION ALL SELECT x.task_id FROM task_followers x JOIN tasks t ON t.gid = x.task_id WHERE NOT EXISTS \
           (SELECT 1 FROM workspace_memberships m WHERE m.user_id = x.user_id AND m.workspace_id = t.workspace_id)",
    ),
    (
        "an assignee or follower who may not see the task, or somebody else who may",
        "SELECT t.gid FROM tasks t JOIN workspace_memberships m ON m.user_id = t.assignee_id \
             AND m.workspace_id = t.workspace_id \
           WHERE NOT EXISTS (SELECT 1 FROM grants g WHERE g.scope_id = t.gid AND g.principal_id = t.assignee_id) \
         UNION ALL SELECT x.task_id FROM task_followers x \
           WHERE NOT EXISTS (SELECT 1 FROM grants g WHERE g.scope_id = x.task_id AND g.principal_id = x.user_id) \
         UNION ALL SELECT g.scope_id FROM grants g JOIN tasks t ON t.gid = g.scope_id \
           WHERE (t.assignee_id IS NULL OR t.assignee_id <> g.principal_id) \
           AND NOT EXISTS (SELECT 1 FROM task_followers x WHERE x.task_id = t.gid AND x.user_id = g.principal_id)",
    ),
    (
        "a grant on something in a workspace that the person does not belong to",
        "SELECT g.scope_id FROM grants g JOIN users u ON u.gid = g.principal_id JOIN objects o ON o.gid = g.scope_id \
         WHERE NOT EXISTS (SELECT 1 FROM workspace_memberships m WHERE m.user_id = u.gid AND m.workspace_id = o.workspace_id)",
    ),
    (
        "a member of a team or a project who is not of the workspace",
        "SELECT x.gid FROM team_memberships x WHERE NOT EXISTS (SELECT 1 FROM workspace_memberships m \
           WHERE m.user_id = x.user_id AND m.workspace_id = x.workspace_id) \
         UNION ALL SELECT x.gid FROM project_memberships x JOIN users u ON u.gid = x.member_id WHERE NOT EXISTS \
           (SELECT 1 FROM workspace_memberships m WHERE m.user_id = u.gid AND m.workspace_id = x.workspace_id)",
    ),
    (
        "a task is not in the list of its assignee, or in another",
        "SELECT t.gid FROM tasks t LEFT JOIN user_task_list_tasks e ON e.task_id = t.gid \
           LEFT JOIN sections s ON s.gid = e.section_id LEFT JOIN user_task_lists l ON l.gid = s.project_id \
           LEFT JOIN workspace_memberships m ON m.user_id = t.assignee_id AND m.workspace_id = t.workspace_id \
         WHERE (m.gid IS NULL AND e.task_id IS NOT NULL) OR (m.gid IS NOT NULL AND (l.gid IS NULL \
           OR l.owner_id <> t.assignee_id OR l.workspace_id <> t.workspace_id))",
    ),
    (
        "a member without a list, or a list without its owner's grant or without sections",
        "SELECT m.gid FROM workspace_memberships m LEFT JOIN user_task_lists l ON l.owner_id = m.user_id \
           AND l.workspace_id = m.workspace_id \
         WHERE l.gid IS NULL OR NOT EXISTS (SELECT 1 FROM sections s WHERE s.project_id = l.gid) \
           OR NOT EXISTS (SELECT 1 FROM grants g WHERE g.scope_id = l.gid AND g.principal_id = l.owner_id)",
    ),
];

/// Checks everything.
pub async fn check(api: &Api) {
    let mut wrong: Vec<String> = Vec::new();
    for (what, sql) in NOTHING {
        let found = pairs(api, &format!("SELECT q.found, 0 FROM ({}) q", named(sql))).await;
        if !found.is_empty() {
            wrong.push(format!("{what}: {:?}", found.iter().map(|(gid, _)| gid).take(5).collect::<Vec<_>>()));
        }
    }
    scopes(api, &mut wrong).await;
    grants(api, &mut wrong).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The first column of the first part of a query gets the name `found`, and with it all others.
fn named(sql: &str) -> String {
    let rest = sql.strip_prefix("SELECT ").unwrap();
    let (column, rest) = rest.split_once(" FROM ").unwrap();
    format!("SELECT {column} AS found FROM {rest}")
}

async fn pairs(api: &Api, sql: &str) -> BTreeSet<(i64, i64)> {
    let mut read = api.read().await.unwrap();
    let block = read.one(Query::new(&Statement::new(sql, &[Type::Int, Type::Int]), Vec::new())).await;
    let block = block.unwrap_or_else(|error| panic!("{sql}: {error}"));
    read.finish().await;
    (0..block.len()).map(|row| (block.int(row, 0).unwrap_or_default(), block.int(row, 1).unwrap_or_default())).collect()
}

/// Nothing is its own ancestor, nothing is too deep, and every task has the scopes that follow from where it stands.
async fn scopes(api: &Api, wrong: &mut Vec<String>) {
    const DEEPEST: usize = 5;
    let parents: BTreeMap<i64, i64> =
        pairs(api, "SELECT gid, coalesce(parent_id, 0) FROM tasks").await.into_iter().collect();
    let projects = pairs(api, "SELECT task_id, project_id FROM task_projects").await;
    let mut expected = BTreeSet::new();
    for task in parents.keys() {
        let (mut at, mut depth) = (*task, 0);
        while at != 0 {
            expected.insert((*task, at));
            expected.extend(projects.iter().filter(|(owner, _)| *owner == at).map(|(_, project)| (*task, *project)));
            at = parents.get(&at).copied().unwrap_or_default();
            depth += 1;
            if depth > DEEPEST + 1 {
                wrong.push(format!("{task} is below too many, or below itself"));
                break;
            }
        }
    }
    let stored = pairs(api, "SELECT task_id, scope_id FROM task_scopes").await;
    if stored != expected {
        let more: Vec<_> = stored.difference(&expected).take(5).collect();
        let fewer: Vec<_> = expected.difference(&stored).take(5).collect();
        wrong.push(format!("scopes of tasks: too many {more:?}, too few {fewer:?}"));
    }
    let waits = pairs(api, "SELECT task_id, depends_on_id FROM task_dependencies").await;
    let mut open: BTreeSet<i64> = waits.iter().map(|(task, _)| *task).collect();
    // Whoever waits for nobody who waits is done; a circle never gets done.
    loop {
        let done: Vec<i64> = open
            .iter()
            .copied()
            .filter(|task| !waits.iter().any(|(owner, on)| owner == task && open.contains(on)))
            .collect();
        if done.is_empty() {
            break;
        }
        open.retain(|task| !done.contains(task));
    }
    if !open.is_empty() {
        wrong.push(format!("tasks wait for each other: {open:?}"));
    }
}

/// Projects grant to their members, to their workspace or to their team, as far as their privacy says, and to nobody else.
async fn grants(api: &Api, wrong: &mut Vec<String>) {
    let expected = pairs(
        api,
        "SELECT m.project_id, m.member_id FROM project_memberships m JOIN projects p ON p.gid = m.project_id \
         WHERE p.deleted_at IS NULL \
         UNION SELECT gid, workspace_id FROM projects WHERE privacy_setting = 'public_to_workspace' AND deleted_at IS NULL \
         UNION SELECT gid, team_id FROM projects \
         WHERE privacy_setting <> 'private' AND team_id IS NOT NULL AND deleted_at IS NULL",
    )
    .await;
    let stored =
        pairs(api, "SELECT g.scope_id, g.principal_id FROM grants g JOIN projects p ON p.gid = g.scope_id").await;
    if stored != expected {
        wrong.push(format!(
            "grants of projects: {:?}",
            stored.symmetric_difference(&expected).take(5).collect::<Vec<_>>()
        ));
    }
}

#[test]
#[should_panic(expected = "scopes of tasks: too many")]
fn what_is_wrong_is_found() {
    testkit::run(async {
        let place = crate::world::place(testkit::Engine::Embedded).await;
        check(&place.world.api).await;
        let task: i64 = place.gid("task_gid").parse().unwrap();
        place
            .world
            .write(move |call| {
                call.execute("INSERT INTO task_scopes (task_id, scope_id) VALUES (?1, 7)", &[task.into()])?;
                Ok(())
            })
            .await;
        check(&place.world.api).await;
    });
}
