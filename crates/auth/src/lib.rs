//! Credentials: how a caller proves who it is.

pub mod password;
pub mod token;
