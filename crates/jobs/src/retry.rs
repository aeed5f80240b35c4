//! When something that has failed is tried again.

/// How often a job is tried, without getting on in between, before it is given up.
pub const MOST_ATTEMPTS: i64 = 10;
/// How long the first wait is, in milliseconds. Each is twice as long as the one before.
const FIRST_WAIT: i64 = 5_000;
/// No wait is longer than this.
const LONGEST_WAIT: i64 = 3_600_000;

/// How long to wait after so many attempts, in milliseconds; `None`: no more. `random` spreads what has failed together,
/// over the second half of the wait.
pub fn wait(attempts: i64, random: u64) -> Option<i64> {
    if attempts >= MOST_ATTEMPTS {
        return None;
    }
    let doublings = attempts.clamp(1, 20) - 1;
    let longest = (FIRST_WAIT << doublings).min(LONGEST_WAIT);
    let half = longest / 2;
    Some(half + (random % (half as u64 + 1)) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_are_spread() {
        for (attempts, longest) in [(1, 5_000), (2, 10_000), (3, 20_000), (9, 1_280_000)] {
            assert_eq!(wait(attempts, 0), Some(longest / 2), "after {attempts}");
            assert_eq!(wait(attempts, longest as u64 / 2), Some(longest), "after {attempts}");
            for random in [1, 77, u64::MAX / 3, u64::MAX] {
                let wait = wait(attempts, random).expect("another attempt");
                assert!((longest / 2..=longest).contains(&wait), "{attempts} {random}: {wait}");
            }
        }
        assert_eq!(wait(MOST_ATTEMPTS, 5), None);
        assert_eq!(wait(MOST_ATTEMPTS + 1, 5), None);
    }
}
