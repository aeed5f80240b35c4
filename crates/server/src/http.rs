//! HTTP around the API: a request is read whole, answered, and written whole.

use std::fmt;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use auth::token;
use bytes::{Bytes, BytesMut};
use engine::operation::Method;
use engine::{Api, Error};
use futures_util::FutureExt;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use jobs::Queue;
use resources::attachment;
use subtle::ConstantTimeEq;

use crate::config::Config;
use crate::cors::Cors;
use crate::download;
use crate::exchange::Exchange;
use crate::files::{Files, Stored};
use crate::login::Logins;
use crate::metrics::{self, Metrics, Traffic};
use crate::proxy::{Caller, Front, Peer};
use crate::same_origin::{Source, source};
use crate::test_mode::{Fate, PREFIX_OF_TESTS, TestMode};
use crate::tls::Tls;
use crate::upload::{self, Form};
use crate::{VERSION, account, cookie, page};

/// What is said on every answer of the API.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");
pub(crate) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=UTF-8");
const API_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-asana-api-version"), HeaderValue::from_static("1.1"));

/// Where the API describes itself.
const DESCRIPTION: &str = "/api/1.0/openapi.json";

/// How much of a body that is too large is still read, so that its sender comes to read the refusal.
const PATIENCE: usize = 64 << 20;

/// The server's side of HTTP.
pub struct Http {
    api: Arc<Api>,
    body_limit: usize,
    attachment_limit: usize,
    files: Files,
    body_timeout: Duration,
    request_timeout: Duration,
    front: Front,
    cors: Cors,
    logins: Logins,
    metrics: Metrics,
    /// Who has it may see the metrics.
    metrics_token: Option<String>,
    /// Where certificates are, for the metrics.
    tls: Option<Arc<Tls>>,
    queue: Option<Arc<Queue>>,
    stopping: AtomicBool,
    /// The description of the API, once somebody has asked for it.
    description: OnceLock<Bytes>,
    test: Option<TestMode>,
}

/// An answer on its way out.
pub type Answer = Response<download::Body>;

/// No answer is sent: the connection is closed. Only test mode does that.
#[derive(Debug)]
pub struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("closed without an answer on demand")
    }
}

impl std::error::Error for Dropped {}

impl Http {
    /// HTTP around this API, in test mode or not. `address` is where the server is.
    pub fn new(api: Arc<Api>, config: &Config, files: Files, address: &str, test: Option<TestMode>) -> Self {
        Http {
            metrics: Metrics::new(&api),
            logins: Logins::new(&api, config),
            metrics_token: config.metrics_token.clone(),
            tls: None,
            queue: None,
            api,
            body_limit: config.body_limit,
            attachment_limit: config.attachment_limit,
            files,
            body_timeout: config.body_timeout,
            request_timeout: config.request_timeout,
            front: Front::new(config, address),
            cors: Cors::new(&config.cors_origins),
            stopping: AtomicBool::new(false),
            description: OnceLock::new(),
            test,
        }
    }

    /// The same, with the certificates that it is served with.
    pub fn with_tls(self, tls: Option<Arc<Tls>>) -> Self {
        Http { tls, ..self }
    }

    /// The same, with the queue whose figures are among the metrics.
    pub fn with_queue(self, queue: Arc<Queue>) -> Self {
        Http { queue: Some(queue), ..self }
    }

    /// The count of connections.
    pub fn traffic(&self) -> &Arc<Traffic> {
        self.metrics.traffic()
    }

    /// The metrics, for whoever may see them.
    pub fn metrics(&self) -> Answer {
        self.metrics.answer(&self.api, self.tls.as_deref(), self.queue.as_deref()).map(Either::Left)
    }

    /// From now on the server is not ready for new clients.
    pub fn stop(&self) {
        self.stopping.store(true, Relaxed);
    }

    /// Answers a request. A panic becomes a 500 and touches no other request.
    pub async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Result<Answer, Dropped> {
        let Caller { base, address } = self.front.caller(peer, request.headers(), request.uri().authority());
        let exchange = Exchange::begin(&self.metrics, &self.api, &request, address);
        let grant = self.cors.grant(request.headers());
        let answer = match self.cors.preflight(&request) {
            Some(answer) => answer.map(Either::Left),
            None => {
                let answered = AssertUnwindSafe(self.dispatch(request, &base, address)).catch_unwind().await;
                let mut answer = answered.unwrap_or_else(|_| Ok(self.refuse(&Error::server(), &base)))?;
                self.cors.mark(grant, answer.headers_mut());
                answer
            }
        };
        exchange.end(answer.status().as_u16(), answer.body().size_hint().lower());
        Ok(answer)
    }

    async fn dispatch(&self, request: Request<Incoming>, base: &Arc<str>, address: IpAddr) -> Result<Answer, Dropped> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        if path == DESCRIPTION && matches!(head.method.as_str(), "GET" | "HEAD") {
            // It names the server by a path, which holds whatever the caller calls the server.
            let text = self.description.get_or_init(|| engine::openapi::document(&self.api, "").into());
            return Ok(with_type(StatusCode::OK, JSON, text.clone()));
        }
        if account::is_here(path) {
            let read = self.read_body(body, &head.headers, account::BODY_LIMIT).await;
            let body = match read {
                Ok(body) => body,
                Err(error) => return Ok(self.refuse(&error, base)),
            };
            let visit = account::Visit {
                method: &head.method,
                path,
                headers: &head.headers,
                authority: head.uri.authority(),
                body: &body,
                base,
                address,
            };
            let _shared = match &self.test {
                Some(test) => Some(test.share().await),
                None => None,
            };
            return Ok(account::answer(&self.logins, &self.api, &visit).await);
        }
        if let Some(below) = engine::path_of_operation(path) {
            let query = head.uri.query().unwrap_or_default();
            let credential = Credential::of(&head.headers, query, base);
            if credential.by_cookie
                && !matches!(head.method.as_str(), "GET" | "HEAD")
                && source(&head.headers, head.uri.authority(), base) != Source::Same
            {
                self.wait_for_sender(body, &head.headers).await;
                let refusal =
                    "A session may only be used by pages of this server (Origin, Sec-Fetch-Site or X-Same-Origin).";
                return Ok(self.refuse(&Error::forbidden(refusal), base));
            }
            let request = engine::Request {
                method: Method::parse(head.method.as_str()),
                path: below,
                query,
                token: credential.digest,
                content_type: text(&head.headers, &header::CONTENT_TYPE),
                body: &[],
                base: Arc::clone(base),
                upload: None,
            };
            let answer = if upload::is_form_of_parts(&head.headers) {
                self.take_form(request, body, &head.headers).await
            } else {
                match self.read_body(body, &head.headers, self.body_limit).await {
                    Ok(body) => self.ask(&engine::Request { body: &body, ..request }).await.map(from_api),
                    Err(error) => Ok(self.refuse(&error, base)),
                }
            };
            if let (true, Some(digest), Ok(answer)) = (credential.by_cookie, credential.digest, &answer)
                && answer.status() != StatusCode::UNAUTHORIZED
            {
                self.logins.notice(&self.api, &digest).await;
            }
            return answer;
        }
        if path.starts_with(attachment::FILES) && matches!(head.method.as_str(), "GET" | "HEAD") {
            let query = head.uri.query().unwrap_or_default();
            let answer = download::answer(&self.api, &self.files, &head.method, path, query, &head.headers).await;
            return Ok(answer.unwrap_or_else(|error| self.refuse(&error, base)));
        }
        if path == attachment::PERMANENT && matches!(head.method.as_str(), "GET" | "HEAD") {
            return self.lead_to_file(&head.headers, head.uri.query().unwrap_or_default(), base).await;
        }
        if let (Some(test), Some(below)) = (&self.test, below(path, PREFIX_OF_TESTS)) {
            let answered = match self.read_body(body, &head.headers, self.body_limit).await {
                Ok(body) => test.answer(&self.api, head.method.as_str(), below, &body).await,
                Err(error) => Err(error),
            };
            if below == "/reset" && answered.is_ok() {
                self.logins.forget();
            }
            return Ok(from_api(answered.unwrap_or_else(|error| self.api.refuse(&error, base))));
        }
        Ok(match (head.method.as_str(), path) {
            ("GET" | "HEAD", "/-/health/live") => say(StatusCode::OK, "{\"status\":\"live\"}".to_owned()),
            ("GET" | "HEAD", "/-/health/ready") => self.ready().await,
            ("GET" | "HEAD", "/-/version") => say(StatusCode::OK, format!("{{\"version\":\"{VERSION}\"}}")),
            ("GET" | "HEAD", metrics::PATH) => self.metrics_for(&head.headers, base),
            ("GET" | "HEAD", "/docs/errors") => with_type(StatusCode::OK, HTML, page::error::errors().into()),
            _ => self.refuse(&Error::no_route(), base),
        })
    }

    async fn respond(&self, request: &engine::Request<'_>) -> Fate {
        match &self.test {
            None => Fate::Answered(self.api.respond(request).await),
            Some(test) => test.respond(&self.api, request).await,
        }
    }

    async fn ask(&self, request: &engine::Request<'_>) -> Result<engine::Response, Dropped> {
        match tokio::time::timeout(self.request_timeout, self.respond(request)).await {
            Ok(Fate::Answered(response)) => Ok(response),
            Ok(Fate::Dropped) => Err(Dropped),
            Err(_) => Ok(self.api.refuse(&too_long(), &request.base)),
        }
    }

    /// Answers a form of several parts. Its file is there before the API hears of it, and goes again when it is refused.
    async fn take_form(
        &self,
        request: engine::Request<'_>,
        body: Incoming,
        headers: &HeaderMap,
    ) -> Result<Answer, Dropped> {
        let admitted = match self.api.admit_upload(&request).await {
            Ok(()) if body.size_hint().lower() > (self.attachment_limit as u64).saturating_add(upload::AROUND) => {
                Err(Error::too_large(self.attachment_limit))
            }
            admitted => admitted,
        };
        let received = match admitted {
            Ok(()) => {
                let (limit, patience) = (self.attachment_limit, self.body_timeout);
                upload::receive(body, headers, &self.files, limit, patience).await
            }
            Err(error) => {
                self.wait_for_sender(body, headers).await;
                Err(error)
            }
        };
        let Form { text, file } = match received {
            Ok(form) => form,
            Err(error) => return Ok(self.refuse(&error, &request.base)),
        };
        let (stored, upload) = file.unzip();
        // If this client leaves now, the row may come all the same, and must find the file.
        let kept = stored.map(Stored::keep);
        let form = Some("application/x-www-form-urlencoded");
        let request = engine::Request { content_type: form, body: text.as_bytes(), upload, ..request };
        let response = self.ask(&request).await?;
        // After a failure nobody can be sure; the sweep will see.
        if let Some(name) = kept.filter(|_| (400..500).contains(&response.status))
            && let Err(error) = self.files.delete(&name).await
        {
            tracing::warn!(%error, file = name, "a file that was not wanted stays");
        }
        Ok(from_api(response))
    }

    /// Leads whoever may see an attachment to where it is.
    async fn lead_to_file(&self, headers: &HeaderMap, query: &str, base: &Arc<str>) -> Result<Answer, Dropped> {
        let pairs = engine::parameter::parse_pairs(query).unwrap_or_default();
        let asset = pairs.iter().find(|(name, _)| name == "asset_id").and_then(|(_, gid)| model::gid::parse(gid));
        let Some(asset) = asset else {
            return Ok(self.refuse(&Error::no_route(), base));
        };
        let request = engine::Request {
            method: Some(Method::Get),
            path: &format!("/attachments/{asset}"),
            query: "opt_fields=view_url",
            token: Credential::of(headers, query, base).digest,
            content_type: None,
            body: &[],
            base: Arc::clone(base),
            upload: None,
        };
        let response = self.ask(&request).await?;
        let record: serde_json::Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let place = record["data"]["view_url"].as_str().and_then(|url| HeaderValue::from_str(url).ok());
        let Some(place) = place.filter(|_| response.status == 200) else {
            return Ok(from_api(response));
        };
        let mut answer = with_type(StatusCode::FOUND, JSON, Bytes::new());
        answer.headers_mut().insert(header::LOCATION, place);
        Ok(answer)
    }

    /// Whether new requests can be served.
    async fn ready(&self) -> Answer {
        let reason = match self.api.db.probe().await {
            Err(error) => {
                tracing::warn!(%error, "not ready");
                "database"
            }
            Ok(()) if self.stopping.load(Relaxed) => "stopping",
            Ok(()) => return say(StatusCode::OK, "{\"status\":\"ready\"}".to_owned()),
        };
        say(StatusCode::SERVICE_UNAVAILABLE, format!("{{\"status\":\"not ready\",\"reason\":\"{reason}\"}}"))
    }

    /// The metrics, if there is a token for them, for whoever sends it.
    fn metrics_for(&self, headers: &HeaderMap, base: &str) -> Answer {
        let sent = text(headers, &header::AUTHORIZATION).and_then(|sent| sent.strip_prefix("Bearer "));
        match (&self.metrics_token, sent) {
            (None, _) => self.refuse(&Error::no_route(), base),
            (Some(token), Some(sent)) if token.as_bytes().ct_eq(sent.as_bytes()).into() => self.metrics(),
            (Some(_), _) => self.refuse(&Error::not_authorized(), base),
        }
    }

    fn refuse(&self, error: &Error, base: &str) -> Answer {
        from_api(self.api.refuse(error, base))
    }

    /// Lets a client that is refused send on, so that it comes to read why.
    async fn wait_for_sender(&self, body: Incoming, headers: &HeaderMap) {
        // A sender that waits to be told to go on is simply not told so.
        if !headers.contains_key(header::EXPECT) {
            drop(tokio::time::timeout(self.body_timeout, discard(body)).await);
        }
    }

    async fn read_body(&self, body: Incoming, headers: &HeaderMap, limit: usize) -> Result<Bytes, Error> {
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        let too_large = || Error::too_large(limit);
        if body.size_hint().lower() > limit as u64 {
            self.wait_for_sender(body, headers).await;
            return Err(too_large());
        }
        let read = tokio::time::timeout(self.body_timeout, collect(body, limit)).await;
        match read {
            Ok(Ok(Some(body))) => Ok(body),
            Ok(Ok(None)) => Err(too_large()),
            Ok(Err(_)) => Err(Error::bad("The request body could not be read")),
            Err(_) => Err(Error { status: 408, ..Error::bad("The request body did not arrive in time") }),
        }
    }
}

/// A write that has begun runs to its end all the same, so nobody can say what has become of it.
fn too_long() -> Error {
    Error { status: 504, ..Error::bad("The request took too long. What it was to change may still be changed.") }
}

/// What a request proves its caller with.
struct Credential {
    digest: Option<engine::access::Digest>,
    /// Whether a browser sends it by itself, whoever wrote the page.
    by_cookie: bool,
}

impl Credential {
    /// A token, in the header or in the query, or else the session of a cookie.
    fn of(headers: &HeaderMap, query: &str, base: &str) -> Self {
        let token = text(headers, &header::AUTHORIZATION).and_then(token::from_header);
        let token = token.or_else(|| token::from_query(query));
        if token.is_some() || headers.contains_key(header::AUTHORIZATION) {
            return Credential { digest: token, by_cookie: false };
        }
        let digest = cookie::read(headers, base);
        Credential { digest, by_cookie: digest.is_some() }
    }
}

/// What follows a prefix in a path that lies below it.
fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|below| below.is_empty() || below.starts_with('/'))
}

/// The whole body; `None` when it is larger than the limit.
async fn collect(mut body: Incoming, limit: usize) -> hyper::Result<Option<Bytes>> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        if first.len() + all.len() + data.len() > limit {
            discard(body).await;
            return Ok(None);
        }
        if first.is_empty() && all.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    Ok(Some(if all.is_empty() { first } else { all.freeze() }))
}

/// Reads on for a while without keeping anything.
async fn discard(mut body: Incoming) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > PATIENCE {
            return;
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

pub(crate) fn from_api(response: engine::Response) -> Answer {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = with_type(status, JSON, response.body.into());
    let headers = answer.headers_mut();
    let (name, value) = API_VERSION;
    headers.insert(name, value);
    if let Some(location) = response.location.and_then(|location| location.try_into().ok()) {
        headers.insert(header::LOCATION, location);
    }
    if let Some(seconds) = response.retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

fn say(status: StatusCode, json: String) -> Answer {
    with_type(status, JSON, json.into())
}

pub(crate) fn with_type(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type);
    answer
}
