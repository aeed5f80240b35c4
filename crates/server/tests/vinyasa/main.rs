//! The real binary, over loopback.

mod attachment;
mod command;
mod crash;
mod http;
mod kill;
mod process;
mod sync;
mod test_mode;
