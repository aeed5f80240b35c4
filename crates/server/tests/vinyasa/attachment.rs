//! Attachments over HTTP: every form of upload that clients send, and what comes back.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::process::{Answer, Client, Place, Server, both};

struct Acme {
    place: Place,
    server: Server,
    ann: Client,
    task: String,
}

fn acme(place: Place) -> Acme {
    let founded = place.init(&[]);
    let server = place.serve(&["--set", "attachment_limit=100000"]);
    let mut ann = server.client(&founded["token"]);
    let task = ann.post("/api/1.0/tasks", &json!({"data": {"workspace": founded["workspace"], "name": "t"}}));
    let task = task.data()["gid"].as_str().unwrap_or_default().to_owned();
    Acme { place, server, ann, task }
}

/// What lies between the boundaries of a form.
fn part(disposition: &str, more: &str, content: &str) -> String {
    format!("--b0unDary\r\nContent-Disposition: form-data; {disposition}\r\n{more}\r\n{content}\r\n")
}

impl Acme {
    fn files(&self) -> usize {
        fs::read_dir(self.place.path("data/attachments")).map_or(0, Iterator::count)
    }

    fn send(&mut self, path: &str, parts: &str) -> Answer {
        let token = self.ann.token().to_owned();
        let body = format!("{parts}--b0unDary--\r\n");
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: h.example\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: multipart/form-data; boundary=b0unDary\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.ann.another().try_send_raw((head + &body).as_bytes(), false).expect("an answer")
    }

    fn get(&mut self, url: &str, more: &str) -> Answer {
        let path = url.strip_prefix("http://h.example").expect("an address of this server");
        let request = format!("GET {path} HTTP/1.1\r\nHost: h.example\r\n{more}\r\n");
        self.server.nobody().try_send_raw(request.as_bytes(), false).expect("an answer")
    }
}

both!(a_file_goes_in_and_comes_out, |place| {
    let mut acme = acme(place);
    let parent = part("name=\"parent\"", "", &acme.task.clone());
    let file = part("name=\"file\"; filename=\"a.txt\"", "Content-Type: text/plain\r\n", "hello, world");
    let fields = part("name=\"opt_fields\"", "", "name,size,view_url,download_url,permanent_url");
    let mut gids = Vec::new();
    for parts in [
        format!("{parent}{file}{fields}"),
        format!("{file}{fields}{parent}"),
        format!(
            "{fields}{}{parent}",
            part("name=file; filename=a.txt", "Content-Type: text/plain\r\n", "hello, world")
        ),
    ] {
        let made = acme.send("/api/1.0/attachments", &parts).data();
        assert_eq!((&made["name"], &made["size"]), (&json!("a.txt"), &json!(12)));
        gids.push(made);
    }
    assert_eq!(acme.files(), 3);
    let directory = fs::metadata(acme.place.path("data/attachments")).expect("is there");
    assert_eq!(directory.permissions().mode() & 0o777, 0o700);
    for entry in fs::read_dir(acme.place.path("data/attachments")).expect("is there") {
        let entry = entry.expect("a file");
        assert_eq!(entry.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
        assert!(!entry.file_name().to_string_lossy().contains('.'));
    }

    let (view, download) =
        (gids[0]["view_url"].as_str().unwrap().to_owned(), gids[0]["download_url"].as_str().unwrap().to_owned());
    let shown = acme.get(&view, "");
    assert_eq!((shown.status, shown.body.as_str()), (200, "hello, world"));
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-disposition", "inline; filename=\"a.txt\"; filename*=UTF-8''a%2Etxt"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
        ("accept-ranges", "bytes"),
    ] {
        assert_eq!(shown.header(name), Some(value), "{name}");
    }
    let saved = acme.get(&download, "Range: bytes=7-\r\n");
    assert_eq!((saved.status, saved.body.as_str()), (206, "world"));
    assert_eq!(saved.header("content-range"), Some("bytes 7-11/12"));
    assert!(saved.header("content-disposition").is_some_and(|value| value.starts_with("attachment;")));
    assert_eq!(acme.get(&download, "Range: bytes=12-\r\n").status, 416);
    for wrong in [
        view.replace("use=view", "use=download"),
        view.replace("expires=", "expires=1"),
        view.replace("signature=", "signature=A"),
        view.replace(gids[0]["gid"].as_str().unwrap(), gids[1]["gid"].as_str().unwrap()),
    ] {
        assert_eq!(acme.get(&wrong, "").error().0, 403, "{wrong}");
    }
    // The permanent address leads whoever has a token on.
    let permanent = gids[0]["permanent_url"].as_str().unwrap().to_owned();
    assert_eq!(acme.get(&permanent, "").error(), (401, "Not Authorized".to_owned()));
    let token = format!("Authorization: Bearer {}\r\n", acme.ann.token());
    let led = acme.get(&permanent, &token);
    assert_eq!(led.status, 302);
    let place = led.header("location").expect("a place").to_owned();
    assert_eq!(acme.get(&place, "").body, "hello, world");

    // Once it is deleted, its addresses lead nowhere.
    let gid = gids[0]["gid"].as_str().unwrap();
    assert_eq!(acme.ann.send("DELETE", &format!("/api/1.0/attachments/{gid}"), None).status, 200);
    assert_eq!(acme.get(&view, "").error().0, 404);
    // So it is when the task is.
    let other = gids[1]["view_url"].as_str().unwrap().to_owned();
    let task = acme.task.clone();
    assert_eq!(acme.ann.send("DELETE", &format!("/api/1.0/tasks/{task}"), None).status, 200);
    assert_eq!(acme.get(&other, "").error().0, 404);
    assert_eq!(acme.files(), 3);
});

#[test]
fn uploads_come_in_many_forms() {
    let mut acme = acme(Place::embedded());
    let parent = part("name=\"parent\"", "", &acme.task.clone());
    // By the older path, with a name that is not ASCII.
    let file = part("name=\"file\"; filename=\"r%C3%A9sum%C3%A9.pdf\"", "", "%PDF-1.7");
    let path = format!("/api/1.0/tasks/{}/attachments", acme.task);
    let made = acme.send(&path, &file).data();
    assert_eq!((&made["name"], &made["parent"]["gid"]), (&json!("résumé.pdf"), &json!(acme.task)));
    assert_eq!(acme.get(made["view_url"].as_str().unwrap(), "").header("content-type"), Some("application/pdf"));
    // Chunked, and with a type that nobody shows.
    let token = acme.ann.token().to_owned();
    let page = part("name=\"file\"; filename=\"a.html\"", "Content-Type: text/html\r\n", "<script>alert(1)</script>");
    let body = format!("{parent}{page}--b0unDary--\r\n");
    let chunks: String = body
        .as_bytes()
        .chunks(7)
        .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)))
        .collect();
    let request = format!(
        "POST /api/1.0/attachments HTTP/1.1\r\nHost: h.example\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: multipart/form-data; boundary=\"b0unDary\"\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
    );
    let made = acme.ann.another().try_send_raw(request.as_bytes(), false).expect("an answer").data();
    let shown = acme.get(made["view_url"].as_str().unwrap(), "");
    assert!(shown.header("content-disposition").is_some_and(|value| value.starts_with("attachment;")));
    assert_eq!(shown.header("x-content-type-options"), Some("nosniff"));
    // A link has no file.
    let link = part("name=\"resource_subtype\"", "", "external")
        + &part("name=\"url\"", "", "https://plans.example/?a=b&c=d")
        + &part("name=\"name\"", "", "Plan & more")
        + &part("name=\"connect_to_app\"", "", "false");
    let made = acme.send("/api/1.0/attachments", &format!("{link}{parent}")).data();
    assert_eq!(made["view_url"], "https://plans.example/?a=b&c=d");
    assert_eq!(made["name"], "Plan & more");
    assert_eq!(acme.files(), 2);
    // An empty file is a file.
    let empty = part("name=\"file\"; filename=\"empty\"", "", "");
    let made = acme.send("/api/1.0/attachments", &format!("{parent}{empty}")).data();
    let shown = acme.get(made["view_url"].as_str().unwrap(), "");
    assert_eq!((&made["size"], shown.status, shown.body.as_str()), (&json!(0), 200, ""));
}

#[test]
fn what_is_refused_leaves_nothing() {
    let mut acme = acme(Place::embedded());
    let parent = part("name=\"parent\"", "", &acme.task.clone());
    let file = part("name=\"file\"; filename=\"a.txt\"", "", "hello");
    let large = part("name=\"file\"; filename=\"a.txt\"", "", &"x".repeat(100_001));
    let larger = part("name=\"file\"; filename=\"a.txt\"", "", &"x".repeat(3 << 20));
    for (path, parts, status, message) in [
        ("/api/1.0/attachments", file.clone(), 400, "parent: Missing input"),
        (
            "/api/1.0/attachments",
            format!("{}{file}", part("name=\"parent\"", "", "1")),
            400,
            "parent: Unknown object: 1",
        ),
        ("/api/1.0/attachments", parent.clone(), 400, "file: Missing input"),
        ("/api/1.0/attachments", format!("{parent}{file}{file}"), 400, "file: Only one file can be attached at a time"),
        ("/api/1.0/attachments", format!("{parent}{large}"), 413, "The request body is larger than 100000 bytes."),
        ("/api/1.0/attachments", format!("{parent}{larger}"), 413, "The request body is larger than 100000 bytes."),
        ("/api/1.0/tags", file.clone(), 415, "Content-Type: Not a supported type: multipart/form-data"),
        ("/api/1.0/nothing", file.clone(), 404, "No matching route for request"),
        (
            "/api/1.0/attachments",
            "--b0unDary\r\nno header".to_owned(),
            400,
            "Could not parse request data, invalid multipart/form-data",
        ),
    ] {
        assert_eq!(acme.send(path, &parts).error(), (status, message.to_owned()), "{path}");
        assert_eq!(acme.files(), 0, "{path} {message}");
    }
    let nobody = format!(
        "POST /api/1.0/attachments HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=b0unDary\r\n\
         Content-Length: {}\r\n\r\n{file}",
        file.len()
    );
    let answer = acme.server.nobody().try_send_raw(nobody.as_bytes(), false).expect("an answer");
    assert_eq!(answer.error(), (401, "Not Authorized".to_owned()));
    let boundless =
        "POST /api/1.0/attachments HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data\r\nContent-Length: 0\r\n";
    let token = acme.ann.token().to_owned();
    let request = format!("{boundless}Authorization: Bearer {token}\r\n\r\n");
    let answer = acme.ann.another().try_send_raw(request.as_bytes(), false).expect("an answer");
    assert_eq!(answer.error().1, "Could not parse request data, the form has no boundary");
    // A client that leaves in the middle leaves nothing behind.
    let head = format!(
        "POST /api/1.0/attachments HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: multipart/form-data; boundary=b0unDary\r\nContent-Length: 90000\r\n\r\n{parent}{file}"
    );
    let mut leaving = crate::process::connect(acme.server.address).expect("connects");
    leaving.get_mut().write_all(head.as_bytes()).expect("writes");
    drop(leaving);
    for _ in 0..2_000 {
        if acme.files() == 0 {
            break;
        }
        acme.ann.get("/api/1.0/users/me");
    }
    assert_eq!(acme.files(), 0);
}
