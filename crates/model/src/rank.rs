//! Manual order: where a person dragged something to, as a short text that sorts bytewise.
//!
//! A rank is a whole number and a fraction in base 62. The number begins with a letter that says how many digits follow, so
//! that bytes compare as numbers do: `a` is one digit, `b` two and so on, and below zero `Z` is one digit, `Y` two.
//! `Zz`, `a0`, `a1`, `a1V`, `a2`, `az`, `b00` are in order. The fraction is what follows, and never ends in a zero.
//!
//! Appending and prepending count the whole number on, so a million of them cost five bytes; a move in between takes
//! the middle of its neighbours, and one move writes one row. Some six moves into the same gap cost a byte. A rank that
//! would pass [`MAX_LEN`] is refused as [`RankError::Exhausted`], and the caller spreads the neighbourhood anew with
//! [`spread_between`], a wider one each time that it answers `None`.
//!
//! Ranks need not be unique (two people move at once on two nodes): the order is (rank, gid), and asking for a place between
//! equal ranks is [`RankError::Equal`], with the same remedy.

use thiserror::Error;

/// The longest rank, in bytes.
pub const MAX_LEN: usize = 48;

/// The longest rank that [`spread_between`] hands out: longer ones would have to be spread again too soon to be worth it.
pub const SPREAD_LEN: usize = MAX_LEN / 2;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE: usize = DIGITS.len();

/// Why there is no rank between two others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RankError {
    /// It would be too long.
    #[error("no short rank is left between these neighbours")]
    Exhausted,
    /// They are equal or in the wrong order.
    #[error("these neighbours are not in order")]
    Equal,
}

/// The rank of the only thing in a list.
pub fn first() -> String {
    "a0".to_owned()
}

/// A rank after `last`, the greatest in the list.
pub fn after(last: &str) -> String {
    // What is not a rank of ours still gets something that sorts after it.
    Rank::read(last)
        .and_then(|rank| count(rank.whole, 1))
        .unwrap_or_else(|| format!("{last}V"))
}

/// A rank before `first`, the least in the list.
pub fn before(first: &str) -> String {
    let lesser = Rank::read(first).and_then(|rank| match rank.fraction {
        "" => count(rank.whole, -1),
        _ => Some(rank.whole.to_owned()),
    });
    // Nobody counts down from here: it would take 62^26 steps.
    lesser.unwrap_or_else(|| "A".to_owned())
}

/// A rank between two neighbours; `None` stands for the end of the list.
///
/// # Errors
///
/// When the neighbours are equal or in the wrong order, or when the rank would pass [`MAX_LEN`].
pub fn between(low: Option<&str>, high: Option<&str>) -> Result<String, RankError> {
    let rank = match (low, high) {
        (None, None) => first(),
        (Some(low), None) => after(low),
        (None, Some(high)) => before(high),
        (Some(low), Some(high)) if low >= high => return Err(RankError::Equal),
        (Some(low), Some(high)) => middle(low, high).ok_or(RankError::Exhausted)?,
    };
    let fits =
        low.is_none_or(|low| low < rank.as_str()) && high.is_none_or(|high| rank.as_str() < high);
    if fits && rank.len() <= MAX_LEN {
        Ok(rank)
    } else {
        Err(RankError::Exhausted)
    }
}

/// `n` ranks for a whole list, in order, evenly and with room in between.
pub fn spread(n: usize) -> Vec<String> {
    // As many digits as leave room for six moves into each gap.
    let (mut digits, mut room) = (1_u32, BASE as u128);
    while room < (n as u128 + 1) * BASE as u128 {
        digits += 1;
        room *= BASE as u128;
    }
    let step = room / (n as u128 + 1);
    (1..=n as u128)
        .map(|place| whole_of(digits, place * step))
        .collect()
}

/// `n` ranks between two neighbours, in order and evenly; `None` stands for the end of the list.
///
/// Answers `None` when they would not be short (see [`SPREAD_LEN`]), or when the neighbours are not in order: spread a wider
/// neighbourhood then. A whole list always works.
pub fn spread_between(low: Option<&str>, high: Option<&str>, n: usize) -> Option<Vec<String>> {
    let ranks = match (low, high) {
        (None, None) => spread(n),
        (Some(low), None) => chain(low, n, after),
        (None, Some(high)) => {
            let mut ranks = chain(high, n, before);
            ranks.reverse();
            ranks
        }
        (Some(low), Some(high)) => {
            let mut ranks = Vec::with_capacity(n);
            halve(low, high, n, &mut ranks)?;
            ranks
        }
    };
    ranks
        .iter()
        .all(|rank| rank.len() <= SPREAD_LEN)
        .then_some(ranks)
}

fn chain(start: &str, n: usize, next: fn(&str) -> String) -> Vec<String> {
    let mut ranks = Vec::<String>::with_capacity(n);
    for place in 0..n {
        let rank = next(if place == 0 { start } else { &ranks[place - 1] });
        ranks.push(rank);
    }
    ranks
}

/// Pushes `n` ranks between `low` and `high`: the middle one, and as many on each side. As deep as `n` has binary digits.
fn halve(low: &str, high: &str, n: usize, out: &mut Vec<String>) -> Option<()> {
    if n == 0 {
        return Some(());
    }
    let rank = between(Some(low), Some(high)).ok()?;
    halve(low, &rank, n / 2, out)?;
    out.push(rank.clone());
    halve(&rank, high, n - n / 2 - 1, out)
}

/// A rank taken apart.
#[derive(Clone, Copy)]
struct Rank<'a> {
    /// The whole number, with its letter.
    whole: &'a str,
    /// The digits of the fraction.
    fraction: &'a str,
}

impl<'a> Rank<'a> {
    /// `None` when the text is no rank.
    fn read(text: &'a str) -> Option<Rank<'a>> {
        let digits = digits_after(*text.as_bytes().first()?)?;
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let (whole, fraction) = text.split_at_checked(1 + digits)?;
        Some(Rank { whole, fraction })
    }
}

/// How many digits follow the letter of a whole number.
fn digits_after(letter: u8) -> Option<usize> {
    match letter {
        b'a'..=b'z' => Some(usize::from(letter - b'a') + 1),
        b'A'..=b'Z' => Some(usize::from(b'Z' - letter) + 1),
        _ => None,
    }
}

/// The letter of whole numbers of so many digits, zero and above.
fn letter_of(digits: u32) -> char {
    char::from(b'a' + u8::try_from(digits - 1).unwrap_or(25).min(25))
}

/// A whole number of so many digits.
fn whole_of(digits: u32, mut number: u128) -> String {
    let mut text = vec![b'0'; digits as usize];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[(number % BASE as u128) as usize];
        number /= BASE as u128;
    }
    let mut whole = String::from(letter_of(digits));
    whole.extend(text.into_iter().map(char::from));
    whole
}

/// The whole number one further (`step` 1) or one back (`step` -1), or `None` at the very ends.
fn count(whole: &str, step: i8) -> Option<String> {
    let (wraps, becomes) = if step > 0 { (b'z', b'0') } else { (b'0', b'z') };
    let (letter, digits) = whole.as_bytes().split_first()?;
    let mut letter = *letter;
    let mut digits = digits.to_vec();
    for digit in digits.iter_mut().rev() {
        if *digit != wraps {
            let value = value_of(*digit);
            *digit = DIGITS[if step > 0 { value + 1 } else { value - 1 }];
            return Some(text_of(letter, &digits));
        }
        *digit = becomes;
    }
    // All digits went round: to the next letter, which has one digit more when going away from zero, one less towards it.
    let before = digits_after(letter)?;
    letter = match (letter, step > 0) {
        (b'Z', true) => b'a',
        (b'a', false) => b'Z',
        (b'z', true) | (b'A', false) => return None,
        (_, true) => letter + 1,
        (_, false) => letter - 1,
    };
    let now = digits_after(letter)?;
    digits.resize(if now > before { before + 1 } else { now }, becomes);
    Some(text_of(letter, &digits))
}

fn text_of(letter: u8, digits: &[u8]) -> String {
    std::iter::once(&letter)
        .chain(digits)
        .map(|byte| char::from(*byte))
        .collect()
}

fn value_of(digit: u8) -> usize {
    match digit {
        b'0'..=b'9' => usize::from(digit - b'0'),
        b'A'..=b'Z' => usize::from(digit - b'A') + 10,
        _ => usize::from(digit - b'a') + 36,
    }
}

/// A rank between two that are in order, or `None` when there is none.
fn middle(low: &str, high: &str) -> Option<String> {
    let (low_rank, high_rank) = (Rank::read(low)?, Rank::read(high)?);
    if low.as_bytes()[0] == high.as_bytes()[0] {
        // Equally long whole numbers: all the digits are one long fraction, of which the whole number is kept complete.
        let mut rank = low[..1].to_owned();
        let digits = halfway(&low.as_bytes()[1..], Some(&high.as_bytes()[1..]))?;
        rank.extend(digits.into_iter().map(char::from));
        while rank.len() < low_rank.whole.len() {
            rank.push('0');
        }
        return Some(rank);
    }
    let next = count(low_rank.whole, 1)?;
    if next.as_str() < high {
        return Some(next);
    }
    debug_assert_eq!(next, high_rank.whole);
    let mut rank = low_rank.whole.to_owned();
    rank.extend(
        halfway(low_rank.fraction.as_bytes(), None)?
            .into_iter()
            .map(char::from),
    );
    Some(rank)
}

/// The shortest digits about halfway between two fractions; without an upper one it is 1.
fn halfway(low: &[u8], high: Option<&[u8]>) -> Option<Vec<u8>> {
    let mut digits = Vec::with_capacity(low.len() + 1);
    let mut high = high;
    for place in 0.. {
        let from = low.get(place).map_or(0, |digit| value_of(*digit));
        let to = match high {
            None => BASE,
            Some(high) => value_of(*high.get(place)?),
        };
        match to.checked_sub(from)? {
            0 => digits.push(DIGITS[from]),
            1 => match high {
                // `0.3` lies between `0.2…` and `0.31`.
                Some(high) if high.len() > place + 1 => {
                    digits.push(DIGITS[to]);
                    return Some(digits);
                }
                // Between `0.29` and `0.3` it is `0.29…` with nothing to mind above.
                _ => {
                    digits.push(DIGITS[from]);
                    high = None;
                }
            },
            _ => {
                digits.push(DIGITS[from.midpoint(to)]);
                return Some(digits);
            }
        }
        if digits.len() > MAX_LEN {
            return None;
        }
    }
    None
}
