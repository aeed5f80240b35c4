//! `vinyasa doctor`: looks at an installation and tells what is wrong with it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use clap::Args;
use model::Clock;
use store::{Db, Location, Options, Query, Statement, Type, consistency};

use super::print_line;
use crate::config::{Common, Config};
use crate::failure::{Failure, Result};
use crate::files::Files;
use crate::log;
use crate::open::random;
use crate::tls::Tls;

const EXAMPLES: &str = "\
One line for each thing that was looked at, `ok` or `WRONG`, the latter with what to do about it. Nothing is changed; the
server may run. The exit code is 1 when something is wrong.

Examples:
  vinyasa doctor --data /var/lib/vinyasa
  vinyasa doctor --config /etc/vinyasa/vinyasa.toml";

/// Look for what is wrong: settings, permissions, disk, clock, the database and what is in it
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Doctor {}

/// 2026-01-01: no clock that is right shows less.
const BUILT: i64 = 1_767_225_600_000;
/// How far two clocks may differ, in milliseconds.
const TOLERANCE: i64 = 5 * 60 * 1_000;
/// How much room there should be at least, in bytes.
const ROOM: u64 = 1 << 30;
/// How long before its end a certificate is to be renewed, in seconds.
const RENEWAL: i64 = 7 * 86_400;

/// What has been found.
#[derive(Default)]
struct Report {
    lines: Vec<String>,
    wrong: usize,
}

impl Report {
    /// Something was looked at. What is wrong with it says what to type.
    fn add(&mut self, what: &str, wrong: Vec<String>) {
        if wrong.is_empty() {
            self.lines.push(format!("ok     {what}"));
        }
        self.wrong += wrong.len();
        self.lines.extend(wrong.iter().map(|wrong| format!("WRONG  {what}: {wrong}")));
    }
}

impl Doctor {
    pub async fn run(self, common: &Common) -> Result<()> {
        let config = Config::load(common, &[])?;
        log::start(&config, "error")?;
        let (location, now) = (config.location(), Clock::system().now());
        let mut report = Report::default();
        report.add("settings", settings(&config, now));
        report.add("permissions", permissions(&config, &location));
        if config.files_s3.bucket.is_some() {
            report.add("attached files", files(&config).await.err().into_iter().map(|failure| failure.text).collect());
        }
        if let Location::SqliteFile(path) = &location {
            report.add("disk", disk(path));
        }
        report.add("clock", if now < BUILT { vec![CLOCK.to_owned()] } else { Vec::new() });
        database(&mut report, &location, now).await;
        print_line(&report.lines.join("\n"))?;
        match report.wrong {
            0 => Ok(()),
            1 => Err(Failure::new("one thing is wrong")),
            many => Err(Failure::new(format_args!("{many} things are wrong"))),
        }
    }
}

const CLOCK: &str = "it goes wrong: type: timedatectl set-ntp true";

fn settings(config: &Config, now: i64) -> Vec<String> {
    let mut wrong = Vec::new();
    match Tls::load(config) {
        Err(failure) => wrong.push(failure.text),
        Ok(Some(tls)) if tls.expiry().is_some_and(|end| end < now / 1_000) => {
            wrong.push("tls_cert: the certificate has ended: renew it, then: systemctl reload vinyasa".to_owned());
        }
        Ok(Some(tls)) if tls.expiry().is_some_and(|end| end < now / 1_000 + RENEWAL) => {
            wrong.push(
                "tls_cert: the certificate ends within a week: renew it, then: systemctl reload vinyasa".to_owned(),
            );
        }
        Ok(_) => {}
    }
    if config.trusted_proxies.iter().any(|network| network.is_everything()) {
        wrong.push("trusted_proxy: everybody is believed: name the addresses of the proxy".to_owned());
    }
    if config.test_mode {
        wrong.push("test_mode: tokens can be guessed: take it out of the settings".to_owned());
    }
    wrong
}

/// Whether the bucket for attached files is there.
async fn files(config: &Config) -> Result<()> {
    Files::new(config, random(config))?.check().await
}

fn permissions(config: &Config, location: &Location) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Location::SqliteFile(path) = location {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        wrong.extend(private(directory, 0o077, "700"));
        wrong.extend(private(path, 0o077, "600"));
        if let (Ok(file), Ok(parent)) = (fs::metadata(path), fs::metadata(directory))
            && file.uid() != parent.uid()
        {
            let (directory, path) = (directory.display(), path.display());
            wrong.push(format!("{path}: not its directory's owner's: type: chown --reference={directory} {path}*"));
        }
    }
    if let Some(key) = &config.tls_key {
        wrong.extend(private(key, 0o007, "640"));
    }
    wrong
}

/// What is wrong when others may do anything with a file.
fn private(path: &Path, others: u32, right: &str) -> Option<String> {
    let mode = fs::metadata(path).ok()?.permissions().mode();
    (mode & others != 0)
        .then(|| format!("{0}: others may read it (mode {1:o}): type: chmod {right} {0}", path.display(), mode & 0o777))
}

/// There is to be room for the copy that is kept before an upgrade, and for more work.
fn disk(path: &Path) -> Vec<String> {
    let (Ok(file), Ok(disk)) = (fs::metadata(path), rustix::fs::statvfs(path)) else { return Vec::new() };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let wanted = file.len().saturating_add(ROOM);
    if free >= wanted {
        return Vec::new();
    }
    let mib = |bytes: u64| bytes >> 20;
    let (place, free, wanted) = (path.display(), mib(free), mib(wanted));
    vec![format!("{place}: {free} MiB are free, {wanted} MiB should be: make room")]
}

async fn database(report: &mut Report, location: &Location, now: i64) {
    let what = format!("database {location}");
    let version = match store::inspect(location).await {
        Err(store::Error::Missing { .. }) => Err("there is none: type: vinyasa admin init".to_owned()),
        Err(error @ store::Error::Newer { .. }) => Err(format!("{error}: install the newer program again")),
        Err(error) => Err(format!("{error}: restore a backup: vinyasa help restore")),
        Ok(state) if !state.is_current() => Err(format!(
            "of version {}, this program's is {}: start `vinyasa serve`, which brings it up to date",
            state.version, state.known
        )),
        Ok(_) => match store::verify(location).await {
            Err(error) => Err(format!("{error}: restore a backup: vinyasa help restore")),
            Ok(()) => Ok(()),
        },
    };
    let is_whole = version.is_ok();
    report.add(&what, version.err().into_iter().collect());
    if is_whole {
        let found = content(location, now).await.unwrap_or_else(|error| vec![error.to_string()]);
        report.add("content", found);
    }
}

/// What is wrong in a database that is whole and of this version.
async fn content(location: &Location, now: i64) -> Result<Vec<String>, store::Error> {
    let options = Options { create: false, writers: 1, readers: 1, ..Options::new(location.clone()) };
    let db = Db::open(options).await?;
    let mut wrong = consistency::violations(&db).await?;
    wrong.iter_mut().for_each(|wrong| wrong.push_str(": this is a bug: report it with this line"));
    let newest = Statement::new("SELECT max(created_at) FROM change_sets", &[Type::Int]);
    let block = db.begin_read().await?.one(Query::new(&newest, Vec::new())).await?;
    if block.int(0, 0).is_some_and(|newest| newest > now + TOLERANCE) {
        wrong.push(format!("the last change lies in the future: {CLOCK}"));
    }
    wrong.extend(failed_jobs(&db).await?);
    db.close().await;
    Ok(wrong)
}

/// Jobs that have been given up: what they were to do is not done.
async fn failed_jobs(db: &Db) -> Result<Vec<String>, store::Error> {
    let failed =
        "SELECT id, kind, attempts, last_error FROM queued_jobs WHERE failed_at IS NOT NULL ORDER BY failed_at";
    let failed = Statement::new(failed, &[Type::Int, Type::Text, Type::Int, Type::Text]);
    let block = db.begin_read().await?.one(Query::new(&failed, Vec::new())).await?;
    let line = |row| {
        let (number, text) = (|column| block.int(row, column).unwrap_or_default(), |column| block.text(row, column));
        let (kind, error) = (text(1).unwrap_or_default(), text(3).unwrap_or_default());
        format!(
            "job {0} ({kind}) was given up after {1} attempts: {error}: type: vinyasa job retry {0}",
            number(0),
            number(2)
        )
    };
    Ok((0..block.len()).map(line).collect())
}
