//! Passwords, kept as Argon2id digests in the PHC form, which carries its own parameters: they may grow with the years
//! while older digests stay good.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use model::Random;

/// The fewest characters of a password.
pub const SHORTEST: usize = 8;
/// The most bytes of a password.
pub const LONGEST: usize = 1_024;

/// What is wrong with a password that someone chose, if anything.
pub fn refusal(password: &str) -> Option<String> {
    if password.chars().count() < SHORTEST {
        return Some(format!("password: Must have at least {SHORTEST} characters"));
    }
    (password.len() > LONGEST).then(|| format!("password: Must have at most {LONGEST} bytes"))
}

/// What is kept of a password. Takes tens of milliseconds and 19 MiB on purpose: never on a thread that serves others.
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
    fn a_password_has_a_length() {
        assert_eq!(refusal("1234567").as_deref(), Some("password: Must have at least 8 characters"));
        assert_eq!(refusal("ääääääää"), None);
        assert_eq!(refusal(&"x".repeat(1_025)).as_deref(), Some("password: Must have at most 1024 bytes"));
    }
}
