//! Connections and how statements run on them.

use std::thread;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::ffi;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags};

use super::File;
use crate::block::{Block, Cell};
use crate::error::Error;
use crate::statement::Statement;
use crate::value::{Type, Value};

/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 512;

/// How long a connection waits for the lock of another process, such as the command line of an administrator.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Reader,
    Writer,
    Checkpointer,
}

/// Opens a connection with the settings of its role.
pub(super) fn open(file: &File, role: Role) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        &file.path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | match role {
                Role::Writer => OpenFlags::SQLITE_OPEN_CREATE,
                Role::Reader | Role::Checkpointer => OpenFlags::empty(),
            }
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(if role == Role::Checkpointer { Duration::ZERO } else { PATIENCE })?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without this a statement is parsed again whenever a parameter is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = OFF")?;
    match role {
        Role::Reader => {
            // As much as the engine maps at all: what is beyond is read by a system call for each page.
            connection
                .execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -4096; PRAGMA mmap_size = 2147418112")?;
        }
        Role::Writer => {
            let durable = if file.durable { "FULL" } else { "OFF" };
            write_ahead(&connection)?;
            connection.pragma_update(None, "synchronous", durable)?;
            connection.execute_batch(
                "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384",
            )?;
        }
        Role::Checkpointer => {
            let durable = if file.durable { "FULL" } else { "OFF" };
            connection.pragma_update(None, "synchronous", durable)?;
        }
    }
    Ok(connection)
}

/// Runs a statement and collects its rows.
pub(super) fn query(connection: &Connection, statement: &Statement, parameters: &[Value]) -> Result<Block, Failure> {
    let mut prepared = prepare(connection, statement, parameters)?;
    let width = statement.columns.len();
    if prepared.column_count() != width {
        let found = prepared.column_count();
        return Err(Error::engine(format!("{found} columns where {width} are declared: {}", statement.sql)).into());
    }
    let mut block = Block::new(width);
    let mut rows = prepared.raw_query();
    while let Some(row) = rows.next()? {
        block.reserve_row();
        for (column, expected) in statement.columns.iter().enumerate() {
            let found = row.get_ref(column)?;
            let Some(cell) = cell(*expected, found) else {
                let found = found.data_type();
                let error = format!("column {column} is {found}, not {expected:?}: {}", statement.sql);
                return Err(Error::engine(error).into());
            };
            block.push(cell);
        }
    }
    Ok(block)
}

/// Runs a statement that returns no rows.
pub(super) fn execute(connection: &Connection, statement: &Statement, parameters: &[Value]) -> Result<u64, Failure> {
    Ok(prepare(connection, statement, parameters)?.raw_execute()? as u64)
}

fn prepare<'a>(
    connection: &'a Connection,
    statement: &Statement,
    parameters: &[Value],
) -> Result<CachedStatement<'a>, Failure> {
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    if prepared.parameter_count() != parameters.len() {
        let (wanted, given) = (prepared.parameter_count(), parameters.len());
        return Err(Error::engine(format!("{given} parameters where {wanted} are wanted: {}", statement.sql)).into());
    }
    for (index, value) in parameters.iter().enumerate() {
        prepared.raw_bind_parameter(index + 1, Parameter(value))?;
    }
    Ok(prepared)
}

/// A value as the engine takes it.
pub(super) struct Parameter<'a>(pub &'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Int(value) => ValueRef::Integer(*value),
            Value::Bool(value) => ValueRef::Integer(i64::from(*value)),
            Value::Real(value) => ValueRef::Real(*value),
            Value::Text(value) => ValueRef::Text(value.as_bytes()),
            Value::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

/// What the engine returned, read as the type that the statement declares.
fn cell(expected: Type, found: ValueRef<'_>) -> Option<Cell<'_>> {
    Some(match (expected, found) {
        (_, ValueRef::Null) => Cell::Null,
        (Type::Int, ValueRef::Integer(value)) => Cell::Int(value),
        (Type::Text, ValueRef::Text(value)) => Cell::Text(std::str::from_utf8(value).ok()?),
        (Type::Bool, ValueRef::Integer(value)) => Cell::Bool(value != 0),
        (Type::Real, ValueRef::Real(value)) => Cell::Real(value),
        (Type::Real, ValueRef::Integer(value)) => Cell::Real(value as f64),
        (Type::Bytes, ValueRef::Blob(value)) => Cell::Bytes(value),
        _ => return None,
    })
}

/// Why a statement did not run.
pub(super) enum Failure {
    /// It was stopped by the budget of its reader.
    Interrupted,
    /// Anything else.
    Other(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Other(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Failure::Interrupted,
            _ => Failure::Other(error.into()),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Interrupted => Error::Timeout,
            Failure::Other(error) => error,
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        let Some(code) = error.sqlite_error() else {
            return Error::Engine(text);
        };
        match (code.code, code.extended_code) {
            (_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => Error::Conflict(text),
            (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => Error::Busy(text),
            (ErrorCode::OperationInterrupted, _) => Error::Timeout,
            _ => Error::Engine(text),
        }
    }
}

/// Switches a file to write-ahead logging. Two that switch a new one at the same moment are in each other's way, and the
/// engine does not wait for that by itself as it does for other locks.
#[expect(clippy::disallowed_methods, reason = "there is nothing to wait for but the other's end")]
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    const PAUSE: Duration = Duration::from_millis(20);
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => thread::sleep(PAUSE),
            done => return done,
        }
    }
    connection.pragma_update(None, "journal_mode", "WAL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_has_its_settings() {
        let file = super::super::temporary().unwrap();
        let durable = File { durable: true, path: file.path.clone(), _directory: None };
        for (role, settings) in [
            (Role::Writer, &[("synchronous", 2), ("wal_autocheckpoint", 0), ("busy_timeout", 10_000)][..]),
            (Role::Reader, &[("query_only", 1), ("cache_size", -4096), ("mmap_size", 2_147_418_112)]),
            (Role::Checkpointer, &[("synchronous", 2), ("busy_timeout", 0)]),
        ] {
            let connection = open(&durable, role).unwrap();
            assert!(connection.db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG).unwrap(), "{role:?}");
            let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
            assert_eq!(mode, "wal", "{role:?}");
            for (name, value) in settings {
                let found: i64 = connection.pragma_query_value(None, name, |row| row.get(0)).unwrap();
                assert_eq!(found, *value, "{role:?} {name}");
            }
        }
    }

    #[test]
    fn the_engine_is_built_as_it_must_be() {
        let file = super::super::temporary().unwrap();
        let connection = open(&file, Role::Writer).unwrap();
        let mut options = connection.prepare("PRAGMA compile_options").unwrap();
        let options: Vec<String> =
            options.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap();
        assert!(options.iter().any(|option| option == "DEFAULT_MEMSTATUS=0"), "every allocation takes a mutex");
        assert!(!options.iter().any(|option| option == "ENABLE_STAT4"), "binding a parameter parses the statement");
    }
}
