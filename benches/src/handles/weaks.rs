//! Keys that may lead to nothing any more.
//!
//! *Hit*: the objects are live. *Miss*: they are gone, and where they were there are others.

use super::arcs::Common;
use super::{Comparison, Job, Maker, Makes, OURS, at_most, beside, together};
use crate::Order;
use crate::work::Random;
use pool::{PoolArc, PoolWeak};
use sharded_slab::{Entry, Slab};
use std::array;
use std::sync::{Arc, Weak};

const MANY: usize = 1_024;

pub(super) const HIT_ONE: Comparison = Comparison {
    family: "weak-hit-1",
    makers: makers::<1, true>,
    expected: hits::<1>,
    ..MISS_ONE
};

pub(super) const HIT_MANY: Comparison = Comparison {
    family: "weak-hit-1024",
    makers: makers::<MANY, true>,
    expected: hits::<MANY>,
    ..MISS_ONE
};

pub(super) const MISS_ONE: Comparison = Comparison {
    family: "weak-miss-1",
    threads: 1,
    measures: &[at_most(1.0, "sharded-slab"), beside("std")],
    makers: makers::<1, false>,
    expected: |steps| vec![None; steps as usize],
};

pub(super) const MISS_MANY: Comparison = Comparison {
    family: "weak-miss-1024",
    makers: makers::<MANY, false>,
    ..MISS_ONE
};

/// As many numbers, in the order in which keys are used: the same for all.
fn numbers<const N: usize>() -> [u64; N] {
    let mut numbers = array::from_fn(|n| n as u64);
    Random::shuffle(&mut numbers);
    numbers
}

fn hits<const N: usize>(steps: u64) -> Vec<Option<u64>> {
    let numbers = numbers::<N>();
    let hits = numbers.into_iter().map(Some).cycle();
    hits.take(steps as usize).collect()
}

/// Keys of as many orders, in the order in which they are used. What `end` is called with is live,
/// and says whether it is to stay so: if not, it is ended, and as many others are made.
fn keys<const N: usize, const LIVE: bool, H, K: Copy>(
    make: impl Fn(Order) -> H,
    key: impl Fn(&H) -> K,
    end: impl Fn(H),
) -> (Box<[K; N]>, Vec<H>) {
    let orders = || (0..N as u64).map(|n| make(Order::nth(n))).collect();
    let mut handles: Vec<H> = orders();
    let keys = numbers::<N>().map(|n| key(&handles[n as usize]));
    if !LIVE {
        handles.drain(..).for_each(end);
        handles = orders();
    }
    (Box::new(keys), handles)
}

fn makers<const N: usize, const LIVE: bool>(threads: usize) -> Vec<Box<dyn Job>> {
    let make = |order| PoolArc::new(Common(order));
    let (keys, kept) = keys::<N, LIVE, _, PoolWeak<Common>>(make, PoolArc::downgrade, drop);
    let ours = Makes {
        make: move |n| {
            let _ = &kept;
            keys[n as usize % N].upgrade()
        },
        read: |order: Option<PoolArc<Common>>| order.map(|order| order.0.id),
    };
    vec![
        together(OURS, threads, ours),
        together("sharded-slab", threads, Sharded::<N>::new::<LIVE>()),
        together("std", threads, std::<N, LIVE>()),
    ]
}

fn std<const N: usize, const LIVE: bool>() -> impl Maker + Sync {
    // Its keys are no copies: they are counted.
    let orders = || (0..N as u64).map(|n| Arc::new(Order::nth(n))).collect();
    let mut kept: Vec<Arc<Order>> = orders();
    let keys = numbers::<N>().map(|n| Arc::downgrade(&kept[n as usize]));
    if !LIVE {
        kept.clear();
    }
    let keys: Box<[Weak<Order>; N]> = Box::new(keys);
    Makes {
        make: move |n| {
            let _ = &kept;
            keys[n as usize % N].upgrade()
        },
        read: |order: Option<Arc<Order>>| order.map(|order| order.id),
    }
}

/// `sharded-slab`, whose handles borrow it.
struct Sharded<const N: usize> {
    slab: Slab<Order>,
    keys: Box<[usize; N]>,
}

impl<const N: usize> Sharded<N> {
    fn new<const LIVE: bool>() -> Self {
        let slab = Slab::new();
        let make = |order| slab.insert(order).expect("room for all");
        let end = |key| assert!(slab.remove(key), "it was there");
        let (keys, _) = keys::<N, LIVE, _, usize>(make, |key| *key, end);
        Self { slab, keys }
    }
}

impl<const N: usize> Maker for Sharded<N> {
    type Desk = ();
    type Handle<'a> = Option<Entry<'a, Order>>;

    fn desk(&self) {}

    #[inline(always)]
    fn make<'a>(&'a self, (): &'a (), n: u64) -> Self::Handle<'a> {
        self.slab.get(self.keys[n as usize % N])
    }

    fn read(&self, handle: Self::Handle<'_>) -> Option<u64> {
        handle.map(|order| order.id)
    }
}
