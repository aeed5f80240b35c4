//! Databases filled with invented work: a very large one to measure with, a small and readable one to look around in.

pub mod demo;
mod dice;
pub mod seed;

use std::sync::{Arc, LazyLock};

use store::{Statement, Type, Write};

/// Why a database was not filled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is something in it already.
    #[error("the database is not empty: only a fresh one can be filled with invented work")]
    Filled,
    /// What was asked for cannot be made.
    #[error("{0}")]
    Options(String),
    /// The API refused a step.
    #[error("{0}")]
    Refused(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<engine::Error> for Error {
    fn from(error: engine::Error) -> Self {
        Error::Refused(error.message.to_string())
    }
}

static ANYTHING: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new("SELECT gid FROM objects LIMIT 1", &[Type::Int]));

/// Refuses a database in which somebody lives.
fn require_empty(write: &mut Write) -> Result<(), Error> {
    if write.query(&ANYTHING, &[])?.is_empty() { Ok(()) } else { Err(Error::Filled) }
}
