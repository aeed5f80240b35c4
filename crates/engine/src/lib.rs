//! One request from bytes to bytes. The engine is written once and knows no resource by name: what a resource is, who
//! may see it and what can be done with it stands in its table (`crates/resources`).
//!
//! A read goes [`route`] → [`select`] → [`plan`] → [`read`]; a list finds its gids in [`page`] first. A write goes
//! [`route`] → [`body`] → the rule, with a [`call::Call`], inside one transaction → a read of what it wrote.

pub mod access;
pub mod api;
pub mod apply;
pub mod body;
pub mod call;
pub mod change;
pub mod error;
pub mod field;
pub mod input;
pub mod job;
pub mod json;
pub mod kept;
pub mod link;
pub mod openapi;
pub mod operation;
pub mod page;
pub mod parameter;
mod pending;
pub mod plan;
pub mod read;
pub mod resource;
pub mod response;
pub mod route;
pub mod select;
pub mod sql;

pub use api::{Api, Limits, PREFIX, Request, path_of_operation};
pub use error::{Error, Result};
pub use response::Response;
