//! What an administrator does to a database: backs it up, restores it, moves it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::process::{Ended, Place, Server, both};

#[track_caller]
fn refused(ended: &Ended, code: i32, text: &str) {
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(code), "", format!("{text}\n").as_str()));
}

#[track_caller]
fn done(ended: &Ended) {
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn tags(server: &Server, founded: &Json) -> Vec<String> {
    let tags = server.client(&founded["token"]).get("/api/1.0/tags").data();
    tags.as_array().expect("a list").iter().map(|tag| tag["name"].as_str().expect("a name").to_owned()).collect()
}

fn add_tag(server: &Server, founded: &Json, name: &str) -> Json {
    let tag = json!({"data": {"workspace": founded["workspace"], "name": name}});
    server.client(&founded["token"]).post("/api/1.0/tags", &tag).data()["gid"].clone()
}

both!(a_backup_brings_back_what_was_there, |place| {
    let founded = place.init(&[]);
    let server = place.serve(&[]);
    add_tag(&server, &founded, "Größe");
    let backup = text(&place.path("backup.db"));
    done(&place.run(&["backup", "--to", &backup]));
    let later = add_tag(&server, &founded, "later");
    refused(&place.run(&["backup", "--to", &backup]), 1, &format!("vinyasa: {backup}: there is a file already"));
    // On either engine, whichever it comes from.
    for elsewhere in [Place::new(crate::process::Engine::Embedded), Place::new(crate::process::Engine::Server)] {
        done(&elsewhere.run(&["restore", &backup]));
        let restored = elsewhere.serve(&[]);
        assert_eq!(tags(&restored, &founded), ["Größe"]);
        // A gid that was given after the backup may come again; one from before must not.
        assert_ne!(add_tag(&restored, &founded, "new"), later);
        restored.stop();
        let again = elsewhere.run(&["restore", &backup]);
        assert_eq!((again.code, again.err.lines().count()), (Some(1), 1), "{}", again.err);
        assert!(again.err.contains(": there is something in it: "), "{}", again.err);
    }
    server.stop();
});

#[test]
fn a_filled_database_gives_way_on_demand() {
    let place = Place::embedded();
    let founded = place.init(&[]);
    let (data, backup) = (text(&place.path("data/vinyasa.db")), text(&place.path("backup.db")));
    done(&place.run(&["backup", "--to", &backup]));
    let server = place.serve(&[]);
    add_tag(&server, &founded, "later");
    let busy = place.run(&["restore", &backup, "--replace"]);
    refused(&busy, 1, &format!("vinyasa: {data} is in use: stop the server first"));
    assert_eq!(tags(&server, &founded), ["later"]);
    server.stop();
    let refusal = place.run(&["restore", &backup]);
    let why = "there is something in it: --replace puts the backup in its place and keeps it beside";
    refused(&refusal, 1, &format!("vinyasa: {data}: {why}"));
    let replaced = place.run(&["restore", &backup, "--replace"]);
    assert_eq!(replaced.code, Some(0), "{}", replaced.err);
    let kept = replaced.err.trim_end().strip_prefix("vinyasa: what was there before is ").expect("a path").to_owned();
    let server = place.serve(&[]);
    assert_eq!(tags(&server, &founded), [""; 0]);
    server.stop();
    let server = place.serve(&["--database", &format!("sqlite:{kept}")]);
    assert_eq!(tags(&server, &founded), ["later"]);
    server.stop();
}

#[test]
fn a_wrong_backup_is_told_in_one_line() {
    let place = Place::embedded();
    let gone = text(&place.path("gone"));
    refused(&place.run(&["restore", &gone]), 1, &format!("vinyasa: {gone}: no such backup"));
    let note = text(&place.path("note"));
    fs::write(&note, "a note\n".repeat(1_000)).expect("writes");
    let ended = place.run(&["restore", &note]);
    assert_eq!((ended.code, ended.err.lines().count()), (Some(1), 1), "{}", ended.err);
    assert!(
        ended.err.starts_with(&format!("vinyasa: {note} is damaged: not a database of this program")),
        "{}",
        ended.err
    );
    let nothing = place.run(&["backup", "--to", &text(&place.path("b"))]);
    refused(&nothing, 1, &format!("vinyasa: no database at {}", text(&place.path("data/vinyasa.db"))));
    let server = Place::new(crate::process::Engine::Server);
    let ended = server.run(&["restore", &note, "--replace"]);
    let why = "only a database in a file is replaced; restore into a new, empty one, and let `database` name it";
    refused(&ended, 2, &format!("vinyasa: --replace: {why}"));
}

#[test]
fn a_database_moves_to_a_server_and_back() {
    let (file, server) = (Place::embedded(), Place::new(crate::process::Engine::Server));
    let seeded = crate::process::json(&file.line(&["seed", "--tasks", "300", "--projects", "5", "--people", "6"]));
    let from = format!("sqlite:{}", text(&file.path("data/vinyasa.db")));
    let url = server.url().expect("an address");
    let line = crate::process::run(&["copy", "--from", &from, "--to", url]);
    assert_eq!((line.code, line.err.as_str()), (Some(0), ""), "{line:?}");
    assert!(line.out.starts_with("copied ") && line.out.ends_with(" tables, compared one by one\n"), "{}", line.out);
    let path = format!("/api/1.0/tasks/{}", seeded["full_task"].as_str().unwrap_or_default());
    let read = |place: &Place| {
        let server = place.serve(&["--public-url", "https://tasks.example"]);
        let task = server.client(&seeded["admin_token"]).get(&path).data();
        server.stop();
        task
    };
    let task = read(&file);
    assert!(task["name"].is_string());
    assert_eq!(read(&server), task);
    let again = crate::process::run(&["copy", "--from", &from, "--to", url]);
    assert_eq!((again.code, again.err.lines().count()), (Some(1), 1), "{}", again.err);
    assert!(again.err.ends_with(": there is something in it: copy into a new, empty database\n"), "{}", again.err);
    let back = Place::embedded();
    let to = format!("sqlite:{}", text(&back.path("data/vinyasa.db")));
    assert_eq!(crate::process::run(&["copy", "--from", url, "--to", &to]).code, Some(0));
    assert_eq!(read(&back), task);
    let same = crate::process::run(&["copy", "--from", &to, "--to", &to]);
    refused(&same, 2, "vinyasa: --to: the same place as --from");
    let memory = crate::process::run(&["copy", "--from", "sqlite::memory:", "--to", &to]);
    refused(&memory, 2, "vinyasa: --from: Not a database (sqlite:PATH or postgres://...): sqlite::memory:");
}

/// What the doctor says, and its exit code.
fn examined(place: &Place, more: &[&str]) -> (Option<i32>, String) {
    let ended = place.run(&[&["doctor"], more].concat());
    (ended.code, ended.out)
}

both!(a_doctor_finds_nothing_where_nothing_is_wrong, |place| {
    place.line(&["seed", "--tasks", "300", "--projects", "5", "--people", "6"]);
    let server = place.serve(&[]);
    let (code, report) = examined(&place, &[]);
    assert_eq!(code, Some(0), "{report}");
    for looked_at in ["settings", "permissions", "clock", "database ", "content"] {
        assert!(report.lines().any(|line| line.starts_with(&format!("ok     {looked_at}"))), "{report}");
    }
    server.stop();
});

#[test]
fn a_doctor_says_what_to_type() {
    let place = Place::embedded();
    let (code, report) = examined(&place, &[]);
    assert_eq!((code, report.contains("there is none: type: vinyasa admin init")), (Some(1), true), "{report}");
    let founded = place.init(&[]);
    let (directory, file) = (text(&place.path("data")), text(&place.path("data/vinyasa.db")));
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).expect("changes");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("changes");
    let sets = ["--set", "trusted_proxy=0.0.0.0/0", "--set", "tls_cert=/nowhere.crt"];
    let (code, report) = examined(&place, &sets);
    for line in [
        &format!("WRONG  permissions: {directory}: others may read it (mode 755): type: chmod 700 {directory}"),
        &format!("WRONG  permissions: {file}: others may read it (mode 644): type: chmod 600 {file}"),
        "WRONG  settings: tls_key: is missing: tls_cert is of no use alone",
        "WRONG  settings: trusted_proxy: everybody is believed: name the addresses of the proxy",
        "ok     content",
    ] {
        assert!(report.lines().any(|found| found == line), "{line}\n{report}");
    }
    assert_eq!(code, Some(1));
    // A row that leads nowhere.
    let user = founded["user"].as_str().unwrap_or_default();
    let connection = rusqlite::Connection::open(&file).expect("opens");
    connection.execute("DELETE FROM users WHERE gid = ?1", [user]).expect("deletes");
    connection.close().expect("closes");
    let (code, report) = examined(&place, &[]);
    assert_eq!(code, Some(1));
    assert!(report.contains(&format!("WRONG  content: a user has no row: {user}: this is a bug")), "{report}");
    let mut bytes = fs::read(&file).expect("reads");
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0x5a);
    fs::write(&file, bytes).expect("writes");
    let (code, report) = examined(&place, &[]);
    assert_eq!((code, report.contains("is damaged: ")), (Some(1), true), "{report}");
    assert!(report.contains("restore a backup: vinyasa help restore"), "{report}");
}

#[test]
fn jobs_that_were_given_up_are_the_administrators() {
    let place = Place::embedded();
    place.init(&[]);
    let file = text(&place.path("data/vinyasa.db"));
    let connection = rusqlite::Connection::open(&file).expect("opens");
    let row = "INSERT INTO queued_jobs (id, kind, state, user_id, app_id, run_at, attempts, last_error, failed_at, created_at) \
               VALUES (?1, 'purge_jobs', '{}', 0, 0, 5, 10, 'it was full', 6, 0)";
    for id in [12, 13] {
        connection.execute(row, [id]).expect("inserts");
    }
    connection.close().expect("closes");
    let (code, report) = examined(&place, &[]);
    let line =
        "WRONG  content: job 12 (purge_jobs) was given up after 10 attempts: it was full: type: vinyasa job retry 12";
    assert_eq!((code, report.lines().any(|found| found == line)), (Some(1), true), "{report}");
    let listed = place.run(&["job", "list"]);
    assert!(
        listed.out.starts_with("12 purge_jobs given-up 1970-01-01T00:00:00.005Z 10 it was full\n13 "),
        "{}",
        listed.out
    );
    assert_eq!(place.run(&["job", "retry", "12"]).code, Some(0));
    assert_eq!(place.run(&["job", "discard", "13"]).code, Some(0));
    refused(&place.run(&["job", "discard", "12"]), 1, "vinyasa: no job 12 that was given up: vinyasa job list");
    refused(&place.run(&["job", "retry", "13"]), 1, "vinyasa: no job 13 that was given up: vinyasa job list");
    let (code, report) = examined(&place, &[]);
    assert_eq!(code, Some(0), "{report}");
    let listed = place.run(&["job", "list"]).out;
    assert!(listed.starts_with("12 purge_jobs waiting ") && listed.lines().count() == 1, "{listed}");
}
