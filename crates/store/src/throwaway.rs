//! Fresh databases on a PostgreSQL server, for tests of this crate and of others.
//!
//! The server is the one that `TEST_POSTGRES_URL` names, or else one that the first test process starts among the
//! temporary files. All test processes share it, and it stops a little after the last of them has ended.
//!
//! Everything here panics when it fails: a test has no use for an error.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio, id};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::{env, thread};

use tokio::runtime::Builder;
use tokio_postgres::NoTls;

/// Seconds that the server waits for further test processes before it stops.
const LINGER: u32 = 20;

/// The address of a new, empty database. It disappears with the server.
///
/// # Panics
/// When there is no server and none can be started.
pub fn postgres() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = server();
    let name = format!("test_{}_{}", id(), COUNT.fetch_add(1, Relaxed));
    let (drop, create) = (format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}"));
    execute(&server, &[&drop, &create]);
    with_database(&server, &name)
}

/// The address of a server, to create databases on.
#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
fn server() -> String {
    static SERVER: OnceLock<String> = OnceLock::new();
    let server = SERVER.get_or_init(|| env::var("TEST_POSTGRES_URL").unwrap_or_else(|_| Cluster::join()));
    server.clone()
}

/// Runs statements, from whatever thread, async or not.
fn execute(url: &str, statements: &[&str]) {
    let run = async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("connects to the test server");
        let connection = tokio::spawn(connection);
        for statement in statements {
            client.batch_execute(statement).await.expect(statement);
        }
        drop(client);
        connection.await.expect("no panic").expect("ends in order");
    };
    let block = || Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(run);
    thread::scope(|scope| scope.spawn(block).join().expect("no panic"));
}

/// The address with another database.
fn with_database(url: &str, name: &str) -> String {
    let (address, parameters) = url.split_once('?').map_or((url, None), |(address, rest)| (address, Some(rest)));
    let start = address.find("://").map_or(0, |at| at + 3);
    let end = address[start..].find('/').map_or(address.len(), |at| start + at);
    let parameters = parameters.map_or(String::new(), |parameters| format!("?{parameters}"));
    format!("{}/{name}{parameters}", &address[..end])
}

/// The server that the test processes of a user share.
///
/// Each process holds a shared lock on the file `users` as long as it lives. A guardian, a process of its own, stops
/// the server once it gets that lock exclusively.
struct Cluster {
    directory: PathBuf,
    programs: PathBuf,
    /// Whom the server runs as: it refuses to run as root.
    user: Option<&'static str>,
}

impl Cluster {
    /// Joins the running server or starts one. Its address.
    fn join() -> String {
        static USING: OnceLock<File> = OnceLock::new();
        let cluster = Cluster::locate();
        let users = open_lock(&cluster.directory.join("users"));
        users.lock_shared().expect("locks the list of users");
        // Held until the process ends.
        USING.get_or_init(|| users);
        let starting = open_lock(&cluster.directory.join("starting"));
        starting.lock().expect("locks the start");
        if !cluster.is_running() {
            cluster.start();
        }
        let host = cluster.directory.to_string_lossy().replace('/', "%2F");
        format!("postgres://postgres@{host}/postgres")
    }

    fn locate() -> Self {
        let me = fs::metadata("/proc/self").expect("has /proc").uid();
        let user = (me == 0).then_some("postgres");
        let directory = env::temp_dir().join(format!("vinyasa-test-postgres-{me}"));
        fs::create_dir_all(&directory).expect("creates the directory of the test server");
        if let Some(user) = user {
            let number = Command::new("id").args(["-u", user]).output().expect("runs id").stdout;
            let number = String::from_utf8_lossy(&number).trim().parse().expect("a user `postgres`");
            chown(&directory, Some(number), None).expect("gives the directory to the server");
        }
        Cluster { directory, programs: programs(), user }
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn is_running(&self) -> bool {
        let mut status = self.command("pg_ctl");
        status.arg("status").arg("-D").arg(self.data());
        self.data().exists() && status.output().expect("runs pg_ctl").status.success()
    }

    fn start(&self) {
        if self.data().exists() {
            fs::remove_dir_all(self.data()).expect("removes what a crash has left");
        }
        let mut make = self.command("initdb");
        make.arg("-D").arg(self.data()).args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]);
        run(make.arg("--no-sync"));
        let mut settings =
            File::options().append(true).open(self.data().join("postgresql.conf")).expect("has settings");
        writeln!(
            settings,
            "listen_addresses = ''\nunix_socket_directories = '{}'\nmax_connections = 400\nshared_buffers = 64MB",
            self.directory.display()
        )
        .expect("writes the settings");
        let mut start = self.command("pg_ctl");
        start.args(["start", "-w", "-s", "-D"]).arg(self.data()).arg("-l").arg(self.data().join("log"));
        run(&mut start);
        self.guard();
    }

    /// Starts the guardian, in a process group of its own so that Ctrl-C does not reach it.
    #[expect(clippy::zombie_processes, reason = "it outlives this process")]
    fn guard(&self) {
        let stop = format!("{} stop -m immediate -s -D data; rm -rf data", self.programs.join("pg_ctl").display());
        let stop = match self.user {
            Some(user) => format!("runuser -u {user} -- sh -c \"{stop}\""),
            None => stop,
        };
        let script = format!(
            "cd '{}' && until flock -x users true; sleep {LINGER}; flock -xn users sh -c '{stop}'; do :; done",
            self.directory.display()
        );
        let mut guardian = Command::new("sh");
        guardian.arg("-c").arg(script).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        guardian.process_group(0).spawn().expect("starts the guardian of the test server");
    }

    /// A program of the server, run as its user.
    fn command(&self, program: impl AsRef<Path> + AsRef<OsStr>) -> Command {
        let program = self.programs.join(program);
        let mut command = match self.user {
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.current_dir(&self.directory).stdin(Stdio::null());
        command
    }
}

fn open_lock(path: &Path) -> File {
    File::options().create(true).append(true).open(path).expect("opens a lock file")
}

fn run(command: &mut Command) {
    // Not `output`: the server would keep the pipe open.
    let status = command.stdout(Stdio::null()).status().expect("runs a program of the server");
    assert!(status.success(), "{command:?}: {status}");
}

/// Where the programs of the newest installed server are.
#[expect(clippy::disallowed_methods, reason = "as above")]
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    installed.sort();
    installed.reverse();
    installed.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    let found = installed.into_iter().find(|path| path.join("initdb").exists());
    found.expect("PostgreSQL is installed, or TEST_POSTGRES_URL names a server")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_of_an_address_is_replaced() {
        assert_eq!(with_database("postgres://u@h:1/a?x=y", "b"), "postgres://u@h:1/b?x=y");
        assert_eq!(with_database("postgres://u@%2Ftmp%2Fs", "b"), "postgres://u@%2Ftmp%2Fs/b");
    }
}
