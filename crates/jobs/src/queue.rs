//! One process's side of the queue: it takes a lease on a job, runs it step by step, and says how it ended.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use engine::Api;
use engine::access::viewer_in;
use engine::call::{Call, Shared};
use engine::job::{Job, Next, Turn};
use serde_json::Value as Json;
use store::{Query, Statement, Type, Value, Write};

use crate::figures::{Figures, Waiting};
use crate::retry;

/// How long a lease is good for, in milliseconds. Every step begins it anew, and none takes nearly as long.
pub const LEASE: i64 = 60_000;
/// After so many steps a job lets others go first.
const TURNS: usize = 50;
/// How long a step should take: requests wait for it where one writes at a time.
const STEP_TIME: Duration = Duration::from_millis(25);
/// The smallest and the largest size of a step.
const SIZES: (i64, i64) = (16, 1_024);

/// How large steps are.
#[derive(Debug)]
pub enum Pace {
    /// So many objects, always: for tests.
    Fixed(i64),
    /// As many as can be done without holding up requests for long.
    Adaptive(AtomicI64),
}

impl Pace {
    /// As large as time allows.
    pub fn adaptive() -> Self {
        Pace::Adaptive(AtomicI64::new(64))
    }

    fn size(&self) -> i64 {
        match self {
            Pace::Fixed(size) => *size,
            Pace::Adaptive(size) => size.load(Relaxed),
        }
    }

    fn learn(&self, took: Duration) {
        if let Pace::Adaptive(known) = self {
            let size = known.load(Relaxed);
            let next = if took > STEP_TIME {
                size / 2
            } else if took < STEP_TIME / 3 {
                size * 2
            } else {
                size
            };
            known.store(next.clamp(SIZES.0, SIZES.1), Relaxed);
        }
    }
}

/// The queue, as one process sees it.
pub struct Queue {
    pub(crate) api: Arc<Api>,
    jobs: Vec<&'static Job>,
    shared: Arc<Shared>,
    owner: String,
    leases: AtomicU64,
    pace: Pace,
    claim: Arc<Statement>,
    due: Arc<Statement>,
    figures: Figures,
}

/// A job on which we hold a lease.
#[derive(Clone, Debug)]
pub struct Claimed {
    id: i64,
    job: &'static Job,
    lease: String,
    state: Json,
    user: i64,
    app: i64,
    attempts: i64,
}

/// How a turn of a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// There is nothing left of it to do.
    Done,
    /// It goes on later: it was told to stop, or others are to have their turn.
    Paused,
    /// It failed, and waits for its next attempt or for the administrator.
    Failed,
    /// Somebody else has it.
    Lost,
}

/// Why a step was undone.
struct Failure(String);

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Failure(error.to_string())
    }
}

impl From<engine::Error> for Failure {
    fn from(error: engine::Error) -> Self {
        Failure(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What became of a step.
enum Stepped {
    On(Json),
    Done,
    Lost,
}

static HOLD: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new("UPDATE queued_jobs SET run_at = ?3 WHERE id = ?1 AND lease = ?2", &[]));
static KEEP: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    // Who gets on begins to count anew.
    Statement::new("UPDATE queued_jobs SET state = ?2, attempts = 1, last_error = NULL WHERE id = ?1", &[])
});
static DELETE: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new("DELETE FROM queued_jobs WHERE id = ?1", &[]));
static COME_BACK: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new(
        "UPDATE queued_jobs SET state = '{}', run_at = ?2, attempts = 0, lease = NULL, last_error = ?3 WHERE id = ?1",
        &[],
    )
});
static PAUSE: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new("UPDATE queued_jobs SET run_at = ?3, attempts = 0, lease = NULL WHERE id = ?1 AND lease = ?2", &[])
});
static FAIL: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new(
        "UPDATE queued_jobs SET run_at = ?2, failed_at = ?3, last_error = ?4, lease = NULL WHERE id = ?1",
        &[],
    )
});
static SCHEDULE: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new(
        "INSERT INTO queued_jobs (kind, unique_key, state, user_id, app_id, run_at, attempts, created_at) \
         VALUES (?1, 'schedule', '{}', 0, 0, ?2, 0, ?2) ON CONFLICT DO NOTHING",
        &[],
    )
});
static WAITING: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new(
        "SELECT (SELECT count(*) FROM queued_jobs q WHERE q.failed_at IS NULL), \
         (SELECT count(*) FROM queued_jobs q WHERE q.failed_at IS NULL AND q.run_at <= ?1), \
         (SELECT count(*) FROM queued_jobs q WHERE q.failed_at IS NOT NULL)",
        &[Type::Int, Type::Int, Type::Int],
    )
});

impl Queue {
    /// The jobs of an API's resources. `owner` tells this process from others, also from itself before a restart.
    pub fn new(api: Arc<Api>, owner: String, pace: Pace) -> Self {
        let jobs: Vec<&'static Job> = api.resources.iter().flat_map(|resource| resource.jobs).copied().collect();
        // What a newer program has left is for the newer program.
        let kinds: Vec<String> = jobs.iter().map(|job| format!("'{}'", job.kind)).collect();
        let kinds = if kinds.is_empty() { "''".to_owned() } else { kinds.join(", ") };
        let free = format!("q.failed_at IS NULL AND q.kind IN ({kinds})");
        let claim = format!(
            "UPDATE queued_jobs SET lease = ?2, run_at = ?3, attempts = attempts + 1 WHERE id = (\
               SELECT q.id FROM queued_jobs q WHERE {free} AND q.run_at <= ?1 \
               ORDER BY q.run_at, q.id LIMIT 1 {{skip_locked}}) \
             RETURNING id, kind, state, user_id, app_id, attempts"
        );
        let due = format!("SELECT q.run_at FROM queued_jobs q WHERE {free} ORDER BY q.run_at LIMIT 1");
        Queue {
            figures: Figures::new(&jobs),
            jobs,
            shared: Arc::default(),
            owner,
            leases: AtomicU64::new(0),
            pace,
            claim: Statement::new(claim, &[Type::Int, Type::Text, Type::Text, Type::Int, Type::Int, Type::Int]),
            due: Statement::new(due, &[Type::Int]),
            api,
        }
    }

    /// What it has done.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Sees to it that what runs by itself is in the queue. What is new there runs at once.
    ///
    /// # Errors
    /// As [`store::Db::write`].
    pub async fn schedule(&self) -> Result<(), store::Error> {
        let now = self.api.clock.now();
        let kinds: Vec<&str> = self.jobs.iter().filter(|job| job.every.is_some()).map(|job| job.kind).collect();
        let scheduled = self.api.db.write(move |write| -> Result<(), store::Error> {
            kinds.iter().try_for_each(|kind| write.execute(&SCHEDULE, &[(*kind).into(), now.into()]).map(drop))
        });
        scheduled.await
    }

    /// When the next job is due, in milliseconds since 1970; `None` when there is none.
    ///
    /// # Errors
    /// As [`store::Db::begin_read`].
    pub async fn next_due(&self) -> Result<Option<i64>, store::Error> {
        let block = self.api.db.begin_read().await?.one(Query::new(&self.due, Vec::new())).await?;
        Ok(if block.is_empty() { None } else { block.int(0, 0) })
    }

    /// What waits. The figures remember it.
    ///
    /// # Errors
    /// As [`store::Db::begin_read`].
    pub async fn waiting(&self) -> Result<Waiting, store::Error> {
        let query = Query::new(&WAITING, vec![self.api.clock.now().into()]);
        let block = self.api.db.begin_read().await?.one(query).await?;
        let number = |column| block.int(0, column).unwrap_or_default();
        let waiting = Waiting { queued: number(0), due: number(1), failed: number(2) };
        self.figures.saw(waiting);
        Ok(waiting)
    }

    /// Runs all jobs that are due, one after the other, until there is none. How many ended, well or not.
    ///
    /// # Errors
    /// As [`Queue::claim`].
    pub async fn run_due(&self) -> Result<usize, store::Error> {
        let mut ended = 0;
        while let Some(claimed) = self.claim().await? {
            if self.run(claimed, || false).await? != Ended::Paused {
                ended += 1;
            }
        }
        Ok(ended)
    }

    /// Takes a lease on the job that has waited longest; `None` when nothing is due.
    ///
    /// # Errors
    /// As [`store::Db::write`].
    pub async fn claim(&self) -> Result<Option<Claimed>, store::Error> {
        let now = self.api.clock.now();
        if self.next_due().await?.is_none_or(|due| due > now) {
            return Ok(None);
        }
        let lease = format!("{}-{}", self.owner, self.leases.fetch_add(1, Relaxed));
        let (statement, parameters) =
            (Arc::clone(&self.claim), [Value::from(now), lease.as_str().into(), (now + LEASE).into()]);
        let claimed = self.api.db.write(move |write| write.query(&statement, &parameters));
        let block: store::Block = claimed.await?;
        if block.is_empty() {
            return Ok(None);
        }
        let number = |column| block.int(0, column).unwrap_or_default();
        let kind = block.text(0, 1).unwrap_or_default();
        let Some(job) = self.jobs.iter().copied().find(|job| job.kind == kind) else {
            return Ok(None);
        };
        let state = serde_json::from_str(block.text(0, 2).unwrap_or_default()).unwrap_or_default();
        let (id, user, app, attempts) = (number(0), number(3), number(4), number(5));
        Ok(Some(Claimed { id, job, lease, state, user, app, attempts }))
    }

    /// Runs a job until it is done, fails, is told to stop, or it is the turn of others.
    ///
    /// # Errors
    /// As [`store::Db::write`], when not even the failure of the job could be written down: its lease will run out.
    pub async fn run(&self, mut claimed: Claimed, told_to_stop: impl Fn() -> bool) -> Result<Ended, store::Error> {
        if claimed.attempts > retry::MOST_ATTEMPTS {
            // It takes the process with it, so nobody could write down that it failed.
            return self.fail(&claimed, "it never came to an end").await;
        }
        for _ in 0..TURNS {
            if told_to_stop() {
                break;
            }
            match self.step(&claimed).await {
                Ok(Stepped::On(state)) => (claimed.state, claimed.attempts) = (state, 1),
                Ok(Stepped::Done) => {
                    if let Some(kind) = self.figures.of(claimed.job) {
                        kind.done();
                    }
                    tracing::debug!(job = claimed.job.kind, id = claimed.id, "a job is done");
                    return Ok(Ended::Done);
                }
                Ok(Stepped::Lost) => return Ok(Ended::Lost),
                Err(failure) => return self.fail(&claimed, &failure.0).await,
            }
        }
        let parameters = [Value::from(claimed.id), claimed.lease.as_str().into(), self.api.clock.now().into()];
        let paused = self.api.db.write(move |write| write.execute(&PAUSE, &parameters));
        let paused: u64 = paused.await?;
        Ok(if paused > 0 { Ended::Paused } else { Ended::Lost })
    }

    #[expect(clippy::disallowed_methods, reason = "measures")]
    async fn step(&self, claimed: &Claimed) -> Result<Stepped, Failure> {
        let Claimed { id, job, lease, state, user, app, .. } = claimed.clone();
        let (now, size, limits) = (self.api.clock.now(), self.pace.size(), self.api.limits);
        let shared = Arc::clone(&self.shared);
        let stepped = self.api.db.write(move |write| -> Result<(Stepped, Duration), Failure> {
            let begun = Instant::now();
            // Whoever has taken it over waits here, or has been here: then nothing is done.
            if write.execute(&HOLD, &[id.into(), lease.into(), (now + LEASE).into()])? == 0 {
                return Ok((Stepped::Lost, Duration::ZERO));
            }
            let viewer = viewer_in(write, user, app)?;
            let turn = Turn { state: &state, size, limits: &limits };
            let next = Call::run(write, &viewer, &shared, now, |call| (job.step)(call, &turn));
            let next = next.map_err(|error| cause(write, error))?;
            let stepped = match (next, job.every) {
                (Next::Step(state), _) => {
                    write.execute(&KEEP, &[id.into(), state.to_string().into()])?;
                    Stepped::On(state)
                }
                (Next::Done, None) => {
                    write.execute(&DELETE, &[id.into()])?;
                    Stepped::Done
                }
                (Next::Done, Some(period)) => {
                    write.execute(&COME_BACK, &[id.into(), period.next(now).into(), Value::Null])?;
                    Stepped::Done
                }
            };
            Ok((stepped, begun.elapsed()))
        });
        let (stepped, took) = stepped.await?;
        if !matches!(stepped, Stepped::Lost) {
            self.pace.learn(took);
            if let Some(kind) = self.figures.of(job) {
                kind.step(took);
            }
        }
        Ok(stepped)
    }

    /// Writes down that an attempt has failed.
    async fn fail(&self, claimed: &Claimed, reason: &str) -> Result<Ended, store::Error> {
        let Claimed { id, job, lease, state, attempts, .. } = claimed.clone();
        let now = self.api.clock.now();
        let wait = retry::wait(attempts, self.api.random.number());
        let for_good = wait.is_none();
        let shared = Arc::clone(&self.shared);
        let error = reason.to_owned();
        let written = self.api.db.write(move |write| -> Result<bool, store::Error> {
            if write.execute(&HOLD, &[id.into(), lease.into(), now.into()])? == 0 {
                return Ok(false);
            }
            match (wait, job.every) {
                // What comes back by itself is not given up: it has another chance the next time.
                (None, Some(period)) => {
                    write.execute(&COME_BACK, &[id.into(), period.next(now).into(), error.into()])?
                }
                (wait, _) => {
                    let failed_at = wait.is_none().then_some(now);
                    let run_at = now + wait.unwrap_or_default();
                    write.execute(&FAIL, &[id.into(), run_at.into(), failed_at.into(), error.into()])?
                }
            };
            if let (None, Some(given_up)) = (wait, job.given_up) {
                let viewer = Default::default();
                let told = Call::run(write, &viewer, &shared, now, |call| given_up(call, &state));
                told.map_err(|error| {
                    write.failure().cloned().unwrap_or_else(|| store::Error::Engine(error.to_string()))
                })?;
            }
            Ok(true)
        });
        if !written.await? {
            return Ok(Ended::Lost);
        }
        if let Some(kind) = self.figures.of(job) {
            kind.failed(for_good);
        }
        match wait {
            Some(wait) => {
                let again_in = wait / 1_000;
                tracing::warn!(job = job.kind, id, attempt = attempts, error = reason, again_in, "a job has failed");
            }
            None => tracing::error!(job = job.kind, id, attempt = attempts, error = reason, "a job has been given up"),
        }
        Ok(Ended::Failed)
    }
}

/// Why a rule failed: what the database said, where it did; callers of the API are not told.
fn cause(write: &Write, error: engine::Error) -> Failure {
    write.failure().map_or_else(|| error.into(), |failure| failure.clone().into())
}
