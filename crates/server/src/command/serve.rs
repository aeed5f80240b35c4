//! `vinyasa serve`: runs the server until it is told to stop.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use auth::password;
use clap::Args;
use engine::Api;
use jobs::{Pace, Queue};
use model::{Clock, Random};
use phrase::Phrase;
use resources::{RESOURCES, missing};
use store::{Db, Location, Statement, Type};
use tokio::net::{TcpListener, lookup_host};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::print_object;
use crate::config::{Common, Config};
use crate::connection::Connections;
use crate::failure::{Failure, Result};
use crate::files::Files;
use crate::http::Http;
use crate::listener::Listener;
use crate::open::{clock, list_workspaces, open_database, random, write_as_administrator};
use crate::organization::{Person, found_organization};
use crate::test_mode::TestMode;
use crate::tls::Tls;
use crate::{VERSION, log, metrics};

/// What the help shows after the options, before the settings.
pub const EXAMPLES: &str = "\
The first line on standard output is JSON: {\"url\":...,\"version\":...} and, with --demo, \"token\",
\"login\" and \"password\". The log goes to standard error. SIGTERM and SIGINT let running requests finish.

Examples:
  vinyasa serve --demo                           a trial, on http://127.0.0.1:8080, data in ./data
  vinyasa serve --listen 0.0.0.0:8080 --data /var/lib/vinyasa
  vinyasa serve --database postgres://vinyasa@db.example/vinyasa --profile asana
  vinyasa serve --listen 127.0.0.1:0 --database sqlite::memory: --test-mode --demo
  vinyasa serve --config vinyasa.toml --set body_limit=50MiB";

/// How many objects a step of a job may touch in test mode, however fast the machine.
const TEST_STEP: i64 = 100;

/// Run the server
#[derive(Args)]
pub struct Serve {
    /// Address to listen on; may be repeated; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<String>,
    /// PEM file with the server's certificate, for https; read again on SIGHUP
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Address of the server in answers, such as https://tasks.example.com [default: what the caller calls it]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Addresses of a proxy whose word about the caller counts: 10.0.0.0/8 or ::1; may be repeated
    #[arg(long, value_name = "CIDR")]
    trusted_proxy: Vec<String>,
    /// Origin, as https://app.example, whose pages may call from a browser; may be repeated; `*` for all
    #[arg(long, value_name = "ORIGIN")]
    cors_origin: Vec<String>,
    /// Address on which /-/metrics is served, and nothing else; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Vec<String>,
    /// Limits: `open` gates nothing, `asana` has the published ones [default: open]
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// Fill an empty database with a believable organization
    #[arg(long)]
    demo: bool,
    /// Predictable time, gids and tokens, and /-/test to reset, move the clock and inject faults; loopback only
    #[arg(long)]
    test_mode: bool,
}

impl Serve {
    pub async fn run(self, common: &Common) -> Result<()> {
        let config = Config::load(
            common,
            &[
                ("listen", joined(&self.listen)),
                ("tls_cert", self.tls_cert.as_deref().map(written)),
                ("tls_key", self.tls_key.as_deref().map(written)),
                ("public_url", self.public_url.clone()),
                ("trusted_proxy", joined(&self.trusted_proxy)),
                ("cors_origin", joined(&self.cors_origin)),
                ("metrics_listen", joined(&self.metrics_listen)),
                ("profile", self.profile.clone()),
                ("test_mode", self.test_mode.then(|| "true".to_owned())),
            ],
        )?;
        log::start(&config, "info")?;
        let mut signals = (listen_to(SignalKind::terminate())?, listen_to(SignalKind::interrupt())?);
        let hangups = listen_to(SignalKind::hangup())?;
        let tls = Tls::load(&config)?.map(Arc::new);
        let listeners = bind(&config, "listen", &config.listen).await?;
        let for_metrics = bind(&config, "metrics_listen", &config.metrics_listen).await?;
        tokio::spawn(reload_when_told(tls.clone(), hangups));
        let files = Files::new(&config, random(&config))?;
        files.check().await?;
        let db = open_database(&config, true).await?;
        let served = self.serve(&config, &db, files, Doors { listeners, for_metrics, tls }, &mut signals).await;
        if tokio::time::timeout(config.stop_timeout, db.close()).await.is_err() {
            tracing::warn!("stopped before the database had been closed");
        }
        served
    }

    async fn serve(
        &self,
        config: &Config,
        db: &Db,
        files: Files,
        doors: Doors,
        signals: &mut (Signal, Signal),
    ) -> Result<()> {
        let Doors { listeners, for_metrics, tls } = doors;
        let (clock, random) = (clock(config), random(config));
        let key = offset_key(db, &random).await?;
        let url = url_of(&listeners, tls.is_some())?;
        let begun = self.fill(config, db, &clock, &random).await?;
        let api = Api::new(db.clone(), RESOURCES, missing::MISSING, config.limits(), clock, random, key);
        let api = Arc::new(api);
        let queue = Arc::new(if config.test_mode {
            Queue::new(Arc::clone(&api), "test".to_owned(), Pace::Fixed(TEST_STEP))
        } else {
            Queue::new(Arc::clone(&api), api.random.hex(8), Pace::adaptive())
        });
        let test = if config.test_mode { Some(TestMode::new(&api, Arc::clone(&queue)).await?) } else { None };
        if test.is_some() {
            tracing::warn!("test mode: time stands still, tokens can be guessed, and whoever calls /-/test rules");
        }
        let (stop, stopping) = watch::channel(false);
        let worker = test.is_none().then(|| tokio::spawn(jobs::work(Arc::clone(&queue), stopping)));
        let sweeping = test.is_none().then(|| tokio::spawn(files.clone().sweep(Arc::clone(&api))));
        let http = Arc::new(Http::new(api, config, files, &url, test).with_tls(tls.clone()).with_queue(queue));
        let metrics_url = for_metrics.first().map(|_| url_of(&for_metrics, false)).transpose()?;
        for listener in for_metrics {
            tokio::spawn(metrics::serve(listener, Arc::clone(&http)));
        }
        tracing::info!(%url, version = VERSION, database = %config.location(), "serving");
        let mut first_line = vec![("url", url.as_str()), ("version", VERSION)];
        let metrics_url = metrics_url.map(|url| url + metrics::PATH);
        first_line.extend(metrics_url.as_deref().map(|url| ("metrics", url)));
        if let Some(Begun { token, login, password }) = &begun {
            first_line.extend([("token", token.as_str()), ("login", login.as_str()), ("password", password.as_str())]);
        }
        print_object(&first_line)?;
        let listeners =
            listeners.into_iter().map(|listener| Listener::new(listener, tls.clone(), http.traffic())).collect();
        serve_until_told(config, listeners, http, signals).await;
        if let Some(sweeping) = sweeping {
            sweeping.abort();
        }
        // The step that is running is done; others go on with what is left.
        let _ = stop.send(true);
        if let Some(worker) = worker
            && tokio::time::timeout(config.stop_timeout, worker).await.is_err()
        {
            tracing::warn!("stopped before a job had come to its next step");
        }
        Ok(())
    }
}

/// Where connections come in.
struct Doors {
    listeners: Vec<TcpListener>,
    for_metrics: Vec<TcpListener>,
    tls: Option<Arc<Tls>>,
}

/// An organization that the server made at its start.
struct Begun {
    /// The token of an administrator.
    token: String,
    /// The administrator's address, to log in with at `/-/login`.
    login: String,
    /// The administrator's password.
    password: String,
}

impl Serve {
    /// Puts into an empty database what the server is to begin with. Nothing, when there was no need.
    async fn fill(&self, config: &Config, db: &Db, clock: &Clock, random: &Random) -> Result<Option<Begun>> {
        let workspaces = list_workspaces(db).await?;
        if self.demo {
            return match workspaces.first() {
                Some((_, name)) => Err(Failure::new(format_args!(
                    "--demo fills an empty database; this one holds {name}: leave --demo away, or choose another --data"
                ))),
                None => {
                    let demo = sample::demo::fill(db, clock.now(), random).await?;
                    let (password, digest) = invent_password(random).await?;
                    let user = model::gid::parse(&demo.user).unwrap_or_default();
                    write_as_administrator(db, clock.now(), move |call| {
                        Ok(call.update("users", user, &[("password_digest", digest.into())])?)
                    })
                    .await?;
                    Ok(Some(Begun { token: demo.token, login: demo.email, password }))
                }
            };
        }
        if !workspaces.is_empty() {
            return Ok(None);
        }
        if config.location() != Location::SqliteMemory {
            tracing::warn!("the database is empty; type: {}", line_to_type(config));
            return Ok(None);
        }
        // No other process could ever put anything into a database in memory.
        let (password, digest) = invent_password(random).await?;
        let (random, login) = (random.clone(), "admin@vinyasa.example");
        let founded = write_as_administrator(db, clock.now(), move |call| {
            let (name, email) = ("Administrator".to_owned(), login.to_owned());
            let person = Person { name, email, password_digest: Some(digest) };
            found_organization(call, &random, "Vinyasa", &person)
        });
        Ok(Some(Begun { token: founded.await?.token, login: login.to_owned(), password }))
    }
}

/// A password for a trial, with its digest: easy to read out, and of so many that nobody guesses it at the pace that
/// is allowed.
async fn invent_password(random: &Random) -> Result<(String, String)> {
    let password = Phrase(random.number() as u32).to_string();
    let (random, text) = (random.clone(), password.clone());
    let digest = tokio::task::spawn_blocking(move || password::digest(&random, &text)).await;
    Ok((password, digest.map_err(Failure::new)?))
}

fn written(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A list as settings have it, where a flag was given at all.
fn joined(values: &[String]) -> Option<String> {
    (!values.is_empty()).then(|| values.join(","))
}

fn listen_to(kind: SignalKind) -> Result<Signal> {
    signal(kind).map_err(|error| Failure::new(format_args!("no signals: {error}")))
}

/// Takes the addresses that a setting names.
async fn bind(config: &Config, setting: &str, addresses: &[String]) -> Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        let wrong = |error: io::Error| Failure::new(format_args!("{setting}: {address}: {}", said(&error)));
        let resolved: Vec<SocketAddr> = lookup_host(address.as_str()).await.map_err(wrong)?.collect();
        if let Some(open) = resolved.iter().find(|one| config.test_mode && !one.ip().is_loopback()) {
            return Err(Failure::usage(format_args!(
                "test_mode: {open} is not a loopback address: in test mode anyone who reaches the server rules it"
            )));
        }
        let listener = TcpListener::bind(&resolved[..]).await.map_err(wrong)?;
        limit_sending(&listener, config.send_timeout).map_err(wrong)?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// Has the system close connections that take nothing of what they are sent. They inherit it from the listener.
#[cfg(target_os = "linux")]
fn limit_sending(listener: &TcpListener, time: Duration) -> io::Result<()> {
    socket2::SockRef::from(listener).set_tcp_user_timeout(Some(time))
}

/// Other systems have no such limit.
#[cfg(not(target_os = "linux"))]
fn limit_sending(_: &TcpListener, _: Duration) -> io::Result<()> {
    Ok(())
}

/// What the system says, in few words.
fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "address in use".to_owned(),
        io::ErrorKind::AddrNotAvailable => "not an address of this machine".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// Where a client on this machine finds the server.
fn url_of(listeners: &[TcpListener], secure: bool) -> Result<String> {
    let address = listeners.first().map(TcpListener::local_addr);
    let mut address = address.and_then(|address| address.ok()).ok_or_else(|| Failure::new("listen: no address"))?;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Ok(format!("{}://{address}", if secure { "https" } else { "http" }))
}

/// What to type when there is nothing in the database yet.
fn line_to_type(config: &Config) -> String {
    let place = match &config.database {
        Some(location) => format!("--database '{}'", spelled(location)),
        None => format!("--data '{}'", config.data.display()),
    };
    format!("vinyasa admin init {place} --organization 'NAME' --email ADDRESS --name 'YOUR NAME'")
}

/// A location as it is typed, without a password.
fn spelled(location: &Location) -> String {
    match location {
        Location::Postgres(_) => location.to_string(),
        _ => format!("sqlite:{location}"),
    }
}

/// The key that signs offsets: made by the first server on a database, the same ever after.
async fn offset_key(db: &Db, random: &Random) -> Result<Vec<u8>> {
    let fresh = random.hex(32);
    let key = db.write(move |write| -> Result<Option<String>, store::Error> {
        let insert = "INSERT INTO settings (name, value) VALUES ('offset_key', ?1) ON CONFLICT DO NOTHING";
        write.execute(&Statement::new(insert, &[]), &[fresh.into()])?;
        let select = "SELECT value FROM settings WHERE name = 'offset_key'";
        let block = write.query(&Statement::new(select, &[Type::Text]), &[])?;
        Ok(if block.is_empty() { None } else { block.text(0, 0).map(str::to_owned) })
    });
    let key = key.await?.filter(|key| !key.is_empty());
    key.map(String::into_bytes).ok_or_else(|| Failure::new("the database has no key for offsets"))
}

/// Serves until a signal comes, then lets running requests finish.
async fn serve_until_told(config: &Config, listeners: Vec<Listener>, http: Arc<Http>, signals: &mut (Signal, Signal)) {
    let connections = Connections::accept(listeners, &http, config.idle_timeout);
    told_to_stop(signals).await;
    http.stop();
    if !config.stop_delay.is_zero() {
        tracing::info!(seconds = config.stop_delay.as_secs(), "stopping: not ready any more, serving for a while");
        tokio::select! {
            () = tokio::time::sleep(config.stop_delay) => {}
            () = told_to_stop(signals) => {}
        }
    }
    tracing::info!("stopping: running requests finish");
    tokio::select! {
        () = connections.finish() => tracing::info!("stopped"),
        () = tokio::time::sleep(config.stop_timeout) => tracing::warn!("stopped before all requests had finished"),
        () = told_to_stop(signals) => tracing::warn!("stopped at once"),
    }
}

/// Reads certificates again at every SIGHUP. Without any there is nothing to read, and the server goes on all the same.
async fn reload_when_told(tls: Option<Arc<Tls>>, mut hangups: Signal) {
    while hangups.recv().await.is_some() {
        match tls.as_ref().map(|tls| tls.reload()) {
            None => tracing::info!("SIGHUP: there is no certificate to read again"),
            Some(Ok(())) => tracing::info!("SIGHUP: the certificate was read again"),
            Some(Err(failure)) => tracing::error!(reason = failure.text, "SIGHUP: the certificate from before stays"),
        }
    }
}

async fn told_to_stop(signals: &mut (Signal, Signal)) {
    tokio::select! {
        _ = signals.0.recv() => {}
        _ = signals.1.recv() => {}
    }
}
