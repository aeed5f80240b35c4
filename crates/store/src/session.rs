//! What a writer asks of its connection, on either engine.

use std::any::Any;
use std::sync::Arc;

use crate::block::Block;
use crate::error::Error;
use crate::statement::Statement;
use crate::step::Step;
use crate::value::{Type, Value};

/// The whole content of a database, in whatever form its engine can take back fastest.
pub(crate) type Content = Arc<dyn Any + Send + Sync>;

/// A connection that writes, with the state of its transaction.
pub(crate) trait Session: Send {
    /// Begins a transaction, opening the connection first if need be.
    fn begin(&mut self) -> Result<(), Error>;
    /// Whether a transaction is open.
    fn is_open(&self) -> bool;
    /// Sets a savepoint, to be followed by either `keep` or `undo`.
    fn save(&mut self) -> Result<(), Error>;
    /// Keeps what was done since the savepoint.
    fn keep(&mut self) -> Result<(), Error>;
    /// Undoes what was done since the savepoint.
    fn undo(&mut self) -> Result<(), Error>;
    /// Whether something outlived a rollback and is to be made durable by another transaction.
    fn has_debt(&self) -> bool;
    /// Makes the transaction durable. After [`Error::Commit`] nothing of it remains, as far as is known, and the
    /// connection must be reopened; any other error is that of a statement that was to be run later, and has undone it.
    fn commit(&mut self) -> Result<(), Error>;
    /// Undoes the transaction, if one is open.
    fn rollback(&mut self) -> Result<(), Error>;
    /// Opens a connection again after the old one has failed.
    fn reopen(&mut self) -> Result<(), Error>;

    fn query(&mut self, statement: &Arc<Statement>, parameters: &[Value]) -> Result<Block, Error>;
    fn execute(&mut self, statement: &Arc<Statement>, parameters: &[Value]) -> Result<u64, Error>;
    fn insert(&mut self, table: &str, columns: &[(&str, Type)], rows: &[Value]) -> Result<u64, Error>;
    /// Runs steps in order, as far as they go without an error. The rows to insert are whole.
    fn run_all(&mut self, steps: Vec<Step>) -> Result<Vec<Block>, Error>;
    /// Runs a step before whatever comes next; an error of it may be told only then. The rows to insert are whole.
    fn later(&mut self, step: Step) -> Result<(), Error>;
    /// Whether a transaction that is open keeps all others from writing.
    fn is_alone(&self) -> bool;
    fn lock(&mut self, key: i64) -> Result<(), Error>;
    /// As `lock`, for many keys, one after the other.
    fn lock_all(&mut self, keys: &[i64]) -> Result<(), Error>;
    /// As `lock_all`, with others that share them.
    fn share_all(&mut self, keys: &[i64]) -> Result<(), Error>;
    /// Reserves a block of gids that starts at `floor` or above, and says where it starts.
    fn reserve_gids(&mut self, floor: i64) -> Result<i64, Error>;

    /// Trades safety for speed during a load: a crash in between may cost the whole database. Then makes up for it.
    fn relax(&mut self, relaxed: bool) -> Result<(), Error>;
    /// Does what can wait until everybody has an answer.
    fn tidy(&mut self);
    /// Leaves the database in order.
    fn close(&mut self);
    /// The whole content. No transaction is open.
    fn snapshot(&mut self) -> Result<Content, Error>;
    /// Puts a content back in place of the present one. No transaction is open.
    fn restore(&mut self, content: &Content) -> Result<(), Error>;
}
