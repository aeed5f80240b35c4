//! Invitations: a link that lets a person set name and password, once, within a week. A new one voids the old. Only a SHA-256
//! digest of its 256 random bits is kept.

use std::sync::{Arc, LazyLock};

use engine::access::Digest;
use model::Random;
use store::{Query, Read, Statement, Type, Write};

use crate::token;

/// How long an invitation is good, in milliseconds: seven days.
pub const LIFETIME: i64 = 7 * 24 * 3_600 * 1_000;

/// Where invitations are accepted; the secret follows.
pub const PATH: &str = "/-/invite/";

/// A new invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// What stands in the link behind [`PATH`].
    pub secret: String,
    /// When it ceases to be good, in milliseconds.
    pub expires_at: i64,
}

/// Somebody who was invited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    /// The person.
    pub user: i64,
    /// The person's name.
    pub name: String,
    /// The person's e-mail address.
    pub email: String,
}

static REPLACE: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new(
        "INSERT INTO invitations (user_id, digest, created_at, expires_at) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (user_id) DO UPDATE SET digest = excluded.digest, created_at = excluded.created_at, \
           expires_at = excluded.expires_at",
        &[],
    )
});
const OPEN: &str = "FROM invitations i CROSS JOIN users u WHERE i.digest = ?1 AND i.expires_at > ?2 \
     AND u.gid = i.user_id AND u.deactivated_at IS NULL";
static FIND: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new(format!("SELECT u.gid, u.name, u.email {OPEN}"), &[Type::Int, Type::Text, Type::Text])
});
static TAKE: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new("DELETE FROM invitations WHERE digest = ?1 AND expires_at > ?2 AND user_id = ?3", &[])
});
static WITHDRAW: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new("DELETE FROM invitations WHERE user_id = ?1", &[]));

/// What is kept of an invitation's secret.
pub fn digest(secret: &str) -> Digest {
    token::digest(&format!("invitation {secret}"))
}

/// Invites a person; an earlier invitation is void from now on. `now` is in milliseconds.
pub fn create(write: &mut Write, random: &Random, now: i64, user: i64) -> Result<Invitation, store::Error> {
    let invitation = Invitation { secret: random.hex(32), expires_at: now.saturating_add(LIFETIME) };
    let digest = digest(&invitation.secret);
    write.execute(&REPLACE, &[user.into(), digest[..].into(), now.into(), invitation.expires_at.into()])?;
    Ok(invitation)
}

/// Whom an invitation invites, if it is good.
pub async fn find(read: &mut Read, secret: &str, now: i64) -> Result<Option<Invited>, store::Error> {
    let block = read.one(Query::new(&FIND, vec![digest(secret)[..].into(), now.into()])).await?;
    if block.is_empty() {
        return Ok(None);
    }
    let text = |column| block.text(0, column).unwrap_or_default().to_owned();
    Ok(block.int(0, 0).map(|user| Invited { user, name: text(1), email: text(2) }))
}

/// Uses an invitation of this person's up; whether it was good.
pub fn take(write: &mut Write, secret: &str, user: i64, now: i64) -> Result<bool, store::Error> {
    Ok(write.execute(&TAKE, &[digest(secret)[..].into(), now.into(), user.into()])? > 0)
}

/// Makes a person's invitation void.
pub fn withdraw(write: &mut Write, user: i64) -> Result<(), store::Error> {
    write.execute(&WITHDRAW, &[user.into()]).map(|_| ())
}
