//! What the server counts, and how it tells: in the text format of Prometheus, under `/-/metrics`.
//!
//! A label holds what the program itself has words for, such as the name of an operation; never what a caller sent.

use std::convert::Infallible;
use std::fmt::{self, Write};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use engine::Api;
use engine::operation::Method;
use http_body_util::{Either, Full};
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Response, StatusCode, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use jobs::{Figures, Queue};
use model::Clock;
use tokio::net::TcpListener;

use crate::VERSION;
use crate::http::Http;
use crate::tls::Tls;

/// Where the metrics are.
pub const PATH: &str = "/-/metrics";

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// The limits of the histogram of answers, in microseconds and as Prometheus reads them.
const LIMITS: [(u64, &str); 14] = [
    (250, "0.00025"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (10_000_000, "10"),
];

/// How requests end: the class of the status; `gone` when the client had left before its answer.
const ENDS: [&str; 6] = ["gone", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// How long a scraper may take to ask.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that is counted.
pub struct Metrics {
    /// By the number of the operation's route; the last is for all that is no operation.
    operations: Vec<Operation>,
    in_flight: AtomicU64,
    traffic: Arc<Traffic>,
    /// When the server started, in milliseconds since 1970.
    started: i64,
}

/// What was asked for, and how it went.
#[derive(Default)]
struct Operation {
    ends: [AtomicU64; ENDS.len()],
    /// Answers by the time they took; what took longer than the last limit is counted in `ends` alone.
    times: [AtomicU64; LIMITS.len()],
    microseconds: AtomicU64,
}

/// Connections.
#[derive(Default)]
pub struct Traffic {
    open: AtomicU64,
    accepted: AtomicU64,
}

/// A connection, as long as it is open.
pub struct Open(Arc<Traffic>);

impl Traffic {
    /// Counts a connection until the answer is dropped.
    pub fn open(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Relaxed);
        self.accepted.fetch_add(1, Relaxed);
        Open(Arc::clone(self))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

impl Metrics {
    /// Nothing has happened yet.
    pub fn new(api: &Api) -> Self {
        Metrics {
            operations: (0..=api.routes.all().len()).map(|_| Operation::default()).collect(),
            in_flight: AtomicU64::new(0),
            traffic: Arc::default(),
            started: Clock::system().now(),
        }
    }

    /// The count of connections.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// A request has arrived. The number under which its end is to be told.
    pub fn begin(&self, api: &Api, method: &str, path: &str) -> usize {
        self.in_flight.fetch_add(1, Relaxed);
        let below = engine::path_of_operation(path);
        let found = Method::parse(method).zip(below).and_then(|(method, path)| api.routes.find(method, path));
        found.map_or(self.operations.len() - 1, |(route, _)| route.number)
    }

    /// A request has ended, after so long, with this status; with none when its client has left.
    pub fn end(&self, number: usize, status: Option<u16>, time: Duration) {
        self.in_flight.fetch_sub(1, Relaxed);
        let Some(operation) = self.operations.get(number) else { return };
        let end = status.map_or(0, |status| usize::from(status / 100).min(ENDS.len() - 1));
        operation.ends[end].fetch_add(1, Relaxed);
        let microseconds = time.as_micros() as u64;
        operation.microseconds.fetch_add(microseconds, Relaxed);
        let place = LIMITS.iter().position(|(limit, _)| microseconds <= *limit);
        if let Some(time) = place.and_then(|place| operation.times.get(place)) {
            time.fetch_add(1, Relaxed);
        }
    }

    /// All of it, as an answer.
    pub fn answer(&self, api: &Api, tls: Option<&Tls>, queue: Option<&Queue>) -> Response<Full<Bytes>> {
        let mut text = Text(String::with_capacity(16_384));
        let written = self.write(&mut text, api, tls).and_then(|()| match queue {
            Some(queue) => write_jobs(&mut text, queue.figures()),
            None => Ok(()),
        });
        debug_assert!(written.is_ok(), "a string takes whatever is written to it");
        let mut answer = Response::new(Full::from(text.0));
        answer.headers_mut().insert(header::CONTENT_TYPE, TEXT);
        answer
    }

    fn write(&self, text: &mut Text, api: &Api, tls: Option<&Tls>) -> fmt::Result {
        text.family("vinyasa_build_info", "gauge", "The version of the program.")?;
        writeln!(text.0, "vinyasa_build_info{{version=\"{VERSION}\"}} 1")?;
        self.write_requests(text, api)?;
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        text.gauge("vinyasa_requests_in_flight", "Requests that are being answered.", read(&self.in_flight))?;
        text.gauge("vinyasa_connections_open", "Open connections.", read(&self.traffic.open))?;
        text.counter("vinyasa_connections_total", "Connections taken.", read(&self.traffic.accepted))?;
        write_database(text, api)?;
        if let Some(expiry) = tls.and_then(Tls::expiry) {
            let help = "When the certificate ends, in seconds since 1970.";
            text.gauge("vinyasa_certificate_expiry_timestamp_seconds", help, expiry)?;
        }
        let started = self.started as f64 / 1_000.0;
        text.gauge("process_start_time_seconds", "When the server started, in seconds since 1970.", started)?;
        write_process(text)
    }

    /// Operations that nobody has called are left out.
    fn write_requests(&self, text: &mut Text, api: &Api) -> fmt::Result {
        let named = api.routes.all().iter().map(|route| (route.operation.id, route.operation.method.name()));
        let all = || self.operations.iter().zip(named.clone().chain([("none", "any")]));
        text.family("vinyasa_requests_total", "counter", "Requests, by operation and how they ended.")?;
        for (operation, (name, method)) in all() {
            for (count, end) in operation.ends.iter().map(|end| end.load(Relaxed)).zip(ENDS) {
                if count > 0 {
                    let labels = format_args!("operation=\"{name}\",method=\"{method}\",status=\"{end}\"");
                    writeln!(text.0, "vinyasa_requests_total{{{labels}}} {count}")?;
                }
            }
        }
        text.family("vinyasa_request_seconds", "histogram", "Time from the head of a request to its answer.")?;
        for (operation, (name, method)) in all() {
            // First, so that no bucket, counted later, is smaller than one before it.
            let times = operation.times.each_ref().map(|time| time.load(Relaxed));
            let count: u64 = operation.ends.iter().map(|end| end.load(Relaxed)).sum();
            if count > 0 {
                let labels = format!("operation=\"{name}\",method=\"{method}\"");
                let limits = LIMITS.iter().map(|(_, limit)| *limit).zip(times);
                let seconds = operation.microseconds.load(Relaxed) as f64 / 1e6;
                text.histogram("vinyasa_request_seconds", &labels, limits, count, seconds)?;
            }
        }
        Ok(())
    }
}

fn write_database(text: &mut Text, api: &Api) -> fmt::Result {
    let figures = api.db.figures();
    text.counter("vinyasa_database_statements_total", "Statements that have run.", figures.statements)?;
    text.counter("vinyasa_database_reads_total", "Read transactions.", figures.reads)?;
    text.counter("vinyasa_database_writes_total", "Requests to write.", figures.writes)?;
    text.counter("vinyasa_database_commits_total", "Commits.", figures.commits)?;
    text.gauge("vinyasa_database_queue_length", "Requests that wait for a writer.", figures.queued)?;
    let name = "vinyasa_database_batch_size";
    text.family(name, "histogram", "Requests that shared a commit.")?;
    let limits = ["1", "2", "4", "8", "16", "32", "64", "128"].into_iter().zip(figures.batches);
    text.histogram(name, "", limits, figures.batches.iter().sum(), figures.committed as f64)
}

/// What waits is what was seen at the last look, a few seconds ago at most. Kinds of which nothing has run are left out.
fn write_jobs(text: &mut Text, figures: &Figures) -> fmt::Result {
    let waiting = figures.waiting();
    text.gauge(
        "vinyasa_jobs_queued",
        "Jobs in the queue, those that come back by themselves included.",
        waiting.queued,
    )?;
    text.gauge("vinyasa_jobs_due", "Jobs that could run and do not yet.", waiting.due)?;
    text.gauge("vinyasa_jobs_failed", "Jobs that have been given up.", waiting.failed)?;
    let all: Vec<_> = figures.kinds().iter().map(|kind| (kind.name, kind.counts())).collect();
    let ran = || all.iter().filter(|(_, counts)| counts.steps + counts.failures > 0);
    text.family("vinyasa_job_attempts_total", "counter", "Attempts at jobs, by kind and how they ended.")?;
    for (name, counts) in ran() {
        for (end, count) in [("done", counts.done), ("failed", counts.failures), ("given_up", counts.given_up)] {
            writeln!(text.0, "vinyasa_job_attempts_total{{job=\"{name}\",end=\"{end}\"}} {count}")?;
        }
    }
    let name = "vinyasa_job_step_seconds";
    text.family(name, "histogram", "Time that steps of jobs took, for which requests may have had to wait.")?;
    for (job, counts) in ran() {
        let limits = ["0.001", "0.005", "0.01", "0.025", "0.05", "0.1", "0.5", "2.5"].into_iter().zip(counts.times);
        text.histogram(name, &format!("job=\"{job}\""), limits, counts.steps, counts.seconds)?;
    }
    Ok(())
}

/// What the system knows about the process, where it is Linux.
fn write_process(text: &mut Text) -> fmt::Result {
    /// Of the times in `/proc`; the same on every Linux.
    const TICKS: f64 = 100.0;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_suffix("kB"));
        line.and_then(|number| number.trim().parse::<u64>().ok())
    };
    if let Some(kilobytes) = kilobytes("VmRSS:") {
        text.gauge("process_resident_memory_bytes", "Memory in use.", kilobytes * 1_024)?;
    }
    if let Some(kilobytes) = kilobytes("VmSize:") {
        text.gauge("process_virtual_memory_bytes", "Memory that is mapped.", kilobytes * 1_024)?;
    }
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name of the program, which may hold anything: user and system time are the 12th and the 13th.
    let times = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
    let times: Vec<f64> = times.filter_map(|time| time.parse().ok()).collect();
    if let [user, system] = times[..] {
        text.counter("process_cpu_seconds_total", "Time of processors.", (user + system) / TICKS)?;
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        text.gauge("process_open_fds", "Open files and connections.", open.count())?;
    }
    Ok(())
}

/// The text format.
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) -> fmt::Result {
        write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n")
    }

    fn counter(&mut self, name: &str, help: &str, value: impl fmt::Display) -> fmt::Result {
        self.family(name, "counter", help)?;
        writeln!(self.0, "{name} {value}")
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl fmt::Display) -> fmt::Result {
        self.family(name, "gauge", help)?;
        writeln!(self.0, "{name} {value}")
    }

    /// `buckets` holds each limit with what lies between it and the one before.
    fn histogram<'a>(
        &mut self,
        name: &str,
        labels: &str,
        buckets: impl Iterator<Item = (&'a str, u64)>,
        count: u64,
        sum: f64,
    ) -> fmt::Result {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut below = 0;
        for (limit, more) in buckets {
            below += more;
            writeln!(self.0, "{name}_bucket{{{labels}{comma}le=\"{limit}\"}} {below}")?;
        }
        writeln!(self.0, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {}", count.max(below))?;
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        writeln!(self.0, "{name}_sum{labels} {sum}\n{name}_count{labels} {}", count.max(below))
    }
}

/// Serves the metrics, and nothing else, on an address of their own.
pub async fn serve(listener: TcpListener, http: Arc<Http>) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection for metrics could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let http = Arc::clone(&http);
        let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let answer = match request.uri().path() {
                PATH | "/metrics" => http.metrics(),
                _ => nothing_there().map(Either::Left),
            };
            async move { Ok::<_, Infallible>(answer) }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), answer);
        tokio::spawn(async move { drop(connection.await) });
    }
}

fn nothing_there() -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(format!("Here are metrics alone: {PATH}\n")));
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer
}
