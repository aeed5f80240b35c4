//! Backups: a database of either engine as one file, and such a file as a database of either engine.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use crate::copy::{Progress, copy, is_empty};
use crate::db::Db;
use crate::error::Error;
use crate::location::{Location, Options};
use crate::migration::{MIGRATIONS, now, pending};
use crate::{postgres, sqlite};

/// How a database stands to this program.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The number of the last migration that has run on it.
    pub version: i64,
    /// The number of this program's last.
    pub known: i64,
}

impl State {
    /// Whether the program would change it by opening it.
    pub fn is_current(&self) -> bool {
        self.version == self.known
    }
}

/// Looks at a database without changing it.
///
/// # Errors
/// [`Error::Missing`], [`Error::Newer`], [`Error::Changed`], [`Error::Damaged`] for a file that is none of ours, else
/// [`Error::Engine`].
pub async fn inspect(location: &Location) -> Result<State, Error> {
    let recorded = match location {
        Location::SqliteFile(path) => {
            let path = path.clone();
            blocking(move || sqlite::inspect(&path)).await?
        }
        Location::SqliteMemory => return Err(Error::Missing { place: location.to_string() }),
        Location::Postgres(url) => postgres::inspect(location, url).await?,
    };
    pending(MIGRATIONS, &recorded)?;
    let last = |numbers: &mut dyn Iterator<Item = i64>| numbers.max().unwrap_or(0);
    Ok(State {
        version: last(&mut recorded.iter().map(|step| step.number)),
        known: last(&mut MIGRATIONS.iter().map(|step| step.number)),
    })
}

/// Reads a database in a file whole and sees that nothing in it is broken. A database server takes care of that by itself.
///
/// # Errors
/// [`Error::Damaged`], else as [`inspect`].
pub async fn verify(location: &Location) -> Result<(), Error> {
    let Location::SqliteFile(path) = location.clone() else { return Ok(()) };
    blocking(move || sqlite::verify(&path).map(drop)).await
}

/// Writes a database as it is at one moment to a new file, while servers use it, and verifies the file. It appears under
/// its name when it is whole.
///
/// # Errors
/// [`Error::Filled`] if there is a file already, [`Error::Damaged`] if the copy, or the database itself, is not whole, else
/// as [`inspect`].
pub async fn back_up(location: &Location, to: &Path, progress: impl FnMut(Progress)) -> Result<(), Error> {
    if to.exists() {
        return Err(Error::Filled { place: to.display().to_string() });
    }
    let unfinished = Unfinished::new(to, ".unfinished")?;
    match location {
        Location::SqliteFile(path) => {
            let (from, to) = (path.clone(), unfinished.0.clone());
            blocking(move || sqlite::back_up(&from, &to)).await?;
        }
        Location::SqliteMemory => return Err(Error::Missing { place: location.to_string() }),
        Location::Postgres(_) => {
            let from = Db::open(Options { create: false, writers: 1, ..Options::new(location.clone()) }).await?;
            let into = Db::open(Options::new(Location::SqliteFile(unfinished.0.clone()))).await;
            let copied = match &into {
                Ok(into) => copy(&from, into, progress).await.map(drop),
                Err(error) => Err(error.clone()),
            };
            from.close().await;
            if let Ok(into) = into {
                into.close().await;
            }
            copied?;
        }
    }
    let (from, to) = (unfinished.0.clone(), to.to_owned());
    blocking(move || {
        sqlite::verify(&from)?;
        sqlite::replace(&to, &from, Path::new("")).map(drop)
    })
    .await
}

/// What a restore has done.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Where the file is that was there before.
    pub kept: Option<PathBuf>,
}

/// Makes a database of a backup. Nothing is touched before the backup is known to be whole and has been brought up to date
/// in a copy. A database that is not empty is only replaced on demand, and kept beside the new one.
///
/// # Errors
/// [`Error::Filled`], [`Error::InUse`]; for the backup as [`inspect`].
pub async fn restore(
    from: &Path,
    location: &Location,
    replace: bool,
    progress: impl FnMut(Progress),
) -> Result<Restored, Error> {
    let filled = || Error::Filled { place: location.to_string() };
    match location {
        Location::SqliteFile(path) => {
            if path.exists() && !replace && !is_unused(location).await? {
                return Err(filled());
            }
            let unfinished = Unfinished::new(path, ".restoring")?;
            prepare(from, &unfinished.0).await?;
            let (path, by) = (path.clone(), unfinished.0.clone());
            let kept = beside(&path, &format!(".before-restore-{}", now() / 1_000));
            let kept = blocking(move || Ok(sqlite::replace(&path, &by, &kept)?.then_some(kept))).await?;
            Ok(Restored { kept })
        }
        Location::SqliteMemory => Err(Error::Location(location.to_string())),
        Location::Postgres(_) => {
            let directory = tempfile::tempdir().map_err(Error::engine)?;
            let file = directory.path().join("restoring.db");
            prepare(from, &file).await?;
            let source = Db::open(Options::new(Location::SqliteFile(file))).await?;
            let target = Db::open(Options { writers: 1, ..Options::new(location.clone()) }).await?;
            let copied = copy(&source, &target, progress).await;
            source.close().await;
            target.close().await;
            copied.map_err(|error| if let Error::Filled { .. } = error { filled() } else { error })?;
            Ok(Restored { kept: None })
        }
    }
}

/// Copies a backup to where it can be opened, verifies it there and brings it up to date.
async fn prepare(from: &Path, to: &Path) -> Result<(), Error> {
    let (source, copy) = (from.to_owned(), to.to_owned());
    blocking(move || {
        if !source.exists() {
            return Err(Error::Missing { place: source.display().to_string() });
        }
        // The bytes alone: a medium that cannot be written has no place for the engine's other files, and who may read
        // the backup need not be who may read the database.
        sqlite::create_private(&copy)?;
        let mut to = File::options().write(true).open(&copy).map_err(Error::engine)?;
        let copied = File::open(&source).and_then(|mut from| io::copy(&mut from, &mut to)).and_then(|_| to.sync_all());
        copied.map_err(|error| Error::engine(format!("{}: {error}", source.display())))?;
        sqlite::verify(&copy).map(drop)
    })
    .await
    .map_err(|error| about(error, from))?;
    let opened = Db::open(Options { create: false, ..Options::new(Location::SqliteFile(to.to_owned())) }).await?;
    let probed = opened.probe().await;
    opened.close().await;
    probed
}

/// An error of a copy, told of what it is a copy of.
fn about(error: Error, path: &Path) -> Error {
    match error {
        Error::Damaged { what, .. } => Error::Damaged { place: path.display().to_string(), what },
        error => error,
    }
}

/// Whether a database exists and nobody has put anything into it.
async fn is_unused(location: &Location) -> Result<bool, Error> {
    if !inspect(location).await?.is_current() {
        return Ok(false);
    }
    let db = Db::open(Options { create: false, ..Options::new(location.clone()) }).await?;
    let empty = is_empty(&db).await;
    db.close().await;
    empty
}

/// A file beside another one, which goes again unless it is given another name.
struct Unfinished(PathBuf);

impl Unfinished {
    fn new(path: &Path, suffix: &str) -> Result<Self, Error> {
        let unfinished = Unfinished(beside(path, suffix));
        unfinished.remove();
        Ok(unfinished)
    }

    /// Removes it and what the engine may have put beside it.
    fn remove(&self) {
        let migrated = (1..=MIGRATIONS.len()).map(|number| format!(".before-{number:04}"));
        for suffix in ["", "-wal", "-shm", "-journal"].map(str::to_owned).into_iter().chain(migrated) {
            // What is not there need not go.
            drop(fs::remove_file(beside(&self.0, &suffix)));
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.remove();
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    spawn_blocking(work).await.map_err(Error::engine)?
}
