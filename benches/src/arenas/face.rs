//! What all arenas do, and boxes in their stead.
//!
//! A [`Work`] is written once, for any [`Face`]; an [`Owner`] does it and empties itself. An arena
//! forgets all at a time, whereas a box has to be kept until it is freed: so works keep what they
//! are given in what the face wants it kept in, for an arena in nothing.

use super::watch::{Value, Watch};
use super::{Job, Tick, job};
use allocator_api2_02::alloc::Allocator;

/// How a face's allocations are kept while they are in use.
pub(super) trait Keeps: 'static {
    /// Those of a type.
    type Of<T: ?Sized + 'static>: Kept;
}

/// Allocations that are kept.
pub(super) trait Kept: Default + 'static {
    /// Ends all.
    fn clear(&mut self);
}

/// Arenas know all they gave out.
#[derive(Debug)]
pub(super) struct Nothing;

impl Keeps for Nothing {
    type Of<T: ?Sized + 'static> = ();
}

impl Kept for () {
    #[inline(always)]
    fn clear(&mut self) {}
}

impl<A: Kept, B: Kept> Kept for (A, B) {
    #[inline(always)]
    fn clear(&mut self) {
        self.0.clear();
        self.1.clear();
    }
}

/// How a face keeps values of a type.
pub(super) type Of<F, T> = <<F as Face>::Keeps as Keeps>::Of<T>;

/// Something to allocate from.
pub(super) trait Face {
    /// How it is kept.
    type Keeps: Keeps;
    /// What collections of others allocate from.
    type Allocator<'a>: Allocator
    where
        Self: 'a;
    /// What grows best in it.
    type Vec<'a>: Push
    where
        Self: 'a;

    /// Puts a value into memory.
    fn put<T: Value>(&self, kept: &mut Of<Self, T>, value: T, watch: &mut impl Watch);

    /// Copies numbers.
    fn put_words(&self, kept: &mut Of<Self, [u32]>, words: &[u32], watch: &mut impl Watch);

    /// Copies text.
    fn put_str(&self, kept: &mut Of<Self, [u8]>, text: &str, watch: &mut impl Watch);

    /// What collections of others allocate from.
    fn allocator(&self) -> Self::Allocator<'_>;

    /// An empty vector.
    fn vec(&self) -> Self::Vec<'_>;
}

/// A vector that grows.
pub(super) trait Push {
    /// At its end.
    fn push(&mut self, word: u64);
    /// All of it.
    fn words(&mut self) -> &mut [u64];
}

impl<A: Allocator> Push for allocator_api2_02::vec::Vec<u64, A> {
    #[inline(always)]
    fn push(&mut self, word: u64) {
        Self::push(self, word);
    }

    fn words(&mut self) -> &mut [u64] {
        self
    }
}

/// What is to be done before all is freed.
pub(super) trait Work: Default + 'static {
    /// How many allocations that is, or what else is counted.
    const STEPS: u64;

    /// What it keeps.
    type State<K: Keeps>: Kept;

    /// Does it.
    fn run<F: Face>(&self, face: &F, state: &mut Self::State<F::Keeps>, watch: &mut impl Watch);
}

/// Memory that is emptied after the work.
pub(super) trait Owner: 'static {
    /// As its face.
    type Keeps: Keeps;

    /// An empty one, that has room for all that is done here.
    fn roomy() -> Self;

    /// Does the work, and frees all that it allocated.
    fn tick<W: Work>(
        &mut self,
        work: &W,
        state: &mut W::State<Self::Keeps>,
        watch: &mut impl Watch,
    );
}

/// Bytes that a tick may need, in one chunk: nobody is measured while an arena grows.
pub(super) const ROOM: usize = 2 << 20;

/// An owner's ticks.
struct Emptied<O: Owner, W: Work> {
    owner: O,
    work: W,
    state: W::State<O::Keeps>,
}

impl<O: Owner, W: Work> Tick for Emptied<O, W> {
    const STEPS: u64 = W::STEPS;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        self.owner.tick(&self.work, &mut self.state, watch);
    }
}

/// An owner that does a work.
pub(super) fn emptied<O: Owner, W: Work>(subject: &'static str) -> Box<dyn Job> {
    let tick = Emptied::<O, W> {
        owner: O::roomy(),
        work: W::default(),
        state: W::State::default(),
    };
    job(subject, tick)
}
