//! A file as a whole: looked at, copied while it is in use, verified, and put in the place of another.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::{create_private, migrate, schema};
use crate::error::Error;
use crate::migration::{MIGRATIONS, Recorded, pending};

/// How long to wait for the lock of another process.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many rows each table has, and the migrations.
type Content = (Vec<(String, i64)>, Vec<i64>);

/// The migrations that a file remembers. Other processes may use it.
pub(crate) fn inspect(path: &Path) -> Result<Vec<Recorded>, Error> {
    let connection = open(path)?;
    let recorded = migrate::recorded(&connection).map_err(|error| not_ours(path, error))?;
    if recorded.is_empty() { Err(Error::Missing { place: path.display().to_string() }) } else { Ok(recorded) }
}

/// Copies a file that others may read and write meanwhile, as it is at one moment, and verifies the copy.
pub(crate) fn back_up(from: &Path, to: &Path) -> Result<(), Error> {
    create_private(to)?;
    let source = open(from)?;
    let read = source.unchecked_transaction()?;
    let before = content(&read)?;
    let mut copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    match Backup::new(&read, &mut copy)?.step(-1)? {
        StepResult::Done => {}
        other => return Err(Error::Busy(format!("the copy did not finish: {other:?}"))),
    }
    drop(read);
    // One file, without any beside it.
    alone(&copy, to)?;
    if verify(to)? != before {
        return Err(damaged(to, "its rows are not those that were there"));
    }
    fs::File::open(to).and_then(|file| file.sync_all()).map_err(Error::engine)
}

/// Reads a whole file and sees that nothing in it is broken. What it holds.
pub(crate) fn verify(path: &Path) -> Result<Content, Error> {
    let connection = open(path)?;
    connection.pragma_update(None, "query_only", true)?;
    let mut check = connection.prepare("PRAGMA integrity_check(1)").map_err(|error| not_ours(path, error.into()))?;
    let found: String = check.query_row([], |row| row.get(0)).map_err(|error| not_ours(path, error.into()))?;
    if found != "ok" {
        return Err(damaged(path, found.lines().collect::<Vec<_>>().join(" ")));
    }
    content(&connection).map_err(|error| not_ours(path, error))
}

/// Puts a file in the place of another one, which is kept under the name `kept`. Nobody may use either.
/// Whether there was another.
pub(crate) fn replace(path: &Path, by: &Path, kept: &Path) -> Result<bool, Error> {
    alone(&open(by)?, by)?;
    // Held until the other is in its place: nobody can begin to use it in between.
    let held = path.exists().then(|| open(path)).transpose()?;
    if let Some(connection) = &held {
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        alone(connection, path)?;
        fs::rename(path, kept).map_err(Error::engine)?;
    }
    fs::rename(by, path).map_err(Error::engine)?;
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(Error::engine)?;
    Ok(held.is_some())
}

/// Moves what lies in the files beside a file into it; they are gone then. Fails when somebody else uses it.
fn alone(connection: &Connection, path: &Path) -> Result<(), Error> {
    let in_use = || Error::InUse { place: path.display().to_string() };
    connection.busy_timeout(Duration::from_millis(500))?;
    let mode = connection.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get::<_, String>(0));
    match mode.map_err(Error::from) {
        Ok(mode) if mode == "delete" => Ok(()),
        Ok(_) | Err(Error::Busy(_)) => Err(in_use()),
        Err(error) => Err(error),
    }
}

fn open(path: &Path) -> Result<Connection, Error> {
    if !path.exists() {
        return Err(Error::Missing { place: path.display().to_string() });
    }
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = OFF")?;
    Ok(connection)
}

fn content(connection: &Connection) -> Result<Content, Error> {
    let recorded = migrate::recorded(connection)?;
    if recorded.is_empty() {
        return Err(Error::engine("no migrations in it"));
    }
    pending(MIGRATIONS, &recorded)?;
    let mut counts = Vec::new();
    for table in schema::names(connection)? {
        let count = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
        counts.push((table, count));
    }
    Ok((counts, recorded.iter().map(|step| step.number).collect()))
}

fn damaged(path: &Path, what: impl ToString) -> Error {
    Error::Damaged { place: path.display().to_string(), what: what.to_string() }
}

/// What the engine says of a file that is none of ours: to the person it is no database error.
fn not_ours(path: &Path, error: Error) -> Error {
    match error {
        Error::Engine(what) => damaged(path, format!("not a database of this program: {what}")),
        error => error,
    }
}
