//! The real binary, over loopback.

mod command;
mod crash;
mod http;
mod process;
mod test_mode;
