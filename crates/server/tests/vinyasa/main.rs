//! The real binary, over loopback.

mod attachment;
mod care;
mod command;
mod crash;
mod front;
mod http;
mod kill;
mod login;
mod metrics;
mod people;
mod process;
mod sync;
mod test_mode;
mod tls;
mod upgrade;
