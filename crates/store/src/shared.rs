//! What every connection of a database has in common.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::error::Error;
use crate::fault::Faults;
use crate::figures::Batches;
use crate::gids::Gids;
use crate::location::Options;

#[derive(Debug)]
pub(crate) struct Shared {
    pub statements: AtomicU64,
    pub reads: AtomicU64,
    pub writes: AtomicU64,
    pub commits: AtomicU64,
    pub batches: Batches,
    pub faults: Faults,
    pub gids: Gids,
    /// Set by a failed commit, cleared by a probe that could write.
    pub broken: AtomicBool,
    pub budget: Duration,
    pub deadline: Duration,
}

impl Shared {
    pub fn new(options: &Options) -> Self {
        Shared {
            statements: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            batches: Batches::default(),
            faults: Faults::default(),
            gids: Gids::default(),
            broken: AtomicBool::new(false),
            budget: options.budget,
            deadline: options.deadline,
        }
    }

    /// Counts a statement that is about to run, unless it is to fail.
    pub fn statement(&self) -> Result<(), Error> {
        self.statements.fetch_add(1, Relaxed);
        self.faults.statement()
    }
}
