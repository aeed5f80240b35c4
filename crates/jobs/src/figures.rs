//! What is counted about jobs.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use engine::job::Job;

/// The limits of the histogram of steps, in microseconds.
pub const LIMITS: [u64; 8] = [1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_500_000];

/// What waits, as of the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// All that is in the queue and has not been given up, what comes back by itself included.
    pub queued: i64,
    /// What of it could run now.
    pub due: i64,
    /// What has been given up.
    pub failed: i64,
}

/// What one process has done, and what it saw waiting.
#[derive(Debug)]
pub struct Figures {
    queued: AtomicI64,
    due: AtomicI64,
    failed: AtomicI64,
    kinds: Vec<Kind>,
}

/// One kind of job.
#[derive(Debug)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    done: AtomicU64,
    failures: AtomicU64,
    given_up: AtomicU64,
    times: [AtomicU64; LIMITS.len()],
    steps: AtomicU64,
    microseconds: AtomicU64,
}

/// The figures of a kind: jobs by how their attempts ended, and steps by the time they took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// Jobs that are done.
    pub done: u64,
    /// Attempts that have failed.
    pub failures: u64,
    /// Jobs that have been given up.
    pub given_up: u64,
    /// Steps by the time they took: see [`LIMITS`].
    pub times: [u64; LIMITS.len()],
    /// All steps.
    pub steps: u64,
    /// The time that they took together.
    pub seconds: f64,
}

impl Figures {
    pub(crate) fn new(jobs: &[&'static Job]) -> Self {
        let kind = |job: &&'static Job| Kind {
            name: job.kind,
            done: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
            times: Default::default(),
            steps: AtomicU64::new(0),
            microseconds: AtomicU64::new(0),
        };
        let kinds = jobs.iter().map(kind).collect();
        Figures { queued: AtomicI64::new(0), due: AtomicI64::new(0), failed: AtomicI64::new(0), kinds }
    }

    /// What waited when this process looked last.
    pub fn waiting(&self) -> Waiting {
        Waiting { queued: self.queued.load(Relaxed), due: self.due.load(Relaxed), failed: self.failed.load(Relaxed) }
    }

    /// The kinds.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    pub(crate) fn saw(&self, waiting: Waiting) {
        self.queued.store(waiting.queued, Relaxed);
        self.due.store(waiting.due, Relaxed);
        self.failed.store(waiting.failed, Relaxed);
    }

    pub(crate) fn of(&self, job: &Job) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.name == job.kind)
    }
}

impl Kind {
    /// Its figures.
    pub fn counts(&self) -> Counts {
        Counts {
            // First, so that no bucket is larger than the whole.
            times: self.times.each_ref().map(|time| time.load(Relaxed)),
            done: self.done.load(Relaxed),
            failures: self.failures.load(Relaxed),
            given_up: self.given_up.load(Relaxed),
            steps: self.steps.load(Relaxed),
            seconds: self.microseconds.load(Relaxed) as f64 / 1e6,
        }
    }

    pub(crate) fn step(&self, time: Duration) {
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.steps.fetch_add(1, Relaxed);
        self.microseconds.fetch_add(microseconds, Relaxed);
        if let Some(place) = LIMITS.iter().position(|limit| microseconds <= *limit) {
            self.times[place].fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn done(&self) {
        self.done.fetch_add(1, Relaxed);
    }

    pub(crate) fn failed(&self, for_good: bool) {
        self.failures.fetch_add(1, Relaxed);
        self.given_up.fetch_add(u64::from(for_good), Relaxed);
    }
}
