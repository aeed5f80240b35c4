//! Text that looks like text: words of an invented language, as unequally frequent as those of a real one (Zipf's law:
//! the second word half as often as the first, the third a third as often), so that a search index meets what it will
//! meet in life.

use crate::dice::Dice;

/// How many words there are.
const WORDS: usize = 8_000;

/// Words are drawn from this many slots, of which each word has as many as it is frequent.
const SLOTS: usize = 1 << 16;

/// The most frequent words, as they are in every text.
const FREQUENT: &str = "the of and to in a is for on that with as it be at by this are from we not or have you an can \
    will all has if our they one which more about when up out so what their time no do some into other new them than \
    only should after also any over most first before each next just back well even still here both last please need \
    open check draft review send ask plan call report list team client";

const STARTS: &[&str] = &[
    "b", "br", "c", "ch", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "pl", "r", "s", "sh",
    "st", "t", "th", "tr", "v", "w", "z",
];
const VOWELS: &[&str] = &["a", "e", "i", "o", "u", "ai", "ea", "ee", "io", "ou"];
const ENDS: &[&str] = &["", "", "", "l", "m", "n", "nd", "r", "rt", "s", "st", "t"];

/// The language.
pub struct Prose {
    words: Vec<String>,
    slots: Vec<u16>,
}

impl Prose {
    /// The language of this sequence of numbers.
    pub fn new(dice: &mut Dice) -> Self {
        let mut words: Vec<String> = FREQUENT.split_whitespace().map(str::to_owned).collect();
        let mut known: std::collections::HashSet<String> = words.iter().cloned().collect();
        while words.len() < WORDS {
            let mut word = String::new();
            for _ in 0..dice.range(1, 3) {
                word.push_str(dice.pick(STARTS));
                word.push_str(dice.pick(VOWELS));
            }
            word.push_str(dice.pick(ENDS));
            if word.len() > 2 && known.insert(word.clone()) {
                words.push(word);
            }
        }
        Prose { slots: slots(words.len()), words }
    }

    /// A word.
    pub fn word(&self, dice: &mut Dice) -> &str {
        let slot = (dice.number() >> 48) as usize;
        &self.words[usize::from(self.slots[slot])]
    }

    /// A word that is not one of the frequent ones.
    pub fn rare_word(&self, dice: &mut Dice) -> &str {
        &self.words[500 + dice.below(self.words.len() - 500)]
    }

    /// A line of so many words, the first with a capital, without a full stop.
    pub fn line(&self, dice: &mut Dice, words: usize) -> String {
        let mut line = String::with_capacity(words * 8);
        self.push_words(dice, words, &mut line);
        line
    }

    /// A text of exactly so many characters.
    pub fn text(&self, dice: &mut Dice, length: usize) -> String {
        let mut text = String::with_capacity(length + 128);
        while text.len() < length {
            if !text.is_empty() {
                text.push_str(if dice.below(6) == 0 { "\n\n" } else { " " });
            }
            let words = 4 + dice.below(12);
            self.push_words(dice, words, &mut text);
            text.push('.');
        }
        // The words are ASCII: every byte is a character.
        text.truncate(length.saturating_sub(1));
        text.push('.');
        text
    }

    fn push_words(&self, dice: &mut Dice, words: usize, out: &mut String) {
        for at in 0..words {
            let word = self.word(dice);
            if at > 0 {
                out.push(' ');
                out.push_str(word);
            } else {
                let mut letters = word.chars();
                out.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
                out.push_str(letters.as_str());
            }
        }
    }
}

/// For each slot, the word that has it.
fn slots(words: usize) -> Vec<u16> {
    let total: f64 = (1..=words).map(|rank| 1.0 / rank as f64).sum();
    let mut slots = Vec::with_capacity(SLOTS);
    let mut sum = 0.0;
    for word in 0..words {
        sum += 1.0 / (word + 1) as f64;
        let end = (sum / total * SLOTS as f64) as usize;
        slots.resize(end.min(SLOTS), word as u16);
    }
    slots.resize(SLOTS, 0);
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_follow_their_law() {
        let mut dice = Dice::new(1);
        let prose = Prose::new(&mut dice);
        assert_eq!(prose.words.len(), WORDS);
        let mut counts = std::collections::HashMap::new();
        for _ in 0..100_000 {
            *counts.entry(prose.word(&mut dice)).or_insert(0_usize) += 1;
        }
        let of = |word: &str| counts.get(word).copied().unwrap_or_default();
        assert!((9_500..11_500).contains(&of("the")), "{}", of("the"));
        assert!((4_700..5_800).contains(&of("of")), "{}", of("of"));
        assert!(counts.len() > 5_000, "{}", counts.len());
    }

    #[test]
    fn texts_have_their_length() {
        let mut dice = Dice::new(1);
        let prose = Prose::new(&mut dice);
        for length in [1, 200, 1_000, 1_024] {
            let text = prose.text(&mut dice, length);
            assert_eq!(text.chars().count(), length);
            assert!(text.ends_with('.'), "{text}");
        }
        let line = prose.line(&mut dice, 5);
        assert_eq!(line.split(' ').count(), 5);
        assert!(line.starts_with(|letter: char| letter.is_ascii_uppercase()), "{line}");
    }
}
