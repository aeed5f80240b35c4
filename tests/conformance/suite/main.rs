//! The server against the committed tables of the contract, on both databases.
//!
//! Committed files beside this directory say what is known: what is still to come, how many statements an operation
//! needs, who may do what. A difference fails the test that finds it. `UPDATE=1 cargo test -p conformance` writes them
//! anew; lists of what is still to come only ever lose lines that way, `UPDATE=grow` lets them gain some.

#![expect(clippy::unwrap_used, reason = "all of this is tests")]

mod answer;
mod bad_input;
mod built;
mod call;
mod committed;
mod compat;
mod database;
mod invariants;
mod later;
mod matrix;
mod model_of_order;
mod openapi;
mod operations;
mod paging;
mod same;
mod secrets;
mod statements;
mod vocabulary;
mod without_rights;
mod world;
