//! The operations of the contract that are still to be built. They answer 501. This list may only shrink.

use engine::operation::{Method, Operation, missing};

/// Every missing operation.
pub static MISSING: &[Operation] = &[missing("getEvents", Method::Get, "/events")];
