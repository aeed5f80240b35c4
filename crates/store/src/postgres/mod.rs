//! A server of its own, shared by many nodes.

use std::sync::Arc;

use tokio::sync::mpsc::Sender;

use crate::block::Block;
use crate::error::Error;
use crate::location::Options;
use crate::shared::Shared;
use crate::statement::Query;
use crate::writer::Queue;

pub(crate) struct Database;

impl Database {
    pub async fn open(
        _: &Options,
        _: &Arc<Shared>,
        _: Queue,
        _: Sender<()>,
    ) -> Result<Self, Error> {
        Err(Error::engine("not yet"))
    }

    pub async fn begin_read(&self) -> Result<Read, Error> {
        Err(Error::engine("not yet"))
    }

    pub fn close_readers(&self) {}
}

pub(crate) struct Read;

impl Read {
    pub async fn level(&mut self, _: &[Query]) -> Result<Vec<Block>, Error> {
        Err(Error::engine("not yet"))
    }
}
