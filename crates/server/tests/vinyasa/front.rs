//! What the server is called, and who is believed to call it.

use crate::process::{Answer, Client, Place, Server};

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
        let tag = serde_json::json!({"data": {"name": name, "workspace": founded["workspace"]}});
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
