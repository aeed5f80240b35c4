//! One file, one writer, many readers.

mod backup;
mod checkpoint;
mod connection;
mod migrate;
mod reader;
mod schema;
mod session;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::sync::mpsc::Sender;
use tokio::task::spawn_blocking;

use crate::error::Error;
use crate::location::{Location, Options};
use crate::pool::Pool;
use crate::shared::Shared;
use crate::writer::{Queue, Writer};

pub(crate) use backup::{back_up, inspect, replace, verify};
pub(crate) use reader::Read;
pub(crate) use schema::tables;

use reader::Reader;
use session::Session;

/// The most requests that share a commit.
const BATCH: usize = 64;

/// The file, and how durable its commits are.
#[derive(Debug)]
pub(crate) struct File {
    path: PathBuf,
    /// Whether a commit waits for the disk.
    durable: bool,
    /// Keeps a temporary file until its last user is gone.
    _directory: Option<TempDir>,
}

pub(crate) struct Database {
    file: Arc<File>,
    readers: Arc<Pool<Reader>>,
    shared: Arc<Shared>,
}

impl Database {
    /// Opens the file, brings it up to date and starts its writer, which ends when the queue is closed.
    pub async fn open(options: &Options, shared: &Arc<Shared>, queue: Queue, alive: Sender<()>) -> Result<Self, Error> {
        let file = Arc::new(match &options.location {
            Location::SqliteFile(path) => File { path: path.clone(), durable: true, _directory: None },
            _ => temporary()?,
        });
        if file.durable && !file.path.exists() {
            if !options.create {
                return Err(Error::Missing { place: file.path.display().to_string() });
            }
            create_private(&file.path)?;
        }
        let opened = Arc::clone(&file);
        let session = spawn_blocking(move || Session::open(&opened)).await.map_err(Error::engine)??;
        Writer::start(Box::new(session), Arc::clone(shared), queue, BATCH, alive)?;
        Ok(Database { file, readers: Pool::new(options.readers), shared: Arc::clone(shared) })
    }

    pub async fn begin_read(&self) -> Result<Read, Error> {
        let mut lease = self.readers.take().await?;
        if lease.get().is_err() {
            lease.fill(Reader::open(&self.file)?);
        }
        Ok(Read::new(lease, Arc::clone(&self.shared)))
    }

    /// Lets the readers go.
    pub fn close_readers(&self) {
        self.readers.close();
    }
}

/// Makes an empty file that only its owner may read. The engine gives its other files the same rights.
pub(crate) fn create_private(path: &Path) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let made = options.open(path);
    made.map(drop).map_err(|error| Error::engine(format!("{}: {error}", path.display())))
}

/// A file that is gone when nobody uses it any more.
fn temporary() -> Result<File, Error> {
    let directory = temporary_directory()?;
    Ok(File { path: directory.path().join("data.db"), durable: false, _directory: Some(directory) })
}

/// A directory in memory where the system has a place for such, else among its temporary files.
fn temporary_directory() -> Result<TempDir, Error> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("vinyasa-");
    builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir()).map_err(Error::engine)
}
