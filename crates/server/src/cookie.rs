//! The cookie of a session. Over https its name says to the browser that no other host may have set it.

use auth::session::{self, Lifetime};
use engine::access::Digest;
use hyper::header::{self, HeaderMap, HeaderValue};

/// Its name, by how the server is called.
fn name(base: &str) -> &'static str {
    if is_secure(base) { "__Host-vinyasa-session" } else { "vinyasa-session" }
}

fn is_secure(base: &str) -> bool {
    base.starts_with("https://")
}

/// The digest of the session whose cookie a request brings.
pub fn read(headers: &HeaderMap, base: &str) -> Option<Digest> {
    let pairs =
        headers.get_all(header::COOKIE).into_iter().flat_map(|value| value.to_str().unwrap_or_default().split(';'));
    let value = pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(known, _)| *known == name(base));
    value.map(|(_, secret)| session::digest(secret))
}

/// What gives a browser the cookie.
pub fn set(secret: &str, lifetime: Lifetime, base: &str) -> Option<HeaderValue> {
    written(secret, lifetime.whole / 1_000, base)
}

/// What takes it away.
pub fn unset(base: &str) -> Option<HeaderValue> {
    written("", 0, base)
}

fn written(value: &str, seconds: i64, base: &str) -> Option<HeaderValue> {
    let secure = if is_secure(base) { "; Secure" } else { "" };
    let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}", name(base));
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_comes_back() {
        let lifetime = Lifetime { idle: 1_000, whole: 60_000 };
        for (base, written) in [
            ("http://h:8080", "vinyasa-session=00ff; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"),
            ("https://h", "__Host-vinyasa-session=00ff; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure"),
        ] {
            let set = set("00ff", lifetime, base).expect("a header");
            assert_eq!(set.to_str().ok(), Some(written));
            let mut headers = HeaderMap::new();
            let sent = format!("a=b; {}", written.split(';').next().unwrap_or_default());
            headers.insert(header::COOKIE, HeaderValue::try_from(sent).expect("a value"));
            assert_eq!(read(&headers, base), Some(session::digest("00ff")));
        }
        assert_eq!(read(&HeaderMap::new(), "http://h"), None);
    }
}
