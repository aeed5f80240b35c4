//! HTTP around the API.

use std::io::{Read, Write};

use serde_json::json;

use crate::process::{Client, Place, Server, connect};

fn acme() -> (Place, Server, Client, String) {
    let place = Place::embedded();
    let founded = place.init(&[]);
    let server = place.serve(&[]);
    let ann = server.client(&founded["token"]);
    let workspace = founded["workspace"].as_str().unwrap_or_default().to_owned();
    (place, server, ann, workspace)
}

#[test]
fn every_answer_of_the_api_has_its_headers() {
    let (_place, server, mut ann, workspace) = acme();
    let created = ann.post("/api/1.0/tags", &json!({"data": {"workspace": workspace, "name": "x"}}));
    let gid = created.data()["gid"].as_str().unwrap_or_default().to_owned();
    assert_eq!((created.status, created.header("location")), (201, Some(format!("/api/1.0/tags/{gid}").as_str())));
    let got = ann.get(&format!("/api/1.0/tags/{gid}"));
    assert_eq!(got.header("content-type"), Some("application/json; charset=UTF-8"));
    assert_eq!((got.header("location"), got.header("x-asana-api-version")), (None, Some("1.1")));
    let head = ann.send("HEAD", &format!("/api/1.0/tags/{gid}"), None);
    assert_eq!((head.status, head.header("content-length")), (200, got.header("content-length")));
    // The same connection goes on to serve.
    assert_eq!(ann.get("/api/1.0/users/me").status, 200);
    for (method, path) in [("PATCH", "/api/1.0/users/me"), ("GET", "/api/1.0/x"), ("GET", "/"), ("GET", "/api/1.0")] {
        let answer = server.nobody().send(method, path, None);
        assert_eq!(answer.error(), (404, "No matching route for request".to_owned()), "{method} {path}");
    }
    for path in
        ["/api/1.0%2Fusers/me", "/api/1.0/users/%ff", "/api/1.0/users/%00", "//api/1.0/users/me", "/-/test/reset"]
    {
        assert_eq!(ann.get(path).error().0, 404, "{path}");
    }
    let nobody = server.nobody().get("/api/1.0/users/me");
    assert_eq!(nobody.error(), (401, "Not Authorized".to_owned()));
}

#[test]
fn a_token_is_taken_in_three_ways() {
    let (_place, server, ann, _) = acme();
    let token = ann.token().to_owned();
    let encoded = token.replace('/', "%2F").replace(':', "%3A");
    let mut nobody = server.nobody();
    let me = nobody.get(&format!("/api/1.0/users/me?access_token={encoded}"));
    assert_eq!(me.status, 200);
    for (header, status) in [
        (format!("Bearer {token}"), 200),
        (format!("bearer {token}"), 200),
        (format!("Basic {}", base64(format!("{token}:").as_bytes())), 200),
        (format!("Basic {}", base64(token.as_bytes())), 200),
        (format!("Bearer {token}x"), 401),
        ("Basic !".to_owned(), 401),
        ("Bearer".to_owned(), 401),
        ("\u{ff}".to_owned(), 401),
    ] {
        let request = format!("GET /api/1.0/users/me HTTP/1.1\r\nHost: h\r\nAuthorization: {header}\r\n\r\n");
        let answer = nobody.try_send_raw(request.as_bytes(), false).expect("an answer");
        assert_eq!(answer.status, status, "{header}");
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        for at in 0..4 {
            text.push(if at <= group.len() { DIGITS[bits >> (18 - 6 * at) & 63] as char } else { '=' });
        }
    }
    text
}

#[test]
fn the_base_is_the_name_that_the_caller_uses() {
    let (_place, server, ann, _) = acme();
    let with_host = |host: &str| {
        let request =
            format!("GET /api/1.0/nothing HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\r\n", ann.token());
        let answer = server.nobody().try_send_raw(request.as_bytes(), false).expect("an answer");
        answer.json()["errors"][0]["help"].as_str().unwrap_or_default().to_owned()
    };
    assert!(with_host("asana.example:8080").ends_with(" http://asana.example:8080/docs/errors"));
    assert!(with_host("\"<script>").ends_with(&format!(" http://{}/docs/errors", server.address)));
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let (_place, server, mut ann, workspace) = acme();
    let limit = 10 << 20;
    let message = (413, format!("The request body is larger than {limit} bytes."));
    let body = json!({"data": {"workspace": workspace, "name": "x".repeat(limit)}}).to_string();
    assert_eq!(ann.another().send("POST", "/api/1.0/tags", Some(&body)).error(), message);
    let mut chunked = format!(
        "POST /api/1.0/tags HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        ann.token()
    );
    for part in body.as_bytes().chunks(1 << 20) {
        chunked.push_str(&format!("{:x}\r\n{}\r\n", part.len(), String::from_utf8_lossy(part)));
    }
    chunked.push_str("0\r\n\r\n");
    let answer = server.nobody().try_send_raw(chunked.as_bytes(), false).expect("an answer");
    assert_eq!(answer.error(), message);
    // Just within the limit it is the field that is too long.
    let most = limit - json!({"data": {"workspace": workspace, "name": ""}}).to_string().len();
    let body = json!({"data": {"workspace": workspace, "name": "x".repeat(most)}}).to_string();
    let (status, message) = ann.send("POST", "/api/1.0/tags", Some(&body)).error();
    assert_eq!((status, message.starts_with("name: ")), (400, true), "{message}");
    assert_eq!(ann.get("/api/1.0/tags").data(), json!([]));
}

#[test]
fn a_body_that_makes_no_sense_is_refused() {
    let (_place, _server, mut ann, _) = acme();
    let deep = format!("{{\"data\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    for body in [&deep, "{", "\0", "[]", "null", "{\"data\":5}", "{\"data\":{\"name\":\"\\ud800\"}}"] {
        let (status, message) = ann.send("POST", "/api/1.0/tags", Some(body)).error();
        assert_eq!(status, 400, "{}: {message}", &body[..body.len().min(40)]);
    }
    assert_eq!(ann.get("/api/1.0/tags").data(), json!([]));
}

#[test]
fn malformed_http_harms_nobody() {
    let (_place, server, mut ann, _) = acme();
    let long = format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(10_000));
    for bytes in [
        &b"GARBAGE\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n",
        b"POST /api/1.0/tags HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/1.0/tags HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST /api/1.0/tags HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        long.as_bytes(),
        many.as_bytes(),
    ] {
        let name = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        let mut connection = connect(server.address).expect("connects");
        // The server may close before it has read everything.
        drop(connection.get_mut().write_all(bytes));
        let mut answer = Vec::new();
        drop(connection.read_to_end(&mut answer));
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4"),
            "{name}: {answer}"
        );
        assert_eq!(ann.get("/api/1.0/users/me").status, 200, "{name}");
    }
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn a_connection_is_not_kept_for_ever() {
    let place = Place::embedded();
    let server = place.serve(&["--set", "idle_timeout=1", "--set", "body_timeout=1"]);
    for begun in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"] {
        let mut connection = connect(server.address).expect("connects");
        connection.get_mut().write_all(begun.as_bytes()).expect("writes");
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).expect("the server closes it");
        assert_eq!(answer.starts_with(b"HTTP/1.1 404"), begun.ends_with("\r\n\r\n"), "{begun}");
    }
    let slow = "POST /api/1.0/tags HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab";
    let answer = server.nobody().try_send_raw(slow.as_bytes(), false).expect("an answer");
    assert_eq!(answer.error(), (408, "The request body did not arrive in time".to_owned()));
}

#[test]
fn http_2_is_spoken_without_tls() {
    let (_place, server, ..) = acme();
    let mut connection = connect(server.address).expect("connects");
    connection.get_mut().write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").expect("writes");
    let mut frame = [0; 9];
    connection.read_exact(&mut frame).expect("a frame");
    assert_eq!((frame[3], &frame[5..]), (4, &[0; 4][..]), "the settings of the connection");
}

#[test]
fn requests_may_come_in_one_piece() {
    let (_place, server, ann, _) = acme();
    let one = format!("GET /api/1.0/users/me HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\n\r\n", ann.token());
    let mut nobody = server.nobody();
    assert_eq!(nobody.try_send_raw(format!("{one}{one}").as_bytes(), false).expect("an answer").status, 200);
    assert_eq!(nobody.try_send_raw(b"", false).expect("a second answer").status, 200);
}

#[test]
fn health_version_and_the_page_about_errors() {
    let (_place, server, ..) = acme();
    let mut nobody = server.nobody();
    assert_eq!(nobody.get("/-/health/live").json(), json!({"status": "live"}));
    assert_eq!(nobody.get("/-/health/ready").json(), json!({"status": "ready"}));
    assert_eq!(nobody.get("/-/version").json(), json!({"version": env!("CARGO_PKG_VERSION")}));
    let page = nobody.get("/docs/errors");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=UTF-8")));
    assert!(page.body.contains("<th>404</th>"));
    assert_eq!(nobody.send("HEAD", "/docs/errors", None).status, 200);
    assert_eq!(nobody.send("POST", "/docs/errors", None).error().0, 404);
}
