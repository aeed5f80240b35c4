//! Credentials: how a caller proves who it is.

pub mod invitation;
pub mod password;
pub mod session;
pub mod throttle;
pub mod token;
