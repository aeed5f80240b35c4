//! The queue: what requests leave for later is done here, once, whatever happens to a process meanwhile.
//!
//! What a job does stands in the table of its resource ([`engine::job`]); this crate knows no job by name. A row of
//! `queued_jobs` is written in the transaction of the request that wants it. Whoever runs it takes a lease, does it step by
//! step, and deletes the row: each step is one write that also keeps how far the job has come, so that no step is lost and
//! none is done twice. A lease runs out; then another process goes on where the last step ended ([`queue`]). What fails is
//! tried again, later each time, and kept for the administrator when it has failed too often ([`retry`]).

pub mod figures;
pub mod queue;
pub mod retry;
pub mod worker;

pub use figures::{Figures, Waiting};
pub use queue::{Pace, Queue};
pub use worker::work;
