//! The numbered changes that lead from an empty database to this program's.

use sha2::{Digest, Sha256};

use crate::error::Error;

/// One step, the same text for both engines but for the tokens of `dialect.rs`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    pub number: i64,
    pub name: &'static str,
    pub text: &'static str,
}

macro_rules! migrations {
    ($($number:literal $name:literal),* $(,)?) => {
        &[$(Migration {
            number: $number,
            name: $name,
            text: include_str!(concat!("../migrations/", stringify!($number), "_", $name, ".sql")),
        }),*]
    };
}

/// All steps, in order. A step that has been released is never edited: its checksum stands in every database.
pub(crate) static MIGRATIONS: &[Migration] = migrations![
    0001 "core",
    0002 "work",
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

/// The time for the record: a migration is the one thing that happens before there is a clock to ask.
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}
