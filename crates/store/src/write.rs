//! A write transaction, as the function that writes sees it.

use std::sync::Arc;

use crate::block::Block;
use crate::error::Error;
use crate::session::Session;
use crate::shared::Shared;
use crate::statement::Statement;
use crate::step::{self, Step};
use crate::value::{Type, Value};

/// A write transaction. All calls block: the function that gets it runs on a thread of a writer.
///
/// After a statement has failed the transaction is lost: the function must return an error, and an `Ok` becomes one.
/// What must not fail, because another row may be there already, says so: `INSERT .. ON CONFLICT DO NOTHING`.
pub struct Write {
    pub(crate) session: Box<dyn Session>,
    pub(crate) shared: Arc<Shared>,
    /// The first error of a statement since the function began.
    pub(crate) failure: Option<Error>,
}

impl Write {
    pub(crate) fn new(session: Box<dyn Session>, shared: Arc<Shared>) -> Self {
        Write { session, shared, failure: None }
    }

    /// Runs a statement and returns its rows.
    ///
    /// # Errors
    /// [`Error::Conflict`] for a violated unique constraint, [`Error::Busy`] for a deadlock, else [`Error::Engine`].
    pub fn query(&mut self, statement: &Arc<Statement>, parameters: &[Value]) -> Result<Block, Error> {
        self.run(|session| session.query(statement, parameters))
    }

    /// Runs a statement that returns no rows; the number of rows it changed.
    ///
    /// # Errors
    /// As [`Write::query`].
    pub fn execute(&mut self, statement: &Arc<Statement>, parameters: &[Value]) -> Result<u64, Error> {
        self.run(|session| session.execute(statement, parameters))
    }

    /// Inserts many rows at once, the fastest way the engine has: `rows` holds the cells of the first row in the order
    /// of `columns`, then those of the second, and so on. The number of rows inserted.
    ///
    /// # Errors
    /// As [`Write::later`]: a few rows wait for what comes next.
    pub fn insert_rows(&mut self, table: &str, columns: &[(&str, Type)], rows: &[Value]) -> Result<u64, Error> {
        self.run(|session| {
            step::whole_rows(columns.len(), rows)?;
            session.insert(table, columns, rows)
        })
    }

    /// Runs all steps in order, in one round trip where there are round trips. A block for each, which is empty for
    /// those that return nothing. Each sees what was committed when it began: what comes after a lock sees what whoever
    /// had the lock before has written.
    ///
    /// # Errors
    /// As [`Write::query`], the first there is; the steps after it have not run.
    pub fn run_all(&mut self, steps: Vec<Step>) -> Result<Vec<Block>, Error> {
        let counted = steps.iter().try_for_each(|step| self.shared.statement().and_then(|()| step.check()));
        let result = counted.and_then(|()| self.session.run_all(steps));
        result.inspect_err(|error| remember(&mut self.failure, error))
    }

    /// Runs a step whose result does not matter, together with whatever comes next: where there are round trips, it
    /// takes none of its own. An error of it, such as a conflict, may be told only by what comes next, or by the write
    /// as a whole.
    ///
    /// # Errors
    /// As [`Write::query`].
    pub fn later(&mut self, step: Step) -> Result<(), Error> {
        self.run(|session| step.check().and_then(|()| session.later(step)))
    }

    /// What has gone wrong in this transaction, if something has.
    pub fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Whether nobody else writes while this transaction is open, so that what it has read stays true without a lock.
    pub fn is_alone(&self) -> bool {
        self.session.is_alone()
    }

    /// The next gid. It is never handed out again, whatever becomes of the transaction.
    ///
    /// # Errors
    /// As [`Write::query`], when a new block of gids cannot be reserved.
    pub fn gid(&mut self) -> Result<i64, Error> {
        let Write { session, shared, failure } = self;
        let gid = shared.gids.next(|floor| session.reserve_gids(floor));
        gid.inspect_err(|error| remember(failure, error))
    }

    /// Waits until no other transaction holds the lock of this key, and holds it to the end of this one. What comes next
    /// sees what whoever had the lock before has written.
    ///
    /// # Errors
    /// As [`Write::later`]: where there are round trips, it is the next statement that waits.
    pub fn lock(&mut self, key: i64) -> Result<(), Error> {
        self.run(|session| session.lock(key))
    }

    /// As [`Write::lock`], for many keys, one after the other.
    ///
    /// # Errors
    /// As [`Write::lock`].
    pub fn lock_all(&mut self, keys: &[i64]) -> Result<(), Error> {
        self.run(|session| session.lock_all(keys))
    }

    /// As [`Write::lock`], but holds the lock together with others that share it: nobody has it alone meanwhile. To be
    /// alone later in the same transaction takes a deadlock with whoever wants the same.
    ///
    /// # Errors
    /// As [`Write::lock`].
    pub fn share(&mut self, key: i64) -> Result<(), Error> {
        self.share_all(&[key])
    }

    /// As [`Write::share`], for many keys, one after the other.
    ///
    /// # Errors
    /// As [`Write::lock`].
    pub fn share_all(&mut self, keys: &[i64]) -> Result<(), Error> {
        self.run(|session| session.share_all(keys))
    }

    fn run<T>(&mut self, statement: impl FnOnce(&mut dyn Session) -> Result<T, Error>) -> Result<T, Error> {
        let result = match self.shared.statement() {
            Ok(()) => statement(&mut *self.session),
            Err(error) => Err(error),
        };
        result.inspect_err(|error| remember(&mut self.failure, error))
    }
}

fn remember(failure: &mut Option<Error>, error: &Error) {
    failure.get_or_insert_with(|| error.clone());
}
