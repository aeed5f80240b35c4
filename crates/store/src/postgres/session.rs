//! The connection of a writer, used from a thread that may block.

use std::slice;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::Client;
use tokio_postgres::types::Type as ServerType;

use super::address::Address;
use super::connection::{Answer, Connection, command};
use super::snapshot;
use crate::block::Block;
use crate::dialect;
use crate::error::Error;
use crate::gids;
use crate::session::{self, Content};
use crate::statement::{Inserts, Query, Statement};
use crate::step::{Rows, Step};
use crate::value::{Type, Value};

/// A connection and the runtime that drives it while somebody waits for it: no other thread has to be woken.
struct Link {
    address: Arc<Address>,
    runtime: Option<Runtime>,
    connection: Option<Connection>,
}

impl Link {
    fn new(address: &Arc<Address>) -> Self {
        Link { address: Arc::clone(address), runtime: None, connection: None }
    }

    fn runtime(&mut self) -> Result<&Runtime, Error> {
        Ok(match &mut self.runtime {
            Some(runtime) => runtime,
            none => none.insert(Builder::new_current_thread().enable_all().build().map_err(Error::engine)?),
        })
    }

    /// Connects if there is no connection.
    fn connect(&mut self) -> Result<(), Error> {
        if self.connection.is_none() {
            let address = Arc::clone(&self.address);
            self.connection = Some(self.runtime()?.block_on(Connection::open(&address))?);
        }
        Ok(())
    }

    /// Does something on the connection there is.
    fn wait<T>(&mut self, work: impl AsyncFnOnce(&mut Connection) -> Result<T, Error>) -> Result<T, Error> {
        match (&self.runtime, &mut self.connection) {
            (Some(runtime), Some(connection)) => runtime.block_on(work(connection)),
            _ => Err(Error::engine("no connection")),
        }
    }

    /// Does something harmless to repeat; if the connection was lost meanwhile, on a new one.
    fn wait_connected<T>(&mut self, work: impl AsyncFn(&mut Connection) -> Result<T, Error>) -> Result<T, Error> {
        self.connect()?;
        let result = self.wait(&work);
        if result.is_ok() || !self.connection.as_mut().is_none_or(Connection::is_lost) {
            return result;
        }
        self.connection = None;
        self.connect()?;
        self.wait(&work)
    }
}

/// Reserves gids in a transaction of its own: one that writes would keep the others from it until its end.
pub(super) struct GidReserver(Mutex<Link>);

static RESERVE: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new(dialect::POSTGRES.reserve_gids, &[Type::Int]));

impl GidReserver {
    pub fn new(address: &Arc<Address>) -> Self {
        GidReserver(Mutex::new(Link::new(address)))
    }

    fn reserve(&self, floor: i64) -> Result<i64, Error> {
        let mut link = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reserve = Query::new(&RESERVE, vec![gids::BLOCK.into(), floor.into()]);
        let block = link.wait_connected(async |connection| connection.one(&reserve).await)?.block;
        let end = if block.is_empty() { None } else { block.int(0, 0) };
        end.map(|end| end - gids::BLOCK).ok_or_else(|| Error::engine("gid_blocks is empty"))
    }
}

/// The most rows that one statement inserts; more are copied.
const FEW: usize = 32;

/// The most statements that wait for the next one.
const WAITING: usize = 256;

/// A connection that writes.
pub(super) struct Session {
    link: Link,
    gids: Arc<GidReserver>,
    stage: Stage,
    /// What is sent before the next statement.
    waiting: Vec<Query>,
    inserts: Inserts,
    /// A connection for snapshots, once there was one.
    client: Option<Client>,
}

/// Where a transaction stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    None,
    /// It begins together with its first statement.
    Wanted,
    Begun,
}

impl Session {
    pub fn new(address: &Arc<Address>, gids: &Arc<GidReserver>) -> Self {
        let (link, gids) = (Link::new(address), Arc::clone(gids));
        Session { link, gids, stage: Stage::None, waiting: Vec::new(), inserts: Inserts::default(), client: None }
    }

    /// Runs statements after those that wait.
    fn run(&mut self, queries: &[Query]) -> Result<impl Iterator<Item = Answer> + use<>, Error> {
        let waiting = std::mem::take(&mut self.waiting);
        let begins = self.stage == Stage::Wanted;
        let begin = if begins { slice::from_ref(&*BEGIN) } else { &[] };
        let answers = if begins {
            self.stage = Stage::Begun;
            // Without a transaction before, nothing has happened that a lost connection could have taken with it.
            self.link.wait_connected(async |connection| connection.run([begin, &waiting, queries]).await)
        } else {
            self.link.wait(async |connection| connection.run([&waiting, queries]).await)
        };
        Ok(answers?.into_iter().skip(usize::from(begins) + waiting.len()))
    }

    fn one(&mut self, query: Query) -> Result<Answer, Error> {
        Ok(self.run(&[query])?.next().unwrap_or_default())
    }

    /// Keeps what waits from becoming too much.
    fn flush_many(&mut self) -> Result<(), Error> {
        if self.waiting.len() >= WAITING { self.run(&[]).map(drop) } else { Ok(()) }
    }

    fn command(&mut self, query: &Query) -> Result<(), Error> {
        self.run(slice::from_ref(query)).map(drop)
    }

    fn try_commit(&mut self) -> Result<(), Error> {
        if self.stage == Stage::Wanted && !self.waiting.is_empty() {
            // A beginning may be repeated on a new connection, an end may not.
            self.run(&[]).map(drop)?;
        }
        match self.stage {
            // The server would undo everything, and say nothing.
            Stage::Begun if !self.link.connection.as_ref().is_some_and(Connection::is_fit) => {
                Err(Error::engine("the transaction has failed"))
            }
            Stage::Begun => self.command(&COMMIT),
            Stage::Wanted | Stage::None => Ok(()),
        }
    }

    /// Does something with a connection for what is not done often.
    fn with_client<T>(&mut self, work: impl AsyncFnOnce(&mut Client) -> Result<T, Error>) -> Result<T, Error> {
        let address = Arc::clone(&self.link.address);
        let client = self.client.take().filter(|client| !client.is_closed());
        let (client, result) = self.link.runtime()?.block_on(async {
            let mut client = match client {
                Some(client) => client,
                None => address.client().await?,
            };
            let result = work(&mut client).await;
            Ok::<_, Error>((client, result))
        })?;
        self.client = Some(client);
        result
    }
}

static BEGIN: LazyLock<Query> = LazyLock::new(|| command("BEGIN ISOLATION LEVEL READ COMMITTED"));
static COMMIT: LazyLock<Query> = LazyLock::new(|| command("COMMIT"));
static ROLLBACK: LazyLock<Query> = LazyLock::new(|| command("ROLLBACK"));
static SAVE: LazyLock<Query> = LazyLock::new(|| command("SAVEPOINT request"));
static KEEP: LazyLock<Query> = LazyLock::new(|| command("RELEASE SAVEPOINT request"));
static UNDO: LazyLock<Query> = LazyLock::new(|| command("ROLLBACK TO SAVEPOINT request"));
static LOCK: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new("SELECT pg_advisory_xact_lock(?1) IS NULL", &[Type::Bool]));
/// The keys come as text, separated by commas: values have no lists.
static SHARE_ALL: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new(
        "SELECT pg_advisory_xact_lock_shared(CAST(key AS BIGINT)) IS NULL \
         FROM string_to_table(CAST(?1 AS TEXT), ',') AS key",
        &[Type::Bool],
    )
});
static LOCK_ALL: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new(
        "SELECT pg_advisory_xact_lock(CAST(key AS BIGINT)) IS NULL FROM string_to_table(CAST(?1 AS TEXT), ',') AS key",
        &[Type::Bool],
    )
});

impl session::Session for Session {
    fn begin(&mut self) -> Result<(), Error> {
        self.link.connect()?;
        self.waiting.clear();
        self.stage = Stage::Wanted;
        Ok(())
    }

    fn is_open(&self) -> bool {
        self.stage != Stage::None
    }

    fn save(&mut self) -> Result<(), Error> {
        self.command(&SAVE)
    }

    fn keep(&mut self) -> Result<(), Error> {
        self.command(&KEEP)
    }

    fn undo(&mut self) -> Result<(), Error> {
        self.waiting.clear();
        self.command(&UNDO)?;
        self.command(&KEEP)
    }

    fn has_debt(&self) -> bool {
        false
    }

    fn commit(&mut self) -> Result<(), Error> {
        let result = self.try_commit();
        if result.is_err() {
            // Whether the server has heard of the end is not known of a connection that was lost over it.
            let is_lost = self.link.connection.as_mut().is_none_or(Connection::is_lost);
            self.rollback()?;
            return if is_lost { result.map_err(Error::lost) } else { result };
        }
        self.stage = Stage::None;
        result
    }

    fn rollback(&mut self) -> Result<(), Error> {
        self.waiting.clear();
        if self.stage == Stage::Begun && self.command(&ROLLBACK).is_err() {
            // With its connection the server gives up the transaction.
            self.link.connection = None;
        }
        self.stage = Stage::None;
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), Error> {
        self.link.connection = None;
        Ok(())
    }

    fn query(&mut self, statement: &Arc<Statement>, parameters: &[Value]) -> Result<Block, Error> {
        Ok(self.one(Query::new(statement, parameters.to_vec()))?.block)
    }

    fn execute(&mut self, statement: &Arc<Statement>, parameters: &[Value]) -> Result<u64, Error> {
        Ok(self.one(Query::new(statement, parameters.to_vec()))?.count)
    }

    fn insert(&mut self, table: &str, columns: &[(&str, Type)], rows: &[Value]) -> Result<u64, Error> {
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let count = rows.len() / columns.len().max(1);
        if count <= FEW {
            // A copy takes more messages, and its text is parsed each time. All rows go in, or the statement fails.
            push_inserts(table, &names, rows, &mut self.inserts, &mut self.waiting);
            self.flush_many()?;
            return Ok(count as u64);
        }
        self.run(&[]).map(drop)?;
        let types: Vec<ServerType> = columns.iter().map(|(_, kind)| server_type(*kind)).collect();
        let text = format!("COPY {table} ({}) FROM STDIN (FORMAT binary)", names.join(", "));
        self.link.wait(async |connection| connection.copy(&text, &types, rows).await)?;
        Ok(count as u64)
    }

    fn run_all(&mut self, steps: Vec<Step>) -> Result<Vec<Block>, Error> {
        let mut queries = Vec::with_capacity(steps.len());
        // Whether the block of each step is wanted, and how many queries it has become.
        let mut counts = Vec::with_capacity(steps.len());
        for step in steps {
            let (is_query, before) = (matches!(step, Step::Run(_)), queries.len());
            push_step(step, &mut self.inserts, &mut queries);
            counts.push((is_query, queries.len() - before));
        }
        let mut answers = self.run(&queries)?;
        let block = |(is_query, count)| match is_query {
            true => answers.next().unwrap_or_default().block,
            false => {
                answers.by_ref().take(count).for_each(drop);
                Block::default()
            }
        };
        Ok(counts.into_iter().map(block).collect())
    }

    fn later(&mut self, step: Step) -> Result<(), Error> {
        push_step(step, &mut self.inserts, &mut self.waiting);
        self.flush_many()
    }

    fn is_alone(&self) -> bool {
        false
    }

    fn lock(&mut self, key: i64) -> Result<(), Error> {
        self.later(Step::Lock(key))
    }

    fn share_all(&mut self, keys: &[i64]) -> Result<(), Error> {
        self.later(Step::Share(keys.to_vec()))
    }

    fn lock_all(&mut self, keys: &[i64]) -> Result<(), Error> {
        self.later(Step::Run(Query::new(&LOCK_ALL, vec![listed(keys)])))
    }

    fn reserve_gids(&mut self, floor: i64) -> Result<i64, Error> {
        self.gids.reserve(floor)
    }

    /// The server writes ahead fast enough; it only has to be patient. Afterwards it is told how much there is now: it
    /// would find out by itself, but only after a minute of bad plans.
    fn relax(&mut self, relaxed: bool) -> Result<(), Error> {
        if relaxed {
            let patient = "SET statement_timeout = 0";
            return self.link.wait_connected(async |connection| connection.command(patient).await);
        }
        let address = Arc::clone(&self.link.address);
        self.link.wait_connected(async |connection| {
            if let Err(error) = connection.command("VACUUM (ANALYZE)").await {
                tracing::warn!(%error, "no statistics of what was loaded");
            }
            connection.command(&address.settings).await
        })
    }

    fn tidy(&mut self) {}

    fn close(&mut self) {
        self.link.connection = None;
    }

    fn snapshot(&mut self) -> Result<Content, Error> {
        Ok(Arc::new(self.with_client(async |client| snapshot::take(client).await)?))
    }

    fn restore(&mut self, content: &Content) -> Result<(), Error> {
        let tables = content.downcast_ref().ok_or_else(|| Error::engine("a snapshot of another engine"))?;
        self.with_client(async |client| snapshot::put_back(client, tables).await)
    }
}

fn push_step(step: Step, inserts: &mut Inserts, queries: &mut Vec<Query>) {
    match step {
        Step::Run(query) => queries.push(query),
        Step::Insert(Rows { table, columns, cells }) => push_inserts(table, &columns, &cells, inserts, queries),
        Step::Lock(key) => queries.push(Query::new(&LOCK, vec![key.into()])),
        Step::Share(keys) => queries.push(Query::new(&SHARE_ALL, vec![listed(&keys)])),
    }
}

fn listed(keys: &[i64]) -> Value {
    let keys: Vec<String> = keys.iter().map(i64::to_string).collect();
    keys.join(",").into()
}

/// Inserts so many rows at once, and then as many as are left in ever smaller powers of two: a few texts serve all
/// lengths, and each is prepared once.
fn push_inserts(table: &str, columns: &[&str], cells: &[Value], inserts: &mut Inserts, queries: &mut Vec<Query>) {
    let mut rest = cells;
    while !rest.is_empty() {
        let count = (rest.len() / columns.len()).min(FEW);
        let (chunk, more) = rest.split_at(columns.len() << count.ilog2());
        let statement = inserts.statement(table, columns, 1 << count.ilog2());
        queries.push(Query::new(statement, chunk.to_vec()));
        rest = more;
    }
}

fn server_type(kind: Type) -> ServerType {
    match kind {
        Type::Int => ServerType::INT8,
        Type::Text => ServerType::TEXT,
        Type::Bool => ServerType::BOOL,
        Type::Real => ServerType::FLOAT8,
        Type::Bytes => ServerType::BYTEA,
    }
}
