//! Moves the write-ahead log into the file, on a connection of its own so that no commit waits for it.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use super::File;
use super::connection::{self, Role};
use crate::error::Error;

/// After how many more pages in the log a checkpoint runs: 16 MB.
const PAGES: usize = 4000;

/// From how many pages on the writer helps to finish a checkpoint. While it writes on, the log never becomes empty and
/// thus never starts again from its beginning.
const TOO_MANY: usize = 4 * PAGES;

/// The thread that runs checkpoints.
pub(super) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// The length of the log, in pages, when it was last woken.
    woken_at: usize,
}

impl Checkpointer {
    pub fn start(file: Arc<File>) -> Result<Self, Error> {
        let connection = connection::open(&file, Role::Checkpointer)?;
        let (wake, woken) = sync_channel(1);
        let run = move || {
            while woken.recv().is_ok() {
                if let Err(error) = run(&connection, "PASSIVE") {
                    tracing::warn!(%error, "a checkpoint failed");
                }
            }
        };
        let thread = thread::Builder::new().name("store-checkpoint".into()).spawn(run).map_err(Error::engine)?;
        Ok(Checkpointer { wake: Some(wake), thread: Some(thread), woken_at: 0 })
    }

    /// Looks at the length of the log and wakes the thread when it has grown enough. Whether the caller has to help.
    pub fn look(&mut self, pages: usize) -> bool {
        if pages < self.woken_at {
            self.woken_at = 0;
        }
        if pages - self.woken_at < PAGES {
            return false;
        }
        self.woken_at = pages;
        if let Some(wake) = &self.wake {
            // It is full when the thread is to run anyway.
            let _full = wake.try_send(());
        }
        pages >= TOO_MANY
    }

    /// Waits until the thread has ended.
    pub fn stop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Runs a checkpoint. That somebody else is running one, or reads what is to be moved, is no error.
pub(super) fn run(connection: &Connection, mode: &str) -> Result<(), Error> {
    Ok(connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))?)
}
