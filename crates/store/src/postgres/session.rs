//! The connection of a writer, used from a thread that may block.

use std::pin::pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type as ServerType;

use super::Address;
use super::connection::Connection;
use super::snapshot;
use super::value::Parameter;
use crate::block::Block;
use crate::dialect;
use crate::error::Error;
use crate::gids;
use crate::session::{self, Content};
use crate::statement::{Query, Statement, insert_text};
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

    /// Connects if there is no connection.
    fn connect(&mut self) -> Result<(), Error> {
        if self.connection.is_some() {
            return Ok(());
        }
        let runtime = match &self.runtime {
            Some(runtime) => runtime,
            None => self.runtime.insert(Builder::new_current_thread().enable_all().build().map_err(Error::engine)?),
        };
        self.connection = Some(runtime.block_on(Connection::open(&self.address))?);
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
        if result.is_ok() || !self.is_lost() {
            return result;
        }
        self.connection = None;
        self.connect()?;
        self.wait(&work)
    }

    fn is_lost(&self) -> bool {
        self.connection.as_ref().is_none_or(|connection| connection.client.is_closed())
    }

    fn close(&mut self) {
        if let (Some(runtime), Some(connection)) = (&self.runtime, self.connection.take()) {
            let end = async { tokio::time::timeout(Duration::from_secs(1), connection.close()).await };
            // A server that does not answer will notice by itself.
            let _late = runtime.block_on(end);
        }
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
        let parameters = [gids::BLOCK.into(), floor.into()];
        let block = link.wait_connected(async |connection| connection.query(&RESERVE, &parameters).await)?;
        let end = if block.is_empty() { None } else { block.int(0, 0) };
        end.map(|end| end - gids::BLOCK).ok_or_else(|| Error::engine("gid_blocks is empty"))
    }
}

/// The most rows that one statement inserts; more are copied.
const FEW: usize = 32;

/// A connection that writes.
pub(super) struct Session {
    link: Link,
    gids: Arc<GidReserver>,
    is_open: bool,
}

impl Session {
    pub fn new(address: &Arc<Address>, gids: &Arc<GidReserver>) -> Self {
        Session { link: Link::new(address), gids: Arc::clone(gids), is_open: false }
    }

    fn run(&mut self, command: &str) -> Result<(), Error> {
        self.link.wait(async |connection| Ok(connection.client.batch_execute(command).await?))
    }
}

static LOCK: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new("SELECT pg_advisory_xact_lock(?1) IS NULL", &[Type::Bool]));
/// The keys come as text, separated by commas: values have no lists.
static LOCK_ALL: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new(
        "SELECT pg_advisory_xact_lock(CAST(key AS BIGINT)) IS NULL FROM string_to_table(CAST(?1 AS TEXT), ',') AS key",
        &[Type::Bool],
    )
});
static SHARE: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new("SELECT pg_advisory_xact_lock_shared(?1) IS NULL", &[Type::Bool]));

impl session::Session for Session {
    fn begin(&mut self) -> Result<(), Error> {
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED";
        self.link.wait_connected(async |connection| Ok(connection.client.batch_execute(begin).await?))?;
        self.is_open = true;
        Ok(())
    }

    fn is_open(&self) -> bool {
        self.is_open
    }

    fn save(&mut self) -> Result<(), Error> {
        self.run("SAVEPOINT request")
    }

    fn keep(&mut self) -> Result<(), Error> {
        self.run("RELEASE SAVEPOINT request")
    }

    fn undo(&mut self) -> Result<(), Error> {
        self.run("ROLLBACK TO SAVEPOINT request; RELEASE SAVEPOINT request")
    }

    fn has_debt(&self) -> bool {
        false
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.is_open = false;
        self.run("COMMIT")
    }

    fn rollback(&mut self) -> Result<(), Error> {
        if self.is_open && self.run("ROLLBACK").is_err() {
            // With its connection the server gives up the transaction.
            self.link.connection = None;
        }
        self.is_open = false;
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), Error> {
        self.link.connection = None;
        Ok(())
    }

    fn query(&mut self, statement: &Arc<Statement>, parameters: &[Value]) -> Result<Block, Error> {
        self.link.wait(async |connection| connection.query(statement, parameters).await)
    }

    fn execute(&mut self, statement: &Arc<Statement>, parameters: &[Value]) -> Result<u64, Error> {
        self.link.wait(async |connection| connection.execute(statement, parameters).await)
    }

    fn insert(&mut self, table: &str, columns: &[(&str, Type)], rows: &[Value]) -> Result<u64, Error> {
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let count = rows.len() / columns.len().max(1);
        if count <= FEW {
            // A copy takes more messages, and its text is parsed each time.
            return if count == 0 {
                Ok(0)
            } else {
                self.execute(&Statement::new(insert_text(table, &names, count), &[]), rows)
            };
        }
        let types: Vec<ServerType> = columns.iter().map(|(_, kind)| server_type(*kind)).collect();
        let copy = format!("COPY {table} ({}) FROM STDIN (FORMAT binary)", names.join(", "));
        self.link.wait(async |connection| {
            let sink = connection.client.copy_in(&copy).await?;
            let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
            for row in rows.chunks_exact(columns.len()) {
                writer.as_mut().write_raw(row.iter().map(Parameter)).await?;
            }
            Ok(writer.finish().await?)
        })
    }

    fn run_all(&mut self, steps: &[Step]) -> Result<Vec<Block>, Error> {
        let mut queries = Vec::with_capacity(steps.len());
        // How many queries each step has become.
        let mut counts = Vec::with_capacity(steps.len());
        for step in steps {
            let before = queries.len();
            match step {
                Step::Run(query) => queries.push(query.clone()),
                Step::Insert(rows) => push_inserts(rows, &mut queries),
                Step::Lock(key) => queries.push(Query::new(&LOCK, vec![(*key).into()])),
                Step::Share(key) => queries.push(Query::new(&SHARE, vec![(*key).into()])),
            }
            counts.push(queries.len() - before);
        }
        let blocks = self.link.wait(async |connection| connection.pipeline(&queries).await)?;
        let mut blocks = blocks.into_iter();
        let run = |(step, count): (&Step, usize)| match step {
            Step::Run(_) => blocks.next().unwrap_or_default(),
            Step::Insert(_) | Step::Lock(_) | Step::Share(_) => {
                blocks.by_ref().take(count).for_each(drop);
                Block::default()
            }
        };
        Ok(steps.iter().zip(counts).map(run).collect())
    }

    fn is_alone(&self) -> bool {
        false
    }

    fn lock(&mut self, key: i64) -> Result<(), Error> {
        self.query(&LOCK, &[key.into()]).map(drop)
    }

    fn share(&mut self, key: i64) -> Result<(), Error> {
        self.query(&SHARE, &[key.into()]).map(drop)
    }

    fn lock_all(&mut self, keys: &[i64]) -> Result<(), Error> {
        let keys: Vec<String> = keys.iter().map(i64::to_string).collect();
        self.query(&LOCK_ALL, &[keys.join(",").into()]).map(drop)
    }

    fn reserve_gids(&mut self, floor: i64) -> Result<i64, Error> {
        self.gids.reserve(floor)
    }

    /// The server writes ahead fast enough; it only has to be patient.
    fn relax(&mut self, relaxed: bool) -> Result<(), Error> {
        let address = Arc::clone(&self.link.address);
        let settings = if relaxed { "SET statement_timeout = 0" } else { &address.settings };
        self.link.wait_connected(async |connection| Ok(connection.client.batch_execute(settings).await?))
    }

    fn tidy(&mut self) {}

    fn close(&mut self) {
        self.link.close();
    }

    fn snapshot(&mut self) -> Result<Content, Error> {
        let tables = self.link.wait_connected(async |connection| snapshot::take(&mut connection.client).await)?;
        Ok(Arc::new(tables))
    }

    fn restore(&mut self, content: &Content) -> Result<(), Error> {
        let tables = content.downcast_ref().ok_or_else(|| Error::engine("a snapshot of another engine"))?;
        self.link.wait_connected(async |connection| snapshot::put_back(&mut connection.client, tables).await)
    }
}

/// Inserts so many rows at once, and then as many as are left in ever smaller powers of two: a few texts serve all
/// lengths, and each is prepared once.
fn push_inserts(rows: &Rows, queries: &mut Vec<Query>) {
    let Rows { table, columns, cells } = rows;
    let mut rest = &cells[..];
    while !rest.is_empty() {
        let count = (rest.len() / columns.len()).min(FEW);
        let count = 1 << count.ilog2();
        let (chunk, more) = rest.split_at(count * columns.len());
        queries.push(Query::new(&Statement::new(insert_text(table, columns, count), &[]), chunk.to_vec()));
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
