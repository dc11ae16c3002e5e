//! Where a tick's data lives: on the heap, in bumpalo's memory, or in an arena.
//!
//! A tick is written once, over [`Memory`]. What differs is what a slice is and who frees it:
//!
//! | | a slice | is freed |
//! |---|---|---|
//! | [`Heap`] | a `Vec` | by its own drop |
//! | [`Bump`](bumpalo::Bump) | a `&mut [T]` of a `Bump` | at the tick's end, with all others |
//! | [`Scope`](pool::Scope) | a `&mut [T]` of a scope | at the scope's end, and scopes nest |

mod arena;
mod bump;
mod counted;
mod heap;

pub use bump::BumpTick;
pub use counted::{Count, Counted, Growing};
pub use heap::Heap;

use serde::Serialize;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// What the parts of a tick take memory from.
pub trait Memory<'m>: Copy {
    /// A slice of a length that is known when it is made.
    type Slice<T: 'm>: DerefMut<Target = [T]> + 'm;
    /// A list that grows.
    type List<T: 'm>: List<T> + 'm;
    /// A string.
    type Text: Deref<Target = str> + 'm;
    /// A part of the tick, whose own data ends with it.
    type Part: Part;

    /// A slice of `len` values that `f` makes, which may take memory meanwhile.
    fn slice<T: 'm>(self, len: usize, f: impl FnMut(usize) -> T) -> Self::Slice<T>;

    /// An empty list with room for `capacity` values.
    fn list<T: 'm>(self, capacity: usize) -> Self::List<T>;

    /// A list that grows no more.
    fn freeze<T: 'm>(list: Self::List<T>) -> Self::Slice<T>;

    /// A string.
    fn text(self, args: fmt::Arguments<'_>) -> Self::Text;

    /// Begins a part of the tick, whose own data ends with it.
    fn part(self) -> Self::Part;
}

/// A list that grows.
pub trait List<T>: DerefMut<Target = [T]> {
    /// Adds a value at the end.
    fn push(&mut self, value: T);

    /// So many values fit without growing.
    fn capacity(&self) -> usize;
}

/// A tick, or a part of it: when it is dropped, nothing of its memory is borrowed any more.
pub trait Part {
    /// What it takes memory from.
    type Memory<'g>: Memory<'g>
    where
        Self: 'g;

    /// What it takes memory from.
    fn memory(&self) -> Self::Memory<'_>;
}

/// What lends a tick its memory, and takes it back.
pub trait Backing {
    /// A tick.
    type Tick<'a>: Part
    where
        Self: 'a;

    /// Begins a tick. All its data goes when what this returns is dropped.
    fn tick(&mut self) -> Self::Tick<'_>;

    /// What it holds between ticks; nothing if it does not know.
    fn held(&self) -> Option<Held>;
}

/// What a backing holds between ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Bytes of its chunks.
    pub reserved: usize,
    /// Its chunks; nothing if it does not say.
    pub chunks: Option<usize>,
    /// The most bytes that were allocated at one time; nothing if it does not say.
    pub high_water: Option<usize>,
    /// Bytes lost to alignment and to chunks' ends; nothing if it does not say.
    pub slack: Option<usize>,
}
