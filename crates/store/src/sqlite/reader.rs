//! Reads: on the thread that asks while they are quick, on a thread of their own when they are not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::task::spawn_blocking;

use super::File;
use super::connection::{self, Failure, Role};
use crate::block::Block;
use crate::error::Error;
use crate::pool::{Lease, Pooled};
use crate::shared::Shared;
use crate::statement::Query;

/// How many steps of the engine's machine pass between two looks at the clock: some 20 to 50 microseconds.
const STEPS: i32 = 1000;

/// A connection that reads.
pub(crate) struct Reader {
    connection: Connection,
    budget: Arc<Budget>,
}

impl Reader {
    pub fn open(file: &File) -> Result<Self, Error> {
        let mut connection = connection::open(file, Role::Reader)?;
        let budget = Arc::new(Budget::new());
        let watched = Arc::clone(&budget);
        connection.progress_handler(STEPS, Some(move || watched.is_spent()))?;
        Ok(Reader { connection, budget })
    }

    /// Runs queries until all are done or the time is up. `blocks` holds the answers of those that are done.
    fn run(
        &mut self,
        queries: &[Query],
        blocks: &mut Vec<Block>,
        time: Duration,
        shared: &Shared,
    ) -> Result<(), Failure> {
        if self.connection.is_autocommit() {
            self.connection.prepare_cached("BEGIN")?.raw_execute()?;
        }
        self.budget.start(time);
        let result = queries.iter().try_for_each(|query| {
            shared.statement()?;
            blocks.push(connection::query(&self.connection, &query.statement, &query.parameters)?);
            Ok(())
        });
        self.budget.stop();
        result
    }
}

impl Pooled for Reader {
    fn recycle(&mut self) -> bool {
        self.budget.stop();
        if self.connection.is_autocommit() {
            return true;
        }
        let end = self.connection.prepare_cached("COMMIT").and_then(|mut commit| commit.raw_execute());
        end.is_ok()
    }
}

/// How long the statements of a reader may still run. The engine asks now and then whether it is spent.
struct Budget {
    origin: Instant,
    /// Nanoseconds, or [`UNLIMITED`].
    time: AtomicU64,
    /// In nanoseconds since the origin; 0 until the first question, so that a quick level never looks at the clock.
    end: AtomicU64,
}

const UNLIMITED: u64 = u64::MAX;

impl Budget {
    #[expect(clippy::disallowed_methods, reason = "measures")]
    fn new() -> Self {
        Budget { origin: Instant::now(), time: AtomicU64::new(UNLIMITED), end: AtomicU64::new(0) }
    }

    fn start(&self, time: Duration) {
        self.end.store(0, Relaxed);
        self.time.store(time.as_nanos() as u64, Relaxed);
    }

    fn stop(&self) {
        self.time.store(UNLIMITED, Relaxed);
    }

    /// Makes the budget spent at once.
    fn cancel(&self) {
        self.time.store(0, Relaxed);
        self.end.store(1, Relaxed);
    }

    #[expect(clippy::disallowed_methods, reason = "measures")]
    fn is_spent(&self) -> bool {
        let time = self.time.load(Relaxed);
        if time == UNLIMITED {
            return false;
        }
        let now = self.origin.elapsed().as_nanos() as u64;
        match self.end.load(Relaxed) {
            0 => {
                self.end.store(now.saturating_add(time), Relaxed);
                time == 0
            }
            end => now >= end,
        }
    }
}

/// Stops a statement whose reader has left.
struct CancelOnDrop(Arc<Budget>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// A read transaction. It begins with its first level.
pub(crate) struct Read {
    /// None while another thread has it.
    lease: Option<Lease<Reader>>,
    shared: Arc<Shared>,
}

impl Read {
    pub fn new(lease: Lease<Reader>, shared: Arc<Shared>) -> Self {
        Read { lease: Some(lease), shared }
    }

    /// Runs the queries here, and what is left of them elsewhere if they take too long.
    pub async fn level(&mut self, queries: &[Query]) -> Result<Vec<Block>, Error> {
        let mut blocks = Vec::with_capacity(queries.len());
        let reader = self.lease.as_mut().ok_or(Error::Closed)?.get()?;
        match reader.run(queries, &mut blocks, self.shared.budget, &self.shared) {
            Ok(()) => Ok(blocks),
            Err(Failure::Interrupted) => self.elsewhere(queries, blocks).await,
            Err(Failure::Other(error)) => Err(error),
        }
    }

    /// Runs the queries on a thread that may block.
    pub async fn slow_level(&mut self, queries: &[Query]) -> Result<Vec<Block>, Error> {
        self.elsewhere(queries, Vec::with_capacity(queries.len())).await
    }

    async fn elsewhere(&mut self, queries: &[Query], mut blocks: Vec<Block>) -> Result<Vec<Block>, Error> {
        let mut lease = self.lease.take().ok_or(Error::Closed)?;
        let budget = Arc::clone(&lease.get()?.budget);
        let queries = queries[blocks.len()..].to_vec();
        let shared = Arc::clone(&self.shared);
        let mut thread = spawn_blocking(move || {
            let result = match lease.get() {
                Ok(reader) => reader.run(&queries, &mut blocks, shared.deadline, &shared).map_err(Error::from),
                Err(error) => Err(error),
            };
            (lease, result.map(|()| blocks))
        });
        // Dropped before `thread`, so that the connection is not with its next user yet.
        let _cancel = CancelOnDrop(budget);
        let (lease, result) = (&mut thread).await.map_err(Error::engine)?;
        self.lease = Some(lease);
        result
    }
}
