//! What the queue promises, on both engines: everything that a commit has left for later is done, once.
#![expect(clippy::unwrap_used, reason = "a failure is what a test is for")]

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};

use engine::call::Call;
use engine::job::{Job, Next, Period, Turn};
use engine::resource::Resource;
use engine::{Error, Limits, Result};
use jobs::queue::{Ended, LEASE};
use jobs::retry::MOST_ATTEMPTS;
use jobs::{Pace, Queue};
use serde_json::{Value as Json, json};
use store::{Query, Statement, Type};
use testkit::{Engine, World, both};

/// Counts in the database, one for each step; tells when two do at once.
static COUNT: Job = Job::new("count", count);
/// Fails as its state says.
static FAIL: Job = Job::new("fail", fail).or_else(given_up);
/// Comes back by itself.
static CHIME: Job = Job::new("chime", chime).every(Period::Hourly);

static WORK: Resource = Resource { jobs: &[&COUNT, &FAIL, &CHIME], ..Resource::rows("settings") };

fn add(call: &mut Call<'_>, name: &str) -> Result<()> {
    call.execute(
        "INSERT INTO settings (name, value) VALUES (?1, 'x') \
         ON CONFLICT (name) DO UPDATE SET value = settings.value || 'x'",
        &[name.into()],
    )?;
    Ok(())
}

fn count(call: &mut Call<'_>, turn: &Turn<'_>) -> Result<Next> {
    static AT_WORK: AtomicI64 = AtomicI64::new(0);
    let name = turn.text("name").to_owned();
    if name == "alone" {
        assert_eq!(AT_WORK.fetch_add(1, SeqCst), 0, "two run one job at once");
    }
    let added = add(call, &name);
    if name == "alone" {
        AT_WORK.fetch_sub(1, SeqCst);
    }
    added?;
    let left = turn.number("left") - 1;
    Ok(if left > 0 { Next::Step(json!({"name": name, "left": left})) } else { Next::Done })
}

fn fail(call: &mut Call<'_>, turn: &Turn<'_>) -> Result<Next> {
    add(call, "a trace of a step that has failed")?;
    match turn.text("how") {
        "panic" => panic!("poison"),
        "sql" => call.execute("INSERT INTO epochs (name, value) VALUES ('access', 1)", &[]).map(|_| Next::Done),
        _ => Err(Error::bad("it will not do")),
    }
}

fn given_up(call: &mut Call<'_>, state: &Json) -> Result<()> {
    add(call, &format!("given up: {}", state["how"].as_str().unwrap_or_default()))
}

fn chime(call: &mut Call<'_>, _: &Turn<'_>) -> Result<Next> {
    add(call, "chime")?;
    Ok(Next::Done)
}

async fn world(engine: Engine) -> World {
    static RESOURCES: &[&Resource] = &[&WORK];
    World::new(engine, RESOURCES, &[], Limits::default()).await
}

async fn enqueue(world: &World, job: &'static Job, state: Json) {
    world
        .write(move |call| {
            call.enqueue(job, &state);
            Ok(())
        })
        .await;
}

/// How often something has been done.
async fn times(world: &World, name: &str) -> usize {
    let statement = Statement::new("SELECT value FROM settings WHERE name = ?1", &[Type::Text]);
    let query = Query::new(&statement, vec![name.into()]);
    let block = world.api.db.begin_read().await.unwrap().one(query).await.unwrap();
    if block.is_empty() { 0 } else { block.text(0, 0).unwrap().len() }
}

/// The first row of the queue: attempts, when it is due, its error, whether it has been given up.
async fn first(world: &World) -> (i64, i64, String, bool) {
    let text = "SELECT attempts, run_at, last_error, failed_at FROM queued_jobs ORDER BY id LIMIT 1";
    let statement = Statement::new(text, &[Type::Int, Type::Int, Type::Text, Type::Int]);
    let block = world.api.db.begin_read().await.unwrap().one(Query::new(&statement, Vec::new())).await.unwrap();
    let number = |column| block.int(0, column).unwrap();
    (number(0), number(1), block.text(0, 2).unwrap_or_default().to_owned(), block.int(0, 3).is_some())
}

both!(what_a_commit_leaves_is_done_step_by_step, world, |world: World| async move {
    enqueue(&world, &COUNT, json!({"name": "steps", "left": 120})).await;
    enqueue(&world, &COUNT, json!({"name": "other", "left": 1})).await;
    assert_eq!(times(&world, "steps").await, 0, "nothing happens before somebody works");
    assert_eq!(world.run_jobs().await, 2);
    assert_eq!((times(&world, "steps").await, times(&world, "other").await), (120, 1));
    assert_eq!(world.run_jobs().await, 0);
});

both!(what_is_rolled_back_leaves_nothing, world, |world: World| async move {
    let now = world.clock.now();
    let refused: Result<()> = world
        .api
        .db
        .write(move |write| {
            Call::run(write, &Default::default(), &Default::default(), now, |call| {
                call.enqueue(&COUNT, &json!({"name": "never", "left": 1}));
                Err(Error::bad("no"))
            })
        })
        .await;
    assert!(refused.is_err());
    assert_eq!(world.run_jobs().await, 0);
    assert_eq!(times(&world, "never").await, 0);
});

both!(two_never_run_one_job_at_once, world, |world: World| async move {
    for _ in 0..20 {
        enqueue(&world, &COUNT, json!({"name": "alone", "left": 10})).await;
    }
    // As many jobs as they like, but every single step of "alone" is nobody else's: the steps would see each other.
    let one = world.queue("one", 1);
    let held = one.claim().await.unwrap().expect("a job is due");
    let workers = ["two", "three", "four"].map(|name| {
        let queue = world.queue(name, 1);
        tokio::spawn(async move { queue.claim().await.unwrap() })
    });
    let mut leases = vec![format!("{held:?}")];
    for worker in workers {
        leases.push(format!("{:?}", worker.await.unwrap().expect("another job is due")));
    }
    leases.sort();
    leases.dedup();
    assert_eq!(leases.len(), 4, "each has another job");
    world.clock.advance(LEASE);
    // What the others hold has run out; one after the other does it all, whoever had it first.
    assert_eq!(world.run_jobs().await, 20);
    assert_eq!(times(&world, "alone").await, 200);
    assert_eq!(one.run(held, || false).await.unwrap(), Ended::Lost, "whose lease ran out does nothing");
    assert_eq!(times(&world, "alone").await, 200);
});

both!(many_workers_do_everything_once, world, |world: World| async move {
    for at in 0..60 {
        enqueue(&world, &COUNT, json!({"name": format!("job {at}"), "left": 3})).await;
    }
    let workers = [1, 2, 3, 4].map(|number| {
        let queue = world.queue(&format!("worker {number}"), 1);
        tokio::spawn(async move {
            let mut done = 0;
            while let Some(claimed) = queue.claim().await.unwrap() {
                assert_eq!(queue.run(claimed, || false).await.unwrap(), Ended::Done);
                done += 1;
            }
            done
        })
    });
    let mut done = 0;
    for worker in workers {
        done += worker.await.unwrap();
    }
    // A worker may find all that is due claimed for a moment, and rest; then somebody else has it.
    done += world.run_jobs().await;
    assert_eq!(done, 60);
    for at in 0..60 {
        assert_eq!(times(&world, &format!("job {at}")).await, 3, "job {at}");
    }
});

both!(another_goes_on_where_a_dead_one_ended, world, |world: World| async move {
    enqueue(&world, &COUNT, json!({"name": "orphan", "left": 10})).await;
    let dead = world.queue("dead", 1);
    let claimed = dead.claim().await.unwrap().expect("a job is due");
    let steps = AtomicI64::new(0);
    // It is told to stop after four steps, but dies before it gives the job back.
    let paused = dead.run(claimed.clone(), || steps.fetch_add(1, SeqCst) == 4).await.unwrap();
    assert_eq!((paused, times(&world, "orphan").await), (Ended::Paused, 4));
    let claimed = dead.claim().await.unwrap().expect("it is due again");
    assert_eq!(world.run_jobs().await, 0, "nobody takes what somebody holds");
    world.clock.advance(LEASE - 1);
    assert_eq!(world.run_jobs().await, 0, "the lease is still good");
    world.clock.advance(1);
    assert_eq!(world.run_jobs().await, 1);
    assert_eq!(times(&world, "orphan").await, 10, "no step is lost, none is done twice");
    assert_eq!(dead.run(claimed, || false).await.unwrap(), Ended::Lost, "the dead one comes back");
    assert_eq!(times(&world, "orphan").await, 10);
});

both!(what_is_told_to_stop_is_free_at_once, world, |world: World| async move {
    enqueue(&world, &COUNT, json!({"name": "drained", "left": 3})).await;
    let (queue, stop) = (world.queue("stopping", 1), AtomicBool::new(false));
    let claimed = queue.claim().await.unwrap().expect("a job is due");
    let told = || stop.swap(true, SeqCst);
    assert_eq!(queue.run(claimed, told).await.unwrap(), Ended::Paused);
    assert_eq!(times(&world, "drained").await, 1);
    assert_eq!(world.run_jobs().await, 1, "another process need not wait for the lease");
    assert_eq!(times(&world, "drained").await, 3);
});

both!(what_fails_waits_longer_each_time, world, |world: World| async move {
    world.leaves_jobs();
    enqueue(&world, &FAIL, json!({"how": "refusal"})).await;
    let mut longest = 5_000;
    for attempt in 1..MOST_ATTEMPTS {
        assert_eq!(world.run_jobs().await, 1, "attempt {attempt}");
        let (attempts, run_at, error, given_up) = first(&world).await;
        let wait = run_at - world.clock.now();
        assert_eq!((attempts, error.as_str(), given_up), (attempt, "400 it will not do", false));
        assert!((longest / 2..=longest).contains(&wait), "after attempt {attempt}: {wait} ms");
        assert_eq!(world.run_jobs().await, 0, "not before its time");
        world.clock.advance(wait);
        longest = (longest * 2).min(3_600_000);
    }
    assert_eq!(times(&world, "given up: refusal").await, 0);
    assert_eq!(world.run_jobs().await, 1);
    let (attempts, _, error, given_up) = first(&world).await;
    assert_eq!((attempts, error.as_str(), given_up), (MOST_ATTEMPTS, "400 it will not do", true));
    assert_eq!(times(&world, "given up: refusal").await, 1);
    assert_eq!(times(&world, "a trace of a step that has failed").await, 0, "a step that fails leaves nothing");
    world.clock.advance(1_000_000_000);
    assert_eq!(world.run_jobs().await, 0, "it is kept, and not tried again");
    assert_eq!(world.queue("looks", 1).waiting().await.unwrap().failed, 1);
});

both!(poison_holds_up_nobody, world, |world: World| async move {
    world.leaves_jobs();
    enqueue(&world, &FAIL, json!({"how": "panic"})).await;
    enqueue(&world, &FAIL, json!({"how": "sql"})).await;
    enqueue(&world, &COUNT, json!({"name": "after poison", "left": 2})).await;
    assert_eq!(world.run_jobs().await, 3);
    assert_eq!(times(&world, "after poison").await, 2);
    let text = "SELECT last_error FROM queued_jobs ORDER BY id";
    let query = Query::new(&Statement::new(text, &[Type::Text]), Vec::new());
    let block = world.api.db.begin_read().await.unwrap().one(query).await.unwrap();
    assert_eq!(block.text(0, 0), Some("a write panicked: poison"));
    let cause = block.text(1, 0).unwrap();
    assert!(cause.starts_with("conflict: "), "an administrator reads the cause: {cause}");
});

both!(what_kills_the_process_is_given_up, world, |world: World| async move {
    world.leaves_jobs();
    enqueue(&world, &FAIL, json!({"how": "kill"})).await;
    for _ in 0..MOST_ATTEMPTS {
        // Whoever takes it never comes back.
        assert!(world.queue("victim", 1).claim().await.unwrap().is_some());
        world.clock.advance(LEASE);
    }
    assert_eq!(world.run_jobs().await, 1);
    let (_, _, error, given_up) = first(&world).await;
    assert_eq!((error.as_str(), given_up), ("it never came to an end", true));
});

both!(what_has_a_schedule_comes_back, world, |world: World| async move {
    for _ in 0..3 {
        world.schedule_jobs().await;
    }
    assert_eq!(world.run_jobs().await, 1, "one row, however many processes start");
    assert_eq!(world.run_jobs().await, 0);
    // Tests begin at ten o'clock.
    world.clock.advance(3_599_999);
    assert_eq!(world.run_jobs().await, 0);
    world.clock.advance(1);
    assert_eq!(world.run_jobs().await, 1);
    // A server that was off for a day does it once, not a day's worth.
    world.clock.advance(24 * 3_600_000 + 5);
    assert_eq!(world.run_jobs().await, 1);
    assert_eq!(times(&world, "chime").await, 3);
    assert_eq!(first(&world).await.1 % 3_600_000, 0);
});

both!(a_newer_programs_jobs_are_left_alone, world, |world: World| async move {
    world.leaves_jobs();
    static NEWER: Job = Job::new("of a newer program", count);
    enqueue(&world, &NEWER, json!({})).await;
    enqueue(&world, &COUNT, json!({"name": "known", "left": 1})).await;
    assert_eq!(world.run_jobs().await, 1);
    assert_eq!(first(&world).await.0, 0);
});

both!(a_worker_works_until_it_is_told_to_stop, world, |world: World| async move {
    world.clock.follow();
    let queue = std::sync::Arc::new(Queue::new(world.api.clone(), "server".to_owned(), Pace::adaptive()));
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let worker = tokio::spawn(jobs::work(queue.clone(), stopping));
    enqueue(&world, &COUNT, json!({"name": "by a worker", "left": 5})).await;
    for _ in 0..1_000 {
        if times(&world, "by a worker").await == 5 && times(&world, "chime").await == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    stop.send(true).unwrap();
    worker.await.unwrap();
    assert_eq!((times(&world, "by a worker").await, times(&world, "chime").await), (5, 1));
    let counts = queue.figures().kinds().iter().find(|kind| kind.name == "count").unwrap().counts();
    assert_eq!((counts.done, counts.steps, counts.failures), (1, 5, 0));
});
