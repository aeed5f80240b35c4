//! What only a database on a server promises.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use store::{Error, Statement, Step, Type};

use crate::world::{World, count_to, names, put, select};

#[tokio::test]
async fn commits_wait_for_the_disk() {
    let db = World::server().open().await;
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let show = Statement::new(format!("SHOW {setting}"), &[Type::Text]);
        let block = db.write(move |write| write.query(&show, &[])).await.unwrap();
        assert_eq!(block.text(0, 0), Some("on"), "{setting}");
    }
    let level = Statement::new("SHOW transaction_isolation", &[Type::Text]);
    let block = db.write(move |write| write.query(&level, &[])).await.unwrap();
    assert_eq!(block.text(0, 0), Some("read committed"));
    for (setting, value) in [("transaction_isolation", "repeatable read"), ("transaction_read_only", "on")] {
        assert_eq!(select(&db, &format!("SHOW {setting}"), &[Type::Text]).await.text(0, 0), Some(value));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_told_to_one_as_busy() {
    let db = World::server().open().await;
    let both = Arc::new(Barrier::new(2));
    let writes = [(1, 2), (2, 1)].map(|(first, second)| {
        let (db, both) = (db.clone(), Arc::clone(&both));
        tokio::spawn(async move {
            db.write(move |write| {
                write.lock(first)?;
                // A lock waits for what comes next.
                write.run_all(vec![Step::Share(vec![first + 10])])?;
                both.wait();
                write.lock(second)
            })
            .await
        })
    });
    let mut answers = Vec::new();
    for write in writes {
        answers.push(write.await.unwrap());
    }
    answers.sort_by_key(Result::is_err);
    assert!(matches!(&answers[..], [Ok(()), Err(Error::Busy(_))]), "{answers:?}");
    // It is no failure of the disk: nobody has to write first.
    let commits = db.commits();
    db.probe().await.unwrap();
    assert_eq!(db.commits(), commits);
}

const DISCONNECT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test]
async fn lost_connections_are_made_again() {
    let mut world = World::server();
    world.options.writers = 1;
    let db = world.open().await;
    put(&db, "a", "").await.unwrap();
    assert_eq!(names(&db).await, ["a"]);
    let gid = db.write(|write| write.gid()).await.unwrap();
    world.meddle(DISCONNECT).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    put(&db, "b", "").await.unwrap();
    assert_eq!(names(&db).await, ["a", "b"]);
    assert_eq!(db.write(|write| write.gid()).await.unwrap(), gid + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_in_a_transaction_is_an_error_of_that_transaction() {
    let mut world = World::server();
    world.options.writers = 1;
    let db = world.open().await;
    let own = Statement::new("SELECT pg_terminate_backend(pg_backend_pid())", &[Type::Bool]);
    let lost = db.write(move |write| write.query(&own, &[]).map(drop)).await;
    assert!(matches!(lost, Err(Error::Engine(_) | Error::Commit(_))), "{lost:?}");
    put(&db, "a", "").await.unwrap();
    let mut read = db.begin_read().await.unwrap();
    read.one(count_to(1)).await.unwrap();
    world.meddle(DISCONNECT).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(read.one(count_to(1)).await.is_err());
    drop(read);
    assert_eq!(names(&db).await, ["a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_does_not_stay_open_after_its_read() {
    let world = World::server();
    let db = world.open().await;
    for number in 0..3 {
        let mut read = db.begin_read().await.unwrap();
        read.one(count_to(1)).await.unwrap();
        if number == 0 { read.finish().await } else { drop(read) }
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let open = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in%' AND pid <> pg_backend_pid()";
    assert_eq!(select(&db, open, &[Type::Int]).await.int(0, 0), Some(0));
}
