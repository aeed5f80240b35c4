//! Offset tokens: only what was issued, for the same list and in time, is read.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use engine::operation::{Key, by_number, by_text};
use engine::page::{Position, Tokens};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use store::Value;

use crate::first_line;

const SECRET: &[u8] = b"a key for the offsets of tests";
const LIFETIME: i64 = 900;
/// A moment in milliseconds.
const NOW: i64 = 1_772_445_600_000;

/// On the first line the order, `t` for a text and anything else for a number; then the scope; then a token, a payload or
/// texts of a position.
pub fn run(data: &[u8]) {
    let (order, rest) = first_line(data);
    let (scope, rest) = first_line(rest);
    let order: Vec<Key> =
        order.bytes().take(4).map(|key| if key == b't' { by_text("x") } else { by_number("x") }).collect();
    let tokens = Tokens::new(SECRET.to_vec(), LIFETIME);
    let text = String::from_utf8_lossy(rest);

    // Nobody guesses a signature.
    assert!(tokens.read(&text, &scope, &order, NOW).is_err(), "an offset that was not issued is read");

    // What lies behind the signature is as careful.
    let message = format!("{}.{}", BASE64.encode("{}"), BASE64.encode(rest));
    drop(tokens.read(&signed(&message, &scope), &scope, &order, NOW));
    drop(tokens.read(&signed(&text, &scope), &scope, &order, NOW));
    let border = BASE64.encode(serde_json::json!({"border_rank": text, "iat": 0, "exp": i64::MAX}).to_string());
    if let Ok(position) = tokens.read(&signed(&format!("e30.{border}"), &scope), &scope, &order, NOW) {
        assert_eq!(position.keys.len(), order.len());
    }

    // What was issued is read, until its time is over, and for nothing else.
    let mut parts = rest.split(|byte| *byte == b'\n').cycle();
    let keys = order.iter().map(|key| {
        let part = parts.next().unwrap_or_default();
        match key.text {
            true => Value::from(String::from_utf8_lossy(part).into_owned()),
            false => Value::Int(number(part)),
        }
    });
    let position = Position { keys: keys.collect() };
    let token = tokens.issue(&position, &scope, NOW);
    assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)), "{token}");
    let until = NOW + LIFETIME * 1000;
    assert_eq!(tokens.read(&token, &scope, &order, NOW).as_ref(), Ok(&position));
    assert_eq!(tokens.read(&token, &scope, &order, until - 1).as_ref(), Ok(&position));
    assert!(tokens.read(&token, &scope, &order, until).is_err(), "read after its time");
    assert!(tokens.read(&token, &format!("{scope}x"), &order, NOW).is_err(), "read for another list");
    assert!(tokens.read(&token, &scope, &[&order[..], &[by_number("x")]].concat(), NOW).is_err());
    let other = Tokens::new(b"another".to_vec(), LIFETIME);
    assert!(other.read(&token, &scope, &order, NOW).is_err(), "read with another key");
    let at = usize::from(rest.len() as u16) * 7 % token.len();
    let mut changed = token.into_bytes();
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8_lossy(&changed);
    assert!(tokens.read(&changed, &scope, &order, NOW).is_err(), "read with another letter at {at}: {changed}");
}

fn number(bytes: &[u8]) -> i64 {
    let text = String::from_utf8_lossy(bytes);
    text.parse()
        .unwrap_or_else(|_| bytes.iter().fold(0, |number: i64, byte| number.wrapping_mul(257) ^ i64::from(*byte)))
}

/// A token as [`Tokens`] signs it, whatever the message.
fn signed(message: &str, scope: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("any key will do");
    mac.update(format!("{message}\0{scope}").as_bytes());
    format!("{message}.{}", BASE64.encode(mac.finalize().into_bytes()))
}

/// Pieces of payloads.
pub fn words() -> Vec<String> {
    let words = [
        "t\n",
        "n\n",
        "tntn\n",
        "\n",
        ".",
        "{\"border_rank\":\"",
        "\"[",
        "]\"",
        "\"exp\":",
        "\"iat\":",
        "}",
        "{}",
        "[]",
        "[0,\"a\"]",
        "9223372036854775807",
        "-1",
        "1e300",
        "null",
        "\\u0000",
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.",
    ];
    words.map(str::to_owned).to_vec()
}
