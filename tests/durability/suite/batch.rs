//! Requests that share a commit: what befalls one of them, and what befalls them all.

use std::future::Future;
use std::sync::mpsc;
use std::time::Duration;

use engine::Limits;
use resources::workspace::Role;
use resources::{RESOURCES, missing, user, workspace};
use serde_json::{Value as Json, json};
use store::{Db, Error};
use testkit::consistency::violations;
use testkit::{Answer, Client, Engine, World, both};
use tokio::task::JoinHandle;

/// An organization with one person, and those who write.
#[derive(Clone)]
struct Place {
    world: World,
    workspace: String,
    ann: Client,
}

async fn place(engine: Engine) -> Place {
    let world = World::new(engine, RESOURCES, missing::MISSING, Limits::default()).await;
    let (workspace, user) = world
        .write(|call| {
            let workspace = workspace::create_workspace(call, "Acme", true)?;
            let user = user::create_user(call, "Ann Example", "ann@acme.example", None)?;
            workspace::add_member(call, workspace, user, Role::Admin)?;
            Ok((workspace, user))
        })
        .await;
    let ann = world.client(user).await;
    ann.get("/users/me").await.ok();
    Place { ann, workspace: workspace.to_string(), world }
}

impl Place {
    fn db(&self) -> &Db {
        &self.world.api.db
    }

    /// A request that writes six rows: two objects' worth.
    fn task(&self, name: &str) -> JoinHandle<Answer> {
        self.queue(self.post("/tasks", json!({"workspace": self.workspace, "name": name})))
    }

    /// A request that is refused when there is such a field already, after it has written a little.
    fn field(&self, name: &str) -> JoinHandle<Answer> {
        let data = json!({"workspace": self.workspace, "name": name, "resource_subtype": "text"});
        self.queue(self.post("/custom_fields", data))
    }

    fn post(&self, path: &'static str, data: Json) -> impl Future<Output = Answer> + Send + 'static {
        let ann = self.ann.clone();
        async move { ann.post(path, data).await }
    }

    fn queue<T: Send + 'static>(&self, request: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        tokio::spawn(request)
    }

    /// Does something when its turn has come, between the requests before and behind it.
    fn arm(&self, arm: impl Fn(&store::Faults) + Send + 'static) -> JoinHandle<Result<(), Error>> {
        let db = self.db().clone();
        self.queue(async move {
            let faults = db.clone();
            db.write(move |_| {
                arm(faults.faults());
                // Nothing to keep.
                Err(Error::Busy("has armed something".into()))
            })
            .await
        })
    }

    /// Holds the writer until the answer is dropped.
    async fn hold_up(&self) -> mpsc::Sender<()> {
        let (go, wait) = mpsc::channel::<()>();
        let (started, busy) = tokio::sync::oneshot::channel();
        let db = self.db().clone();
        self.queue(async move {
            db.write(move |_| -> Result<(), Error> {
                started.send(()).expect("somebody waits");
                wait.recv().expect_err("nothing is sent");
                Err(Error::Busy("nothing to keep".into()))
            })
            .await
        });
        busy.await.expect("it starts");
        go
    }

    async fn names(&self) -> Vec<String> {
        let sql = "SELECT name FROM tasks UNION ALL SELECT name FROM custom_fields";
        let query = store::Query::new(&store::Statement::new(sql, &[store::Type::Text]), Vec::new());
        let block = self.db().begin_read().await.expect("begins").one(query).await.expect(sql);
        let mut names: Vec<String> =
            (0..block.len()).map(|row| block.text(row, 0).unwrap_or_default().into()).collect();
        names.sort();
        names
    }

    async fn check(&self) {
        assert_eq!(violations(self.db()).await, Vec::<String>::new());
        self.ann.post("/tags", json!({"workspace": self.workspace, "name": "still works"})).await.created();
    }
}

/// Gives what was spawned the time to get into the queue, so that the order is that of the source.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// Queues these, one after another, and answers their statuses.
macro_rules! statuses {
    ($place:expr, $($request:expr),+) => {{
        let go = $place.hold_up().await;
        let mut queued = Vec::new();
        $(
            queued.push($request);
            settle().await;
        )+
        drop(go);
        let mut statuses = Vec::new();
        for request in queued {
            let answer = request.await.expect("no panic");
            assert_eq!(answer.json["errors"][0]["phrase"].is_string(), answer.response.status == 500, "{}", answer.json);
            statuses.push(answer.response.status);
        }
        statuses
    }};
}

#[test]
fn one_request_is_refused() {
    testkit::run(async {
        let place = place(Engine::Embedded).await;
        let commits = place.db().commits();
        let mut statuses = statuses!(place, place.task("a"), place.field("F"), place.field("F"), place.task("b"));
        statuses.sort();
        assert_eq!(statuses, [201, 201, 201, 400]);
        assert!(place.db().commits() - commits <= 3, "they did not share a commit");
        assert_eq!(place.names().await, ["F", "a", "b"]);
        place.check().await;
    });
}

#[test]
fn one_request_panics() {
    testkit::run(async {
        let place = place(Engine::Embedded).await;
        let go = place.hold_up().await;
        let first = place.task("a");
        settle().await;
        // The first of the two is its own.
        let armed = place.arm(|faults| {
            faults.panic_next_write();
            faults.panic_next_write();
        });
        settle().await;
        let doomed = place.task("doomed");
        settle().await;
        let last = place.task("b");
        settle().await;
        drop(go);
        assert!(matches!(armed.await.expect("no panic"), Err(Error::Panicked(_))));
        assert_eq!(first.await.expect("no panic").response.status, 201);
        let doomed = doomed.await.expect("no panic");
        doomed.refused(500, "Server Error");
        assert!(doomed.json["errors"][0]["phrase"].is_string());
        assert_eq!(last.await.expect("no panic").response.status, 201);
        assert_eq!(place.names().await, ["a", "b"]);
        place.check().await;
    });
}

#[test]
fn a_statement_of_one_request_fails() {
    testkit::run(async {
        let place = place(Engine::Embedded).await;
        for statement in 1..=25 {
            let go = place.hold_up().await;
            // A write that is kept comes first, so that the doomed one has a savepoint of its own.
            let db = place.db().clone();
            let armed = place.queue(async move {
                let faults = db.clone();
                db.write(move |write| {
                    let kept = write.gid()?;
                    faults.faults().fail_statement(statement);
                    Ok::<i64, Error>(kept)
                })
                .await
            });
            settle().await;
            let doomed = place.task("doomed");
            settle().await;
            let last = place.task(&format!("last {statement}"));
            settle().await;
            drop(go);
            armed.await.expect("no panic").expect("is kept");
            let status = doomed.await.expect("no panic").response.status;
            let last = last.await.expect("no panic");
            place.db().faults().clear();
            let names = place.names().await;
            if names.iter().any(|name| name == "doomed") {
                // Its own statements are behind it: what failed belongs to the answer, which is read after the commit.
                assert!(statement > 8, "statement {statement}");
                break;
            }
            assert_eq!((status, last.response.status), (500, 201), "statement {statement}");
            assert_eq!(violations(place.db()).await, Vec::<String>::new(), "statement {statement}");
            assert!(statement < 25, "it is never written");
        }
        place.check().await;
    });
}

/// Everybody in the batch gets a 500, also who was refused; nothing of it is kept, and the next ones are served.
#[test]
fn the_commit_fails() {
    testkit::run(async {
        let place = place(Engine::Embedded).await;
        let mut together = 0;
        for round in 0..50 {
            let field = format!("F{round}");
            let go = place.hold_up().await;
            let armed = place.arm(store::Faults::fail_next_commit);
            settle().await;
            let names = [format!("a{round}"), field.clone(), field.clone(), format!("b{round}")];
            let mut queued = Vec::new();
            for (at, name) in names.iter().enumerate() {
                queued.push(if at % 3 == 0 { place.task(name) } else { place.field(name) });
                settle().await;
            }
            drop(go);
            assert!(armed.await.expect("no panic").is_err());
            let mut statuses = Vec::new();
            for request in queued {
                statuses.push(request.await.expect("no panic").response.status);
            }
            // On a busy machine the batch may end before all have joined it.
            let failed = statuses.iter().take_while(|status| **status == 500).count();
            assert!(failed > 0 && statuses[failed..].iter().all(|status| matches!(status, 201 | 400)), "{statuses:?}");
            let kept = place.names().await;
            for (name, status) in names.iter().zip(&statuses) {
                let taken = statuses[1..3].contains(&201) && *name == field;
                assert_eq!(kept.contains(name), *status == 201 || taken, "{name} in round {round}: {statuses:?}");
            }
            together = together.max(failed);
            if together == 4 {
                break;
            }
        }
        assert_eq!(together, 4, "never did all share a commit");
        place.db().probe().await.expect("is ready again");
        place.check().await;
    });
}

both!(a_client_leaves, place, |place: Place| async move {
    let task = |name: &'static str| place.post("/tasks", json!({"workspace": place.workspace, "name": name}));
    // In the queue, and gone before its turn.
    let go = place.hold_up().await;
    let leaving = place.queue(task("left"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    leaving.abort();
    let stayed = place.task("stayed");
    settle().await;
    drop(go);
    assert_eq!(stayed.await.expect("no panic").response.status, 201);
    // At any other moment.
    for moment in 0..40 {
        let leaving = place.queue(task("sometimes"));
        tokio::time::sleep(Duration::from_micros(moment * 150)).await;
        leaving.abort();
        drop(leaving.await);
    }
    let names = place.names().await;
    assert!(["left", "stayed"].iter().all(|name| names.iter().any(|known| known == name)), "{names:?}");
    place.check().await;
});
