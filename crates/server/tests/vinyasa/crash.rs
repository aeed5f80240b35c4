//! What is left after the server has gone, in whatever way.

use std::thread;

use serde_json::json;

use crate::process::{Client, both};

fn tags(client: &mut Client) -> usize {
    client.get("/api/1.0/tags").data().as_array().map_or(0, Vec::len)
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
    assert_eq!(tags(&mut server.client(&founded["token"])), 1);
});

#[test]
fn a_client_that_leaves_does_not_undo_its_write() {
    let place = crate::process::Place::embedded();
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
