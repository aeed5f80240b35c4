//! User task lists, which people call My Tasks: what somebody is assigned in a workspace, in sections and an order of
//! their own.
//!
//! Everyone who belongs to a workspace has one there. Its sections are sections like a project's, with the list in the
//! project's place, and nobody but the owner sees them.

use engine::call::Call;
use engine::error::{Error, Result};
use engine::field::{Kind, NAME_LENGTH, computed, one};
use engine::json::Writer;
use engine::operation::{Listing, by_number, find, get, parent};
use engine::read::Record;
use engine::resource::{Guard, Resource};
use model::Level;

use crate::order::{Ordered, Place, place};
use crate::section::{add_section, first_of};
use crate::user::USER;
use crate::workspace::{WORKSPACE, grant, workspace_field};

/// The sections of a new list, as the real service has them.
const SECTIONS: &[&str] = &["Recently assigned", "Do today", "Do next week", "Do later"];

/// The list of a person in a workspace. Its members see that it is there; only its owner holds a grant on it. Its tasks
/// keep their own rules.
pub static USER_TASK_LIST: Resource = Resource {
    guard: Guard::Sql(
        "t.owner_id = :viewer OR EXISTS (SELECT 1 FROM {each_principal} p WHERE p.column1 = t.workspace_id)",
    ),
    fields: &[
        computed("name", Kind::Text(NAME_LENGTH), "workspace.name", name).compact(),
        one("owner", &USER, "owner_id").compact(),
        workspace_field().compact(),
    ],
    operations: &[
        get("getUserTaskList", "/user_task_lists/{user_task_list_gid}"),
        find("getUserTaskListForUser", "/users/{user_gid}/user_task_list", &OF_USER),
    ],
    ..Resource::new("user_task_list", "user_task_lists")
};

static OF_USER: Listing = Listing::of(
    "user_task_lists t",
    "t.gid",
    "t.owner_id = :user AND t.workspace_id = :workspace",
    &[by_number("t.gid")],
)
.within(&[parent("user_gid", &USER), parent("workspace", &WORKSPACE)]);

fn name(list: &Record<'_>, out: &mut Writer<'_>) {
    let workspace = list.one("workspace");
    out.parts(&["My tasks in ", workspace.as_ref().and_then(|workspace| workspace.text("name")).unwrap_or_default()]);
}

/// Gives somebody who has just come into a workspace a list there.
pub fn create_list(call: &mut Call<'_>, workspace: i64, owner: i64) -> Result<()> {
    let list = call.create_object(&USER_TASK_LIST, workspace)?;
    call.insert(
        USER_TASK_LIST.table,
        &[
            ("gid", list.into()),
            ("workspace_id", workspace.into()),
            ("owner_id", owner.into()),
            ("created_at", call.now.into()),
        ],
    );
    grant(call, list, owner, Level::Admin)?;
    for name in SECTIONS {
        add_section(call, workspace, list, name, Place::Last)?;
    }
    // What somebody had done here before, who comes back.
    let first = "SELECT gid FROM sections WHERE project_id = ?1 ORDER BY rank, gid LIMIT 1";
    call.execute(
        &format!(
            "INSERT INTO user_task_list_tasks (task_id, section_id, rank) \
             SELECT t.gid, ({first}), ?4 FROM tasks t WHERE t.assignee_id = ?2 AND t.workspace_id = ?3"
        ),
        &[list.into(), owner.into(), workspace.into(), model::rank::first().into()],
    )?;
    Ok(())
}

/// Takes away the list of somebody who leaves a workspace.
pub fn delete_list(call: &mut Call<'_>, workspace: i64, owner: i64) -> Result<()> {
    let Some(list) = list_of(call, workspace, owner)? else {
        return Ok(());
    };
    call.lock(list)?;
    let sections = "SELECT gid FROM sections WHERE project_id = ?1";
    let parameters = [list.into()];
    call.execute(&format!("DELETE FROM user_task_list_tasks WHERE section_id IN ({sections})"), &parameters)?;
    call.execute(
        &format!("UPDATE objects SET deleted_at = ?2 WHERE gid = ?1 OR gid IN ({sections})"),
        &[list.into(), call.now.into()],
    )?;
    call.execute("DELETE FROM sections WHERE project_id = ?1", &parameters)?;
    call.execute("DELETE FROM user_task_lists WHERE gid = ?1", &parameters)?;
    Ok(())
}

fn list_of(call: &mut Call<'_>, workspace: i64, owner: i64) -> Result<Option<i64>> {
    call.number(
        "SELECT gid FROM user_task_lists WHERE owner_id = ?1 AND workspace_id = ?2",
        &[owner.into(), workspace.into()],
    )
}

/// Whether it is the gid of such a list, and not of a project.
pub fn is_list(call: &mut Call<'_>, gid: i64) -> Result<bool> {
    Ok(call.number("SELECT gid FROM user_task_lists WHERE gid = ?1", &[gid.into()])?.is_some())
}

/// The tasks of a section of such a list.
pub fn tasks_of_section(section: i64) -> Ordered {
    Ordered { table: "user_task_list_tasks", scope_column: "section_id", scope: section, key_column: "task_id" }
}

/// The section where somebody's tasks come in. It is not deleted before the transaction ends.
pub fn inbox_of(call: &mut Call<'_>, workspace: i64, owner: i64) -> Result<i64> {
    let list = list_of(call, workspace, owner)?.ok_or_else(Error::server)?;
    call.share(list)?;
    first_of(call, list)
}

/// Puts a task that has changed hands into the list of its new assignee, on top of the first section, and takes it out
/// of the old one's.
pub fn hand_over(call: &mut Call<'_>, workspace: i64, task: i64, old: Option<i64>, new: Option<i64>) -> Result<()> {
    if old.is_some() {
        call.execute("DELETE FROM user_task_list_tasks WHERE task_id = ?1", &[task.into()])?;
    }
    let Some(new) = new else {
        return Ok(());
    };
    let section = inbox_of(call, workspace, new)?;
    let rank = place(call, &tasks_of_section(section), task, Place::First)?;
    let columns = [("task_id", task.into()), ("section_id", section.into()), ("rank", rank.into())];
    call.insert("user_task_list_tasks", &columns);
    Ok(())
}

/// Moves a task to a place in a section of its assignee's list. `field` is the property that named the section.
pub fn move_task(call: &mut Call<'_>, field: &str, section: i64, task: i64, at: Place) -> Result<()> {
    let list = call.number(
        "SELECT l.gid FROM sections s CROSS JOIN user_task_lists l CROSS JOIN tasks t \
         WHERE s.gid = ?1 AND l.gid = s.project_id AND t.gid = ?2 AND t.assignee_id = l.owner_id \
         AND t.workspace_id = l.workspace_id",
        &[section.into(), task.into()],
    )?;
    let Some(list) = list else {
        return Err(Error::field(field, format_args!("Not a section of the assignee's My Tasks: {section}")));
    };
    call.share(list)?;
    let rank = place(call, &tasks_of_section(section), task, at)?;
    call.execute(
        "UPDATE user_task_list_tasks SET section_id = ?2, rank = ?3 WHERE task_id = ?1",
        &[task.into(), section.into(), rank.into()],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests;
