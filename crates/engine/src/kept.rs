//! Rows of reference tables, kept in memory from one request to the next.
//!
//! More than half of what a task's answer takes from the database is the same for every task: names of people, projects,
//! sections and tags, definitions of fields. Such rows are kept as a query gave them to a viewer, under the key by which it
//! asked. Every read transaction reads the two epochs first; rows that were kept under others are not there. Whatever
//! changes tokens, people or memberships starts an epoch of access, whatever else changes a reference table one of
//! reference ([`store::reference`], [`crate::call::Call`]), in the transaction of the change.
//!
//! Where debug assertions are on, which they are in tests, what is kept is also read, and has to be the same; then it is used.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, OnceLock, RwLock};

use rustc_hash::FxBuildHasher;
use store::{Block, Query, Statement, Type};

use crate::access::Viewer;
use crate::sql::Template;

/// What the remembered depends on: the state of the data that a read transaction sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epochs {
    /// Of tokens, people and memberships: whether a [`Viewer`] is up to date.
    pub access: i64,
    /// Of the reference tables.
    pub reference: i64,
}

static EPOCHS: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new(
        "SELECT a.value, r.value FROM epochs a CROSS JOIN epochs r WHERE a.name = 'access' AND r.name = 'reference'",
        &[Type::Int, Type::Int],
    )
});

impl Epochs {
    /// The query that reads them.
    pub fn query() -> Query {
        Query::new(&EPOCHS, Vec::new())
    }

    /// The answer to [`Epochs::query`].
    pub fn of(block: &Block) -> Self {
        let value = |column| if block.is_empty() { 0 } else { block.int(0, column).unwrap_or_default() };
        Epochs { access: value(0), reference: value(1) }
    }
}

/// Which query the kept rows are the answer of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    number: u64,
    /// Whether the answer depends on who asks.
    personal: bool,
    /// Whether the JSON of its rows is kept too.
    written: bool,
}

impl Kind {
    /// A template whose answers may be kept; none when they depend on what changes without an epoch.
    pub fn of(sql: &str, template: &Template) -> Option<Self> {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let keep = store::reference::reads_only_reference(sql) && !template.names("now");
        let personal = template.is_personal();
        keep.then(|| Kind { number: NUMBERS.fetch_add(1, Relaxed), personal, written: false })
    }

    /// Whether the JSON of its rows is kept too: when they read the same wherever they are shown.
    pub fn with_json(self, written: bool) -> Self {
        Kind { written, ..self }
    }
}

/// Whose answer it is, and to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    kind: u64,
    user: i64,
    app: i64,
    key: i64,
}

/// The rows of a key.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub block: Block,
    /// Of each row what has been written of it, for rows that read the same in every answer.
    pub json: Box<[OnceLock<Box<[u8]>>]>,
}

impl From<Block> for Rows {
    fn from(block: Block) -> Self {
        Rows { block, json: Box::default() }
    }
}

#[derive(Debug)]
struct Remembered {
    epochs: Epochs,
    rows: Arc<Rows>,
    size: usize,
}

#[derive(Debug, Default)]
struct Shelf {
    rows: HashMap<Place, Remembered, FxBuildHasher>,
    /// About how many bytes they take.
    size: usize,
}

const SHELVES: usize = 16;
/// A shelf that takes more is emptied. All together: 32 MB.
const LARGEST_SHELF: usize = 2 << 20;
/// What an entry takes beside its rows.
const ENTRY: usize = 160;

/// The kept rows.
#[derive(Debug, Default)]
pub struct Kept {
    shelves: [RwLock<Shelf>; SHELVES],
}

impl Kept {
    /// What a viewer may use of it in a transaction that sees these epochs. A viewer who is out of date may use nothing.
    pub(crate) fn open<'a>(&'a self, viewer: &'a Viewer, epochs: Epochs) -> Option<Open<'a>> {
        (viewer.epoch == epochs.access).then_some(Open { kept: self, viewer, epochs })
    }

    /// Forgets everything.
    pub fn forget(&self) {
        for shelf in &self.shelves {
            if let Ok(mut shelf) = shelf.write() {
                *shelf = Shelf::default();
            }
        }
    }

    fn shelf(&self, kind: Kind) -> &RwLock<Shelf> {
        &self.shelves[kind.number as usize % SHELVES]
    }
}

/// Kept rows as one viewer may use them at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open<'a> {
    kept: &'a Kept,
    viewer: &'a Viewer,
    epochs: Epochs,
}

impl Open<'_> {
    fn place(&self, kind: Kind, key: i64) -> Place {
        let (user, app) = if kind.personal { (self.viewer.user, self.viewer.app) } else { (0, 0) };
        Place { kind: kind.number, user, app, key }
    }

    /// Gives the rows that are there to `found`, and returns the keys of the others.
    pub fn find(&self, kind: Kind, keys: &[i64], mut found: impl FnMut(i64, &Arc<Rows>)) -> Vec<i64> {
        let Ok(shelf) = self.kept.shelf(kind).read() else {
            return keys.to_vec();
        };
        let mut missing = Vec::new();
        for key in keys {
            match shelf.rows.get(&self.place(kind, *key)) {
                Some(remembered) if remembered.epochs == self.epochs => found(*key, &remembered.rows),
                _ => missing.push(*key),
            }
        }
        missing
    }

    /// Keeps the rows that a query has given for these keys; they stand together by their first column.
    pub fn keep(&self, kind: Kind, keys: &[i64], answer: &Block) {
        let Ok(mut shelf) = self.kept.shelf(kind).write() else {
            return;
        };
        for (key, block) in apart(keys, answer) {
            // What is written of a row takes about as much as the row.
            let size = ENTRY + block.size() * if kind.written { 2 } else { 1 };
            if shelf.size + size > LARGEST_SHELF {
                *shelf = Shelf::default();
            }
            shelf.size += size;
            let json = (0..if kind.written { block.len() } else { 0 }).map(|_| OnceLock::new()).collect();
            let remembered = Remembered { epochs: self.epochs, rows: Arc::new(Rows { block, json }), size };
            if let Some(old) = shelf.rows.insert(self.place(kind, key), remembered) {
                shelf.size -= old.size;
            }
        }
    }
}

/// The rows of each key.
pub(crate) fn apart(keys: &[i64], answer: &Block) -> HashMap<i64, Block, FxBuildHasher> {
    let mut rows: HashMap<i64, Block, FxBuildHasher> =
        keys.iter().map(|key| (*key, Block::new(answer.width()))).collect();
    for row in 0..answer.len() {
        if let Some(rows) = answer.int(row, 0).and_then(|key| rows.get_mut(&key)) {
            rows.copy_row(answer, row);
        }
    }
    rows
}
