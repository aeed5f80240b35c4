#![no_std]
//! A 32-bit number as five friendly words, and back.
//!
//! `6 sad squid snuggle softly` is easier to read out, to remember and to search for than `0x26ddf877`. Every number has
//! exactly one phrase and every phrase exactly one number: from the highest bits down, 5 choose a number from 2 to 33, 7 an
//! adjective, 7 an animal, 7 a verb and 6 an adverb.
//!
//! ```
//! use phrase::Phrase;
//!
//! let phrase: Phrase = "6 sad squid snuggle softly".parse()?;
//! assert_eq!(phrase.to_string(), "6 sad squid snuggle softly");
//! assert_eq!(Phrase(0).to_string(), "2 able ants act always");
//! # Ok::<(), phrase::ParseError>(())
//! ```
//!
//! There is no allocation and no dependency.

use core::error::Error;
use core::fmt;
use core::str::FromStr;

mod words;

use words::{ADJECTIVES, ADVERBS, ANIMALS, VERBS};

/// The least number that a phrase begins with: the animals are always plural.
const LEAST: u32 = 2;

/// A number that is shown, and read, as a phrase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phrase(pub u32);

impl fmt::Display for Phrase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut take = |bits: u32| {
            let value = rest & ((1 << bits) - 1);
            rest >>= bits;
            value as usize
        };
        // From the lowest bits up.
        let (adverb, verb, animal, adjective) = (take(6), take(7), take(7), take(7));
        let count = rest + LEAST;
        let (adjective, animal) = (ADJECTIVES[adjective], ANIMALS[animal]);
        let (verb, adverb) = (VERBS[verb], ADVERBS[adverb]);
        write!(formatter, "{count} {adjective} {animal} {verb} {adverb}")
    }
}

impl FromStr for Phrase {
    type Err = ParseError;

    /// Reads a phrase in any case, with any white space or punctuation around the words, or the number itself as eight
    /// hexadecimal digits, with or without `0x` in front.
    fn from_str(text: &str) -> Result<Phrase, ParseError> {
        let text = text.trim();
        if let Some(number) = number_of(text) {
            return Ok(Phrase(number));
        }
        let mut words = text.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let mut word = || words.next().ok_or(ParseError);
        let count = count_of(word()?)?;
        let adjective = place_of(word()?, &ADJECTIVES)?;
        let animal = place_of(word()?, &ANIMALS)?;
        let verb = place_of(word()?, &VERBS)?;
        let adverb = place_of(word()?, &ADVERBS)?;
        if word().is_ok() {
            return Err(ParseError);
        }
        Ok(Phrase((((count << 7 | adjective) << 7 | animal) << 7 | verb) << 6 | adverb))
    }
}

/// Eight hexadecimal digits.
fn number_of(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    // `from_str_radix` would take a sign.
    let whole = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if whole { u32::from_str_radix(digits, 16).ok() } else { None }
}

fn count_of(word: &str) -> Result<u32, ParseError> {
    let count: u32 = word.parse().map_err(|_| ParseError)?;
    match count.checked_sub(LEAST) {
        Some(count) if count < 32 => Ok(count),
        _ => Err(ParseError),
    }
}

fn place_of(word: &str, list: &[&str]) -> Result<u32, ParseError> {
    let sought = word.bytes().map(|byte| byte.to_ascii_lowercase());
    let place = list.binary_search_by(|known| known.bytes().cmp(sought.clone())).map_err(|_| ParseError)?;
    u32::try_from(place).map_err(|_| ParseError)
}

/// The text is neither a phrase nor eight hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError;

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .write_str("not a phrase: expected a number from 2 to 33, an adjective, an animal, a verb and an adverb")
    }
}

impl Error for ParseError {}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::format;
    use std::string::{String, ToString};

    use proptest::prelude::*;

    use super::*;

    /// Every list with the lowest of its bits in the number.
    fn lists() -> [(&'static [&'static str], u32); 4] {
        [(&ADJECTIVES, 20), (&ANIMALS, 13), (&VERBS, 6), (&ADVERBS, 0)]
    }

    fn read(text: &str) -> Option<u32> {
        text.parse::<Phrase>().ok().map(|phrase| phrase.0)
    }

    #[test]
    fn the_example_of_the_documentation() {
        let number = read("6 sad squid snuggle softly").expect("a phrase");
        assert_eq!(Phrase(number).to_string(), "6 sad squid snuggle softly");
        assert_eq!(number >> 27, 4);
        // Phrases are looked up in old logs: the words must never move.
        assert_eq!(number, 0x26dd_f877);
    }

    #[test]
    fn the_first_and_the_last() {
        assert_eq!(Phrase(0).to_string(), "2 able ants act always");
        assert_eq!(Phrase(u32::MAX).to_string(), "33 zesty zebras zigzag wisely");
        assert_eq!(read("33 zesty zebras zigzag wisely"), Some(u32::MAX));
    }

    #[test]
    fn every_word_leads_back() {
        for (list, shift) in lists() {
            for (place, word) in list.iter().enumerate() {
                let number = u32::try_from(place).expect("small") << shift;
                let text = Phrase(number).to_string();
                assert!(text.split(' ').any(|found| found == *word), "{text}");
                assert_eq!(read(&text), Some(number));
            }
        }
        for count in 0..32 {
            let text = Phrase(count << 27).to_string();
            assert!(text.starts_with(&format!("{} ", count + 2)));
            assert_eq!(read(&text), Some(count << 27));
        }
    }

    #[test]
    fn the_words_are_well_chosen() {
        let all: std::vec::Vec<&str> = lists().iter().flat_map(|(list, _)| list.iter().copied()).collect();
        let distinct: std::collections::HashSet<&str> = all.iter().copied().collect();
        assert_eq!(distinct.len(), 128 * 3 + 64);
        for word in &all {
            assert!((3..=10).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase()), "{word}");
        }
        for (list, _) in lists() {
            assert!(list.is_sorted());
            for (place, word) in list.iter().enumerate() {
                for other in &list[..place] {
                    assert!(!one_letter_apart(word, other), "{other} and {word}");
                }
            }
        }
    }

    /// Whether a single letter changed, added or left out makes one word of the other.
    fn one_letter_apart(one: &str, other: &str) -> bool {
        let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
        let start = short.bytes().zip(long.bytes()).take_while(|(one, other)| one == other).count();
        match long.len() - short.len() {
            0 => short[start..].get(1..) == long[start..].get(1..),
            1 => short[start..] == long[start + 1..],
            _ => false,
        }
    }

    #[test]
    fn letters_apart() {
        assert!(one_letter_apart("cat", "bat") && one_letter_apart("cat", "cats") && one_letter_apart("grow", "row"));
        assert!(!one_letter_apart("cat", "dog") && !one_letter_apart("cat", "catty"));
    }

    #[test]
    fn spacing_and_case_do_not_matter() {
        let number = read("6 sad squid snuggle softly");
        for text in [
            "  6  SAD\tSquid\nsnuggle softly ",
            "6-sad-squid-snuggle-softly",
            "\"6 sad squid snuggle softly.\"",
            "06 sad squid snuggle softly",
        ] {
            assert_eq!(read(text), number, "{text}");
        }
    }

    #[test]
    fn the_number_itself_is_understood() {
        assert_eq!(read("0000002a"), Some(42));
        assert_eq!(read(" 0xDEADBEEF "), Some(0xdead_beef));
        assert_eq!(read("0Xdeadbeef"), Some(0xdead_beef));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            " ",
            "6",
            "6 sad squid snuggle",
            "6 sad squid snuggle softly today",
            "1 sad squid snuggle softly",
            "34 sad squid snuggle softly",
            "-6",
            "six sad squid snuggle softly",
            "6 squid sad snuggle softly",
            "6 sad squids snuggle softly",
            "6 sa squid snuggle softly",
            "deadbee",
            "deadbeef0",
            "0x",
            "+eadbeef",
            "0x0xdead",
            "99999999999 sad squid snuggle softly",
            "6 säd squid snuggle softly",
        ] {
            assert_eq!(text.parse::<Phrase>(), Err(ParseError), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn every_number_leads_back(number in any::<u32>()) {
            let text = Phrase(number).to_string();
            prop_assert_eq!(read(&text), Some(number));
            prop_assert_eq!(read(&text.to_uppercase()), Some(number));
            prop_assert_eq!(read(&format!("{number:08x}")), Some(number));
            prop_assert_eq!(read(&format!("{number:#010X}").replace("0X", "0x")), Some(number));
        }

        #[test]
        fn no_text_panics(text in "\\PC*|[0-9a-fx ]{0,12}") {
            let _: Result<Phrase, ParseError> = text.parse();
        }

        #[test]
        fn what_is_read_is_written(count in 2..=33_u32, places in (0..128_usize, 0..128_usize, 0..128_usize, 0..64_usize)) {
            let text: String = format!(
                "{count} {} {} {} {}",
                ADJECTIVES[places.0], ANIMALS[places.1], VERBS[places.2], ADVERBS[places.3]
            );
            prop_assert_eq!(text.parse::<Phrase>().map(|phrase| phrase.to_string()), Ok(text));
        }
    }
}
