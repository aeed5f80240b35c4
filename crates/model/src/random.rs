//! Randomness: the only place that asks the system for it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Where random bytes come from. Handed to whoever needs it, never reached for as a global.
///
/// Clones of a seeded source share one stream.
#[derive(Clone)]
pub struct Random {
    source: Source,
}

#[derive(Clone)]
enum Source {
    System,
    Seeded(Arc<Mutex<Seeded>>),
}

/// A stream that is the same for the same seed, for tests. Not for secrets of a real server.
struct Seeded {
    seed: u64,
    stream: ChaCha20Rng,
}

impl Seeded {
    fn new(seed: u64) -> Seeded {
        Seeded { seed, stream: ChaCha20Rng::seed_from_u64(seed) }
    }
}

impl Random {
    /// The operating system's randomness, fit for secrets.
    pub fn system() -> Random {
        Random { source: Source::System }
    }

    /// A ChaCha20 stream from a seed: the same seed gives the same bytes.
    pub fn seeded(seed: u64) -> Random {
        Random { source: Source::Seeded(Arc::new(Mutex::new(Seeded::new(seed)))) }
    }

    /// Fills `bytes`.
    ///
    /// # Panics
    ///
    /// When the operating system has no randomness to give. There is no going on without: every secret would be a guess.
    #[expect(clippy::disallowed_methods, reason = "this is the place that others get randomness from")]
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.source {
            Source::System => getrandom::fill(bytes).expect("the operating system gives random bytes"),
            Source::Seeded(seeded) => lock(seeded).stream.fill_bytes(bytes),
        }
    }

    /// `bytes` random bytes as lower-case hexadecimal: twice as many characters.
    pub fn hex(&self, bytes: usize) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut raw = vec![0; bytes];
        self.fill(&mut raw);
        let mut text = String::with_capacity(bytes * 2);
        for byte in raw {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        text
    }

    /// A random number, all 64 bits of it.
    pub fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Starts a seeded stream, and every clone of it, anew from another seed. The system's source has no seed and stays
    /// as it is.
    pub fn reseed(&self, seed: u64) {
        if let Source::Seeded(seeded) = &self.source {
            *lock(seeded) = Seeded::new(seed);
        }
    }

    /// Starts a seeded stream, and every clone of it, anew from its own seed: what a test server does when it is reset.
    pub fn rewind(&self) {
        if let Source::Seeded(seeded) = &self.source {
            let mut seeded = lock(seeded);
            *seeded = Seeded::new(seeded.seed);
        }
    }
}

impl fmt::Debug for Random {
    /// Names the source and shows nothing of the stream.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match &self.source {
            Source::System => "Random::system",
            Source::Seeded(_) => "Random::seeded",
        })
    }
}

/// A panic elsewhere cannot leave the stream in a state that matters.
fn lock(seeded: &Mutex<Seeded>) -> MutexGuard<'_, Seeded> {
    seeded.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_everything() {
        let one = Random::seeded(7);
        let other = Random::seeded(7);
        let text = one.hex(16);
        assert_eq!(text.len(), 32);
        assert_eq!(text, other.hex(16));
        assert_ne!(text, one.hex(16));
        assert_ne!(text, Random::seeded(8).hex(16));
    }

    #[test]
    fn the_stream_of_a_seed_is_pinned() {
        // Stored fixtures depend on it: another generator would have to be a decision.
        assert_eq!(Random::seeded(1).hex(8), "9a3744504560639e");
    }

    #[test]
    fn clones_share_a_stream_and_rewind_together() {
        let random = Random::seeded(7);
        let first = random.number();
        let second = random.clone().number();
        assert_ne!(first, second);
        random.clone().rewind();
        assert_eq!(random.number(), first);
        random.reseed(8);
        assert_eq!(random.number(), Random::seeded(8).number());
    }

    #[test]
    fn the_system_differs_each_time() {
        let random = Random::system();
        random.rewind();
        random.reseed(1);
        assert_ne!(random.hex(16), random.hex(16));
        assert_eq!(random.hex(0), "");
        assert_eq!(format!("{random:?}"), "Random::system");
    }
}
