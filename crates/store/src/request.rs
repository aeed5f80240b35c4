//! What lies in the queue of a writer.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use crate::error::Error;
use crate::write::Write;

/// Work for a writer.
pub(crate) enum Work {
    /// A request that shares its transaction and its commit with others where the engine gains from it.
    Shared(Box<dyn Request>),
    /// A request that has the connection to itself and writes so much that it is done with less care.
    Load(Box<dyn Request>),
    /// Something that has the connection to itself, outside a transaction.
    Alone(Box<dyn FnOnce(&mut Write) + Send>),
    /// The end: no work comes after it.
    Close,
}

/// A function to run in a transaction, and someone who waits for its outcome.
pub(crate) trait Request: Send {
    /// Runs the function. Whether its changes are to be kept.
    fn run(&mut self, write: &mut Write) -> bool;
    /// Sends the outcome, or instead of it the error that befell the whole transaction.
    fn answer(self: Box<Self>, failure: Option<Error>);
}

pub(crate) struct Call<T, E, F> {
    apply: Option<F>,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Call<T, E, F> {
    pub fn new(apply: F) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (reply, answer) = oneshot::channel();
        (Call { apply: Some(apply), outcome: None, reply }, answer)
    }
}

impl<T, E, F> Request for Call<T, E, F>
where
    F: FnOnce(&mut Write) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, write: &mut Write) -> bool {
        let Some(apply) = self.apply.take() else {
            return false;
        };
        let outcome = run_caught(write, apply);
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn answer(self: Box<Self>, failure: Option<Error>) {
        let outcome = match failure {
            Some(error) => Err(E::from(error)),
            None => self.outcome.unwrap_or_else(|| Err(E::from(Error::Closed))),
        };
        // Nobody listens when the client has left. That is its own affair: the changes stay.
        drop(self.reply.send(outcome));
    }
}

/// Runs a function in the transaction; a panic, and an `Ok` after a failed statement, become errors.
pub(crate) fn run_caught<T, E: From<Error>>(
    write: &mut Write,
    apply: impl FnOnce(&mut Write) -> Result<T, E>,
) -> Result<T, E> {
    write.failure = None;
    // The connection stays usable after a panic: its transaction is rolled back, and nothing else is shared.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let outcome = apply(write);
        if outcome.is_ok() {
            // An error is remembered.
            drop(write.flush());
        }
        write.shared.faults.write();
        outcome
    }));
    match (outcome, write.failure.take()) {
        (Err(panic), _) => Err(E::from(Error::Panicked(message(&*panic)))),
        (Ok(Ok(_)), Some(error)) => Err(E::from(error)),
        (Ok(outcome), _) => outcome,
    }
}

/// What the panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "no message".to_owned()
    }
}
