//! Gids: the identifiers of the API, written as strings of digits and kept as plain `i64` everywhere inside.

/// Where the gids of this server begin: 2^52. Blocks are handed out upwards from here and stay below 2^53, so that every
/// gid has sixteen digits, as clients have come to expect, and survives a trip through a JavaScript number.
pub const FIRST: i64 = 1 << 52;

/// The number behind a gid as a client wrote it, or `None` when it is not one.
///
/// ASCII digits only, one to nineteen of them, no sign and no spaces. Leading zeros are dropped: a request for task
/// `000000000000000` is answered with "Not a recognized ID: 0".
pub fn parse(text: &str) -> Option<i64> {
    // Nineteen digits cannot overflow a u64, and `i64::from_str` alone would let a sign through.
    if text.is_empty() || text.len() > 19 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digits_are_a_gid() {
        assert_eq!(parse("0"), Some(0));
        assert_eq!(parse("000000000000000"), Some(0));
        assert_eq!(parse("0042"), Some(42));
        assert_eq!(parse("4503599627370496"), Some(FIRST));
        assert_eq!(parse("9223372036854775807"), Some(i64::MAX));
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            " ",
            "-1",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "1e3",
            "0x1",
            "me",
            "١٢",
            "9223372036854775808",
            "00000000000000000001",
            "1\0",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_number_comes_back(number in 0..=i64::MAX) {
            prop_assert_eq!(parse(&number.to_string()), Some(number));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            if let Some(number) = parse(&text) {
                prop_assert!(number >= 0);
            }
        }
    }
}
