//! JSON, written straight into the response's buffer.

use model::time::format_time;

/// Writes JSON values into a buffer: compact, UTF-8 as it is, slashes not escaped.
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Writer { out }
    }

    /// The buffer, for text that is JSON already.
    pub fn raw(&mut self, json: &[u8]) {
        self.out.extend_from_slice(json);
    }

    /// `null`.
    pub fn null(&mut self) {
        self.raw(b"null");
    }

    /// A truth value.
    pub fn bool(&mut self, value: bool) {
        self.raw(if value { b"true" } else { b"false" });
    }

    /// A whole number.
    pub fn int(&mut self, value: i64) {
        write_int(value, self.out);
    }

    /// A number; whole ones without a fraction.
    pub fn real(&mut self, value: f64) {
        if value.fract() == 0.0 && value.abs() < 9e15 {
            write_int(value as i64, self.out);
        } else if value.is_finite() {
            self.raw(value.to_string().as_bytes());
        } else {
            self.null();
        }
    }

    /// A gid: a number as a string.
    pub fn gid(&mut self, value: i64) {
        self.out.push(b'"');
        write_int(value, self.out);
        self.out.push(b'"');
    }

    /// A moment.
    pub fn time(&mut self, milliseconds: i64) {
        self.out.push(b'"');
        format_time(milliseconds, self.out);
        self.out.push(b'"');
    }

    /// A string.
    pub fn text(&mut self, value: &str) {
        self.out.push(b'"');
        escape(value, self.out);
        self.out.push(b'"');
    }

    /// A string made of parts.
    pub fn parts(&mut self, parts: &[&str]) {
        self.out.push(b'"');
        for part in parts {
            escape(part, self.out);
        }
        self.out.push(b'"');
    }
}

/// The decimal digits of a number.
pub fn write_int(value: i64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Whether a byte stands for itself in a string. Without branches, so that many are looked at together.
fn is_plain(byte: u8) -> bool {
    (byte >= 0x20) & (byte != b'"') & (byte != b'\\')
}

fn escape(value: &str, out: &mut Vec<u8>) {
    let bytes = value.as_bytes();
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        if let Some(many) = bytes[at..].first_chunk::<16>()
            && many.iter().fold(true, |plain, byte| plain & is_plain(*byte))
        {
            at += 16;
            continue;
        }
        let byte = bytes[at];
        at += 1;
        if is_plain(byte) {
            continue;
        }
        out.extend_from_slice(&bytes[copied..at - 1]);
        copied = at;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[copied..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_reads_back(value in ".*") {
            let mut out = Vec::new();
            Writer::new(&mut out).text(&value);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), value);
        }

        #[test]
        fn numbers_read_back(whole: i64, real in prop::num::f64::NORMAL) {
            let mut out = Vec::new();
            Writer::new(&mut out).int(whole);
            prop_assert_eq!(serde_json::from_slice::<i64>(&out).unwrap(), whole);
            out.clear();
            Writer::new(&mut out).real(real);
            prop_assert_eq!(serde_json::from_slice::<f64>(&out).unwrap(), real);
        }
    }
}
