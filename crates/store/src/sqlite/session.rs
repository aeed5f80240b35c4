//! The connection of the writer.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::File;
use super::checkpoint::{self, Checkpointer};
use super::connection::{self, Parameter, Role};
use super::migrate::migrate;
use crate::block::Block;
use crate::dialect;
use crate::error::Error;
use crate::gids;
use crate::migration::MIGRATIONS;
use crate::session::{self, Content};
use crate::statement::{Inserts, Query, Statement};
use crate::step::{Rows, Step};
use crate::value::{Type, Value};

/// The one connection that writes.
pub(super) struct Session {
    connection: Connection,
    file: Arc<File>,
    /// The pages in the write-ahead log after the last commit.
    log: Arc<AtomicUsize>,
    checkpointer: Checkpointer,
    inserts: Inserts,
    /// The end of the block of gids that was reserved in this transaction.
    reserved: Option<i64>,
}

impl Session {
    /// Opens the file and brings it up to date.
    pub fn open(file: &Arc<File>) -> Result<Self, Error> {
        let log = Arc::new(AtomicUsize::new(0));
        let mut connection = open(file, &log)?;
        migrate(&mut connection, file, MIGRATIONS)?;
        let checkpointer = Checkpointer::start(Arc::clone(file))?;
        Ok(Session {
            connection,
            file: Arc::clone(file),
            log,
            checkpointer,
            inserts: Inserts::default(),
            reserved: None,
        })
    }

    fn run(&self, command: &str) -> Result<(), Error> {
        self.connection.prepare_cached(command)?.raw_execute()?;
        Ok(())
    }

    fn insert_rows(&mut self, table: &str, columns: &[&str], rows: &[Value]) -> Result<u64, Error> {
        let statement = self.inserts.statement(table, columns, 1);
        let mut prepared = self.connection.prepare_cached(statement.sql())?;
        let mut count = 0;
        for row in rows.chunks_exact(columns.len()) {
            for (index, value) in row.iter().enumerate() {
                prepared.raw_bind_parameter(index + 1, Parameter(value))?;
            }
            count += prepared.raw_execute()? as u64;
        }
        Ok(count)
    }

    /// Writes the reservation of gids again after it was undone: some of them may be in somebody's hands.
    fn reserve_again(&mut self) -> Result<(), Error> {
        if let Some(end) = self.reserved {
            let again = "UPDATE gid_blocks SET next = max(next, ?1) WHERE id = 1";
            self.connection.prepare_cached(again)?.execute([end])?;
        }
        Ok(())
    }
}

fn open(file: &File, log: &Arc<AtomicUsize>) -> Result<Connection, Error> {
    let mut connection = connection::open(file, Role::Writer)?;
    let log = Arc::clone(log);
    connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
        log.store(pages as usize, Relaxed);
        Ok(())
    }))?;
    Ok(connection)
}

impl session::Session for Session {
    fn begin(&mut self) -> Result<(), Error> {
        self.run("BEGIN IMMEDIATE")?;
        let reserved = self.reserve_again();
        if reserved.is_err() {
            self.rollback()?;
        }
        reserved
    }

    fn is_open(&self) -> bool {
        !self.connection.is_autocommit()
    }

    fn save(&mut self) -> Result<(), Error> {
        self.run("SAVEPOINT request")
    }

    fn keep(&mut self) -> Result<(), Error> {
        self.run("RELEASE request")
    }

    fn undo(&mut self) -> Result<(), Error> {
        self.run("ROLLBACK TO request")?;
        self.run("RELEASE request")?;
        self.reserve_again()
    }

    fn has_debt(&self) -> bool {
        self.reserved.is_some()
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.run("COMMIT").map_err(Error::lost)?;
        self.reserved = None;
        Ok(())
    }

    fn rollback(&mut self) -> Result<(), Error> {
        if self.is_open() { self.run("ROLLBACK") } else { Ok(()) }
    }

    fn reopen(&mut self) -> Result<(), Error> {
        self.connection = open(&self.file, &self.log)?;
        self.reserved = None;
        Ok(())
    }

    fn query(&mut self, statement: &Arc<Statement>, parameters: &[Value]) -> Result<Block, Error> {
        Ok(connection::query(&self.connection, statement, parameters)?)
    }

    fn execute(&mut self, statement: &Arc<Statement>, parameters: &[Value]) -> Result<u64, Error> {
        Ok(connection::execute(&self.connection, statement, parameters)?)
    }

    fn insert(&mut self, table: &str, columns: &[(&str, Type)], rows: &[Value]) -> Result<u64, Error> {
        let columns: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        self.insert_rows(table, &columns, rows)
    }

    fn run_all(&mut self, steps: Vec<Step>) -> Result<Vec<Block>, Error> {
        let run = |step: Step| match step {
            Step::Run(Query { statement, parameters }) => self.query(&statement, &parameters),
            Step::Insert(Rows { table, columns, cells }) => {
                self.insert_rows(table, &columns, &cells).map(|_| Block::default())
            }
            Step::Lock(_) | Step::Share(_) => Ok(Block::default()),
        };
        steps.into_iter().map(run).collect()
    }

    fn later(&mut self, step: Step) -> Result<(), Error> {
        self.run_all(vec![step]).map(drop)
    }

    fn is_alone(&self) -> bool {
        true
    }

    /// There is one writer, and every other process waits for the transaction to end.
    fn share_all(&mut self, _keys: &[i64]) -> Result<(), Error> {
        Ok(())
    }

    fn lock(&mut self, _key: i64) -> Result<(), Error> {
        Ok(())
    }

    fn lock_all(&mut self, _keys: &[i64]) -> Result<(), Error> {
        Ok(())
    }

    fn reserve_gids(&mut self, floor: i64) -> Result<i64, Error> {
        let mut reserve = self.connection.prepare_cached(dialect::SQLITE.reserve_gids)?;
        let end: i64 = reserve.query_row([gids::BLOCK, floor], |row| row.get(0))?;
        self.reserved = Some(end);
        Ok(end - gids::BLOCK)
    }

    fn relax(&mut self, relaxed: bool) -> Result<(), Error> {
        if relaxed {
            self.connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -262144")?;
        } else {
            let durable = if self.file.durable { "FULL" } else { "OFF" };
            self.connection.pragma_update(None, "synchronous", durable)?;
            self.connection.execute_batch("PRAGMA cache_size = -16384; PRAGMA shrink_memory")?;
            // A commit waits for the whole log, with all that was written to it without waiting.
            self.connection.execute("UPDATE gid_blocks SET next = next WHERE id = 1", [])?;
            checkpoint::run(&self.connection, "PASSIVE")?;
        }
        Ok(())
    }

    fn tidy(&mut self) {
        let log = self.log.load(Relaxed);
        if self.checkpointer.look(log) {
            // The other connection has done most of it, but only here can it be finished: nobody writes meanwhile.
            drop(checkpoint::run(&self.connection, "PASSIVE"));
        }
    }

    fn close(&mut self) {
        self.checkpointer.stop();
        drop(checkpoint::run(&self.connection, "TRUNCATE"));
    }

    fn snapshot(&mut self) -> Result<Content, Error> {
        let copy = Copy::new()?;
        let mut to = Connection::open(&copy.path)?;
        to.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")?;
        backup(&self.connection, &mut to)?;
        Ok(Arc::new(copy))
    }

    fn restore(&mut self, content: &Content) -> Result<(), Error> {
        let copy = content.downcast_ref::<Copy>().ok_or_else(|| Error::engine("a snapshot of another engine"))?;
        let from = Connection::open_with_flags(&copy.path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        self.connection.flush_prepared_statement_cache();
        backup(&from, &mut self.connection)
    }
}

fn backup(from: &Connection, to: &mut Connection) -> Result<(), Error> {
    match Backup::new(from, to)?.step(-1)? {
        StepResult::Done => Ok(()),
        other => Err(Error::Busy(format!("a copy of the database did not finish: {other:?}"))),
    }
}

/// The content of a database in a file of its own.
struct Copy {
    path: PathBuf,
    _directory: TempDir,
}

impl Copy {
    fn new() -> Result<Self, Error> {
        let directory = super::temporary_directory()?;
        Ok(Copy { path: directory.path().join("copy.db"), _directory: directory })
    }
}
