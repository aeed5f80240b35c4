//! The allocator of gids: numbers are taken from blocks which are reserved in the table `gid_blocks`.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many gids are reserved at once. A restart loses what is left of a block.
pub(crate) const BLOCK: i64 = 1000;

/// The block in use: `next..end` may still be handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Block {
    pub next: i64,
    pub end: i64,
}

/// The allocator of one process.
#[derive(Debug, Default)]
pub(crate) struct Gids(Mutex<Block>);

impl Gids {
    /// The next gid. `reserve` reserves a block that starts at its argument or above, and says where.
    pub fn next<E>(&self, reserve: impl FnOnce(i64) -> Result<i64, E>) -> Result<i64, E> {
        let mut block = self.lock();
        if block.next == block.end {
            let start = reserve(block.next)?;
            *block = Block { next: start, end: start + BLOCK };
        }
        block.next += 1;
        Ok(block.next - 1)
    }

    /// Forgets the rest of the block, whose reservation was lost. What was handed out is not handed out again.
    pub fn forget_rest(&self) {
        let mut block = self.lock();
        block.end = block.next;
    }

    pub fn get(&self) -> Block {
        *self.lock()
    }

    pub fn set(&self, block: Block) {
        *self.lock() = block;
    }

    fn lock(&self) -> MutexGuard<'_, Block> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
