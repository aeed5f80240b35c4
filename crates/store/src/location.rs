//! Where the database is and how it is opened.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::error::Error;

/// Where the database is. Parsed from `sqlite:PATH`, `sqlite::memory:` or `postgres://...`.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// One file, used by this machine alone.
    SqliteFile(PathBuf),
    /// A temporary database, gone when it is closed: for tests and trials.
    SqliteMemory,
    /// A PostgreSQL database, possibly shared with other nodes.
    Postgres(String),
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Location::Postgres(text.to_owned()));
        }
        match text.strip_prefix("sqlite:") {
            Some(":memory:") => Ok(Location::SqliteMemory),
            Some(path) if !path.is_empty() => Ok(Location::SqliteFile(PathBuf::from(path))),
            _ => Err(Error::Location(text.to_owned())),
        }
    }
}

/// The location as a person may see it: a password is left out.
impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::SqliteFile(path) => write!(out, "{}", path.display()),
            Location::SqliteMemory => out.write_str(":memory:"),
            Location::Postgres(url) => out.write_str(&without_password(url)),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Location({self})")
    }
}

/// `scheme://user:secret@host/db?password=secret` as `scheme://user@host/db`.
fn without_password(url: &str) -> String {
    let url = url.split_once('?').map_or(url, |(url, _)| url);
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split_once(':').map_or(user, |(user, _)| user);
            format!("{scheme}://{user}@{host}")
        }
        None => url.to_owned(),
    }
}

/// How a database is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the database is.
    pub location: Location,
    /// Whether a database that does not exist yet is made. Otherwise opening it is [`Error::Missing`].
    pub create: bool,
    /// The most reads that run at once; further ones wait. Connections are made when first needed.
    pub readers: usize,
    /// The most writes that run at once, where the engine can run more than one.
    pub writers: usize,
    /// How long a level of a read may run on the thread that asked for it, before it moves to a thread of its own.
    pub budget: Duration,
    /// How long a level of a read may run at all.
    pub deadline: Duration,
}

impl Options {
    /// The usual options for a location.
    pub fn new(location: Location) -> Self {
        Options {
            location,
            create: true,
            readers: 32,
            writers: 16,
            budget: Duration::from_millis(2),
            deadline: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_parsed() {
        assert_eq!("sqlite:/a/b.db".parse::<Location>().unwrap(), Location::SqliteFile("/a/b.db".into()));
        assert_eq!("sqlite::memory:".parse::<Location>().unwrap(), Location::SqliteMemory);
        let url = "postgresql://h/d";
        assert_eq!(url.parse::<Location>().unwrap(), Location::Postgres(url.into()));
        for wrong in ["", "sqlite:", "mysql://h/d", "/a/b.db"] {
            assert!(matches!(wrong.parse::<Location>(), Err(Error::Location(_))), "{wrong}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        for url in ["postgres://me:secret@h:5/d", "postgres://me@h:5/d?password=secret", "postgres://me:se@cret@h:5/d"]
        {
            assert_eq!(Location::Postgres(url.into()).to_string(), "postgres://me@h:5/d");
        }
    }
}
