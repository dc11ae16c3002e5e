//! Values with destructors.
//!
//! All are dropped at the end of the tick, the newest first, as a scope of the pool does it by
//! itself. Peers' users keep boxes for that: in an array that is in the arena too, which is the
//! fastest way that they have, and take them out from its end.

use super::heap::{BoxesOf, Heap};
use super::peers::{Down, Plain, Settings, bump_scope, bumpalo};
use super::watch::{Content, Watch};
use super::{Comparison, LEAN, Tick, at_most, beside, job, ours};
use crate::subject::Allocator;
use allocator_api2_02::boxed::Box as BoxIn;
use bump_scope::alloc::Global;
use bump_scope::{Bump, FixedBumpVec};
use mimalloc::MiMalloc;
use std::alloc::System;
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) const SAME: Comparison = Comparison {
    name: "drops",
    measures: &[
        at_most(1.0 / 1.2, "bump-scope"),
        at_most(1.0 / 1.2, LEAN),
        beside("bumpalo"),
        beside("mimalloc"),
    ],
    jobs: || {
        let mut jobs = ours::drops();
        jobs.extend([
            job("bumpalo", Bumpalo(bumpalo())),
            job("bump-scope", BumpScope::<Plain>(bump_scope())),
            job(LEAN, BumpScope::<Down>(bump_scope())),
            job("mimalloc", Boxed::<MiMalloc>::default()),
            job("glibc", Boxed::<System>::default()),
        ]);
        jobs
    },
    all_live: true,
};

pub(super) const BOXES: Comparison = Comparison {
    name: "boxes",
    measures: &[
        at_most(1.0, "bumpalo"),
        at_most(1.0, "bump-scope"),
        at_most(1.0, LEAN),
        beside("mimalloc"),
    ],
    jobs: || {
        let mut jobs = ours::boxes();
        jobs.extend([
            job("bumpalo", OneByOne(Bumpalo(bumpalo()))),
            job("bump-scope", OneByOne(BumpScope::<Plain>(bump_scope()))),
            job(LEAN, OneByOne(BumpScope::<Down>(bump_scope()))),
            job("mimalloc", OneByOne(Boxed::<MiMalloc>::default())),
            job("glibc", OneByOne(Boxed::<System>::default())),
        ]);
        jobs
    },
    all_live: false,
};

/// Places that values are counted at when they are dropped, in turns: each value knows its own, as if it
/// had a reference count to decrease there.
static COUNTS: [AtomicU64; 16] = [const { AtomicU64::new(0) }; 16];

/// What all that was dropped adds up to.
#[cfg(test)]
pub(super) fn dropped() -> u64 {
    let counts = COUNTS.iter().map(|count| count.load(Ordering::Relaxed));
    counts.sum()
}

/// Counts when it is dropped.
pub(super) struct Counted {
    count: &'static AtomicU64,
    words: [u64; 3],
}

impl Counted {
    #[inline(always)]
    pub(super) fn nth(n: u64) -> Self {
        Self {
            count: &COUNTS[n as usize % COUNTS.len()],
            words: [n; 3],
        }
    }
}

impl Drop for Counted {
    #[inline(always)]
    fn drop(&mut self) {
        // Relaxed, and no read-modify-write: there is one thread.
        let count = self.count.load(Ordering::Relaxed);
        self.count.store(count + self.words[0], Ordering::Relaxed);
    }
}

impl Content for Counted {
    fn content(&self) -> u64 {
        self.words.content()
    }
}

/// Values a tick.
pub(super) const MANY: u64 = 1_000;

struct Bumpalo(bumpalo::Bump);

impl Tick for Bumpalo {
    const STEPS: u64 = MANY;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        let mut kept = bumpalo::collections::Vec::with_capacity_in(MANY as usize, &self.0);
        for n in 0..MANY {
            let mut value = bumpalo::boxed::Box::new_in(Counted::nth(n), &self.0);
            watch.see(&mut *value);
            kept.push(value);
        }
        while let Some(value) = kept.pop() {
            drop(value);
        }
        drop(kept);
        self.0.reset();
    }
}

struct BumpScope<S: Settings>(Bump<Global, S>);

impl<S: Settings> Tick for BumpScope<S> {
    const STEPS: u64 = MANY;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        let mut kept = FixedBumpVec::with_capacity_in(MANY as usize, self.0.as_scope());
        for n in 0..MANY {
            let mut value = self.0.alloc(Counted::nth(n));
            watch.see(&mut *value);
            kept.push(value);
        }
        while let Some(value) = kept.pop() {
            drop(value);
        }
        drop(kept);
        self.0.reset();
    }
}

struct Boxed<A: Allocator>(BoxesOf<Counted, A>);

impl<A: Allocator> Default for Boxed<A> {
    fn default() -> Self {
        Self(BoxesOf::default())
    }
}

impl<A: Allocator> Tick for Boxed<A> {
    const STEPS: u64 = MANY;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        for n in 0..MANY {
            let mut value = BoxIn::new_in(Counted::nth(n), Heap::<A>::THE);
            watch.see(&mut *value);
            self.0.0.push(value);
        }
        while let Some(value) = self.0.0.pop() {
            drop(value);
        }
    }
}

/// One at a time: made, dropped.
struct OneByOne<T>(T);

impl Tick for OneByOne<Bumpalo> {
    const STEPS: u64 = MANY;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        for n in 0..MANY {
            watch.see(&mut *bumpalo::boxed::Box::new_in(
                Counted::nth(n),
                &self.0.0,
            ));
        }
        self.0.0.reset();
    }
}

impl<S: Settings> Tick for OneByOne<BumpScope<S>> {
    const STEPS: u64 = MANY;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        for n in 0..MANY {
            watch.see(&mut *self.0.0.alloc(Counted::nth(n)));
        }
        self.0.0.reset();
    }
}

impl<A: Allocator> Tick for OneByOne<Boxed<A>> {
    const STEPS: u64 = MANY;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        for n in 0..MANY {
            watch.see(&mut *BoxIn::new_in(Counted::nth(n), Heap::<A>::THE));
        }
    }
}
