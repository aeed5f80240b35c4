//! The store against real databases.

mod both;
mod file;
mod server;
mod world;
