//! How often somebody may try a password: for each account and each address a few times at once, then with growing waits.
//!
//! What is remembered has a fixed size: a table of sets of cells, where a key's set is decided by a hash that nobody outside
//! can compute. A new key takes the place of the one in its set that has failed least. It is the memory of one process: several servers over one database
//! throttle each on its own, and a restart forgets.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

const SETS: usize = 2_048;
const CELLS: usize = 8;

/// How much a kind of key may fail.
#[derive(Debug)]
struct Rule {
    /// Failures that cost nothing.
    free: u32,
    /// One failure is forgotten each time so many milliseconds have passed.
    forgets: i64,
    /// The longest wait, in milliseconds.
    longest: i64,
}

/// Not so long that a stranger could keep a person out for an hour by guessing.
const ACCOUNT: Rule = Rule { free: 5, forgets: 300_000, longest: 300_000 };
/// Behind one address there may be an office.
const ADDRESS: Rule = Rule { free: 30, forgets: 30_000, longest: 900_000 };

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    key: u64,
    failures: u32,
    /// When the last failure was, or when failures were last forgotten, in milliseconds.
    at: i64,
    /// Until when nothing is tried, in milliseconds.
    until: i64,
}

/// Who has failed, and how often.
pub struct Throttle {
    hasher: RandomState,
    sets: Mutex<Box<[[Cell; CELLS]]>>,
}

/// An attempt that is being made. It counts as failed until [`Throttle::succeed`].
#[derive(Debug)]
pub struct Attempt {
    account: u64,
    address: u64,
}

impl Default for Throttle {
    fn default() -> Self {
        Throttle { hasher: RandomState::new(), sets: Mutex::new(vec![Default::default(); SETS].into()) }
    }
}

impl Throttle {
    /// Begins an attempt at an account from an address. `now` is in milliseconds.
    ///
    /// # Errors
    /// For how many seconds nothing may be tried; this attempt is not counted then.
    pub fn begin(&self, account: &str, address: IpAddr, now: i64) -> Result<Attempt, u32> {
        let attempt = Attempt {
            account: self.hasher.hash_one(("account", account)),
            address: self.hasher.hash_one(("address", network_of(address))),
        };
        let mut sets = self.sets();
        let keys = [(attempt.account, &ACCOUNT), (attempt.address, &ADDRESS)];
        let until = keys.iter().map(|(key, rule)| cell(&mut sets, *key, rule, now).until).max().unwrap_or_default();
        if until > now {
            return Err(u32::try_from((until - now).div_euclid(1_000) + 1).unwrap_or(u32::MAX));
        }
        for (key, rule) in keys {
            let cell = cell(&mut sets, key, rule, now);
            cell.failures = cell.failures.saturating_add(1);
            cell.at = now;
            if let Some(over) = cell.failures.checked_sub(rule.free) {
                cell.until = now + (1_000_i64 << over.min(20)).min(rule.longest);
            }
        }
        Ok(attempt)
    }

    /// The attempt was right: its account starts anew; of the address only this attempt is forgotten, or else whoever has
    /// an account could guess at others for ever.
    pub fn succeed(&self, attempt: &Attempt, now: i64) {
        let mut sets = self.sets();
        let account = cell(&mut sets, attempt.account, &ACCOUNT, now);
        (account.failures, account.until) = (0, 0);
        let address = cell(&mut sets, attempt.address, &ADDRESS, now);
        (address.failures, address.until) = (address.failures.saturating_sub(1), 0);
    }

    /// The attempt came to nothing, for no fault of whoever made it.
    pub fn withdraw(&self, attempt: &Attempt, now: i64) {
        let mut sets = self.sets();
        for (key, rule) in [(attempt.account, &ACCOUNT), (attempt.address, &ADDRESS)] {
            let cell = cell(&mut sets, key, rule, now);
            cell.failures = cell.failures.saturating_sub(1);
        }
    }

    /// Forgets everything.
    pub fn forget(&self) {
        self.sets().fill(Default::default());
    }

    fn sets(&self) -> MutexGuard<'_, Box<[[Cell; CELLS]]>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The cell of a key, with what time has forgiven taken off.
fn cell<'a>(sets: &'a mut [[Cell; CELLS]], key: u64, rule: &Rule, now: i64) -> &'a mut Cell {
    let set = &mut sets[key as usize % SETS];
    let least = |cell: &Cell| (cell.until.max(now), cell.failures, cell.at);
    let place = set.iter().position(|cell| cell.key == key);
    let place = place.unwrap_or_else(|| (0..CELLS).min_by_key(|place| least(&set[*place])).unwrap_or_default());
    let cell = &mut set[place];
    if cell.key != key {
        *cell = Cell { key, at: now, ..Cell::default() };
    }
    let forgotten = (now - cell.at).max(0) / rule.forgets;
    if forgotten > 0 {
        cell.failures = cell.failures.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX));
        cell.at += forgotten * rule.forgets;
    }
    cell
}

/// Whoever has one address of IPv6 has all of its network.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn waits_grow_and_end() {
        let throttle = Throttle::default();
        let (mut now, mut waits) = (1_000_000, Vec::new());
        for address in 0..16 {
            match throttle.begin("ann@acme.example", at(address), now) {
                Ok(_) => {}
                Err(seconds) => {
                    waits.push(seconds);
                    now += i64::from(seconds) * 1_000;
                    throttle.begin("ann@acme.example", at(address), now).expect("the wait is over");
                }
            }
        }
        assert_eq!(waits[..6], [2, 3, 5, 9, 17, 33], "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= 301), "{waits:?}");
        // Others are not concerned.
        throttle.begin("bob@acme.example", at(1), now).expect("may try");
        // After a while it begins anew.
        now += 16 * ACCOUNT.forgets;
        for _ in 0..5 {
            throttle.begin("ann@acme.example", at(99), now).expect("may try");
        }
    }

    #[test]
    fn success_frees_the_account_and_not_the_address() {
        let throttle = Throttle::default();
        for number in 0..40 {
            if let Ok(attempt) = throttle.begin(&number.to_string(), at(1), 0)
                && number % 2 == 0
            {
                throttle.succeed(&attempt, 0);
            }
        }
        let tried = |account: &str, address| throttle.begin(account, address, 0);
        for number in 40..50 {
            tried(&number.to_string(), at(1)).expect("20 failures are free");
        }
        tried("x", at(1)).expect_err("31 are not");
        tried("x", at(2)).expect("another address is");
        for _ in 0..20 {
            let attempt = tried("right", at(3)).expect("whoever is right is let in");
            throttle.succeed(&attempt, 0);
        }
    }

    #[test]
    fn one_network_of_six_is_one_address() {
        let throttle = Throttle::default();
        for number in 0..31_u128 {
            let address = IpAddr::V6((0x2001_0db8 << 96 | number).into());
            assert_eq!(throttle.begin(&number.to_string(), address, 0).is_ok(), number < 30, "{number}");
        }
    }

    #[test]
    fn strangers_do_not_push_out_whoever_waits() {
        let throttle = Throttle::default();
        for _ in 0..8 {
            drop(throttle.begin("ann", at(1), 0));
        }
        for number in 0..100_000_u32 {
            drop(throttle.begin(&format!("x{number}"), IpAddr::from(number.to_be_bytes()), 0));
        }
        throttle.begin("ann", at(2), 0).expect_err("still waits");
    }
}
