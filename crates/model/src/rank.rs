//! Manual order: where a person dragged something to, as a short text that sorts bytewise.
//!
//! A rank is a whole number and a fraction in base 62. The number begins with a letter that says how many digits follow, so
//! that bytes compare as numbers do: `a` is one digit, `b` two and so on, and below zero `Z` is one digit, `Y` two.
//! `Zz`, `a0`, `a1`, `a1V`, `a2`, `az`, `b00` are in order. The fraction is what follows, and never ends in a zero.
//!
//! Appending and prepending count the whole number on, so a million of them cost five bytes; a move in between takes
//! the middle of its neighbours, and one move writes one row. Some six moves into the same gap cost a byte. A rank that
//! would pass [`MAX_LEN`] is refused as [`RankError::Exhausted`], and the caller spreads the neighbourhood anew with
//! [`spread_between`]: 32 rows, and twice as many each time that it answers `None`. When everything goes to the same place
//! in the middle of a list, that rewrites about one row for each move.
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
    Rank::read(last).and_then(|rank| count(rank.whole, 1)).unwrap_or_else(|| format!("{last}V"))
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
    let fits = low.is_none_or(|low| low < rank.as_str()) && high.is_none_or(|high| rank.as_str() < high);
    if fits && rank.len() <= MAX_LEN { Ok(rank) } else { Err(RankError::Exhausted) }
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
    (1..=n as u128).map(|place| whole_of(digits, place * step)).collect()
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
    ranks.iter().all(|rank| rank.len() <= SPREAD_LEN).then_some(ranks)
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
    std::iter::once(&letter).chain(digits).map(|byte| char::from(*byte)).collect()
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
    let whole = Rank::read(low)?.whole;
    Rank::read(high)?;
    let digits = if low.as_bytes()[0] == high.as_bytes()[0] {
        // Equally long whole numbers: all the digits are one long fraction.
        halfway(&low.as_bytes()[1..], Some(&high.as_bytes()[1..]))?
    } else {
        match count(whole, 1) {
            // The first number with the next letter.
            Some(next) if next.as_bytes()[0] != low.as_bytes()[0] && next.as_str() < high => {
                return Some(next);
            }
            // Everything with the same letter is below `high`.
            _ => halfway(&low.as_bytes()[1..], None)?,
        }
    };
    let mut rank = low[..1].to_owned();
    rank.extend(digits.into_iter().map(char::from));
    // The whole number has to be complete.
    while rank.len() < whole.len() {
        rank.push('0');
    }
    Some(rank)
}

/// The shortest digits about halfway between two fractions; without an upper one it is 1.
fn halfway(low: &[u8], high: Option<&[u8]>) -> Option<Vec<u8>> {
    let mut digits = Vec::with_capacity(low.len() + 1);
    // A whole number may end in zeros, which say nothing in a fraction.
    let mut high = high.map(|high| {
        let zeros = high.iter().rev().take_while(|digit| **digit == b'0').count();
        &high[..high.len() - zeros]
    });
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_rank(text: &str) -> bool {
        let fraction = Rank::read(text).map(|rank| rank.fraction);
        text.len() <= MAX_LEN && fraction.is_some_and(|fraction| !fraction.ends_with('0'))
    }

    #[test]
    fn ranks_count_on_and_back() {
        for (rank, next) in [
            ("a0", "a1"),
            ("a9", "aA"),
            ("aZ", "aa"),
            ("az", "b00"),
            ("b0z", "b10"),
            ("bzz", "c000"),
            ("Zz", "a0"),
            ("Zy", "Zz"),
            ("Yzz", "Z0"),
            ("Yzy", "Yzz"),
            ("Xzzz", "Y00"),
        ] {
            assert_eq!(after(rank), next);
            assert_eq!(before(next), rank);
            assert!(rank < next);
        }
        assert_eq!(after("a1V"), "a2");
        assert_eq!(before("a1V"), "a1");
    }

    #[test]
    fn a_middle_is_short() {
        for (low, middle, high) in [
            ("a0", "a0V", "a1"),
            ("a0", "a5", "aA"),
            ("a0", "a0F", "a0V"),
            ("a0V", "a1", "a2"),
            ("az", "azV", "b00"),
            ("azV", "azk", "b00"),
            ("az", "b00", "b01"),
            ("Zz", "ZzV", "a0"),
            ("Zz", "a0", "a0V"),
            ("a0", "a1", "a1V"),
            ("b00", "bV0", "c000"),
            ("a0z", "a0zV", "a1"),
            ("bUz", "bUzV", "bV0"),
            ("bUzz", "bUzzV", "bV0"),
        ] {
            assert_eq!(between(Some(low), Some(high)).as_deref(), Ok(middle), "{low} {high}");
        }
    }

    #[test]
    fn the_ends_are_open() {
        assert_eq!(between(None, None), Ok(first()));
        assert_eq!(between(Some("a0"), None).as_deref(), Ok("a1"));
        assert_eq!(between(None, Some("a0")).as_deref(), Ok("Zz"));
    }

    #[test]
    fn neighbours_out_of_order_are_told() {
        assert_eq!(between(Some("a1"), Some("a1")), Err(RankError::Equal));
        assert_eq!(between(Some("a2"), Some("a1")), Err(RankError::Equal));
        assert_eq!(spread_between(Some("a1"), Some("a1"), 1), None);
    }

    #[test]
    fn what_is_no_rank_does_no_harm() {
        for text in ["", "0", "b0", "a", "a\u{e9}0", "é", "a0-", "~", "a0000", "A", "z"] {
            assert!(after(text).as_str() > text, "{text}");
            let _ = before(text);
            for other in ["a0", "a00", "b0", "", "zz", "é"] {
                for (low, high) in [(text, other), (other, text)] {
                    if let Ok(rank) = between(Some(low), Some(high)) {
                        assert!(low < rank.as_str() && rank.as_str() < high, "{low} {rank} {high}");
                    }
                    let _ = spread_between(Some(low), Some(high), 3);
                }
            }
        }
        // Between these there is nothing at all.
        assert_eq!(between(Some("a0"), Some("a00")), Err(RankError::Exhausted));
    }

    #[test]
    fn a_million_at_either_end_stay_short() {
        let (mut last, mut first) = (first(), first());
        for _ in 0..1_000_000 {
            let next = after(&last);
            assert!(last < next);
            last = next;
            let next = before(&first);
            assert!(next < first);
            first = next;
        }
        assert!(last.len() <= 5 && first.len() <= 5, "{last} {first}");
        assert!(is_rank(&last) && is_rank(&first));
    }

    #[test]
    fn the_same_gap_takes_many_moves_before_it_is_used_up() {
        for after_the_same in [true, false] {
            let (mut low, mut high) = ("a0".to_owned(), "a1".to_owned());
            let mut moves = 0;
            let error = loop {
                match between(Some(&low), Some(&high)) {
                    Ok(rank) if after_the_same => high = rank,
                    Ok(rank) => low = rank,
                    Err(error) => break error,
                }
                moves += 1;
            };
            assert_eq!(error, RankError::Exhausted);
            assert!(moves > 200, "{moves}");
        }
    }

    #[test]
    fn a_list_is_spread_evenly() {
        for n in [0, 1, 2, 3, 32, 61, 62, 1000, 100_000] {
            let ranks = spread(n);
            assert_eq!(ranks.len(), n);
            assert!(ranks.is_sorted_by(|one, next| one < next));
            assert!(ranks.iter().all(|rank| is_rank(rank) && rank.len() <= 5));
            // With room: a move into any gap needs no more bytes.
            for pair in ranks.windows(2) {
                let rank = between(Some(&pair[0]), Some(&pair[1])).expect("room");
                assert_eq!(rank.len(), pair[0].len());
            }
        }
    }

    #[test]
    fn a_neighbourhood_is_spread_until_it_is_too_narrow() {
        for (low, high) in [
            (None, None),
            (Some("a0"), None),
            (None, Some("a0")),
            (Some("a0"), Some("a1")),
            (Some("a0"), Some("d0000")),
            (Some("Zz"), Some("a0")),
            (Some("a0"), Some("a000000V")),
        ] {
            for n in [0, 1, 2, 31, 32, 1000] {
                let ranks = spread_between(low, high, n).expect("room");
                assert_eq!(ranks.len(), n);
                assert!(ranks.is_sorted_by(|one, next| one < next));
                assert!(ranks.iter().all(|rank| is_rank(rank) && rank.len() <= 12), "{ranks:?}");
                assert!(ranks.iter().all(|rank| low.is_none_or(|low| low < rank.as_str())));
                assert!(ranks.iter().all(|rank| high.is_none_or(|high| rank.as_str() < high)));
            }
        }
        let narrow = format!("a0{}V", "0".repeat(40));
        assert!(between(Some("a0"), Some(&narrow)).is_ok());
        assert_eq!(spread_between(Some("a0"), Some(&narrow), 32), None);
    }

    /// A list of things with ranks, the way a section keeps its tasks.
    struct List {
        rows: Vec<(String, u32)>,
        rewritten: usize,
    }

    impl List {
        fn rank(&self, place: Option<usize>) -> Option<&str> {
            self.rows.get(place?).map(|(rank, _)| rank.as_str())
        }

        /// Puts a thing at a place, and spreads an ever wider neighbourhood when that is necessary.
        fn insert(&mut self, place: usize, thing: u32) {
            if let Ok(rank) = between(self.rank(place.checked_sub(1)), self.rank(Some(place))) {
                self.rows.insert(place, (rank, thing));
                return;
            }
            self.rows.insert(place, (String::new(), thing));
            for width in (5..).map(|power| 1_usize << power) {
                let start = place.saturating_sub(width / 2);
                let end = (place + width / 2).min(self.rows.len());
                let (low, high) = (self.rank(start.checked_sub(1)), self.rank(Some(end)));
                let Some(ranks) = spread_between(low, high, end - start) else {
                    continue;
                };
                self.rewritten += ranks.len();
                for (row, rank) in self.rows[start..end].iter_mut().zip(ranks) {
                    row.0 = rank;
                }
                return;
            }
        }

        fn check(&self) {
            assert!(self.rows.is_sorted_by(|one, next| one.0 < next.0));
            assert!(self.rows.iter().all(|(rank, _)| is_rank(rank)));
        }
    }

    /// Moves things about: the order that is shown is the order that is stored.
    fn shuffle(moves: u32, mut place_of: impl FnMut(u32, usize) -> usize) -> List {
        let mut list = List { rows: Vec::new(), rewritten: 0 };
        let mut shown = Vec::<u32>::new();
        for step in 0..moves {
            let thing = if step < 500 {
                step
            } else {
                let from = (step as usize * 7919) % shown.len();
                list.rows.remove(from);
                shown.remove(from)
            };
            let place = place_of(step, shown.len());
            shown.insert(place, thing);
            list.insert(place, thing);
            if step % 1000 == 0 {
                list.check();
                let stored: Vec<u32> = list.rows.iter().map(|(_, thing)| *thing).collect();
                assert_eq!(stored, shown);
            }
        }
        list.check();
        list
    }

    #[test]
    fn order_holds_over_a_hundred_thousand_random_moves() {
        let random = crate::Random::seeded(11);
        let list = shuffle(100_000, |_, len| random.number() as usize % (len + 1));
        assert_eq!(list.rewritten, 0);
    }

    #[test]
    fn order_holds_when_everything_goes_to_the_same_place() {
        for place in [0, 1, 2, 250] {
            let list = shuffle(20_000, |_, len| place.min(len));
            // A spread pays for itself: less than a handful of rows for each move.
            assert!(list.rewritten < 60_000, "{place}: {}", list.rewritten);
        }
    }

    prop_compose! {
        fn rank()(letter in "[A-Za-z]", digits in "[0-9A-Za-z]{40}|[0z]{40}|[01yz]{40}", fraction in 0..8_usize) -> String {
            let digits_after = digits_after(letter.as_bytes()[0]).unwrap_or(1);
            let text = format!("{letter}{}", &digits[..digits_after + fraction]);
            let fraction = text[1 + digits_after..].trim_end_matches('0').len();
            text[..1 + digits_after + fraction].to_owned()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn between_is_strictly_between(one in rank(), other in rank()) {
            let (low, high) = if one < other { (one, other) } else { (other, one) };
            match between(Some(&low), Some(&high)) {
                Ok(rank) => {
                    prop_assert!(low < rank && rank < high, "{} {} {}", low, rank, high);
                    prop_assert!(is_rank(&rank));
                    prop_assert!(rank.len() <= low.len().max(high.len()) + 1);
                }
                Err(error) => prop_assert!(low == high && error == RankError::Equal, "{} {}", low, high),
            }
        }

        #[test]
        fn close_neighbours_have_a_middle(start in "[0-9a-z]{1,3}", one in "[0-9A-Za-z]{0,4}", other in "[0-9A-Za-z]{0,4}") {
            let rank = |end: &str| format!("b{}", format!("{start:0<2}{end}").trim_end_matches('0').to_owned() + "V");
            let (one, other) = (rank(&one), rank(&other));
            prop_assume!(Rank::read(&one).is_some() && Rank::read(&other).is_some() && one != other);
            let (low, high) = if one < other { (one, other) } else { (other, one) };
            let rank = between(Some(&low), Some(&high)).expect("room");
            prop_assert!(low < rank && rank < high && is_rank(&rank), "{} {} {}", low, rank, high);
        }

        #[test]
        fn the_next_is_greater_and_leads_back(rank in rank()) {
            let next = after(&rank);
            prop_assert!(rank < next);
            let previous = before(&rank);
            prop_assert!(previous < rank, "{}", rank);
            if Rank::read(&rank).is_some_and(|rank| rank.fraction.is_empty()) {
                prop_assert_eq!(before(&next), rank.clone());
                prop_assert_eq!(after(&previous), rank);
            }
        }

        #[test]
        fn no_text_panics(low in "\\PC{0,5}|[aAzZ][0z]{0,60}", high in "\\PC{0,5}|[aAzZ][0z]{0,60}") {
            let _ = after(&low);
            let _ = before(&low);
            if let Ok(rank) = between(Some(&low), Some(&high)) {
                prop_assert!(low < rank && rank < high);
            }
            if let Some(ranks) = spread_between(Some(&low), Some(&high), 5) {
                prop_assert!(ranks.is_sorted_by(|one, next| one < next));
            }
        }
    }
}
