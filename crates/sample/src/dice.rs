//! Cheap random numbers that are the same for a seed on every machine. Nothing secret comes from here.

/// A sequence of random numbers: SplitMix64.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Dice(seed)
    }

    /// The next number, all 64 bits of it.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `n` - 1; 0 if there is none.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.number()) * n as u128) >> 64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub fn range(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(usize::try_from(high - low + 1).unwrap_or(1)) as i64
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the things. There must be one.
    pub fn pick<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.below(things.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_of_a_seed_is_pinned() {
        // Databases of a seed are compared across versions and machines.
        assert_eq!(Dice::new(1).number(), 0x910a_2dec_8902_5cc1);
    }

    #[test]
    fn numbers_keep_their_bounds() {
        let mut dice = Dice::new(7);
        assert_eq!(dice.below(0), 0);
        assert_eq!(dice.range(5, 5), 5);
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[usize::try_from(dice.range(-2, 2) + 2).unwrap()] = true;
        }
        assert_eq!(seen, [true; 5]);
        let hits = (0..10_000).filter(|_| dice.percent(30)).count();
        assert!((2_800..3_200).contains(&hits), "{hits}");
    }
}
