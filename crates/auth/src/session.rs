//! Sessions of browsers: a secret of 256 random bits, of which only a SHA-256 digest is kept.
//!
//! A session ends when it has not been used for a while, and in any case after a time. Using it moves the first end on, but
//! writes that down only every few minutes.

use std::sync::{Arc, LazyLock};

use engine::access::{Digest, start_epoch};
use model::Random;
use store::{Query, Read, Statement, Type, Write};

use crate::token;

/// How long sessions last, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Without being used.
    pub idle: i64,
    /// In any case.
    pub whole: i64,
}

/// Where a session was begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The address of the client.
    pub address: String,
    /// What the client calls itself.
    pub agent: String,
}

/// A session with the person whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Its gid.
    pub gid: i64,
    /// The person.
    pub user: i64,
    /// The person's name.
    pub name: String,
    /// The person's e-mail address.
    pub email: String,
    /// Where it was begun.
    pub origin: Origin,
    /// When it was begun, in milliseconds like the following.
    pub created_at: i64,
    /// When it was used last, to a few minutes.
    pub seen_at: i64,
    /// When it ends if it is not used any more.
    pub expires_at: i64,
    /// When it ends in any case.
    pub ends_at: i64,
}

/// The most bytes that are kept of what a client calls itself.
const LONGEST_AGENT: usize = 256;

static INSERT: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new(
        "INSERT INTO sessions (gid, user_id, digest, address, agent, created_at, seen_at, expires_at, ends_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8)",
        &[],
    )
});

const COLUMNS: &str =
    "s.gid, s.user_id, u.name, u.email, s.address, s.agent, s.created_at, s.seen_at, s.expires_at, s.ends_at";
const TYPES: &[Type] =
    &[Type::Int, Type::Int, Type::Text, Type::Text, Type::Text, Type::Text, Type::Int, Type::Int, Type::Int, Type::Int];

static BY_DIGEST: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    let text = format!(
        "SELECT {COLUMNS} FROM sessions s CROSS JOIN users u WHERE s.digest = ?1 AND s.expires_at > ?2 \
         AND u.gid = s.user_id AND u.deactivated_at IS NULL"
    );
    Statement::new(text, TYPES)
});
static BY_USER: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    let text = format!(
        "SELECT {COLUMNS} FROM sessions s CROSS JOIN users u WHERE s.user_id = ?1 AND s.expires_at > ?2 \
         AND u.gid = s.user_id ORDER BY s.gid"
    );
    Statement::new(text, TYPES)
});
static TOUCH: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    let text = "UPDATE sessions SET seen_at = ?2, expires_at = CASE WHEN ?3 < ends_at THEN ?3 ELSE ends_at END \
         WHERE digest = ?1 AND expires_at > ?2 AND seen_at < ?2";
    Statement::new(text, &[])
});
static END: LazyLock<Arc<Statement>> = LazyLock::new(|| Statement::new("DELETE FROM sessions WHERE digest = ?1", &[]));
static REVOKE: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new("DELETE FROM sessions WHERE gid = ?1 AND user_id = ?2", &[]));
static END_ALL: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new("DELETE FROM sessions WHERE user_id = ?1 AND digest <> ?2", &[]));

/// What is kept of a session's secret. It differs from that of a token of the same text.
pub fn digest(secret: &str) -> Digest {
    token::digest(&format!("session {secret}"))
}

/// Begins a session and returns its secret, which only the client keeps. `now` is in milliseconds.
pub fn begin(
    write: &mut Write,
    random: &Random,
    now: i64,
    user: i64,
    origin: &Origin,
    lifetime: Lifetime,
) -> Result<String, store::Error> {
    let (gid, secret) = (write.gid()?, random.hex(32));
    let agent: String = origin.agent.chars().filter(|letter| !letter.is_control()).collect();
    let agent = &agent[..agent.floor_char_boundary(LONGEST_AGENT)];
    let ends_at = now.saturating_add(lifetime.whole);
    let expires_at = now.saturating_add(lifetime.idle).min(ends_at);
    write.execute(
        &INSERT,
        &[
            gid.into(),
            user.into(),
            digest(&secret)[..].into(),
            origin.address.as_str().into(),
            agent.into(),
            now.into(),
            expires_at.into(),
            ends_at.into(),
        ],
    )?;
    Ok(secret)
}

/// The session of a digest, unless it has ended or its person was deactivated.
pub async fn find(read: &mut Read, digest: &Digest, now: i64) -> Result<Option<Session>, store::Error> {
    Ok(select(read, Query::new(&BY_DIGEST, vec![digest[..].into(), now.into()])).await?.pop())
}

/// A person's sessions, oldest first.
pub async fn list(read: &mut Read, user: i64, now: i64) -> Result<Vec<Session>, store::Error> {
    select(read, Query::new(&BY_USER, vec![user.into(), now.into()])).await
}

async fn select(read: &mut Read, query: Query) -> Result<Vec<Session>, store::Error> {
    let block = read.one(query).await?;
    let text = |row, column| block.text(row, column).unwrap_or_default().to_owned();
    let number = |row, column| block.int(row, column).unwrap_or_default();
    let sessions = (0..block.len()).map(|row| Session {
        gid: number(row, 0),
        user: number(row, 1),
        name: text(row, 2),
        email: text(row, 3),
        origin: Origin { address: text(row, 4), agent: text(row, 5) },
        created_at: number(row, 6),
        seen_at: number(row, 7),
        expires_at: number(row, 8),
        ends_at: number(row, 9),
    });
    Ok(sessions.collect())
}

/// Writes down that a session was used now.
pub fn touch(write: &mut Write, digest: &Digest, now: i64, lifetime: Lifetime) -> Result<(), store::Error> {
    let expires_at = now.saturating_add(lifetime.idle);
    write.execute(&TOUCH, &[digest[..].into(), now.into(), expires_at.into()]).map(|_| ())
}

/// Ends a session, from the next request on.
pub fn end(write: &mut Write, digest: &Digest) -> Result<(), store::Error> {
    write.execute(&END, &[digest[..].into()])?;
    start_epoch(write)
}

/// Ends a session of a person's by its gid; whether there was one.
pub fn revoke(write: &mut Write, user: i64, gid: i64) -> Result<bool, store::Error> {
    let revoked = write.execute(&REVOKE, &[gid.into(), user.into()])? > 0;
    start_epoch(write)?;
    Ok(revoked)
}

/// Ends all sessions of a person but, if given, one.
pub fn end_all(write: &mut Write, user: i64, but: Option<&Digest>) -> Result<(), store::Error> {
    let but = but.map_or(&[][..], |digest| &digest[..]);
    write.execute(&END_ALL, &[user.into(), but.into()])?;
    start_epoch(write)
}
