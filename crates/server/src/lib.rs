//! The server: settings, command line, HTTP. What it serves stands in `resources` and `engine`.

pub mod account;
pub mod command;
pub mod config;
pub mod connection;
pub mod cookie;
pub mod cors;
pub mod download;
pub mod exchange;
pub mod failure;
pub mod files;
pub mod http;
pub mod listener;
pub mod log;
pub mod login;
pub mod mail;
pub mod metrics;
pub mod open;
pub mod organization;
pub mod page;
pub mod proxy;
pub mod same_origin;
pub mod test_mode;
pub mod tls;
pub mod upload;

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
