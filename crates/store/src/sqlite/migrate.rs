//! Brings a file up to date.

use std::path::PathBuf;

use rusqlite::{Connection, TransactionBehavior, params};

use super::{File, create_private};
use crate::dialect;
use crate::error::Error;
use crate::migration::{self, Migration, Recorded};

/// Runs the migrations that the file has not seen, under its lock, and keeps a copy of what it was before.
pub(super) fn migrate(connection: &mut Connection, file: &File, migrations: &[Migration]) -> Result<(), Error> {
    if migration::pending(migrations, &recorded(connection)?)?.is_empty() {
        return Ok(());
    }
    keep_copy(connection, file, migrations)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(migration::RECORD)?;
    // Another process may have been faster: what counts is the record under the lock.
    for step in migration::pending(migrations, &recorded(&transaction)?)? {
        transaction
            .execute_batch(&dialect::SQLITE.migration(step.text))
            .map_err(|error| Error::engine(format!("migration {}: {error}", step.file)))?;
        transaction.execute(
            "INSERT INTO migrations (number, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)",
            params![step.number, step.name(), step.checksum(), migration::now()],
        )?;
    }
    Ok(transaction.commit()?)
}

/// The migrations that the file remembers.
pub(super) fn recorded(connection: &Connection) -> Result<Vec<Recorded>, Error> {
    if !connection.query_row(dialect::SQLITE.has_table, ["migrations"], |row| row.get(0))? {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare(migration::RECORDED)?;
    let rows = statement
        .query_map([], |row| Ok(Recorded { number: row.get(0)?, name: row.get(1)?, checksum: row.get(2)? }))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Copies the file to `FILE.before-NNNN`, where NNNN is the first migration it has not seen. A new file needs no copy.
fn keep_copy(connection: &Connection, file: &File, migrations: &[Migration]) -> Result<(), Error> {
    let recorded = recorded(connection)?;
    let Some(first) = migration::pending(migrations, &recorded)?.first().map(|step| step.number) else {
        return Ok(());
    };
    if recorded.is_empty() {
        return Ok(());
    }
    let beside = |suffix: String| {
        let mut name = file.path.clone().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    };
    let copy = beside(format!(".before-{first:04}"));
    let unfinished = beside(format!(".before-{first:04}.unfinished"));
    if unfinished.exists() {
        std::fs::remove_file(&unfinished).map_err(Error::engine)?;
    }
    create_private(&unfinished)?;
    connection.execute("VACUUM INTO ?1", [unfinished.to_string_lossy()])?;
    std::fs::rename(&unfinished, &copy).map_err(Error::engine)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those who are members already get a list of tasks, with what they are assigned in it.
    #[test]
    fn members_get_lists_of_tasks() {
        let database = Connection::open_in_memory().unwrap();
        let run = |range: std::ops::RangeInclusive<i64>| {
            for step in migration::MIGRATIONS.iter().filter(|step| range.contains(&step.number)) {
                database.execute_batch(&dialect::SQLITE.migration(step.text)).unwrap();
            }
        };
        run(1..=9);
        database
            .execute_batch(
                "UPDATE gid_blocks SET next = 1000;
                 INSERT INTO workspace_memberships VALUES (11, 1, 5, FALSE, TRUE, 7), (12, 1, 6, TRUE, FALSE, 8), \
                   (13, 2, 5, FALSE, FALSE, 9);
                 INSERT INTO team_memberships VALUES (21, 1, 3, 5, TRUE, 7);
                 INSERT INTO teams (gid, workspace_id, name, name_folded, description, visibility, created_at) \
                   VALUES (3, 1, 'T', 't', '', 'public', 7);
                 INSERT INTO tasks (gid, workspace_id, name, resource_subtype, notes, assignee_id, assignee_status, \
                   completed, rank, is_rendered_as_separator, created_at, created_by_id, modified_at) VALUES \
                   (31, 1, '', 'default_task', '', 5, 'upcoming', FALSE, '', FALSE, 7, 5, 7), \
                   (32, 2, '', 'default_task', '', 5, 'upcoming', FALSE, '', FALSE, 7, 5, 7), \
                   (33, 1, '', 'default_task', '', NULL, 'upcoming', FALSE, '', FALSE, 7, 5, 7);",
            )
            .unwrap();
        run(10..=10);
        let rows = |sql: &str| -> Vec<(i64, i64)> {
            let mut statement = database.prepare(sql).unwrap();
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap()
        };
        assert_eq!(rows("SELECT gid, owner_id FROM user_task_lists ORDER BY gid"), [(1000, 5), (1001, 6), (1002, 5)]);
        assert_eq!(
            rows("SELECT gid, project_id FROM sections ORDER BY gid"),
            [(1003, 1000), (1004, 1001), (1005, 1002)]
        );
        assert_eq!(rows("SELECT task_id, section_id FROM user_task_list_tasks"), [(31, 1003), (32, 1005)]);
        assert_eq!(
            rows("SELECT scope_id, principal_id FROM grants ORDER BY scope_id"),
            [(1000, 5), (1001, 6), (1002, 5)]
        );
        assert_eq!(rows("SELECT count(*), min(next) FROM objects, gid_blocks"), [(10, 1006)]);
        assert_eq!(rows("SELECT count(*), 0 FROM teams WHERE endorsed IS NOT NULL"), [(1, 0)]);
    }
}
