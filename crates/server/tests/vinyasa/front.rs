//! What the server is called, who is believed to call it, from where it may be called, and for how long it waits.

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::process::{Answer, Client, Place, Server, connect};

/// Asks for the first page of a list of two, with more headers.
fn ask(server: &Server, client: &Client, more: &str) -> Answer {
    let request = format!(
        "GET /api/1.0/tags?limit=1&opt_fields=permalink_url HTTP/1.1\r\nAuthorization: Bearer {}\r\n{more}\r\n",
        client.token()
    );
    server.nobody().try_send_raw(request.as_bytes(), false).expect("an answer")
}

/// An organization with two tags.
fn acme(place: &Place, more: &[&str]) -> (Server, Client) {
    let founded = place.init(&[]);
    let server = place.serve(more);
    let mut ann = server.client(&founded["token"]);
    for name in ["one", "two"] {
        let tag = json!({"data": {"name": name, "workspace": founded["workspace"]}});
        assert_eq!(ann.post("/api/1.0/tags", &tag).status, 201);
    }
    (server, ann)
}

/// What the server calls itself in an answer: in addresses of objects, of a next page and of the help.
#[track_caller]
fn bases(server: &Server, client: &Client, more: &str) -> String {
    let answer = ask(server, client, more);
    let (list, wrong) = (answer.json(), ask(server, &server.nobody(), more).json());
    let addresses = [&list["data"][0]["permalink_url"], &list["next_page"]["uri"]].map(|url| {
        let url = url.as_str().expect("an address");
        let host = url.find("://").map_or(0, |at| at + 3);
        url[..url[host..].find('/').map_or(url.len(), |at| host + at)].to_owned()
    });
    let help = wrong["errors"][0]["help"].as_str().expect("a help").rsplit(' ').next().unwrap_or_default().to_owned();
    assert_eq!((&addresses[0], format!("{}/docs/errors", addresses[0])), (&addresses[1], help));
    addresses[0].clone()
}

const FORWARDED: &str = "Host: inside\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: tasks.example\r\n";

#[test]
fn the_public_url_is_in_every_answer() {
    let place = Place::embedded();
    let (server, ann) = acme(&place, &["--public-url", "https://tasks.example.com/"]);
    assert_eq!(bases(&server, &ann, FORWARDED), "https://tasks.example.com");
    server.stop();
}

#[test]
fn forwarded_headers_count_from_a_trusted_proxy_only() {
    let place = Place::embedded();
    let (server, ann) = acme(&place, &["--trusted-proxy", "127.0.0.0/8", "--trusted-proxy", "::1"]);
    assert_eq!(bases(&server, &ann, FORWARDED), "https://tasks.example");
    assert_eq!(bases(&server, &ann, "Host: tasks.example\r\n"), "http://tasks.example");
    server.stop();
    let server = place.serve(&["--trusted-proxy", "10.0.0.0/8"]);
    assert_eq!(bases(&server, &ann, FORWARDED), "http://inside");
    server.stop();
    let server = place.serve(&["--trusted-proxy", "127.0.0.1", "--set", "forwarded_header=forwarded"]);
    assert_eq!(bases(&server, &ann, FORWARDED), "http://inside");
    let standard = "Host: inside\r\nForwarded: for=192.0.2.1;proto=https;host=\"tasks.example:8443\"\r\n";
    assert_eq!(bases(&server, &ann, standard), "https://tasks.example:8443");
    server.stop();
}

/// Sends a request that a browser would send for a page.
fn from_page(server: &Server, method: &str, path: &str, headers: &str) -> Answer {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
    server.nobody().try_send_raw(request.as_bytes(), false).expect("an answer")
}

#[test]
fn pages_of_chosen_origins_may_call() {
    let place = Place::embedded();
    let server = place.serve(&["--cors-origin", "https://app.example", "--cors-origin", "http://localhost:3000"]);
    let asks = "Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: authorization,asana-enable\r\n";
    let asked =
        |origin: &str| from_page(&server, "OPTIONS", "/api/1.0/tasks/1", &format!("Origin: {origin}\r\n{asks}"));
    for origin in ["https://app.example", "http://localhost:3000"] {
        let answer = asked(origin);
        assert_eq!(answer.status, 204);
        for (header, value) in [
            ("access-control-allow-origin", origin),
            ("access-control-allow-methods", "GET, POST, PUT, DELETE"),
            ("access-control-allow-headers", "authorization,asana-enable"),
            ("access-control-max-age", "86400"),
            ("vary", "Origin"),
        ] {
            assert_eq!(answer.header(header), Some(value), "{origin}");
        }
        // Refusals too can be read, or a script could not tell why.
        let answer = from_page(&server, "GET", "/api/1.0/users/me", &format!("Origin: {origin}\r\n"));
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (401, Some(origin)));
        assert!(answer.header("access-control-expose-headers").is_some_and(|names| names.contains("Retry-After")));
    }
    for origin in ["https://evil.example", "https://app.example.evil.example", "null", ""] {
        let answer = asked(origin);
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (404, None), "{origin}");
        let answer = from_page(&server, "GET", "/api/1.0/users/me", &format!("Origin: {origin}\r\n"));
        assert_eq!((answer.header("access-control-allow-origin"), answer.header("vary")), (None, Some("Origin")));
    }
    server.stop();
    let server = place.serve(&["--cors-origin", "*"]);
    let answer = from_page(&server, "GET", "/-/version", "Origin: https://any.example\r\n");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    server.stop();
    let server = place.serve(&[]);
    let answer = from_page(&server, "OPTIONS", "/api/1.0/tasks/1", &format!("Origin: https://app.example\r\n{asks}"));
    assert_eq!((answer.status, answer.header("access-control-allow-origin"), answer.header("vary")), (404, None, None));
    server.stop();
}

#[test]
fn a_request_that_takes_too_long_is_given_up() {
    let place = Place::embedded();
    let founded = place.init(&[]);
    let server = place.serve(&["--test-mode", "--set", "request_timeout=1"]);
    let mut ann = server.client(&founded["token"]);
    ann.post("/-/test/fault", &json!({"kind": "delay", "ms": 30_000, "path": "/tags"}));
    let (status, message) = ann.get("/api/1.0/tags").error();
    assert_eq!((status, message.starts_with("The request took too long.")), (504, true), "{message}");
    assert_eq!(ann.get("/api/1.0/tags").status, 200);
    server.stop();
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what is to happen happens because time passes")]
fn a_client_that_takes_nothing_is_left() {
    let place = Place::embedded();
    let server = place.serve(&["--set", "send_timeout=1"]);
    let length = server.nobody().get("/api/1.0/openapi.json").body.len();
    let mut connection = connect(server.address).expect("connects");
    // More than the buffers between the two hold.
    let many = 64_000_000 / length;
    let request = "GET /api/1.0/openapi.json HTTP/1.1\r\nHost: h\r\n\r\n";
    connection.get_mut().write_all(request.repeat(many).as_bytes()).expect("writes");
    thread::sleep(Duration::from_secs(4));
    let mut rest = Vec::new();
    drop(connection.read_to_end(&mut rest));
    assert!(rest.len() < length * many, "{} bytes of {}", rest.len(), length * many);
    assert_eq!(server.nobody().get("/-/version").status, 200);
    server.stop();
}

#[test]
fn a_server_that_stops_says_so_before_it_does() {
    let place = Place::embedded();
    let founded = place.init(&[]);
    let server = place.serve(&["--set", "stop_delay=1"]);
    assert_eq!(server.nobody().get("/-/health/ready").status, 200);
    server.terminate();
    server.wait_for_log("not ready any more");
    // A balancer that asks now sends nobody here any more; who comes all the same is served.
    let ready = server.nobody().get("/-/health/ready");
    assert_eq!((ready.status, &ready.json()["reason"]), (503, &json!("stopping")));
    assert_eq!(server.client(&founded["token"]).get("/api/1.0/users/me").status, 200);
    let log = server.log();
    assert!(server.wait().success(), "{log}");
}

#[test]
fn requests_are_logged_when_that_is_wanted() {
    let place = Place::embedded();
    let founded = place.init(&[]);
    let server = place.serve(&["--trusted-proxy", "127.0.0.1", "--set", "log=info,request=debug"]);
    let token = founded["token"].as_str().unwrap_or_default().replace('/', "%2F").replace(':', "%3A");
    let path = format!("/api/1.0/users/me?access_token={token}");
    assert_eq!(from_page(&server, "GET", &path, "X-Forwarded-For: 192.0.2.7\r\n").status, 200);
    server.wait_for_log("answered");
    let log = server.log();
    let lines: Vec<Json> = log.lines().map(crate::process::json).filter(|line| line["target"] == "request").collect();
    let [line] = &lines[..] else { panic!("{log}") };
    assert_eq!(
        (&line["client"], &line["method"], &line["path"], &line["status"]),
        (&json!("192.0.2.7"), &json!("GET"), &json!("/api/1.0/users/me"), &json!(200))
    );
    assert!(line["ms"].is_number() && line["bytes"].is_number(), "{line}");
    let secret = token.split("%3A").nth(1).expect("a secret");
    assert!(!log.contains(secret), "a token is nobody's business");
    server.stop();
}
