//! [`Arena`]: memory for what ends together.
//!
//! A block is cut off a piece of a chunk ([`piece`]), which the arena or a scope has ([`bump`]); when the piece
//! is used up there is another chunk ([`chunks`]). What has a destructor leaves an entry in a list beside it
//! ([`entry`]). What can be allocated, and how, is in [`place`], and once more in [`face`] for each type that
//! users see.

#![allow(unsafe_code)]

#[cfg(any(feature = "allocator-api2-02", feature = "allocator-api2-04"))]
mod allocator;
mod boxed;
mod bump;
mod checkpoint;
mod chunk;
mod chunks;
mod config;
mod entry;
mod face;
mod full;
mod no_drop;
mod piece;
mod place;
mod pooled;
mod scope;
mod stats;

pub use boxed::ArenaBox;
pub use checkpoint::{Checkpoint, RollbackError};
pub use config::ArenaConfig;
pub use full::ArenaFull;
pub use no_drop::NoDrop;
pub use pooled::{ArenaPool, PooledArena};
pub use scope::{Scope, ScopeGuard};
pub use stats::ArenaStats;

use crate::error::InitError;
use bump::{Free, Held, Place};
use chunk::{End, Piece};
use chunks::Chunks;
use entry::Head;
use face::{alloc_bytes, alloc_values};
use std::alloc::Layout;
use std::cell::Cell;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::{self, NonNull};

/// Memory for what ends together: the data of a request, of a tick.
///
/// Allocating is a subtraction and a test. Nothing is freed by itself: all of a [`Scope`] is, when it ends, and
/// all of the arena, by [`reset`](Arena::reset). The memory is kept for the next time.
///
/// ```
/// use pool::Arena;
///
/// let mut arena = Arena::new();
/// for tick in 0..3 {
///     arena.scope(|s| {
///         let contacts = s.alloc_iter((0..100).filter(|n| n % 7 == tick));
///         let names: Vec<&str> = contacts.iter().map(|n| &*pool::format_in!(s, "contact {n}")).collect();
///         assert_eq!(names[0], format!("contact {tick}"));
///     }); // all of it is released here
/// }
/// arena.reset();
/// ```
///
/// What is allocated of the arena itself is there until `reset`. It may be used on whatever thread the arena
/// has gone to by then: values with destructors have to be `Send + 'static` for that. Others may be and borrow
/// what they like: [`no_drop`](Arena::no_drop). Scopes are less strict, see [`Scope`].
///
/// `Send`, but not `Sync`: a thread, or a task, has an arena of its own; [`ArenaPool`] has one
/// for each.
///
/// # Memory
///
/// It comes from the same sources as the pools', in chunks: 64 KiB to begin with, each one twice as large as the
/// last, up to 16 MiB; [`ArenaConfig`] says otherwise. Every chunk is kept until [`trim`](Arena::trim) or
/// the arena's end. A new arena has none.
///
/// # Collections
///
/// With the feature `allocator-api2-04` (or `-02`, for hashbrown) `&Arena` and `&Scope` are allocators:
///
/// ```
/// # #[cfg(feature = "allocator-api2-04")] {
/// use allocator_api2_04::vec::Vec;
/// use pool::Arena;
///
/// Arena::new().scope(|s| {
///     let mut numbers = Vec::new_in(s);
///     numbers.extend(0..1000); // grows where it is
///     assert_eq!(numbers.len(), 1000);
/// });
/// # }
/// ```
pub struct Arena {
    free: Free,
    held: Held,
    chunks: Chunks,
    /// The stamp of the next checkpoint.
    stamps: Cell<u64>,
}

// SAFETY: nothing in it is a thread's own. The values that it drops are `Send`, by the bounds of the methods that
// take them; other memory it gave out is borrowed of it, and who borrows does not send it.
unsafe impl Send for Arena {}
// No code of the user's runs while an arena is between two states.
impl UnwindSafe for Arena {}
impl RefUnwindSafe for Arena {}

impl Arena {
    /// An arena without memory: it takes a chunk when it needs one.
    #[must_use]
    pub const fn new() -> Self {
        Self::of(ArenaConfig::new())
    }

    /// An arena of which at most so many bytes are allocated at one time: see [`ArenaConfig::limit`].
    #[must_use]
    pub const fn with_limit(bytes: usize) -> Self {
        Self::of(ArenaConfig::new().limit(bytes))
    }

    /// An arena as it is asked to be, with its first chunk.
    ///
    /// # Errors
    ///
    /// The system refuses the memory, or has none such as is required. The error's `Display` says what would
    /// help.
    pub fn with_config(config: ArenaConfig) -> Result<Self, InitError> {
        let arena = Self::of(config);
        let first = arena.place().block(piece::UNIT, 1, End::High);
        match first {
            Ok(_) => arena.free.set(arena.chunks.whole(&arena.held)),
            // There is nothing to be had at all, which an allocation will hear of.
            Err(_) if config.limit < piece::UNIT => {}
            Err(refusal) => return Err(refusal.init_error(&config)),
        }
        Ok(arena)
    }

    /// An arena as it is asked to be, without memory.
    pub(crate) const fn of(config: ArenaConfig) -> Self {
        Self {
            free: Free::on(Piece::NONE),
            held: Held::new(),
            chunks: Chunks::new(config),
            stamps: Cell::new(0),
        }
    }

    /// What the arena was asked to be.
    pub fn config(&self) -> ArenaConfig {
        *self.chunks.config()
    }

    #[inline(always)]
    fn place(&self) -> Place<'_> {
        Place {
            free: &self.free,
            held: &self.held,
            chunks: &self.chunks,
        }
    }

    #[inline(always)]
    #[expect(clippy::extra_unused_type_parameters, reason = "`NoDrop` looks at it")]
    fn place_of<T: Send + 'static>(&self) -> Place<'_> {
        self.place()
    }

    alloc_values! {
        ['s] &'s Self, 's, [Send + 'static],
        "It is dropped when the arena is reset, rolled back past it, or dropped."
    }

    alloc_bytes! { true }

    /// Releases all that was allocated: drops the values, newest first, and keeps the chunks, as far as
    /// [`ArenaConfig::keep`] says. O(destructors); O(chunks) if there was a new one since the last time.
    ///
    /// # Panics
    ///
    /// Panics if a destructor does: the others are run, and the memory is free, all the same.
    #[inline]
    pub fn reset(&mut self) {
        self.free.note_peak(self.free.peak(&self.chunks));
        self.release(ptr::null(), |arena| {
            let piece = arena.chunks.reset(&arena.held);
            arena.free.restart(&arena.held, piece);
        });
    }

    /// Drops the values down to a mark, then goes back, also if a destructor panics.
    #[inline(always)]
    fn release(&mut self, mark: *const Head, go_back: impl Fn(&Self)) {
        struct GoBack<'a, F: Fn(&Arena)>(&'a Arena, F);

        impl<F: Fn(&Arena)> Drop for GoBack<'_, F> {
            #[inline(always)]
            fn drop(&mut self) {
                self.1(self.0);
            }
        }

        let GoBack(arena, _) = &GoBack(self, go_back);
        arena.held.entries.end(mark);
    }

    /// Gives the chunks in which nothing is allocated back to the system. Returns how many bytes. O(chunks).
    pub fn trim(&mut self) -> usize {
        let reserved = self.stats().reserved;
        if self.is_empty() {
            let piece = self.chunks.release_all(&self.held);
            self.free.restart(&self.held, piece);
        }
        self.chunks.trim();
        reserved - self.stats().reserved
    }

    fn is_empty(&self) -> bool {
        self.held.entries.is_empty() && self.chunks.allocated(self.free.room()) == 0
    }

    /// The arena's figures. While a scope is open, all of the memory that it has to itself counts as allocated:
    /// ask the scope. If the arena was allocated from meanwhile, the high-water mark counts what is free of the
    /// chunk that this took. O(chunks).
    #[must_use]
    pub fn stats(&self) -> ArenaStats {
        self.place().stats(0)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // The chunks go after this, also if a destructor panics.
        self.held.entries.end(ptr::null());
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena")
            .field("stats", &self.stats())
            .finish()
    }
}

/// Text in an [`Arena`] or a [`Scope`], as `format!` makes it: a `&mut str`.
///
/// ```
/// use pool::{Arena, format_in};
///
/// let arena = Arena::new();
/// let name = format_in!(arena, "order {}", 7);
/// assert_eq!(name, "order 7");
/// ```
///
/// It panics if there is no memory; [`Arena::try_alloc_fmt`] with `format_args!` does not.
#[macro_export]
macro_rules! format_in {
    ($arena:expr, $($arguments:tt)*) => {
        $arena.alloc_fmt(::std::format_args!($($arguments)*))
    };
}

#[cfg(all(test, not(loom)))]
mod tests;
