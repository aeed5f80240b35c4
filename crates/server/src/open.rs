//! What every command begins with: the database, the time and the randomness that the settings name.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use engine::access::{self, Viewer};
use engine::call::{Call, Shared};
use model::{Clock, Random};
use store::{Db, Location, Options, Query, Statement, Type};

use crate::config::Config;
use crate::failure::{Failure, Result};

/// 2026-03-02T10:00:00Z, a Monday: when every test begins.
pub const TEST_START: i64 = 1_772_445_600_000;
/// The seed of everything random in test mode.
pub const TEST_SEED: u64 = 42;

/// Opens the database; makes it, and the directory for it, if that is wanted.
pub async fn open_database(config: &Config, create: bool) -> Result<Db> {
    let location = config.location();
    if let (true, Location::SqliteFile(path)) = (create, &location) {
        make_directory(path)?;
    }
    let options = Options {
        create,
        readers: config.database_readers,
        writers: config.database_writers,
        deadline: config.database_timeout,
        ..Options::new(location.clone())
    };
    Db::open(options).await.map_err(|error| match error {
        store::Error::Missing { .. } | store::Error::Location(_) => error.into(),
        error => Failure::new(format_args!("{location}: {}", one_line(&error.to_string()))),
    })
}

/// Makes the directory of a database file, for its owner alone.
pub fn make_directory(database: &Path) -> Result<()> {
    let Some(directory) = database.parent().filter(|directory| !directory.as_os_str().is_empty()) else {
        return Ok(());
    };
    // What people write down here is nobody else's business.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| Failure::new(format_args!("{}: {error}", directory.display())))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The clock that the settings name.
pub fn clock(config: &Config) -> Clock {
    if config.test_mode { Clock::manual(TEST_START) } else { Clock::system() }
}

/// The source of randomness that the settings name.
pub fn random(config: &Config) -> Random {
    if config.test_mode { Random::seeded(TEST_SEED) } else { Random::system() }
}

/// Writes as the administrator of the machine, outside of any operation.
pub async fn write_as_administrator<T: Send + 'static>(
    db: &Db,
    now: i64,
    write: impl FnOnce(&mut Call<'_>) -> Result<T> + Send + 'static,
) -> Result<T> {
    db.write(move |transaction| Call::run(transaction, &Viewer::default(), &Shared::default(), now, write)).await
}

/// Writes as this user, outside of any operation.
pub async fn write_as<T: Send + 'static>(
    db: &Db,
    now: i64,
    user: i64,
    write: impl FnOnce(&mut Call<'_>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let viewer = access::viewer(&mut db.begin_read().await?, user, 0).await?;
    db.write(move |transaction| Call::run(transaction, &viewer, &Shared::default(), now, write)).await
}

/// The workspace that a command is about: the one that `wanted` calls by its gid or its name, or else the only one.
pub async fn choose_workspace(db: &Db, wanted: Option<&str>) -> Result<i64> {
    let all = list_workspaces(db).await?;
    let many = |all: &[&(i64, String)]| {
        let many: Vec<_> = all.iter().map(|(gid, name)| format!("{gid} ({name})")).collect();
        Failure::usage(format_args!("--workspace GID: which one? {}", many.join(", ")))
    };
    let Some(wanted) = wanted else {
        return match &all[..] {
            [] => Err(Failure::new("no organization yet; `vinyasa admin init` founds one")),
            [(only, _)] => Ok(*only),
            several => Err(many(&several.iter().collect::<Vec<_>>())),
        };
    };
    let by_gid = all.iter().find(|(gid, _)| gid.to_string() == wanted);
    let by_name = || all.iter().filter(|(_, name)| model::fold(name) == model::fold(wanted.trim())).collect::<Vec<_>>();
    match (by_gid, &by_name()[..]) {
        (Some((gid, _)), _) | (None, [(gid, _)]) => Ok(*gid),
        (None, []) => Err(Failure::new(format_args!("no workspace {wanted}"))),
        (None, several) => Err(many(several)),
    }
}

/// The workspaces, by gid, with their names.
pub async fn list_workspaces(db: &Db) -> Result<Vec<(i64, String)>> {
    let all: Arc<Statement> = Statement::new("SELECT gid, name FROM workspaces ORDER BY gid", &[Type::Int, Type::Text]);
    let block = db.begin_read().await?.one(Query::new(&all, Vec::new())).await?;
    let rows = (0..block.len()).map(|row| (block.int(row, 0).unwrap_or_default(), block.text(row, 1)));
    Ok(rows.map(|(gid, name)| (gid, name.unwrap_or_default().to_owned())).collect())
}

/// The user of this gid or e-mail address.
pub async fn find_user(db: &Db, named: &str) -> Result<i64> {
    let by_email = Statement::new("SELECT gid FROM users WHERE email_folded = ?1", &[Type::Int]);
    let by_gid = Statement::new("SELECT gid FROM users WHERE gid = ?1", &[Type::Int]);
    let query = match model::gid::parse(named) {
        Some(gid) => Query::new(&by_gid, vec![gid.into()]),
        None => Query::new(&by_email, vec![model::fold_email(named).into()]),
    };
    let block = db.begin_read().await?.one(query).await?;
    let found = if block.is_empty() { None } else { block.int(0, 0) };
    found.ok_or_else(|| Failure::new(format_args!("no user {named}")))
}
