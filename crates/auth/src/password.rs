//! Passwords, kept as Argon2id digests in the PHC form, which carries its own parameters: they may grow with the years
//! while older digests stay good. The parameters are the first of OWASP's recommendations (Password Storage Cheat Sheet):
//! 19 MiB of memory, two passes, one lane.

use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use model::Random;
use tokio::sync::Semaphore;

/// The fewest characters of a password.
pub const SHORTEST: usize = 12;
/// The most bytes of a password.
pub const LONGEST: usize = 1_024;

/// Passwords of that length or more that everybody tries first, folded and without what stands between words.
const COMMON: &[&str] = &[
    "0123456789ab",
    "012345678910",
    "112233445566",
    "123123123123",
    "123456123456",
    "1234567890ab",
    "1234567890qw",
    "123456789abc",
    "123456789qwe",
    "123qwe123qwe",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "aa1234567890",
    "abc123abc123",
    "abcd12345678",
    "abcdefghijkl",
    "administrator",
    "asdfghjkl123",
    "asdfghjklzxcvbnm",
    "changemechangeme",
    "computercomputer",
    "correcthorsebatterystaple",
    "football1234",
    "iloveyouiloveyou",
    "letmeinletmein",
    "letmeinplease",
    "mypasswordis",
    "passw0rdpassw0rd",
    "passwordpassword",
    "passwordforyou",
    "q1w2e3r4t5y6",
    "qazwsxedcrfv",
    "qwerqwerqwer",
    "qwerty123456",
    "qwertyqwerty",
    "qwertyuiopasdfghjkl",
    "sunshine1234",
    "superman1234",
    "thisismypassword",
    "trustno1trustno1",
    "vinyasavinyasa",
    "welcomewelcome",
    "zaq12wsxcde3",
];
/// With digits and signs behind them they are no better.
const COMMON_BEGINNINGS: &[&str] = &[
    "password",
    "passwort",
    "passw0rd",
    "qwerty",
    "qwertyuiop",
    "letmein",
    "welcome",
    "admin",
    "administrator",
    "iloveyou",
    "changeme",
    "vinyasa",
];

/// What is wrong with a password that somebody with this e-mail address chose, if anything.
pub fn refusal(password: &str, email: &str) -> Option<String> {
    if password.chars().count() < SHORTEST {
        return Some(format!("password: Must have at least {SHORTEST} characters"));
    }
    if password.len() > LONGEST {
        return Some(format!("password: Must have at most {LONGEST} bytes"));
    }
    if model::fold_email(password) == model::fold_email(email) {
        return Some("password: Must not be the e-mail address".to_owned());
    }
    is_common(password).then(|| "password: Is one of those that are guessed first".to_owned())
}

fn is_common(password: &str) -> bool {
    let folded: String = password.to_lowercase().chars().filter(|letter| letter.is_alphanumeric()).collect();
    let word = folded.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let mut letters = folded.chars();
    let first = letters.next();
    let runs = |step: i64| {
        let places: Vec<i64> = folded.chars().map(|letter| i64::from(u32::from(letter))).collect();
        places.windows(2).all(|pair| pair[1] - pair[0] == step || pair == [57, 48] || pair == [48, 57])
    };
    COMMON.contains(&folded.as_str())
        || COMMON_BEGINNINGS.contains(&word)
        || letters.all(|letter| Some(letter) == first)
        || runs(1)
        || runs(-1)
}

/// What is kept of a password. Takes tens of milliseconds and 19 MiB on purpose: never on a thread that serves others
/// ([`Hashing`]).
pub fn digest(random: &Random, password: &str) -> String {
    let mut salt = [0; 16];
    random.fill(&mut salt);
    let hashed = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hashed.expect("the default parameters and a salt of 16 bytes are valid").to_string()
}

/// Whether this is the password of a digest; false too when the text is no digest. As slow as [`digest`].
pub fn matches(digest: &str, password: &str) -> bool {
    PasswordHash::new(digest).is_ok_and(|known| Argon2::default().verify_password(password.as_bytes(), &known).is_ok())
}

/// How long somebody waits for others whose passwords are being looked at.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at passwords on threads of its own, a few at a time: more would only take memory.
pub struct Hashing {
    random: Random,
    turns: Semaphore,
    /// The digest of a password that nobody has.
    nobodys: String,
}

/// Too many passwords are being looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl Hashing {
    /// So many at a time. `random` is for salts.
    pub fn new(random: Random, at_once: usize) -> Self {
        // Its salt is no secret, and a server in test mode draws nothing that it did not draw before.
        let nobodys = digest(&Random::seeded(0), "nobody has this password");
        Hashing { random, turns: Semaphore::new(at_once.max(1)), nobodys }
    }

    /// What is kept of a password.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn digest(&self, password: &str) -> Result<String, Busy> {
        let (random, password) = (self.random.clone(), password.to_owned());
        self.run(move || digest(&random, &password)).await
    }

    /// Whether this is the password of a digest. Without a digest it never is, and takes as long.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn matches(&self, digest: Option<&str>, password: &str) -> Result<bool, Busy> {
        let (known, password) = (digest.is_some(), password.to_owned());
        let digest = digest.unwrap_or(&self.nobodys).to_owned();
        Ok(self.run(move || matches(&digest, &password)).await? && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let turn = tokio::time::timeout(PATIENCE, self.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(Busy);
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_digest() {
        let digest = digest(&Random::seeded(1), "squid snuggle softly");
        assert!(digest.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{digest}");
        assert!(matches(&digest, "squid snuggle softly"));
        assert!(!matches(&digest, "squid snuggle softly "));
        assert!(!matches("", "") && !matches("plain", "plain"));
    }

    #[test]
    fn a_digest_is_salted() {
        let random = Random::seeded(1);
        assert_ne!(digest(&random, "the same"), digest(&random, "the same"));
    }

    #[test]
    fn a_password_has_rules() {
        let refused = |password: &str| refusal(password, "Ann.Example@acme.example");
        let common = Some("password: Is one of those that are guessed first");
        for (password, refusal) in [
            ("12345678901", Some("password: Must have at least 12 characters")),
            ("ääääääääääb", Some("password: Must have at least 12 characters")),
            ("ANN.example@acme.example", Some("password: Must not be the e-mail address")),
            ("Password Password", common),
            ("correct horse battery staple", common),
            ("Password1234!", common),
            ("aaaaaaaaaaaaaaaa", common),
            ("123456789012", common),
            ("9876543210987", common),
            ("abcdefghijklmnop", common),
            ("Administrator", common),
            ("squid snuggle softly", None),
            ("äöüäöüäöüäöü", None),
        ] {
            assert_eq!(refused(password).as_deref(), refusal, "{password}");
        }
        assert_eq!(refused(&"xy".repeat(513)).as_deref(), Some("password: Must have at most 1024 bytes"));
    }

    #[tokio::test]
    async fn nobodys_password_is_never_right() {
        let hashing = Hashing::new(Random::seeded(1), 1);
        let known = hashing.digest("squid snuggle softly").await.expect("its turn");
        assert_eq!(hashing.matches(Some(&known), "squid snuggle softly").await, Ok(true));
        assert_eq!(hashing.matches(Some(&known), "squid").await, Ok(false));
        assert_eq!(hashing.matches(None, "nobody has this password").await, Ok(false));
    }
}
