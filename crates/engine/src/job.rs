//! What a request leaves for later. A kind of job stands in the table of its resource, like an operation; the row that
//! says to do it is written in the transaction of the request that wants it (crate `jobs` runs it).

use serde_json::Value as Json;
use store::Value;

use crate::api::Limits;
use crate::call::Call;
use crate::error::Result;

/// A kind of job.
#[derive(Debug)]
pub struct Job {
    /// The name under which the queue keeps it. Rows may wait across an upgrade: a name is never given to something else.
    pub kind: &'static str,
    /// How often it runs by itself; `None` for what requests ask for.
    pub every: Option<Period>,
    /// Does a part of it, in a transaction that also keeps how far it has come.
    pub step: Step,
    /// Says to whom it may concern that it has been given up for good.
    pub given_up: Option<fn(&mut Call<'_>, &Json) -> Result<()>>,
}

/// How often something runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// At every full hour.
    Hourly,
    /// Every night, at three o'clock UTC.
    Daily,
}

/// A part of a job. It runs as the user whose request wanted the job, as nobody when it runs by itself; the state is what
/// the request said, and then what the part before has returned.
pub type Step = fn(&mut Call<'_>, &Turn<'_>) -> Result<Next>;

/// What a step works with beside its call.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// How far it has come: JSON of the kind's own.
    pub state: &'a Json,
    /// How many objects it may touch: requests wait meanwhile.
    pub size: i64,
    /// The numbers of the installation.
    pub limits: &'a Limits,
}

impl Turn<'_> {
    /// A number of the state; 0 when there is none.
    pub fn number(&self, name: &str) -> i64 {
        self.state.get(name).and_then(Json::as_i64).unwrap_or_default()
    }

    /// A text of the state.
    pub fn text(&self, name: &str) -> &str {
        self.state.get(name).and_then(Json::as_str).unwrap_or_default()
    }
}

/// What comes after a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Another one, with this state.
    Step(Json),
    /// Nothing: the job is done.
    Done,
}

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

impl Period {
    /// The first time after `now`, both in milliseconds since 1970.
    pub fn next(self, now: i64) -> i64 {
        let (length, offset) = match self {
            Period::Hourly => (HOUR, 0),
            Period::Daily => (DAY, 3 * HOUR),
        };
        ((now - offset).div_euclid(length) + 1) * length + offset
    }
}

impl Job {
    /// What requests ask for.
    pub const fn new(kind: &'static str, step: Step) -> Self {
        Job { kind, every: None, step, given_up: None }
    }

    /// It runs by itself.
    pub const fn every(mut self, period: Period) -> Self {
        self.every = Some(period);
        self
    }

    /// Somebody waits for it, who is to know when it is given up.
    pub const fn or_else(mut self, given_up: fn(&mut Call<'_>, &Json) -> Result<()>) -> Self {
        self.given_up = Some(given_up);
        self
    }
}

impl Call<'_> {
    /// Leaves something for later: it is done soon after the commit, on behalf of the caller.
    pub fn enqueue(&mut self, job: &Job, state: &Json) {
        let columns = [
            ("kind", Value::from(job.kind)),
            ("state", state.to_string().into()),
            ("user_id", self.viewer.user.into()),
            ("app_id", self.viewer.app.into()),
            ("run_at", self.now.into()),
            ("attempts", 0.into()),
            ("created_at", self.now.into()),
        ];
        self.insert("queued_jobs", &columns);
        self.enqueued = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_come_round() {
        assert_eq!(Period::Hourly.next(0), HOUR);
        assert_eq!(Period::Hourly.next(HOUR - 1), HOUR);
        assert_eq!(Period::Hourly.next(HOUR), 2 * HOUR);
        assert_eq!(Period::Daily.next(0), 3 * HOUR);
        assert_eq!(Period::Daily.next(3 * HOUR), DAY + 3 * HOUR);
        assert_eq!(Period::Daily.next(-1), 3 * HOUR);
    }
}
