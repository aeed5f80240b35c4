//! The threads that write. Where there is one, the requests that wait share a transaction and a commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::error::Error;
use crate::request::{Request, Work};
use crate::session::Session;
use crate::shared::Shared;
use crate::write::Write;

/// A batch ends after so long, even if more requests wait. It only counts when more come than can be done, and then a
/// longer one gets more done: pages that several requests have touched are written once.
const BATCH_TIME: Duration = Duration::from_millis(20);

/// The queue that the writers of a database share.
#[derive(Clone)]
pub(crate) struct Queue(Arc<Mutex<mpsc::Receiver<Work>>>);

impl Queue {
    pub fn new(receiver: mpsc::Receiver<Work>) -> Self {
        Queue(Arc::new(Mutex::new(receiver)))
    }

    /// Waits for work; None when the database was closed and all work is done.
    fn next(&self) -> Option<Work> {
        self.take(|receiver| receiver.blocking_recv())
    }

    /// Work that waits already.
    fn waiting(&self) -> Option<Work> {
        self.take(|receiver| receiver.try_recv().ok())
    }

    /// Takes the next piece of work. The end is work for whoever takes it: what waits is still done, nothing new comes.
    fn take(&self, receive: impl Fn(&mut mpsc::Receiver<Work>) -> Option<Work>) -> Option<Work> {
        let mut receiver = self.lock();
        loop {
            match receive(&mut receiver) {
                Some(Work::Close) => receiver.close(),
                other => return other,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, mpsc::Receiver<Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that writes.
pub(crate) struct Writer {
    write: Write,
    queue: Queue,
    /// The most requests that share a commit.
    batch: usize,
}

impl Writer {
    /// Starts a thread. It holds `alive` until it has ended.
    pub fn start(
        session: Box<dyn Session>,
        shared: Arc<Shared>,
        queue: Queue,
        batch: usize,
        alive: mpsc::Sender<()>,
    ) -> Result<(), Error> {
        let writer = Writer { write: Write::new(session, shared), queue, batch };
        let run = move || {
            writer.run();
            drop(alive);
        };
        thread::Builder::new().name("store-writer".into()).spawn(run).map_err(Error::engine)?;
        Ok(())
    }

    fn run(mut self) {
        let mut left_over = None;
        while let Some(work) = left_over.take().or_else(|| self.queue.next()) {
            match work {
                Work::Shared(request) => left_over = self.run_batch(request),
                Work::Load(request) => self.run_load(request),
                Work::Alone(work) => work(&mut self.write),
                Work::Close => {}
            }
            self.write.session.tidy();
        }
        self.write.session.close();
    }

    /// Runs a request and those that wait behind it. Returns what is no request, and came next.
    #[expect(clippy::disallowed_methods, reason = "measures")]
    fn run_batch(&mut self, first: Box<dyn Request>) -> Option<Work> {
        let mut batch = Batch::new(&mut self.write);
        let started = Instant::now();
        let mut left_over = None;
        let mut next = Some(first);
        while let Some(request) = next.take() {
            batch.run(request);
            if batch.failure.is_some() || batch.requests.len() >= self.batch || started.elapsed() >= BATCH_TIME {
                break;
            }
            match self.queue.waiting() {
                Some(Work::Shared(request)) => next = Some(request),
                other => left_over = other,
            }
        }
        batch.end();
        left_over
    }

    /// Runs a request alone, with little care for a crash until it is done.
    fn run_load(&mut self, request: Box<dyn Request>) {
        if let Err(error) = self.write.session.relax(true) {
            return request.answer(Some(error));
        }
        let mut batch = Batch::new(&mut self.write);
        batch.run(request);
        let (requests, failure) = batch.commit();
        let strict = self.write.session.relax(false);
        answer(requests, failure.or(strict.err()));
    }
}

/// Requests that share a transaction.
struct Batch<'a> {
    write: &'a mut Write,
    requests: Vec<Box<dyn Request>>,
    /// How many of the requests have changes to keep.
    kept: usize,
    /// What befell the whole transaction.
    failure: Option<Error>,
}

impl<'a> Batch<'a> {
    fn new(write: &'a mut Write) -> Self {
        Batch { write, requests: Vec::new(), kept: 0, failure: None }
    }

    /// Runs one more request. If it fails, its changes are undone and those of the others stay.
    fn run(&mut self, mut request: Box<dyn Request>) {
        let result = self.try_run(&mut *request);
        self.failure = result.err();
        self.requests.push(request);
    }

    fn try_run(&mut self, request: &mut dyn Request) -> Result<(), Error> {
        if !self.write.session.is_open() {
            self.write.session.begin()?;
        }
        // While there is nothing to keep, the transaction itself serves as the savepoint.
        let first = self.kept == 0;
        if !first {
            self.write.session.save().map_err(Error::lost)?;
        }
        let keep = request.run(self.write);
        let session = &mut self.write.session;
        match (keep, first) {
            (false, true) => session.rollback().map_err(Error::lost),
            (false, false) if session.is_open() => session.undo().map_err(Error::lost),
            (true, true) if session.is_open() => Ok(()),
            (true, false) if session.is_open() => session.keep().map_err(Error::lost),
            // A full disk, for one, makes the engine give up the transaction with all that was in it.
            _ => Err(Error::Commit("the engine gave up the transaction".into())),
        }?;
        self.kept += usize::from(keep);
        Ok(())
    }

    /// Commits, then tells everybody.
    fn end(self) {
        let (requests, failure) = self.commit();
        answer(requests, failure);
    }

    /// Makes what was kept durable.
    fn commit(mut self) -> (Vec<Box<dyn Request>>, Option<Error>) {
        let failure = match self.failure.take() {
            Some(error) => Err(error),
            None => self.try_commit(),
        };
        if let Err(Error::Commit(_)) = &failure {
            recover(self.write);
        }
        (self.requests, failure.err())
    }

    fn try_commit(&mut self) -> Result<(), Error> {
        let Write { session, shared, .. } = &mut *self.write;
        if !session.is_open() {
            if !session.has_debt() {
                return Ok(());
            }
            session.begin().map_err(Error::lost)?;
        }
        shared.faults.commit().map_err(Error::lost)?;
        session.commit()?;
        shared.commits.fetch_add(1, Relaxed);
        shared.batches.count(self.kept);
        Ok(())
    }
}

/// Starts afresh after a failed commit. The database counts as broken until a probe has written to it.
fn recover(write: &mut Write) {
    let Write { session, shared, .. } = write;
    shared.broken.store(true, Relaxed);
    shared.gids.forget_rest();
    if let Err(error) = session.rollback().and(session.reopen()) {
        tracing::error!(%error, "the connection that writes could not be opened again");
    }
}

fn answer(requests: Vec<Box<dyn Request>>, failure: Option<Error>) {
    for request in requests {
        let failure = failure.clone();
        // An answer that nobody waits for is dropped here. Should that panic, the others still get theirs.
        drop(catch_unwind(AssertUnwindSafe(|| request.answer(failure))));
    }
}
