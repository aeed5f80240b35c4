//! A simple, seeded mutator: what the short test has instead of a fuzzer.

use model::Random;

/// The longest input that it makes.
const LONGEST: usize = 600;

/// Makes new inputs of known ones.
pub struct Mutator {
    random: Random,
    corpus: Vec<Vec<u8>>,
    words: Vec<String>,
}

impl Mutator {
    /// A mutator of these inputs with these words; the same seed gives the same inputs.
    pub fn new(seed: u64, corpus: Vec<Vec<u8>>, words: Vec<String>) -> Self {
        Mutator { random: Random::seeded(seed), corpus, words }
    }

    fn below(&self, end: usize) -> usize {
        (self.random.number() % end.max(1) as u64) as usize
    }

    /// The next input: one of the known ones, changed in one to four places.
    pub fn next_input(&self) -> Vec<u8> {
        let mut input = self.corpus.get(self.below(self.corpus.len())).cloned().unwrap_or_default();
        for _ in 0..=self.below(4) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = (at + self.below(16)).min(input.len());
        match self.below(8) {
            0 => drop(input.splice(at..end, std::iter::empty())),
            1 => input.insert(at, self.random.number() as u8),
            2 if at < input.len() => input[at] ^= 1 << self.below(8),
            3 => {
                let piece = input[at..end].to_vec();
                let to = self.below(input.len() + 1);
                input.splice(to..to, piece);
            }
            4 if !self.corpus.is_empty() => {
                let other = &self.corpus[self.below(self.corpus.len())];
                let from = self.below(other.len() + 1);
                input.splice(at.., other[from..].iter().copied());
            }
            5 => {
                let to = (at + self.below(4)).min(input.len());
                input.splice(at..to, self.word());
            }
            _ => drop(input.splice(at..at, self.word())),
        }
    }

    fn word(&self) -> Vec<u8> {
        self.words.get(self.below(self.words.len())).map_or_else(Vec::new, |word| word.clone().into_bytes())
    }
}
