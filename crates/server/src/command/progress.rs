//! How far a long command has come, for somebody who watches.

use std::io::{self, IsTerminal, Write};

use store::Progress;

/// Shows it on standard error, in one line that changes, where that is a terminal.
pub fn show_progress() -> impl FnMut(Progress) {
    let watched = Watched(io::stderr().is_terminal());
    move |progress| {
        if watched.0 {
            let (doing, table, rows) = match progress {
                Progress::Reading(table, rows) => ("copying", table, rows),
                Progress::Comparing(table, rows) => ("comparing", table, rows),
            };
            let mut out = io::stderr().lock();
            drop(write!(out, "\r\x1b[K{doing} {table}: {rows}").and_then(|()| out.flush()));
        }
    }
}

/// Leaves an empty line behind.
struct Watched(bool);

impl Drop for Watched {
    fn drop(&mut self) {
        if self.0 {
            eprint!("\r\x1b[K");
        }
    }
}
