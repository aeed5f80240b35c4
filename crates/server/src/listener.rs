//! Where connections come in, and a connection as bytes, encrypted or not.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::Accept;
use tokio_rustls::server::TlsStream;

use crate::metrics::{Open, Traffic};
use crate::proxy::Peer;
use crate::tls::Tls;

/// An address that is listened on.
pub struct Listener {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    traffic: Arc<Traffic>,
}

impl Listener {
    /// Everything that comes in here is counted, and encrypted if there is TLS.
    pub fn new(listener: TcpListener, tls: Option<Arc<Tls>>, traffic: &Arc<Traffic>) -> Self {
        Listener { listener, tls, traffic: Arc::clone(traffic) }
    }

    /// The next connection, and who is at its other end.
    pub async fn accept(&self) -> io::Result<(Stream, Peer)> {
        let (stream, address) = self.listener.accept().await?;
        // Only costs speed.
        drop(stream.set_nodelay(true));
        let peer = Peer { address: address.ip(), secure: self.tls.is_some() };
        let state = match &self.tls {
            None => State::Plain(stream),
            Some(tls) => State::Greeting(Box::new(tls.accept(stream))),
        };
        Ok((Stream { state, _open: self.traffic.open() }, peer))
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Listener::new(listener, None, &Arc::default())
    }
}

/// A connection. What has to be agreed on before encrypted bytes flow is agreed on when the first are wanted, so that it
/// is bound by the same limits of time as they are.
pub struct Stream {
    state: State,
    _open: Open,
}

enum State {
    Plain(TcpStream),
    Greeting(Box<Accept<TcpStream>>),
    Encrypted(Box<TlsStream<TcpStream>>),
    /// The two ends did not come to an agreement.
    Failed,
}

impl Stream {
    /// Waits until bytes may flow.
    fn greet(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let State::Greeting(accept) = &mut self.state {
            let greeted = ready!(Pin::new(&mut **accept).poll(context));
            self.state = State::Failed;
            self.state = State::Encrypted(Box::new(greeted?));
        }
        Poll::Ready(Ok(()))
    }
}

/// Nothing can be read or written.
fn closed<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.greet(context))?;
        match &mut self.state {
            State::Plain(stream) => Pin::new(stream).poll_read(context, bytes),
            State::Encrypted(stream) => Pin::new(&mut **stream).poll_read(context, bytes),
            State::Greeting(_) | State::Failed => closed(),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.greet(context))?;
        match &mut self.state {
            State::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            State::Encrypted(stream) => Pin::new(&mut **stream).poll_write(context, bytes),
            State::Greeting(_) | State::Failed => closed(),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.greet(context))?;
        match &mut self.state {
            State::Plain(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            State::Encrypted(stream) => Pin::new(&mut **stream).poll_write_vectored(context, parts),
            State::Greeting(_) | State::Failed => closed(),
        }
    }

    /// The encrypted one gathers parts by itself.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Plain(stream) => Pin::new(stream).poll_flush(context),
            State::Encrypted(stream) => Pin::new(&mut **stream).poll_flush(context),
            // Nothing was written yet.
            State::Greeting(_) | State::Failed => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            State::Encrypted(stream) => Pin::new(&mut **stream).poll_shutdown(context),
            State::Greeting(_) | State::Failed => Poll::Ready(Ok(())),
        }
    }
}
