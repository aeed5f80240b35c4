//! The clock: the only place that reads the system's time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The value that stands for "follow the system".
const FOLLOW: i64 = i64::MIN;

/// Where the time comes from. Handed to whoever needs it, never reached for as a global.
///
/// Clones share one clock: setting one sets them all.
#[derive(Clone, Debug)]
pub struct Clock {
    /// The time that a manual clock shows, or [`FOLLOW`].
    shown: Arc<AtomicI64>,
}

impl Clock {
    /// A clock that follows the machine's.
    pub fn system() -> Clock {
        Clock::showing(FOLLOW)
    }

    /// A clock that shows `ms` (milliseconds since 1970) until it is told otherwise.
    pub fn manual(ms: i64) -> Clock {
        Clock::showing(ms)
    }

    /// The same as [`Clock::manual`], for places where nobody is going to move it.
    pub fn fixed(ms: i64) -> Clock {
        Clock::showing(ms)
    }

    fn showing(ms: i64) -> Clock {
        Clock { shown: Arc::new(AtomicI64::new(ms)) }
    }

    /// Milliseconds since 1970, UTC.
    pub fn now(&self) -> i64 {
        match self.shown.load(Ordering::SeqCst) {
            FOLLOW => system_time(),
            ms => ms,
        }
    }

    /// Makes this clock, and every clone of it, show `ms`. A system clock stops following the machine: only a server in
    /// test mode lets anyone call this.
    pub fn set(&self, ms: i64) {
        self.shown.store(ms, Ordering::SeqCst);
    }

    /// Moves this clock, and every clone of it, on by `ms`. A system clock stops at that moment.
    pub fn advance(&self, ms: i64) {
        let moved = |shown| {
            let now = if shown == FOLLOW { system_time() } else { shown };
            Some(now.saturating_add(ms))
        };
        // The closure never answers `None`, so there is no failure to look at.
        let _ = self.shown.fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved);
    }

    /// Makes this clock, and every clone of it, follow the machine's (again).
    pub fn follow(&self) {
        self.shown.store(FOLLOW, Ordering::SeqCst);
    }
}

/// The machine's time in milliseconds since 1970; negative if it believes to live before that.
#[expect(clippy::disallowed_methods, reason = "this is the place that others get the time from")]
fn system_time() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_still_until_moved() {
        let clock = Clock::manual(1_000);
        let same = clock.clone();
        assert_eq!(clock.now(), 1_000);
        clock.advance(500);
        assert_eq!(same.now(), 1_500);
        same.set(7);
        assert_eq!(clock.now(), 7);
        assert_eq!(Clock::fixed(3).now(), 3);
    }

    #[test]
    fn a_system_clock_can_be_stopped_and_let_go() {
        let clock = Clock::system();
        let start = clock.now();
        assert!(start > 1_700_000_000_000, "{start}");
        clock.advance(3_600_000);
        let stopped = clock.now();
        assert!(stopped >= start + 3_600_000);
        assert_eq!(clock.now(), stopped);
        clock.follow();
        assert!(clock.now() < stopped);
    }

    #[test]
    fn the_ends_of_time_do_not_panic() {
        let clock = Clock::manual(i64::MAX);
        clock.advance(1);
        assert_eq!(clock.now(), i64::MAX);
    }
}
