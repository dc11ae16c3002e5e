//! The chunks of one arena: which there are, and who has them.
//!
//! Chunks are numbered. Those that the arena, or a scope, has got are a stack, linked by [`Chunk::below`]. The
//! others are free, and the largest is given out first: so an arena that is used again, and as much as
//! before, is soon at home in one chunk.
//!
//! All of this is off the hot path. It is given and returns values, never the address of what a scope bumps,
//! so that the compiler may keep that in registers.

#![allow(unsafe_code)]

use super::bump::Held;
use super::chunk::{Chunk, End, NONE, Number, Piece};
use super::config::ArenaConfig;
use super::full::Cause;
use super::piece::{UNIT, enough_for};
use super::stats::ArenaStats;
use crate::config::NumaPolicy;
use crate::numa::Topology;
use std::cell::{Cell, RefCell};
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a stack of chunks was, and what was counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    top: Number,
    /// Of the topmost.
    left: usize,
    held: usize,
}

impl Account {
    /// Whether the topmost chunk is still the same.
    pub(super) fn is_of(self, held: &Held) -> bool {
        self.top == held.chunk.get()
    }
}

/// The chunks of an arena.
#[derive(Debug)]
pub(super) struct Chunks {
    config: ArenaConfig,
    table: RefCell<Table>,
    /// Bytes of all chunks that scopes have, less what is left in them. What is not free of these is
    /// allocated. For statistics alone: nothing is given out on the strength of it.
    held: Cell<usize>,
    /// What the arena begins with after a reset; nothing, if there is more to a reset.
    base: Cell<Option<Piece>>,
    /// Tells this arena's checkpoints from others'; zero: not given yet.
    id: Cell<u64>,
}

#[derive(Debug)]
struct Table {
    /// By number.
    chunks: Vec<Option<Chunk>>,
    /// Those that nobody has, smallest first. It has room for all, so that giving one back cannot fail.
    free: Vec<Number>,
    /// Bytes that can be allocated, of all.
    total: usize,
    /// What the next chunk has at least, if it may.
    next: usize,
    /// How many were made, ever.
    made: usize,
}

impl Table {
    fn chunk(&mut self, number: Number) -> &mut Chunk {
        let chunk = self.chunks[number as usize - 1].as_mut();
        chunk.expect("who names a chunk has it")
    }

    /// Bytes of a chunk that can be allocated.
    fn room(&self, number: Number) -> usize {
        let index = (number as usize).checked_sub(1);
        let chunk = index.and_then(|index| self.chunks.get(index)?.as_ref());
        chunk.map_or(0, |chunk| chunk.whole.room())
    }

    /// The largest of those that nobody has.
    fn largest_free(&self) -> Option<usize> {
        self.free.last().map(|&number| self.room(number))
    }

    fn put_free(&mut self, number: Number) {
        let room = self.room(number);
        let place = self.free.partition_point(|&other| self.room(other) < room);
        self.free.insert(place, number);
    }

    /// Gives the chunks that nobody has back to the system, the largest first, until there are no more than
    /// so many bytes.
    fn shrink_to(&mut self, most: usize) {
        while self.total > most
            && let Some(number) = self.free.pop()
            && let Some(chunk) = self.chunks[number as usize - 1].take()
        {
            self.total -= chunk.whole.room();
            chunk.unmap();
        }
    }
}

impl Chunks {
    pub(super) const fn new(config: ArenaConfig) -> Self {
        Self {
            config,
            table: RefCell::new(Table {
                chunks: Vec::new(),
                free: Vec::new(),
                total: 0,
                next: config.chunk,
                made: 0,
            }),
            held: Cell::new(0),
            base: Cell::new(None),
            id: Cell::new(0),
        }
    }

    pub(super) fn config(&self) -> &ArenaConfig {
        &self.config
    }

    /// What is allocated, if `free` bytes are left of the one piece that is in use.
    #[inline(always)]
    pub(super) fn allocated(&self, free: usize) -> usize {
        self.held.get().saturating_sub(free)
    }

    /// Cuts a block off the piece `now`, or if there is no room, off a chunk that goes on top of the stack.
    /// Returns the block, and the rest.
    ///
    /// O(chunks), and a system call or some if a chunk is to be made.
    #[cold]
    #[inline(never)]
    pub(super) fn more(
        &self,
        held: &Held,
        now: Piece,
        size: usize,
        align: usize,
        end: End,
    ) -> Result<(NonNull<u8>, Piece), Cause> {
        // If a scope left it that ended by a panic, there may be room.
        if let Some(cut) = now.cut(size, align, end) {
            return Ok(cut);
        }
        let enough = enough_for(size, align).ok_or(Cause::TooLarge)?;
        let mut table = self.table.borrow_mut();
        let top = held.chunk.get();
        // A chunk in which there is nothing is not kept below; but a checkpoint may remember it.
        let spare = match top {
            NONE => 0,
            top if table.chunk(top).whole == now && held.entries.is_empty() => now.room(),
            _ => 0,
        };
        let number = match table.largest_free() {
            Some(room) if room >= enough => table.free.pop().expect("there is a largest"),
            _ => self.make(&mut table, enough, spare)?,
        };
        let (mut below, mut left) = (top, now.room());
        if spare > 0 {
            let empty = table.chunk(top);
            (below, left) = (empty.below, empty.left);
            table.put_free(top);
            table.shrink_to(self.config.limit);
        }
        let chunk = table.chunk(number);
        (chunk.below, chunk.left) = (below, left);
        held.chunk.set(number);
        held.chunks.set(MaybeUninit::new(NonNull::from(self)));
        // What is below was counted as left before, if the one above it is not kept.
        self.held
            .set(self.held.get().saturating_sub(now.room()) + chunk.whole.room());
        self.base.set(None);
        let cut = chunk.whole.cut(size, align, end);
        Ok(cut.expect("there is enough room"))
    }

    /// Makes a chunk for a block that takes `enough` bytes, and says its number. `spare` bytes of others will
    /// be given back if there is no error.
    fn make(&self, table: &mut Table, enough: usize, spare: usize) -> Result<Number, Cause> {
        let config = &self.config;
        let room_in_limit = |table: &Table| config.limit - (table.total - spare);
        if enough > room_in_limit(table) {
            // Smaller ones that nobody has may stand in the way.
            table.shrink_to(config.limit.saturating_sub(enough).saturating_add(spare));
        }
        let most = room_in_limit(table) / UNIT * UNIT;
        if enough > most {
            return Err(Cause::Limit {
                limit: config.limit,
                taken: table.total - spare,
            });
        }
        let wanted = match table.total - spare {
            // With a limit that one chunk can be, it is one.
            0 if config.limit <= config.chunk_max && config.limit < usize::MAX => most,
            _ => table
                .next
                .min(config.chunk_max)
                .saturating_sub(UNIT)
                .clamp(enough, most),
        };
        let vacant = table.chunks.iter().position(Option::is_none);
        let index = vacant.unwrap_or(table.chunks.len());
        let number = Number::try_from(index + 1).map_err(|_| Cause::List)?;
        // Before there is anything to lose.
        let len = table.free.len();
        let list = table.free.try_reserve(table.chunks.len() + 1 - len);
        let reserved = list.and_then(|()| table.chunks.try_reserve(1));
        reserved.map_err(|_| Cause::List)?;
        let chunk = Chunk::map(config, wanted, most, self.node(table.made))?;
        table.made += 1;
        table.total += chunk.whole.room();
        table.next = table.next.max(chunk.bytes()).saturating_mul(2);
        match vacant {
            Some(vacant) => table.chunks[vacant] = Some(chunk),
            None => table.chunks.push(Some(chunk)),
        }
        Ok(number)
    }

    /// The node that the next chunk is to be on, on a machine with several.
    fn node(&self, made: usize) -> Option<u32> {
        let topology = Topology::this_machine();
        let nodes = topology.nodes();
        if nodes.len() < 2 || !topology.is_this_system() {
            return None;
        }
        let mut with_memory = nodes.iter().filter(|node| node.memory > 0);
        match self.config.numa {
            NumaPolicy::Interleaved => {
                let count = with_memory.clone().count().max(1);
                with_memory.nth(made % count).map(|node| node.id)
            }
            _ => Some(topology.current_node()),
        }
    }

    /// Takes back the chunks of a stack, from the topmost down to, and without, `bottom`. Who has them uses
    /// them no more. O(chunks).
    #[cold]
    #[inline(never)]
    pub(super) fn give_up(&self, top: Number, bottom: Number) {
        let mut table = self.table.borrow_mut();
        let (mut number, mut held) = (top, self.held.get());
        while number != bottom && number != NONE {
            let chunk = table.chunk(number);
            held = (held + chunk.left).saturating_sub(chunk.whole.room());
            let below = chunk.below;
            (chunk.below, chunk.left) = (NONE, 0);
            table.put_free(number);
            number = below;
        }
        self.held.set(held);
    }

    /// What is to be remembered for [`Chunks::restore`].
    pub(super) fn account(&self, held: &Held) -> Account {
        let top = held.chunk.get();
        let left = match top {
            NONE => 0,
            top => self.table.borrow_mut().chunk(top).left,
        };
        let held = self.held.get();
        Account { top, left, held }
    }

    /// Takes back the chunks that came to a stack since an account of it. O(chunks).
    pub(super) fn restore(&self, held: &Held, account: Account) {
        self.give_up(held.chunk.replace(account.top), account.top);
        if account.top != NONE {
            self.table.borrow_mut().chunk(account.top).left = account.left;
        }
        self.held.set(account.held);
    }

    /// The whole of the topmost chunk.
    pub(super) fn whole(&self, held: &Held) -> Piece {
        self.table.borrow_mut().chunk(held.chunk.get()).whole
    }

    /// Counts bytes as left, until the topmost chunk is given up.
    #[cold]
    #[inline(never)]
    pub(super) fn leave(&self, top: Number, bytes: usize) {
        if bytes > 0 && top != NONE {
            self.table.borrow_mut().chunk(top).left += bytes;
            self.held.set(self.held.get().saturating_sub(bytes));
        }
    }

    /// Where the arena goes on that has `piece`: in the largest chunk that nobody has, if nothing is allocated
    /// in its own and that is larger. O(chunks).
    #[cold]
    #[inline(never)]
    pub(super) fn largest(&self, held: &Held, piece: Piece) -> Piece {
        let mut table = self.table.borrow_mut();
        let own = held.chunk.get();
        let (whole, below) = match own {
            NONE => (Piece::NONE, NONE),
            own => (table.chunk(own).whole, table.chunk(own).below),
        };
        let is_larger = table.largest_free().is_some_and(|room| room > whole.room());
        if piece != whole || below != NONE || !is_larger || !held.entries.is_empty() {
            return piece;
        }
        let number = table.free.pop().expect("there is a largest");
        if own != NONE {
            table.put_free(own);
        }
        held.chunk.set(number);
        self.base.set(None);
        let largest = table.chunk(number).whole;
        self.held
            .set(self.held.get().saturating_sub(whole.room()) + largest.room());
        largest
    }

    /// Where the arena goes on after a reset, with all that it keeps.
    #[inline(always)]
    pub(super) fn reset(&self, held: &Held) -> Piece {
        self.base.get().unwrap_or_else(|| self.reset_all(held))
    }

    /// Takes back all chunks, also those that guards have which were forgotten. O(chunks).
    #[cold]
    #[inline(never)]
    fn reset_all(&self, held: &Held) -> Piece {
        let mut table = self.table.borrow_mut();
        table.free.clear();
        for index in 0..table.chunks.len() {
            if let Some(chunk) = &mut table.chunks[index] {
                (chunk.below, chunk.left) = (NONE, 0);
                table.put_free(index as Number + 1);
            }
        }
        table.shrink_to(self.config.keep);
        let base = table.free.pop().unwrap_or(NONE);
        let piece = match base {
            NONE => Piece::NONE,
            number => table.chunk(number).whole,
        };
        held.chunk.set(base);
        self.held.set(piece.room());
        self.base.set(Some(piece));
        piece
    }

    /// Takes back all chunks of an arena in which nothing is allocated.
    pub(super) fn release_all(&self, held: &Held) -> Piece {
        self.reset_all(held);
        self.give_up(held.chunk.replace(NONE), NONE);
        self.base.set(None);
        Piece::NONE
    }

    /// Gives the chunks that nobody has back to the system.
    pub(super) fn trim(&self) {
        let mut table = self.table.borrow_mut();
        table.shrink_to(0);
        table.next = self.config.chunk;
    }

    /// A number that no other arena has.
    pub(super) fn id(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        if self.id.get() == 0 {
            // Relaxed: numbers that differ are all that is asked for.
            self.id.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        self.id.get()
    }

    /// The figures that are the arena's.
    pub(super) fn stats(&self) -> ArenaStats {
        let table = self.table.borrow();
        let chunks = || table.chunks.iter().flatten();
        ArenaStats {
            chunks: chunks().count(),
            reserved: chunks().map(|chunk| chunk.bytes()).sum(),
            slack: chunks().map(|chunk| chunk.left).sum(),
            ..ArenaStats::default()
        }
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        for chunk in self.table.get_mut().chunks.drain(..).flatten() {
            chunk.unmap();
        }
    }
}
