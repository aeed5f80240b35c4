//! The database behind the server: one SQL text for SQLite and PostgreSQL.
//!
//! Only this crate knows which engine runs, and within it only `dialect.rs`, `sqlite/` and `postgres/`.

mod backup;
mod block;
pub mod consistency;
mod copy;
mod db;
mod dialect;
mod error;
mod fault;
mod figures;
mod gids;
mod location;
mod migration;
mod pool;
mod postgres;
mod read;
pub mod reference;
mod request;
mod session;
mod shared;
mod sqlite;
mod statement;
mod step;
#[cfg(feature = "throwaway")]
pub mod throwaway;
mod value;
mod write;
mod writer;

pub use backup::{Restored, State, back_up, inspect, restore, verify};
pub use block::{Block, Cell};
pub use copy::{Copied, Progress, copy, is_empty};
pub use db::{Db, Snapshot};
pub use error::Error;
pub use fault::Faults;
pub use figures::Figures;
pub use location::{Location, Options};
pub use read::Read;
pub use statement::{Query, Statement};
pub use step::{Rows, Step};
pub use value::{Type, Value};
pub use write::Write;
