//! The binary as a process, and a client for it.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value as Json;
use tempfile::TempDir;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which database a test runs on.
#[derive(Clone, Copy, PartialEq)]
pub enum Engine {
    /// A file.
    Embedded,
    /// A database of a server.
    Server,
}

/// Makes two tests of one: `name::embedded` and `name::server`. The body is a function of a place.
macro_rules! both {
    ($name:ident, $test:expr) => {
        mod $name {
            use super::*;
            use crate::process::{Engine, Place};

            #[test]
            fn embedded() {
                let test: fn(Place) = $test;
                test(Place::new(Engine::Embedded));
            }

            #[test]
            fn server() {
                let test: fn(Place) = $test;
                test(Place::new(Engine::Server));
            }
        }
    };
}
pub(crate) use both;

/// A directory with a database that does not exist yet.
pub struct Place {
    pub directory: TempDir,
    arguments: Vec<String>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new(engine: Engine) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut arguments = vec!["--data".to_owned(), directory.path().join("data").display().to_string()];
        if engine == Engine::Server {
            arguments.extend(["--database".to_owned(), store::throwaway::postgres()]);
        }
        Place { directory, arguments }
    }

    pub fn embedded() -> Self {
        Place::new(Engine::Embedded)
    }

    /// The address of the database, if it is not a file.
    pub fn url(&self) -> Option<&str> {
        self.arguments.get(3).map(String::as_str)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a command here, to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        let mut all = arguments.to_vec();
        all.extend(self.arguments.iter().map(String::as_str));
        run(&all)
    }

    /// What a command prints, which must be one line.
    #[track_caller]
    pub fn line(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
        assert_eq!(ended.out.matches('\n').count(), 1, "{arguments:?}: {}", ended.out);
        ended.out.trim_end().to_owned()
    }

    /// Founds Acme and answers what was printed.
    #[track_caller]
    pub fn init(&self, more: &[&str]) -> Json {
        let person = ["--organization", "Acme", "--email", "ann@acme.example", "--name", "Ann Example"];
        json(&self.line(&[&["admin", "init"], &person[..], more].concat()))
    }

    /// Starts the server on a free port.
    #[track_caller]
    pub fn serve(&self, more: &[&str]) -> Server {
        self.start(more, binary)
    }

    /// Starts the server under strace, which writes what it does with files and sockets.
    #[track_caller]
    pub fn serve_traced(&self, trace: &Path) -> Server {
        self.start(&[], |arguments| {
            let mut command = Command::new("strace");
            // The tracer is a grandchild (-D), so that the server itself is the child that signals go to. Pages are
            // written whole (-s), files and sockets named (-y).
            command.args(["-D", "-f", "-y", "-s", "4200", "-o"]).arg(trace);
            command
                .args(["-e", "trace=read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync"]);
            command.args(["-e", "signal=none", "--", env!("CARGO_BIN_EXE_vinyasa")]).args(arguments);
            command.env_clear().stdin(Stdio::null());
            command
        })
    }

    #[track_caller]
    fn start(&self, more: &[&str], command: impl FnOnce(&[&str]) -> Command) -> Server {
        let mut all = vec!["serve", "--listen", "127.0.0.1:0"];
        all.extend(more);
        all.extend(self.arguments.iter().map(String::as_str));
        let log = self.path("log");
        let err = File::options().create(true).append(true).open(&log).expect("opens the log");
        let mut child = command(&all).stdout(Stdio::piped()).stderr(err).spawn().expect("starts");
        let mut out = BufReader::new(child.stdout.take().expect("has an output"));
        let mut line = String::new();
        out.read_line(&mut line).expect("reads");
        assert!(line.ends_with('\n'), "no first line; the log: {}", fs::read_to_string(&log).unwrap_or_default());
        let first = json(&line);
        let address = first["url"].as_str().and_then(|url| url.split_once("://")).expect("a URL").1;
        Server { address: address.parse().expect("an address"), first, child, log, out }
    }
}

/// Runs a command anywhere, to its end.
pub fn run(arguments: &[&str]) -> Ended {
    let done = binary(arguments).output().expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: done.status.code(), out: text(done.stdout), err: text(done.stderr) }
}

/// The binary, without the settings of whoever runs the tests.
pub fn binary(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vinyasa"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

#[track_caller]
pub fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A running server; killed when dropped.
pub struct Server {
    pub address: SocketAddr,
    pub first: Json,
    child: Child,
    log: PathBuf,
    out: BufReader<std::process::ChildStdout>,
}

impl Server {
    /// A client with this token.
    pub fn client(&self, token: &Json) -> Client {
        Client { token: token.as_str().map(str::to_owned), ..Client::new(self.address) }
    }

    /// A client with a token, for objects and states.
    pub fn nobody(&self) -> Client {
        Client::new(self.address)
    }

    /// A client of another address of this server.
    pub fn elsewhere(&self, address: SocketAddr) -> Client {
        Client::new(address)
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("has a log")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(done.expect("runs kill").success());
    }

    /// Waits until the log holds a text.
    #[track_caller]
    #[expect(clippy::disallowed_methods, reason = "nothing tells when another process has written")]
    pub fn wait_for_log(&self, text: &str) {
        for _ in 0..PATIENCE.as_millis() / 10 {
            if self.log().contains(text) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the log never says {text}: {}", self.log());
    }

    /// Waits for its end.
    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("ends")
    }

    /// Ends it as a user does; it must succeed.
    #[track_caller]
    pub fn stop(self) {
        self.terminate();
        let log = self.log.clone();
        let status = self.wait();
        assert!(status.success(), "{status}: {}", fs::read_to_string(log).unwrap_or_default());
    }

    /// As [`Server::stop`], and waits for whoever traces it to have written everything.
    #[track_caller]
    pub fn stop_traced(mut self) {
        self.terminate();
        assert!(self.child.wait().expect("ends").success());
        // The tracer has the same output open.
        io::copy(&mut self.out, &mut io::sink()).expect("reads to the end");
    }

    /// Kills it, without any warning.
    pub fn kill(mut self) {
        self.child.kill().expect("is killed");
        self.child.wait().expect("ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A client that keeps its connection.
pub struct Client {
    address: SocketAddr,
    token: Option<String>,
    connection: Option<BufReader<TcpStream>>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Client {
    fn new(address: SocketAddr) -> Self {
        Client { address, token: None, connection: None }
    }

    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// Sends a request and leaves without waiting for the answer.
    pub fn leave(&self, method: &str, path: &str, body: &str) {
        let mut connection = connect(self.address).expect("connects");
        let head = format!("{method} {path} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\n", self.token());
        let head = format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        connection.get_mut().write_all(head.as_bytes()).expect("writes");
    }

    pub fn another(&self) -> Self {
        Client { token: self.token.clone(), ..Client::new(self.address) }
    }

    #[track_caller]
    pub fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    #[track_caller]
    pub fn post(&mut self, path: &str, body: &Json) -> Answer {
        self.send("POST", path, Some(&body.to_string()))
    }

    #[track_caller]
    pub fn send(&mut self, method: &str, path: &str, body: Option<&str>) -> Answer {
        self.try_send(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    pub fn try_send(&mut self, method: &str, path: &str, body: Option<&str>) -> io::Result<Answer> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        if let Some(token) = &self.token {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        if let Some(body) = body {
            head.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        head.push_str(body.unwrap_or_default());
        self.try_send_raw(head.as_bytes(), method == "HEAD")
    }

    /// Sends bytes as they are and reads one answer.
    pub fn try_send_raw(&mut self, bytes: &[u8], is_head: bool) -> io::Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(self.address)?,
        };
        connection.get_mut().write_all(bytes)?;
        let answer = read_answer(&mut connection, is_head)?;
        if answer.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}

pub fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

fn read_answer(connection: &mut BufReader<TcpStream>, is_head: bool) -> io::Result<Answer> {
    let mut line = String::new();
    if connection.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        connection.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let mut answer = Answer { status, headers, body: String::new() };
    if !is_head {
        let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        connection.read_exact(&mut body)?;
        answer.body = String::from_utf8(body).map_err(|_| io::ErrorKind::InvalidData)?;
    }
    Ok(answer)
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> Json {
        json(&self.body)
    }

    /// `data` of a success.
    #[track_caller]
    pub fn data(&self) -> Json {
        assert!(self.status < 300, "{self:?}");
        self.json()["data"].clone()
    }

    /// The status and the message of an error, whose shape is the API's.
    #[track_caller]
    pub fn error(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/json; charset=UTF-8"), "{self:?}");
        let error = self.json()["errors"][0].clone();
        assert!(error["help"].as_str().is_some_and(|help| help.ends_with("/docs/errors")), "{self:?}");
        assert_eq!(error["phrase"].is_string(), self.status == 500, "{self:?}");
        (self.status, error["message"].as_str().expect("a message").to_owned())
    }
}
