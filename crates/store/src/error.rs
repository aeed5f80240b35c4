//! What can go wrong between a request and its rows.

/// Why the store could not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// There is no database at the place, and creating one was not asked for.
    #[error("no database at {place}")]
    Missing {
        /// The path or the address, without a password.
        place: String,
    },
    /// The database was written by a newer program.
    #[error("the database is of version {found}, newer than this program, which knows versions up to {known}")]
    Newer {
        /// The highest migration recorded in the database.
        found: i64,
        /// The highest migration this program has.
        known: i64,
    },
    /// The text of a migration is not the one that once ran on this database.
    #[error("migration {number:04}_{name} is not the one that ran on this database")]
    Changed {
        /// The number of the migration.
        number: i64,
        /// Its name, as recorded in the database.
        name: String,
    },
    /// There is something in a database that was to be filled.
    #[error("{place} is not empty")]
    Filled {
        /// The path or the address, without a password.
        place: String,
    },
    /// Another process has the database open, and nothing can take its place meanwhile.
    #[error("{place} is in use: stop the server first")]
    InUse {
        /// The path.
        place: String,
    },
    /// A database or a copy of one is not whole.
    #[error("{place} is damaged: {what}")]
    Damaged {
        /// The path.
        place: String,
        /// What is wrong.
        what: String,
    },
    /// A unique constraint was violated.
    #[error("conflict: {0}")]
    Conflict(String),
    /// The function given to a write panicked; nothing of it was kept.
    #[error("a write panicked: {0}")]
    Panicked(String),
    /// The changes could not be made durable; nothing of them was kept.
    #[error("commit failed: {0}")]
    Commit(String),
    /// Another transaction was in the way: a lock held for too long, a deadlock. The same request may succeed later.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// A read ran past its deadline and was stopped.
    #[error("the read took too long")]
    Timeout,
    /// The database was closed.
    #[error("the database is closed")]
    Closed,
    /// The place given is not one the program understands.
    #[error("not a database location: {0}")]
    Location(String),
    /// Anything else the engine reports: a wrong statement, a full disk, a lost connection.
    #[error("database: {0}")]
    Engine(String),
}

impl Error {
    /// Whether a unique constraint was violated.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Error::Conflict(_))
    }

    /// The error of a transaction that could not be kept.
    pub(crate) fn lost(self) -> Self {
        match self {
            Error::Commit(_) => self,
            other => Error::Commit(other.to_string()),
        }
    }

    /// An engine's error that has no kind of its own here.
    pub(crate) fn engine(message: impl ToString) -> Self {
        Error::Engine(message.to_string())
    }
}
