//! A request and what became of it, for the log.

use std::net::IpAddr;
use std::time::Instant;

use hyper::{Method, Request, Uri};

/// The name under which the filter of the log knows requests: `log = "info,request=debug"`.
const TARGET: &str = "request";

/// A request that is being answered.
pub struct Exchange {
    began: Instant,
    /// What the log will tell, if it is to tell anything.
    told: Option<Told>,
}

struct Told {
    method: Method,
    uri: Uri,
    client: IpAddr,
}

impl Exchange {
    /// A request has arrived.
    #[expect(clippy::disallowed_methods, reason = "measures")]
    pub fn begin<B>(request: &Request<B>, client: IpAddr) -> Self {
        let told = tracing::enabled!(target: TARGET, tracing::Level::DEBUG).then(|| Told {
            method: request.method().clone(),
            uri: request.uri().clone(),
            client,
        });
        Exchange { began: Instant::now(), told }
    }

    /// It was answered with this status and so many bytes.
    #[expect(clippy::disallowed_methods, reason = "measures")]
    pub fn end(self, status: u16, bytes: u64) {
        if let Some(Told { method, uri, client }) = self.told {
            let ms = self.began.elapsed().as_micros() as f64 / 1_000.0;
            // Not the query: a token may stand in it.
            let path = uri.path();
            tracing::debug!(target: TARGET, %client, %method, path, status, bytes, ms, "answered");
        }
    }
}
