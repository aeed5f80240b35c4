//! What a rule has written and the database has not seen yet.
//!
//! Most rows that a rule inserts are read by nobody before the commit. They wait here, table by table, and are sent
//! together: before the next statement that might look at them, and at the end of the rule. The changes wait until then.

use store::{Type, Value, Write};

use crate::change::Set;
use crate::error::Result;

/// Rows of one table, with the same columns.
struct Rows {
    table: &'static str,
    columns: Vec<&'static str>,
    cells: Vec<Value>,
}

/// Rows and changes that wait.
#[derive(Default)]
pub(crate) struct Pending {
    rows: Vec<Rows>,
    /// In the order in which they were recorded.
    pub sets: Vec<Set>,
}

impl Pending {
    /// Lets a row wait.
    pub fn insert(&mut self, table: &'static str, columns: &[(&'static str, Value)]) {
        let same = |rows: &&mut Rows| {
            rows.table == table && rows.columns.iter().copied().eq(columns.iter().map(|(column, _)| *column))
        };
        let rows = match self.rows.iter_mut().find(same) {
            Some(rows) => rows,
            None => {
                let columns = columns.iter().map(|(column, _)| *column).collect();
                self.rows.push_mut(Rows { table, columns, cells: Vec::new() })
            }
        };
        rows.cells.extend(columns.iter().map(|(_, value)| value.clone()));
    }

    /// Sends the rows that wait.
    pub fn flush(&mut self, write: &mut Write) -> Result<()> {
        for rows in self.rows.drain(..) {
            let columns: Vec<(&str, Type)> =
                rows.columns.iter().enumerate().map(|(at, column)| (*column, rows.column_type(at))).collect();
            write.insert_rows(rows.table, &columns, &rows.cells)?;
        }
        Ok(())
    }
}

impl Rows {
    /// The type of a column: that of its values. One without any may have whatever type.
    fn column_type(&self, at: usize) -> Type {
        let mut values = self.cells[at..].iter().step_by(self.columns.len());
        values.find_map(Value::value_type).unwrap_or(Type::Int)
    }
}
