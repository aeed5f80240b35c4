//! What is left after the server has gone, in whatever way.

use std::collections::HashSet;
use std::sync::mpsc;
use std::thread;

use serde_json::{Value as Json, json};

use crate::process::{Client, Place, Server, both};

const WRITERS: usize = 4;

/// Writes until the server is gone; sends the gid of everything that was acknowledged.
fn write_on(mut client: Client, workspace: Json, acknowledged: mpsc::Sender<String>) {
    for number in 0.. {
        let body = json!({"data": {"workspace": workspace, "name": format!("number {number}")}}).to_string();
        match client.try_send("POST", "/api/1.0/tags", Some(&body)) {
            Ok(answer) => {
                assert_eq!(answer.status, 201, "{answer:?}");
                let gid = answer.data()["gid"].as_str().unwrap_or_default().to_owned();
                drop(acknowledged.send(gid));
            }
            Err(_) => return,
        }
    }
}

fn all_tags(client: &mut Client) -> HashSet<String> {
    let mut gids = HashSet::new();
    let mut path = "/tags?limit=100".to_owned();
    loop {
        let page = client.get(&format!("/api/1.0{path}")).json();
        let tags = page["data"].as_array().expect("a list").clone();
        gids.extend(tags.iter().map(|tag| tag["gid"].as_str().unwrap_or_default().to_owned()));
        match page["next_page"]["path"].as_str() {
            Some(next) => path = next.to_owned(),
            None => return gids,
        }
    }
}

/// Kills the server under load again and again; whatever was acknowledged is there when it has started again.
fn kill_rounds(place: &Place, rounds: usize) {
    let founded = place.init(&[]);
    let mut acknowledged = HashSet::new();
    let mut server: Server = place.serve(&[]);
    for round in 0..rounds {
        let (sender, receiver) = mpsc::channel();
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                let (client, workspace) = (server.client(&founded["token"]), founded["workspace"].clone());
                let sender = sender.clone();
                thread::spawn(move || write_on(client, workspace, sender))
            })
            .collect();
        drop(sender);
        let enough = 20 + 7 * (round % 20);
        let before = acknowledged.len();
        let mut fresh: Vec<String> = receiver.iter().take(enough).collect();
        server.kill();
        for writer in writers {
            writer.join().expect("every answer is a success");
        }
        fresh.extend(receiver.iter());
        acknowledged.extend(fresh.iter().cloned());
        assert_eq!(acknowledged.len(), before + fresh.len(), "a gid was given twice");
        server = place.serve(&[]);
        let there = all_tags(&mut server.client(&founded["token"]));
        let lost: Vec<_> = acknowledged.difference(&there).collect();
        assert!(lost.is_empty(), "round {round}: {} of {} are lost: {lost:?}", lost.len(), acknowledged.len());
    }
    server.stop();
}

/// How often the server is killed: `KILL_ROUNDS` says it to a test that may take its time.
fn rounds(usual: usize) -> usize {
    #[expect(clippy::disallowed_methods, reason = "a setting of the test, not of the server")]
    let wanted = std::env::var("KILL_ROUNDS");
    wanted.ok().and_then(|wanted| wanted.parse().ok()).unwrap_or(usual)
}

#[test]
fn what_was_acknowledged_outlives_kill_9_in_a_file() {
    kill_rounds(&Place::embedded(), rounds(20));
}

#[test]
fn what_was_acknowledged_outlives_kill_9_on_a_server() {
    kill_rounds(&Place::new(crate::process::Engine::Server), rounds(5));
}

both!(a_running_request_is_finished, |place| {
    let founded = place.init(&[]);
    let server = place.serve(&["--test-mode"]);
    let mut ann = server.client(&founded["token"]);
    ann.post("/-/test/fault", &json!({"kind": "delay", "ms": 1_000, "method": "POST"}));
    let slow = {
        let mut client = ann.another();
        let tag = json!({"data": {"workspace": founded["workspace"], "name": "slow"}});
        thread::spawn(move || client.post("/api/1.0/tags", &tag))
    };
    while ann.get("/-/test/fault").data()[0]["matched"] != 1 {}
    let address = server.address;
    server.terminate();
    let slow = slow.join().expect("an answer");
    assert_eq!(slow.status, 201);
    assert!(server.wait().success());
    assert!(std::net::TcpStream::connect(address).is_err());
    let server = place.serve(&[]);
    assert_eq!(all_tags(&mut server.client(&founded["token"])).len(), 1);
});

#[test]
fn a_client_that_leaves_does_not_undo_its_write() {
    let place = Place::embedded();
    let founded = place.init(&[]);
    let server = place.serve(&["--test-mode"]);
    let mut ann = server.client(&founded["token"]);
    let tag = json!({"data": {"workspace": founded["workspace"], "name": "x"}}).to_string();
    for _ in 0..20 {
        ann.another().leave("POST", "/api/1.0/tags", &tag);
    }
    // Served while others leave.
    assert_eq!(ann.send("POST", "/api/1.0/tags", Some(&tag)).status, 201);
    assert!(!server.log().contains("panicked"));
    server.stop();
}
