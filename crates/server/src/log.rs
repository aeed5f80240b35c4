//! Where the server's log goes: standard error, in lines for people or for programs.

use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};
use crate::failure::{Failure, Result};

/// Starts the log. `usual` is what it holds when no setting says.
pub fn start(config: &Config, usual: &str) -> Result<()> {
    let wanted = config.log.as_deref().unwrap_or(usual);
    let wrong = |error| Failure::usage(format_args!("log: Not a log filter: {wanted}: {error}"));
    let filter = EnvFilter::builder().parse(wanted).map_err(wrong)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let for_people = match config.log_format {
        LogFormat::Auto => io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    // Fails only when there is a log already, in tests.
    drop(match for_people {
        true => log.with_ansi(io::stderr().is_terminal()).try_init(),
        false => log.json().flatten_event(true).try_init(),
    });
    panic::set_hook(Box::new(|panic| {
        let (message, place) = (message(panic), place(panic));
        tracing::error!(%message, %place, "panicked");
    }));
    Ok(())
}

/// Makes a bug in a command one line, not a backtrace.
pub fn catch_bugs() {
    panic::set_hook(Box::new(|panic| {
        eprintln!("vinyasa: this is a bug: {} ({})", message(panic), place(panic));
    }));
}

fn message<'a>(panic: &'a PanicHookInfo<'_>) -> &'a str {
    panic.payload_as_str().unwrap_or("no message")
}

fn place(panic: &PanicHookInfo<'_>) -> String {
    panic.location().map_or_else(String::new, ToString::to_string)
}
