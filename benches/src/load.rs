//! Load over loopback: so many connections, each with one request after the other, for so long.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The bytes of requests. A connection sends them in turn, each beginning somewhere else.
pub type Requests = Arc<Vec<Vec<u8>>>;

/// What to send, and how fast.
#[derive(Clone)]
pub struct Load {
    /// Where to. Always an address of this machine's loopback.
    pub address: SocketAddr,
    pub requests: Requests,
    pub connections: usize,
    pub time: Duration,
    /// Requests a second over all connections; when absent, a connection sends as soon as it has its answer.
    pub rate: Option<f64>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Run {
    seconds: f64,
    /// Of each request, in microseconds. With a rate, it counts from the moment at which the request was due.
    latencies: Vec<u32>,
}

impl Run {
    pub fn requests(&self) -> usize {
        self.latencies.len()
    }

    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.seconds
    }

    /// The time in milliseconds that this share of the requests did not exceed.
    pub fn percentile(&mut self, share: f64) -> f64 {
        if self.latencies.is_empty() {
            return f64::NAN;
        }
        let at = (self.latencies.len() as f64 * share) as usize;
        let at = at.min(self.latencies.len() - 1);
        f64::from(*self.latencies.select_nth_unstable(at).1) / 1_000.0
    }

    pub fn add(&mut self, other: Run) {
        self.seconds += other.seconds;
        self.latencies.extend(other.latencies);
    }
}

/// A GET of the API.
pub fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET /api/1.0{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n").into_bytes()
}

/// A request of the API with a body of JSON.
pub fn send(method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} /api/1.0{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends a load and waits for its end. Any answer but a 200 or 201 ends it with an error.
pub async fn run(load: &Load) -> anyhow::Result<Run> {
    let mut connections = Vec::new();
    for _ in 0..load.connections {
        connections.push(Connection::open(load.address).await?);
    }
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for (number, connection) in connections.into_iter().enumerate() {
        tasks.spawn(drive(connection, load.clone(), number, start));
    }
    let mut run = Run::default();
    while let Some(done) = tasks.join_next().await {
        run.latencies.extend(done??);
    }
    run.seconds = start.elapsed().as_secs_f64();
    Ok(run)
}

async fn drive(mut connection: Connection, load: Load, number: usize, start: Instant) -> anyhow::Result<Vec<u32>> {
    let mut latencies = Vec::new();
    let mut next = number * load.requests.len() / load.connections;
    for count in 0.. {
        let due = match load.rate {
            Some(rate) => {
                let due = start + Duration::from_secs_f64((count * load.connections + number) as f64 / rate);
                tokio::time::sleep_until(due.into()).await;
                due
            }
            None => Instant::now(),
        };
        if due.duration_since(start) >= load.time {
            break;
        }
        connection.exchange(&load.requests[next]).await?;
        latencies.push(due.elapsed().as_micros() as u32);
        next = if next + 1 == load.requests.len() { 0 } else { next + 1 };
    }
    Ok(latencies)
}

/// A connection, kept alive.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(address).await.context("connects to the server")?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: vec![0; 1 << 16] })
    }

    /// Sends a request and reads its answer, of which the body is returned.
    pub async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<&[u8]> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let mut answer = None;
        while answer.is_none_or(|(head, length)| filled < head + length) {
            if filled == self.buffer.len() {
                self.buffer.resize(2 * filled, 0);
            }
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            filled += read;
            if answer.is_none() {
                answer = head(&self.buffer[..filled])?;
            }
        }
        let (head, length) = answer.unwrap_or_default();
        let body = &self.buffer[head..head + length];
        match &self.buffer[..12.min(head)] {
            b"HTTP/1.1 200" | b"HTTP/1.1 201" => Ok(body),
            status => bail!("{}: {}", String::from_utf8_lossy(status), String::from_utf8_lossy(body)),
        }
    }
}

/// The length of an answer's head and of its body, once the head is complete.
fn head(answer: &[u8]) -> anyhow::Result<Option<(usize, usize)>> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let lines = answer[..end].split(|byte| *byte == b'\n');
    let length = lines.filter_map(|line| {
        let (name, value) = line.split_at_checked(b"content-length:".len())?;
        name.eq_ignore_ascii_case(b"content-length:").then(|| String::from_utf8_lossy(value).trim().parse())
    });
    match length.last() {
        Some(length) => Ok(Some((end + 4, length?))),
        None => bail!("an answer without a length"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_an_answer_is_read_when_it_is_complete() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\ndate: x\r\n\r\n{}";
        assert_eq!(head(answer).unwrap(), Some((answer.len() - 2, 12)));
        assert_eq!(head(&answer[..40]).unwrap(), None);
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let mut run = Run { seconds: 2.0, latencies: (1..=1_000).rev().map(|ms| ms * 1_000).collect() };
        assert_eq!((run.requests(), run.rate()), (1_000, 500.0));
        assert_eq!((run.percentile(0.5), run.percentile(0.99), run.percentile(1.0)), (501.0, 991.0, 1_000.0));
    }
}
