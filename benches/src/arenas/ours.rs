//! The pool's arenas: each in a row of its own way to be emptied, by `reset` or by a scope's end.

use super::drops::{self, Counted};
use super::face::{Face, Nothing, Owner, ROOM, Work, emptied};
use super::nested::{INNER, Inner, OUTER, VALUES};
use super::requests::{self, Part};
use super::typed::{MANY, Orders};
use super::watch::{Value, Watch};
use super::{Job, OURS, Tick, job};
use crate::Order;
use allocator_api2_02::vec::Vec as VecIn;
use pool::{Arena, ArenaBox, ArenaConfig, ArenaPool, Pooled, Scope};

/// What the arena is called where a scope is what is measured, and the other way round.
const SCOPED: &str = "pool, scope";

pub(super) fn emptied_by_ours<W: Work>() -> Vec<Box<dyn Job>> {
    vec![emptied::<Arena, W>(OURS), emptied::<Scoped, W>(SCOPED)]
}

/// With room.
fn arena() -> Arena {
    Arena::with_config(ArenaConfig::new().chunk(ROOM)).expect("there is memory")
}

impl Face for Arena {
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

impl Owner for Arena {
    type Keeps = Nothing;

    fn roomy() -> Self {
        arena()
    }

    #[inline(always)]
    fn tick<W: Work>(&mut self, work: &W, state: &mut W::State<Nothing>, watch: &mut impl Watch) {
        work.run(self, state, watch);
        self.reset();
    }
}

/// An arena of which each tick has a scope.
struct Scoped(Arena);

impl Face for Scope<'_> {
    type Keeps = Nothing;
    type Allocator<'a>
        = &'a Self
    where
        Self: 'a;
    type Vec<'a>
        = VecIn<u64, &'a Self>
    where
        Self: 'a;

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

    fn vec(&self) -> VecIn<u64, &Self> {
        VecIn::new_in(self)
    }
}

impl Owner for Scoped {
    type Keeps = Nothing;

    fn roomy() -> Self {
        Self(arena())
    }

    #[inline(always)]
    fn tick<W: Work>(&mut self, work: &W, state: &mut W::State<Nothing>, watch: &mut impl Watch) {
        self.0.scope(|s| work.run(s, state, watch));
    }
}

/// The arena's list of what is to be dropped.
struct Listed(Arena);

impl Tick for Listed {
    const STEPS: u64 = drops::MANY;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        for n in 0..drops::MANY {
            watch.see(self.0.alloc(Counted::nth(n)));
        }
        self.0.reset();
    }
}

/// A scope's.
struct ListedScoped(Arena);

impl Tick for ListedScoped {
    const STEPS: u64 = drops::MANY;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        self.0.scope(|s| {
            for n in 0..drops::MANY {
                watch.see(s.alloc(Counted::nth(n)));
            }
        });
    }
}

pub(super) fn drops() -> Vec<Box<dyn Job>> {
    vec![
        job(OURS, ListedScoped(arena())),
        job("pool, reset", Listed(arena())),
    ]
}

/// A box at a time.
struct Boxes(Arena);

impl Tick for Boxes {
    const STEPS: u64 = drops::MANY;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        for n in 0..drops::MANY {
            let mut value: ArenaBox<'_, _> = self.0.alloc_box(Counted::nth(n));
            watch.see(&mut *value);
        }
        self.0.reset();
    }
}

pub(super) fn boxes() -> Vec<Box<dyn Job>> {
    vec![job(OURS, Boxes(arena()))]
}

/// Scopes with closures.
struct Nested<const CALLED: bool>(Arena);

impl<const CALLED: bool> Tick for Nested<CALLED> {
    const STEPS: u64 = OUTER * INNER;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        for n in 0..OUTER {
            self.0.scope(|outer| {
                watch.see(outer.alloc(Inner::nth(n)));
                for _ in 0..INNER {
                    outer.scope(|inner| fill::<CALLED>(inner, n, watch));
                }
            });
        }
    }
}

/// Scopes with guards.
struct Guarded<const CALLED: bool>(Arena);

impl<const CALLED: bool> Tick for Guarded<CALLED> {
    const STEPS: u64 = OUTER * INNER;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        for n in 0..OUTER {
            let outer = self.0.scope_guard();
            watch.see(outer.alloc(Inner::nth(n)));
            for _ in 0..INNER {
                fill::<CALLED>(&outer.scope_guard(), n, watch);
            }
        }
    }
}

#[inline(always)]
fn fill<const CALLED: bool>(scope: &Scope<'_>, n: u64, watch: &mut impl Watch) {
    match CALLED {
        true => fill_called(scope, n, watch),
        false => fill_inlined(scope, n, watch),
    }
}

#[inline(never)]
fn fill_called(scope: &Scope<'_>, n: u64, watch: &mut impl Watch) {
    fill_inlined(scope, n, watch);
}

#[inline(always)]
fn fill_inlined(scope: &Scope<'_>, n: u64, watch: &mut impl Watch) {
    for m in 0..VALUES {
        watch.see(scope.alloc(Inner::nth(n + m)));
    }
}

pub(super) fn nested<const CALLED: bool>() -> Vec<Box<dyn Job>> {
    vec![
        job(OURS, Nested::<CALLED>(arena())),
        job("pool, guard", Guarded::<CALLED>(arena())),
    ]
}

/// In a scope of their pool.
struct InPool;

impl Tick for InPool {
    const STEPS: u64 = MANY;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        Order::pool().scope(|s| {
            for n in 0..MANY {
                watch.see(s.alloc(Order::nth(n)).expect("there is room"));
            }
        });
    }
}

pub(super) fn orders() -> Vec<Box<dyn Job>> {
    vec![job(OURS, InPool), emptied::<Scoped, Orders>(SCOPED)]
}

/// Each request's arena is of a pool.
struct Requests(ArenaPool);

impl Tick for Requests {
    const STEPS: u64 = requests::MANY;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        let arena = self.0.get();
        for n in 0..requests::MANY {
            watch.see(arena.alloc(Part::nth(n)));
        }
    }
}

pub(super) fn requests() -> Vec<Box<dyn Job>> {
    vec![job(OURS, Requests(ArenaPool::new()))]
}
