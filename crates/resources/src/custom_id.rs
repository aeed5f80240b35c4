//! Custom IDs, such as `ENG-42`: what a custom field with an `id_prefix` calls the tasks of its projects.
//!
//! A task gets its number when it comes into a project that has the field, or the field onto the project. Numbers are
//! given per field, one after another, and once: a task keeps its own wherever it goes, and a transaction that fails gives
//! none. Nobody writes them. The prefix may change; it is put before the number when that is read.

use std::sync::LazyLock;

use engine::call::Call;
use engine::error::{Error, Result};
use engine::operation::{Filter, FilterKind, Listing, by_number, filter, parent};
use engine::parameter::shortened;
use engine::sql::Template;
use model::fold;
use store::{Type, Value};

use crate::custom_field::seen_field;
use crate::workspace::WORKSPACE;

/// The longest prefix.
pub const LONGEST_PREFIX: usize = 10;

/// The columns of a field that is to number tasks: prefixes are letters and digits, and name one field of a workspace
/// each. Holds the workspace's lock, so that the prefix stays free. `field` may have it already.
pub fn prefix_columns(
    call: &mut Call<'_>,
    workspace: i64,
    prefix: &str,
    field: i64,
) -> Result<[(&'static str, Value); 2]> {
    let plain = prefix.starts_with(|first: char| first.is_ascii_alphabetic())
        && prefix.chars().all(|letter| letter.is_ascii_alphanumeric());
    if !plain {
        return Err(Error::field("id_prefix", "Must be letters and digits, and begin with a letter"));
    }
    let folded = fold(prefix);
    call.lock(workspace)?;
    let other = call.number(
        "SELECT gid FROM custom_fields WHERE workspace_id = ?1 AND id_prefix_folded = ?2 AND deleted_at IS NULL \
         AND gid <> ?3",
        &[workspace.into(), folded.as_str().into(), field.into()],
    )?;
    match other {
        Some(_) => Err(Error::field(
            "id_prefix",
            format_args!("Prefix is already taken by another custom field: {}", shortened(prefix)),
        )),
        None => Ok([("id_prefix", prefix.into()), ("id_prefix_folded", folded.into())]),
    }
}

/// A new field has given no number yet.
pub fn insert_counter(call: &mut Call<'_>, field: i64, workspace: i64) {
    let columns = [("custom_field_id", field.into()), ("workspace_id", workspace.into()), ("last_number", 0.into())];
    call.insert("custom_id_counters", &columns);
}

static NUMBERING: LazyLock<Template> = LazyLock::new(|| {
    let text = "SELECT DISTINCT f.gid FROM custom_field_settings s CROSS JOIN custom_fields f \
                WHERE s.parent_id IN ({ids}) AND f.gid = s.custom_field_id AND f.id_prefix IS NOT NULL ORDER BY f.gid";
    Template::new(text, &[Type::Int])
});

/// Numbers a task that has come into projects. Their locks are held or shared: no field comes onto them meanwhile.
pub fn number_task(call: &mut Call<'_>, task: i64, projects: &[i64]) -> Result<()> {
    if projects.is_empty() {
        return Ok(());
    }
    let fields = call.select(&NUMBERING, projects, &[])?;
    // In the order of the gids, so that two tasks never wait for each other.
    for field in (0..fields.len()).filter_map(|row| fields.int(row, 0)) {
        let known = "SELECT gid FROM custom_field_values WHERE object_id = ?1 AND custom_field_id = ?2";
        if call.number(known, &[task.into(), field.into()])?.is_none() {
            number(call, field, &[task])?;
        }
    }
    Ok(())
}

/// Numbers the tasks of a project that a field has come onto, as they stand there. The project's lock is held: no task
/// comes into it meanwhile.
pub fn number_project(call: &mut Call<'_>, field: i64, project: i64) -> Result<()> {
    let numbers = "SELECT gid FROM custom_fields WHERE gid = ?1 AND id_prefix IS NOT NULL";
    if call.number(numbers, &[field.into()])?.is_none() {
        return Ok(());
    }
    let tasks = call.numbers(
        "SELECT e.task_id FROM sections o CROSS JOIN task_projects e CROSS JOIN tasks t \
         WHERE o.project_id = ?1 AND e.section_id = o.gid AND t.gid = e.task_id AND t.deleted_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM custom_field_values v WHERE v.object_id = t.gid AND v.custom_field_id = ?2) \
         ORDER BY o.rank, o.gid, e.rank, e.task_id",
        &[project.into(), field.into()],
    )?;
    number(call, field, &tasks)
}

/// Gives the next numbers of a field. Whoever gives one holds the field's counter until the transaction ends.
fn number(call: &mut Call<'_>, field: i64, tasks: &[i64]) -> Result<()> {
    if tasks.is_empty() {
        return Ok(());
    }
    let count = tasks.len() as i64;
    let last = call.number(
        "UPDATE custom_id_counters SET last_number = last_number + ?2 WHERE custom_field_id = ?1 RETURNING last_number",
        &[field.into(), count.into()],
    )?;
    let first = last.unwrap_or(count) - count + 1;
    let mut cells = Vec::with_capacity(4 * tasks.len());
    for (number, task) in (first..).zip(tasks) {
        cells.extend([call.gid()?.into(), (*task).into(), field.into(), Value::from(number.to_string())]);
    }
    let columns =
        [("gid", Type::Int), ("object_id", Type::Int), ("custom_field_id", Type::Int), ("custom_id", Type::Text)];
    call.insert_rows("custom_field_values", &columns, &cells)
}

/// getTaskForCustomID: the ID as it reads. The field has to be the caller's to see, like the task.
pub static WITH_CUSTOM_ID: Listing = Listing::of(
    "custom_fields d CROSS JOIN custom_field_values v CROSS JOIN tasks t",
    "t.gid",
    concat!(
        "d.workspace_id = :workspace AND d.id_prefix IS NOT NULL AND d.deleted_at IS NULL \
         AND v.custom_field_id = d.gid AND t.gid = v.object_id AND t.deleted_at IS NULL AND ",
        seen_field!("d.gid")
    ),
    &[by_number("t.gid")],
)
.within(&[parent("workspace_gid", &WORKSPACE)])
.filtered(CUSTOM_ID);

static CUSTOM_ID: &[Filter] = &[filter(
    "custom_id",
    FilterKind::Text,
    "substr(CAST(:value AS TEXT), 1, length(d.id_prefix) + 1) = d.id_prefix || '-' \
     AND v.custom_id = substr(CAST(:value AS TEXT), length(d.id_prefix) + 2)",
)];

#[cfg(test)]
mod tests;
