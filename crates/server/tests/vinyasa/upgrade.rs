//! Databases of the past (tests/upgrades), opened by the program of today.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;

use crate::process::{Engine, Place, Server, json};

/// A database of the past.
struct Past {
    sql: String,
    expected: serde_json::Value,
}

fn pasts() -> Vec<Past> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/upgrades");
    let mut names: Vec<PathBuf> =
        fs::read_dir(directory).expect("a directory").flatten().map(|file| file.path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "gz"));
    names.sort();
    assert!(!names.is_empty());
    let read = |path: PathBuf| {
        let sql = Command::new("gzip").arg("-dc").arg(&path).output().expect("runs gzip").stdout;
        let expected = path.with_extension("").with_extension("json");
        Past {
            sql: String::from_utf8(sql).expect("text"),
            expected: json(&fs::read_to_string(expected).expect("what was answered")),
        }
    };
    names.into_iter().map(read).collect()
}

impl Past {
    /// The database as a file, with the last step that ran on it.
    fn put(&self, path: &Path) -> i64 {
        let connection = Connection::open(path).expect("opens");
        connection.execute_batch(&self.sql).expect("fills");
        version(&connection)
    }

    /// Everything that was asked then is answered now as it was.
    #[track_caller]
    fn compare(&self, server: &Server) {
        let mut client = server.client(&self.expected["token"]);
        for (path, expected) in self.expected["answers"].as_object().expect("answers") {
            assert_eq!(&client.get(&format!("/api/1.0{path}")).data(), expected, "{path}");
        }
    }
}

fn version(connection: &Connection) -> i64 {
    connection.query_row("SELECT max(number) FROM migrations", [], |row| row.get(0)).expect("a version")
}

#[test]
fn a_database_of_the_past_is_brought_up_to_date() {
    for past in pasts() {
        let place = Place::embedded();
        let file = place.path("data/vinyasa.db");
        fs::create_dir(place.path("data")).expect("makes");
        let before = past.put(&file);
        let server = place.serve(&["--test-mode"]);
        past.compare(&server);
        server.stop();
        let after = version(&Connection::open(&file).expect("opens"));
        let kept = file.with_extension(format!("db.before-{:04}", before + 1));
        assert_eq!(kept.exists(), after > before, "a copy of what was there before");
        if kept.exists() {
            assert_eq!(version(&Connection::open(&kept).expect("opens")), before);
        }
        let examined = place.run(&["doctor", "--set", "log=error"]);
        assert!(examined.out.contains("ok     content"), "{}", examined.out);
        // The program of the past refuses it from now on, as this one refuses one of the future.
        let connection = Connection::open(&file).expect("opens");
        connection.execute("INSERT INTO migrations VALUES (9999, 'later', '', 0)", []).expect("inserts");
        drop(connection);
        let refused = place.run(&["serve", "--listen", "127.0.0.1:0"]);
        let why =
            format!("the database is of version 9999, newer than this program, which knows versions up to {after}");
        assert_eq!((refused.code, refused.err), (Some(1), format!("vinyasa: {}: {why}\n", file.display())));
    }
}

#[test]
fn a_backup_of_the_past_is_restored_to_either_engine() {
    for past in pasts() {
        for engine in [Engine::Embedded, Engine::Server] {
            let place = Place::new(engine);
            let backup = place.path("past.db");
            past.put(&backup);
            let restored = place.run(&["restore", &backup.display().to_string()]);
            assert_eq!((restored.code, restored.err.as_str()), (Some(0), ""));
            let server = place.serve(&["--test-mode"]);
            past.compare(&server);
            server.stop();
        }
    }
}
