//! Connections: accepted, served, and brought to an end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::task::JoinSet;

use crate::http::Http;
use crate::listener::{Listener, Stream};
use crate::proxy::Peer;

/// How often an HTTP/2 client is asked whether it is still there.
const PING: Duration = Duration::from_secs(60);

/// All connections of the server.
pub struct Connections {
    accepting: JoinSet<()>,
    graceful: Arc<GracefulShutdown>,
}

impl Connections {
    /// Accepts connections and serves them. One that brings no head of a request for so long as `idle` is closed.
    pub fn accept(listeners: Vec<Listener>, http: &Arc<Http>, idle: Duration) -> Self {
        let graceful = Arc::new(GracefulShutdown::new());
        let mut accepting = JoinSet::new();
        for listener in listeners {
            accepting.spawn(accept_from(listener, Arc::clone(http), Arc::clone(&graceful), idle));
        }
        Connections { accepting, graceful }
    }

    /// Accepts no more, and waits until the requests that are running have been answered.
    pub async fn finish(mut self) {
        self.accepting.shutdown().await;
        if let Some(graceful) = Arc::into_inner(self.graceful) {
            graceful.shutdown().await;
        }
    }
}

async fn accept_from(listener: Listener, http: Arc<Http>, graceful: Arc<GracefulShutdown>, idle: Duration) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(idle).pipeline_flush(true);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(PING);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => serve(&builder, stream, peer, &http, &graceful, idle),
            Err(error) => {
                // Too many open files, for one: it passes when some are closed.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Serves HTTP/1.1 or HTTP/2, whichever the client speaks.
fn serve(
    builder: &auto::Builder<TokioExecutor>,
    stream: Stream,
    peer: Peer,
    http: &Arc<Http>,
    graceful: &GracefulShutdown,
    idle: Duration,
) {
    let http = Arc::clone(http);
    let begun = Arc::new(AtomicBool::new(false));
    let has_begun = Arc::clone(&begun);
    let answer = service_fn(move |request| {
        begun.store(true, Relaxed);
        let http = Arc::clone(&http);
        async move { http.answer(request, peer).await }
    });
    let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), answer).into_owned());
    tokio::spawn(async move {
        let mut connection = std::pin::pin!(connection);
        // Until it is known which HTTP is spoken, there is no other timeout.
        let served = tokio::select! {
            biased;
            served = &mut connection => served,
            () = tokio::time::sleep(idle) => match has_begun.load(Relaxed) {
                true => connection.await,
                false => Ok(()),
            },
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection ended");
        }
    });
}
