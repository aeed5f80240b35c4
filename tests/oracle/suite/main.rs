//! Random worlds through the API, refereed by the oracle; and what must hold when two things happen at once.

mod play;
mod race;
mod referee;
mod revocation;
mod small;
mod worlds;
