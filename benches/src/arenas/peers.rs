//! The peers, as owners of memory that is emptied.

use super::face::{Face, Nothing, Of, Owner, Push, ROOM, Work};
use super::watch::{Value, Watch};
use allocator_api2_02::vec::Vec as VecIn;
use bump_scope::alloc::Global;
use bump_scope::settings::{BumpAllocatorSettings, BumpSettings, True};
use bump_scope::{Bump, BumpVec};
use std::alloc::Layout;

/// Settings of `bump-scope`'s, for arenas that have memory from the start.
pub(super) trait Settings:
    BumpAllocatorSettings<GuaranteedAllocated = True> + 'static
{
}
impl<S: BumpAllocatorSettings<GuaranteedAllocated = True> + 'static> Settings for S {}

/// As it is without settings.
pub(super) type Plain = BumpSettings;

/// The leanest for small objects: always aligned for words, downwards, and nothing is given back
/// singly.
pub(super) type Down = BumpSettings<8, false, true, false, false, false>;

/// The leanest for what grows in place.
pub(super) type Up = BumpSettings<8, true, true, false, true, true>;

/// With room.
pub(super) fn bump_scope<S: Settings>() -> Bump<Global, S> {
    let room = Layout::from_size_align(ROOM, 16).expect("a layout");
    Bump::with_capacity(room)
}

/// With room.
pub(super) fn bumpalo() -> bumpalo::Bump {
    bumpalo::Bump::with_capacity(ROOM)
}

impl Face for bumpalo::Bump {
    type Keeps = Nothing;
    type Allocator<'a> = &'a Self;
    type Vec<'a> = VecIn<u64, &'a Self>;

    #[inline(always)]
    fn put<T: Value>(&self, (): &mut (), value: T, watch: &mut impl Watch) {
        watch.see(self.alloc(value));
    }

    #[inline(always)]
    fn put_words(&self, (): &mut (), words: &[u32], watch: &mut impl Watch) {
        watch.see(self.alloc_slice_copy(words));
    }

    #[inline(always)]
    fn put_str(&self, (): &mut (), text: &str, watch: &mut impl Watch) {
        watch.see(self.alloc_str(text));
    }

    fn allocator(&self) -> &Self {
        self
    }

    fn vec(&self) -> Self::Vec<'_> {
        VecIn::new_in(self)
    }
}

impl Owner for bumpalo::Bump {
    type Keeps = Nothing;

    fn roomy() -> Self {
        bumpalo()
    }

    #[inline(always)]
    fn tick<W: Work>(&mut self, work: &W, state: &mut W::State<Nothing>, watch: &mut impl Watch) {
        work.run(self, state, watch);
        self.reset();
    }
}

impl<S: Settings> Face for Bump<Global, S> {
    type Keeps = Nothing;
    type Allocator<'a> = &'a Self;
    type Vec<'a> = VecIn<u64, &'a Self>;

    #[inline(always)]
    fn put<T: Value>(&self, (): &mut (), value: T, watch: &mut impl Watch) {
        watch.see(bump_scope::BumpBox::leak(self.alloc(value)));
    }

    #[inline(always)]
    fn put_words(&self, (): &mut (), words: &[u32], watch: &mut impl Watch) {
        watch.see(self.alloc_slice_copy(words).into_mut());
    }

    #[inline(always)]
    fn put_str(&self, (): &mut (), text: &str, watch: &mut impl Watch) {
        watch.see(self.alloc_str(text).into_mut());
    }

    fn allocator(&self) -> &Self {
        self
    }

    fn vec(&self) -> Self::Vec<'_> {
        VecIn::new_in(self)
    }
}

impl<S: Settings> Owner for Bump<Global, S> {
    type Keeps = Nothing;

    fn roomy() -> Self {
        bump_scope()
    }

    #[inline(always)]
    fn tick<W: Work>(&mut self, work: &W, state: &mut W::State<Nothing>, watch: &mut impl Watch) {
        work.run(self, state, watch);
        self.reset();
    }
}

/// A peer whose vectors are its own.
pub(super) struct OwnVec<A>(A);

impl Push for bumpalo::collections::Vec<'_, u64> {
    #[inline(always)]
    fn push(&mut self, word: u64) {
        Self::push(self, word);
    }

    fn words(&mut self) -> &mut [u64] {
        self
    }
}

impl<S: Settings> Push for BumpVec<u64, &Bump<Global, S>> {
    #[inline(always)]
    fn push(&mut self, word: u64) {
        Self::push(self, word);
    }

    fn words(&mut self) -> &mut [u64] {
        self
    }
}

/// A peer that has vectors of its own.
pub(super) trait HasVec: Face<Keeps = Nothing> {
    /// Those.
    type OwnVec<'a>: Push
    where
        Self: 'a;

    /// An empty one.
    fn own_vec(&self) -> Self::OwnVec<'_>;
}

impl HasVec for bumpalo::Bump {
    type OwnVec<'a> = bumpalo::collections::Vec<'a, u64>;

    fn own_vec(&self) -> Self::OwnVec<'_> {
        bumpalo::collections::Vec::new_in(self)
    }
}

impl<S: Settings> HasVec for Bump<Global, S> {
    type OwnVec<'a> = BumpVec<u64, &'a Self>;

    fn own_vec(&self) -> Self::OwnVec<'_> {
        BumpVec::new_in(self)
    }
}

/// The arena that an [`OwnVec`] lends to works.
struct Lent<'a, A>(&'a A);

impl<A: HasVec> Face for Lent<'_, A> {
    type Keeps = Nothing;
    type Allocator<'a>
        = A::Allocator<'a>
    where
        Self: 'a;
    type Vec<'a>
        = A::OwnVec<'a>
    where
        Self: 'a;

    #[inline(always)]
    fn put<T: Value>(&self, kept: &mut Of<Self, T>, value: T, watch: &mut impl Watch) {
        self.0.put(kept, value, watch);
    }

    #[inline(always)]
    fn put_words(&self, kept: &mut (), words: &[u32], watch: &mut impl Watch) {
        self.0.put_words(kept, words, watch);
    }

    #[inline(always)]
    fn put_str(&self, kept: &mut (), text: &str, watch: &mut impl Watch) {
        self.0.put_str(kept, text, watch);
    }

    fn allocator(&self) -> Self::Allocator<'_> {
        self.0.allocator()
    }

    fn vec(&self) -> Self::Vec<'_> {
        self.0.own_vec()
    }
}

/// What is emptied without a scope.
pub(super) trait Reset {
    /// Empties it.
    fn reset(&mut self);
}

impl Reset for bumpalo::Bump {
    #[inline(always)]
    fn reset(&mut self) {
        self.reset();
    }
}

impl<S: Settings> Reset for Bump<Global, S> {
    #[inline(always)]
    fn reset(&mut self) {
        self.reset();
    }
}

impl<A: Owner + HasVec + Reset> Owner for OwnVec<A> {
    type Keeps = Nothing;

    fn roomy() -> Self {
        Self(A::roomy())
    }

    #[inline(always)]
    fn tick<W: Work>(&mut self, work: &W, state: &mut W::State<Nothing>, watch: &mut impl Watch) {
        work.run(&Lent(&self.0), state, watch);
        self.0.reset();
    }
}
