//! The numbered changes that lead from an empty database to this program's.

use sha2::{Digest, Sha256};

use crate::error::Error;

/// One step, the same text for both engines but for the tokens of `dialect.rs`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    pub number: i64,
    /// The name of its file, without the ending: `0001_core`.
    pub file: &'static str,
    pub text: &'static str,
}

macro_rules! migrations {
    ($($number:literal $file:literal),* $(,)?) => {
        &[$(Migration { number: $number, file: $file, text: include_str!(concat!("../migrations/", $file, ".sql")) }),*]
    };
}

/// All steps, in order. A step that has been released is never edited: its checksum stands in every database.
pub(crate) static MIGRATIONS: &[Migration] = migrations![
    1 "0001_core",
    2 "0002_work",
    3 "0003_change_sets",
    4 "0004_fewer_indexes",
    10 "0010_people",
    20 "0020_content",
    21 "0021_queue",
    22 "0022_trash",
    23 "0023_jobs",
    30 "0030_logins",
    40 "0040_custom_ids",
    41 "0041_tag_followers",
    50 "0050_mentions",
    70 "0070_reference_epoch",
];

/// The table in which a database remembers its steps.
pub(crate) const RECORD: &str = "CREATE TABLE IF NOT EXISTS migrations (
    number BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at BIGINT NOT NULL
)";

/// Reads the steps of a database.
pub(crate) const RECORDED: &str = "SELECT number, name, checksum FROM migrations ORDER BY number";

/// A step that a database remembers.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub number: i64,
    pub name: String,
    pub checksum: String,
}

impl Migration {
    /// `core` of `0001_core`.
    pub fn name(&self) -> &'static str {
        self.file.split_once('_').map_or(self.file, |(_, name)| name)
    }

    /// SHA-256 of the text as it stands in the file, in hexadecimal.
    pub fn checksum(&self) -> String {
        Sha256::digest(self.text).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The steps which the database still has to take.
///
/// # Errors
/// [`Error::Newer`] if it has taken one that is unknown here, [`Error::Changed`] if one has another text now.
pub(crate) fn pending<'a>(migrations: &'a [Migration], recorded: &[Recorded]) -> Result<Vec<&'a Migration>, Error> {
    let known = migrations.last().map_or(0, |last| last.number);
    if let Some(last) = recorded.last()
        && last.number > known
    {
        return Err(Error::Newer { found: last.number, known });
    }
    for step in recorded {
        let same = migrations.iter().any(|one| one.number == step.number && one.checksum() == step.checksum);
        if !same {
            return Err(Error::Changed { number: step.number, name: step.name.clone() });
        }
    }
    Ok(migrations.iter().filter(|one| recorded.iter().all(|step| step.number != one.number)).collect())
}

/// The time for the record.
#[expect(clippy::disallowed_methods, reason = "the record says when it happened; there is no clock to ask before")]
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_in_order_like_their_files() {
        assert!(MIGRATIONS.is_sorted_by(|one, next| one.number < next.number));
        for step in MIGRATIONS {
            assert_eq!(step.file, format!("{:04}_{}", step.number, step.name()));
        }
    }
}
