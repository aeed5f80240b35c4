//! How the value of a custom field reads: its `display_value`.
//!
//! Always text or null, whatever the type, so that clients can show fields of types that they do not know. Numbers read as
//! an English speaker writes them.

use std::borrow::Cow;

use engine::json::Writer;
use engine::read::Record;
use model::time::format_time;

/// What [`display`] is made of.
pub const NEEDS: &str = "resource_subtype,stored_text_value,custom_id,id_prefix,number_value,precision,format,currency_code,custom_label,\
                         custom_label_position,enum_value.name,multi_enum_values.name,date_value.date,\
                         date_value.date_time,people_value.name";

/// Writes the `display_value` of a field on a task.
pub fn display(field: &Record<'_>, out: &mut Writer<'_>) {
    match reading(field) {
        Some(reading) => out.text(&reading),
        None => out.null(),
    }
}

/// What [`shown_text`] is made of.
pub const TEXT_NEEDS: &str = "stored_text_value,custom_id,id_prefix";

/// The text of a text field on a task, which may be a custom ID.
pub fn shown_text<'a>(field: &Record<'a>) -> Option<Cow<'a, str>> {
    match (field.text("custom_id"), field.text("id_prefix")) {
        (Some(number), Some(prefix)) => Some(Cow::from(format!("{prefix}-{number}"))),
        _ => field.text("stored_text_value").map(Cow::from),
    }
}

fn reading(field: &Record<'_>) -> Option<String> {
    let names = |list: &str| {
        let names: Vec<&str> = field.many(list).filter_map(|item| item.text("name")).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    match field.text("resource_subtype")? {
        "text" => shown_text(field).map(Cow::into_owned),
        "number" => {
            let format = NumberFormat {
                digits: field.int("precision").and_then(|digits| usize::try_from(digits).ok()).unwrap_or_default(),
                format: field.text("format").unwrap_or("none"),
                currency: field.text("currency_code").unwrap_or_default(),
                label: field.text("custom_label").unwrap_or_default(),
                label_first: field.text("custom_label_position") == Some("prefix"),
            };
            Some(format.write(field.real("number_value")?))
        }
        "enum" => field.one("enum_value")?.text("name").map(str::to_owned),
        "multi_enum" => names("multi_enum_values"),
        "people" => names("people_value"),
        "date" => {
            let date = field.object("date_value")?;
            match date.int("date_time") {
                Some(time) => {
                    let mut text = Vec::new();
                    format_time(time, &mut text);
                    Some(String::from_utf8_lossy(&text).into_owned())
                }
                None => date.text("date").map(|day| format!("{day}T00:00:00.000Z")),
            }
        }
        _ => None,
    }
}

/// How a field shows its numbers.
#[derive(Clone, Copy, Debug)]
struct NumberFormat<'a> {
    digits: usize,
    format: &'a str,
    currency: &'a str,
    label: &'a str,
    label_first: bool,
}

impl NumberFormat<'_> {
    fn write(&self, number: f64) -> String {
        let plain = Decimal::new(number, self.digits, 0);
        match self.format {
            "percentage" => format!("{}%", Decimal::new(number, self.digits, 2).text()),
            "currency" => {
                let sign = if plain.negative { "-" } else { "" };
                match SYMBOLS.iter().find(|(code, _)| *code == self.currency) {
                    Some((_, symbol)) => format!("{sign}{symbol}{}", plain.grouped()),
                    None => format!("{sign}{}\u{a0}{}", self.currency, plain.grouped()),
                }
            }
            "custom" if self.label_first => format!("{} {}", self.label, plain.text()),
            "custom" => format!("{} {}", plain.text(), self.label),
            "duration" => duration(number),
            _ => plain.text(),
        }
    }
}

/// The currencies that English has a sign for; others are written by their code.
const SYMBOLS: &[(&str, &str)] = &[
    ("AUD", "A$"),
    ("BRL", "R$"),
    ("CAD", "CA$"),
    ("CNY", "CN¥"),
    ("EUR", "€"),
    ("GBP", "£"),
    ("HKD", "HK$"),
    ("ILS", "₪"),
    ("INR", "₹"),
    ("JPY", "¥"),
    ("KRW", "₩"),
    ("MXN", "MX$"),
    ("NZD", "NZ$"),
    ("PHP", "₱"),
    ("TWD", "NT$"),
    ("USD", "$"),
    ("VND", "₫"),
];

/// Minutes, as hours and minutes.
fn duration(minutes: f64) -> String {
    let whole = Decimal::new(minutes, 0, 0);
    let sign = if whole.negative { "-" } else { "" };
    // More minutes than that nobody has.
    let minutes = whole.digits.parse::<u64>().unwrap_or(u64::MAX);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{sign}{minutes}m"),
        (hours, 0) => format!("{sign}{hours}h"),
        (hours, minutes) => format!("{sign}{hours}h {minutes}m"),
    }
}

/// The number rounded to so many decimal places: what a field of that precision keeps.
pub fn rounded(number: f64, places: usize) -> f64 {
    Decimal::new(number, places, 0).text().parse().unwrap_or(number)
}

/// A number rounded to a number of decimal places.
///
/// It is the shortest decimal form of the number that is rounded, halves away from zero, and not the binary fraction behind
/// it: somebody who writes 1.005 means that, and gets 1.01.
struct Decimal {
    negative: bool,
    /// All digits, those of the fraction at the end.
    digits: String,
    places: usize,
}

impl Decimal {
    /// `shift`: by how many places the point moves to the right first.
    fn new(number: f64, places: usize, shift: usize) -> Self {
        let text = number.abs().to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let kept = places + shift;
        let mut digits: Vec<u8> =
            whole.bytes().chain(fraction.bytes().chain(std::iter::repeat(b'0')).take(kept)).collect();
        if fraction.as_bytes().get(kept).is_some_and(|next| *next >= b'5') {
            let nines = digits.iter().rev().take_while(|digit| **digit == b'9').count();
            let last = digits.len() - nines;
            digits[last..].fill(b'0');
            match last.checked_sub(1) {
                Some(last) => digits[last] += 1,
                None => digits.insert(0, b'1'),
            }
        }
        let leading = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..leading.min(digits.len().saturating_sub(places + 1)));
        Decimal {
            negative: number < 0.0 && digits.iter().any(|digit| *digit != b'0'),
            digits: String::from_utf8_lossy(&digits).into_owned(),
            places,
        }
    }

    fn parts(&self) -> (&str, &str) {
        self.digits.split_at(self.digits.len() - self.places)
    }

    /// `-1234.50`.
    fn text(&self) -> String {
        let (whole, fraction) = self.parts();
        let sign = if self.negative { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{whole}{point}{fraction}")
    }

    /// `1,234.50`, without the sign.
    fn grouped(&self) -> String {
        let (whole, fraction) = self.parts();
        let mut text = String::new();
        for (at, digit) in whole.char_indices() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        if !fraction.is_empty() {
            text.push('.');
            text.push_str(fraction);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(format: &str, digits: usize) -> NumberFormat<'_> {
        NumberFormat { digits, format, currency: "USD", label: "gold pieces", label_first: false }
    }

    #[test]
    fn plain_numbers_have_their_places() {
        for (number, digits, reads) in [
            (0.0, 0, "0"),
            (-0.0, 2, "0.00"),
            (5.0, 0, "5"),
            (5.0, 2, "5.00"),
            (5.2, 2, "5.20"),
            (1.234, 2, "1.23"),
            (1.235, 2, "1.24"),
            (1.005, 2, "1.01"),
            (2.5, 0, "3"),
            (-2.5, 0, "-3"),
            (-0.004, 2, "0.00"),
            (-0.005, 2, "-0.01"),
            (0.5, 0, "1"),
            (9.995, 2, "10.00"),
            (99.5, 0, "100"),
            (0.1 + 0.2, 6, "0.300000"),
            (1_234_567.891, 1, "1234567.9"),
            (1e15, 0, "1000000000000000"),
            (1e21, 0, "1000000000000000000000"),
            (1e-7, 6, "0.000000"),
            (123_456.789_012_3, 6, "123456.789012"),
        ] {
            assert_eq!(format("none", digits).write(number), reads, "{number} to {digits}");
        }
        assert_eq!(format("identifier", 0).write(42.0), "42");
        assert_eq!(format("of the future", 1).write(4.2), "4.2");
        assert_eq!(format("none", 0).write(f64::MAX).len(), 309);
        assert_eq!(format("none", 6).write(f64::MIN_POSITIVE), "0.000000");
    }

    #[test]
    fn percentages_are_hundred_times_the_number() {
        for (number, digits, reads) in [
            (0.25, 0, "25%"),
            (0.251, 1, "25.1%"),
            (0.255, 0, "26%"),
            (0.07, 2, "7.00%"),
            (1.0, 0, "100%"),
            (12.5, 0, "1250%"),
            (-0.5, 0, "-50%"),
            (0.0, 0, "0%"),
            (0.0004, 1, "0.0%"),
            (0.0005, 1, "0.1%"),
        ] {
            assert_eq!(format("percentage", digits).write(number), reads, "{number} to {digits}");
        }
    }

    #[test]
    fn money_has_a_sign_and_groups() {
        let money = |currency: &'static str, digits, number| {
            NumberFormat { currency, ..format("currency", digits) }.write(number)
        };
        assert_eq!(money("USD", 2, 5.2), "$5.20");
        assert_eq!(money("USD", 0, 50_000.0), "$50,000");
        assert_eq!(money("EUR", 2, 1_234_567.891), "€1,234,567.89");
        assert_eq!(money("GBP", 2, -1_000.0), "-£1,000.00");
        assert_eq!(money("JPY", 0, 999.0), "¥999");
        assert_eq!(money("CHF", 2, 1_000.5), "CHF\u{a0}1,000.50");
        assert_eq!(money("USD", 2, -0.001), "$0.00");
    }

    #[test]
    fn labels_stand_on_their_side() {
        assert_eq!(format("custom", 0).write(5.0), "5 gold pieces");
        assert_eq!(NumberFormat { label: "Lv.", label_first: true, ..format("custom", 1) }.write(7.25), "Lv. 7.3");
    }

    #[test]
    fn durations_are_hours_and_minutes() {
        for (minutes, reads) in
            [(0.0, "0m"), (5.0, "5m"), (60.0, "1h"), (90.0, "1h 30m"), (1_501.0, "25h 1m"), (-90.0, "-1h 30m")]
        {
            assert_eq!(format("duration", 0).write(minutes), reads);
        }
        assert!(format("duration", 0).write(1e300).ends_with('m'));
    }

    #[test]
    fn values_are_kept_rounded() {
        assert_eq!(rounded(1.234_567, 2), 1.23);
        assert_eq!(rounded(1.005, 2), 1.01);
        assert_eq!(rounded(-2.5, 0), -3.0);
        assert_eq!(rounded(1e300, 2), 1e300);
        assert_eq!(rounded(0.251_9, 3), 0.252);
    }
}
