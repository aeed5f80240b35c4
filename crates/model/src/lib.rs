//! The vocabulary that every other crate shares. Nothing in here opens a file, a socket or a database.
//!
//! Two modules are the only doors to the outside world, so that whole responses can be compared in tests:
//! [`clock`] is the only place that asks the system for the time, [`random`] the only one that asks it for randomness.

pub mod clock;
pub mod fold;
pub mod gid;
pub mod level;
pub mod random;
pub mod rank;
pub mod rich_text;
pub mod time;

pub use clock::Clock;
pub use fold::{fold, fold_email};
pub use level::Level;
pub use random::Random;
pub use rank::RankError;
pub use rich_text::{RichText, RichTextError};
