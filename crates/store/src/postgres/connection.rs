//! Connections and how statements run on them.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{try_join, try_join_all};
use futures_util::{FutureExt, TryStreamExt};
use rustc_hash::FxHashMap;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, Row, RowStream};

use super::Address;
use super::value::{Parameter, Raw};
use crate::block::Block;
use crate::error::Error;
use crate::pool::Pooled;
use crate::statement::{Query, Statement};
use crate::value::Value;

/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 512;

/// A connection with what it has prepared.
pub(super) struct Connection {
    pub client: Client,
    prepared: Prepared,
    state: State,
    task: JoinHandle<()>,
}

/// Where a reader's transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Begun,
    /// Waiting for an answer; a reader found like this was left by its user.
    Waiting,
    /// After an error.
    Failed,
}

impl Connection {
    /// Connects. The connection lives on the runtime on which this is called.
    pub async fn open(address: &Address) -> Result<Self, tokio_postgres::Error> {
        let (client, connection) = address.config.connect(NoTls).await?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "lost a connection to the database");
            }
        });
        client.batch_execute(&address.settings).await?;
        Ok(Connection { client, prepared: Prepared::default(), state: State::Idle, task })
    }

    /// Ends the session in order.
    pub async fn close(self) {
        drop(self.client);
        drop(self.task.await);
    }

    /// Runs a statement and collects its rows.
    pub async fn query(&mut self, statement: &Arc<Statement>, parameters: &[Value]) -> Result<Block, Error> {
        self.prepare([statement]).await?;
        self.run(statement, parameters).await
    }

    /// Runs a statement that returns no rows.
    pub async fn execute(&mut self, statement: &Arc<Statement>, parameters: &[Value]) -> Result<u64, Error> {
        self.prepare([statement]).await?;
        let prepared = self.prepared.get(statement)?;
        check_parameters(statement, prepared, parameters)?;
        Ok(self.client.execute_raw(prepared, parameters.iter().map(Parameter)).await?)
    }

    /// Runs queries in one round trip (two if some are to be prepared first), in one read transaction.
    pub async fn level(&mut self, queries: &[Query]) -> Result<Vec<Block>, Error> {
        let begun = match self.state {
            State::Idle => false,
            State::Begun => true,
            State::Waiting | State::Failed => return Err(Error::Closed),
        };
        self.state = State::Waiting;
        let result = self.try_level(queries, begun).await;
        self.state = if result.is_ok() { State::Begun } else { State::Failed };
        result
    }

    async fn try_level(&mut self, queries: &[Query], begun: bool) -> Result<Vec<Block>, Error> {
        let Connection { client, prepared, .. } = self;
        let begin = async {
            if begun {
                Ok(())
            } else {
                Ok(client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        };
        // What is polled first is sent first, and nothing waits for its answer before the next is sent.
        let run = async {
            prepared.add(client, queries.iter().map(|query| &query.statement)).await?;
            let prepared = &*prepared;
            let runs = queries.iter().map(|query| run(client, prepared, &query.statement, &query.parameters));
            try_join_all(runs).await
        };
        Ok(try_join(begin, run).await?.1)
    }

    /// Runs statements in one round trip (two if some are to be prepared first), in the transaction that is open.
    pub async fn pipeline(&mut self, queries: &[Query]) -> Result<Vec<Block>, Error> {
        let Connection { client, prepared, .. } = self;
        prepared.add(client, queries.iter().map(|query| &query.statement)).await?;
        let prepared = &*prepared;
        try_join_all(queries.iter().map(|query| run(client, prepared, &query.statement, &query.parameters))).await
    }

    async fn prepare(&mut self, statements: [&Arc<Statement>; 1]) -> Result<(), Error> {
        self.prepared.add(&self.client, statements.into_iter()).await
    }

    async fn run(&self, statement: &Arc<Statement>, parameters: &[Value]) -> Result<Block, Error> {
        run(&self.client, &self.prepared, statement, parameters).await
    }
}

/// Runs a prepared statement and collects its rows.
async fn run(
    client: &Client,
    prepared: &Prepared,
    statement: &Statement,
    parameters: &[Value],
) -> Result<Block, Error> {
    let prepared = prepared.get(statement)?;
    check_parameters(statement, prepared, parameters)?;
    let width = statement.columns.len();
    if prepared.columns().len() != width {
        let found = prepared.columns().len();
        return Err(Error::engine(format!("{found} columns where {width} are declared: {}", statement.sql)));
    }
    let rows = client.query_raw(prepared, parameters.iter().map(Parameter)).await?;
    collect(rows, statement).await
}

async fn collect(rows: RowStream, statement: &Statement) -> Result<Block, Error> {
    let mut block = Block::new(statement.columns.len());
    let mut rows = pin!(rows);
    while let Some(row) = rows.try_next().await? {
        push(&mut block, &row, statement)?;
    }
    Ok(block)
}

fn push(block: &mut Block, row: &Row, statement: &Statement) -> Result<(), Error> {
    for (column, expected) in statement.columns.iter().enumerate() {
        let raw: Raw<'_> = row.try_get(column)?;
        let cell = raw.cell(*expected).ok_or_else(|| {
            let found = row.columns()[column].type_();
            Error::engine(format!("column {column} is {found}, not {expected:?}: {}", statement.sql))
        })?;
        block.push(cell);
    }
    Ok(())
}

fn check_parameters(
    statement: &Statement,
    prepared: &tokio_postgres::Statement,
    parameters: &[Value],
) -> Result<(), Error> {
    let (wanted, given) = (prepared.params().len(), parameters.len());
    if wanted == given {
        return Ok(());
    }
    Err(Error::engine(format!("{given} parameters where {wanted} are wanted: {}", statement.sql)))
}

impl Pooled for Connection {
    fn recycle(&mut self) -> bool {
        match self.state {
            State::Idle => {}
            State::Begun => {
                // Sent, not waited for: whatever the next user sends comes after it.
                drop(self.client.batch_execute("COMMIT").now_or_never());
                self.state = State::Idle;
            }
            State::Waiting => {
                let cancel = self.client.cancel_token();
                if let Ok(runtime) = Handle::try_current() {
                    runtime.spawn(async move { drop(cancel.cancel_query(NoTls).await) });
                }
                return false;
            }
            State::Failed => return false,
        }
        !self.client.is_closed()
    }
}

/// The statements that a connection has prepared.
#[derive(Default)]
struct Prepared {
    known: FxHashMap<u64, Known>,
    /// Counts the levels, to tell what was used lately.
    age: u64,
}

struct Known {
    statement: Arc<Statement>,
    prepared: tokio_postgres::Statement,
    used: u64,
}

impl Prepared {
    /// Prepares those that are not known yet, in one round trip.
    async fn add<'a>(
        &mut self,
        client: &Client,
        statements: impl Iterator<Item = &'a Arc<Statement>>,
    ) -> Result<(), Error> {
        self.age += 1;
        let mut unknown: Vec<&Arc<Statement>> = Vec::new();
        for statement in statements {
            match self.known.get_mut(&statement.hash) {
                Some(known) if same(&known.statement, statement) => known.used = self.age,
                _ if unknown.iter().any(|other| same(other, statement)) => {}
                _ => unknown.push(statement),
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let prepared = try_join_all(unknown.iter().map(|statement| client.prepare(&statement.numbered))).await?;
        self.make_room(unknown.len());
        for (statement, prepared) in unknown.into_iter().zip(prepared) {
            let known = Known { statement: Arc::clone(statement), prepared, used: self.age };
            self.known.insert(statement.hash, known);
        }
        Ok(())
    }

    fn get(&self, statement: &Statement) -> Result<&tokio_postgres::Statement, Error> {
        let known = self.known.get(&statement.hash).filter(|known| same(&known.statement, statement));
        known.map(|known| &known.prepared).ok_or_else(|| Error::engine("two statements with one hash in a level"))
    }

    /// Forgets the quarter that was not used for longest, but nothing of this level.
    fn make_room(&mut self, wanted: usize) {
        if self.known.len() + wanted <= STATEMENTS {
            return;
        }
        let mut ages: Vec<u64> = self.known.values().map(|known| known.used).collect();
        ages.sort_unstable();
        let limit = ages[ages.len() / 4].min(self.age - 1);
        self.known.retain(|_, known| known.used > limit);
    }
}

fn same(one: &Statement, other: &Statement) -> bool {
    std::ptr::eq(one, other) || one.sql == other.sql
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(report) = error.as_db_error() else {
            return Error::Engine(match std::error::Error::source(&error) {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            });
        };
        let text = format!("{} ({})", report.message(), report.code().code());
        match *report.code() {
            SqlState::UNIQUE_VIOLATION => Error::Conflict(text),
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED | SqlState::LOCK_NOT_AVAILABLE => {
                Error::Busy(text)
            }
            SqlState::QUERY_CANCELED => Error::Timeout,
            _ => Error::Engine(text),
        }
    }
}
