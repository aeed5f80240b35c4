//! A database: where reads begin and writes are sent.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::sync::{Mutex, mpsc, oneshot};

use crate::error::Error;
use crate::fault::Faults;
use crate::figures::Figures;
use crate::gids;
use crate::location::{Location, Options};
use crate::read::{self, Read};
use crate::request::{Call, Work};
use crate::session::Content;
use crate::shared::Shared;
use crate::statement::{Query, Statement};
use crate::value::Type;
use crate::write::Write;
use crate::writer::Queue;
use crate::{postgres, sqlite};

/// How many requests may wait for a writer before their senders wait.
const QUEUE: usize = 1024;

/// An open database. Clones are the same database.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    engine: Engine,
    shared: Arc<Shared>,
    queue: mpsc::Sender<Work>,
    /// Yields nothing, and ends when the last writer has ended.
    writers: Mutex<mpsc::Receiver<()>>,
}

enum Engine {
    Sqlite(sqlite::Database),
    Postgres(postgres::Database),
}

/// The whole content of a database, to be put back by [`Db::restore`].
pub struct Snapshot {
    content: Content,
    gids: gids::Block,
}

impl Db {
    /// Opens a database, makes it if that is wanted, and brings it up to date.
    ///
    /// # Errors
    /// [`Error::Missing`] if it does not exist and `create` is off, [`Error::Newer`] if a newer program has written it,
    /// [`Error::Changed`] if its migrations are not ours, [`Error::Busy`] if another process holds its lock,
    /// else [`Error::Engine`].
    pub async fn open(options: Options) -> Result<Db, Error> {
        let shared = Arc::new(Shared::new(&options));
        let (queue, work) = mpsc::channel(QUEUE);
        let (alive, writers) = mpsc::channel(1);
        let work = Queue::new(work);
        let engine = match &options.location {
            Location::SqliteFile(_) | Location::SqliteMemory => {
                Engine::Sqlite(sqlite::Database::open(&options, &shared, work, alive).await?)
            }
            Location::Postgres(_) => Engine::Postgres(postgres::Database::open(&options, &shared, work, alive).await?),
        };
        Ok(Db(Arc::new(Inner { engine, shared, queue, writers: Mutex::new(writers) })))
    }

    /// Begins a read transaction. Waits while as many run as [`Options::readers`] allows.
    ///
    /// # Errors
    /// [`Error::Closed`] after [`Db::close`], [`Error::Engine`] if no connection can be made.
    pub async fn begin_read(&self) -> Result<Read, Error> {
        self.0.shared.reads.fetch_add(1, Relaxed);
        Ok(Read(match &self.0.engine {
            Engine::Sqlite(database) => read::Engine::Sqlite(database.begin_read().await?),
            Engine::Postgres(database) => read::Engine::Postgres(database.begin_read().await?),
        }))
    }

    /// Runs a function in a write transaction and returns what it returned, after the commit. Nothing is kept if it
    /// returns an error or panics. It runs to its end even if this future is dropped meanwhile.
    ///
    /// # Errors
    /// What the function returned; [`Error::Panicked`]; [`Error::Commit`] if the changes could not be made durable;
    /// [`Error::Busy`] if another process holds the lock; [`Error::Closed`] after [`Db::close`].
    pub async fn write<T, E, F>(&self, apply: F) -> Result<T, E>
    where
        F: FnOnce(&mut Write) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.0.shared.writes.fetch_add(1, Relaxed);
        let (call, answer) = Call::new(apply);
        self.send(Work::Shared(Box::new(call))).await?;
        answer.await.unwrap_or_else(|_| Err(E::from(Error::Closed)))
    }

    /// As [`Db::write`], for very many rows at once: alone, and with a wait for the disk only at its end. If the
    /// machine (not just the process) stops before that, a database in a file may be damaged.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn load<T, E, F>(&self, apply: F) -> Result<T, E>
    where
        F: FnOnce(&mut Write) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (call, answer) = Call::new(apply);
        self.send(Work::Load(Box::new(call))).await?;
        answer.await.unwrap_or_else(|_| Err(E::from(Error::Closed)))
    }

    /// Takes no more work, waits for the writes that are queued, and releases the database.
    pub async fn close(&self) {
        match &self.0.engine {
            Engine::Sqlite(database) => database.close_readers(),
            Engine::Postgres(database) => database.close_readers(),
        }
        // Closed before, it refuses; then the writers may still be at their last work.
        drop(self.0.queue.send(Work::Close).await);
        while self.0.writers.lock().await.recv().await.is_some() {}
    }

    /// Copies the whole content, for [`Db::restore`]. Meant for tests.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        self.alone(|write| {
            let content = write.session.snapshot()?;
            Ok(Snapshot { content, gids: write.shared.gids.get() })
        })
        .await
    }

    /// Puts the content of a snapshot of this database back, and the allocator of gids where it was.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub async fn restore(&self, snapshot: &Snapshot) -> Result<(), Error> {
        let (content, gids) = (Arc::clone(&snapshot.content), snapshot.gids);
        self.alone(move |write| {
            write.session.restore(&content)?;
            write.shared.gids.set(gids);
            Ok(())
        })
        .await
    }

    /// How many statements reads and writes have run so far.
    pub fn statements(&self) -> u64 {
        self.0.shared.statements.load(Relaxed)
    }

    /// How many commits the writers have made so far.
    pub fn commits(&self) -> u64 {
        self.0.shared.commits.load(Relaxed)
    }

    /// What it has done so far, and what waits.
    pub fn figures(&self) -> Figures {
        let Inner { shared, queue, .. } = &*self.0;
        Figures {
            statements: shared.statements.load(Relaxed),
            reads: shared.reads.load(Relaxed),
            writes: shared.writes.load(Relaxed),
            commits: shared.commits.load(Relaxed),
            queued: queue.max_capacity() - queue.capacity(),
            batches: shared.batches.sizes(),
            committed: shared.batches.requests(),
        }
    }

    /// Failures on demand, for tests.
    pub fn faults(&self) -> &Faults {
        &self.0.shared.faults
    }

    /// Whether the database can be used: it can be read and, if a commit has failed since the last probe, written.
    ///
    /// # Errors
    /// Why it cannot.
    pub async fn probe(&self) -> Result<(), Error> {
        let read = Statement::new("SELECT next FROM gid_blocks WHERE id = 1", &[Type::Int]);
        self.begin_read().await?.one(Query::new(&read, Vec::new())).await?;
        if self.0.shared.broken.load(Relaxed) {
            let touch = Statement::new("UPDATE gid_blocks SET next = next WHERE id = 1", &[]);
            self.write(move |write| write.execute(&touch, &[])).await?;
            self.0.shared.broken.store(false, Relaxed);
        }
        Ok(())
    }

    /// Runs something on a writer, outside a transaction.
    async fn alone<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Write) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(move |write: &mut Write| drop(reply.send(work(write))));
        self.send(Work::Alone(work)).await?;
        answer.await.map_err(|_| Error::Closed)?
    }

    async fn send(&self, work: Work) -> Result<(), Error> {
        self.0.queue.send(work).await.map_err(|_| Error::Closed)
    }
}
