//! The database behind the server: one SQL text for SQLite and PostgreSQL.
//!
//! Only this crate knows which engine runs, and within it only `dialect.rs`, `sqlite.rs` and `postgres.rs`.

mod block;
mod statement;
mod value;

pub use block::{Block, Cell};
pub use statement::{Query, Statement};
pub use value::{Type, Value};
