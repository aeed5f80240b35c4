//! Reads.

use std::sync::Arc;

use super::connection::Connection;
use crate::block::Block;
use crate::error::Error;
use crate::pool::Lease;
use crate::shared::Shared;
use crate::statement::Query;

/// A read transaction. It begins with its first level.
pub(crate) struct Read {
    lease: Lease<Connection>,
    shared: Arc<Shared>,
}

impl Read {
    pub(super) fn new(lease: Lease<Connection>, shared: Arc<Shared>) -> Self {
        Read { lease, shared }
    }

    pub async fn level(&mut self, queries: &[Query]) -> Result<Vec<Block>, Error> {
        queries.iter().try_for_each(|_| self.shared.statement())?;
        self.lease.get()?.level(queries).await
    }
}
