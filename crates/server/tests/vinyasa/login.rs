//! Logging in: sessions, invitations, pages, and what keeps others out.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use serde_json::{Value as Json, json};

use crate::process::{Answer, Client, Place, Server, both, json};

const PASSWORD: &str = "squid snuggle softly";
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const SAME: (&str, &str) = ("Sec-Fetch-Site", "same-origin");

/// Acme, whose administrator Ann has a password.
fn acme(place: &Place) -> Json {
    fs::write(place.path("password"), PASSWORD).expect("writes");
    place.init(&["--password-file", &place.path("password").display().to_string()])
}

#[track_caller]
fn send(client: &mut Client, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: tasks.example\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("\r\n{body}"));
    client.try_send_raw(request.as_bytes(), method == "HEAD").expect("an answer")
}

fn log_in(client: &mut Client, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password}).to_string();
    send(client, "POST", "/-/v1/login", &[("Content-Type", "application/json")], &body)
}

/// The cookie that an answer sets, as a browser sends it back.
#[track_caller]
fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {answer:?}"));
    set.split(';').next().unwrap_or_default().to_owned()
}

#[track_caller]
fn session(server: &Server, email: &str, password: &str) -> String {
    let answer = log_in(&mut server.nobody(), email, password);
    assert_eq!(answer.status, 200, "{answer:?}");
    cookie(&answer)
}

/// A form, as a browser sends it from a page of the server.
#[track_caller]
fn submit(server: &Server, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
    let quoted = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    let headers = [FORM, ("Origin", "http://tasks.example"), ("Cookie", cookie)];
    send(&mut server.nobody(), "POST", path, &headers, &body.join("&"))
}

#[track_caller]
fn with_cookie(server: &Server, method: &str, path: &str, cookie: &str) -> Answer {
    send(&mut server.nobody(), method, path, &[("Cookie", cookie)], "")
}

fn advance(server: &Server, by: &str) {
    let answer = server.nobody().post("/-/test/clock", &json!({"advance": by}));
    assert_eq!(answer.status, 200, "{answer:?}");
}

both!(a_session_is_a_credential_for_pages_of_this_server, |place| {
    let founded = acme(&place);
    let server = place.serve(&[]);
    let mut client = server.nobody();
    let answer = log_in(&mut client, "ANN@acme.example ", PASSWORD);
    assert_eq!(answer.data()["user"]["gid"], founded["user"]);
    let set = answer.header("set-cookie").expect("a cookie").to_owned();
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000"), "{set}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let cookie = cookie(&answer);
    assert_eq!(cookie.len(), "vinyasa-session=".len() + 64);

    assert_eq!(with_cookie(&server, "GET", "/api/1.0/users/me", &cookie).data()["gid"], founded["user"]);
    assert_eq!(with_cookie(&server, "GET", "/-/v1/session", &cookie).data()["user"]["email"], "ann@acme.example");
    assert_eq!(with_cookie(&server, "GET", "/-/v1/session", "vinyasa-session=00").error().0, 401);
    // A token in the place of a session is none.
    let token = format!("vinyasa-session={}", founded["token"].as_str().unwrap_or_default());
    assert_eq!(with_cookie(&server, "GET", "/api/1.0/users/me", &token).error().0, 401);
    let wrong = [("Cookie", cookie.as_str()), ("Authorization", "Bearer x")];
    assert_eq!(send(&mut client, "GET", "/api/1.0/users/me", &wrong, "").error().0, 401);

    let tag = json!({"data": {"workspace": founded["workspace"], "name": "x"}}).to_string();
    let sent = |more: &[(&str, &str)], path: &str| {
        let headers = [&[("Content-Type", "application/json"), ("Cookie", &cookie)][..], more].concat();
        send(&mut server.nobody(), "POST", path, &headers, &tag).status
    };
    for (headers, status) in [
        (&[][..], 403),
        (&[("Origin", "https://evil.example")], 403),
        (&[("Origin", "null")], 403),
        (&[("Sec-Fetch-Site", "cross-site")], 403),
        (&[("Sec-Fetch-Site", "same-site"), ("Origin", "http://tasks.example")], 403),
        (&[("Origin", "http://tasks.example")], 201),
        (&[SAME], 201),
        (&[("X-Same-Origin", "1")], 201),
    ] {
        assert_eq!(sent(headers, "/api/1.0/tags"), status, "{headers:?}");
        let logout = if status == 201 { 200 } else { 403 };
        if logout == 403 {
            assert_eq!(sent(headers, "/-/v1/logout"), logout, "{headers:?}");
        }
    }
    let tags = format!("/api/1.0/workspaces/{}/tags", founded["workspace"].as_str().unwrap_or_default());
    assert_eq!(with_cookie(&server, "GET", &tags, &cookie).data().as_array().map(Vec::len), Some(3));

    assert_eq!(sent(&[SAME], "/-/v1/logout"), 200);
    assert_eq!(with_cookie(&server, "GET", "/api/1.0/users/me", &cookie).error(), (401, "Not Authorized".to_owned()));
    assert_eq!(with_cookie(&server, "GET", "/-/v1/session", &cookie).error().0, 401);
    server.stop();
    assert_eq!(place.run(&["doctor"]).code, Some(0));
});

#[test]
fn nobody_learns_who_has_an_account() {
    let place = Place::embedded();
    acme(&place);
    let file = place.path("password").display().to_string();
    for (email, more) in [("bob@acme.example", &["--password-file", &file][..]), ("cat@acme.example", &[])] {
        place.line(&[&["admin", "user", "add", "--email", email, "--name", "X"], more].concat());
    }
    place.line(&["admin", "user", "deactivate", "bob@acme.example"]);
    let server = place.serve(&[]);
    let mut told = Vec::new();
    for (email, password) in [
        ("ann@acme.example", "squid snuggle loudly"),
        ("nobody@acme.example", PASSWORD),
        ("bob@acme.example", PASSWORD),
        ("cat@acme.example", PASSWORD),
        ("", ""),
    ] {
        let answer = log_in(&mut server.nobody(), email, password);
        let headers: Vec<_> = answer.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
        told.push((answer.status, answer.body, headers));
    }
    assert_eq!(told[0].0, 401);
    assert!(told[0].1.contains("Wrong e-mail address or password."), "{:?}", told[0]);
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
    let mut client = server.nobody();
    for (body, message) in [
        ("{", "Could not parse request data, invalid JSON"),
        ("{}", "email: Missing input"),
        ("{\"email\":\"a\",\"password\":1}", "password: Not a text"),
    ] {
        let answer = send(&mut client, "POST", "/-/v1/login", &[("Content-Type", "application/json")], body);
        assert_eq!(answer.error(), (400, message.to_owned()));
    }
    assert_eq!(send(&mut client, "POST", "/-/v1/login", &[FORM], "email=a&password=b").error().0, 415);
    let large = format!("{{\"email\":\"{}\"}}", "x".repeat(20_000));
    assert_eq!(
        send(&mut client, "POST", "/-/v1/login", &[("Content-Type", "application/json")], &large).error().0,
        413
    );
    let evil = [("Content-Type", "application/json"), ("Origin", "https://evil.example")];
    assert_eq!(send(&mut server.nobody(), "POST", "/-/v1/login", &evil, "{}").error().0, 403);
    assert_eq!(server.nobody().get("/-/v1/nothing").error().0, 404);
    server.stop();
}

#[test]
fn whoever_guesses_waits() {
    let place = Place::embedded();
    acme(&place);
    let server = place.serve(&["--test-mode"]);
    let wrong = || log_in(&mut server.nobody(), "ann@acme.example", "squid snuggle loudly");
    for _ in 0..5 {
        assert_eq!(wrong().status, 401);
    }
    let refused = log_in(&mut server.nobody(), "Ann@acme.example", PASSWORD);
    assert_eq!(refused.error(), (429, "Too many attempts. Try again in 2 seconds.".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("2"));
    let page = submit(&server, "/-/login", "", &[("email", "ann@acme.example"), ("password", PASSWORD)]);
    assert_eq!((page.status, page.header("retry-after")), (429, Some("2")));
    assert!(page.body.contains("Try again in 2 seconds."), "{}", page.body);
    // Others, from the same address, are let in.
    let nobody = log_in(&mut server.nobody(), "bob@acme.example", PASSWORD);
    assert_eq!(nobody.status, 401);
    advance(&server, "2s");
    assert_eq!(wrong().status, 401);
    let later = log_in(&mut server.nobody(), "ann@acme.example", PASSWORD).error();
    assert_eq!(later, (429, "Too many attempts. Try again in 3 seconds.".to_owned()));
    advance(&server, "3s");
    session(&server, "ann@acme.example", PASSWORD);
    // Who was right begins anew.
    for _ in 0..5 {
        assert_eq!(wrong().status, 401);
    }
    assert_eq!(wrong().status, 429);
    // After a reset nobody has tried anything.
    assert_eq!(server.nobody().post("/-/test/reset", &json!({})).status, 200);
    session(&server, "ann@acme.example", PASSWORD);
    server.stop();
}

#[test]
fn sessions_end_by_themselves() {
    let place = Place::embedded();
    acme(&place);
    let server = place.serve(&["--test-mode"]);
    let cookie = session(&server, "ann@acme.example", PASSWORD);
    let idle = session(&server, "ann@acme.example", PASSWORD);
    let status = |cookie: &str, path| with_cookie(&server, "GET", path, cookie).status;
    for day in 0..4 {
        assert_eq!((status(&cookie, "/api/1.0/users/me"), status(&cookie, "/-/v1/session")), (200, 200), "{day}");
        advance(&server, "6d");
    }
    assert_eq!((status(&idle, "/api/1.0/users/me"), status(&idle, "/-/v1/session")), (401, 401));
    assert_eq!(status(&cookie, "/api/1.0/users/me"), 200);
    advance(&server, "5d23h");
    assert_eq!(status(&cookie, "/api/1.0/users/me"), 200);
    advance(&server, "1h");
    assert_eq!((status(&cookie, "/api/1.0/users/me"), status(&cookie, "/-/v1/session")), (401, 401));
    server.stop();
}

both!(an_invitation_lets_in_once, |place| {
    acme(&place);
    let server = place.serve(&["--test-mode"]);
    let invite = |email: &str, more: &[&str]| {
        let url = server.first["url"].as_str().unwrap_or_default().to_owned();
        let url = format!("public_url={url}/");
        let line = ["admin", "user", "invite", "--email", email, "--set", "test_mode=true", "--set", &url];
        let invited = json(&place.line(&[&line[..], more].concat()));
        let link = invited["link"].as_str().expect("a link");
        link.split_at(link.find("/-/invite/").expect("a path")).1.to_owned()
    };
    let link = invite("bob@acme.example", &["--team", "Acme"]);
    assert_eq!(link.len(), "/-/invite/".len() + 64);
    let people = json(&place.line(&["admin", "user", "list", "--json", "--set", "test_mode=true"]));
    assert_eq!((&people[1]["state"], &people[1]["name"]), (&json!("invited"), &json!("bob")));
    let page = server.nobody().get(&link);
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=UTF-8")));
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(page.header(name), Some(value));
    }
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'; form-action 'self';"), "{policy}");
    assert!(page.body.contains("bob@acme.example") && !page.body.contains("<script"), "{}", page.body);

    let accept = |link: &str, name: &str, password: &str, again: &str| {
        submit(&server, link, "", &[("name", name), ("password", password), ("again", again)])
    };
    for (name, password, again, wrong) in [
        ("Bob", "short", "short", "Must have at least 12 characters"),
        ("Bob", "Bob@acme.example", "Bob@acme.example", "Must not be the e-mail address"),
        ("Bob", "password 1234", "password 1234", "Is one of those that are guessed first"),
        ("Bob", PASSWORD, "squid", "The second is not the same as the first"),
        (" ", PASSWORD, PASSWORD, "name: Must be a line of text"),
    ] {
        let refused = accept(&link, name, password, again);
        assert_eq!((refused.status, refused.body.contains(wrong)), (400, true), "{wrong}: {}", refused.body);
        assert!(!refused.body.contains(PASSWORD));
    }
    let cross = [FORM, ("Sec-Fetch-Site", "cross-site")];
    assert_eq!(send(&mut server.nobody(), "POST", &link, &cross, "name=Eve").status, 403);
    let accepted = accept(&link, "Bob Example", PASSWORD, PASSWORD);
    assert_eq!((accepted.status, accepted.header("location")), (303, Some("/-/account")));
    let bob = cookie(&accepted);
    assert_eq!(with_cookie(&server, "GET", "/api/1.0/users/me", &bob).data()["name"], "Bob Example");
    session(&server, "bob@acme.example", PASSWORD);
    for answer in [server.nobody().get(&link), accept(&link, "Eve", "another password", "another password")] {
        assert_eq!(answer.status, 404);
        assert!(answer.body.contains("not good any more"), "{}", answer.body);
    }

    // A newer one voids the old; a week is a week.
    let first = invite("cat@acme.example", &["--name", "Cat"]);
    let second = invite("cat@acme.example", &[]);
    // In test mode every command draws the same secrets.
    assert_eq!(first, second);
    advance(&server, "6d23h59m");
    assert_eq!(server.nobody().get(&second).status, 200);
    advance(&server, "1m");
    assert_eq!(server.nobody().get(&second).status, 404);
    assert_eq!(accept(&second, "Cat", PASSWORD, PASSWORD).status, 404);
    server.stop();
    assert_eq!(place.run(&["doctor"]).code, Some(0));
});

#[test]
fn a_newer_invitation_voids_the_old() {
    let place = Place::embedded();
    acme(&place);
    let server = place.serve(&[]);
    let url = format!("public_url={}", server.first["url"].as_str().unwrap_or_default());
    let line = ["admin", "user", "invite", "--email", "bob@acme.example", "--set", &url];
    let path = || {
        let invited = json(&place.line(&line));
        let link = invited["link"].as_str().expect("a link").to_owned();
        link.split_once("/-/").map(|(_, path)| format!("/-/{path}")).expect("a path")
    };
    let (first, second) = (path(), path());
    assert_eq!((server.nobody().get(&first).status, server.nobody().get(&second).status), (404, 200));
    // So does deactivation.
    place.line(&["admin", "user", "deactivate", "bob@acme.example"]);
    assert_eq!(server.nobody().get(&second).status, 404);
    let refused = place.run(&line);
    assert!(refused.err.contains("bob@acme.example is deactivated"), "{}", refused.err);
    place.line(&["admin", "user", "reactivate", "bob@acme.example"]);
    assert_eq!(server.nobody().get(&second).status, 404);
    let nowhere = place.run(&["admin", "user", "invite", "--email", "x@acme.example", "--set", "listen=0.0.0.0:8080"]);
    assert!(nowhere.code == Some(2) && nowhere.err.contains("public_url is not set"), "{}", nowhere.err);
    let mail = place.run(&[&line[..], &["--mail"]].concat());
    let missing = "no e-mail without the settings mail_server, mail_from; `vinyasa help serve` lists them all";
    assert_eq!((mail.code, mail.err), (Some(2), format!("vinyasa: {missing}\n")));
    server.stop();
}

both!(an_account_is_its_owners, |place| {
    acme(&place);
    let file = place.path("password").display().to_string();
    place.line(&["admin", "user", "add", "--email", "bob@acme.example", "--name", "Bob <b>", "--password-file", &file]);
    let server = place.serve(&[]);
    let nobody = server.nobody().get("/-/account");
    assert_eq!((nobody.status, nobody.header("location")), (303, Some("/-/login")));
    assert_eq!(server.nobody().get("/-/login").status, 200);
    assert_eq!(server.nobody().get("/-/style.css").header("content-type"), Some("text/css; charset=UTF-8"));
    let wrong = submit(&server, "/-/login", "", &[("email", "bob@acme.example\""), ("password", "x")]);
    assert_eq!(wrong.status, 401);
    assert!(wrong.body.contains("value=\"bob@acme.example&quot;\""), "{}", wrong.body);
    let right = submit(&server, "/-/login", "", &[("email", "bob@acme.example"), ("password", PASSWORD)]);
    assert_eq!((right.status, right.header("location")), (303, Some("/-/account")));
    let (bob, other) = (cookie(&right), session(&server, "bob@acme.example", PASSWORD));
    let ann = session(&server, "ann@acme.example", PASSWORD);
    let page = |cookie: &str| with_cookie(&server, "GET", "/-/account", cookie).body;
    assert!(page(&bob).contains("Bob &lt;b&gt;") && page(&bob).contains("Acme (member)"), "{}", page(&bob));

    // A token is shown once, and revoked by its owner alone.
    let made = submit(&server, "/-/account/tokens", &bob, &[("label", "report")]);
    assert_eq!(made.status, 201);
    let token = made.body.split("<code class=\"secret\">").nth(1).and_then(|rest| rest.split('<').next());
    let token = token.expect("a token").to_owned();
    let mut program = server.client(&json!(token));
    assert_eq!(program.get("/api/1.0/users/me").data()["email"], "bob@acme.example");
    assert!(!page(&bob).contains(&token) && page(&bob).contains("report"));
    assert_eq!(submit(&server, "/-/account/tokens", &bob, &[("label", " ")]).status, 400);
    let gid = token.split(['/', ':']).nth(2).expect("a gid").to_owned();
    assert_eq!(submit(&server, "/-/account/tokens/revoke", &ann, &[("gid", &gid)]).status, 303);
    assert_eq!(program.get("/api/1.0/users/me").status, 200);
    assert_eq!(submit(&server, "/-/account/tokens/revoke", &bob, &[("gid", &gid)]).status, 303);
    assert_eq!(program.get("/api/1.0/users/me").status, 401);

    // So is a session.
    let alive = |cookie: &str| with_cookie(&server, "GET", "/api/1.0/users/me", cookie).status;
    let found = with_cookie(&server, "GET", "/-/v1/session", &other).data();
    let gid = found["session"]["gid"].as_str().unwrap_or_default();
    submit(&server, "/-/account/sessions/revoke", &ann, &[("gid", gid)]);
    assert_eq!(alive(&other), 200);
    submit(&server, "/-/account/sessions/revoke", &bob, &[("gid", gid)]);
    assert_eq!((alive(&other), alive(&bob)), (401, 200));

    let other = session(&server, "bob@acme.example", PASSWORD);
    let change = |old: &str, new: &str, again: &str| {
        submit(&server, "/-/account/password", &bob, &[("old", old), ("password", new), ("again", again)])
    };
    let new = "seven otters hum quietly";
    for (old, new, again, text) in [
        ("wrong", new, new, "That is not your password now."),
        (PASSWORD, new, "x", "The second is not the same as the first"),
        (PASSWORD, "short", "short", "Must have at least 12 characters"),
    ] {
        let refused = change(old, new, again);
        assert!(refused.status == 400 && refused.body.contains(text), "{text}: {refused:?}");
    }
    assert_eq!(change(PASSWORD, new, new).status, 200);
    assert_eq!((alive(&bob), alive(&other), alive(&ann)), (200, 401, 200));
    assert_eq!(log_in(&mut server.nobody(), "bob@acme.example", PASSWORD).status, 401);
    session(&server, "bob@acme.example", new);

    // Forms of other sites do nothing, and whoever leaves is out.
    let cross = [FORM, ("Cookie", bob.as_str()), ("Origin", "https://evil.example")];
    for path in ["/-/account/tokens", "/-/account/password", "/-/account/sessions/revoke", "/-/logout", "/-/login"] {
        assert_eq!(send(&mut server.nobody(), "POST", path, &cross, "label=x").status, 403, "{path}");
    }
    assert_eq!(alive(&bob), 200);
    let out = submit(&server, "/-/logout", &bob, &[]);
    assert_eq!((out.status, out.header("location"), alive(&bob)), (303, Some("/-/login"), 401));
    assert!(out.header("set-cookie").is_some_and(|set| set.contains("Max-Age=0")));
    assert_eq!(alive(&ann), 200);
    place.line(&["admin", "user", "add", "--email", "eve@acme.example", "--name", "Eve", "--admin"]);
    place.line(&["admin", "user", "deactivate", "ann@acme.example"]);
    assert_eq!(alive(&ann), 401);
    // A password from the command line ends sessions too.
    let bob = session(&server, "bob@acme.example", new);
    place.line(&["admin", "user", "set-password", "bob@acme.example", "--password-file", &file]);
    assert_eq!(alive(&bob), 401);
    session(&server, "bob@acme.example", PASSWORD);
    server.stop();
});

#[test]
fn over_https_the_cookie_says_so() {
    let place = Place::embedded();
    acme(&place);
    let server = place.serve(&["--trusted-proxy", "127.0.0.1"]);
    let https = [("Content-Type", "application/json"), ("X-Forwarded-Proto", "https")];
    let body = json!({"email": "ann@acme.example", "password": PASSWORD}).to_string();
    let answer = send(&mut server.nobody(), "POST", "/-/v1/login", &https, &body);
    let set = answer.header("set-cookie").unwrap_or_default();
    assert!(set.starts_with("__Host-vinyasa-session=") && set.ends_with("; Secure"), "{set}");
    let cookie = cookie(&answer);
    let alive = |more: &[(&str, &str)]| {
        let headers = [&[("Cookie", cookie.as_str())][..], more].concat();
        send(&mut server.nobody(), "GET", "/api/1.0/users/me", &headers, "").status
    };
    assert_eq!((alive(&[("X-Forwarded-Proto", "https")]), alive(&[])), (200, 401));
    server.stop();
}

#[test]
fn no_secret_is_written_down() {
    let place = Place::embedded();
    acme(&place);
    let server = place.serve(&["--set", "log=trace,hyper=info,h2=info"]);
    let url = format!("public_url={}", server.first["url"].as_str().unwrap_or_default());
    let invited = json(&place.line(&["admin", "user", "invite", "--email", "bob@acme.example", "--set", &url]));
    let link = invited["link"].as_str().expect("a link");
    let secret = link.rsplit('/').next().expect("a secret").to_owned();
    let path = format!("/-/invite/{secret}");
    server.nobody().get(&path);
    let accepted = submit(&server, &path, "", &[("name", "Bob"), ("password", PASSWORD), ("again", PASSWORD)]);
    let session = cookie(&accepted).split_once('=').expect("a cookie").1.to_owned();
    let made = submit(&server, "/-/account/tokens", &cookie(&accepted), &[("label", "x")]);
    let token = made.body.split("<code class=\"secret\">").nth(1).and_then(|rest| rest.split('<').next());
    let token = token.and_then(|token| token.split(':').nth(1)).expect("a token").to_owned();
    log_in(&mut server.nobody(), "bob@acme.example", "an otter that is wrong");
    for answer in [&accepted, &submit(&server, "/-/logout", &cookie(&accepted), &[])] {
        let place = answer.header("location").expect("leads on");
        assert!(place.starts_with("/-/") && !place.contains('?'), "{place}");
    }
    let log = server.log();
    assert!(log.contains("/-/invite/..."), "{log}");
    let mut stored = Vec::new();
    for file in ["vinyasa.db", "vinyasa.db-wal"] {
        stored.extend(fs::read(place.path("data").join(file)).unwrap_or_default());
    }
    assert!(stored.windows(16).any(|window| window == b"bob@acme.example"));
    for secret in [secret.as_str(), &session, &token, PASSWORD, "an otter that is wrong"] {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!stored.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} is in the database");
    }
    server.stop();
}

#[test]
fn the_demo_says_how_to_log_in() {
    let place = Place::embedded();
    let server = place.serve(&["--demo"]);
    let text = |name: &str| server.first[name].as_str().expect("a text").to_owned();
    let cookie = session(&server, &text("login"), &text("password"));
    let me = with_cookie(&server, "GET", "/api/1.0/users/me", &cookie).data();
    assert_eq!(me, server.client(&server.first["token"]).get("/api/1.0/users/me").data());
    server.stop();
}

/// A CSV of sixty people.
fn sixty() -> String {
    let mut text = "name,email,role,teams\n".to_owned();
    for number in 1..=60 {
        let (role, teams) = match number {
            1..=2 => ("admin", "Acme;Makers"),
            3..=50 => ("member", "makers"),
            _ => ("guest", ""),
        };
        text.push_str(&format!("\"Person {number}, Example\",p{number}@acme.example,{role},{teams}\n"));
    }
    text
}

both!(sixty_people_come_in_at_once, |place| {
    acme(&place);
    place.line(&["admin", "team", "create", "--name", "Makers"]);
    let server = place.serve(&[]);
    let file = place.path("people.csv").display().to_string();
    let import = |text: &str, more: &[&str]| {
        fs::write(&file, text).expect("writes");
        place.run(&[&["admin", "user", "import", &file], more].concat())
    };
    let done = |text: &str, more: &[&str]| {
        let ended = import(text, more);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        json(&ended.out)
    };
    let people = || json(&place.line(&["admin", "user", "list", "--json"])).as_array().map(Vec::len);

    let wrong = "name,email,role,teams\nA,a@acme.example,boss,\nB,b,member,Acme\nC,c@acme.example\nD,D@acme.example,,\nE,d@acme.example,,\n";
    let refused = import(wrong, &[]);
    let told = format!(
        "vinyasa: {file}: nothing was imported:\n  line 2, role: Not one of member, admin, guest: boss\n  \
         line 3, email: Not an e-mail address: b\n  line 4: Has 2 columns, and the first line 4\n  \
         line 6, email: Stands in line 5 already\n"
    );
    assert_eq!((refused.code, refused.out.as_str(), refused.err), (Some(1), "", told));
    let unknown = import("email,teams\na@acme.example,Acme\nb@acme.example,Acme;Nobody\n", &[]);
    assert!(
        unknown.err.ends_with("\n  line 3, teams: no team Nobody; `vinyasa admin team create` makes one\n"),
        "{}",
        unknown.err
    );
    for (text, told) in [
        ("", "line 1, email: This column is missing"),
        ("email,rol\n", "line 1, rol: No such column; there are email, name, role, teams"),
        ("email,email\n", "line 1, email: Is there twice"),
    ] {
        let refused = import(text, &[]).err;
        assert!(refused.contains(told), "{refused}");
    }
    assert_eq!(people(), Some(1), "nobody was imported");

    let text = sixty();
    assert_eq!(done(&text, &[]), json!({"added": 60, "changed": 0, "unchanged": 0}));
    assert_eq!(people(), Some(61));
    assert_eq!(done(&text, &[]), json!({"added": 0, "changed": 0, "unchanged": 60}));
    let teams = json(&place.line(&["admin", "team", "list", "--json"]));
    assert_eq!((&teams[0]["people"], &teams[1]["people"]), (&json!(3), &json!(50)));
    // By the address a person is known; an empty cell changes nothing; semicolons and a mark of order do as well.
    let changed = "\u{feff}Email;Role;Name\nP3@acme.example;guest;\np4@acme.example;;New Name\np5@acme.example;;\nnew@acme.example;;\n";
    let url = format!("public_url={}", server.first["url"].as_str().unwrap_or_default());
    let imported = done(changed, &["--invite", "--set", &url]);
    assert_eq!((&imported["added"], &imported["changed"], &imported["unchanged"]), (&json!(1), &json!(2), &json!(1)));
    let invitations = imported["invitations"].as_array().expect("a list");
    assert_eq!((invitations.len(), &invitations[3]["email"]), (4, &json!("new@acme.example")));
    assert_eq!(done(changed, &["--invite", "--set", &url])["invitations"], json!([]), "they have links");
    let link = invitations[3]["link"].as_str().expect("a link");
    assert_eq!(server.nobody().get(link.split_at(link.find("/-/").expect("a path")).1).status, 200);
    // The last administrators are not taken away line by line.
    let last = import("email,role\np1@acme.example,member\np2@acme.example,guest\nann@acme.example,member\n", &[]);
    assert!(last.err.contains("line 4: user: The last administrator of a workspace has to stay one"), "{}", last.err);
    assert_eq!(done("email,role\np1@acme.example,admin\n", &[])["unchanged"], 1);
    server.stop();
    assert_eq!(place.run(&["doctor"]).code, Some(0));
});

/// Takes one e-mail as an SMTP server does; what was sent.
fn take_mail(listener: TcpListener) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        let mut out = stream.try_clone().expect("a stream");
        let mut taken = String::new();
        let mut in_data = false;
        out.write_all(b"220 mail.example\r\n").expect("writes");
        for line in BufReader::new(stream).lines() {
            let line = line.expect("reads");
            taken.push_str(&line);
            taken.push('\n');
            let answer = match line.as_str() {
                "." if in_data => {
                    in_data = false;
                    "250 taken\r\n"
                }
                _ if in_data => continue,
                "DATA" => {
                    in_data = true;
                    "354 go on\r\n"
                }
                "QUIT" => break,
                _ => "250 yes\r\n",
            };
            if out.write_all(answer.as_bytes()).is_err() {
                break;
            }
        }
        taken
    })
}

#[test]
fn an_invitation_is_sent_by_e_mail() {
    let place = Place::embedded();
    acme(&place);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = format!("mail_server={}", listener.local_addr().expect("an address"));
    let taken = take_mail(listener);
    let line = [
        "admin",
        "user",
        "invite",
        "--email",
        "bob@acme.example",
        "--mail",
        "--set",
        &server,
        "--set",
        "mail_security=none",
        "--set",
        "mail_from=Acme <tasks@acme.example>",
        "--set",
        "public_url=https://tasks.example",
    ];
    let invited = json(&place.line(&line));
    assert_eq!(invited["mailed"], true);
    let taken = taken.join().expect("takes it");
    let unfolded = taken.replace("=\n", "");
    assert!(
        taken.contains("MAIL FROM:<tasks@acme.example>") && taken.contains("RCPT TO:<bob@acme.example>"),
        "{taken}"
    );
    assert!(taken.contains("Subject: Your place in Acme"), "{taken}");
    assert!(unfolded.contains(invited["link"].as_str().expect("a link")), "{taken}");
    // Nobody listens any more: the link is told, and that it was not sent.
    let failed = place.run(&line);
    assert_eq!(failed.code, Some(1), "{}", failed.err);
    assert_eq!(json(&failed.out)["mailed"], false);
    assert!(failed.err.starts_with("vinyasa: e-mail to bob@acme.example: "), "{}", failed.err);
}
