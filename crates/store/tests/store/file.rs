//! What only a database in a file promises.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use store::{Db, Error, Location, Options, Query, Statement, Type, Value};

use crate::world::{World, count_to, insert, names, put};

/// What the writer's connection says of a setting.
async fn pragma(db: &Db, name: &str, kind: Type) -> String {
    let statement = Statement::new(format!("PRAGMA {name}"), &[kind]);
    let block = db.write(move |write| write.query(&statement, &[])).await.unwrap();
    match kind {
        Type::Text => block.text(0, 0).unwrap().to_owned(),
        _ => block.int(0, 0).unwrap().to_string(),
    }
}

#[tokio::test]
async fn the_writer_has_its_settings() {
    let world = World::file();
    let db = world.open().await;
    assert_eq!(pragma(&db, "journal_mode", Type::Text).await, "wal");
    for (name, value) in [
        ("synchronous", "2"),
        ("wal_autocheckpoint", "0"),
        ("busy_timeout", "10000"),
        ("foreign_keys", "0"),
        ("trusted_schema", "0"),
        ("cache_size", "-16384"),
        ("temp_store", "2"),
    ] {
        assert_eq!(pragma(&db, name, Type::Int).await, value, "{name}");
    }
    let trial = Db::open(Options::new(Location::SqliteMemory)).await.unwrap();
    assert_eq!(pragma(&trial, "synchronous", Type::Int).await, "0");
    db.load(|_| Ok::<_, Error>(())).await.unwrap();
    assert_eq!(pragma(&db, "synchronous", Type::Int).await, "2", "after a load");
    db.faults().fail_next_commit();
    put(&db, "a", "").await.unwrap_err();
    assert_eq!(pragma(&db, "synchronous", Type::Int).await, "2", "after a failed commit");
}

/// The answers to a batch: what is sent while the writer is held up shares the next commit.
async fn batch(db: &Db, names: &[&'static str]) -> Vec<Result<(), Error>> {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let (started, busy) = tokio::sync::oneshot::channel();
    let held = tokio::spawn({
        let db = db.clone();
        async move {
            db.write(move |_| {
                started.send(()).unwrap();
                wait.recv().unwrap_err();
                Ok::<_, Error>(())
            })
            .await
        }
    });
    busy.await.unwrap();
    let mut writes = Vec::new();
    for name in names {
        let (db, name) = (db.clone(), *name);
        writes.push(tokio::spawn(async move {
            db.write(move |write| {
                write.execute(&insert(), &[name.into(), Value::Null])?;
                match name {
                    "refused" => Err(Error::Busy("on demand".into())),
                    "panic" => panic!("on demand"),
                    "commit" => {
                        // Ends the transaction of the whole batch, as a full disk would.
                        write.execute(&Statement::new("ROLLBACK", &[]), &[]).map(drop)
                    }
                    _ => Ok(()),
                }
            })
            .await
        }));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The held up request is in a batch older than 5 ms by now: the next one begins with the first of these.
    drop(go);
    held.await.unwrap().unwrap();
    let mut answers = Vec::new();
    for write in writes {
        answers.push(write.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_commits_once() {
    let world = World::file();
    let db = world.open().await;
    let commits = db.commits();
    let answers = batch(&db, &["a", "b", "refused", "c", "d", "panic"]).await;
    assert_eq!(db.commits() - commits, 2, "that of the held up request and that of the batch");
    assert!(matches!(answers[2], Err(Error::Busy(_))), "{answers:?}");
    assert!(matches!(answers[5], Err(Error::Panicked(_))), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 4);
    assert_eq!(names(&db).await, ["a", "b", "c", "d"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_at_the_head_of_a_batch_harms_nobody() {
    let world = World::file();
    let db = world.open().await;
    let answers = batch(&db, &["refused", "panic", "a", "refused", "b"]).await;
    assert!(answers[2].is_ok() && answers[4].is_ok(), "{answers:?}");
    assert_eq!(names(&db).await, ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_commit_is_told_to_the_whole_batch() {
    let world = World::file();
    let db = world.open().await;
    let answers = batch(&db, &["a", "refused", "commit", "b"]).await;
    for answer in &answers[..3] {
        assert!(matches!(answer, Err(Error::Commit(_))), "{answers:?}");
    }
    assert!(answers[3].is_ok(), "the next batch: {answers:?}");
    assert_eq!(names(&db).await, ["b"]);
    db.probe().await.unwrap();
}

#[tokio::test]
async fn a_slow_read_does_not_hold_up_its_thread() {
    // One thread for everything: were the slow read to run on it, nothing else could.
    let world = World::file();
    let db = world.open().await;
    let mut read = db.begin_read().await.unwrap();
    let slow = tokio::spawn(async move { read.one(count_to(20_000_000)).await });
    let started = Instant::now();
    let mut others = 0;
    while !slow.is_finished() {
        assert!(names(&db).await.is_empty());
        others += 1;
        tokio::task::yield_now().await;
    }
    assert!(others > 20, "{others} reads in {:?}", started.elapsed());
    assert_eq!(slow.await.unwrap().unwrap().int(0, 0), Some(20_000_000));
}

#[tokio::test]
async fn another_process_may_write() {
    let world = World::file();
    let db = world.open().await;
    put(&db, "a", "").await.unwrap();
    let mut read = db.begin_read().await.unwrap();
    read.one(count_to(1)).await.unwrap();
    let other = world.open().await;
    put(&other, "b", "").await.unwrap();
    other.close().await;
    world.meddle("INSERT INTO settings (name) VALUES ('c')").await;
    put(&db, "d", "").await.unwrap();
    assert_eq!(names(&db).await, ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn a_copy_is_kept_before_a_migration() {
    let world = World::file();
    let Location::SqliteFile(path) = &world.options.location else { unreachable!() };
    let copy = |number: &str| format!("{}.before-{number}", path.display());
    world.open().await.close().await;
    assert!(!Path::new(&copy("0001")).exists(), "a new file needs no copy");
    // A file as a program with one migration has left it.
    let tables = {
        let file = rusqlite::Connection::open(path).unwrap();
        let mut tables = file
            .prepare(
                "SELECT type || ' ' || name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT IN
                ('migrations', 'settings', 'gid_blocks', 'sqlite_sequence') ORDER BY type DESC",
            )
            .unwrap();
        let names = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
        names.map(|name| format!("DROP {};", name.unwrap())).collect::<String>()
    };
    world.meddle(&tables).await;
    world.meddle("DELETE FROM migrations WHERE number > 1; INSERT INTO settings (name) VALUES ('old')").await;
    let db = world.open().await;
    put(&db, "new", "").await.unwrap();
    assert_eq!(names(&db).await, ["new", "old"]);
    let copied = rusqlite::Connection::open(copy("0002")).unwrap();
    let old: String = copied.query_row("SELECT name FROM settings", [], |row| row.get(0)).unwrap();
    assert_eq!(old, "old");
}

#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::file();
    let db = world.open().await;
    put(&db, "a", "").await.unwrap();
    let Location::SqliteFile(path) = &world.options.location else { unreachable!() };
    for file in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}

/// An answer that cannot even be thrown away.
struct Trap;

impl Drop for Trap {
    fn drop(&mut self) {
        panic!("on demand");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_writer_outlives_everything() {
    let world = World::file();
    let db = world.open().await;
    let (started, busy) = tokio::sync::oneshot::channel();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let left = tokio::spawn({
        let db = db.clone();
        async move {
            let trapped = db.write(move |_| {
                started.send(()).unwrap();
                wait.recv().unwrap_err();
                Ok::<_, Error>(Trap)
            });
            std::mem::forget(trapped.await);
        }
    });
    busy.await.unwrap();
    left.abort();
    assert!(left.await.unwrap_err().is_cancelled());
    drop(go);
    put(&db, "a", "").await.unwrap();
    assert_eq!(names(&db).await, ["a"]);
}

#[tokio::test]
async fn a_trial_leaves_nothing_behind() {
    let directories = || {
        let all = ["/dev/shm", "/tmp"].iter().filter_map(|place| std::fs::read_dir(place).ok()).flatten().flatten();
        all.map(|entry| entry.path())
            .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vinyasa-")))
            .collect::<std::collections::HashSet<_>>()
    };
    for close in [true, false] {
        let before = directories();
        let db = Db::open(Options::new(Location::SqliteMemory)).await.unwrap();
        put(&db, "a", "").await.unwrap();
        drop(db.snapshot().await.unwrap());
        assert_eq!(names(&db).await, ["a"]);
        let made: Vec<_> = directories().difference(&before).cloned().collect();
        assert!(!made.is_empty());
        if close {
            db.close().await;
        }
        drop(db);
        let is_left = || made.iter().any(|path| path.join("data.db").exists());
        let started = Instant::now();
        while is_left() && started.elapsed() < Duration::from_secs(5) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(!is_left(), "closed: {close}");
    }
}

/// While writes and reads never pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_stays_short() {
    let world = World::file();
    let db = world.open().await;
    let Location::SqliteFile(path) = &world.options.location else { unreachable!() };
    let log = format!("{}-wal", path.display());
    let text: Arc<str> = "x".repeat(200_000).into();
    let mut longest = 0;
    let reading = tokio::spawn({
        let db = db.clone();
        async move {
            while db.begin_read().await.is_ok() {
                let Ok(mut read) = db.begin_read().await else { return };
                drop(read.one(count_to(1000)).await);
            }
        }
    });
    for number in 0..1500 {
        put(&db, &format!("{}", number % 50), "").await.ok();
        let text = Arc::clone(&text);
        let change = Statement::new("UPDATE settings SET value = ?2 WHERE name = ?1", &[]);
        db.write(move |write| write.execute(&change, &[format!("{}", number % 50).into(), (&*text).into()]))
            .await
            .unwrap();
        longest = longest.max(std::fs::metadata(&log).unwrap().len());
    }
    eprintln!("longest log: {} MB of {} MB written", longest >> 20, (1500 * text.len()) >> 20);
    assert!(longest < 128 << 20, "{longest}");
    db.close().await;
    reading.await.unwrap();
    assert_eq!(std::fs::metadata(&log).map_or(0, |log| log.len()), 0, "emptied at the end");
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "file::writes_until_killed", "--nocapture"])
        .env("FILE_TO_WRITE", &path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut answered = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some(number) = line.strip_prefix("wrote ") else { continue };
        answered.push(number.to_owned());
        if answered.len() == 300 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    let size = std::fs::metadata(format!("{}-wal", path.display())).unwrap().len();
    assert!(size > 40 << 20, "a long log to recover: {size}");
    let started = Instant::now();
    let db = Db::open(Options::new(Location::SqliteFile(path))).await.unwrap();
    let opened = started.elapsed();
    eprintln!("opened in {opened:?} with a log of {} MB", size >> 20);
    assert!(opened < Duration::from_millis(500), "{opened:?}");
    let kept = names(&db).await;
    assert!(answered.iter().all(|number| kept.contains(number)), "{} of {}", kept.len(), answered.len());
    assert!(db.write(|write| write.gid()).await.unwrap() >= 4_503_599_627_370_496 + 300);
}

/// The process that the test above kills. By itself this does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_until_killed() {
    let Some(path) = std::env::var_os("FILE_TO_WRITE") else { return };
    let db = Db::open(Options::new(Location::SqliteFile(path.into()))).await.unwrap();
    // A reader that stays keeps the log from starting anew, and thus makes it long.
    let mut read = db.begin_read().await.unwrap();
    read.one(Query::new(&Statement::new("SELECT count(*) FROM settings", &[Type::Int]), vec![])).await.unwrap();
    for number in 0.. {
        let name = format!("{number}");
        let value = "x".repeat(150_000);
        db.write(move |write| {
            write.gid()?;
            write.execute(&insert(), &[name.into(), value.into()])
        })
        .await
        .unwrap();
        println!("wrote {number}");
    }
}
