//! The trash: what was deleted, by whom, until when it can be had back. These operations are this server's own
//! (docs/trash.md); the API has none.
//!
//! A row stands for an act of deletion. What went along with it, such as the tasks of a project, has no row and comes back
//! with it. What lies here for as long as the installation's settings say is removed for good (`purge.rs`).

use engine::call::Call;
use engine::error::{Error, Result};
use engine::field::{Kind, choice, computed, integer, one, sql, time};
use engine::json::Writer;
use engine::operation::{Listing, Outcome, action, by_number, list, parent};
use engine::read::Record;
use engine::resource::{Guard, Resource};
use model::Level;
use serde_json::Value as Json;
use store::Type;

use crate::project::PROJECT;
use crate::tag::TAG;
use crate::task::TASK;
use crate::user::USER;
use crate::workspace::WORKSPACE;
use crate::{custom_field, project, purge, tag, task};

/// The kinds of objects that can be had back.
const KINDS: &[&str] = &["custom_field", "project", "tag", "task"];

/// Something in the trash, under its own gid: those see it who could delete it if it were not there.
pub static TRASH_ENTRY: Resource = Resource {
    guard: Guard::Sql(RESTORABLE),
    fields: &[
        time("deleted_at"),
        one("deleted_by", &USER, "deleted_by_id"),
        choice("kind", KINDS),
        sql(
            "name",
            Kind::Text(engine::field::NAME_LENGTH),
            "(CASE t.kind WHEN 'task' THEN (SELECT k.name FROM tasks k WHERE k.gid = t.gid) \
             WHEN 'project' THEN (SELECT p.name FROM projects p WHERE p.gid = t.gid) \
             WHEN 'tag' THEN (SELECT g.name FROM tags g WHERE g.gid = t.gid) \
             ELSE (SELECT f.name FROM custom_fields f WHERE f.gid = t.gid) END)",
        ),
        computed("purge_at", Kind::Time, "stored_deleted_at", purge_at),
        integer("stored_deleted_at").column("deleted_at").internal(),
    ],
    operations: &[
        list("getTrashForWorkspace", "/-/v1/workspaces/{workspace_gid}/trash", &IN_WORKSPACE)
            .shown("resource_type,name,kind,deleted_at,deleted_by,purge_at"),
        action("restoreTrashEntry", "/-/v1/trash/{trash_entry_gid}/restore", Level::Viewer, &[], restore).empty(),
    ],
    jobs: &[&purge::PURGE_TRASH],
    ..Resource::new("trash_entry", "trash")
};

/// Whoever may edit a task may delete it; a project is its administrators', a custom field its and the workspace's as far as
/// they see it, a tag everyone's who may edit in its workspace. A project in the trash has no grants: what they would be follows from its
/// members, its privacy and its default level, as `project::set_grants` writes it.
const RESTORABLE: &str = "\
    EXISTS (SELECT 1 FROM trash d WHERE d.gid = {key} AND (CASE d.kind \
      WHEN 'task' THEN EXISTS (SELECT 1 FROM task_scopes x CROSS JOIN {each_principal} p CROSS JOIN grants g \
        WHERE x.task_id = d.gid AND g.scope_id = x.scope_id AND g.principal_id = p.column1 AND g.level >= 30) \
      WHEN 'project' THEN (EXISTS (SELECT 1 FROM {each_principal} p CROSS JOIN project_memberships m \
          WHERE m.project_id = d.gid AND m.member_id = p.column1 AND m.access_level = 'admin') \
        OR EXISTS (SELECT 1 FROM {each_principal} p CROSS JOIN projects w \
          WHERE w.gid = d.gid AND w.default_access_level = 'admin' \
          AND ((w.privacy_setting = 'public_to_workspace' AND p.column1 = w.workspace_id) \
            OR (w.privacy_setting <> 'private' AND p.column1 = w.team_id)))) \
      WHEN 'tag' THEN EXISTS (SELECT 1 FROM {each_principal} p CROSS JOIN grants g \
        WHERE g.scope_id = d.workspace_id AND g.principal_id = p.column1 AND g.level >= 30) \
      ELSE EXISTS (SELECT 1 FROM {each_principal} p CROSS JOIN grants g \
        WHERE g.scope_id IN (d.gid, d.workspace_id) AND g.principal_id = p.column1 AND g.level >= 40) \
        AND (EXISTS (SELECT 1 FROM custom_fields f WHERE f.gid = d.gid AND f.privacy_setting <> 'private') \
          OR EXISTS (SELECT 1 FROM {each_principal} p CROSS JOIN grants g \
            WHERE g.scope_id = d.gid AND g.principal_id = p.column1)) END))";

/// What is removed first comes first.
static IN_WORKSPACE: Listing =
    Listing::of("trash t", "t.gid", "t.workspace_id = :workspace", &[by_number("t.deleted_at"), by_number("t.gid")])
        .within(&[parent("workspace_gid", &WORKSPACE)]);

/// How long something stays in the trash, in milliseconds.
pub fn lifetime(limits: &engine::Limits) -> i64 {
    limits.trash_days * 86_400_000
}

fn purge_at(entry: &Record<'_>, out: &mut Writer<'_>) {
    match entry.int("stored_deleted_at") {
        Some(deleted_at) => out.time(deleted_at + lifetime(&entry.scene().limits)),
        None => out.null(),
    }
}

/// Remembers that the caller has put something into the trash just now.
pub fn throw_away(call: &mut Call<'_>, kind: &'static str, gid: i64, workspace: i64, kept: Option<&Json>) {
    let columns = [
        ("gid", gid.into()),
        ("workspace_id", workspace.into()),
        ("kind", kind.into()),
        ("kept", kept.map(Json::to_string).into()),
        ("deleted_at", call.now.into()),
        ("deleted_by_id", call.viewer.user.into()),
    ];
    call.insert(TRASH_ENTRY.table, &columns);
}

/// What is deleted can be had back by whoever could delete it.
fn restore(call: &mut Call<'_>) -> Result<Outcome> {
    let gid = call.target;
    let found = call.query(
        "SELECT kind, workspace_id, kept FROM trash WHERE gid = ?1",
        &[Type::Text, Type::Int, Type::Text],
        &[gid.into()],
    )?;
    // Two at once: the first has taken it out.
    if found.is_empty() || call.execute("DELETE FROM trash WHERE gid = ?1", &[gid.into()])? == 0 {
        return Err(Error::deleted(TRASH_ENTRY.kind, gid));
    }
    let workspace = found.int(0, 1).unwrap_or_default();
    call.execute("UPDATE objects SET deleted_at = NULL WHERE gid = ?1", &[gid.into()])?;
    match found.text(0, 0) {
        Some(kind) if kind == TASK.kind => task::trash::restore(call, gid, workspace)?,
        Some(kind) if kind == PROJECT.kind => project::deletion::restore(call, gid, workspace)?,
        Some(kind) if kind == TAG.kind => tag::restore(call, gid, workspace)?,
        _ => {
            let kept = found.text(0, 2).and_then(|kept| serde_json::from_str(kept).ok()).unwrap_or_default();
            custom_field::restore(call, gid, &kept)?;
        }
    }
    Ok(Outcome::Empty)
}

#[cfg(test)]
mod tests;
