//! Connections: accepted, served, and brought to an end.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::http::Http;

/// How often an HTTP/2 client is asked whether it is still there.
const PING: Duration = Duration::from_secs(60);

/// All connections of the server.
pub struct Connections {
    accepting: JoinSet<()>,
    graceful: Arc<GracefulShutdown>,
}

impl Connections {
    /// Accepts connections and serves them. One that brings no head of a request for so long as `idle` is closed.
    pub fn accept(listeners: Vec<TcpListener>, http: &Arc<Http>, idle: Duration) -> Self {
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

async fn accept_from(listener: TcpListener, http: Arc<Http>, graceful: Arc<GracefulShutdown>, idle: Duration) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => serve(stream, &http, &graceful, idle),
            Err(error) => {
                // Too many open files, for one: it passes when some are closed.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Serves HTTP/1.1 or HTTP/2, whichever the client speaks.
fn serve(stream: TcpStream, http: &Arc<Http>, graceful: &GracefulShutdown, idle: Duration) {
    // Only costs speed.
    drop(stream.set_nodelay(true));
    let patience = Patience::default();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(patience.clone()).header_read_timeout(idle).pipeline_flush(true);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(PING);
    let http = Arc::clone(http);
    let begun = Arc::new(AtomicBool::new(false));
    let has_begun = Arc::clone(&begun);
    let answer = service_fn(move |request| {
        begun.store(true, Relaxed);
        let http = Arc::clone(&http);
        async move { http.answer(request).await }
    });
    let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), answer).into_owned());
    tokio::spawn(async move {
        let mut connection = std::pin::pin!(connection);
        let mut alarm = std::pin::pin!(tokio::time::sleep(idle));
        let served = loop {
            tokio::select! {
                biased;
                served = &mut connection => break served,
                () = &mut alarm => {
                    // Until it is known which HTTP is spoken, there is no other timeout.
                    if !has_begun.load(Relaxed) {
                        break Ok(());
                    }
                    // If its time is over, the connection finds that out now.
                    alarm.as_mut().reset(patience.ends_after(now()).unwrap_or(now() + idle).into());
                }
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection ended");
        }
    });
}

/// Until when a connection waits for the head of its next request. A timer of the runtime for each would be started and
/// stopped with every request; here each just says when its time is over, and the connection has one timer, which it
/// starts anew when it goes off.
#[derive(Clone, Debug, Default)]
struct Patience(Arc<Mutex<Option<Instant>>>);

impl Patience {
    fn set(&self, end: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }

    fn ends_after(&self, now: Instant) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).filter(|end| *end > now)
    }
}

impl Timer for Patience {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(now() + duration)
    }

    fn sleep_until(&self, end: Instant) -> Pin<Box<dyn Sleep>> {
        self.set(Some(end));
        Box::pin(Waiting { end, patience: self.clone() })
    }
}

/// A connection that waits. It is looked at again whenever something comes, and when its timer goes off.
struct Waiting {
    end: Instant,
    patience: Patience,
}

impl Sleep for Waiting {}

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if now() < self.end { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.patience.set(None);
    }
}

#[expect(clippy::disallowed_methods, reason = "measures")]
fn now() -> Instant {
    Instant::now()
}
