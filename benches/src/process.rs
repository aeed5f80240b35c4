//! The program itself: how soon it answers, how much memory it holds.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use sample::seed::Seeded;
use store::{Db, Location, Options, Query, Statement, Type};

use crate::Bench;
use crate::figure::Goal;
use crate::load::{self, Connection, Requests};

/// Connections under which memory is taken.
const CONNECTIONS: usize = 64;

pub fn measure_empty(bench: &mut Bench, directory: &Path) -> anyhow::Result<()> {
    let database = directory.join("empty.db");
    // The first start makes the database.
    drop(Server::start(bench, &database)?);
    let server = Server::start(bench, &database)?;
    bench.tell("resident on an empty database", server.memory("VmRSS")?, "MB", Goal::AtMost(30.0));
    bench.tell("start on an empty database", server.started, "s", Goal::AtMost(0.5));
    Ok(())
}

pub fn measure_large(bench: &mut Bench, directory: &Path, seeded: &Seeded) -> anyhow::Result<()> {
    let database = directory.join(format!("{}.db", seeded.tasks));
    let server = Server::start(bench, &database)?;
    let tasks = seeded.tasks;
    bench.tell(format!("start with {tasks} tasks"), server.started, "s", Goal::AtMost(0.5));
    bench.tell(format!("resident after start with {tasks} tasks"), server.memory("VmRSS")?, "MB", Goal::AtMost(100.0));

    let get = |path: String| load::get(&path, &seeded.admin_token);
    let mut reads: Vec<Vec<u8>> = seeded.full_tasks.iter().map(|gid| get(format!("/tasks/{gid}"))).collect();
    reads.push(get(format!("/projects/{}/tasks?limit=100", seeded.large_project)));
    bench.run(&bench.load(server.address, &Arc::new(reads), CONNECTIONS))?;

    // While somebody reads an old state, the log of the writes after it only grows.
    let old = bench.servers.block_on(Db::open(Options::new(Location::SqliteFile(database.clone()))))?;
    let mut reader = bench.servers.block_on(old.begin_read())?;
    let epoch = Statement::new("SELECT count(*) FROM epochs", &[Type::Int]);
    bench.servers.block_on(reader.one(Query::new(&epoch, Vec::new())))?;
    let body = r#"{"data":{"name":"Again and again"}}"#;
    let writes = seeded.full_tasks.iter();
    let writes: Requests =
        Arc::new(writes.map(|gid| load::send("PUT", &format!("/tasks/{gid}"), &seeded.admin_token, body)).collect());
    bench.run(&bench.load(server.address, &writes, CONNECTIONS))?;
    let own = server.memory("VmRSS")? - server.memory("RssFile")?;
    bench.tell(format!("resident under load with {tasks} tasks, files aside"), own, "MB", Goal::AtMost(300.0));
    let log = fs::metadata(database.with_extension("db-wal"))?.len() as f64 / 1e6;
    server.kill()?;
    bench.servers.block_on(reader.finish());
    drop(old);

    let server = Server::start(bench, &database)?;
    bench.tell("the log left by kill -9", log, "MB", Goal::None);
    bench.tell("start after it", server.started, "s", Goal::AtMost(0.5));
    Ok(())
}

/// `vinyasa serve`, ended when dropped.
struct Server {
    child: Child,
    address: SocketAddr,
    /// Seconds until it was ready.
    started: f64,
}

impl Server {
    fn start(bench: &Bench, database: &Path) -> anyhow::Result<Server> {
        let begin = Instant::now();
        let program = match &bench.arguments.program {
            Some(program) => program.clone(),
            None => std::env::current_exe()?.with_file_name("vinyasa"),
        };
        let child = Command::new(&program)
            .args(["serve", "--listen", "127.0.0.1:0", "--database"])
            .arg(format!("sqlite:{}", database.display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starts {}", program.display()))?;
        // From here on it ends with this value, whatever happens.
        let mut server = Server { child, address: ([127, 0, 0, 1], 0).into(), started: 0.0 };
        let mut line = String::new();
        let out = server.child.stdout.take().context("has an output")?;
        BufReader::new(out).read_line(&mut line)?;
        let said: serde_json::Value = serde_json::from_str(&line).context("says where it is")?;
        let url = said["url"].as_str().unwrap_or_default();
        server.address = url.trim_start_matches("http://").trim_end_matches('/').parse()?;
        let ready = b"GET /-/health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n";
        bench.clients.block_on(async { Connection::open(server.address).await?.exchange(ready).await.map(drop) })?;
        server.started = begin.elapsed().as_secs_f64();
        ensure!(server.address.ip().is_loopback(), "listens on loopback");
        Ok(server)
    }

    /// A line of the process's status, in MB.
    fn memory(&self, name: &str) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()).context("is in the status")?;
        Ok(kilobytes.parse::<f64>()? * 1024.0 / 1e6)
    }

    /// Ends it without warning.
    fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM; what does not listen to it is killed.
        drop(Command::new("kill").arg(self.child.id().to_string()).status());
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
