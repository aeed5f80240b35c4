//! A database for each test.

use std::sync::Arc;

use store::{Block, Db, Error, Location, Options, Query, Statement, Type, Value, throwaway};
use tempfile::TempDir;

/// A database of its own for each test.
pub struct World {
    pub options: Options,
    _directory: Option<TempDir>,
}

impl World {
    pub fn file() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::new(Location::SqliteFile(directory.path().join("data.db")));
        World { options, _directory: Some(directory) }
    }

    pub fn server() -> Self {
        World { options: Options::new(Location::Postgres(throwaway::postgres())), _directory: None }
    }

    pub fn is_file(&self) -> bool {
        matches!(self.options.location, Location::SqliteFile(_))
    }

    /// How many writes run at once.
    pub fn writers(&self) -> usize {
        if self.is_file() { 1 } else { self.options.writers }
    }

    pub async fn open(&self) -> Db {
        Db::open(self.options.clone()).await.unwrap()
    }

    /// Runs a statement behind the back of the store.
    pub async fn meddle(&self, sql: &str) {
        match &self.options.location {
            Location::SqliteFile(path) => rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap(),
            Location::SqliteMemory => unreachable!(),
            Location::Postgres(url) => {
                let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
                tokio::spawn(connection);
                client.batch_execute(sql).await.unwrap();
            }
        }
    }
}

/// Defines each function as a test on either engine.
#[macro_export]
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod file {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::world::World::file()).await;
            })*
        }

        mod server {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::world::World::server()).await;
            })*
        }
    };
}

/// Sets a setting; fails if it is there.
pub fn insert() -> Arc<Statement> {
    Statement::new("INSERT INTO settings (name, value) VALUES (?1, ?2)", &[])
}

pub async fn put(db: &Db, name: &str, value: &str) -> Result<u64, Error> {
    let parameters: [Value; 2] = [name.into(), value.into()];
    db.write(move |write| write.execute(&insert(), &parameters)).await
}

pub async fn select(db: &Db, sql: &str, types: &[Type]) -> Block {
    db.begin_read().await.unwrap().one(Query::new(&Statement::new(sql, types), Vec::new())).await.unwrap()
}

/// The names of all settings.
pub async fn names(db: &Db) -> Vec<String> {
    let block = select(db, "SELECT name FROM settings ORDER BY name", &[Type::Text]).await;
    (0..block.len()).map(|row| block.text(row, 0).unwrap().to_owned()).collect()
}

/// A query that counts to its parameter, for as long as that takes.
pub fn count_to(end: i64) -> Query {
    let sql = "WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
        SELECT count(*) FROM n";
    Query::new(&Statement::new(sql, &[Type::Int]), vec![end.into()])
}
