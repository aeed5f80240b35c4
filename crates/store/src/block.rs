//! The rows that a query returns, as one flat arena: no allocation per row or per cell.

/// One cell, borrowed from its [`Block`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// SQL's NULL.
    Null,
    /// A number; also a gid or a time.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// A floating point number.
    Real(f64),
    /// Text.
    Text(&'a str),
    /// Raw bytes.
    Bytes(&'a [u8]),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Slot {
    Null,
    Int(i64),
    Bool(bool),
    Real(f64),
    Text(u32, u32),
    Bytes(u32, u32),
}

/// The rows of one query, row after row, `width` cells each. Text and bytes lie in arenas of the block.
#[derive(Debug, Default, PartialEq)]
pub struct Block {
    width: usize,
    slots: Vec<Slot>,
    text: String,
    bytes: Vec<u8>,
}

impl Block {
    /// An empty block whose rows have `width` cells.
    pub fn new(width: usize) -> Self {
        Block { width, ..Block::default() }
    }

    /// The number of rows.
    #[inline]
    pub fn len(&self) -> usize {
        self.slots.len().checked_div(self.width).unwrap_or(0)
    }

    /// Whether there is no row.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The number of cells in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Makes room for a row, so that a block of one row does not grow cell by cell.
    #[inline]
    pub(crate) fn reserve_row(&mut self) {
        if self.slots.is_empty() {
            self.slots.reserve(self.width);
        }
    }

    /// Appends the next cell of the row being filled.
    #[inline]
    pub fn push(&mut self, cell: Cell<'_>) {
        let slot = match cell {
            Cell::Null => Slot::Null,
            Cell::Int(value) => Slot::Int(value),
            Cell::Bool(value) => Slot::Bool(value),
            Cell::Real(value) => Slot::Real(value),
            Cell::Text(value) => {
                let start = self.text.len() as u32;
                self.text.push_str(value);
                Slot::Text(start, self.text.len() as u32)
            }
            Cell::Bytes(value) => {
                let start = self.bytes.len() as u32;
                self.bytes.extend_from_slice(value);
                Slot::Bytes(start, self.bytes.len() as u32)
            }
        };
        self.slots.push(slot);
    }

    /// Appends a row of another block of this width.
    pub fn copy_row(&mut self, from: &Block, row: usize) {
        self.reserve_row();
        (0..self.width).for_each(|column| self.push(from.cell(row, column)));
    }

    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.slots.capacity() * size_of::<Slot>() + self.text.capacity() + self.bytes.capacity()
    }

    /// The cell at `row` and `column`.
    ///
    /// # Panics
    /// When there is no such cell: rows and columns come from our own plans, never from a request.
    #[inline]
    pub fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        match self.slots[row * self.width + column] {
            Slot::Null => Cell::Null,
            Slot::Int(value) => Cell::Int(value),
            Slot::Bool(value) => Cell::Bool(value),
            Slot::Real(value) => Cell::Real(value),
            Slot::Text(start, end) => Cell::Text(&self.text[start as usize..end as usize]),
            Slot::Bytes(start, end) => Cell::Bytes(&self.bytes[start as usize..end as usize]),
        }
    }

    /// The number in a cell, or `None` for NULL and other kinds.
    #[inline]
    pub fn int(&self, row: usize, column: usize) -> Option<i64> {
        match self.cell(row, column) {
            Cell::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The text in a cell, or `None` for NULL and other kinds.
    #[inline]
    pub fn text(&self, row: usize, column: usize) -> Option<&str> {
        match self.cell(row, column) {
            Cell::Text(value) => Some(value),
            _ => None,
        }
    }

    /// The truth value in a cell; NULL is false.
    #[inline]
    pub fn bool(&self, row: usize, column: usize) -> bool {
        matches!(self.cell(row, column), Cell::Bool(true))
    }

    /// The floating point number in a cell, or `None` for NULL and other kinds.
    #[inline]
    pub fn real(&self, row: usize, column: usize) -> Option<f64> {
        match self.cell(row, column) {
            Cell::Real(value) => Some(value),
            _ => None,
        }
    }

    /// The bytes in a cell, or `None` for NULL and other kinds.
    pub fn bytes(&self, row: usize, column: usize) -> Option<&[u8]> {
        match self.cell(row, column) {
            Cell::Bytes(value) => Some(value),
            _ => None,
        }
    }
}
