//! Settings: one table, from which the command line, its help, the environment, the file and the documentation are read.
//!
//! What is given on the command line as a flag counts most, then `--set`, the environment, the file, and the default.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use auth::session::Lifetime;
use clap::Args;
use engine::Limits;
use store::Location;

use crate::failure::{Failure, Result};
use crate::proxy::{Forwarding, Network, is_host};

/// What every command takes.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// Directory of the data [default: ./data]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Common options")]
    pub data: Option<String>,
    /// Database: sqlite:PATH, sqlite::memory: or postgres://... [default: vinyasa.db in the data directory]
    #[arg(long, global = true, value_name = "PLACE", help_heading = "Common options")]
    pub database: Option<String>,
    /// TOML file with settings
    #[arg(long, global = true, value_name = "FILE", help_heading = "Common options")]
    pub config: Option<PathBuf>,
    /// Any setting; may be repeated (`vinyasa help serve` lists them)
    #[arg(long, global = true, value_name = "NAME=VALUE", help_heading = "Common options")]
    pub set: Vec<String>,
}

/// All settings, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The directory of the data.
    pub data: PathBuf,
    /// The database, when it is not the file in the directory.
    pub database: Option<Location>,
    /// Where the server listens.
    pub listen: Vec<String>,
    /// The certificate of the server, in PEM, with those between it and its authority.
    pub tls_cert: Option<PathBuf>,
    /// The key of the certificate.
    pub tls_key: Option<PathBuf>,
    /// What the server is called in answers, if not what the caller calls it.
    pub public_url: Option<String>,
    /// Where proxies are whose word about the caller counts.
    pub trusted_proxies: Vec<Network>,
    /// In which headers they say it.
    pub forwarded_header: Forwarding,
    /// The origins of pages that may call from a browser.
    pub cors_origins: Vec<String>,
    /// Where metrics are served on their own.
    pub metrics_listen: Vec<String>,
    /// Who sends this may see them where the API is.
    pub metrics_token: Option<String>,
    /// Which limits hold where none is set.
    pub profile: Profile,
    /// Whether time, gids and tokens are predictable and `/-/test` exists.
    pub test_mode: bool,
    /// How long a session lasts without being used.
    pub session_idle: Duration,
    /// How long a session lasts at most.
    pub session_lifetime: Duration,
    /// The host and the port of the server that takes e-mail.
    pub mail_server: Option<(String, u16)>,
    /// How the way to it is encrypted.
    pub mail_security: MailSecurity,
    /// Whom e-mail is from.
    pub mail_from: Option<String>,
    /// As whom the server logs in there.
    pub mail_user: Option<String>,
    /// With which password.
    pub mail_password: Option<String>,
    /// What is logged, if that is set.
    pub log: Option<String>,
    /// How it is logged.
    pub log_format: LogFormat,
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// The largest file that can be attached, in bytes.
    pub attachment_limit: usize,
    /// The bucket in which attached files are kept.
    pub files_s3: S3,
    /// How long a client may take to send a body.
    pub body_timeout: Duration,
    /// How long a request may wait for its answer, once it is there.
    pub request_timeout: Duration,
    /// How long a client may take nothing of what it is sent.
    pub send_timeout: Duration,
    /// How long a client may keep a connection without a whole head of a request.
    pub idle_timeout: Duration,
    /// How long a server that is to stop still takes connections.
    pub stop_delay: Duration,
    /// How long running requests may take to finish when the server stops.
    pub stop_timeout: Duration,
    page_limit: Option<usize>,
    unpaginated_limit: Option<usize>,
    offset_lifetime: Option<i64>,
    /// How long things stay in the trash, in days.
    pub trash_days: i64,
    /// How long jobs that are done can be asked about, in days.
    pub job_days: i64,
    /// The most reads at once.
    pub database_readers: usize,
    /// The most writes at once, on a database server.
    pub database_writers: usize,
    /// How long a read may take.
    pub database_timeout: Duration,
}

/// Where an S3-compatible service keeps attached files.
#[derive(Clone, Debug, PartialEq)]
pub struct S3 {
    /// The bucket; without one they lie below the directory of the data.
    pub bucket: Option<String>,
    /// Its region.
    pub region: String,
    /// The address of the service, if it is not that of the region.
    pub endpoint: Option<String>,
    /// What the service knows this server by.
    pub access_key: Option<String>,
    /// The secret that belongs to it.
    pub secret_key: Option<Secret>,
    /// A file with that secret.
    pub secret_key_file: Option<PathBuf>,
    /// Whether the bucket stands in the path and not in the name of the host.
    pub path_style: bool,
    /// What the names of objects begin with.
    pub prefix: String,
}

/// Something that is never printed.
#[derive(Clone, PartialEq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret")
    }
}

/// A set of limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Profile {
    /// What a self-hoster wants: bounds only where they protect the server.
    Open,
    /// What the hosted service has published.
    Asana,
}

/// How the way to the server that takes e-mail is encrypted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MailSecurity {
    /// It begins in plain and must change (port 587).
    StartTls,
    /// From the beginning (port 465).
    Tls,
    /// Not at all: for a server on the same machine.
    None,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LogFormat {
    /// For people on a terminal, for programs elsewhere.
    Auto,
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            data: "./data".into(),
            database: None,
            listen: vec!["127.0.0.1:8080".to_owned()],
            tls_cert: None,
            tls_key: None,
            public_url: None,
            trusted_proxies: Vec::new(),
            forwarded_header: Forwarding::Usual,
            cors_origins: Vec::new(),
            metrics_listen: Vec::new(),
            metrics_token: None,
            profile: Profile::Open,
            test_mode: false,
            session_idle: Duration::from_secs(7 * 86_400),
            session_lifetime: Duration::from_secs(30 * 86_400),
            mail_server: None,
            mail_security: MailSecurity::StartTls,
            mail_from: None,
            mail_user: None,
            mail_password: None,
            log: None,
            log_format: LogFormat::Auto,
            body_limit: 10 << 20,
            attachment_limit: 100 << 20,
            files_s3: S3 {
                bucket: None,
                region: "us-east-1".to_owned(),
                endpoint: None,
                access_key: None,
                secret_key: None,
                secret_key_file: None,
                path_style: true,
                prefix: String::new(),
            },
            body_timeout: Duration::from_secs(60),
            request_timeout: Duration::from_secs(60),
            send_timeout: Duration::from_secs(60),
            stop_delay: Duration::ZERO,
            idle_timeout: Duration::from_secs(120),
            stop_timeout: Duration::from_secs(30),
            page_limit: None,
            unpaginated_limit: None,
            offset_lifetime: None,
            trash_days: 30,
            job_days: 30,
            database_readers: 32,
            database_writers: 16,
            database_timeout: Duration::from_secs(30),
        }
    }
}

/// A setting.
pub struct Setting {
    /// Its name in the file and after `--set`; `VINYASA_` and the name in capitals in the environment.
    pub name: &'static str,
    /// What counts when it is not given.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
    set: fn(&mut Config, &str) -> Result<(), String>,
}

const fn setting(
    name: &'static str,
    default: &'static str,
    meaning: &'static str,
    set: fn(&mut Config, &str) -> Result<(), String>,
) -> Setting {
    Setting { name, default, meaning, set }
}

/// Every setting, in the order of the documentation.
pub static SETTINGS: &[Setting] = &[
    setting("data", "./data", "directory of the data", |config, text| put(&mut config.data, Ok(text.into()))),
    setting("database", "", "sqlite:PATH, sqlite::memory: or postgres://...; else vinyasa.db in the data directory", {
        |config, text| {
            let read = (!text.is_empty()).then(|| text.parse()).transpose();
            put(&mut config.database, read.map_err(|_| wrong("a database (sqlite:PATH or postgres://...)", text)))
        }
    }),
    setting("listen", "127.0.0.1:8080", "addresses to listen on, separated by commas; port 0 takes a free one", {
        |config, text| put(&mut config.listen, addresses(text))
    }),
    setting("tls_cert", "", "PEM file with the server's certificate: serves https; read again on SIGHUP", {
        |config, text| put(&mut config.tls_cert, Ok((!text.is_empty()).then(|| text.into())))
    }),
    setting("tls_key", "", "PEM file with the certificate's private key", |config, text| {
        put(&mut config.tls_key, Ok((!text.is_empty()).then(|| text.into())))
    }),
    setting("public_url", "", "the server's address in answers, https://HOST; else what the caller calls it", {
        |config, text| put(&mut config.public_url, optional(text, url))
    }),
    setting("trusted_proxy", "", "ranges of addresses, as 10.0.0.0/8, of proxies that are believed who calls", {
        |config, text| put(&mut config.trusted_proxies, list(text, str::parse))
    }),
    setting(
        "forwarded_header",
        "x-forwarded",
        "where they say it: x-forwarded (X-Forwarded-For and others), forwarded",
        {
            |config, text| {
                let kinds = [("x-forwarded", Forwarding::Usual), ("forwarded", Forwarding::Standard)];
                put(&mut config.forwarded_header, choice(text, &kinds))
            }
        },
    ),
    setting("cors_origin", "", "origins, as https://app.example, whose pages may call from a browser; * for all", {
        |config, text| put(&mut config.cors_origins, list(text, origin))
    }),
    setting("metrics_listen", "", "addresses on which /-/metrics is served, and nothing else", |config, text| {
        put(&mut config.metrics_listen, if text.is_empty() { Ok(Vec::new()) } else { addresses(text) })
    }),
    setting("metrics_token", "", "whoever sends it as Bearer token is shown /-/metrics where the API is", {
        |config, text| put(&mut config.metrics_token, optional(text, secret))
    }),
    setting("profile", "open", "open: nothing gated; asana: the published limits, number by number", {
        |config, text| put(&mut config.profile, choice(text, &[("open", Profile::Open), ("asana", Profile::Asana)]))
    }),
    setting("page_limit", "100", "largest limit= of a page", |config, text| {
        put(&mut config.page_limit, number(text, 1, 10_000).map(Some))
    }),
    setting("unpaginated_limit", "10000 (asana: 1000)", "most objects of a list that is asked for without limit=", {
        |config, text| put(&mut config.unpaginated_limit, number(text, 1, 1_000_000).map(Some))
    }),
    setting("offset_lifetime", "86400 (asana: 900)", "seconds for which the offset of a next page is good", {
        |config, text| put(&mut config.offset_lifetime, number(text, 1, 1 << 32).map(Some))
    }),
    setting("trash_days", "30", "days for which what is deleted can be restored; then it is removed for good", {
        |config, text| put(&mut config.trash_days, number(text, 1, 36_500))
    }),
    setting("job_days", "30", "days for which a job can be asked about after its end", |config, text| {
        put(&mut config.job_days, number(text, 1, 36_500))
    }),
    setting("body_limit", "10MiB", "largest request body; bytes, or with KiB, MiB, GiB", |config, text| {
        put(&mut config.body_limit, size(text))
    }),
    setting("attachment_limit", "100MiB", "largest file that can be attached; bytes, or with KiB, MiB, GiB", {
        |config, text| put(&mut config.attachment_limit, size(text))
    }),
    setting("files_s3_bucket", "", "S3 bucket that keeps attached files; else they lie below the data directory", {
        |config, text| put(&mut config.files_s3.bucket, optional(text, bucket))
    }),
    setting("files_s3_region", "us-east-1", "the bucket's region", |config, text| {
        put(&mut config.files_s3.region, word(text))
    }),
    setting("files_s3_endpoint", "", "address of an S3-compatible service, https://HOST; else that of the region", {
        |config, text| put(&mut config.files_s3.endpoint, optional(text, url))
    }),
    setting("files_s3_access_key", "", "access key; without one, the right that the machine has from its provider", {
        |config, text| put(&mut config.files_s3.access_key, optional(text, word))
    }),
    setting("files_s3_secret_key", "", "the secret of the access key; better in the environment or in a file", {
        |config, text| put(&mut config.files_s3.secret_key, Ok((!text.is_empty()).then(|| Secret(text.to_owned()))))
    }),
    setting("files_s3_secret_key_file", "", "file that holds the secret of the access key", |config, text| {
        put(&mut config.files_s3.secret_key_file, Ok((!text.is_empty()).then(|| text.into())))
    }),
    setting("files_s3_path_style", "true", "the bucket stands in the path of addresses, not in the host's name", {
        |config, text| put(&mut config.files_s3.path_style, choice(text, &[("true", true), ("false", false)]))
    }),
    setting("files_s3_prefix", "", "what the names of the objects begin with, as vinyasa/files", |config, text| {
        put(&mut config.files_s3.prefix, prefix(text))
    }),
    setting(
        "body_timeout",
        "60",
        "seconds that a client may take to send a body, or the next piece of a file",
        |config, text| put(&mut config.body_timeout, seconds(text)),
    ),
    setting("request_timeout", "60", "seconds that the server may take to answer a request; then it says 504", {
        |config, text| put(&mut config.request_timeout, seconds(text))
    }),
    setting("send_timeout", "60", "seconds for which a client may take nothing of an answer", |config, text| {
        put(&mut config.send_timeout, seconds(text))
    }),
    setting("idle_timeout", "120", "seconds for which a connection may be kept without the head of a request", {
        |config, text| put(&mut config.idle_timeout, seconds(text))
    }),
    setting("stop_delay", "0", "seconds for which a stopping server goes on, and says that it is not ready", {
        |config, text| put(&mut config.stop_delay, number(text, 0, 3_600).map(Duration::from_secs))
    }),
    setting("stop_timeout", "30", "seconds that running requests may take to finish when the server stops", {
        |config, text| put(&mut config.stop_timeout, seconds(text))
    }),
    setting("database_readers", "32", "most reads that run at once; others wait", |config, text| {
        put(&mut config.database_readers, number(text, 1, 1_000))
    }),
    setting("database_writers", "16", "most writes that run at once, on PostgreSQL", |config, text| {
        put(&mut config.database_writers, number(text, 1, 1_000))
    }),
    setting("database_timeout", "30", "seconds after which a read is stopped", |config, text| {
        put(&mut config.database_timeout, seconds(text))
    }),
    setting("session_idle", "604800", "seconds after which a session of a browser ends that is not used", {
        |config, text| put(&mut config.session_idle, number(text, 60, 31_536_000).map(Duration::from_secs))
    }),
    setting("session_lifetime", "2592000", "seconds after which a session of a browser ends in any case", {
        |config, text| put(&mut config.session_lifetime, number(text, 60, 31_536_000).map(Duration::from_secs))
    }),
    setting("mail_server", "", "host and port of the server that takes e-mail, as smtp.example:587", |config, text| {
        put(&mut config.mail_server, optional(text, host_and_port))
    }),
    setting("mail_security", "starttls", "how the way there is encrypted: starttls, tls, none", |config, text| {
        let kinds = [("starttls", MailSecurity::StartTls), ("tls", MailSecurity::Tls), ("none", MailSecurity::None)];
        put(&mut config.mail_security, choice(text, &kinds))
    }),
    setting("mail_from", "", "whom e-mail is from, as Vinyasa <tasks@acme.example>", |config, text| {
        put(&mut config.mail_from, Ok((!text.is_empty()).then(|| text.to_owned())))
    }),
    setting("mail_user", "", "as whom the server logs in there", |config, text| {
        put(&mut config.mail_user, Ok((!text.is_empty()).then(|| text.to_owned())))
    }),
    setting("mail_password", "", "with which password; better in the environment than on the command line", {
        |config, text| put(&mut config.mail_password, Ok((!text.is_empty()).then(|| text.to_owned())))
    }),
    setting("log", "info", "what is logged: error, warn, info, debug, trace, or a filter such as info,engine=debug", {
        |config, text| put(&mut config.log, Ok(Some(text.to_owned())))
    }),
    setting("log_format", "auto", "text for people, json for programs; auto: text on a terminal", |config, text| {
        let forms = [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
        put(&mut config.log_format, choice(text, &forms))
    }),
    setting("test_mode", "false", "predictable time, gids and tokens, and /-/test; for loopback addresses only", {
        |config, text| put(&mut config.test_mode, choice(text, &[("true", true), ("false", false)]))
    }),
];

fn put<T>(place: &mut T, read: Result<T, String>) -> Result<(), String> {
    read.map(|value| *place = value)
}

fn wrong(what: &str, text: &str) -> String {
    format!("Not {what}: {text}")
}

fn choice<T: Copy>(text: &str, known: &[(&str, T)]) -> Result<T, String> {
    let found = known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
        wrong(&format!("one of {}", names.join(", ")), text)
    })
}

fn number<T: TryFrom<u64>>(text: &str, least: u64, most: u64) -> Result<T, String> {
    let read = text.parse().ok().filter(|number| (least..=most).contains(number));
    read.and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| wrong(&format!("a whole number from {least} to {most}"), text))
}

fn seconds(text: &str) -> Result<Duration, String> {
    number(text, 1, 86_400).map(Duration::from_secs)
}

fn size(text: &str) -> Result<usize, String> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let (digits, shift) =
        units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?.trim_end(), *shift))).unwrap_or((text, 0));
    let bytes = digits.parse::<usize>().ok().and_then(|number| number.checked_mul(1 << shift));
    bytes.filter(|bytes| (1..=1 << 30).contains(bytes)).ok_or_else(|| wrong("a size from 1 to 1GiB", text))
}

/// What stands between commas.
fn list<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(read).collect()
}

/// Nothing where nothing is written.
fn optional<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    (!text.is_empty()).then(|| read(text)).transpose()
}

/// A scheme and a host, without the slash that people write at the end.
fn url(text: &str) -> Result<String, String> {
    let bare = text.strip_suffix('/').unwrap_or(text);
    let host = bare.strip_prefix("https://").or_else(|| bare.strip_prefix("http://"));
    let is_right = host.is_some_and(is_host) && bare.parse::<hyper::Uri>().is_ok();
    is_right.then(|| bare.to_owned()).ok_or_else(|| wrong("an address such as https://tasks.example.com", text))
}

/// A secret that cannot be guessed. A refusal does not repeat it.
fn secret(text: &str) -> Result<String, String> {
    let is_right = text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_right.then(|| text.to_owned()).ok_or_else(|| "Not 16 or more letters, digits and signs".to_owned())
}

fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let pair = text.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    pair.filter(|(host, _)| is_host(host)).ok_or_else(|| wrong("a host with a port, such as smtp.example:587", text))
}

/// The name of a bucket.
fn bucket(text: &str) -> Result<String, String> {
    let is_right = (3..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte));
    is_right.then(|| text.to_owned()).ok_or_else(|| wrong("the name of a bucket", text))
}

/// Something without spaces.
fn word(text: &str) -> Result<String, String> {
    let is_right = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_right.then(|| text.to_owned()).ok_or_else(|| wrong("letters, digits and signs", text))
}

/// The beginning of the names of objects, without a slash around it.
fn prefix(text: &str) -> Result<String, String> {
    let text = text.trim_matches('/');
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    let is_right = text.is_empty() || text.split('/').all(|one| part(one) && one != "." && one != "..");
    is_right.then(|| text.to_owned()).ok_or_else(|| wrong("names between slashes, such as vinyasa/files", text))
}

/// What a browser calls the site of a page.
fn origin(text: &str) -> Result<String, String> {
    if text == "*" {
        Ok(text.to_owned())
    } else {
        url(text).map_err(|_| wrong("an origin such as https://app.example", text))
    }
}

fn addresses(text: &str) -> Result<Vec<String>, String> {
    let all: Vec<_> = text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect();
    let valid = |one: &String| one.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    match all.iter().find(|one| !valid(one)) {
        Some(one) => Err(wrong("an address with a port, such as 127.0.0.1:8080", one)),
        None if all.is_empty() => Err(wrong("an address with a port, such as 127.0.0.1:8080", text)),
        None => Ok(all),
    }
}

/// The prefix of every variable.
const PREFIX: &str = "VINYASA_";

impl Config {
    /// Reads the settings from everywhere. `flags` are those that the command has flags for.
    pub fn load(common: &Common, flags: &[(&str, Option<String>)]) -> Result<Config> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())));
        Config::read(common, flags, environment)
    }

    fn read(
        common: &Common,
        flags: &[(&str, Option<String>)],
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Config> {
        let mut config = Config::default();
        let mut file = None;
        let mut variables = Vec::new();
        for (variable, value) in environment {
            match variable.strip_prefix(PREFIX) {
                Some("CONFIG") => file = Some(PathBuf::from(value)),
                Some(name) if !is_of_an_orchestrator(name) => {
                    variables.push((variable.clone(), name.to_lowercase(), value));
                }
                _ => {}
            }
        }
        if let Some(file) = common.config.as_ref().or(file.as_ref()) {
            for (name, value) in read_file(file)? {
                config.set(&name, &value, &file.display().to_string())?;
            }
        }
        for (variable, name, value) in variables {
            config.set(&name, &value, &variable)?;
        }
        for pair in &common.set {
            let (name, value) =
                pair.split_once('=').ok_or_else(|| Failure::usage(format_args!("--set {pair}: Not NAME=VALUE")))?;
            config.set(name.trim(), value.trim(), "--set")?;
        }
        for (name, value) in [("data", &common.data), ("database", &common.database)] {
            if let Some(value) = value {
                config.set(name, value, &format!("--{name}"))?;
            }
        }
        for (name, value) in flags {
            if let Some(value) = value {
                config.set(name, value, &format!("--{}", name.replace('_', "-")))?;
            }
        }
        Ok(config)
    }

    fn set(&mut self, name: &str, value: &str, origin: &str) -> Result<()> {
        let setting = SETTINGS.iter().find(|setting| setting.name == name).ok_or_else(|| {
            Failure::usage(format_args!("{origin}: unknown setting `{name}`; `vinyasa help serve` lists them all"))
        })?;
        (setting.set)(self, value).map_err(|error| Failure::usage(format_args!("{origin}: {name}: {error}")))
    }

    /// Where the database is.
    pub fn location(&self) -> Location {
        self.database.clone().unwrap_or_else(|| Location::SqliteFile(self.data.join("vinyasa.db")))
    }

    /// How long sessions last.
    pub fn session_lifetime(&self) -> Lifetime {
        let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Lifetime { idle: ms(self.session_idle), whole: ms(self.session_lifetime) }
    }

    /// The limits of the API.
    pub fn limits(&self) -> Limits {
        let (unpaginated, offset_lifetime) = match self.profile {
            Profile::Open => (10_000, 86_400),
            Profile::Asana => (1_000, 900),
        };
        Limits {
            page: self.page_limit.unwrap_or(100),
            unpaginated: self.unpaginated_limit.unwrap_or(unpaginated),
            offset_lifetime: self.offset_lifetime.unwrap_or(offset_lifetime),
            trash_days: self.trash_days,
            job_days: self.job_days,
        }
    }
}

/// Kubernetes describes a service called `vinyasa` to every container in variables with our prefix.
fn is_of_an_orchestrator(name: &str) -> bool {
    name == "PORT" || name.starts_with("PORT_") || name.starts_with("SERVICE_")
}

/// The settings of a file, as text.
fn read_file(path: &Path) -> Result<Vec<(String, String)>> {
    let place = path.display();
    let text = fs::read_to_string(path).map_err(|error| Failure::new(format_args!("{place}: {error}")))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        Failure::usage(format_args!("{place}: line {line}: {}", error.message()))
    })?;
    let mut settings = Vec::new();
    for (name, value) in table {
        let value = match &value {
            toml::Value::Array(values) => {
                values.iter().map(scalar).collect::<Option<Vec<_>>>().map(|all| all.join(","))
            }
            value => scalar(value),
        };
        // A table, for one: no setting has such a value, and the name is not known either.
        settings.push((name, value.unwrap_or_default()));
    }
    Ok(settings)
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// The table of settings, for the help.
pub fn list_settings() -> String {
    let mut list = "Settings (--set NAME=VALUE, VINYASA_NAME in the environment, NAME in the file):\n".to_owned();
    for Setting { name, default, meaning, .. } in SETTINGS {
        let default = if default.is_empty() { String::new() } else { format!(" [default: {default}]") };
        list.push_str(&format!("  {name:<18} {meaning}{default}\n"));
    }
    list.push_str("A flag counts more than --set, that more than the environment, that more than the file.");
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(common: &Common, environment: &[(&str, &str)]) -> Result<Config> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::read(common, &[], environment)
    }

    fn with_file(directory: &tempfile::TempDir, text: &str) -> Common {
        let file = directory.path().join("vinyasa.toml");
        fs::write(&file, text).expect("writes");
        Common { config: Some(file), ..Common::default() }
    }

    #[test]
    fn the_defaults_are_the_ones_of_the_table() {
        for Setting { name, default, set, .. } in SETTINGS {
            let mut config = Config::default();
            let default = default.split(" (").next().unwrap_or_default();
            set(&mut config, default).expect(name);
            assert_eq!(config.limits(), Config::default().limits(), "{name}");
            let (log, page, list, offset) = (None, None, None, None);
            let same = Config { log, page_limit: page, unpaginated_limit: list, offset_lifetime: offset, ..config };
            assert_eq!(same, Config::default(), "{name}");
        }
    }

    #[test]
    fn the_nearest_word_counts() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = with_file(&directory, "page_limit = 10\nlisten = [\"[::1]:1\", \"127.0.0.1:2\"]\nlog = 'warn'\n");
        let config = read(&file, &[]).expect("reads");
        assert_eq!((config.limits().page, config.listen.len()), (10, 2));
        let environment = [("VINYASA_PAGE_LIMIT", "20"), ("PATH", "x"), ("VINYASA_PORT", "tcp://10.0.0.1:80")];
        assert_eq!(read(&file, &environment).expect("reads").limits().page, 20);
        let common = Common { set: vec!["page_limit=30".into(), "data=a".into()], data: Some("b".into()), ..file };
        let flags = [("page_limit", Some("40".to_owned())), ("profile", None)];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::read(&common, &[], environment.clone().into_iter()).expect("reads");
        assert_eq!((config.limits().page, config.data), (30, "b".into()));
        let config = Config::read(&common, &flags, environment.into_iter()).expect("reads");
        assert_eq!((config.limits().page, config.log.as_deref()), (40, Some("warn")));
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let refusal = |common: &Common, environment: &[(&str, &str)]| {
            let failure = read(common, environment).expect_err("is refused");
            assert_eq!(failure.code, 2, "{}", failure.text);
            failure.text.replace(&directory.path().display().to_string(), "")
        };
        let set = |pair: &str| Common { set: vec![pair.to_owned()], ..Common::default() };
        let unknown = "; `vinyasa help serve` lists them all";
        assert_eq!(refusal(&set("lisen=x"), &[]), format!("--set: unknown setting `lisen`{unknown}"));
        assert_eq!(refusal(&set("lisen"), &[]), "--set lisen: Not NAME=VALUE");
        assert_eq!(
            refusal(&set("listen=8080"), &[]),
            "--set: listen: Not an address with a port, such as 127.0.0.1:8080: 8080"
        );
        assert_eq!(refusal(&set("body_limit=2TiB"), &[]), "--set: body_limit: Not a size from 1 to 1GiB: 2TiB");
        assert_eq!(
            refusal(&set("public_url=tasks.example"), &[]),
            "--set: public_url: Not an address such as https://tasks.example.com: tasks.example"
        );
        assert_eq!(
            refusal(&set("trusted_proxy=::1,10.0.0.1/8"), &[]),
            "--set: trusted_proxy: Not the beginning of a range: 10.0.0.1/8; did you mean 10.0.0.0/8?"
        );
        assert_eq!(refusal(&set("profile=free"), &[]), "--set: profile: Not one of open, asana: free");
        let common = Common::default();
        assert_eq!(
            refusal(&common, &[("VINYASA_DAAT", "x")]),
            format!("VINYASA_DAAT: unknown setting `daat`{unknown}")
        );
        let file = with_file(&directory, "[limits]\npage = 1\n");
        assert_eq!(refusal(&file, &[]), format!("/vinyasa.toml: unknown setting `limits`{unknown}"));
        let file = with_file(&directory, "log = 'info'\npage_limit = ten\n");
        assert!(refusal(&file, &[]).starts_with("/vinyasa.toml: line 2: "));
        let gone = Common { config: Some(directory.path().join("gone.toml")), ..Common::default() };
        assert_eq!(read(&gone, &[]).expect_err("is refused").code, 1);
    }

    #[test]
    fn a_profile_sets_limits_and_each_can_be_set() {
        let common = Common { set: vec!["profile=asana".into(), "offset_lifetime=60".into()], ..Common::default() };
        let limits = read(&common, &[]).expect("reads").limits();
        assert_eq!((limits.page, limits.unpaginated, limits.offset_lifetime), (100, 1_000, 60));
    }

    #[test]
    fn the_documentation_has_this_table() {
        let mut table = "| Name | Default | Meaning |\n|---|---|---|\n".to_owned();
        for Setting { name, default, meaning, .. } in SETTINGS {
            let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
            table.push_str(&format!("| `{name}` | {default} | {meaning} |\n"));
        }
        let page = include_str!("../../../docs/configuration.md");
        assert!(page.contains(&table), "docs/configuration.md is to hold this table:\n{table}");
    }
}
