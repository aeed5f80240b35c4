//! The whole content of a database, put into another one: of the same engine or not.
//!
//! All is read in one read transaction, in the order of the primary keys, and written in one transaction: what arrives is one
//! state, or nothing. Then it is read again at its new place, and every table must have as many rows and the same digest.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::block::{Block, Cell};
use crate::db::Db;
use crate::error::Error;
use crate::read::Read;
use crate::sqlite::tables;
use crate::statement::{Query, Statement};
use crate::value::{Type, Value};
use crate::write::Write;

/// Rows that are read at once.
const CHUNK: usize = 2_000;

/// A table of this program.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub name: String,
    pub columns: Vec<(String, Type)>,
    /// The columns of the primary key, as places in `columns`.
    pub key: Vec<usize>,
    /// Whether its key counts up by itself.
    pub counts_up: bool,
}

/// A table that has arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Copied {
    /// Its name.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
    /// SHA-256 over all cells, in the order of the primary key.
    pub digest: [u8; 32],
}

/// How far a copy has come.
#[derive(Clone, Debug)]
pub enum Progress {
    /// So many rows of a table have been read.
    Reading(String, u64),
    /// All is written; so many rows of a table have been compared.
    Comparing(String, u64),
}

/// What is sent to the writer.
enum Part {
    Rows(Arc<Table>, Block),
    /// The table's key goes on behind this number.
    CountsFrom(Arc<Table>, i64),
    /// Nothing is missing.
    End,
}

/// Copies everything from a database into an empty one.
///
/// # Errors
/// [`Error::Filled`] when there is something in `to`, [`Error::Damaged`] when what arrived is not what was sent, else as
/// [`Db::write`]. Nothing has changed then, or, in the second case, all of it must be thrown away.
pub async fn copy(from: &Db, to: &Db, mut progress: impl FnMut(Progress)) -> Result<Vec<Copied>, Error> {
    let tables: Vec<Arc<Table>> = tables()?.into_iter().map(Arc::new).collect();
    if !is_empty(to).await? {
        return Err(Error::Filled { place: "it".to_owned() });
    }
    let (parts, arriving) = mpsc::channel(2);
    let known = tables.clone();
    let written = to.load(move |write| fill(write, &known, arriving));
    let sent = send(from, &tables, parts, &mut progress);
    let (written, sent) = tokio::join!(written, sent);
    // What the writer says is the cause: the reader then only finds that nobody listens.
    written?;
    let sent = sent?;
    let mut read = to.begin_read().await?;
    for (table, sent) in tables.iter().zip(&sent) {
        let mut compared = |rows| progress(Progress::Comparing(table.name.clone(), rows));
        let arrived = walk(&mut read, table, async |_, rows| {
            compared(rows);
            Ok(())
        });
        if arrived.await? != *sent {
            let what = format!("{} did not arrive as it was sent", table.name);
            return Err(Error::Damaged { place: "the copy".to_owned(), what });
        }
    }
    read.finish().await;
    Ok(sent)
}

/// Whether nobody has put anything into a database yet.
///
/// # Errors
/// As [`Db::begin_read`].
pub async fn is_empty(db: &Db) -> Result<bool, Error> {
    let any = Statement::new("SELECT gid FROM objects LIMIT 1", &[Type::Int]);
    Ok(db.begin_read().await?.one(Query::new(&any, Vec::new())).await?.is_empty())
}

/// Reads everything and sends it to the writer.
async fn send(
    from: &Db,
    tables: &[Arc<Table>],
    parts: mpsc::Sender<Part>,
    progress: &mut impl FnMut(Progress),
) -> Result<Vec<Copied>, Error> {
    let send = async |part| parts.send(part).await.map_err(|_| Error::Closed);
    let mut read = from.begin_read().await?;
    let mut sent = Vec::new();
    for table in tables {
        let copied = walk(&mut read, table, async |block, rows| {
            progress(Progress::Reading(table.name.clone(), rows));
            send(Part::Rows(Arc::clone(table), block)).await
        });
        sent.push(copied.await?);
        if table.counts_up {
            let position = Statement::new("{serial_position}", &[Type::Int]);
            let block = read.one(Query::new(&position, table.serial().to_vec())).await?;
            if let Some(position) = (!block.is_empty()).then(|| block.int(0, 0)).flatten() {
                send(Part::CountsFrom(Arc::clone(table), position)).await?;
            }
        }
    }
    read.finish().await;
    send(Part::End).await?;
    Ok(sent)
}

/// Reads a table, chunk by chunk; `take` is given each with the number of rows read so far.
async fn walk(
    read: &mut Read,
    table: &Table,
    mut take: impl AsyncFnMut(Block, u64) -> Result<(), Error>,
) -> Result<Copied, Error> {
    let (first, next) = table.queries();
    let mut query = Query::new(&first, Vec::new());
    let (mut rows, mut digest) = (0, Sha256::new());
    loop {
        let block = read.slow_level(&[query]).await?.pop().unwrap_or_default();
        let Some(last) = block.len().checked_sub(1) else { break };
        (0..block.len()).for_each(|row| table.digest(&block, row, &mut digest));
        rows += block.len() as u64;
        query = Query::new(&next, table.key.iter().map(|column| value(block.cell(last, *column))).collect());
        take(block, rows).await?;
        if last + 1 < CHUNK {
            break;
        }
    }
    Ok(Copied { table: table.name.clone(), rows, digest: digest.finalize().into() })
}

/// Writes what arrives into tables that hold at most what the migrations have put there.
fn fill(write: &mut Write, tables: &[Arc<Table>], mut arriving: mpsc::Receiver<Part>) -> Result<(), Error> {
    for table in tables {
        write.execute(&Statement::new(format!("DELETE FROM {}", table.name), &[]), &[])?;
    }
    loop {
        match arriving.blocking_recv() {
            Some(Part::Rows(table, block)) => {
                let columns: Vec<(&str, Type)> =
                    table.columns.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
                let cells = (0..block.len()).flat_map(|row| (0..block.width()).map(move |column| (row, column)));
                let rows: Vec<Value> = cells.map(|(row, column)| value(block.cell(row, column))).collect();
                write.insert_rows(&table.name, &columns, &rows)?;
            }
            Some(Part::CountsFrom(table, position)) => {
                write.execute(&Statement::new("{forget_serial}", &[]), &table.serial())?;
                let [name, column] = table.serial();
                write.execute(&Statement::new("{set_serial}", &[]), &[name, column, position.into()])?;
            }
            Some(Part::End) => return Ok(()),
            // The reader has failed, and says why.
            None => return Err(Error::Closed),
        }
    }
}

impl Table {
    /// The statements for the first chunk and for the one behind a key.
    fn queries(&self) -> (Arc<Statement>, Arc<Statement>) {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        let types: Vec<Type> = self.columns.iter().map(|(_, kind)| *kind).collect();
        let key: Vec<&str> = self.key.iter().map(|column| names[*column]).collect();
        let (names, key, table) = (names.join(", "), key.join(", "), &self.name);
        let places: Vec<String> = (1..=self.key.len()).map(|place| format!("?{place}")).collect();
        let behind = format!("WHERE ({key}) > ({})", places.join(", "));
        let select = |which: &str| format!("SELECT {names} FROM {table} {which} ORDER BY {key} LIMIT {CHUNK}");
        (Statement::new(select(""), &types), Statement::new(select(&behind), &types))
    }

    /// The table and the column that counts up, for the statements about it.
    fn serial(&self) -> [Value; 2] {
        [self.name.as_str().into(), self.columns[self.key[0]].0.as_str().into()]
    }

    /// Adds a row to a digest: each cell with its kind, and its length where that varies.
    fn digest(&self, block: &Block, row: usize, digest: &mut Sha256) {
        for column in 0..self.columns.len() {
            let mut varying = |kind: u8, bytes: &[u8]| {
                digest.update([kind]);
                digest.update((bytes.len() as u64).to_be_bytes());
                digest.update(bytes);
            };
            match block.cell(row, column) {
                Cell::Null => digest.update([0]),
                Cell::Int(value) => {
                    digest.update([1]);
                    digest.update(value.to_be_bytes());
                }
                Cell::Bool(value) => digest.update([2, u8::from(value)]),
                Cell::Real(value) => {
                    digest.update([3]);
                    // Not every engine keeps the sign of a zero.
                    digest.update((value + 0.0).to_bits().to_be_bytes());
                }
                Cell::Text(text) => varying(4, text.as_bytes()),
                Cell::Bytes(bytes) => varying(5, bytes),
            }
        }
    }
}

fn value(cell: Cell<'_>) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Int(value) => value.into(),
        Cell::Bool(value) => value.into(),
        Cell::Real(value) => value.into(),
        Cell::Text(text) => text.into(),
        Cell::Bytes(bytes) => bytes.into(),
    }
}
