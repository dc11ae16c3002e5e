//! Requests, each with an arena of its own, which it gets from a pool of arenas and gives back.
//!
//! The peers' pools empty their arenas all at a time, when nobody has one: here, where one thread
//! has one, after each request.

use super::peers::{Down, Plain, Settings};
use super::watch::{Value, Watch};
use super::{Comparison, LEAN, Tick, at_most, beside, job, ours};
use bump_scope::alloc::Global;
use bump_scope::{BumpBox, BumpPool};
use bumpalo::Bump;
use bumpalo_herd::Herd;

pub(super) const REQUESTS: Comparison = Comparison {
    name: "requests",
    measures: &[
        at_most(1.0, "bumpalo-herd"),
        at_most(1.0, "bump-scope"),
        at_most(1.0, LEAN),
        beside("bumpalo, fresh"),
    ],
    jobs: || {
        let mut jobs = ours::requests();
        jobs.extend([
            job("bumpalo-herd", OfHerd(Herd::new())),
            job("bump-scope", OfPool::<Plain>(BumpPool::new())),
            job(LEAN, OfPool::<Down>(BumpPool::new())),
            job("bumpalo, fresh", Fresh),
        ]);
        jobs
    },
    all_live: false,
};

/// Allocations a request.
pub(super) const MANY: u64 = 50;

/// What they are of.
pub(super) type Part = [u64; 8];

struct OfHerd(Herd);

impl Tick for OfHerd {
    const STEPS: u64 = MANY;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        let bump = self.0.get();
        for n in 0..MANY {
            watch.see(bump.alloc(Part::nth(n)));
        }
        drop(bump);
        self.0.reset();
    }
}

struct OfPool<S: Settings>(BumpPool<Global, S>);

impl<S: Settings> Tick for OfPool<S> {
    const STEPS: u64 = MANY;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        let bump = self.0.get();
        for n in 0..MANY {
            watch.see(BumpBox::leak(bump.alloc(Part::nth(n))));
        }
        drop(bump);
        self.0.reset();
    }
}

/// A new arena for each.
struct Fresh;

impl Tick for Fresh {
    const STEPS: u64 = MANY;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        let bump = Bump::new();
        for n in 0..MANY {
            watch.see(bump.alloc(Part::nth(n)));
        }
    }
}
