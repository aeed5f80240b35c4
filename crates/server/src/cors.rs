//! Which pages of other sites may call the API from a browser.
//!
//! A browser sends the token only when the page's own script gives it one, never by itself: what is decided here is whose
//! scripts may read the answers.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, DELETE");
/// What most scripts need; a browser that names others is granted those.
const HEADERS: HeaderValue = HeaderValue::from_static("Authorization, Content-Type");
/// What a script may read beside the body.
const READABLE: HeaderValue = HeaderValue::from_static("Location, Retry-After, X-Asana-Api-Version");
/// How long a browser may remember the answer: a day, of which most take two hours.
const SECONDS: HeaderValue = HeaderValue::from_static("86400");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// The origins whose pages may call.
pub struct Cors {
    origins: Vec<HeaderValue>,
}

impl Cors {
    /// Pages of these origins, `*` for all.
    pub fn new(origins: &[String]) -> Self {
        Cors { origins: origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect() }
    }

    /// What an answer says about the origin of its request; nothing where the origin may not call.
    pub fn grant(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if self.origins.is_empty() {
            return None;
        }
        let origin = headers.get(header::ORIGIN)?;
        self.origins.iter().find(|known| *known == origin || **known == ANY).cloned()
    }

    /// The answer to a browser that asks whether it may ask.
    pub fn preflight<B>(&self, request: &Request<B>) -> Option<Response<Full<Bytes>>> {
        let headers = request.headers();
        if request.method() != Method::OPTIONS || !headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let grant = self.grant(headers)?;
        let wanted = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned().unwrap_or(HEADERS);
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let out = answer.headers_mut();
        out.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        out.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
        out.insert(header::ACCESS_CONTROL_MAX_AGE, SECONDS);
        self.mark(Some(grant), out);
        Some(answer)
    }

    /// Writes the grant into the head of an answer.
    pub fn mark(&self, grant: Option<HeaderValue>, headers: &mut HeaderMap) {
        if self.origins.is_empty() {
            return;
        }
        // For caches: to another origin the answer is another.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(grant) = grant {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, grant);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, READABLE);
        }
    }
}
