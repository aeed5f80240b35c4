//! Test mode: what is predictable, and every kind of failure.

use std::thread;

use serde_json::{Value as Json, json};

use crate::process::{Client, Place, both};

/// A client, and the place where its tags go.
fn begin(place: &Place, server: &crate::process::Server, founded: &Json) -> (Client, Json) {
    assert!(place.directory.path().exists());
    (server.client(&founded["token"]), json!({"data": {"workspace": founded["workspace"], "name": "x"}}))
}

#[track_caller]
fn order(client: &mut Client, fault: Json) {
    let answer = client.post("/-/test/fault", &fault);
    assert_eq!(answer.status, 201, "{answer:?}");
}

fn tags(client: &mut Client) -> usize {
    client.get("/api/1.0/tags").data().as_array().map_or(0, Vec::len)
}

both!(a_reset_brings_back_the_start, |place| {
    let founded = place.init(&["--test-mode"]);
    let server = place.serve(&["--test-mode"]);
    let (mut ann, tag) = begin(&place, &server, &founded);
    let mut run = || {
        let mut answers = vec![ann.get("/api/1.0/tags").body];
        for _ in 0..3 {
            answers.push(ann.post("/api/1.0/tags", &tag).body);
        }
        order(&mut ann, json!({"kind": "status", "status": 500}));
        answers.push(ann.get("/api/1.0/tags").body);
        ann.post("/-/test/clock", &json!({"advance": "PT1H"}));
        answers.push(ann.post("/api/1.0/tags", &tag).body);
        order(&mut ann, json!({"kind": "panic", "times": 0}));
        assert_eq!(ann.get("/api/1.0/tags").status, 500);
        assert_eq!(ann.post("/-/test/reset", &json!({})).json(), json!({"data": {}}));
        answers
    };
    let first = run();
    assert!(first[1].contains("2026-03-02T10:00:00.000Z") && first[5].contains("2026-03-02T11:00:00.000Z"));
    assert_eq!(first, run());
    assert_eq!(first, run());
    // A token of another process goes with the reset too.
    let token = json!(place.line(&["admin", "token", "create", "--user", "ann@acme.example", "--label", "x"]));
    let mut other = server.client(&token);
    assert_eq!(other.get("/api/1.0/users/me").status, 200);
    ann.post("/-/test/reset", &json!({}));
    assert_eq!(other.get("/api/1.0/users/me").status, 401);
    assert_eq!(ann.get("/api/1.0/users/me").status, 200);
    server.stop();
});

#[test]
fn two_servers_are_alike() {
    let run = || {
        let place = Place::embedded();
        let server = place.serve(&["--test-mode", "--database", "sqlite::memory:"]);
        let mut admin = server.client(&server.first["token"]);
        let workspace = admin.get("/api/1.0/workspaces").data()[0]["gid"].clone();
        let tag = admin.post("/api/1.0/tags", &json!({"data": {"workspace": workspace, "name": "x"}})).data();
        (server.first["token"].clone(), tag["gid"].clone(), tag["created_at"].clone())
    };
    assert_eq!(run(), run());
}

#[test]
fn the_clock_is_moved() {
    let place = Place::embedded();
    let server = place.serve(&["--test-mode"]);
    let mut nobody = server.nobody();
    let now = |answer: crate::process::Answer| answer.data()["now"].as_str().unwrap_or_default().to_owned();
    assert_eq!(now(nobody.get("/-/test/clock")), "2026-03-02T10:00:00.000Z");
    for (body, time) in [
        (json!({"advance": 1_500}), "2026-03-02T10:00:01.500Z"),
        (json!({"advance": "P1DT2H"}), "2026-03-03T12:00:01.500Z"),
        (json!({"now": "2026-12-24T18:00:00+01:00"}), "2026-12-24T17:00:00.000Z"),
        (json!({"data": {"now": 0}}), "1970-01-01T00:00:00.000Z"),
    ] {
        assert_eq!(now(nobody.post("/-/test/clock", &body)), time, "{body}");
    }
    for (body, message) in [
        (json!({}), "You should specify one of now, advance"),
        (json!({"now": "soon"}), "now: Not a time: soon"),
        (json!({"advance": null}), "advance: Not a duration: null"),
        (json!({"then": 1}), "then: Not one of now, advance"),
        (json!([]), "Could not parse request data, invalid JSON"),
    ] {
        assert_eq!(nobody.post("/-/test/clock", &body).error(), (400, message.to_owned()), "{body}");
    }
    assert_eq!(nobody.send("DELETE", "/-/test/clock", None).error().0, 404);
}

both!(a_failed_write_leaves_nothing, |place| {
    let founded = place.init(&[]);
    let server = place.serve(&["--test-mode"]);
    let (mut ann, tag) = begin(&place, &server, &founded);
    // Known before, so that the first statement is the write's own.
    assert_eq!(tags(&mut ann), 0);
    for fault in [
        json!({"kind": "panic"}),
        json!({"kind": "sql"}),
        json!({"kind": "sql", "statement": 3}),
        json!({"kind": "commit"}),
    ] {
        let mut fault = fault;
        fault["method"] = json!("POST");
        fault["path"] = json!("/tags");
        order(&mut ann, fault.clone());
        // Others go on.
        assert_eq!(tags(&mut ann), 0, "{fault}");
        assert_eq!(ann.post("/api/1.0/tags", &tag).error(), (500, "Server Error".to_owned()), "{fault}");
        assert_eq!(tags(&mut ann), 0, "{fault}");
        assert_eq!(ann.get("/-/health/ready").status, 200, "{fault}");
        let log = server.log();
        assert!(log.contains("on demand"), "{fault}: {log}");
    }
    assert_eq!(ann.post("/api/1.0/tags", &tag).status, 201);
    // What could not come to pass does not befall the next request.
    order(&mut ann, json!({"kind": "commit", "method": "POST"}));
    assert_eq!(ann.post("/api/1.0/tags", &json!({"data": {}})).status, 400);
    assert_eq!(ann.post("/api/1.0/tags", &tag).status, 201);
    assert_eq!(tags(&mut ann), 2);
    server.stop();
});

both!(a_failed_read_is_answered, |place| {
    let founded = place.init(&[]);
    let server = place.serve(&["--test-mode"]);
    let (mut ann, _) = begin(&place, &server, &founded);
    for kind in ["panic", "sql"] {
        order(&mut ann, json!({"kind": kind, "method": "GET"}));
        assert_eq!(ann.get("/api/1.0/users/me").error(), (500, "Server Error".to_owned()), "{kind}");
        assert_eq!(ann.get("/api/1.0/users/me").status, 200, "{kind}");
    }
    server.stop();
});

both!(a_late_failure_keeps_the_write, |place| {
    let founded = place.init(&[]);
    let server = place.serve(&["--test-mode"]);
    let (mut ann, tag) = begin(&place, &server, &founded);
    order(&mut ann, json!({"kind": "late", "method": "POST"}));
    assert_eq!(ann.post("/api/1.0/tags", &tag).error(), (500, "Server Error".to_owned()));
    assert_eq!(tags(&mut ann), 1);
    order(&mut ann, json!({"kind": "late", "method": "POST", "drop": true}));
    assert!(ann.another().try_send("POST", "/api/1.0/tags", Some(&tag.to_string())).is_err());
    assert_eq!(tags(&mut ann), 2);
    server.stop();
});

#[test]
fn statuses_delays_and_lost_connections_are_ordered() {
    let place = Place::embedded();
    let founded = place.init(&[]);
    let server = place.serve(&["--test-mode"]);
    let (mut ann, tag) = begin(&place, &server, &founded);
    order(&mut ann, json!({"kind": "status", "status": 429, "retry_after": 7, "path": "/api/1.0/tags", "times": 2}));
    for _ in 0..2 {
        let answer = ann.post("/api/1.0/tags", &tag);
        assert_eq!((answer.error().0, answer.header("retry-after")), (429, Some("7")));
        assert_eq!(ann.get("/api/1.0/users/me").status, 200);
    }
    assert_eq!(ann.post("/api/1.0/tags", &tag).status, 201);
    order(&mut ann, json!({"kind": "status", "status": 503}));
    assert_eq!(ann.get("/api/1.0/tags").header("retry-after"), Some("1"));
    order(&mut ann, json!({"kind": "status", "status": 418, "message": "Teapot"}));
    assert_eq!(ann.get("/api/1.0/tags").error(), (418, "Teapot".to_owned()));

    order(&mut ann, json!({"kind": "disconnect", "nth": 2, "method": "GET", "path": "/users/{user_gid}"}));
    assert_eq!(ann.get("/api/1.0/users/me").status, 200);
    assert_eq!(ann.get("/api/1.0/tags").status, 200);
    assert!(ann.another().try_send("GET", "/api/1.0/users/me", None).is_err());
    assert_eq!(ann.get("/api/1.0/users/me").status, 200);

    order(&mut ann, json!({"kind": "delay", "ms": 100, "path": "/tags"}));
    assert_eq!(tags(&mut ann), 1);
    let listed = ann.get("/-/test/fault").data();
    assert_eq!(listed.as_array().map(Vec::len), Some(5));
    assert_eq!(
        listed[4],
        json!({"kind": "delay", "ms": 100, "method": null, "path": "/tags", "nth": 1, "times": 1, "matched": 1,
               "failed": 1})
    );
    order(&mut ann, json!({"kind": "panic"}));
    ann.send("DELETE", "/-/test/fault", None);
    assert_eq!(ann.get("/-/test/fault").data(), json!([]));
    assert_eq!(tags(&mut ann), 1);
    assert_eq!(ann.post("/-/test/fault", &json!({"kind": "x"})).error().0, 400);
}

/// The failure of one request among many is its own.
#[test]
fn a_fault_befalls_only_its_request() {
    let place = Place::embedded();
    let founded = place.init(&[]);
    let server = place.serve(&["--test-mode"]);
    let (mut ann, tag) = begin(&place, &server, &founded);
    for kind in ["panic", "commit", "sql"] {
        order(&mut ann, json!({"kind": kind, "method": "PUT", "path": "/tags/*", "times": 0}));
    }
    let gid = ann.post("/api/1.0/tags", &tag).data()["gid"].as_str().unwrap_or_default().to_owned();
    let doomed = {
        let mut client = ann.another();
        thread::spawn(move || {
            let path = format!("/api/1.0/tags/{gid}");
            (0..30).all(|_| client.send("PUT", &path, Some("{\"data\":{\"name\":\"y\"}}")).status == 500)
        })
    };
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let (mut client, tag) = (ann.another(), tag.clone());
            thread::spawn(move || (0..50).all(|_| client.post("/api/1.0/tags", &tag).status == 201))
        })
        .collect();
    assert!(doomed.join().expect("no panic"));
    assert!(writers.into_iter().all(|writer| writer.join().expect("no panic")));
    assert_eq!(tags(&mut ann), 201);
}

both!(jobs_are_done_between_requests, |place| {
    let founded = place.init(&["--test-mode"]);
    let server = place.serve(&["--test-mode"]);
    let mut ann = server.client(&founded["token"]);
    let data = json!({"data": {"workspace": founded["workspace"], "name": "t", "notes": "words"}});
    let task = ann.post("/api/1.0/tasks", &data).data();
    let task = task["gid"].as_str().expect("a gid").to_owned();
    let path = format!("/api/1.0/tasks/{task}/duplicate");
    let copy = json!({"data": {"name": "copy", "include": "notes"}});
    let mut run = || {
        let job = ann.post(&path, &copy).data();
        assert_eq!(job["status"], "not_started");
        let (job, copy) = (job["gid"].as_str().expect("a gid"), job["new_task"]["gid"].as_str().expect("a gid"));
        let ended = ann.get(&format!("/api/1.0/jobs/{job}")).data();
        assert_eq!(ended["status"], "succeeded");
        assert_eq!(ann.get(&format!("/api/1.0/tasks/{copy}")).data()["notes"], "words");
        ended
    };
    assert_ne!(run(), run());
    let mut ann = server.client(&founded["token"]);
    // The clock moves what lies in the trash on its way; a reset brings it back, and the queue to what it was.
    ann.send("DELETE", &format!("/api/1.0/tasks/{task}"), None);
    let trash = format!("/-/v1/workspaces/{}/trash?limit=10", founded["workspace"].as_str().expect("a gid"));
    assert_eq!(ann.get(&trash).data()[0]["purge_at"], "2026-04-01T10:00:00.000Z");
    ann.post("/-/test/clock", &json!({"advance": "P31D"}));
    assert_eq!(ann.get(&trash).data(), json!([]));
    assert_eq!(ann.get("/api/1.0/-/v1/trash/1/restore").status, 404);
    ann.post("/-/test/reset", &json!({}));
    assert_eq!(ann.get(&trash).data(), json!([]));
    server.stop();
});
