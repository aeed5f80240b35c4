//! The store against real databases.
#![expect(clippy::disallowed_methods, reason = "measures, waits, and starts itself again")]
#![expect(clippy::unwrap_used, reason = "a failure is what a test is for")]

mod both;
mod copy;
mod file;
mod server;
mod world;
