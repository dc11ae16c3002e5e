//! What the arena, or one scope of it, bumps through: a free piece of a chunk; and what it holds until its end.
//!
//! A scope that begins takes what is left of its parent's piece, and gives it back when it ends. Meanwhile the
//! parent has a piece without room: the test that the hot path makes anyway leads to the slow path, which
//! gives the parent a chunk of its own. So a parent may be allocated from while a scope in it is open; guards
//! may end in any order, or be forgotten; and no allocation asks whose turn it is. *Every byte of a chunk is in
//! at most one piece*: that is what all unsafe code here rests on.
//!
//! [`Free`] is what an allocation changes, and nothing that is not inlined is given its address (but what the
//! user calls): so the compiler may keep it in registers for the length of a scope. [`Held`] is what has to be
//! found when a scope ends by a panic.

#![allow(unsafe_code)]

use super::chunk::{End, NONE, Number, Piece};
use super::chunks::Chunks;
use super::entry::Entries;
use super::full::Refusal;
use super::piece::{is_small, taken};
use std::alloc::Layout;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

/// A free piece, which is this one's alone, in its parts; and what scopes have of it.
#[derive(Debug)]
pub(super) struct Free {
    low: Cell<NonNull<u8>>,
    high: Cell<NonNull<u8>>,
    /// The most that was allocated in the arena when a scope in this one ended.
    peak: Cell<usize>,
    /// The piece that the last scope took, if no other one ended since while it was open. Set, if any is.
    lent: Cell<MaybeUninit<Piece>>,
    /// Scopes that began, and did not end but by a panic; or whose guards were forgotten. (There is no time to
    /// forget so many that it begins anew.)
    open: Cell<u64>,
}

impl Free {
    #[inline(always)]
    pub(super) const fn on(piece: Piece) -> Self {
        Self {
            low: Cell::new(piece.low),
            high: Cell::new(piece.high),
            peak: Cell::new(0),
            lent: Cell::new(MaybeUninit::uninit()),
            open: Cell::new(0),
        }
    }

    /// Gives the piece to a scope.
    #[inline(always)]
    fn lend(&self) -> Piece {
        let piece = self.piece();
        self.set(Piece::NONE);
        self.lent.set(MaybeUninit::new(piece));
        self.open.set(self.open.get() + 1);
        piece
    }

    /// Notes that a scope has ended, which brings its piece back.
    #[inline(always)]
    fn note_end(&self) {
        let others = self.open.get() - 1;
        self.open.set(others);
        if others > 0 {
            // It may have been this one's, and not the last's.
            self.lent.set(MaybeUninit::new(Piece::NONE));
        }
    }

    /// Takes up the piece that the last scope had, if all that began ended by a panic.
    #[inline(always)]
    pub(super) fn recover(&self, held: &Held) {
        let open = self.open.get();
        if open > 0 && self.is_suspended() && held.panicked.get() == open {
            std::hint::cold_path();
            // SAFETY: set, since a scope began.
            let lent = unsafe { self.lent.get().assume_init() };
            self.restart(held, lent);
        }
    }

    /// Goes on with a piece, while no scope is open.
    pub(super) fn restart(&self, held: &Held, piece: Piece) {
        self.set(piece);
        self.open.set(0);
        held.panicked.set(0);
    }

    #[inline(always)]
    pub(super) fn piece(&self) -> Piece {
        let (low, high) = (self.low.get(), self.high.get());
        Piece { low, high }
    }

    #[inline(always)]
    pub(super) fn set(&self, piece: Piece) {
        self.low.set(piece.low);
        self.high.set(piece.high);
    }

    #[inline(always)]
    pub(super) fn room(&self) -> usize {
        self.piece().room()
    }

    /// Whether it was given to a scope, and nothing came in its place.
    #[inline(always)]
    fn is_suspended(&self) -> bool {
        self.low.get() == Piece::NONE.low
    }

    /// The most that was allocated in the arena at one time, as far as is known here.
    #[inline(always)]
    pub(super) fn peak(&self, chunks: &Chunks) -> usize {
        self.peak.get().max(chunks.allocated(self.room()))
    }

    #[inline(always)]
    pub(super) fn note_peak(&self, peak: usize) {
        self.peak.set(self.peak.get().max(peak));
    }

    /// Where the next block of the high end ends.
    #[inline(always)]
    pub(super) fn high(&self) -> usize {
        self.high.get().as_ptr().addr()
    }

    /// Cuts a block off the high end.
    #[inline(always)]
    pub(super) fn cut_high(&self, size: usize, align: usize, small: bool) -> Option<NonNull<u8>> {
        let block = self.piece().cut_high(size, align, small)?;
        self.high.set(block);
        Some(block)
    }

    /// Cuts a block off the low end.
    #[inline(always)]
    fn cut_low(&self, size: usize, align: usize) -> Option<NonNull<u8>> {
        let (block, rest) = self.piece().cut_low(size, align)?;
        self.low.set(rest);
        Some(block)
    }

    /// Whether a block of the low end is the last one there, so that it may grow where it is.
    #[inline(always)]
    fn is_last(&self, block: NonNull<u8>, size: usize) -> bool {
        // Its end is a block's end in this very piece's chunk: the first unit of a chunk is nobody's, so that
        // no other chunk's memory ends where a piece starts.
        let end = block.as_ptr().addr() + taken(size);
        size > 0 && end == self.low.get().as_ptr().addr()
    }

    /// Moves the end of the last block of the low end, if there is room.
    #[inline(always)]
    fn resize_last(&self, block: NonNull<u8>, new: usize) -> bool {
        let room = self.high() - block.as_ptr().addr();
        let fits = taken(new) <= room;
        if fits {
            // SAFETY: within the block and the piece, which are beside each other, or at the end.
            self.low.set(unsafe { block.add(taken(new)) });
        }
        fits
    }
}

/// What is released at the end.
#[derive(Debug)]
#[repr(C)] // What is to be set for each scope is beside each other.
pub(super) struct Held {
    /// What is to be dropped, newest first.
    pub(super) entries: Entries,
    /// The topmost of the stack of chunks that the arena, or the scope, has got.
    pub(super) chunk: Cell<Number>,
    /// Scopes in this one that ended by a panic.
    panicked: Cell<u64>,
    /// Where the chunks are from, if there are any.
    pub(super) chunks: Cell<MaybeUninit<NonNull<Chunks>>>,
}

impl Held {
    #[inline(always)]
    pub(super) const fn new() -> Self {
        Self {
            entries: Entries::new(),
            chunk: Cell::new(NONE),
            panicked: Cell::new(0),
            chunks: Cell::new(MaybeUninit::uninit()),
        }
    }
}

/// Where to allocate. The blocks are good for `'s`.
///
/// Who makes one sees to it that nothing of it ends in `'s`; and that what the values borrow that it is given is
/// there when they are dropped, if they have a destructor, which may be run on that thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'s> {
    pub(super) free: &'s Free,
    pub(super) held: &'s Held,
    pub(super) chunks: &'s Chunks,
}

impl Place<'_> {
    /// A block of a size.
    #[inline(always)]
    pub(super) fn block(self, size: usize, align: usize, end: End) -> Result<NonNull<u8>, Refusal> {
        let block = match end {
            End::High => self.free.cut_high(size, align, false),
            End::Low => self.free.cut_low(size, align),
        };
        match block {
            Some(block) => Ok(block),
            None => self.block_elsewhere(size, align, end),
        }
    }

    /// A block that found no room in the piece.
    #[inline(always)]
    fn block_elsewhere(self, size: usize, align: usize, end: End) -> Result<NonNull<u8>, Refusal> {
        std::hint::cold_path();
        let Self { free, held, chunks } = self;
        free.recover(held);
        match chunks.more(held, free.piece(), size, align, end) {
            Ok((block, rest)) => {
                free.set(rest);
                Ok(block)
            }
            Err(cause) => Err(cause.for_bytes(size)),
        }
    }

    /// Room for a `T`.
    #[inline(always)]
    pub(super) fn room_for<T>(self) -> Result<NonNull<T>, Refusal> {
        if size_of::<T>() == 0 {
            return Ok(NonNull::dangling());
        }
        let (size, align) = (size_of::<T>(), align_of::<T>());
        let block = self.free.cut_high(size, align, is_small(size));
        match block {
            Some(block) => Ok(block.cast()),
            None => Ok(self.block_elsewhere(size, align, End::High)?.cast()),
        }
    }

    /// Gives back a block of the low end, if it is the last one.
    #[inline(always)]
    pub(super) fn give_back(self, block: NonNull<u8>, size: usize) {
        if self.free.is_last(block, size) {
            self.free.resize_last(block, 0);
        }
    }

    /// Makes a block another size, which is not zero. What it holds goes along, as far as there is room for it.
    ///
    /// # Safety
    ///
    /// The block is of this place, with the layout `old`, and the caller's; if there is no error it is not used
    /// again.
    #[inline(always)]
    pub(super) unsafe fn resize(
        self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<u8>, Refusal> {
        let stays = block.as_ptr().addr().is_multiple_of(new.align());
        if stays && self.free.is_last(block, old.size()) {
            if self.free.resize_last(block, new.size()) {
                return Ok(block);
            }
        } else if stays && new.size() <= old.size() {
            return Ok(block);
        }
        let to = self.block(new.size(), new.align(), End::Low)?;
        let bytes = old.size().min(new.size());
        // SAFETY: both are the caller's and as large, and the new one is in none that is.
        unsafe { to.copy_from_nonoverlapping(block, bytes) };
        Ok(to)
    }
}

/// An open scope: what it holds. If it is dropped, it ends by a panic; [`Open::end`] is the better way.
#[derive(Debug)]
pub(super) struct Open<'env> {
    pub(super) held: Held,
    parent: &'env Held,
}

impl<'env> Open<'env> {
    /// Begins a scope in a place. What it starts with is returned.
    #[inline(always)]
    pub(super) fn begin(parent: Place<'env>) -> (Self, Piece) {
        let Place { free, held, .. } = parent;
        free.recover(held);
        let scope = Self {
            held: Held::new(),
            parent: held,
        };
        (scope, free.lend())
    }

    /// Ends the scope that started with `start`, whose memory nobody uses any more, but for the destructors of
    /// values. `free` is what it bumped through; `parent` what it was begun in, and `is_top` whether that is the
    /// arena itself. To be called once; this is not to be dropped afterwards.
    #[inline(always)]
    pub(super) fn end(
        &self,
        start: Piece,
        free: &Free,
        parent: &Free,
        chunks: &Chunks,
        is_top: bool,
    ) {
        // If one panics, dropping this does the rest.
        self.held.entries.end(ptr::null());
        parent.note_peak(free.peak(chunks));
        parent.note_end();
        let top = self.held.chunk.get();
        if top == NONE && parent.is_suspended() {
            parent.set(start);
        } else {
            parent.set(end_slow(
                top,
                start,
                parent.piece(),
                self.parent,
                chunks,
                is_top,
            ));
        }
    }
}

/// Ends a scope that has chunks, or whose parent does not wait for what it took. Returns what the parent, which
/// has `own`, goes on with.
#[cold]
#[inline(never)]
fn end_slow(
    top: Number,
    start: Piece,
    own: Piece,
    parent: &Held,
    chunks: &Chunks,
    is_top: bool,
) -> Piece {
    chunks.give_up(top, NONE);
    let piece = if own == Piece::NONE {
        start
    } else {
        // Allocated from meanwhile, the parent has another piece.
        chunks.leave(parent.chunk.get(), start.room());
        own
    };
    match is_top {
        true => chunks.largest(parent, piece),
        false => piece,
    }
}

impl Drop for Open<'_> {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        /// Also if a destructor panics.
        struct Release<'a, 'env>(&'a Open<'env>);

        impl Drop for Release<'_, '_> {
            fn drop(&mut self) {
                let Open { held, parent } = self.0;
                let top = held.chunk.get();
                if top != NONE {
                    // SAFETY: set with the chunk.
                    let chunks = unsafe { held.chunks.get().assume_init() };
                    // SAFETY: the arena's, which is borrowed.
                    unsafe { chunks.as_ref() }.give_up(top, NONE);
                }
                parent.panicked.set(parent.panicked.get() + 1);
            }
        }

        let release = Release(self);
        release.0.held.entries.end(ptr::null());
    }
}
