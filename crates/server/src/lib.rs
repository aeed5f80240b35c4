//! The server: settings, command line, HTTP. What it serves stands in `resources` and `engine`.

pub mod command;
pub mod config;
pub mod connection;
pub mod download;
pub mod failure;
pub mod files;
pub mod http;
pub mod log;
pub mod open;
pub mod organization;
pub mod page;
pub mod test_mode;
pub mod upload;

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
