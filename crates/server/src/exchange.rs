//! A request and what became of it, for the metrics and the log.

use std::net::IpAddr;
use std::time::Instant;

use engine::Api;
use hyper::{Method, Request, Uri};

use crate::account;
use crate::metrics::Metrics;

/// The name under which the filter of the log knows requests: `log = "info,request=debug"`.
const TARGET: &str = "request";

/// A request that is being answered. When it is dropped before it has ended, its client has left.
pub struct Exchange<'a> {
    metrics: &'a Metrics,
    number: usize,
    began: Instant,
    /// The status and the length of the answer.
    answer: Option<(u16, u64)>,
    /// What the log will tell, if it is to tell anything.
    told: Option<Told>,
}

struct Told {
    method: Method,
    uri: Uri,
    client: IpAddr,
}

impl<'a> Exchange<'a> {
    /// A request has arrived.
    #[expect(clippy::disallowed_methods, reason = "measures")]
    pub fn begin<B>(metrics: &'a Metrics, api: &Api, request: &Request<B>, client: IpAddr) -> Self {
        let told = tracing::enabled!(target: TARGET, tracing::Level::DEBUG).then(|| Told {
            method: request.method().clone(),
            uri: request.uri().clone(),
            client,
        });
        let began = Instant::now();
        let number = metrics.begin(api, request.method().as_str(), request.uri().path());
        Exchange { metrics, number, began, answer: None, told }
    }

    /// It was answered with this status and so many bytes.
    pub fn end(mut self, status: u16, bytes: u64) {
        self.answer = Some((status, bytes));
    }
}

impl Drop for Exchange<'_> {
    #[expect(clippy::disallowed_methods, reason = "measures")]
    fn drop(&mut self) {
        let time = self.began.elapsed();
        self.metrics.end(self.number, self.answer.map(|(status, _)| status), time);
        if let Some(Told { method, uri, client }) = &self.told {
            let ms = time.as_micros() as f64 / 1_000.0;
            // Not the query: a token may stand in it. Nor the secret of an invitation.
            let path = account::without_secret(uri.path());
            match self.answer {
                Some((status, bytes)) => {
                    tracing::debug!(target: TARGET, %client, %method, path, status, bytes, ms, "answered");
                }
                None => tracing::debug!(target: TARGET, %client, %method, path, ms, "left before its answer"),
            }
        }
    }
}
