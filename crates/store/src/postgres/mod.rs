//! A server of its own, shared by many nodes.

mod address;
mod connection;
mod migrate;
mod prepared;
mod reader;
mod session;
mod snapshot;
mod value;
mod wire;

use std::sync::Arc;

use tokio::sync::mpsc::Sender;

use crate::error::Error;
use crate::location::{Location, Options};
use crate::pool::Pool;
use crate::shared::Shared;
use crate::writer::{Queue, Writer};

pub(crate) use reader::Read;

use address::Address;
use connection::Connection;
use session::{GidReserver, Session};

pub(crate) struct Database {
    address: Arc<Address>,
    readers: Arc<Pool<Connection>>,
    shared: Arc<Shared>,
}

impl Database {
    /// Connects, brings the database up to date and starts its writers, which end when the queue is closed.
    pub async fn open(options: &Options, shared: &Arc<Shared>, queue: Queue, alive: Sender<()>) -> Result<Self, Error> {
        let Location::Postgres(url) = &options.location else {
            return Err(Error::Location(options.location.to_string()));
        };
        let address = Address::parse(url, shared.deadline);
        let address = Arc::new(address.ok_or_else(|| Error::Location(options.location.to_string()))?);
        migrate::migrate(&address, options).await?;
        let gids = Arc::new(GidReserver::new(&address));
        for _ in 0..options.writers.max(1) {
            let session = Session::new(&address, &gids);
            Writer::start(Box::new(session), Arc::clone(shared), queue.clone(), 1, alive.clone())?;
        }
        Ok(Database { address, readers: Pool::new(options.readers), shared: Arc::clone(shared) })
    }

    pub async fn begin_read(&self) -> Result<Read, Error> {
        let mut lease = self.readers.take().await?;
        let is_usable = lease.get().is_ok_and(|connection| !connection.is_lost());
        if !is_usable {
            lease.fill(Connection::open(&self.address).await?);
        }
        Ok(Read::new(lease, Arc::clone(&self.shared)))
    }

    /// Lets the readers go.
    pub fn close_readers(&self) {
        self.readers.close();
    }
}
