//! SQL texts as both engines want them.

use std::hash::BuildHasher;
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::dialect;
use crate::reference;
use crate::value::{Type, Value};

/// A prepared-once SQL text. Parameters are written `?1`, `?2`, ... and may repeat. What the engines write differently
/// is a token: `{skip_locked}` at the end of a query that claims rows passes over those that another writer has claimed.
///
/// Keep statements (in a `LazyLock`, in a plan): connections recognise one they have prepared before.
#[derive(Debug)]
pub struct Statement {
    pub(crate) sql: Box<str>,
    pub(crate) numbered: Box<str>,
    pub(crate) columns: Box<[Type]>,
    /// Of the text: by it a connection finds what it has prepared.
    pub(crate) hash: u64,
    changes_reference: bool,
}

impl Statement {
    /// A statement that returns rows of `columns`; none for one that only writes.
    pub fn new(sql: impl AsRef<str>, columns: &[Type]) -> Arc<Self> {
        let text = sql.as_ref();
        let sql = dialect::SQLITE.statement(text).into_boxed_str();
        // `?1` and `$1` mean the same to the two engines; `?` never occurs in our texts otherwise.
        let numbered = dialect::POSTGRES.statement(text).replace('?', "$").into_boxed_str();
        let hash = FxBuildHasher.hash_one(text);
        let changes_reference = reference::changes_reference(text);
        Arc::new(Statement { sql, numbered, columns: columns.into(), hash, changes_reference })
    }

    /// The text, with `?1` parameters.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// Whether it changes rows of a [reference table](reference).
    pub fn changes_reference(&self) -> bool {
        self.changes_reference
    }

    /// The types of the returned columns.
    pub fn columns(&self) -> &[Type] {
        &self.columns
    }
}

/// A statement with its parameters.
#[derive(Clone, Debug)]
pub struct Query {
    /// The text.
    pub statement: Arc<Statement>,
    /// The parameters, `?1` first.
    pub parameters: Vec<Value>,
}

impl Query {
    /// A statement with its parameters.
    pub fn new(statement: &Arc<Statement>, parameters: Vec<Value>) -> Self {
        Query { statement: Arc::clone(statement), parameters }
    }
}

/// The statements that insert rows, each made once.
#[derive(Default)]
pub(crate) struct Inserts {
    known: FxHashMap<u64, Insert>,
}

struct Insert {
    table: Box<str>,
    columns: Box<[Box<str>]>,
    rows: usize,
    statement: Arc<Statement>,
}

/// A few hundred there are, unless somebody makes up tables.
const MOST_INSERTS: usize = 2_000;

impl Inserts {
    /// The statement that inserts so many rows.
    pub fn statement(&mut self, table: &str, columns: &[&str], rows: usize) -> &Arc<Statement> {
        let is_it = |known: &Insert| {
            *known.table == *table
                && known.rows == rows
                && known.columns.iter().map(|column| &**column).eq(columns.iter().copied())
        };
        if self.known.len() >= MOST_INSERTS {
            self.known.clear();
        }
        let hash = FxBuildHasher.hash_one((table, columns, rows));
        let fresh = || Insert {
            table: table.into(),
            columns: columns.iter().map(|column| Box::from(*column)).collect(),
            rows,
            statement: Statement::new(insert_text(table, columns, rows), &[]),
        };
        let insert = self.known.entry(hash).or_insert_with(fresh);
        if !is_it(insert) {
            *insert = fresh();
        }
        &insert.statement
    }
}

/// The text that inserts so many rows.
fn insert_text(table: &str, columns: &[&str], rows: usize) -> String {
    let mut sql = String::with_capacity(64 + (24 + 6 * rows) * columns.len());
    sql.extend(["INSERT INTO ", table, " ("]);
    for (at, column) in columns.iter().enumerate() {
        sql.extend([if at == 0 { "" } else { ", " }, column]);
    }
    sql.push_str(") VALUES ");
    for number in 0..rows * columns.len() {
        let first = number % columns.len() == 0;
        sql.push_str(if !first {
            ", ?"
        } else if number == 0 {
            "(?"
        } else {
            "), (?"
        });
        sql.push_str(&(number + 1).to_string());
    }
    sql.push(')');
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_inserted_by_one_text() {
        let columns = ["a", "b"];
        assert_eq!(insert_text("t", &columns, 2), "INSERT INTO t (a, b) VALUES (?1, ?2), (?3, ?4)");
        assert_eq!(insert_text("t", &columns[..1], 1), "INSERT INTO t (a) VALUES (?1)");
    }

    #[test]
    fn an_insert_is_made_once() {
        let mut inserts = Inserts::default();
        let mut statement = |columns: &[&str], rows| Arc::clone(inserts.statement("t", columns, rows));
        let first = statement(&["a", "b"], 1);
        assert!(Arc::ptr_eq(&first, &statement(&["a", "b"], 1)));
        assert!(!Arc::ptr_eq(&first, &statement(&["ab"], 1)));
        assert!(!Arc::ptr_eq(&first, &statement(&["a", "b"], 2)));
    }
}
