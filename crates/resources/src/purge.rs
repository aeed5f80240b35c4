//! What has been in the trash for long enough is removed for good: rows, and everything that only they led to. What the
//! log of changes tells of it stays, and so does its line in `objects`: a gid never means something else. What opens
//! nothing any more, such as sessions that have expired, goes as well.
//!
//! The files of its attachments are swept away by the server once no row names them.

use std::sync::LazyLock;

use engine::call::Call;
use engine::error::Result;
use engine::job::{Job, Next, Period, Turn};
use engine::sql::Template;
use serde_json::json;
use store::Type;

use crate::task::container::rescope;
use crate::trash::lifetime;

/// Removes what has been in the trash for long enough, entry by entry.
pub static PURGE_TRASH: Job = Job::new("purge_trash", purge_more).every(Period::Hourly);

/// Removes sessions and invitations that have expired.
pub static PURGE_LOGINS: Job = Job::new("purge_logins", purge_logins).every(Period::Hourly);

/// Rows of values that are looked at for each that a step may touch: hardly any is a deleted field's.
const VALUES_LOOKED_AT: i64 = 16;

fn purge_more(call: &mut Call<'_>, turn: &Turn<'_>) -> Result<Next> {
    let oldest = call.query(
        "SELECT gid, kind, workspace_id FROM trash WHERE deleted_at <= ?1 ORDER BY deleted_at, gid LIMIT 1",
        &[Type::Int, Type::Text, Type::Int],
        &[(call.now - lifetime(turn.limits)).into()],
    )?;
    if oldest.is_empty() {
        return Ok(Next::Done);
    }
    let (gid, workspace) = (oldest.int(0, 0).unwrap_or_default(), oldest.int(0, 2).unwrap_or_default());
    // Whoever takes it out of the trash waits for this, or this for them.
    call.lock(workspace)?;
    if call.number("SELECT gid FROM trash WHERE gid = ?1", &[gid.into()])?.is_none() {
        return Ok(Next::Step(json!({})));
    }
    let mut state = json!({});
    let is_purged = match oldest.text(0, 1) {
        Some("task") => purge_tasks(call, gid, turn.size)?,
        Some("project") => purge_tasks(call, gid, turn.size)? && purge_project(call, gid, turn.size)?,
        Some("tag") => purge_tag(call, gid, turn.size)?,
        _ => match purge_values(call, gid, turn)? {
            Some(after) => {
                state = json!({"field": gid, "after": after});
                false
            }
            None => {
                purge_field(call, gid)?;
                true
            }
        },
    };
    if is_purged {
        call.execute("DELETE FROM trash WHERE gid = ?1", &[gid.into()])?;
    }
    Ok(Next::Step(state))
}

/// Tasks that went into the trash with something, and have nothing below them that went along and is still there.
const LOWEST: &str = "SELECT t.gid FROM tasks t WHERE t.deleted_with_id = ?1 AND NOT EXISTS (\
        SELECT 1 FROM tasks k WHERE k.parent_id = t.gid AND k.deleted_with_id = ?1) ORDER BY t.gid LIMIT ?2";

/// What tasks and projects have and nothing else leads to; what is inside of something comes before it.
static OF_HOSTS: LazyLock<Vec<Template>> = LazyLock::new(|| {
    [
        "UPDATE objects SET deleted_at = :now WHERE deleted_at IS NULL \
         AND gid IN (SELECT a.gid FROM attachments a WHERE a.parent_id IN ({ids}))",
        "DELETE FROM attachments WHERE parent_id IN ({ids})",
        "DELETE FROM favorites WHERE object_id IN ({ids})",
        "DELETE FROM grants WHERE scope_id IN ({ids})",
    ]
    .map(|text| Template::new(text, &[]))
    .into()
});

static OF_TASKS: LazyLock<Vec<Template>> = LazyLock::new(|| {
    [
        "DELETE FROM story_likes WHERE story_id IN (SELECT s.gid FROM stories s WHERE s.target_id IN ({ids}))",
        "DELETE FROM reactions WHERE target_id IN (SELECT s.gid FROM stories s WHERE s.target_id IN ({ids}))",
        "UPDATE objects SET deleted_at = :now WHERE deleted_at IS NULL \
         AND gid IN (SELECT s.gid FROM stories s WHERE s.target_id IN ({ids}))",
        "DELETE FROM stories WHERE target_id IN ({ids})",
        "DELETE FROM custom_field_value_items \
         WHERE value_id IN (SELECT v.gid FROM custom_field_values v WHERE v.object_id IN ({ids}))",
        "DELETE FROM custom_field_values WHERE object_id IN ({ids})",
        "DELETE FROM user_task_list_tasks WHERE task_id IN ({ids})",
        "DELETE FROM task_projects WHERE task_id IN ({ids})",
        "DELETE FROM task_scopes WHERE task_id IN ({ids})",
        "DELETE FROM task_followers WHERE task_id IN ({ids})",
        "DELETE FROM task_likes WHERE task_id IN ({ids})",
        "DELETE FROM task_tags WHERE task_id IN ({ids})",
        "DELETE FROM task_dependencies WHERE task_id IN ({ids})",
        "DELETE FROM task_dependencies WHERE depends_on_id IN ({ids})",
        "DELETE FROM task_externals WHERE task_id IN ({ids})",
        "DELETE FROM tasks WHERE gid IN ({ids})",
    ]
    .map(|text| Template::new(text, &[]))
    .into()
});

static ORPHANS: LazyLock<Template> =
    LazyLock::new(|| Template::new("SELECT k.gid FROM tasks k WHERE k.parent_id IN ({ids})", &[Type::Int]));

/// Removes tasks that went into the trash with something, from below. Whether none is left.
fn purge_tasks(call: &mut Call<'_>, with: i64, most: i64) -> Result<bool> {
    let tasks = call.numbers(LOWEST, &[with.into(), most.into()])?;
    if tasks.is_empty() {
        return Ok(true);
    }
    call.lock_all(&tasks)?;
    // Below them is only what went into the trash by itself: it waits there for its own time, on its own.
    let orphans = call.select(&ORPHANS, &tasks, &[])?;
    for row in 0..orphans.len() {
        let orphan = orphans.int(row, 0).unwrap_or_default();
        call.execute("UPDATE tasks SET parent_id = NULL, rank = '' WHERE gid = ?1", &[orphan.into()])?;
        rescope(call, orphan)?;
    }
    for template in OF_HOSTS.iter().chain(OF_TASKS.iter()) {
        call.execute_for(template, &tasks, &[])?;
    }
    Ok(false)
}

/// What projects have and nothing else leads to, beside their tasks.
static OF_PROJECTS: LazyLock<Vec<Template>> = LazyLock::new(|| {
    [
        "UPDATE objects SET deleted_at = :now WHERE deleted_at IS NULL AND gid IN (\
           SELECT s.gid FROM sections s WHERE s.project_id IN ({ids}) \
           UNION ALL SELECT m.gid FROM project_memberships m WHERE m.project_id IN ({ids}) \
           UNION ALL SELECT c.gid FROM custom_field_settings c WHERE c.parent_id IN ({ids}) \
           UNION ALL SELECT u.gid FROM status_updates u WHERE u.parent_id IN ({ids}))",
        "DELETE FROM reactions WHERE target_id IN (SELECT u.gid FROM status_updates u WHERE u.parent_id IN ({ids}))",
        "DELETE FROM status_update_likes \
         WHERE status_update_id IN (SELECT u.gid FROM status_updates u WHERE u.parent_id IN ({ids}))",
        "DELETE FROM status_updates WHERE parent_id IN ({ids})",
        "DELETE FROM custom_field_settings WHERE parent_id IN ({ids})",
        "DELETE FROM project_memberships WHERE project_id IN ({ids})",
        "DELETE FROM project_followers WHERE project_id IN ({ids})",
        "DELETE FROM sections WHERE project_id IN ({ids})",
        "DELETE FROM projects WHERE gid IN ({ids})",
    ]
    .map(|text| Template::new(text, &[]))
    .into()
});

/// Removes a project whose own tasks are gone. Those that are elsewhere too, or went into the trash by themselves, leave it
/// first. Whether it is done.
fn purge_project(call: &mut Call<'_>, project: i64, most: i64) -> Result<bool> {
    let tasks = call.numbers(
        "SELECT e.task_id FROM sections s CROSS JOIN task_projects e WHERE s.project_id = ?1 AND e.section_id = s.gid \
         LIMIT ?2",
        &[project.into(), most.into()],
    )?;
    call.lock_all(&tasks)?;
    for task in &tasks {
        let parameters = [(*task).into(), project.into()];
        call.execute("DELETE FROM task_projects WHERE task_id = ?1 AND project_id = ?2", &parameters)?;
        rescope(call, *task)?;
    }
    if !tasks.is_empty() {
        return Ok(false);
    }
    for template in OF_HOSTS.iter().chain(OF_PROJECTS.iter()) {
        call.execute_for(template, &[project], &[])?;
    }
    Ok(true)
}

/// Removes a tag. Whether it is done: tasks that have it lose it first.
fn purge_tag(call: &mut Call<'_>, tag: i64, most: i64) -> Result<bool> {
    let tasks = call.numbers("SELECT task_id FROM task_tags WHERE tag_id = ?1 LIMIT ?2", &[tag.into(), most.into()])?;
    for task in &tasks {
        call.execute("DELETE FROM task_tags WHERE task_id = ?1 AND tag_id = ?2", &[(*task).into(), tag.into()])?;
    }
    if !tasks.is_empty() {
        return Ok(false);
    }
    call.execute("DELETE FROM favorites WHERE object_id = ?1", &[tag.into()])?;
    call.execute("DELETE FROM tag_followers WHERE tag_id = ?1", &[tag.into()])?;
    call.execute("DELETE FROM tags WHERE gid = ?1", &[tag.into()])?;
    Ok(true)
}

static FORGET_ITEMS: LazyLock<Template> =
    LazyLock::new(|| Template::new("DELETE FROM custom_field_value_items WHERE value_id IN ({ids})", &[]));
static FORGET_VALUES: LazyLock<Template> =
    LazyLock::new(|| Template::new("DELETE FROM custom_field_values WHERE gid IN ({ids})", &[]));

/// Removes values of a deleted field. They have no index by field, which every creation of a task would pay for and nobody
/// else would use: all values are walked through once, in the order of their gids. Where to go on; `None` at the end.
fn purge_values(call: &mut Call<'_>, field: i64, turn: &Turn<'_>) -> Result<Option<i64>> {
    let after = if turn.number("field") == field { turn.number("after") } else { 0 };
    let most = turn.size * VALUES_LOOKED_AT;
    let found = call.query(
        "SELECT gid, custom_field_id FROM custom_field_values WHERE gid > ?1 ORDER BY gid LIMIT ?2",
        &[Type::Int, Type::Int],
        &[after.into(), most.into()],
    )?;
    let of_field = (0..found.len()).filter(|row| found.int(*row, 1) == Some(field));
    let values: Vec<i64> = of_field.filter_map(|row| found.int(row, 0)).collect();
    call.execute_for(&FORGET_ITEMS, &values, &[])?;
    call.execute_for(&FORGET_VALUES, &values, &[])?;
    let last = found.len().checked_sub(1).and_then(|row| found.int(row, 0));
    Ok(last.filter(|_| found.len() as i64 == most))
}

/// Removes a field that has no values any more.
fn purge_field(call: &mut Call<'_>, field: i64) -> Result<()> {
    for text in [
        "DELETE FROM enum_options WHERE custom_field_id = ?1",
        "DELETE FROM custom_id_counters WHERE custom_field_id = ?1",
        "DELETE FROM grants WHERE scope_id = ?1",
        "DELETE FROM custom_fields WHERE gid = ?1",
    ] {
        call.execute(text, &[field.into()])?;
    }
    Ok(())
}

fn purge_logins(call: &mut Call<'_>, turn: &Turn<'_>) -> Result<Next> {
    let mut purged = 0;
    for (table, key) in [("sessions", "gid"), ("invitations", "user_id")] {
        let sql = format!(
            "DELETE FROM {table} WHERE {key} IN (\
               SELECT e.{key} FROM {table} e WHERE e.expires_at <= ?1 ORDER BY e.expires_at LIMIT ?2)"
        );
        purged += call.execute(&sql, &[call.now.into(), turn.size.into()])?;
    }
    Ok(if purged > 0 { Next::Step(turn.state.clone()) } else { Next::Done })
}

#[cfg(test)]
mod tests {
    use store::{Query, Statement, Type};
    use testkit::both;

    use crate::world::{Small, small};

    both!(logins_that_have_expired_go, small, |small: Small| async move {
        let Small { ann, bob, world, .. } = small;
        let (now, users) = (world.clock.now(), [ann.user, bob.user]);
        world
            .write(move |call| {
                for at in 0..7_i64 {
                    let (gid, digest): (i64, &[u8]) = (call.gid()?, &[at as u8; 32]);
                    // One of them is good for another minute.
                    let expires_at = if at == 6 { now + 60_000 } else { now - at };
                    call.insert(
                        "sessions",
                        &[
                            ("gid", gid.into()),
                            ("user_id", users[0].into()),
                            ("digest", digest.into()),
                            ("address", "".into()),
                            ("agent", "".into()),
                            ("created_at", (now - 100).into()),
                            ("seen_at", (now - 100).into()),
                            ("expires_at", expires_at.into()),
                            ("ends_at", expires_at.into()),
                        ],
                    );
                }
                for (at, user) in users.into_iter().enumerate() {
                    let digest: &[u8] = &[at as u8; 32];
                    call.insert(
                        "invitations",
                        &[
                            ("user_id", user.into()),
                            ("digest", digest.into()),
                            ("created_at", (now - 100).into()),
                            ("expires_at", (now + at as i64).into()),
                        ],
                    );
                }
                Ok(())
            })
            .await;
        world.schedule_jobs().await;
        world.queue("small steps", 2).run_due().await.unwrap();
        for (table, left) in [("sessions", 1), ("invitations", 1)] {
            let statement = Statement::new(format!("SELECT count(*) FROM {table}"), &[Type::Int]);
            let mut read = world.api.db.begin_read().await.unwrap();
            assert_eq!(read.one(Query::new(&statement, Vec::new())).await.unwrap().int(0, 0), Some(left), "{table}");
        }
    });
}
