//! Personal access tokens: `2/{user}/{token}:{secret}`. Only a SHA-256 digest is kept; the secret's 128 random bits make
//! a slow hash unnecessary.

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use engine::access::{Digest, start_epoch};
use model::Random;
use sha2::Digest as _;
use store::{Query, Read, Statement, Type, Write};

/// A token as it is listed: everything but its secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Its gid.
    pub gid: i64,
    /// What its owner calls it.
    pub label: String,
    /// When it was created, in milliseconds.
    pub created_at: i64,
    /// When it was revoked, in milliseconds.
    pub revoked_at: Option<i64>,
}

static INSERT: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new("INSERT INTO tokens (gid, user_id, label, digest, created_at) VALUES (?1, ?2, ?3, ?4, ?5)", &[])
});
static LIST: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new(
        "SELECT gid, label, created_at, revoked_at FROM tokens WHERE user_id = ?1 ORDER BY gid",
        &[Type::Int, Type::Text, Type::Int, Type::Int],
    )
});
static REVOKE: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new("UPDATE tokens SET revoked_at = ?2 WHERE gid = ?1 AND revoked_at IS NULL", &[]));

static REVOKE_OWN: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    let text = "UPDATE tokens SET revoked_at = ?2 WHERE gid = ?1 AND user_id = ?3 AND revoked_at IS NULL";
    Statement::new(text, &[])
});

/// Creates a token for a user and returns its text, which nobody can read again. `now` is in milliseconds.
pub fn create(write: &mut Write, random: &Random, now: i64, user: i64, label: &str) -> Result<String, store::Error> {
    let gid = write.gid()?;
    let text = format!("2/{user}/{gid}:{}", random.hex(16));
    let digest = digest(&text);
    write.execute(&INSERT, &[gid.into(), user.into(), label.into(), digest[..].into(), now.into()])?;
    Ok(text)
}

/// Revokes a token; whether there was one to revoke. It counts from the next request on.
pub fn revoke(write: &mut Write, now: i64, gid: i64) -> Result<bool, store::Error> {
    let revoked = write.execute(&REVOKE, &[gid.into(), now.into()])? > 0;
    start_epoch(write)?;
    Ok(revoked)
}

/// As [`revoke`], for a token of this user's alone.
pub fn revoke_own(write: &mut Write, now: i64, user: i64, gid: i64) -> Result<bool, store::Error> {
    let revoked = write.execute(&REVOKE_OWN, &[gid.into(), now.into(), user.into()])? > 0;
    start_epoch(write)?;
    Ok(revoked)
}

/// A user's tokens, oldest first.
pub async fn list(read: &mut Read, user: i64) -> Result<Vec<Token>, store::Error> {
    let block = read.one(Query::new(&LIST, vec![user.into()])).await?;
    let tokens = (0..block.len()).map(|row| Token {
        gid: block.int(row, 0).unwrap_or_default(),
        label: block.text(row, 1).unwrap_or_default().to_owned(),
        created_at: block.int(row, 2).unwrap_or_default(),
        revoked_at: block.int(row, 3),
    });
    Ok(tokens.collect())
}

/// What is kept of a token.
pub fn digest(token: &str) -> Digest {
    sha2::Sha256::digest(token.as_bytes()).into()
}

/// The token in an Authorization header: `Bearer TOKEN`, or Basic with the token as the user name.
pub fn from_header(header: &str) -> Option<Digest> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return (!rest.is_empty()).then(|| digest(rest));
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = String::from_utf8(BASE64_STANDARD.decode(rest).ok()?).ok()?;
        // A token holds a colon itself; the password behind the last one is empty.
        let token = decoded.strip_suffix(':').unwrap_or(&decoded);
        return (!token.is_empty()).then(|| digest(token));
    }
    None
}

/// The token in a query string, `access_token=TOKEN`.
pub fn from_query(query: &str) -> Option<Digest> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("access_token="))?;
    let token = percent_encoding::percent_decode_str(value).decode_utf8().ok()?;
    (!token.is_empty()).then(|| digest(&token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_however_it_is_sent() {
        let token = "2/5/6:00ff";
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{token}:")));
        assert_eq!(from_header(&format!("Bearer {token}")), Some(digest(token)));
        assert_eq!(from_header(&format!("bearer  {token} ")), Some(digest(token)));
        assert_eq!(from_header(&basic), Some(digest(token)));
        assert_eq!(from_query("a=b&access_token=2%2F5%2F6%3A00ff"), Some(digest(token)));
        for wrong in ["", "Bearer", "Bearer ", "Basic !", "Digest x"] {
            assert_eq!(from_header(wrong), None);
        }
    }
}
