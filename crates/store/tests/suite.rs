//! What both engines promise.

use store::{Db, Error, Location, Options, Query, Statement, Type, Value};

async fn open() -> Db {
    Db::open(Options::new(Location::SqliteMemory)).await.unwrap()
}

#[tokio::test]
async fn what_is_written_can_be_read() {
    let db = open().await;
    let insert = Statement::new("INSERT INTO settings (name, value) VALUES (?1, ?2)", &[]);
    db.write({
        let insert = insert.clone();
        move |write| write.execute(&insert, &["a".into(), "b".into()])
    })
    .await
    .unwrap();
    let select = Statement::new("SELECT name, value FROM settings WHERE name = ?1", &[Type::Text, Type::Text]);
    let mut read = db.begin_read().await.unwrap();
    let block = read.one(Query::new(&select, vec!["a".into()])).await.unwrap();
    assert_eq!(block.text(0, 1), Some("b"));
    read.finish().await;
    let again = db.write(move |write| write.execute(&insert, &["a".into(), Value::Null])).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    let gids: Vec<i64> = db.write(|write| (0..3).map(|_| write.gid()).collect::<Result<_, Error>>()).await.unwrap();
    assert_eq!(gids, [4503599627370496, 4503599627370497, 4503599627370498]);
    let snapshot = db.snapshot().await.unwrap();
    db.write(|write| {
        write.gid()?;
        write.execute(&Statement::new("DELETE FROM settings", &[]), &[])
    })
    .await
    .unwrap();
    db.restore(&snapshot).await.unwrap();
    let block = db.begin_read().await.unwrap().one(Query::new(&select, vec!["a".into()])).await.unwrap();
    assert_eq!(block.text(0, 1), Some("b"));
    assert_eq!(db.write(|write| write.gid()).await.unwrap(), 4503599627370499);
    db.close().await;
}
