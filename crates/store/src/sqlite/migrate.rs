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
