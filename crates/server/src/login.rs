//! Logging in with a password, and what a session is good for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;

use auth::password::{self, Busy, Hashing};
use auth::session::{self, Lifetime, Origin, Session};
use auth::throttle::{Attempt, Throttle};
use auth::{invitation, token};
use engine::access::{Digest, Viewer};
use engine::call::{Call, Shared};
use engine::{Api, Error};
use resources::user::rename_user;
use store::{Query, Statement, Type, Write};

use crate::config::Config;

/// Passwords that are looked at together at most.
const AT_ONCE: usize = 4;
/// How often it is written down that a session is used, in milliseconds; oftener where sessions are short.
const NOTICE: i64 = 300_000;
/// Sessions of which is remembered when that was last; beyond it the memory is emptied, which costs each session a write.
const MOST_NOTICED: usize = 10_000;

/// Who may log in, and how often they may try.
pub struct Logins {
    hashing: Hashing,
    throttle: Throttle,
    /// How long sessions last.
    pub lifetime: Lifetime,
    noticed: Mutex<HashMap<Digest, i64>>,
}

/// Why nobody is logged in, or nothing is changed.
#[derive(Debug)]
pub enum Refused {
    /// The address or the password, and nobody learns which.
    Wrong,
    /// Nothing is tried for so many seconds.
    Wait(u32),
    /// What was sent is not right, and this is what is to be said.
    Rule(String),
    /// The session, the invitation, is not good any more.
    Gone,
    /// The server could not.
    Failed(Error),
}

impl From<Busy> for Refused {
    fn from(_: Busy) -> Self {
        Refused::Failed(Error::unavailable(5))
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Refused::Failed(error)
    }
}

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        Refused::Failed(error.into())
    }
}

/// Where an attempt comes from.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    /// What it calls itself.
    pub agent: String,
}

impl Client {
    fn origin(&self) -> Origin {
        Origin { address: self.address.to_string(), agent: self.agent.clone() }
    }
}

static LOGIN: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    let text = "SELECT gid, password_digest FROM users WHERE email_folded = ?1 AND deactivated_at IS NULL";
    Statement::new(text, &[Type::Int, Type::Text])
});
static STILL: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    let text = "SELECT gid FROM users WHERE gid = ?1 AND password_digest = ?2 AND deactivated_at IS NULL";
    Statement::new(text, &[Type::Int])
});

impl Logins {
    /// As the settings say.
    pub fn new(api: &Api, config: &Config) -> Self {
        let at_once = thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)).min(AT_ONCE);
        Logins {
            hashing: Hashing::new(api.random.clone(), at_once),
            throttle: Throttle::default(),
            lifetime: config.session_lifetime(),
            noticed: Mutex::default(),
        }
    }

    /// Forgets who has failed: the database has been put back to an earlier state.
    pub fn forget(&self) {
        self.throttle.forget();
        self.noticed.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Begins a session for whoever has this address and this password; its secret. Takes as long for an address that
    /// nobody has.
    pub async fn log_in(&self, api: &Api, email: &str, password: &str, client: &Client) -> Result<String, Refused> {
        let (now, email) = (api.clock.now(), model::fold_email(email));
        let attempt = self.throttle.begin(&email, client.address, now).map_err(Refused::Wait)?;
        let known = known_password(api, &email).await?;
        let digest = known.as_ref().map(|(_, digest)| digest.as_str());
        if !self.is_right(digest, password, &attempt, now).await? {
            return Err(Refused::Wrong);
        }
        let (user, digest) = known.ok_or(Refused::Wrong)?;
        let (random, lifetime, origin) = (api.random.clone(), self.lifetime, client.origin());
        api.db
            .write(move |write| {
                if !is_still(write, user, &digest)? {
                    return Err(Refused::Wrong);
                }
                Ok(session::begin(write, &random, now, user, &origin, lifetime)?)
            })
            .await
    }

    /// Whether the password is that of a digest; an attempt that was right is none that failed.
    async fn is_right(
        &self,
        digest: Option<&str>,
        password: &str,
        attempt: &Attempt,
        now: i64,
    ) -> Result<bool, Refused> {
        let matches = self.hashing.matches(digest, password).await;
        match matches {
            Ok(true) => self.throttle.succeed(attempt, now),
            Ok(false) => {}
            Err(Busy) => self.throttle.withdraw(attempt, now),
        }
        Ok(matches?)
    }

    /// The session of a cookie.
    pub async fn session(&self, api: &Api, digest: &Digest) -> Result<Option<Session>, Error> {
        let mut read = api.read().await?;
        Ok(session::find(&mut read, digest, api.clock.now()).await?)
    }

    /// Ends a session.
    pub async fn log_out(&self, api: &Api, digest: Digest) -> Result<(), Error> {
        api.db.write(move |write| Ok(session::end(write, &digest)?)).await
    }

    /// A session has been used. It is written down now and then.
    pub async fn notice(&self, api: &Api, digest: &Digest) {
        let (now, lifetime, digest) = (api.clock.now(), self.lifetime, *digest);
        {
            let mut noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
            let before = noticed.get(&digest).copied();
            if before.is_some_and(|before| (before..before + NOTICE.min(lifetime.idle / 4)).contains(&now)) {
                return;
            }
            if noticed.len() >= MOST_NOTICED {
                noticed.clear();
            }
            noticed.insert(digest, now);
        }
        let noticed = api.db.write(move |write| session::touch(write, &digest, now, lifetime)).await;
        if let Err(error) = noticed {
            tracing::warn!(%error, "the use of a session could not be written down");
        }
    }

    /// Changes the password of whoever has a session and knows the old one. The person's other sessions end.
    pub async fn change_password(
        &self,
        api: &Api,
        session: &Session,
        digest: Digest,
        [old, new, again]: [&str; 3],
        client: &Client,
    ) -> Result<(), Refused> {
        let now = api.clock.now();
        refuse_new(new, again, &session.email)?;
        let email = model::fold_email(&session.email);
        let attempt = self.throttle.begin(&email, client.address, now).map_err(Refused::Wait)?;
        let known = known_password(api, &email).await?.map(|(_, digest)| digest);
        if !self.is_right(known.as_deref(), old, &attempt, now).await? {
            return Err(Refused::Wrong);
        }
        let known = known.ok_or(Refused::Wrong)?;
        let (user, fresh) = (session.user, self.hashing.digest(new).await?);
        write_as(api, user, move |call| {
            if !is_still(call.write()?, user, &known)? {
                return Err(Refused::Wrong);
            }
            call.update("users", user, &[("password_digest", fresh.into())])?;
            let write = call.write()?;
            invitation::withdraw(write, user)?;
            Ok(session::end_all(write, user, Some(&digest))?)
        })
        .await
    }

    /// Uses an invitation up: the person has this name and this password now, and a session, whose secret it is.
    pub async fn accept(
        &self,
        api: &Api,
        secret: &str,
        name: &str,
        [new, again]: [&str; 2],
        client: &Client,
    ) -> Result<String, Refused> {
        let now = api.clock.now();
        let invited = invitation::find(&mut api.read().await?, secret, now).await?.ok_or(Refused::Gone)?;
        let name = name.trim().to_owned();
        if name.is_empty() || name.len() > 1_024 || name.contains(char::is_control) {
            return Err(Refused::Rule("name: Must be a line of text".to_owned()));
        }
        refuse_new(new, again, &invited.email)?;
        let digest = self.hashing.digest(new).await?;
        let (secret, random, lifetime, origin) =
            (secret.to_owned(), api.random.clone(), self.lifetime, client.origin());
        write_as(api, invited.user, move |call| {
            // Whoever sends the form twice at once is let in once.
            if !invitation::take(call.write()?, &secret, invited.user, now)? {
                return Err(Refused::Gone);
            }
            rename_user(call, invited.user, &name)?;
            call.update("users", invited.user, &[("password_digest", digest.into())])?;
            let write = call.write()?;
            session::end_all(write, invited.user, None)?;
            Ok(session::begin(write, &random, now, invited.user, &origin, lifetime)?)
        })
        .await
    }

    /// Creates a personal access token of this label; its text.
    pub async fn create_token(&self, api: &Api, user: i64, label: &str) -> Result<String, Refused> {
        let label = label.trim().to_owned();
        if label.is_empty() || label.len() > 1_024 || label.contains(char::is_control) {
            return Err(Refused::Rule("label: Must be a line of text".to_owned()));
        }
        let (random, now) = (api.random.clone(), api.clock.now());
        Ok(api.db.write(move |write| token::create(write, &random, now, user, &label)).await?)
    }
}

/// Writes as a person, about the person.
async fn write_as<T: Send + 'static>(
    api: &Api,
    user: i64,
    write: impl FnOnce(&mut Call<'_>) -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    let now = api.clock.now();
    let viewer = Viewer { user, ..Viewer::default() };
    api.db.write(move |transaction| Call::run(transaction, &viewer, &Shared::default(), now, write)).await
}

fn refuse_new(new: &str, again: &str, email: &str) -> Result<(), Refused> {
    match password::refusal(new, email) {
        Some(refusal) => Err(Refused::Rule(refusal)),
        None if new != again => Err(Refused::Rule("password: The second is not the same as the first".to_owned())),
        None => Ok(()),
    }
}

/// The person of an address with the digest of the password, if there are both.
async fn known_password(api: &Api, email: &str) -> Result<Option<(i64, String)>, Error> {
    let block = api.read().await?.one(Query::new(&LOGIN, vec![email.into()])).await?;
    if block.is_empty() {
        return Ok(None);
    }
    Ok(block.int(0, 0).zip(block.text(0, 1).map(str::to_owned)))
}

/// Whether the person still has this password and may log in.
fn is_still(write: &mut Write, user: i64, digest: &str) -> Result<bool, store::Error> {
    Ok(!write.query(&STILL, &[user.into(), digest.into()])?.is_empty())
}
