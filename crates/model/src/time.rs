//! Times and dates as the API writes them.
//!
//! A time is an `i64` of milliseconds since 1970 in UTC, in memory and in the database; a date is its ISO text.

use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

/// 0001-01-01T00:00:00.000Z, the first moment that [`format_time`] can write.
pub const MIN: i64 = -62_135_596_800_000;
/// 9999-12-31T23:59:59.999Z, the last moment that [`format_time`] can write.
pub const MAX: i64 = 253_402_300_799_999;

const DAY: i64 = 86_400_000;

/// Writes a time as the API does: `2026-11-22T13:01:14.123Z`, always 24 bytes. What lies outside the years 0001 to 9999 is
/// written as the nearest moment inside.
///
/// Several of these stand in every record of every answer, hence by hand and without allocation.
pub fn format_time(ms: i64, out: &mut Vec<u8>) {
    let ms = ms.clamp(MIN, MAX);
    let (year, month, day) = civil_of(ms.div_euclid(DAY));
    let rest = ms.rem_euclid(DAY);
    let (seconds, millis) = (rest / 1000, rest % 1000);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    put(&mut text[0..4], year);
    put(&mut text[5..7], month);
    put(&mut text[8..10], day);
    put(&mut text[11..13], seconds / 3600);
    put(&mut text[14..16], seconds / 60 % 60);
    put(&mut text[17..19], seconds % 60);
    put(&mut text[20..23], millis);
    out.extend_from_slice(&text);
}

/// Writes `number` into `digits`, right-aligned.
fn put(digits: &mut [u8], mut number: i64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
///
/// Years are counted from March, so that the leap day is a year's last; 400 such years have 146,097 days.
fn civil_of(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468; // days from 0000-03-01 to 1970-01-01
    let era = day.div_euclid(146_097);
    let day = day.rem_euclid(146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153; // from March
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// The moment that a client wrote, or `None` when it is not one.
///
/// ISO 8601: `2026-11-22T13:01:14.123Z`, with `Z`, `+02:00`, `+0200` or `+02`; seconds and their fraction may be missing (of
/// a fraction the milliseconds count). Without an offset it is UTC, and a date alone is its midnight in UTC.
pub fn parse_time(text: &str) -> Option<i64> {
    let (date, rest) = match text.split_at_checked(10)? {
        (date, "") => return midnight(date),
        (date, rest) => (calendar_date(date)?, rest),
    };
    let mut rest = Scanner(rest.as_bytes());
    if !rest.take(b'T') && !rest.take(b't') && !rest.take(b' ') {
        return None;
    }
    let hour = rest.two_digits()?;
    if !rest.take(b':') {
        return None;
    }
    let minute = rest.two_digits()?;
    let (mut second, mut millis) = (0, 0);
    if rest.take(b':') {
        second = rest.two_digits()?;
        if rest.take(b'.') || rest.take(b',') {
            millis = rest.fraction()?;
        }
    }
    // A leap second counts as the one before, as nearly everybody counts it.
    let second = if second == 60 { 59 } else { second };
    let offset = rest.offset()?;
    let time = DateTime::new(
        date.year(),
        date.month(),
        date.day(),
        i8::try_from(hour).ok()?,
        i8::try_from(minute).ok()?,
        i8::try_from(second).ok()?,
        millis * 1_000_000,
    )
    .ok()?;
    let ms = Offset::from_seconds(offset).ok()?.to_timestamp(time).ok()?.as_millisecond();
    (MIN..=MAX).contains(&ms).then_some(ms)
}

fn midnight(date: &str) -> Option<i64> {
    let date = calendar_date(date)?;
    Some(Offset::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).ok()?.as_millisecond())
}

/// What is left of a time to read.
struct Scanner<'a>(&'a [u8]);

impl Scanner<'_> {
    fn take(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    fn digit(&mut self) -> Option<i32> {
        let (first, rest) = self.0.split_first()?;
        let digit = first.is_ascii_digit().then(|| i32::from(first - b'0'))?;
        self.0 = rest;
        Some(digit)
    }

    fn two_digits(&mut self) -> Option<i32> {
        Some(self.digit()? * 10 + self.digit()?)
    }

    /// One digit or more of a second, as milliseconds.
    fn fraction(&mut self) -> Option<i32> {
        let mut millis = self.digit()? * 100;
        let mut worth = 10;
        while let Some(digit) = self.digit() {
            millis += digit * worth;
            worth /= 10;
        }
        Some(millis)
    }

    /// The offset from UTC in seconds, which is all that may be left.
    fn offset(&mut self) -> Option<i32> {
        if self.0.is_empty() || self.0 == b"Z" || self.0 == b"z" {
            return Some(0);
        }
        let sign = match (self.take(b'+'), self.take(b'-')) {
            (true, false) => 1,
            (false, true) => -1,
            _ => return None,
        };
        let hours = self.two_digits()?;
        let mut minutes = 0;
        if !self.0.is_empty() {
            self.take(b':');
            minutes = self.two_digits()?;
        }
        (self.0.is_empty() && hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    }
}

/// The date that a client wrote, as it is kept, or `None` when it is not strictly `YYYY-MM-DD` or no day of the calendar.
pub fn parse_date(text: &str) -> Option<&str> {
    calendar_date(text).map(|_| text)
}

fn calendar_date(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |digits: &[u8]| {
        digits
            .iter()
            .try_fold(0_i16, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i16::from(byte - b'0')))
    };
    let (year, month, day) = (number(&bytes[0..4])?, number(&bytes[5..7])?, number(&bytes[8..10])?);
    // There is no year 0 in what we write.
    if year == 0 {
        return None;
    }
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// The date in UTC of a moment.
pub fn date_of(ms: i64) -> String {
    let mut text = Vec::with_capacity(24);
    format_time(ms, &mut text);
    text.truncate(10);
    // It holds nothing but digits and hyphens.
    String::from_utf8_lossy(&text).into_owned()
}

/// A date as stories tell it: `2026-11-12` is "Nov 12". What is not a date stays as it is.
pub fn month_day(date: &str) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let Some(day) = calendar_date(date) else {
        return date.to_owned();
    };
    let month = usize::try_from(day.month() - 1).unwrap_or_default();
    format!("{} {}", MONTHS[month], day.day())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn written(ms: i64) -> String {
        let mut out = Vec::new();
        format_time(ms, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn times_are_written() {
        assert_eq!(written(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(written(1_795_352_474_123), "2026-11-22T13:01:14.123Z");
        assert_eq!(written(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(written(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(written(MIN), "0001-01-01T00:00:00.000Z");
        assert_eq!(written(MAX), "9999-12-31T23:59:59.999Z");
        assert_eq!(written(i64::MIN), written(MIN));
        assert_eq!(written(i64::MAX), written(MAX));
    }

    #[test]
    fn times_are_read() {
        let noon = Some(1_795_352_474_000);
        for text in [
            "2026-11-22T13:01:14Z",
            "2026-11-22T13:01:14.000Z",
            "2026-11-22T13:01:14.0009Z",
            "2026-11-22T13:01:14,0Z",
            "2026-11-22T15:01:14+02:00",
            "2026-11-22T15:01:14+0200",
            "2026-11-22T15:01:14+02",
            "2026-11-22T07:31:14.000-05:30",
            "2026-11-22t13:01:14z",
            "2026-11-22 13:01:14",
            "2026-11-22T13:01:14",
        ] {
            assert_eq!(parse_time(text), noon, "{text}");
        }
        assert_eq!(parse_time("2026-11-22T13:01Z"), Some(1_795_352_460_000));
        assert_eq!(parse_time("2026-11-22T13:01:14.1Z"), Some(1_795_352_474_100));
        assert_eq!(parse_time("2026-11-22T13:01:14.123456789012345678901234567890Z"), Some(1_795_352_474_123));
        assert_eq!(parse_time("2026-11-22"), Some(1_795_305_600_000));
        assert_eq!(parse_time("2016-12-31T23:59:60Z"), parse_time("2016-12-31T23:59:59Z"));
        assert_eq!(parse_time("0001-01-01"), Some(MIN));
    }

    #[test]
    fn what_is_not_a_time() {
        for text in [
            "",
            "now",
            "2026",
            "2026-11",
            "2026-11-31",
            "2026-11-22T",
            "2026-11-22T13",
            "2026-11-22T24:00:00Z",
            "2026-11-22T13:60:00Z",
            "2026-11-22T13:01:61Z",
            "2026-11-22T13:01:14.Z",
            "2026-11-22T13:01:14Zulu",
            "2026-11-22T13:01:14+",
            "2026-11-22T13:01:14+2:00",
            "2026-11-22T13:01:14+24:00",
            "2026-11-22T13:01:14+02:60",
            "2026-11-22T13:01:14+02:000",
            "2026-11-22T13:01:14+-02:00",
            " 2026-11-22",
            "2026-11-22 ",
            "2026-11-2é",
            "0001-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "+002026-11-22",
            "1795352474000",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_read_strictly() {
        for text in ["2026-11-22", "2024-02-29", "0001-01-01", "9999-12-31"] {
            assert_eq!(parse_date(text), Some(text));
        }
        for text in [
            "2023-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-01-00",
            "0000-01-01",
            "2026-1-01",
            "20261122",
            "2026-11-22T",
            "२०२६-११-२२",
            "",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_told() {
        assert_eq!(date_of(1_795_352_474_123), "2026-11-22");
        assert_eq!(month_day("2026-11-12"), "Nov 12");
        assert_eq!(month_day("2026-01-01"), "Jan 1");
        assert_eq!(month_day("soon"), "soon");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn writing_agrees_with_jiff(ms in MIN..=MAX) {
            let expected = Timestamp::from_millisecond(ms).expect("in range");
            prop_assert_eq!(written(ms), format!("{expected:.3}"));
            prop_assert_eq!(date_of(ms), expected.to_string()[..10].to_owned());
        }

        #[test]
        fn every_day_agrees_with_jiff(day in MIN / DAY..=MAX / DAY) {
            let expected = Timestamp::from_millisecond(day * DAY).expect("in range");
            prop_assert_eq!(written(day * DAY), format!("{expected:.3}"));
        }

        #[test]
        fn what_is_written_is_read(ms in MIN..=MAX) {
            prop_assert_eq!(parse_time(&written(ms)), Some(ms));
        }

        #[test]
        fn offsets_agree_with_jiff(ms in MIN + DAY..=MAX - DAY, minutes in -1439..=1439_i32) {
            let offset = Offset::from_seconds(minutes * 60).expect("in range");
            let local = offset.to_datetime(Timestamp::from_millisecond(ms).expect("in range"));
            let (sign, minutes) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
            let colon = format!("{local:.3}{sign}{:02}:{:02}", minutes / 60, minutes % 60);
            prop_assert_eq!(parse_time(&colon), Some(ms));
            let bare = format!("{local:.3}{sign}{:02}{:02}", minutes / 60, minutes % 60);
            prop_assert_eq!(parse_time(&bare), Some(ms));
        }

        #[test]
        fn no_text_panics(text in "\\PC*|[0-9TZ:.+-]{0,40}|2026-11-22[T ][0-9:.,+Zz-]{0,20}") {
            if let Some(ms) = parse_time(&text) {
                prop_assert!((MIN..=MAX).contains(&ms));
            }
            let _ = parse_date(&text);
            let _ = month_day(&text);
        }
    }
}
