//! A thousand orders that are live at a time: of a pool, in a scope of it, and elsewhere.

use super::face::{Face, Keeps, Of, Work, emptied};
use super::heap::Heap;
use super::peers::Down;
use super::watch::Watch;
use super::{Comparison, LEAN, Tick, at_most, beside, job, ours};
use crate::Order;
use bump_scope::Bump;
use bump_scope::alloc::Global;
use mimalloc::MiMalloc;
use pool::PoolBox;

pub(super) const ORDERS: Comparison = Comparison {
    name: "orders",
    measures: &[
        at_most(1.0 / 1.5, "PoolBox"),
        beside("pool, scope"),
        beside("bumpalo"),
        beside("bump-scope"),
        beside("mimalloc"),
    ],
    jobs: || {
        let mut jobs = ours::orders();
        jobs.extend([
            job("PoolBox", Boxed::default()),
            emptied::<bumpalo::Bump, Orders>("bumpalo"),
            emptied::<Bump, Orders>("bump-scope"),
            emptied::<Bump<Global, Down>, Orders>(LEAN),
            emptied::<Heap<MiMalloc>, Orders>("mimalloc"),
        ]);
        jobs
    },
    all_live: true,
};

/// Orders a tick.
pub(super) const MANY: u64 = 1_000;

#[derive(Default)]
pub(super) struct Orders;

impl Work for Orders {
    const STEPS: u64 = MANY;
    type State<K: Keeps> = K::Of<Order>;

    #[inline(always)]
    fn run<F: Face>(&self, face: &F, kept: &mut Of<F, Order>, watch: &mut impl Watch) {
        for n in 0..MANY {
            face.put(kept, Order::nth(n), watch);
        }
    }
}

/// In boxes of the pool.
struct Boxed(Vec<PoolBox<Order>>);

impl Default for Boxed {
    fn default() -> Self {
        Self(Vec::with_capacity(MANY as usize))
    }
}

impl Tick for Boxed {
    const STEPS: u64 = MANY;

    #[inline(always)]
    fn tick(&mut self, watch: &mut impl Watch) {
        for n in 0..MANY {
            let mut order = PoolBox::new(Order::nth(n));
            watch.see(&mut *order);
            self.0.push(order);
        }
        self.0.clear();
    }
}
