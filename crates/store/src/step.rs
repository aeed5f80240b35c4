//! What a write runs together.

use crate::error::Error;
use crate::statement::Query;
use crate::value::Value;

/// One of the steps that [`Write::run_all`](crate::Write::run_all) takes.
#[derive(Clone, Debug)]
pub enum Step {
    /// Runs a statement.
    Run(Query),
    /// Inserts rows.
    Insert(Rows),
    /// As [`Write::lock`](crate::Write::lock).
    Lock(i64),
    /// As [`Write::share_all`](crate::Write::share_all).
    Share(Vec<i64>),
}

/// Rows of one table.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Where they go.
    pub table: &'static str,
    /// What of them is given.
    pub columns: Vec<&'static str>,
    /// The cells of the first row in the order of the columns, then those of the second, and so on.
    pub cells: Vec<Value>,
}

impl Step {
    /// Refuses rows that are not whole.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            Step::Insert(Rows { columns, cells, .. }) => whole_rows(columns.len(), cells).map(drop),
            Step::Run(_) | Step::Lock(_) | Step::Share(_) => Ok(()),
        }
    }
}

/// How many rows of this width the cells are; an error if that is not a whole number.
pub(crate) fn whole_rows(width: usize, cells: &[Value]) -> Result<usize, Error> {
    match cells.len().checked_rem(width) {
        Some(0) => Ok(cells.len() / width),
        _ => Err(Error::engine(format!("{} cells for rows of {width}", cells.len()))),
    }
}
