//! Where the server is, and how it is reached.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

use crate::error::Error;

/// How long a server may take to accept a connection, unless its address says otherwise.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Plans as the statements are written, on both engines the same: tables are joined in the order of the text, row by
/// row, each by an index, whatever statistics say or (on new tables) do not say yet. A statement is planned once for
/// all parameters, which costs more than running it. A planner that compiles machine code only loses time.
const PLANS: &str = "SET plan_cache_mode = force_generic_plan; SET join_collapse_limit = 1; \
    SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off; SET enable_bitmapscan = off; \
    SET jit = off";

/// Where the server is, and what its sessions are told first.
pub(super) struct Address {
    pub config: Config,
    pub settings: String,
}

/// One of the places at which the server may be.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Named(String, u16),
    Numbered(IpAddr, u16),
    Socket(PathBuf),
}

pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Address {
    /// Reads an address; None if it is none. `deadline` is how long a statement may take.
    pub fn parse(url: &str, deadline: Duration) -> Option<Self> {
        let mut config: Config = url.parse().ok()?;
        config.application_name("vinyasa");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIME);
        }
        let settings = format!(
            "SET synchronous_commit = on; SET statement_timeout = {}; SET client_min_messages = warning; {PLANS}",
            deadline.as_millis().max(1)
        );
        Some(Address { config, settings })
    }

    /// The places to try, in their order.
    pub fn places(&self) -> Vec<Place> {
        let port = |at: usize| match self.config.get_ports() {
            [] => 5432,
            [port] => *port,
            ports => ports.get(at).copied().unwrap_or(5432),
        };
        let numbers = self.config.get_hostaddrs();
        if !numbers.is_empty() {
            return numbers.iter().enumerate().map(|(at, number)| Place::Numbered(*number, port(at))).collect();
        }
        let hosts = self.config.get_hosts().iter().enumerate();
        let place = |(at, host): (usize, &Host)| match host {
            Host::Tcp(name) => Place::Named(name.clone(), port(at)),
            Host::Unix(directory) => Place::Socket(socket(directory, port(at))),
        };
        hosts.map(place).collect()
    }

    /// Opens a stream to a place.
    pub async fn reach(&self, place: &Place) -> io::Result<Stream> {
        let connect = async {
            match place {
                Place::Named(name, port) => self.tuned(TcpStream::connect((&**name, *port)).await?),
                Place::Numbered(number, port) => self.tuned(TcpStream::connect((*number, *port)).await?),
                Place::Socket(path) => Ok(Stream::Unix(UnixStream::connect(path).await?)),
            }
        };
        let patience = self.config.get_connect_timeout().copied().unwrap_or(CONNECT_TIME);
        tokio::time::timeout(patience, connect).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    fn tuned(&self, stream: TcpStream) -> io::Result<Stream> {
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        if self.config.get_keepalives() {
            let mut keepalive = TcpKeepalive::new().with_time(self.config.get_keepalives_idle());
            if let Some(interval) = self.config.get_keepalives_interval() {
                keepalive = keepalive.with_interval(interval);
            }
            if let Some(retries) = self.config.get_keepalives_retries() {
                keepalive = keepalive.with_retries(retries);
            }
            socket.set_tcp_keepalive(&keepalive)?;
        }
        #[cfg(target_os = "linux")]
        if let Some(patience) = self.config.get_tcp_user_timeout() {
            socket.set_tcp_user_timeout(Some(*patience))?;
        }
        Ok(Stream::Tcp(stream))
    }

    /// A connection for what is not done often: it does everything, and nothing fast. It lives on the runtime on which
    /// this is called.
    pub async fn client(&self) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = self.config.connect(NoTls).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(error = %Error::from(error), "lost a connection to the database");
            }
        });
        client.batch_execute(&self.settings).await?;
        Ok(client)
    }
}

fn socket(directory: &Path, port: u16) -> PathBuf {
    directory.join(format!(".s.PGSQL.{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(url: &str) -> String {
        format!("{:?}", Address::parse(url, Duration::ZERO).unwrap().places())
    }

    #[test]
    fn every_place_is_tried() {
        assert_eq!(places("postgres://me@db.example/d"), r#"[Named("db.example", 5432)]"#);
        assert_eq!(places("postgres://a:1,b:2/d"), r#"[Named("a", 1), Named("b", 2)]"#);
        assert_eq!(places("postgres:///d?host=/run/pg&port=7"), r#"[Socket("/run/pg/.s.PGSQL.7")]"#);
        assert_eq!(places("postgres://%2Frun%2Fpg/d"), r#"[Socket("/run/pg/.s.PGSQL.5432")]"#);
        assert_eq!(places("postgres://a:9/d?hostaddr=127.0.0.1"), "[Numbered(127.0.0.1, 9)]");
        assert!(Address::parse("http://a", Duration::ZERO).is_none());
    }
}
