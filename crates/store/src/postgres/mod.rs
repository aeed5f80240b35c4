//! A server of its own, shared by many nodes.

mod connection;
mod inspect;
mod migrate;
mod reader;
mod session;
mod snapshot;
mod value;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio_postgres::Config;

use crate::error::Error;
use crate::location::{Location, Options};
use crate::pool::Pool;
use crate::shared::Shared;
use crate::writer::{Queue, Writer};

pub(crate) use inspect::inspect;
pub(crate) use reader::Read;

use connection::Connection;
use session::{GidReserver, Session};

/// How long a server may take to accept a connection, unless its address says otherwise.
const CONNECT_TIME: Duration = Duration::from_secs(10);

pub(crate) struct Database {
    address: Arc<Address>,
    readers: Arc<Pool<Connection>>,
    shared: Arc<Shared>,
}

/// Where the server is, and what its sessions are told first.
struct Address {
    config: Config,
    settings: String,
}

impl Database {
    /// Connects, brings the database up to date and starts its writers, which end when the queue is closed.
    pub async fn open(options: &Options, shared: &Arc<Shared>, queue: Queue, alive: Sender<()>) -> Result<Self, Error> {
        let Location::Postgres(url) = &options.location else {
            return Err(Error::Location(options.location.to_string()));
        };
        let mut config: Config = url.parse().map_err(|_| Error::Location(options.location.to_string()))?;
        config.application_name("vinyasa");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIME);
        }
        // A planner that compiles machine code for a query of a millisecond only loses time.
        let settings = format!(
            "SET synchronous_commit = on; SET jit = off; SET statement_timeout = {}; SET client_min_messages = warning",
            shared.deadline.as_millis().max(1)
        );
        let address = Arc::new(Address { config, settings });
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
        let is_usable = lease.get().is_ok_and(|connection| !connection.client.is_closed());
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
