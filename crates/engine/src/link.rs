//! Signed addresses: whoever has one may fetch what it names until it expires, without a token.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Makes and judges signatures.
#[derive(Default)]
pub struct Links {
    key: Vec<u8>,
}

impl std::fmt::Debug for Links {
    /// Without the key.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Links")
    }
}

impl Links {
    /// Links signed with `key`.
    pub fn new(key: Vec<u8>) -> Self {
        Links { key }
    }

    fn mac(&self, what: &str, expires: i64) -> Option<Vec<u8>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok().filter(|_| !self.key.is_empty())?;
        // The same key signs offsets, whose text never begins like this.
        mac.update(format!("link\0{expires}\0{what}").as_bytes());
        Some(mac.finalize().into_bytes().to_vec())
    }

    /// The signature of an address of `what` that is good before the second `expires`.
    pub fn sign(&self, what: &str, expires: i64) -> String {
        self.mac(what, expires).map(|mac| BASE64.encode(mac)).unwrap_or_default()
    }

    /// Whether the signature is right and still good; `now` is in milliseconds.
    pub fn holds(&self, what: &str, expires: i64, signature: &str, now: i64) -> bool {
        let (Some(expected), Ok(given)) = (self.mac(what, expires), BASE64.decode(signature)) else {
            return false;
        };
        bool::from(subtle::ConstantTimeEq::ct_eq(&expected[..], &given[..])) && now / 1000 < expires
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_for_one_thing_and_for_a_while() {
        let links = Links::new(b"key".to_vec());
        let signature = links.sign("view/1", 10);
        assert!(links.holds("view/1", 10, &signature, 9_999));
        assert!(!links.holds("view/1", 10, &signature, 10_000));
        assert!(!links.holds("view/1", 11, &signature, 9_999));
        assert!(!links.holds("view/2", 10, &signature, 9_999));
        assert!(!links.holds("view/1", 10, "", 0));
        assert!(!links.holds("view/1", 10, "!", 0));
        assert!(!Links::new(b"other".to_vec()).holds("view/1", 10, &signature, 0));
        assert!(!Links::default().holds("view/1", 10, &Links::default().sign("view/1", 10), 0));
    }
}
