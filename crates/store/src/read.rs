//! A read transaction.

use crate::block::Block;
use crate::error::Error;
use crate::statement::Query;
use crate::{postgres, sqlite};

/// One consistent view of the database. It begins with the first level and ends when this is dropped.
///
/// When the future of a level is dropped before it is done, the transaction is lost and its statement is stopped.
pub struct Read(pub(crate) Engine);

pub(crate) enum Engine {
    Sqlite(sqlite::Read),
    Postgres(postgres::Read),
}

impl Read {
    /// Runs all queries of a level of the object graph, in one round trip where there are round trips.
    /// A block for each, in order.
    ///
    /// # Errors
    /// [`Error::Timeout`] past the deadline, else [`Error::Engine`]. The transaction is lost then.
    pub async fn level(&mut self, queries: &[Query]) -> Result<Vec<Block>, Error> {
        match &mut self.0 {
            Engine::Sqlite(read) => read.level(queries).await,
            Engine::Postgres(read) => read.level(queries).await,
        }
    }

    /// As [`Read::level`], for queries known to be slow: searches, counts, exports. They never hold up the thread.
    ///
    /// # Errors
    /// As [`Read::level`].
    pub async fn slow_level(&mut self, queries: &[Query]) -> Result<Vec<Block>, Error> {
        match &mut self.0 {
            Engine::Sqlite(read) => read.slow_level(queries).await,
            Engine::Postgres(read) => read.level(queries).await,
        }
    }

    /// Runs one query.
    ///
    /// # Errors
    /// As [`Read::level`].
    pub async fn one(&mut self, query: Query) -> Result<Block, Error> {
        let mut blocks = self.level(std::slice::from_ref(&query)).await?;
        blocks.pop().ok_or_else(|| Error::engine("no block for the query"))
    }

    /// Ends the transaction. Dropping it does the same; this says so.
    pub async fn finish(self) {
        drop(self);
    }
}
