//! Messages to and from the server, over one stream.
//!
//! Whoever has something to say writes it into the output, sends it in one piece, and reads the answers itself: nobody
//! else has to be woken for that, and many statements cost one turn of the network and of the scheduler.

use std::io;

use bytes::{Buf, BytesMut};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, Interest, Ready};
use tokio_postgres::{CancelToken, NoTls};

use super::address::{Address, Place, Stream};
use crate::error::Error;

/// How much is read at once at most, and kept at least.
const CHUNK: usize = 8192;

pub(super) struct Wire {
    stream: Stream,
    place: Place,
    cancel: CancelToken,
    /// What is to be sent.
    pub output: BytesMut,
    input: BytesMut,
    /// How many rounds of answers are still to come which nobody waits for.
    ignored: usize,
    /// Whether a transaction is open and fit.
    is_fit: bool,
    is_lost: bool,
}

impl Wire {
    /// Connects.
    pub async fn open(address: &Address, place: Place) -> Result<Self, Error> {
        let mut stream = address.reach(&place).await?;
        // It introduces us, and is then dropped before it could do anything else.
        let cancel = match &mut stream {
            Stream::Tcp(stream) => address.config.connect_raw(stream, NoTls).await?.0.cancel_token(),
            Stream::Unix(stream) => address.config.connect_raw(stream, NoTls).await?.0.cancel_token(),
        };
        let (output, input) = (BytesMut::with_capacity(CHUNK), BytesMut::with_capacity(CHUNK));
        Ok(Wire { stream, place, cancel, output, input, ignored: 0, is_fit: false, is_lost: false })
    }

    /// Sends the output.
    pub async fn send(&mut self) -> Result<(), Error> {
        while !self.output.is_empty() {
            if self.write()? {
                break;
            }
            // The server may have stopped reading until somebody takes its answers.
            if self.stream.ready(Interest::READABLE | Interest::WRITABLE).await?.is_readable() {
                self.read()?;
            }
        }
        Ok(())
    }

    /// Sends the output, whose answers nobody waits for; false if the network does not take it at once.
    pub fn send_ignored(&mut self) -> bool {
        self.ignored += 1;
        self.write().is_ok_and(|all| all)
    }

    /// The next message of the server.
    pub async fn next(&mut self) -> Result<Message, Error> {
        loop {
            match Message::parse(&mut self.input)? {
                Some(Message::ReadyForQuery(body)) => {
                    self.is_fit = body.status() == b'T';
                    if self.ignored == 0 {
                        return Ok(Message::ReadyForQuery(body));
                    }
                    self.ignored -= 1;
                }
                Some(Message::NoticeResponse(_) | Message::ParameterStatus(_) | Message::NotificationResponse(_)) => {}
                Some(message) if self.ignored == 0 => return Ok(message),
                Some(_) => {}
                None => self.receive().await?,
            }
        }
    }

    /// Whether the last round of answers has left a transaction open in which statements can run.
    pub fn is_fit(&self) -> bool {
        self.is_fit
    }

    /// Whether the connection is known to be lost.
    pub fn is_lost(&mut self) -> bool {
        // Should the server have gone, this is what it has left.
        self.is_lost || self.read().is_err()
    }

    /// Asks the server to stop what it does for this connection.
    pub async fn cancel(self, address: &Address) {
        let Ok(stream) = address.reach(&self.place).await else { return };
        drop(match stream {
            Stream::Tcp(stream) => self.cancel.cancel_query_raw(stream, NoTls).await,
            Stream::Unix(stream) => self.cancel.cancel_query_raw(stream, NoTls).await,
        });
    }

    async fn receive(&mut self) -> Result<(), Error> {
        self.input.reserve(CHUNK);
        let read = match &mut self.stream {
            Stream::Tcp(stream) => stream.read_buf(&mut self.input).await,
            Stream::Unix(stream) => stream.read_buf(&mut self.input).await,
        };
        self.check(read).map(drop)
    }

    /// Reads what has come.
    fn read(&mut self) -> Result<(), Error> {
        loop {
            self.input.reserve(CHUNK);
            let read = self.stream.try_read(&mut self.input);
            if would_block(&read) {
                return Ok(());
            }
            self.check(read)?;
        }
    }

    /// Writes as much as the network takes; whether that was all.
    fn write(&mut self) -> Result<bool, Error> {
        let written = self.stream.try_write(&self.output);
        if !would_block(&written) {
            let count = self.check(written)?;
            self.output.advance(count);
        }
        Ok(self.output.is_empty())
    }

    /// Nothing read is the end.
    fn check(&mut self, count: io::Result<usize>) -> Result<usize, Error> {
        self.is_lost |= !matches!(count, Ok(1..));
        match count? {
            0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            count => Ok(count),
        }
    }
}

impl Drop for Wire {
    /// Takes leave, so that the server does not wonder.
    fn drop(&mut self) {
        self.output.clear();
        frontend::terminate(&mut self.output);
        drop(self.write());
    }
}

impl Stream {
    async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        match self {
            Stream::Tcp(stream) => stream.ready(interest).await,
            Stream::Unix(stream) => stream.ready(interest).await,
        }
    }

    fn try_read(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.try_read_buf(buffer),
            Stream::Unix(stream) => stream.try_read_buf(buffer),
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.try_write(bytes),
            Stream::Unix(stream) => stream.try_write(bytes),
        }
    }
}

fn would_block(result: &io::Result<usize>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Engine(match error.kind() {
            io::ErrorKind::UnexpectedEof => "the server has closed the connection".to_owned(),
            _ => format!("the connection to the server: {error}"),
        })
    }
}
