//! Copies, backups and restores: between all engines, and what is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use store::{Db, Error, Location, Statement, Type, Value, back_up, copy, inspect, restore};

use crate::world::{World, names, put, select};

/// Rows of every kind of value; more than are read at once; names whose order differs between languages; a key that has
/// counted further than its rows tell.
async fn fill(db: &Db) {
    for name in ["b", "B", "a", "ä", "Z", "z", "", "ß"] {
        put(db, name, "x\u{1f331}").await.unwrap();
    }
    let execute = |sql: &str, parameters: Vec<Value>| {
        let statement = Statement::new(sql, &[]);
        db.write(move |write| write.execute(&statement, &parameters))
    };
    let value =
        "INSERT INTO custom_field_values (gid, object_id, custom_field_id, number_value) VALUES (?1, ?1, 2, ?2)";
    for (gid, number) in [(1, 0.1), (2, -0.0), (3, 1e300), (4, f64::MIN_POSITIVE)] {
        execute(value, vec![gid.into(), number.into()]).await.unwrap();
    }
    let token = "INSERT INTO tokens (gid, user_id, label, digest, created_at) VALUES (7, 1, '', ?1, 0)";
    execute(token, vec![[0u8, 255, 10].as_slice().into()]).await.unwrap();
    let mut rows = Vec::new();
    for gid in 1..=4_500i64 {
        rows.extend([gid.into(), "task".into(), 1i64.into(), if gid % 3 == 0 { gid.into() } else { Value::Null }]);
    }
    let columns = [("gid", Type::Int), ("kind", Type::Text), ("workspace_id", Type::Int), ("deleted_at", Type::Int)];
    db.write(move |write| write.insert_rows("objects", &columns, &rows)).await.unwrap();
    for _ in 0..5 {
        add_change(db).await;
    }
    execute("DELETE FROM change_sets WHERE id > 2", Vec::new()).await.unwrap();
}

async fn add_change(db: &Db) -> i64 {
    let add = "INSERT INTO change_sets (workspace_id, created_at) VALUES (1, 0) RETURNING id";
    let add = Statement::new(add, &[Type::Int]);
    db.write(move |write| Ok::<_, Error>(write.query(&add, &[])?.int(0, 0).unwrap())).await.unwrap()
}

async fn copied(from: World, to: World) {
    let (source, target) = (from.open().await, to.open().await);
    fill(&source).await;
    let mut steps = 0;
    let tables = copy(&source, &target, |_| steps += 1).await.unwrap();
    let rows = |name: &str| tables.iter().find(|table| table.table == name).unwrap().rows;
    assert_eq!((rows("objects"), rows("settings"), rows("change_sets"), rows("gid_blocks")), (4_500, 8, 2, 1));
    assert!(steps > 10);
    assert_eq!(names(&target).await.len(), 8);
    // Numbers that were given once are not given again.
    assert_eq!(add_change(&target).await, 6);
    let again = copy(&source, &target, |_| {}).await.unwrap_err();
    assert!(matches!(again, Error::Filled { .. }), "{again}");
    source.close().await;
    target.close().await;
    // What came over is usual content: it can be copied on.
    let (target, third) = (to.open().await, World::file());
    let third = third.open().await;
    let onwards = copy(&target, &third, |_| {}).await.unwrap();
    let digest = |tables: &[store::Copied], name: &str| tables.iter().find(|table| table.table == name).unwrap().digest;
    for table in ["objects", "settings", "tokens", "custom_field_values", "gid_blocks"] {
        assert_eq!(digest(&onwards, table), digest(&tables, table), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_copied_to_a_file() {
    copied(World::file(), World::file()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_copied_to_a_server() {
    copied(World::file(), World::server()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_copied_to_a_file() {
    copied(World::server(), World::file()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_copied_to_a_server() {
    copied(World::server(), World::server()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_fails_leaves_nothing() {
    for to in [World::file(), World::server()] {
        let from = World::file();
        let (source, target) = (from.open().await, to.open().await);
        fill(&source).await;
        target.faults().fail_statement(40);
        copy(&source, &target, |_| {}).await.unwrap_err();
        source.faults().fail_statement(20);
        let error = copy(&source, &target, |_| {}).await.unwrap_err();
        assert!(error.to_string().contains("failed on demand") || matches!(error, Error::Closed), "{error}");
        target.faults().clear();
        assert_eq!(names(&target).await.len(), 0);
        copy(&source, &target, |_| {}).await.unwrap();
    }
}

fn path(world: &World) -> PathBuf {
    match &world.options.location {
        Location::SqliteFile(path) => path.clone(),
        _ => unreachable!(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_go_to_either_engine() {
    let directory = tempfile::tempdir().unwrap();
    for (number, from) in [World::file(), World::server()].into_iter().enumerate() {
        let source = from.open().await;
        fill(&source).await;
        let backup = directory.path().join(format!("{number}.backup"));
        back_up(&from.options.location, &backup, |_| {}).await.unwrap();
        assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), number + 1, "one file and nothing beside it");
        let again = back_up(&from.options.location, &backup, |_| {}).await.unwrap_err();
        assert!(matches!(again, Error::Filled { .. }), "{again}");
        for to in [World::file(), World::server()] {
            let restored = restore(&backup, &to.options.location, false, |_| {}).await.unwrap();
            assert_eq!(restored.kept, None);
            let target = to.open().await;
            assert_eq!(names(&target).await.len(), 8);
            assert_eq!(add_change(&target).await, 6);
            target.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_one_moment_of_a_database_in_use() {
    let world = World::file();
    let db = world.open().await;
    let going = Arc::new(AtomicBool::new(true));
    let writer = tokio::spawn({
        let (db, going) = (db.clone(), Arc::clone(&going));
        async move {
            let mut written = 0;
            while going.load(SeqCst) {
                // Always both or none.
                let pair: [Value; 2] = [format!("a{written}").into(), format!("b{written}").into()];
                db.write(move |write| {
                    let insert = crate::world::insert();
                    write.execute(&insert, &[pair[0].clone(), Value::Null])?;
                    write.execute(&insert, &[pair[1].clone(), Value::Null])
                })
                .await
                .unwrap();
                written += 1;
            }
            written
        }
    });
    let directory = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let backup = directory.path().join(format!("{round}.db"));
        back_up(&world.options.location, &backup, |_| {}).await.unwrap();
        let copy = Db::open(store::Options::new(Location::SqliteFile(backup))).await.unwrap();
        assert_eq!(names(&copy).await.len() % 2, 0);
        copy.close().await;
    }
    going.store(false, SeqCst);
    assert!(writer.await.unwrap() > 0);
    assert_eq!(names(&db).await.len() % 2, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_replaced_on_demand_alone() {
    let directory = tempfile::tempdir().unwrap();
    let backup = directory.path().join("backup");
    let (old, new) = (World::file(), World::file());
    let db = new.open().await;
    fill(&db).await;
    back_up(&new.options.location, &backup, |_| {}).await.unwrap();
    db.close().await;
    let db = old.open().await;
    let object = Statement::new("INSERT INTO objects (gid, kind, workspace_id) VALUES (99999, 'x', 1)", &[]);
    db.write(move |write| write.execute(&object, &[])).await.unwrap();
    let location = &old.options.location;
    let refused = restore(&backup, location, false, |_| {}).await.unwrap_err();
    assert!(matches!(refused, Error::Filled { .. }), "{refused}");
    let refused = restore(&backup, location, true, |_| {}).await.unwrap_err();
    assert!(matches!(refused, Error::InUse { .. }), "{refused}");
    let object = "SELECT gid FROM objects WHERE gid = 99999";
    assert_eq!(select(&db, object, &[Type::Int]).await.len(), 1);
    db.close().await;
    drop(db);
    let kept = restore(&backup, location, true, |_| {}).await.unwrap().kept.unwrap();
    let db = old.open().await;
    assert_eq!((select(&db, object, &[Type::Int]).await.len(), names(&db).await.len()), (0, 8));
    let before = Db::open(store::Options::new(Location::SqliteFile(kept.clone()))).await.unwrap();
    assert_eq!(select(&before, object, &[Type::Int]).await.len(), 1);
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    let names = fs::read_dir(path(&old).parent().unwrap()).unwrap();
    let names: Vec<String> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!names.iter().any(|name| name.contains("restoring")), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_backup_touches_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let source = World::file();
    let db = source.open().await;
    fill(&db).await;
    back_up(&source.options.location, &file("whole"), |_| {}).await.unwrap();
    let whole = fs::read(file("whole")).unwrap();
    let mut holed = whole.clone();
    let middle = holed.len() / 2 / 4096 * 4096;
    holed[middle..middle + 4096].fill(0x5a);
    fs::write(file("holed"), holed).unwrap();
    fs::write(file("short"), &whole[..whole.len() / 2]).unwrap();
    fs::write(file("text"), "not a database at all, but long enough to be looked at as if it were one\n".repeat(20))
        .unwrap();
    rusqlite::Connection::open(file("other")).unwrap().execute_batch("CREATE TABLE notes (a)").unwrap();
    fs::copy(file("whole"), file("newer")).unwrap();
    let meddle = |name: &str, sql: &str| rusqlite::Connection::open(file(name)).unwrap().execute_batch(sql).unwrap();
    meddle("newer", "INSERT INTO migrations VALUES (9999, 'later', '', 0)");
    for name in ["holed", "short", "text", "other", "newer", "gone", "empty"] {
        if name == "empty" {
            fs::write(file(name), "").unwrap();
        }
        let target = World::file();
        let error = restore(&file(name), &target.options.location, true, |_| {}).await.unwrap_err();
        match name {
            "newer" => assert!(matches!(error, Error::Newer { found: 9999, .. }), "{name}: {error}"),
            "gone" => assert!(matches!(error, Error::Missing { .. }), "{name}: {error}"),
            _ => assert!(matches!(error, Error::Damaged { .. }), "{name}: {error}"),
        }
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(fs::read_dir(path(&target).parent().unwrap()).unwrap().count(), 0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_looked_at_without_a_change() {
    for world in [World::file(), World::server()] {
        let missing = inspect(&world.options.location).await.unwrap_err();
        assert!(matches!(missing, Error::Missing { .. }), "{missing}");
        world.open().await.close().await;
        let state = inspect(&world.options.location).await.unwrap();
        assert!(state.is_current() && state.version >= 2, "{state:?}");
        world.meddle("DELETE FROM migrations WHERE number = 2").await;
        let state = inspect(&world.options.location).await.unwrap();
        assert!(!state.is_current() || state.known > 2, "{state:?}");
        world.meddle("INSERT INTO migrations VALUES (9999, 'later', '', 0)").await;
        let newer = inspect(&world.options.location).await.unwrap_err();
        assert!(matches!(newer, Error::Newer { found: 9999, .. }), "{newer}");
    }
}
