//! Failures on demand, for tests.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::error::Error;

/// Failures to come, armed by a test. Unarmed, which is how a server runs, each costs one relaxed load.
#[derive(Debug, Default)]
pub struct Faults {
    /// 0: none; n: the n-th statement from now fails.
    statement: AtomicU64,
    /// How many of the next commits fail.
    commits: AtomicU64,
    /// How many of the next writes panic.
    writes: AtomicU64,
}

impl Faults {
    /// Makes the next statement, of a read or a write, fail with [`Error::Engine`].
    pub fn fail_next_statement(&self) {
        self.fail_statement(1);
    }

    /// Makes the `n`-th statement from now fail, counted from 1; 0 disarms.
    pub fn fail_statement(&self, n: u64) {
        self.statement.store(n, Relaxed);
    }

    /// Makes one more of the next commits fail.
    pub fn fail_next_commit(&self) {
        self.commits.fetch_add(1, Relaxed);
    }

    /// Makes one more of the next writes panic when its function has done everything, just before it is kept.
    pub fn panic_next_write(&self) {
        self.writes.fetch_add(1, Relaxed);
    }

    /// Disarms everything.
    pub fn clear(&self) {
        for armed in [&self.statement, &self.commits, &self.writes] {
            armed.store(0, Relaxed);
        }
    }

    pub(crate) fn statement(&self) -> Result<(), Error> {
        match count_down(&self.statement) {
            Some(1) => Err(Error::engine("a statement failed on demand")),
            _ => Ok(()),
        }
    }

    pub(crate) fn write(&self) {
        assert!(count_down(&self.writes).is_none(), "a write panicked on demand");
    }

    pub(crate) fn commit(&self) -> Result<(), Error> {
        match count_down(&self.commits) {
            Some(_) => Err(Error::engine("a commit failed on demand")),
            None => Ok(()),
        }
    }
}

/// Takes one from the counter; what it was, unless it was zero.
fn count_down(counter: &AtomicU64) -> Option<u64> {
    if counter.load(Relaxed) == 0 {
        return None;
    }
    counter.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).ok()
}
