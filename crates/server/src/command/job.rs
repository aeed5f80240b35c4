//! `vinyasa job`: what waits in the queue, and what becomes of jobs that were given up.

use clap::Subcommand;
use model::Clock;
use model::time::format_time;
use store::{Db, Query, Statement, Type, Value};

use super::print_line;
use crate::config::{Common, Config};
use crate::failure::{Failure, Result};
use crate::log;
use crate::open::open_database;

/// Jobs in the queue: what waits, what was given up
#[derive(Subcommand)]
pub enum Job {
    /// List them: number, kind, state, when it is due, attempts, last error
    List,
    /// Have a job that was given up tried again
    Retry {
        /// Its number, as `vinyasa job list` shows it
        #[arg(value_name = "NUMBER")]
        job: i64,
    },
    /// Forget a job that was given up: what it was to do is not done
    Discard {
        /// Its number, as `vinyasa job list` shows it
        #[arg(value_name = "NUMBER")]
        job: i64,
    },
}

impl Job {
    pub async fn run(self, common: &Common) -> Result<()> {
        let config = Config::load(common, &[])?;
        log::start(&config, "warn")?;
        let db = open_database(&config, false).await?;
        let retry = "UPDATE queued_jobs SET failed_at = NULL, attempts = 0, run_at = ?2 \
                     WHERE id = ?1 AND failed_at IS NOT NULL";
        let discard = "DELETE FROM queued_jobs WHERE id = ?1 AND failed_at IS NOT NULL AND created_at <= ?2";
        let done = match self {
            Job::List => list(&db).await,
            Job::Retry { job } => change(&db, retry, job).await,
            Job::Discard { job } => change(&db, discard, job).await,
        };
        db.close().await;
        done
    }
}

async fn list(db: &Db) -> Result<()> {
    let all = "SELECT id, kind, CASE WHEN failed_at IS NOT NULL THEN 'given-up' WHEN lease IS NOT NULL THEN 'running' \
               ELSE 'waiting' END, run_at, attempts, coalesce(last_error, '-') FROM queued_jobs ORDER BY id";
    let all = Statement::new(all, &[Type::Int, Type::Text, Type::Text, Type::Int, Type::Int, Type::Text]);
    let block = db.begin_read().await?.one(Query::new(&all, Vec::new())).await?;
    for row in 0..block.len() {
        let (number, text) = (|column| block.int(row, column).unwrap_or_default(), |column| block.text(row, column));
        let mut run_at = Vec::new();
        format_time(number(3), &mut run_at);
        let (run_at, word) = (String::from_utf8_lossy(&run_at), |column| text(column).unwrap_or_default());
        let error = word(5).split_whitespace().collect::<Vec<_>>().join(" ");
        print_line(&format!("{} {} {} {run_at} {} {error}", number(0), word(1), word(2), number(4)))?;
    }
    Ok(())
}

async fn change(db: &Db, sql: &str, job: i64) -> Result<()> {
    let (statement, now) = (Statement::new(sql, &[]), Clock::system().now());
    let changed = db.write(move |write| write.execute(&statement, &[Value::from(job), now.into()]));
    let changed: u64 = changed.await?;
    match changed {
        0 => Err(Failure::new(format_args!("no job {job} that was given up: vinyasa job list"))),
        _ => Ok(()),
    }
}
