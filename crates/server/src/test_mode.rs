//! Test mode: the state at start comes back at a word, time stands still until it is moved, and failures come when they
//! are ordered (docs/test-mode.md).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::operation::Method;
use engine::{Api, Error, PREFIX, Request, Response};
use jiff::{SpanRelativeTo, Unit};
use jobs::Queue;
use model::time::{format_time, parse_time};
use model::{Clock, Random};
use serde_json::{Map, Value as Json, json};
use store::Snapshot;
use tokio::sync::{RwLock, RwLockReadGuard};

use crate::open::TEST_START;

/// Below this path lies what exists in test mode alone.
pub const PREFIX_OF_TESTS: &str = "/-/test";

/// The seed of what is random once the server has started, whatever was drawn before.
const SEED: u64 = 43;

/// The state of test mode.
pub struct TestMode {
    clock: Clock,
    random: Random,
    start: Snapshot,
    faults: Mutex<Vec<Fault>>,
    queue: Arc<Queue>,
    /// Held by every request; alone by one whose failure must not befall another, and by a reset.
    gate: RwLock<()>,
}

/// A failure that was ordered.
#[derive(Clone, Debug, PartialEq)]
struct Fault {
    method: Option<Method>,
    /// Below the API's prefix; none for any.
    path: Option<String>,
    /// The first of the matching requests that fails, counted from 1.
    nth: u64,
    /// How many fail; none for all from then on.
    times: Option<u64>,
    kind: Kind,
    /// How many requests have matched.
    matched: u64,
    /// How many have failed.
    failed: u64,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Panic,
    Sql { statement: u64 },
    Commit,
    Late { drop: bool },
    Status { status: u16, retry_after: Option<u32>, message: Option<String> },
    Delay(Duration),
    Disconnect,
}

/// What becomes of a request in test mode.
pub enum Fate {
    /// It is answered.
    Answered(Response),
    /// The connection is closed without an answer.
    Dropped,
}

impl TestMode {
    /// Test mode over this API. The state of now is the one that a reset brings back.
    pub async fn new(api: &Api, queue: Arc<Queue>) -> Result<Self, store::Error> {
        let (clock, random) = (api.clock.clone(), api.random.clone());
        queue.schedule().await?;
        queue.run_due().await?;
        random.reseed(SEED);
        let start = api.db.snapshot().await?;
        Ok(TestMode { clock, random, start, faults: Mutex::default(), queue, gate: RwLock::default() })
    }

    /// Answers a request of the API, unless a fault has other plans.
    pub async fn respond(&self, api: &Api, request: &Request<'_>) -> Fate {
        if let Err(error) = self.run_jobs(api).await {
            tracing::warn!(%error, "jobs have to wait");
        }
        match self.due(request) {
            None => {
                let _shared = self.gate.read().await;
                Fate::Answered(api.respond(request).await)
            }
            Some(Kind::Disconnect) => Fate::Dropped,
            Some(Kind::Delay(time)) => {
                tokio::time::sleep(time).await;
                let _shared = self.gate.read().await;
                Fate::Answered(api.respond(request).await)
            }
            Some(Kind::Status { status, retry_after, message }) => {
                let message = message.unwrap_or_else(|| usual_message(status).to_owned());
                let error = Error { status, message, code: None, retry_after };
                Fate::Answered(api.refuse(&error, &request.base))
            }
            Some(Kind::Late { drop }) => {
                let _shared = self.gate.read().await;
                api.respond(request).await;
                if drop { Fate::Dropped } else { Fate::Answered(api.refuse(&Error::server(), &request.base)) }
            }
            Some(Kind::Panic) if matches!(request.method, None | Some(Method::Get)) => {
                panic!("a request panicked on demand");
            }
            Some(kind) => {
                let _alone = self.gate.write().await;
                let faults = api.db.faults();
                match kind {
                    Kind::Commit => faults.fail_next_commit(),
                    Kind::Sql { statement } => faults.fail_statement(statement),
                    _ => faults.panic_next_write(),
                }
                // Whatever did not come to pass must not befall the next one, even if this client leaves.
                let _disarm = Disarm(faults);
                Fate::Answered(api.respond(request).await)
            }
        }
    }

    /// Keeps a reset waiting until it is dropped.
    pub async fn share(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().await
    }

    /// Nothing happens between requests: what is due is done before the next one is looked at, so that the same requests
    /// give the same answers.
    async fn run_jobs(&self, api: &Api) -> Result<(), store::Error> {
        if self.queue.next_due().await?.is_some_and(|due| due <= api.clock.now()) {
            let _alone = self.gate.write().await;
            self.queue.run_due().await?;
        }
        Ok(())
    }

    /// The first fault whose turn it is. Every fault that matches counts the request.
    fn due(&self, request: &Request<'_>) -> Option<Kind> {
        let mut due = None;
        for fault in self.faults().iter_mut().filter(|fault| fault.matches(request.method, request.path)) {
            fault.matched += 1;
            let left = fault.times.is_none_or(|times| fault.failed < times);
            if due.is_none() && left && fault.matched >= fault.nth {
                fault.failed += 1;
                due = Some(fault.kind.clone());
            }
        }
        due
    }

    /// Answers a request below [`PREFIX_OF_TESTS`].
    pub async fn answer(&self, api: &Api, method: &str, path: &str, body: &[u8]) -> engine::Result<Response> {
        let answer = match (method, path) {
            ("POST", "/reset") => {
                self.reset(api).await?;
                json!({})
            }
            ("GET", "/clock") => self.shown_time(),
            ("POST" | "PUT", "/clock") => {
                self.set_clock(&read_object(body)?)?;
                self.shown_time()
            }
            ("GET", "/fault") => self.faults().iter().map(Fault::shown).collect(),
            ("POST", "/fault") => {
                let fault = Fault::read(&read_object(body)?)?;
                let shown = fault.shown();
                self.faults().push(fault);
                shown
            }
            ("DELETE", "/fault") => {
                self.faults().clear();
                json!({})
            }
            _ => return Err(Error::no_route()),
        };
        let status = if (method, path) == ("POST", "/fault") { 201 } else { 200 };
        Ok(Response { status, body: json!({ "data": answer }).to_string().into_bytes(), ..Response::default() })
    }

    /// Brings back the state at start: content, gids, time, randomness, no faults.
    async fn reset(&self, api: &Api) -> engine::Result<()> {
        let _alone = self.gate.write().await;
        self.faults().clear();
        api.db.faults().clear();
        api.db.restore(&self.start).await?;
        api.forget();
        self.random.reseed(SEED);
        self.clock.set(TEST_START);
        Ok(())
    }

    fn shown_time(&self) -> Json {
        let mut now = Vec::new();
        format_time(self.clock.now(), &mut now);
        json!({ "now": String::from_utf8_lossy(&now) })
    }

    fn set_clock(&self, body: &Map<String, Json>) -> engine::Result<()> {
        known_keys(body, &["now", "advance"])?;
        match (body.get("now"), body.get("advance")) {
            (Some(now), None) => self.clock.set(moment(now).ok_or_else(|| wrong("now", "a time", now))?),
            (None, Some(by)) => self.clock.advance(duration(by).ok_or_else(|| wrong("advance", "a duration", by))?),
            _ => return Err(Error::bad("You should specify one of now, advance")),
        }
        Ok(())
    }

    fn faults(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Disarms the store's faults when a request has ended, in whatever way.
struct Disarm<'a>(&'a store::Faults);

impl Drop for Disarm<'_> {
    fn drop(&mut self) {
        self.0.clear();
    }
}

impl Fault {
    fn read(body: &Map<String, Json>) -> engine::Result<Self> {
        known_keys(
            body,
            &["method", "path", "nth", "times", "kind", "status", "retry_after", "message", "statement", "drop", "ms"],
        )?;
        let number = |name: &str, least: u64, most: u64| match body.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(value) => value
                .as_u64()
                .filter(|number| (least..=most).contains(number))
                .map(Some)
                .ok_or_else(|| wrong(name, &format!("a number from {least} to {most}"), value)),
        };
        let method = match text(body, "method")?.filter(|method| *method != "*") {
            None => None,
            Some(name) => {
                Some(Method::parse(name).ok_or_else(|| wrong("method", "a method of the API", &name.into()))?)
            }
        };
        let path = text(body, "path")?.map(|path| path.strip_prefix(PREFIX).unwrap_or(path).to_owned());
        let kind = match text(body, "kind")?.ok_or_else(|| Error::missing("kind"))? {
            "panic" => Kind::Panic,
            "sql" => Kind::Sql { statement: number("statement", 1, 1_000_000)?.unwrap_or(1) },
            "commit" => Kind::Commit,
            "late" => Kind::Late { drop: body.get("drop").and_then(Json::as_bool).unwrap_or(false) },
            "status" => {
                let status = number("status", 400, 599)?.ok_or_else(|| Error::missing("status"))? as u16;
                let usual = matches!(status, 429 | 503).then_some(1);
                let retry_after =
                    number("retry_after", 0, u64::from(u32::MAX))?.map(|seconds| seconds as u32).or(usual);
                Kind::Status { status, retry_after, message: text(body, "message")?.map(str::to_owned) }
            }
            "delay" => Kind::Delay(Duration::from_millis(number("ms", 0, 3_600_000)?.unwrap_or(1_000))),
            "disconnect" => Kind::Disconnect,
            other => {
                return Err(wrong("kind", "one of panic, sql, commit, late, status, delay, disconnect", &other.into()));
            }
        };
        let times = number("times", 0, u64::MAX)?.unwrap_or(1);
        let nth = number("nth", 1, u64::MAX)?.unwrap_or(1);
        Ok(Fault { method, path, nth, times: (times > 0).then_some(times), kind, matched: 0, failed: 0 })
    }

    /// By whole parts from the left: `*` and `{name}` stand for any one, and a `$` at the end for the end.
    fn matches(&self, method: Option<Method>, path: &str) -> bool {
        if self.method.is_some() && self.method != method {
            return false;
        }
        let Some(pattern) = &self.path else {
            return true;
        };
        let (pattern, whole) = pattern.strip_suffix('$').map_or((pattern.as_str(), false), |pattern| (pattern, true));
        let parts = |path: &'_ str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let (pattern, path): (Vec<String>, Vec<String>) = (parts(pattern), parts(path));
        let same = |(wanted, part): (&String, &String)| wanted == part || wanted == "*" || wanted.starts_with('{');
        let fits = if whole { path.len() == pattern.len() } else { path.len() >= pattern.len() };
        fits && pattern.iter().zip(&path).all(same)
    }

    fn shown(&self) -> Json {
        let mut shown = json!({
            "method": self.method.map(Method::name), "path": self.path, "nth": self.nth,
            "times": self.times.unwrap_or(0), "matched": self.matched, "failed": self.failed,
        });
        let more = match &self.kind {
            Kind::Panic => json!({"kind": "panic"}),
            Kind::Sql { statement } => json!({"kind": "sql", "statement": statement}),
            Kind::Commit => json!({"kind": "commit"}),
            Kind::Late { drop } => json!({"kind": "late", "drop": drop}),
            Kind::Status { status, retry_after, message } => {
                json!({"kind": "status", "status": status, "retry_after": retry_after, "message": message})
            }
            Kind::Delay(time) => json!({"kind": "delay", "ms": time.as_millis() as u64}),
            Kind::Disconnect => json!({"kind": "disconnect"}),
        };
        if let (Json::Object(shown), Json::Object(more)) = (&mut shown, more) {
            shown.extend(more);
        }
        shown
    }
}

/// What the API says with a status, where nothing else is wanted.
fn usual_message(status: u16) -> &'static str {
    match status {
        401 => "Not Authorized",
        402 => "This feature is not available for free users.",
        403 => "Access denied",
        404 => "No matching route for request",
        429 => "You have made too many requests recently. Please, be chill.",
        500 => "Server Error",
        503 => "The server is busy. Please retry.",
        _ => "This status was ordered in test mode.",
    }
}

fn read_object(body: &[u8]) -> engine::Result<Map<String, Json>> {
    let mut object: Map<String, Json> =
        serde_json::from_slice(body).map_err(|_| Error::bad("Could not parse request data, invalid JSON"))?;
    match object.remove("data") {
        Some(Json::Object(data)) => Ok(data),
        Some(other) => Err(wrong("data", "a JSON object", &other)),
        None => Ok(object),
    }
}

fn known_keys(body: &Map<String, Json>, known: &[&str]) -> engine::Result<()> {
    match body.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Error::field(key, format_args!("Not one of {}", known.join(", ")))),
        None => Ok(()),
    }
}

fn text<'a>(body: &'a Map<String, Json>, name: &str) -> engine::Result<Option<&'a str>> {
    match body.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong(name, "a text", other)),
    }
}

fn wrong(field: &str, what: &str, value: &Json) -> Error {
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Error::field(field, format_args!("Not {what}: {value}"))
}

/// A time: milliseconds since 1970, or ISO 8601.
fn moment(value: &Json) -> Option<i64> {
    value.as_i64().or_else(|| parse_time(value.as_str()?))
}

/// A duration: milliseconds, or ISO 8601 (`PT1H30M`, `P1D`), or words (`1h 30m`). A day has 24 hours.
fn duration(value: &Json) -> Option<i64> {
    if let Some(ms) = value.as_i64() {
        return Some(ms);
    }
    let span: jiff::Span = value.as_str()?.parse().ok()?;
    let ms = span.total((Unit::Millisecond, SpanRelativeTo::days_are_24_hours())).ok()?;
    Some(ms as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(body: Json) -> engine::Result<Fault> {
        Fault::read(body.as_object().expect("an object"))
    }

    fn message(body: Json) -> String {
        fault(body).expect_err("is refused").message
    }

    #[test]
    fn a_fault_matches_by_parts() {
        let matches = |pattern: &str, path: &str| {
            let fault = fault(json!({"kind": "panic", "path": pattern})).expect("a fault");
            fault.matches(Some(Method::Get), path)
        };
        for (pattern, path) in [
            ("/tasks", "/tasks"),
            ("/tasks", "/tasks/1/stories"),
            ("/api/1.0/tasks/", "/tasks/1"),
            ("/tasks/*/stories", "/tasks/1/stories"),
            ("/tasks/{task_gid}$", "/tasks/1"),
            ("/", "/tasks"),
            ("/api/1.0", "/users/me"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [("/tasks", "/tasksets"), ("/tasks$", "/tasks/1"), ("/tasks/*", "/tasks")] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
        let post = fault(json!({"kind": "panic", "method": "POST"})).expect("a fault");
        assert!(post.matches(Some(Method::Post), "/x") && !post.matches(Some(Method::Get), "/x"));
    }

    #[test]
    fn a_wrong_fault_is_named() {
        assert_eq!(message(json!({})), "kind: Missing input");
        assert_eq!(
            message(json!({"kind": "fire"})),
            "kind: Not one of panic, sql, commit, late, status, delay, disconnect: fire"
        );
        assert_eq!(message(json!({"kind": "status"})), "status: Missing input");
        assert_eq!(message(json!({"kind": "status", "status": 200})), "status: Not a number from 400 to 599: 200");
        assert_eq!(message(json!({"kind": "sql", "method": "BREW"})), "method: Not a method of the API: BREW");
        assert_eq!(message(json!({"kind": "sql", "path": 1})), "path: Not a text: 1");
        assert!(message(json!({"kind": "sql", "paht": "/x"})).starts_with("paht: Not one of method, path"));
    }

    #[test]
    fn durations_are_read() {
        for (value, ms) in [
            (json!(5), 5),
            (json!(-5), -5),
            (json!("PT1H"), 3_600_000),
            (json!("P1DT0.5S"), 86_400_500),
            (json!("1h 30m"), 5_400_000),
            (json!("-PT1M"), -60_000),
        ] {
            assert_eq!(duration(&value), Some(ms), "{value}");
        }
        for value in [json!("soon"), json!("P1M"), json!(null), json!(1.5)] {
            assert_eq!(duration(&value), None, "{value}");
        }
        assert_eq!(moment(&json!("1970-01-02")), Some(86_400_000));
    }
}
