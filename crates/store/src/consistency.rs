//! What holds in every database after every commit, as SQL: nothing is half-written.
//!
//! Each rule is a query for the gids of what breaks it. They are slow, and know nothing of how rules write.

use std::sync::Arc;

use crate::db::Db;
use crate::error::Error;
use crate::statement::{Query, Statement};
use crate::value::Type;

/// Tables whose rows are objects, and the kind of those.
const OBJECTS: &[(&str, &str)] = &[
    ("workspaces", "workspace"),
    ("users", "user"),
    ("workspace_memberships", "workspace_membership"),
    ("user_task_lists", "user_task_list"),
    ("teams", "team"),
    ("team_memberships", "team_membership"),
    ("projects", "project"),
    ("project_memberships", "project_membership"),
    ("sections", "section"),
    ("tags", "tag"),
    ("tasks", "task"),
    ("stories", "story"),
    ("status_updates", "status_update"),
    ("attachments", "attachment"),
    ("custom_fields", "custom_field"),
    ("enum_options", "enum_option"),
    ("jobs", "job"),
    ("custom_field_settings", "custom_field_setting"),
];

/// Columns of a table that hold the gid of a row of another table.
const REFERENCES: &[(&str, &str, &str)] = &[
    ("projects", "owner_id", "users"),
    ("projects", "team_id", "teams"),
    ("project_memberships", "project_id", "projects"),
    ("project_followers", "project_id", "projects"),
    ("project_followers", "user_id", "users"),
    ("sections", "project_id", "objects"),
    ("user_task_lists", "owner_id", "users"),
    ("user_task_lists", "workspace_id", "workspaces"),
    ("user_task_list_tasks", "task_id", "tasks"),
    ("user_task_list_tasks", "section_id", "sections"),
    ("tasks", "assignee_id", "users"),
    ("tasks", "completed_by_id", "users"),
    ("tasks", "parent_id", "tasks"),
    ("task_projects", "task_id", "tasks"),
    ("task_projects", "project_id", "projects"),
    ("task_projects", "section_id", "sections"),
    ("task_scopes", "task_id", "tasks"),
    ("task_followers", "task_id", "tasks"),
    ("task_followers", "user_id", "users"),
    ("task_likes", "task_id", "tasks"),
    ("task_tags", "task_id", "tasks"),
    ("task_tags", "tag_id", "tags"),
    ("tag_followers", "tag_id", "tags"),
    ("tag_followers", "user_id", "users"),
    ("task_dependencies", "task_id", "tasks"),
    ("task_dependencies", "depends_on_id", "tasks"),
    ("task_externals", "task_id", "tasks"),
    ("stories", "target_id", "tasks"),
    ("stories", "created_by_id", "users"),
    ("story_likes", "story_id", "stories"),
    ("status_updates", "parent_id", "projects"),
    ("status_updates", "created_by_id", "users"),
    ("status_update_likes", "status_update_id", "status_updates"),
    ("reactions", "target_id", "reaction_targets"),
    ("reactions", "user_id", "users"),
    ("attachments", "parent_id", "objects"),
    ("attachments", "created_by_id", "users"),
    ("enum_options", "custom_field_id", "custom_fields"),
    ("custom_id_counters", "custom_field_id", "custom_fields"),
    ("custom_field_settings", "parent_id", "projects"),
    ("custom_field_settings", "custom_field_id", "custom_fields"),
    ("custom_field_values", "object_id", "tasks"),
    ("custom_field_values", "custom_field_id", "custom_fields"),
    ("custom_field_values", "enum_option_id", "enum_options"),
    ("custom_field_value_items", "value_id", "custom_field_values"),
    ("jobs", "user_id", "users"),
    ("job_copies", "job_id", "jobs"),
    ("trash", "gid", "objects"),
    ("favorites", "object_id", "objects"),
    ("workspace_memberships", "workspace_id", "workspaces"),
    ("workspace_memberships", "user_id", "users"),
    ("team_memberships", "team_id", "teams"),
    ("team_memberships", "user_id", "users"),
    ("tokens", "user_id", "users"),
    ("sessions", "user_id", "users"),
    ("invitations", "user_id", "users"),
    ("changes", "object_id", "objects"),
    ("change_routes", "container_id", "objects"),
];

/// Everything else: what is wrong, and the query for it.
const RULES: &[(&str, &str)] = &[
    (
        "a task and its object are not in the trash together",
        "SELECT t.gid FROM tasks t JOIN objects o ON o.gid = t.gid WHERE (t.deleted_at IS NULL) <> (o.deleted_at IS NULL)",
    ),
    (
        "a project and its object are not in the trash together",
        "SELECT t.gid FROM projects t JOIN objects o ON o.gid = t.gid \
         WHERE (t.deleted_at IS NULL) <> (o.deleted_at IS NULL)",
    ),
    (
        "a tag and its object are not in the trash together",
        "SELECT t.gid FROM tags t JOIN objects o ON o.gid = t.gid WHERE (t.deleted_at IS NULL) <> (o.deleted_at IS NULL)",
    ),
    (
        "a custom field and its object are not in the trash together",
        "SELECT t.gid FROM custom_fields t JOIN objects o ON o.gid = t.gid \
         WHERE (t.deleted_at IS NULL) <> (o.deleted_at IS NULL)",
    ),
    (
        "what can be had back is not in the trash",
        "SELECT t.gid FROM trash t JOIN objects o ON o.gid = t.gid WHERE o.deleted_at IS NULL OR o.kind <> t.kind",
    ),
    (
        "something in the trash went there with nothing",
        "SELECT t.gid FROM tasks t WHERE (t.deleted_at IS NULL) <> (t.deleted_with_id IS NULL) \
         OR (t.deleted_with_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM trash e WHERE e.gid = t.deleted_with_id)) \
         UNION ALL SELECT p.gid FROM projects p \
         WHERE p.deleted_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM trash e WHERE e.gid = p.gid)",
    ),
    (
        "something is there whose parent is in the trash",
        "SELECT t.gid FROM tasks t JOIN tasks p ON p.gid = t.parent_id \
         WHERE t.deleted_at IS NULL AND p.deleted_at IS NOT NULL",
    ),
    (
        "a task stands in a section of another project",
        "SELECT e.task_id FROM task_projects e JOIN sections s ON s.gid = e.section_id WHERE s.project_id <> e.project_id",
    ),
    (
        "a task is not a scope of itself",
        "SELECT t.gid FROM tasks t \
         WHERE NOT EXISTS (SELECT 1 FROM task_scopes s WHERE s.task_id = t.gid AND s.scope_id = t.gid)",
    ),
    (
        "a task's project is not its scope",
        "SELECT e.task_id FROM task_projects e \
         WHERE NOT EXISTS (SELECT 1 FROM task_scopes s WHERE s.task_id = e.task_id AND s.scope_id = e.project_id)",
    ),
    (
        "a subtask lacks a scope of its parent",
        "SELECT t.gid FROM tasks t JOIN task_scopes p ON p.task_id = t.parent_id \
         WHERE NOT EXISTS (SELECT 1 FROM task_scopes s WHERE s.task_id = t.gid AND s.scope_id = p.scope_id)",
    ),
    (
        "a task has a scope from nowhere",
        "SELECT s.task_id FROM task_scopes s JOIN tasks t ON t.gid = s.task_id WHERE s.scope_id <> s.task_id \
         AND NOT EXISTS (SELECT 1 FROM task_projects e WHERE e.task_id = s.task_id AND e.project_id = s.scope_id) \
         AND NOT EXISTS (SELECT 1 FROM task_scopes p WHERE p.task_id = t.parent_id AND p.scope_id = s.scope_id)",
    ),
    (
        "a follower has no grant on the task",
        "SELECT f.task_id FROM task_followers f \
         WHERE NOT EXISTS (SELECT 1 FROM grants g WHERE g.scope_id = f.task_id AND g.principal_id = f.user_id)",
    ),
    (
        "an assignee has no grant on the task",
        "SELECT t.gid FROM tasks t JOIN workspace_memberships m ON m.user_id = t.assignee_id \
           AND m.workspace_id = t.workspace_id \
         WHERE NOT EXISTS (SELECT 1 FROM grants g WHERE g.scope_id = t.gid AND g.principal_id = t.assignee_id)",
    ),
    (
        "a grant on a task is neither the assignee's nor a follower's",
        "SELECT t.gid FROM tasks t JOIN grants g ON g.scope_id = t.gid \
         WHERE (t.assignee_id IS NULL OR t.assignee_id <> g.principal_id) \
         AND NOT EXISTS (SELECT 1 FROM task_followers f WHERE f.task_id = t.gid AND f.user_id = g.principal_id)",
    ),
    (
        "a member of a project has no grant on it",
        "SELECT m.gid FROM project_memberships m JOIN projects p ON p.gid = m.project_id WHERE p.deleted_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.scope_id = p.gid AND g.principal_id = m.member_id)",
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
        "a section is neither of a project nor of a list",
        "SELECT s.gid FROM sections s WHERE NOT EXISTS (SELECT 1 FROM projects p WHERE p.gid = s.project_id) \
         AND NOT EXISTS (SELECT 1 FROM user_task_lists l WHERE l.gid = s.project_id)",
    ),
    (
        "a project has no section",
        "SELECT p.gid FROM projects p WHERE NOT EXISTS (SELECT 1 FROM sections s WHERE s.project_id = p.gid)",
    ),
    (
        "a task is complete and does not say when, or the reverse",
        "SELECT t.gid FROM tasks t WHERE t.completed <> (t.completed_at IS NOT NULL)",
    ),
    (
        "a task is its own ancestor, or too far down",
        "WITH RECURSIVE above (gid, parent, depth) AS (\
           SELECT t.gid, t.parent_id, 1 FROM tasks t WHERE t.parent_id IS NOT NULL \
           UNION ALL SELECT a.gid, t.parent_id, a.depth + 1 FROM above a JOIN tasks t ON t.gid = a.parent \
             WHERE t.parent_id IS NOT NULL AND a.depth < 10) \
         SELECT gid FROM above WHERE depth > 5",
    ),
    (
        "an option is another field's",
        "SELECT v.gid FROM custom_field_values v JOIN enum_options o ON o.gid = v.enum_option_id \
         WHERE o.custom_field_id <> v.custom_field_id",
    ),
    (
        "a custom ID is not its field's to give, or was never given",
        "SELECT v.gid FROM custom_field_values v LEFT JOIN custom_id_counters c ON c.custom_field_id = v.custom_field_id \
         WHERE v.custom_id IS NOT NULL AND (c.last_number IS NULL OR CAST(v.custom_id AS BIGINT) > c.last_number)",
    ),
    (
        "a change is not heard where it happened",
        "SELECT c.object_id FROM changes c \
         WHERE c.kind <> 'story' \
         AND NOT EXISTS (SELECT 1 FROM change_routes r WHERE r.set_id = c.set_id AND r.container_id = c.object_id)",
    ),
    (
        "a route leads from no change",
        "SELECT r.set_id FROM change_routes r WHERE NOT EXISTS (SELECT 1 FROM changes c WHERE c.set_id = r.set_id)",
    ),
    (
        "a change is of no set",
        "SELECT c.set_id FROM changes c WHERE NOT EXISTS (SELECT 1 FROM change_sets s WHERE s.id = c.set_id)",
    ),
    (
        "a gid will be given again",
        "SELECT o.gid FROM objects o WHERE o.gid >= 4503599627370496 AND o.gid >= (SELECT next FROM gid_blocks WHERE id = 1)",
    ),
];

/// What the log of changes tells of everything that rules have done; not of what was brought in by other ways.
const HISTORY: &[(&str, &str)] = &[
    (
        "an object appeared and no change tells",
        "SELECT o.gid FROM objects o \
         WHERE o.kind IN ('task', 'project', 'section', 'story', 'tag', 'status_update', 'attachment') \
         AND NOT EXISTS (SELECT 1 FROM changes c WHERE c.object_id = o.gid AND c.action = 'added')",
    ),
    (
        "a task went and no change tells",
        "SELECT t.gid FROM tasks t WHERE t.deleted_at IS NOT NULL AND t.parent_id IS NULL \
         AND NOT EXISTS (SELECT 1 FROM changes c WHERE c.object_id = t.gid AND c.action = 'deleted')",
    ),
];

/// Things at the same place of a list. Who goes to an end of a list waits for nobody, so that two at once may take the same
/// place, and their gids tell which comes first; where one writes at a time, it does not happen.
const TIES: &[(&str, &str)] = &[
    (
        "two tasks stand at the same place of a section",
        "SELECT max(e.task_id) FROM task_projects e JOIN tasks t ON t.gid = e.task_id WHERE t.deleted_at IS NULL \
         GROUP BY e.section_id, e.rank HAVING count(*) > 1",
    ),
    (
        "two tasks stand at the same place of a list",
        "SELECT max(e.task_id) FROM user_task_list_tasks e JOIN tasks t ON t.gid = e.task_id WHERE t.deleted_at IS NULL \
         GROUP BY e.section_id, e.rank HAVING count(*) > 1",
    ),
    (
        "two subtasks stand at the same place",
        "SELECT max(t.gid) FROM tasks t WHERE t.parent_id IS NOT NULL AND t.deleted_at IS NULL \
         GROUP BY t.parent_id, t.rank HAVING count(*) > 1",
    ),
    (
        "two sections stand at the same place",
        "SELECT max(t.gid) FROM sections t GROUP BY t.project_id, t.rank HAVING count(*) > 1",
    ),
    (
        "two options stand at the same place",
        "SELECT max(t.gid) FROM enum_options t GROUP BY t.custom_field_id, t.rank HAVING count(*) > 1",
    ),
    (
        "two settings stand at the same place",
        "SELECT max(t.gid) FROM custom_field_settings t GROUP BY t.parent_id, t.rank HAVING count(*) > 1",
    ),
];

/// Every rule, as what is wrong and the query for it.
fn rules() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (table, kind) in OBJECTS {
        all.push((
            format!("a row of {table} is no object"),
            format!(
                "SELECT t.gid FROM {table} t WHERE NOT EXISTS (SELECT 1 FROM objects o WHERE o.gid = t.gid AND o.kind = '{kind}')"
            ),
        ));
        all.push((
            format!("a {kind} has no row"),
            format!(
                "SELECT o.gid FROM objects o WHERE o.kind = '{kind}' AND o.deleted_at IS NULL \
                 AND NOT EXISTS (SELECT 1 FROM {table} t WHERE t.gid = o.gid)"
            ),
        ));
    }
    for (table, column, target) in REFERENCES {
        all.push((
            format!("{column} of {table} leads nowhere"),
            format!(
                "SELECT t.{column} FROM {table} t WHERE t.{column} IS NOT NULL \
                 AND NOT EXISTS (SELECT 1 FROM {target} x WHERE x.gid = t.{column})"
            ),
        ));
    }
    all.extend(RULES.iter().map(|(wrong, sql)| ((*wrong).to_owned(), (*sql).to_owned())));
    all
}

/// What is wrong in a database, with up to ten gids each. Nothing, one hopes.
///
/// # Errors
/// As [`Db::begin_read`].
pub async fn violations(db: &Db) -> Result<Vec<String>, Error> {
    find(db, rules()).await
}

/// What has happened and is missing in the log of changes.
///
/// # Errors
/// As [`Db::begin_read`].
pub async fn untold(db: &Db) -> Result<Vec<String>, Error> {
    find(db, HISTORY.iter().map(|(wrong, sql)| ((*wrong).to_owned(), (*sql).to_owned())).collect()).await
}

/// What stands at the same place of a list as something else: nothing where one writes at a time.
///
/// # Errors
/// As [`Db::begin_read`].
pub async fn ties(db: &Db) -> Result<Vec<String>, Error> {
    find(db, TIES.iter().map(|(wrong, sql)| ((*wrong).to_owned(), (*sql).to_owned())).collect()).await
}

async fn find(db: &Db, rules: Vec<(String, String)>) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    let mut read = db.begin_read().await?;
    for (wrong, sql) in rules {
        let statement: Arc<Statement> = Statement::new(format!("{sql} LIMIT 10"), &[Type::Int]);
        let block = read.slow_level(&[Query::new(&statement, Vec::new())]).await?.pop().unwrap_or_default();
        if !block.is_empty() {
            let gids: Vec<String> = (0..block.len()).filter_map(|row| Some(block.int(row, 0)?.to_string())).collect();
            found.push(format!("{wrong}: {}", gids.join(", ")));
        }
    }
    read.finish().await;
    Ok(found)
}
