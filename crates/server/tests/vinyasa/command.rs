//! The commands, and what they say when something is wrong.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value as Json, json};

use crate::process::{Ended, Place, both, run};

#[track_caller]
fn refused(ended: &Ended, code: i32, text: &str) {
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(code), "", format!("{text}\n").as_str()));
}

both!(an_organization_is_founded_and_used, |place| {
    let server = place.serve(&[]);
    assert_eq!(server.first["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(server.first["token"], Json::Null);
    assert!(server.log().contains("vinyasa admin init"), "{}", server.log());
    // While the server runs; it binds its next request.
    let founded = place.init(&[]);
    let mut ann = server.client(&founded["token"]);
    let me = ann.get("/api/1.0/users/me").data();
    assert_eq!((&me["gid"], &me["email"]), (&founded["user"], &json!("ann@acme.example")));
    assert_eq!(me["workspaces"][0]["gid"], founded["workspace"]);
    let team = ann.get(&format!("/api/1.0/teams/{}", founded["team"].as_str().unwrap_or_default())).data();
    assert_eq!(team["name"], "Acme");
    let again = place.run(&["admin", "init", "--organization", "B", "--email", "b@b.example", "--name", "B"]);
    refused(
        &again,
        1,
        "vinyasa: there is an organization already: Acme; `vinyasa admin user add` adds people, \
         `vinyasa admin token create` prints a token, `vinyasa admin workspace create` makes another",
    );
    server.stop();
});

both!(tokens_come_and_go_while_the_server_runs, |place| {
    let founded = place.init(&[]);
    let server = place.serve(&[]);
    let token = place.line(&["admin", "token", "create", "--user", "ANN@acme.example", "--label", "report"]);
    let mut client = server.client(&json!(token));
    assert_eq!(client.get("/api/1.0/users/me").status, 200);
    let gid = token.split(['/', ':']).nth(2).expect("a gid").to_owned();
    let list = place.run(&["admin", "token", "list", "--user", founded["user"].as_str().unwrap_or_default()]).out;
    let lines: Vec<_> = list.lines().collect();
    assert_eq!(lines.len(), 3, "{list}");
    assert!(lines[2].starts_with(&gid) && lines[2].ends_with(" report") && lines[2].contains(" - "), "{list}");
    let secret = token.split(':').nth(1).expect("a secret");
    assert!(!list.contains(secret));
    place.line(&["admin", "token", "revoke", &gid]);
    assert_eq!(client.get("/api/1.0/users/me").error(), (401, "Not Authorized".to_owned()));
    let again = place.run(&["admin", "token", "revoke", &gid]);
    refused(&again, 1, &format!("vinyasa: no token {gid}, or it is revoked already"));
    assert_eq!(server.client(&founded["token"]).get("/api/1.0/users/me").status, 200);
    server.stop();
});

both!(people_are_added, |place| {
    let founded = place.init(&[]);
    let server = place.serve(&[]);
    let add = |more: &[&str]| {
        let line = [&["admin", "user", "add", "--name", "Someone"], more].concat();
        crate::process::json(&place.line(&line))
    };
    let bob = add(&["--email", "bob@acme.example"]);
    let guest = add(&["--email", "gus@guest.example", "--guest"]);
    let workspace = founded["workspace"].as_str().unwrap_or_default();
    let admin = add(&["--email", "eve@acme.example", "--admin", "--workspace", workspace]);
    for person in [&bob, &guest, &admin] {
        let me = server.client(&person["token"]).get("/api/1.0/users/me").data();
        assert_eq!((&me["gid"], &me["workspaces"][0]["gid"]), (&person["user"], &founded["workspace"]));
    }
    let tag = json!({"data": {"workspace": workspace, "name": "x"}});
    assert_eq!(server.client(&bob["token"]).post("/api/1.0/tags", &tag).status, 201);
    assert_eq!(server.client(&guest["token"]).post("/api/1.0/tags", &tag).status, 403);
    for (email, code, text) in [
        ("BOB@acme.example", 1, "vinyasa: there is a user BOB@acme.example already"),
        ("bob", 2, "vinyasa: email: Not an e-mail address: bob"),
    ] {
        refused(&place.run(&["admin", "user", "add", "--name", "B", "--email", email]), code, text);
    }
    for (email, more, code, text) in [
        ("new@acme.example", &["--team", "Nobody"][..], 1, "no team Nobody; `vinyasa admin team create` makes one"),
        ("new@acme.example", &["--workspace", "Nowhere"], 1, "no workspace Nowhere"),
        ("new\u{7}@acme.example", &[], 2, "email: Must be a line of text"),
    ] {
        let line = [&["admin", "user", "add", "--name", "B", "--email", email], more].concat();
        refused(&place.run(&line), code, &format!("vinyasa: {text}"));
    }
    let elsewhere =
        place.run(&["admin", "user", "add", "--name", "B", "--email", "b@acme.example", "--workspace", "12"]);
    refused(&elsewhere, 1, "vinyasa: no workspace 12");
    server.stop();
});

#[test]
fn a_password_is_read_from_a_file_and_kept_as_a_digest() {
    let place = Place::embedded();
    let file = place.path("password");
    let file_name = file.display().to_string();
    fs::write(&file, "short\n").expect("writes");
    let init = |file: &str| {
        let person = ["--organization", "Acme", "--email", "ann@acme.example", "--name", "Ann"];
        place.run(&[&["admin", "init", "--password-file", file], &person[..]].concat())
    };
    refused(&init(&file_name), 2, &format!("vinyasa: {file_name}: password: Must have at least 12 characters"));
    assert!(!place.path("data").exists(), "nothing is created before the password is known");
    fs::write(&file, "squid snuggle softly\nsecond line").expect("writes");
    assert_eq!(init(&file_name).code, Some(0));
    let data = fs::read(place.path("data/vinyasa.db")).expect("a database");
    let holds = |text: &[u8]| data.windows(text.len()).any(|window| window == text);
    assert!(holds(b"$argon2id$v=19$m=19456,t=2,p=1$") && !holds(b"squid snuggle softly"));
    let mode = fs::metadata(place.path("data")).expect("a directory").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn only_some_commands_create_a_database() {
    let place = Place::embedded();
    let missing = format!("vinyasa: no database at {}", place.path("data/vinyasa.db").display());
    for command in [
        &["admin", "token", "list", "--user", "x"][..],
        &["admin", "token", "create", "--user", "x", "--label", "y"],
        &["admin", "token", "revoke", "5"],
        &["admin", "user", "add", "--email", "a@b.example", "--name", "A"],
        &["admin", "user", "list"],
        &["admin", "user", "invite", "--email", "a@b.example"],
        &["admin", "user", "import", "/dev/null"],
        &["admin", "user", "set-password", "x"],
        &["admin", "user", "deactivate", "x"],
        &["admin", "user", "reactivate", "x"],
        &["admin", "team", "list"],
        &["admin", "team", "create", "--name", "T"],
        &["admin", "team", "add", "--team", "T", "x"],
        &["admin", "team", "remove", "--team", "T", "x"],
        &["admin", "workspace", "list"],
        &["admin", "workspace", "create", "--name", "W"],
    ] {
        refused(&place.run(command), 1, &missing);
    }
    assert!(!place.path("data").exists());
}

#[test]
fn what_is_typed_wrongly_is_said_in_one_line() {
    let place = Place::embedded();
    let unknown = place.run(&["serve", "--set", "lisen=127.0.0.1:0"]);
    refused(&unknown, 2, "vinyasa: --set: unknown setting `lisen`; `vinyasa help serve` lists them all");
    let profile = place.run(&["serve", "--profile", "free"]);
    refused(&profile, 2, "vinyasa: --profile: profile: Not one of open, asana: free");
    let database = run(&["serve", "--database", "mysql://h/d"]);
    refused(&database, 2, "vinyasa: --database: database: Not a database (sqlite:PATH or postgres://...): mysql://h/d");
    let open = place.run(&["serve", "--test-mode", "--listen", "127.0.0.1:0", "--listen", "0.0.0.0:0"]);
    refused(
        &open,
        2,
        "vinyasa: test_mode: 0.0.0.0:0 is not a loopback address: in test mode anyone who reaches the server rules it",
    );
    let filter = place.run(&["serve", "--listen", "127.0.0.1:0", "--set", "log=a=b=c"]);
    assert_eq!((filter.code, filter.err.lines().count()), (Some(2), 1), "{}", filter.err);
    assert!(!place.path("data").exists(), "a refused command leaves nothing behind");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    refused(&place.run(&["serve", "--listen", &taken]), 1, &format!("vinyasa: listen: {taken}: address in use"));
    let nowhere = run(&["admin", "token", "list", "--user", "x", "--database", "postgres://u:secret@127.0.0.1:1/d"]);
    assert_eq!((nowhere.code, nowhere.err.lines().count()), (Some(1), 1), "{}", nowhere.err);
    assert!(nowhere.err.starts_with("vinyasa: postgres://u@127.0.0.1:1/d: ") && !nowhere.err.contains("secret"));
    fs::write(place.path("file"), "x").expect("writes");
    let file = place.path("file/data").display().to_string();
    let not_a_directory = run(&["serve", "--listen", "127.0.0.1:0", "--data", &file]);
    assert_eq!((not_a_directory.code, not_a_directory.err.lines().count()), (Some(1), 1));
    assert_eq!(run(&["serve", "--frobnicate"]).code, Some(2));
    assert_eq!(run(&[]).code, Some(2));
}

#[test]
fn a_token_that_cannot_be_printed_is_not_lost_in_silence() {
    let place = Place::embedded();
    place.init(&[]);
    let mut create =
        crate::process::binary(&["admin", "token", "create", "--user", "ann@acme.example", "--label", "x"]);
    let full = fs::File::options().write(true).open("/dev/full").expect("a full device");
    let done = create.arg("--data").arg(place.path("data")).stdout(full).output().expect("runs");
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&done.stderr).starts_with("vinyasa: standard output: "));
}

#[test]
fn the_help_teaches() {
    for (command, words) in [
        (&["--help"][..], &["vinyasa serve --demo", "vinyasa admin init", "exits with 1"][..]),
        (&["serve", "--help"], &["Examples:", "--test-mode", "unpaginated_limit", "10000 (asana: 1000)"]),
        (&["help", "serve"], &["VINYASA_NAME", "body_limit"]),
        (&["admin", "init", "--help"], &["--password-file", "jq -r .token"]),
        (&["admin", "token", "create", "--help"], &["Example:", "--label"]),
        (&["admin", "token", "revoke", "--help"], &["TOKEN_GID"]),
        (&["admin", "user", "add", "--help"], &["--guest", "--ask-password"]),
        (&["admin", "user", "invite", "--help"], &["--mail", "public_url", "seven days"]),
        (&["admin", "user", "import", "--help"], &["name,email,role,teams", "--invite"]),
        (&["admin", "user", "list", "--help"], &["--json", "Examples:"]),
        (&["admin", "user", "set-password", "--help"], &["--password-file -", "12 characters"]),
        (&["admin", "user", "deactivate", "--help"], &["--reassign-to", "last administrator"]),
        (&["admin", "user", "reactivate", "--help"], &["Example:"]),
        (&["admin", "team", "create", "--help"], &["--visibility", "request_to_join"]),
        (&["admin", "team", "list", "--help"], &["--json"]),
        (&["admin", "team", "add", "--help"], &["--admin", "Example:"]),
        (&["admin", "team", "remove", "--help"], &["Example:"]),
        (&["admin", "workspace", "create", "--help"], &["--no-organization", "Examples:"]),
        (&["admin", "workspace", "list", "--help"], &["--json"]),
    ] {
        let help = run(command);
        assert_eq!(help.code, Some(0));
        for word in words {
            assert!(help.out.contains(word), "{command:?} says nothing of {word}:\n{}", help.out);
        }
    }
    let version = run(&["--version"]);
    assert_eq!(version.out, format!("vinyasa {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn settings_come_from_a_file_and_the_environment() {
    let place = Place::embedded();
    let founded = place.init(&[]);
    fs::write(place.path("v.toml"), "page_limit = 7\nunpaginated_limit = 3\n").expect("writes");
    let server = place.serve(&["--config", &place.path("v.toml").display().to_string(), "--set", "page_limit=5"]);
    let mut ann = server.client(&founded["token"]);
    let refusal = ann.get("/api/1.0/workspaces?limit=6").error();
    assert_eq!(refusal, (400, "limit: Value must be between 1 and 5".to_owned()));
    let mut variable = crate::process::binary(&["serve"]);
    let done = variable.env("VINYASA_LISTEN", "nowhere").output().expect("runs");
    assert_eq!(
        String::from_utf8_lossy(&done.stderr),
        "vinyasa: VINYASA_LISTEN: listen: Not an address with a port, such as 127.0.0.1:8080: nowhere\n"
    );
}

#[test]
fn a_database_in_memory_begins_with_an_organization() {
    let place = Place::embedded();
    let server = place.serve(&["--database", "sqlite::memory:"]);
    let me = server.client(&server.first["token"]).get("/api/1.0/users/me").data();
    assert_eq!(me["workspaces"][0]["name"], "Vinyasa");
    assert!(!place.path("data").exists());
    server.stop();
}

both!(a_database_is_seeded, |place| {
    let seeded = crate::process::json(&place.line(&["seed", "--tasks", "300", "--projects", "5", "--people", "6"]));
    assert_eq!(seeded["tasks"], 300);
    let server = place.serve(&[]);
    let path = format!("/api/1.0/tasks/{}?opt_fields=name,projects", seeded["full_task"].as_str().unwrap_or_default());
    let task = server.client(&seeded["admin_token"]).get(&path).data();
    assert!(task["projects"].to_string().contains(&seeded["full_task_project"].to_string()), "{task}");
    assert_eq!(server.client(&seeded["guest_token"]).get("/api/1.0/users/me").status, 200);
    let again = place.run(&["seed", "--tasks", "300"]);
    refused(&again, 1, "vinyasa: the database is not empty: only a fresh one can be filled with invented work");
    refused(&place.run(&["seed", "--tasks", "3"]), 2, "vinyasa: tasks: at least 100, not 3");
    server.stop();
});

#[test]
fn a_filled_database_is_not_filled_again() {
    let place = Place::embedded();
    place.init(&[]);
    refused(
        &place.run(&["serve", "--listen", "127.0.0.1:0", "--demo", "--set", "log=error"]),
        1,
        "vinyasa: --demo fills an empty database; this one holds Acme: leave --demo away, or choose another --data",
    );
}
