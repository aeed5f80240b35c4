//! A bounded pool of connections. The one used last is used next, so that few of them stay warm.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use crate::error::Error;

/// A connection that a pool can keep.
pub(crate) trait Pooled {
    /// Makes the connection ready for its next user; false if it must not have one.
    fn recycle(&mut self) -> bool;
}

pub(crate) struct Pool<T: Pooled> {
    idle: Mutex<Vec<T>>,
    places: Semaphore,
}

impl<T: Pooled> Pool<T> {
    pub fn new(size: usize) -> Arc<Self> {
        Arc::new(Pool { idle: Mutex::default(), places: Semaphore::new(size.max(1)) })
    }

    /// Waits for a free place, and takes an idle connection if there is one.
    pub async fn take(self: &Arc<Self>) -> Result<Lease<T>, Error> {
        self.places.acquire().await.map_err(|_| Error::Closed)?.forget();
        let connection = self.idle().pop();
        Ok(Lease { connection, pool: Arc::clone(self) })
    }

    /// Refuses further users and lets the connections go; those in use as soon as they are given back.
    pub fn close(&self) {
        self.places.close();
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<T>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a pool with, once opened, its connection. Gives both back when dropped.
pub(crate) struct Lease<T: Pooled> {
    connection: Option<T>,
    pool: Arc<Pool<T>>,
}

impl<T: Pooled> Lease<T> {
    /// Puts a connection into the place.
    pub fn fill(&mut self, connection: T) {
        self.connection = Some(connection);
    }

    /// The connection; an error if there is none.
    pub fn get(&mut self) -> Result<&mut T, Error> {
        self.connection.as_mut().ok_or(Error::Closed)
    }
}

impl<T: Pooled> Drop for Lease<T> {
    fn drop(&mut self) {
        if let Some(mut connection) = self.connection.take()
            && connection.recycle()
        {
            let mut idle = self.pool.idle();
            if !self.pool.places.is_closed() {
                idle.push(connection);
            }
        }
        self.pool.places.add_permits(1);
    }
}
