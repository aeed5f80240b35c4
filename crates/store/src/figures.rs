//! What a database counts while it works, for whoever watches over it. A count costs one relaxed addition.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a database has done since it was opened, and what waits.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Statements that have run.
    pub statements: u64,
    /// Read transactions.
    pub reads: u64,
    /// Requests to write.
    pub writes: u64,
    /// Commits.
    pub commits: u64,
    /// Requests that wait for a writer.
    pub queued: usize,
    /// Commits by the number of requests that shared them: one, two, up to 4, up to 8 and so on; the last: up to 128.
    pub batches: [u64; 8],
    /// Requests that were committed.
    pub committed: u64,
}

/// Commits by the number of requests in them.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    sizes: [AtomicU64; 8],
    requests: AtomicU64,
}

impl Batches {
    /// A commit of so many requests.
    pub fn count(&self, requests: usize) {
        let place = requests.max(1).next_power_of_two().trailing_zeros() as usize;
        self.sizes[place.min(self.sizes.len() - 1)].fetch_add(1, Relaxed);
        self.requests.fetch_add(requests as u64, Relaxed);
    }

    /// Commits by their size.
    pub fn sizes(&self) -> [u64; 8] {
        self.sizes.each_ref().map(|count| count.load(Relaxed))
    }

    /// The requests in all of them.
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_counted_by_their_size() {
        let batches = Batches::default();
        [0, 1, 2, 3, 4, 5, 64, 65, 1_000].into_iter().for_each(|requests| batches.count(requests));
        assert_eq!((batches.sizes(), batches.requests()), ([2, 1, 2, 1, 0, 0, 1, 2], 1_144));
    }
}
