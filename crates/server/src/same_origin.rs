//! Which requests may act with a cookie.
//!
//! A browser sends the cookie of a session by itself, whichever page asks for it. So a request that changes something and
//! has no other credential has to come from a page of this very server:
//!
//! 1. `Sec-Fetch-Site`, which browsers set and pages cannot, has to say `same-origin`, or `none` (typed by the user).
//! 2. Without it (plain http beyond this machine, or an old browser), `Origin` has to name the host that was asked.
//! 3. With neither it is no browser's form; the header `X-Same-Origin: 1`, which no other site's page can add without being
//!    asked back (CORS), has to say that it is meant.
//!
//! `SameSite=Lax` on the cookie holds as well; these rules do not rest on it.

use hyper::header::{self, HeaderMap, HeaderName};
use hyper::http::uri::Authority;

/// Set by browsers alone.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Set by whoever is no browser and means it.
const MEANT: HeaderName = HeaderName::from_static("x-same-origin");

/// What a request says about the page that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A page of this server.
    Same,
    /// Another one, or it is hidden which.
    Other,
    /// Nothing.
    Untold,
}

/// Where a request comes from. `base` is what the caller calls the server, `authority` that of the request's address.
pub fn source(headers: &HeaderMap, authority: Option<&Authority>, base: &str) -> Source {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(site) = text(&SITE) {
        return if matches!(site, "same-origin" | "none") { Source::Same } else { Source::Other };
    }
    if let Some(origin) = text(&header::ORIGIN) {
        let named = host_of(origin);
        let asked = [host_of(base), text(&header::HOST).or_else(|| authority.map(Authority::as_str))];
        let same = named.is_some_and(|named| asked.iter().flatten().any(|host| host.eq_ignore_ascii_case(named)));
        return if same { Source::Same } else { Source::Other };
    }
    if headers.contains_key(MEANT) { Source::Same } else { Source::Untold }
}

/// The host and the port of an origin; `null` has none.
fn host_of(origin: &str) -> Option<&str> {
    origin.split_once("://").map(|(_, host)| host)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn only_pages_of_this_server_act_with_a_cookie() {
        for (sent, source) in [
            (&[][..], Source::Untold),
            (&[("x-same-origin", "1")], Source::Same),
            (&[("sec-fetch-site", "same-origin")], Source::Same),
            (&[("sec-fetch-site", "none")], Source::Same),
            (&[("sec-fetch-site", "same-site")], Source::Other),
            (&[("sec-fetch-site", "cross-site"), ("x-same-origin", "1")], Source::Other),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://tasks.example")], Source::Other),
            (&[("origin", "https://tasks.example")], Source::Same),
            (&[("origin", "http://10.0.0.1:8080"), ("host", "10.0.0.1:8080")], Source::Same),
            (&[("origin", "http://10.0.0.1"), ("host", "10.0.0.1:8080")], Source::Other),
            (&[("origin", "https://tasks.example.evil.example"), ("host", "tasks.example")], Source::Other),
            (&[("origin", "null")], Source::Other),
            (&[("origin", "")], Source::Other),
            (&[("origin", "null"), ("x-same-origin", "1")], Source::Other),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in sent {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert_eq!(super::source(&headers, None, "https://tasks.example"), source, "{sent:?}");
        }
    }
}
