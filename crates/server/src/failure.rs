//! Why a command stops: one line for a person, and the exit code that scripts see.

use std::fmt;

/// A command's failure.
#[derive(Debug)]
pub struct Failure {
    /// One line.
    pub text: String,
    /// 2 for what was typed wrongly, 1 for all else.
    pub code: u8,
}

/// What a command returns.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// The command could not do it.
    pub fn new(text: impl fmt::Display) -> Self {
        Failure { text: text.to_string(), code: 1 }
    }

    /// The command was asked in a way that it does not understand.
    pub fn usage(text: impl fmt::Display) -> Self {
        Failure { text: text.to_string(), code: 2 }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Location(_) => Failure::usage(error),
            error => Failure::new(error),
        }
    }
}

impl From<sample::Error> for Failure {
    fn from(error: sample::Error) -> Self {
        match error {
            sample::Error::Options(_) => Failure::usage(error),
            sample::Error::Store(error) => error.into(),
            error => Failure::new(error),
        }
    }
}

impl From<engine::Error> for Failure {
    fn from(error: engine::Error) -> Self {
        Failure::new(error.message)
    }
}
