//! Connections and how statements run on them.

use std::slice;
use std::sync::{Arc, LazyLock};

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{DataRowBody, ErrorResponseBody, Message};
use postgres_protocol::message::frontend::{self, BindError, CopyData};
use tokio::runtime::Handle;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type as ServerType;

use super::address::{Address, Place};
use super::prepared::{Known, Prepared};
use super::value::{COPY_END, COPY_HEAD, Raw, put, put_row};
use super::wire::Wire;
use crate::block::Block;
use crate::error::Error;
use crate::pool::Pooled;
use crate::statement::{Query, Statement};
use crate::value::{Type, Value};

/// A connection with what it has prepared.
pub(super) struct Connection {
    address: Arc<Address>,
    /// None once it is about to be cancelled.
    wire: Option<Box<Wire>>,
    prepared: Prepared,
    state: State,
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

/// What a statement has returned.
#[derive(Default)]
pub(super) struct Answer {
    pub block: Block,
    /// How many rows it has changed, or returned.
    pub count: u64,
}

/// A statement without parameters and rows.
pub(super) fn command(text: &str) -> Query {
    Query::new(&Statement::new(text, &[]), Vec::new())
}

static BEGIN: LazyLock<Query> = LazyLock::new(|| command("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
static COMMIT: LazyLock<Query> = LazyLock::new(|| command("COMMIT"));
static IS_STANDBY: LazyLock<Query> = LazyLock::new(|| {
    Query::new(&Statement::new("SELECT current_setting('transaction_read_only') = 'on'", &[Type::Bool]), Vec::new())
});

impl Connection {
    /// Connects to the first place at which there is a server that lets us in. The connection lives on the runtime on
    /// which this is called.
    pub async fn open(address: &Arc<Address>) -> Result<Self, Error> {
        let mut failure = Error::engine("no server is named");
        for place in address.places() {
            match Connection::open_at(address, place).await {
                Ok(connection) => return Ok(connection),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn open_at(address: &Arc<Address>, place: Place) -> Result<Self, Error> {
        let wire = Wire::open(address, place).await?;
        let prepared = Prepared::default();
        let mut connection =
            Connection { address: Arc::clone(address), wire: Some(Box::new(wire)), prepared, state: State::Idle };
        connection.command(&address.settings).await?;
        connection.prepare([slice::from_ref(&*BEGIN), slice::from_ref(&*COMMIT)]).await?;
        if address.config.get_target_session_attrs() == TargetSessionAttrs::ReadWrite
            && connection.run([slice::from_ref(&*IS_STANDBY)]).await?.iter().any(|answer| answer.block.bool(0, 0))
        {
            return Err(Error::engine("the server is a standby"));
        }
        Ok(connection)
    }

    /// Whether the connection is known to be lost.
    pub fn is_lost(&mut self) -> bool {
        self.wire.as_mut().is_none_or(|wire| wire.is_lost())
    }

    /// Whether a transaction is open and fit.
    pub fn is_fit(&self) -> bool {
        self.wire.as_ref().is_some_and(|wire| wire.is_fit())
    }

    /// Runs commands without parameters and rows, separated by semicolons.
    pub async fn command(&mut self, text: &str) -> Result<(), Error> {
        let wire = self.wire.as_mut().ok_or(Error::Closed)?;
        frontend::query(text, &mut wire.output)?;
        wire.send().await?;
        finish(wire, |_| Ok(())).await
    }

    /// Sends the end of a read transaction; false if that is not done at once.
    fn end(&mut self) -> bool {
        let Some(wire) = &mut self.wire else { return false };
        let encoded = bind(&self.prepared, &COMMIT, &mut wire.output);
        frontend::sync(&mut wire.output);
        encoded.is_ok() && wire.send_ignored()
    }

    /// Prepares what is not prepared yet, in one round trip.
    async fn prepare<const N: usize>(&mut self, queries: [&[Query]; N]) -> Result<(), Error> {
        let unknown = self.prepared.unknown(queries.into_iter().flatten());
        if unknown.is_empty() {
            return Ok(());
        }
        self.prepared.add(self.wire.as_mut().ok_or(Error::Closed)?, unknown).await
    }

    /// Runs statements one after the other, up to the first that fails: in one round trip, or two if some are to be
    /// prepared first.
    pub async fn run<const N: usize>(&mut self, queries: [&[Query]; N]) -> Result<Vec<Answer>, Error> {
        self.prepare(queries).await?;
        let wire = self.wire.as_mut().ok_or(Error::Closed)?;
        let mut encoded = queries.into_iter().flatten().map(|query| bind(&self.prepared, query, &mut wire.output));
        if let Err(error) = encoded.by_ref().collect::<Result<(), Error>>() {
            wire.output.clear();
            return Err(error);
        }
        frontend::sync(&mut wire.output);
        wire.send().await?;
        let mut answers: Vec<Answer> = Vec::with_capacity(queries.iter().map(|queries| queries.len()).sum());
        let mut queries = queries.into_iter().flatten();
        let mut current: Option<(&Statement, &Known)> = None;
        finish(wire, |message| {
            match message {
                Message::BindComplete => {
                    let statement = &queries.next().ok_or_else(out_of_step)?.statement;
                    current = Some((statement, self.prepared.get(statement)?));
                    answers.push(Answer { block: Block::new(statement.columns.len()), count: 0 });
                }
                Message::DataRow(row) => {
                    let (Some((statement, known)), Some(answer)) = (current, answers.last_mut()) else {
                        return Err(out_of_step());
                    };
                    push(&mut answer.block, &row, statement, known)?;
                }
                Message::CommandComplete(body) => {
                    let count = body.tag()?.rsplit(' ').next().and_then(|count| count.parse().ok());
                    answers.last_mut().ok_or_else(out_of_step)?.count = count.unwrap_or(0);
                }
                _ => {}
            }
            Ok(())
        })
        .await?;
        Ok(answers)
    }

    /// Runs one statement.
    pub async fn one(&mut self, query: &Query) -> Result<Answer, Error> {
        self.run([slice::from_ref(query)]).await?.pop().ok_or_else(out_of_step)
    }

    /// Runs queries in one round trip (two if some are to be prepared first), in one read transaction.
    pub async fn level(&mut self, queries: &[Query]) -> Result<Vec<Block>, Error> {
        let begins = match self.state {
            State::Idle => true,
            State::Begun => false,
            State::Waiting | State::Failed => return Err(Error::Closed),
        };
        self.state = State::Waiting;
        let begin = if begins { slice::from_ref(&*BEGIN) } else { &[] };
        let result = self.run([begin, queries]).await;
        self.state = if result.is_ok() { State::Begun } else { State::Failed };
        Ok(result?.into_iter().skip(begins.into()).map(|answer| answer.block).collect())
    }

    /// Copies rows into a table: `text` is the command.
    pub async fn copy(&mut self, text: &str, types: &[ServerType], rows: &[Value]) -> Result<(), Error> {
        /// So much is sent at once.
        const CHUNK: usize = 1 << 16;
        let wire = self.wire.as_mut().ok_or(Error::Closed)?;
        frontend::query(text, &mut wire.output)?;
        let mut chunk = BytesMut::from(COPY_HEAD);
        let mut rows = rows.chunks_exact(types.len());
        let encoded = loop {
            let row = rows.next();
            match row.map(|row| put_row(row, types, &mut chunk)) {
                Some(Ok(())) if chunk.len() < CHUNK => continue,
                Some(Ok(())) => {}
                Some(Err(error)) => break Err(error.to_string()),
                None => chunk.extend_from_slice(COPY_END),
            }
            CopyData::new(chunk.split())?.write(&mut wire.output);
            wire.send().await?;
            if row.is_none() {
                break Ok(());
            }
        };
        match encoded {
            Ok(()) => frontend::copy_done(&mut wire.output),
            Err(error) => frontend::copy_fail(&error, &mut wire.output)?,
        }
        wire.send().await?;
        finish(wire, |_| Ok(())).await
    }
}

/// Appends the messages that run a prepared statement.
fn bind(prepared: &Prepared, query: &Query, out: &mut BytesMut) -> Result<(), Error> {
    let Query { statement, parameters } = query;
    let known = prepared.get(statement)?;
    let (wanted, given) = (known.parameters.len(), parameters.len());
    if wanted != given {
        return Err(Error::engine(format!("{given} parameters where {wanted} are wanted: {}", statement.sql)));
    }
    let (declared, found) = (statement.columns.len(), known.columns.len());
    if declared != found {
        return Err(Error::engine(format!("{found} columns where {declared} are declared: {}", statement.sql)));
    }
    let values = parameters.iter().zip(&known.parameters);
    // Both ways everything is in binary form.
    frontend::bind("", &known.name, [1], values, |(value, kind), out| put(value, kind, out), [1], out).map_err(
        |error| match error {
            BindError::Conversion(error) => Error::engine(format!("{error}: {}", statement.sql)),
            BindError::Serialization(error) => error.into(),
        },
    )?;
    Ok(frontend::execute("", 0, out)?)
}

/// Takes the messages of a round, to its end; returns the first error among them.
pub(super) async fn finish(wire: &mut Wire, mut take: impl FnMut(Message) -> Result<(), Error>) -> Result<(), Error> {
    let mut result = Ok(());
    loop {
        let taken = match wire.next().await {
            Ok(Message::ReadyForQuery(_)) => return result,
            Ok(Message::ErrorResponse(body)) => Err(error(&body)),
            Ok(message) => take(message),
            // The server has said why before it left.
            Err(error) => return result.and(Err(error)),
        };
        result = result.and(taken);
    }
}

fn push(block: &mut Block, row: &DataRowBody, statement: &Statement, known: &Known) -> Result<(), Error> {
    block.reserve_row();
    let mut ranges = row.ranges();
    for (column, (expected, kind)) in statement.columns.iter().zip(&known.columns).enumerate() {
        let range = ranges.next()?.ok_or_else(out_of_step)?;
        let raw = Raw { kind, bytes: range.map(|range| &row.buffer()[range]) };
        let cell = raw
            .cell(*expected)
            .ok_or_else(|| Error::engine(format!("column {column} is {kind}, not {expected:?}: {}", statement.sql)))?;
        block.push(cell);
    }
    Ok(())
}

pub(super) fn out_of_step() -> Error {
    Error::engine("an answer of the server that nobody has asked for")
}

impl Pooled for Connection {
    fn recycle(&mut self) -> bool {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => !self.is_lost(),
            // Not waited for: whatever the next user sends comes after it.
            State::Begun => self.end(),
            State::Waiting => {
                if let (Some(wire), Ok(runtime)) = (self.wire.take(), Handle::try_current()) {
                    let address = Arc::clone(&self.address);
                    runtime.spawn(async move { wire.cancel(&address).await });
                }
                false
            }
            State::Failed => false,
        }
    }
}

/// What the server reports.
fn error(body: &ErrorResponseBody) -> Error {
    let (mut message, mut code) = (String::new(), String::new());
    let mut fields = body.fields();
    while let Ok(Some(field)) = fields.next() {
        let value = || String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'M' => message = value(),
            b'C' => code = value(),
            _ => {}
        }
    }
    reported(&message, &SqlState::from_code(&code))
}

fn reported(message: &str, code: &SqlState) -> Error {
    let text = format!("{message} ({})", code.code());
    match *code {
        SqlState::UNIQUE_VIOLATION => Error::Conflict(text),
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED | SqlState::LOCK_NOT_AVAILABLE => {
            Error::Busy(text)
        }
        SqlState::QUERY_CANCELED => Error::Timeout,
        _ => Error::Engine(text),
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        match (error.as_db_error(), std::error::Error::source(&error)) {
            (Some(report), _) => reported(report.message(), report.code()),
            (None, Some(source)) => Error::Engine(format!("{error}: {source}")),
            (None, None) => Error::Engine(error.to_string()),
        }
    }
}
