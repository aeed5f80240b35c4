//! What the server counts, and who is shown it.

use std::collections::HashSet;

use serde_json::json;

use crate::process::{Answer, Place, Server};

/// The value of a series; none when it is not there.
fn value(page: &str, series: &str) -> Option<f64> {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(|value| value.parse().expect("a number"))
}

fn scrape(server: &Server) -> String {
    let url = server.first["metrics"].as_str().and_then(|url| url.strip_prefix("http://")).expect("an address");
    let (address, path) = url.split_at(url.find('/').expect("a path"));
    let answer = server.elsewhere(address.parse().expect("an address")).get(path);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    answer.body
}

#[test]
fn what_happens_is_counted() {
    let place = Place::embedded();
    let founded = place.init(&[]);
    let server = place.serve(&["--metrics-listen", "127.0.0.1:0"]);
    let mut ann = server.client(&founded["token"]);
    let tag = json!({"data": {"workspace": founded["workspace"], "name": "secret name"}});
    for _ in 0..3 {
        assert_eq!(ann.post("/api/1.0/tags", &tag).status, 201);
    }
    assert_eq!(ann.get("/api/1.0/tags/77").status, 404);
    assert_eq!(ann.get("/api/1.0/nowhere/secret").status, 404);
    assert_eq!(server.nobody().get("/-/version").status, 200);
    let page = scrape(&server);
    for (series, expected) in [
        ("vinyasa_requests_total{operation=\"createTag\",method=\"POST\",status=\"2xx\"}", Some(3.0)),
        ("vinyasa_requests_total{operation=\"getTag\",method=\"GET\",status=\"4xx\"}", Some(1.0)),
        ("vinyasa_requests_total{operation=\"none\",method=\"any\",status=\"2xx\"}", Some(1.0)),
        ("vinyasa_requests_total{operation=\"none\",method=\"any\",status=\"4xx\"}", Some(1.0)),
        ("vinyasa_requests_total{operation=\"getTask\",method=\"GET\",status=\"2xx\"}", None),
        ("vinyasa_request_seconds_bucket{operation=\"createTag\",method=\"POST\",le=\"+Inf\"}", Some(3.0)),
        ("vinyasa_request_seconds_count{operation=\"createTag\",method=\"POST\"}", Some(3.0)),
        ("vinyasa_requests_in_flight", Some(0.0)),
        ("vinyasa_database_queue_length", Some(0.0)),
        (&format!("vinyasa_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), Some(1.0)),
    ] {
        assert_eq!(value(&page, series), expected, "{series}\n{page}");
    }
    for series in [
        "vinyasa_request_seconds_sum{operation=\"createTag\",method=\"POST\"}",
        "vinyasa_connections_open",
        "vinyasa_connections_total",
        "vinyasa_database_statements_total",
        "vinyasa_database_reads_total",
        "vinyasa_database_writes_total",
        "vinyasa_database_commits_total",
        "vinyasa_database_batch_size_count",
        "process_start_time_seconds",
        "process_resident_memory_bytes",
        "process_open_fds",
    ] {
        assert!(value(&page, series).is_some_and(|value| value > 0.0), "{series}\n{page}");
    }
    // Only words of the program: nothing that a caller has sent, no gid, no token.
    let secret = ann.token().split(':').nth(1).expect("a secret").to_owned();
    let labels = page.lines().filter_map(|line| Some(line.split_once('{')?.1.split_once('}')?.0));
    for label in labels.flat_map(|labels| labels.split(',')).filter(|label| label.starts_with("operation=")) {
        assert!(label.bytes().all(|byte| byte.is_ascii_alphabetic() || b"=\"".contains(&byte)), "{label}");
    }
    for sent in [&secret, "secret", "nowhere", "77"] {
        assert!(!page.contains(&format!("\"{sent}\"")) && !page.contains(&secret), "{sent}\n{page}");
    }
    drop(ann);
    server.stop();
}

#[test]
fn jobs_are_counted() {
    let place = Place::embedded();
    place.init(&[]);
    let server = place.serve(&["--metrics-listen", "127.0.0.1:0"]);
    let done = "vinyasa_job_attempts_total{job=\"purge_trash\",end=\"done\"}";
    // What runs by itself runs at the start; the worker then looks at what waits.
    let seen = (0..5_000).map(|_| scrape(&server)).find(|page| value(page, "vinyasa_jobs_queued") == Some(3.0));
    let page = seen.expect("three jobs wait for their time");
    for (series, expected) in [
        (done, 1.0),
        ("vinyasa_jobs_due", 0.0),
        ("vinyasa_jobs_failed", 0.0),
        ("vinyasa_job_attempts_total{job=\"purge_jobs\",end=\"failed\"}", 0.0),
        ("vinyasa_job_step_seconds_count{job=\"purge_trash\"}", 1.0),
        ("vinyasa_job_step_seconds_bucket{job=\"purge_trash\",le=\"+Inf\"}", 1.0),
    ] {
        assert_eq!(value(&page, series), Some(expected), "{series}\n{page}");
    }
    server.stop();
}

#[test]
fn the_page_is_well_formed() {
    let place = Place::embedded();
    let server = place.serve(&["--metrics-listen", "127.0.0.1:0"]);
    server.nobody().get("/api/1.0/users/me");
    let page = scrape(&server);
    let mut families = HashSet::new();
    let mut family = "";
    let mut bucket = 0.0;
    for line in page.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            family = kind.split(' ').next().expect("a name");
            assert!(families.insert(family), "{family} twice");
        } else if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            assert!(series.starts_with(family), "{line} in {family}");
            let value: f64 = value.parse().expect("a number");
            if series.contains("_bucket{") {
                let least = ["0.00025", "1"].iter().any(|least| series.contains(&format!("le=\"{least}\"")));
                let least_of_steps = family == "vinyasa_job_step_seconds" && series.contains("le=\"0.001\"");
                assert!(least || least_of_steps || value >= bucket, "{line}");
                bucket = value;
            }
        }
    }
    assert!(page.ends_with('\n') && families.len() > 15, "{page}");
    server.stop();
}

#[test]
fn only_who_may_is_shown_them() {
    let place = Place::embedded();
    let founded = place.init(&[]);
    let ask = |server: &Server, head: &str| -> Answer {
        let request = format!("GET /-/metrics HTTP/1.1\r\nHost: h\r\n{head}\r\n");
        server.nobody().try_send_raw(request.as_bytes(), false).expect("an answer")
    };
    let token = "0123456789abcdef";
    let with_token = format!("Authorization: Bearer {token}\r\n");
    let server = place.serve(&[]);
    assert_eq!(ask(&server, &with_token).error().0, 404);
    server.stop();
    let server = place.serve(&["--set", &format!("metrics_token={token}")]);
    assert_eq!(ask(&server, &with_token).status, 200);
    let anns = format!("Authorization: Bearer {}\r\n", founded["token"].as_str().unwrap_or_default());
    for head in ["", "Authorization: Bearer 0123456789abcdee\r\n", "Authorization: 0123456789abcdef\r\n", &anns] {
        assert_eq!(ask(&server, head).error(), (401, "Not Authorized".to_owned()), "{head}");
    }
    server.stop();
    let short = place.run(&["serve", "--set", "metrics_token=short"]);
    assert_eq!(short.err, "vinyasa: --set: metrics_token: Not 16 or more letters, digits and signs\n");
}
