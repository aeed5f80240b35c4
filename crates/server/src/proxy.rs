//! Who calls, and by which address: what the connection tells, unless a trusted proxy in between knows better.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use hyper::header::{self, HeaderMap, HeaderName};
use hyper::http::uri::Authority;

use crate::config::Config;

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// Whether what it sends is encrypted.
    pub secure: bool,
}

/// Whoever sent a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    /// What it calls the server: scheme and host, without a slash at the end.
    pub base: Arc<str>,
    /// Where it is, as far as anybody who can be trusted knows.
    pub address: IpAddr,
}

/// In which headers a trusted proxy says for whom it asks. Only one kind is read: the other may come from anybody.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Forwarding {
    /// `X-Forwarded-For`, `X-Forwarded-Proto`, `X-Forwarded-Host`.
    Usual,
    /// `Forwarded` (RFC 7239).
    Standard,
}

/// What stands between the server and its callers.
pub struct Front {
    public_url: Option<Arc<str>>,
    trusted: Vec<Network>,
    forwarding: Forwarding,
    /// Where the server is, for a caller that does not say what it calls it.
    address: Arc<str>,
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What a proxy has said about a request.
#[derive(Default)]
struct Said<'a> {
    address: Option<IpAddr>,
    scheme: Option<&'a str>,
    host: Option<&'a str>,
}

impl Front {
    /// The front that the settings describe, of a server at `address`.
    pub fn new(config: &Config, address: &str) -> Self {
        Front {
            public_url: config.public_url.as_deref().map(Arc::from),
            trusted: config.trusted_proxies.clone(),
            forwarding: config.forwarded_header,
            address: address.into(),
        }
    }

    /// Who sent a request with these headers over a connection from this peer. `authority` is that of the request's
    /// address, which HTTP/2 has in place of a header.
    pub fn caller(&self, peer: Peer, headers: &HeaderMap, authority: Option<&Authority>) -> Caller {
        let peer_address = peer.address.to_canonical();
        let said = match self.forwarding {
            _ if !self.trusts(peer_address) => Said::default(),
            Forwarding::Usual => self.usual(headers),
            Forwarding::Standard => self.standard(headers),
        };
        let address = said.address.unwrap_or(peer_address);
        if let Some(url) = &self.public_url {
            return Caller { base: Arc::clone(url), address };
        }
        let served = if peer.secure { "https" } else { "http" };
        let scheme = said.scheme.and_then(known_scheme).unwrap_or(served);
        let named = || text(headers, &header::HOST).or_else(|| authority.map(Authority::as_str));
        let base = match said.host.or_else(named) {
            Some(host) if is_host(host) => format!("{scheme}://{host}").into(),
            _ => Arc::clone(&self.address),
        };
        Caller { base, address }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.holds(address))
    }

    /// Each proxy appends to the list of addresses whom it was asked by. What stands left of the first stranger,
    /// the stranger may have written.
    fn usual<'a>(&self, headers: &'a HeaderMap) -> Said<'a> {
        let mut address = None;
        for element in from_the_right(headers, &FORWARDED_FOR) {
            let Some(next) = read_address(element) else { break };
            address = Some(next);
            if !self.trusts(next) {
                break;
            }
        }
        let last = |name| from_the_right(headers, name).next();
        Said { address, scheme: last(&FORWARDED_PROTO), host: last(&FORWARDED_HOST) }
    }

    /// As above, but each proxy appends everything it knows as one element.
    fn standard<'a>(&self, headers: &'a HeaderMap) -> Said<'a> {
        let mut said = Said::default();
        for element in from_the_right(headers, &header::FORWARDED) {
            let address = parameter(element, "for").and_then(read_address);
            said = Said {
                address: address.or(said.address),
                scheme: parameter(element, "proto").or(said.scheme),
                host: parameter(element, "host").or(said.host),
            };
            if address.is_none_or(|address| !self.trusts(address)) {
                break;
            }
        }
        said
    }
}

/// The elements of a list that may be spread over several headers, the last first.
fn from_the_right<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let all = headers.get_all(name).into_iter().rev();
    all.flat_map(|value| value.to_str().unwrap_or_default().rsplit(',')).map(str::trim)
}

fn known_scheme(name: &str) -> Option<&'static str> {
    ["https", "http"].into_iter().find(|known| name.eq_ignore_ascii_case(known))
}

/// The value of `for=`, `proto=` or `host=` in an element of `Forwarded`.
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    element.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn read_address(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text).parse().ok();
    let address = text.parse::<SocketAddr>().map(|address| address.ip()).ok().or_else(bare);
    address.map(|address| address.to_canonical())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether a name can stand in an address as it is.
pub fn is_host(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 255
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
}

/// A range of addresses: `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, PartialEq)]
pub struct Network {
    first: IpAddr,
    length: u8,
}

impl Network {
    /// Whether an address lies in the range.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.first.is_ipv4() == address.is_ipv4() && first_of(address, self.length) == self.first
    }

    /// Whether every address lies in it.
    pub fn is_everything(&self) -> bool {
        self.length == 0
    }
}

/// The first address of the range of this length in which an address lies.
fn first_of(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("Not a range of addresses, such as 10.0.0.0/8 or ::1: {text}");
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(most), str::parse).ok().filter(|length| *length <= most).ok_or_else(wrong)?;
        let network = Network { first: first_of(address, length), length };
        if network.first != address {
            return Err(format!("Not the beginning of a range: {text}; did you mean {network}?"));
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.first, self.length)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn front(forwarding: Forwarding, trusted: &[&str]) -> Front {
        let trusted = trusted.iter().map(|text| text.parse().expect("a network")).collect();
        Front { public_url: None, trusted, forwarding, address: "http://127.0.0.1:8080".into() }
    }

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value"))).collect()
    }

    #[track_caller]
    fn called(front: &Front, peer: &str, sent: &[(&'static str, &str)]) -> (String, String) {
        let peer = Peer { address: peer.parse().expect("an address"), secure: false };
        let caller = front.caller(peer, &headers(sent), None);
        (caller.base.to_string(), caller.address.to_string())
    }

    fn pair(base: &str, address: &str) -> (String, String) {
        (base.to_owned(), address.to_owned())
    }

    #[test]
    fn networks_are_read() {
        let network = |text: &str| text.parse::<Network>();
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("::/0", "::1", "127.0.0.1"),
            ("10.0.0.0/31", "10.0.0.1", "10.0.0.2"),
        ] {
            let network = network(text).expect(text);
            assert!(network.holds(inside.parse().expect(inside)), "{text} {inside}");
            assert!(!network.holds(outside.parse().expect(outside)), "{text} {outside}");
        }
        for wrong in
            ["", "10.0.0.0/33", "10.0.0/8", "::/129", "proxy.example", "10.0.0.0/", "10.0.0.0/-1", "1.2.3.4/8/9"]
        {
            let error = network(wrong).expect_err(wrong);
            assert_eq!(error, format!("Not a range of addresses, such as 10.0.0.0/8 or ::1: {wrong}"));
        }
        let between = network("10.1.2.3/8").expect_err("is refused");
        assert_eq!(between, "Not the beginning of a range: 10.1.2.3/8; did you mean 10.0.0.0/8?");
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let front = front(Forwarding::Usual, &["10.0.0.0/8"]);
        let lies = [
            ("host", "tasks.example"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.example"),
            ("forwarded", "for=192.0.2.1;host=evil.example;proto=https"),
        ];
        assert_eq!(called(&front, "203.0.113.9", &lies), pair("http://tasks.example", "203.0.113.9"));
    }

    #[test]
    fn a_trusted_proxy_knows_the_caller() {
        let front = front(Forwarding::Usual, &["10.0.0.0/8", "::1"]);
        let sent = [
            ("host", "10.0.0.9:8080"),
            ("x-forwarded-for", "6.6.6.6, 192.0.2.1"),
            ("x-forwarded-for", "10.0.0.2"),
            ("x-forwarded-proto", "HTTPS"),
            ("x-forwarded-host", "tasks.example"),
            ("forwarded", "for=6.6.6.6;host=evil.example"),
        ];
        for peer in ["10.0.0.1", "::ffff:10.0.0.1", "::1"] {
            assert_eq!(called(&front, peer, &sent), pair("https://tasks.example", "192.0.2.1"));
        }
        // Not the last word: what is no address, and what lies left of it, tells nothing.
        for (list, address) in [
            ("6.6.6.6, unknown, 10.0.0.2", "10.0.0.2"),
            ("unknown", "10.0.0.1"),
            ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("192.0.2.1:5000", "192.0.2.1"),
            ("::ffff:192.0.2.1, 10.0.0.2", "192.0.2.1"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(called(&front, "10.0.0.1", &[("x-forwarded-for", list)]).1, address, "{list}");
        }
        let odd = [("x-forwarded-proto", "gopher"), ("x-forwarded-host", "a b"), ("host", "h")];
        assert_eq!(called(&front, "10.0.0.1", &odd).0, "http://127.0.0.1:8080");
    }

    #[test]
    fn the_standard_header_is_read_when_it_is_chosen() {
        let front = front(Forwarding::Standard, &["10.0.0.0/8"]);
        let sent = [
            ("host", "h"),
            ("x-forwarded-host", "evil.example"),
            ("forwarded", "for=6.6.6.6;host=evil.example, for=\"[2001:db8::1]:7\";proto=https;host=\"tasks.example\""),
            ("forwarded", "For=10.0.0.2;proto=http"),
        ];
        assert_eq!(called(&front, "10.0.0.1", &sent), pair("https://tasks.example", "2001:db8::1"));
        let hidden = [("host", "h"), ("forwarded", "for=6.6.6.6, for=_hidden;proto=https")];
        assert_eq!(called(&front, "10.0.0.1", &hidden), pair("https://h", "10.0.0.1"));
    }

    #[test]
    fn the_public_url_counts_most() {
        let front = Front { public_url: Some("https://tasks.example".into()), ..front(Forwarding::Usual, &["::1"]) };
        let sent = [("host", "h"), ("x-forwarded-host", "x.example"), ("x-forwarded-for", "192.0.2.1")];
        assert_eq!(called(&front, "::1", &sent), pair("https://tasks.example", "192.0.2.1"));
    }

    #[test]
    fn what_is_served_encrypted_is_called_so() {
        let peer = Peer { address: "192.0.2.1".parse().expect("an address"), secure: true };
        let authority = Authority::from_static("tasks.example");
        let front = front(Forwarding::Usual, &[]);
        let caller = front.caller(peer, &HeaderMap::new(), Some(&authority));
        assert_eq!(caller.base.as_ref(), "https://tasks.example");
    }
}
