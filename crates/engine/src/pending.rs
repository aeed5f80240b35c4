//! What a rule has written and the database has not seen yet.
//!
//! Most rows that a rule inserts are read by nobody before the commit. They wait here, table by table, and are sent
//! together: with the next statement that might look at them, and at the end of the rule. The changes wait until then.

use store::{Rows, Step, Value};

use crate::change::Set;

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
        let names = || columns.iter().map(|(column, _)| *column);
        let same = |rows: &&mut Rows| rows.table == table && rows.columns.iter().copied().eq(names());
        let rows = match self.rows.iter_mut().find(same) {
            Some(rows) => rows,
            None => self.rows.push_mut(Rows { table, columns: names().collect(), cells: Vec::new() }),
        };
        rows.cells.extend(columns.iter().map(|(_, value)| value.clone()));
    }

    /// Whether no row waits.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes the rows that wait.
    pub fn take(&mut self) -> impl Iterator<Item = Step> {
        self.rows.drain(..).map(Step::Insert)
    }
}
