//! The API in a test: in this process, on a fresh database of either engine, with a fixed clock and seeded randomness,
//! so that whole answers can be compared.
//!
//! ```ignore
//! both!(a_member_creates_a_tag, |world| async move {
//!     let tag = world.ann.post("/tags", json!({"workspace": world.workspace, "name": "urgent"})).await.created();
//!     world.ann.get(&format!("/tags/{}", tag["gid"].as_str().unwrap())).await.ok();
//!     world.stranger.get("/tags/..").await.refused(404, "tag: Not a recognized ID: ..");
//! });
//! ```

/// What holds in every database after every commit (`store::consistency`).
pub mod consistency {
    use store::{Db, consistency};

    /// What is wrong in a database, with up to ten gids each.
    pub async fn violations(db: &Db) -> Vec<String> {
        let mut found = consistency::violations(db).await.expect("reads");
        found.extend(consistency::untold(db).await.expect("reads"));
        found
    }

    /// What stands at the same place of a list as something else.
    pub async fn ties(db: &Db) -> Vec<String> {
        consistency::ties(db).await.expect("reads")
    }
}

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use engine::access::{Digest, Viewer};
use engine::body::Upload;
use engine::call::{Call, Shared};
use engine::operation::{Method, Operation};
use engine::resource::Resource;
use engine::{Api, Limits, Request, Response};
use jobs::{Pace, Queue};
use model::{Clock, Random};
use serde_json::{Value as Json, json};
use store::{Db, Location, Options, Query, Statement, Type};

/// 2026-03-02T10:00:00Z, a Monday: the moment at which every test begins.
pub const START: i64 = 1_772_445_600_000;

/// Where a test's database lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// In this process.
    Embedded,
    /// On a server.
    Server,
}

/// Makes two tests of one: `name::embedded` and `name::server`. The body is a function of the world.
#[macro_export]
macro_rules! both {
    ($name:ident, $world:expr, $test:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn embedded() {
                $crate::run(async { ($test)($world($crate::Engine::Embedded).await).await });
            }

            #[test]
            fn server() {
                $crate::run(async { ($test)($world($crate::Engine::Server).await).await });
            }
        }
    };
}

tokio::task_local! {
    /// The worlds of the test that is running.
    static WORLDS: RefCell<Vec<World>>;
}

/// Runs a test to its end. It fails when it leaves jobs behind that are due or have been given up, unless its world
/// says that it does ([`World::leaves_jobs`]).
pub fn run(test: impl Future<Output = ()>) {
    // What the server logs stands beside the failure that it explains. A second test of the process finds it set.
    let _ = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_test_writer()
        .try_init();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts")
        .block_on(WORLDS.scope(RefCell::default(), async {
            test.await;
            let worlds = WORLDS.with(RefCell::take);
            for world in worlds {
                world.expect_no_jobs().await;
            }
        }));
}

/// The API over a fresh database.
#[derive(Clone)]
pub struct World {
    /// The API.
    pub api: Arc<Api>,
    /// Its clock, which stands still until a test moves it.
    pub clock: Clock,
    random: Random,
    leaves_jobs: Arc<AtomicBool>,
}

/// How many objects a step of a job may touch, where the test does not say.
const STEP: i64 = 100;

impl World {
    /// Puts the database back to what it was.
    pub async fn restore(&self, state: &store::Snapshot) {
        self.api.db.restore(state).await.expect("is restored");
        self.api.forget();
    }

    /// An API of these resources over an empty database.
    pub async fn new(
        engine: Engine,
        resources: &'static [&'static Resource],
        missing: &'static [Operation],
        limits: Limits,
    ) -> World {
        let location = match engine {
            Engine::Embedded => Location::SqliteMemory,
            Engine::Server => Location::Postgres(store::throwaway::postgres()),
        };
        // On a busy machine a read that is interrupted and run again would count its statements twice.
        let options = Options { budget: Duration::from_secs(10), ..Options::new(location) };
        let db = Db::open(options).await.expect("a fresh database opens");
        let clock = Clock::manual(START);
        let random = Random::seeded(42);
        let key = b"a key for the offsets of tests".to_vec();
        let api = Api::new(db, resources, missing, limits, clock.clone(), random.clone(), key);
        let world = World { api: Arc::new(api), clock, random, leaves_jobs: Arc::default() };
        // Outside of `run` nobody looks.
        let _ = WORLDS.try_with(|worlds| worlds.borrow_mut().push(world.clone()));
        world
    }

    /// Runs all jobs that are due, in the order in which a server would. How many ended.
    pub async fn run_jobs(&self) -> usize {
        self.queue("testkit", STEP).run_due().await.expect("the queue can be read and written")
    }

    /// Puts what runs by itself into the queue, due now.
    pub async fn schedule_jobs(&self) {
        self.queue("testkit", STEP).schedule().await.expect("the queue can be written");
    }

    /// The queue as a process of this name sees it, with steps of this size.
    pub fn queue(&self, owner: &str, size: i64) -> Queue {
        Queue::new(Arc::clone(&self.api), owner.to_owned(), Pace::Fixed(size))
    }

    /// The test means to leave jobs behind.
    pub fn leaves_jobs(&self) {
        self.leaves_jobs.store(true, Relaxed);
    }

    async fn expect_no_jobs(&self) {
        if self.leaves_jobs.load(Relaxed) {
            return;
        }
        let text = "SELECT kind, state, last_error FROM queued_jobs \
                    WHERE run_at <= ?1 OR lease IS NOT NULL OR failed_at IS NOT NULL ORDER BY id";
        let statement = Statement::new(text, &[Type::Text, Type::Text, Type::Text]);
        let query = Query::new(&statement, vec![self.clock.now().into()]);
        // A test that has closed its database, or damaged it, had other plans.
        let Ok(mut read) = self.api.db.begin_read().await else { return };
        let Ok(block) = read.one(query).await else { return };
        let line = |row| [0, 1, 2].map(|column| block.text(row, column).unwrap_or_default()).join(" ");
        let left: Vec<String> = (0..block.len()).map(line).collect();
        assert!(left.is_empty(), "the test leaves jobs behind: {left:#?}");
    }

    /// Another server over the same database: it remembers callers and plans by itself.
    pub fn another(&self) -> World {
        let Api { db, resources, limits, clock, random, .. } = &*self.api;
        let key = b"a key for the offsets of tests".to_vec();
        let api = Api::new(db.clone(), resources, &[], *limits, clock.clone(), random.clone(), key);
        World {
            api: Arc::new(api),
            clock: self.clock.clone(),
            random: self.random.clone(),
            leaves_jobs: Arc::clone(&self.leaves_jobs),
        }
    }

    /// Writes as an administrator of the machine would, outside of any operation.
    pub async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Call<'_>) -> engine::Result<T> + Send + 'static,
    ) -> T {
        let now = self.clock.now();
        let written: engine::Result<T> = self
            .api
            .db
            .write(move |transaction| Call::run(transaction, &Viewer::default(), &Shared::default(), now, write))
            .await;
        written.expect("the test's own writes succeed")
    }

    /// A client that calls as this user.
    pub async fn client(&self, user: i64) -> Client {
        let (random, now) = (self.random.clone(), self.clock.now());
        let token = self.write(move |call| Ok(auth::token::create(call.write()?, &random, now, user, "test")?)).await;
        Client { world: self.clone(), user, token: Some(auth::token::digest(&token)) }
    }

    /// A client that calls with this token, of whomever it is.
    pub fn bearer(&self, token: &str) -> Client {
        Client { world: self.clone(), user: 0, token: Some(auth::token::digest(token)) }
    }

    /// The same caller of this server.
    pub fn called_by(&self, client: &Client) -> Client {
        Client { world: self.clone(), user: client.user, token: client.token }
    }

    /// A client without a token.
    pub fn nobody(&self) -> Client {
        Client { world: self.clone(), user: 0, token: None }
    }
}

/// A caller of the API.
#[derive(Clone)]
pub struct Client {
    world: World,
    /// The user's gid.
    pub user: i64,
    token: Option<Digest>,
}

impl Client {
    /// GET, `/tasks?limit=1`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::Get, path, b"", None).await
    }

    /// POST with `data`.
    pub async fn post(&self, path: &str, data: Json) -> Answer {
        self.send(Method::Post, path, json!({ "data": data }).to_string().as_bytes(), Some("application/json")).await
    }

    /// PUT with `data`.
    pub async fn put(&self, path: &str, data: Json) -> Answer {
        self.send(Method::Put, path, json!({ "data": data }).to_string().as_bytes(), Some("application/json")).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::Delete, path, b"", None).await
    }

    /// Any request. `path` lies below `/api/1.0` and may have a query string.
    pub async fn send(&self, method: Method, path: &str, body: &[u8], content_type: Option<&str>) -> Answer {
        self.send_all(method, path, body, content_type, None).await
    }

    /// POST with `data` and a file that the server has stored.
    pub async fn upload(&self, path: &str, data: Json, upload: Upload) -> Answer {
        let body = json!({ "data": data }).to_string();
        self.send_all(Method::Post, path, body.as_bytes(), Some("application/json"), Some(upload)).await
    }

    async fn send_all(
        &self,
        method: Method,
        path: &str,
        body: &[u8],
        content_type: Option<&str>,
        upload: Option<Upload>,
    ) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let request = Request {
            method: Some(method),
            path,
            query,
            token: self.token,
            content_type,
            body,
            base: "http://localhost".into(),
            upload,
        };
        let response = self.world.api.respond(&request).await;
        let json = serde_json::from_slice(&response.body).expect("every answer is JSON");
        Answer { request: format!("{} {path}?{query}", method.name()), response, json }
    }

    /// All objects of a list, walked in pages of `limit`.
    pub async fn pages(&self, path: &str, limit: usize) -> Vec<Json> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let mut next = format!("{path}{separator}limit={limit}");
        let mut all = Vec::new();
        loop {
            let answer = self.get(&next).await;
            all.extend(answer.ok().as_array().expect("a list").iter().cloned());
            match answer.json["next_page"]["path"].as_str() {
                Some(path) => next = path.to_owned(),
                None => return all,
            }
        }
    }
}

/// An answer, with what was asked.
#[derive(Debug)]
pub struct Answer {
    /// The method and the path.
    pub request: String,
    /// The answer.
    pub response: Response,
    /// Its body.
    pub json: Json,
}

impl Answer {
    /// `data` of a 200.
    #[track_caller]
    pub fn ok(&self) -> Json {
        assert_eq!(self.response.status, 200, "{}: {}", self.request, self.json);
        self.json["data"].clone()
    }

    /// `data` of a 201.
    #[track_caller]
    pub fn created(&self) -> Json {
        assert_eq!(self.response.status, 201, "{}: {}", self.request, self.json);
        assert!(self.response.location.is_some(), "{} says where", self.request);
        self.json["data"].clone()
    }

    /// A refusal with this status and message.
    #[track_caller]
    pub fn refused(&self, status: u16, message: &str) {
        assert_eq!(
            (self.response.status, self.json["errors"][0]["message"].as_str()),
            (status, Some(message)),
            "{}: {}",
            self.request,
            self.json
        );
    }
}

/// The gid of a record.
#[track_caller]
pub fn gid(record: &Json) -> String {
    record["gid"].as_str().expect("a record with a gid").to_owned()
}
