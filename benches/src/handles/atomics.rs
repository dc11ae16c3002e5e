//! Cells that are read and replaced under a guard.
//!
//! *Load*: the guard is there all the time. *Pin*: each load has its own. *Replace*: likewise, and the
//! old order is retired; what collects retired ones is in the figure.

use super::{Comparison, Job, Maker, OURS, at_most, beside, together};
use crate::Order;
use crossbeam_epoch::{Atomic, Owned};
use pool::{PoolAtomic, PoolBox, epoch};
use std::array;
use std::hint::black_box;
use std::mem;
use std::sync::atomic::Ordering;

const CELLS: usize = 1_024;

pub(super) const LOAD: Comparison = Comparison {
    family: "atomic-load",
    threads: 1,
    measures: &[at_most(1.2, CROSSBEAM)],
    makers: |threads| makers(threads, Load(ours()), Load(crossbeam())),
    expected: |steps| (0..steps).map(|n| Some(n % CELLS as u64)).collect(),
};

pub(super) const PIN: Comparison = Comparison {
    family: "atomic-pin-load",
    measures: &[beside(CROSSBEAM)],
    makers: |threads| makers(threads, Pin(ours()), Pin(crossbeam())),
    expected: |steps| vec![None; steps as usize],
    ..LOAD
};

pub(super) const REPLACE: Comparison = Comparison {
    family: "atomic-replace",
    makers: |threads| makers(threads, Replace(ours()), Replace(crossbeam())),
    ..PIN
};

const CROSSBEAM: &str = "crossbeam";

fn makers(
    threads: usize,
    ours: impl Maker + Sync,
    crossbeam: impl Maker + Sync,
) -> Vec<Box<dyn Job>> {
    vec![
        together(OURS, threads, ours),
        together(CROSSBEAM, threads, crossbeam),
    ]
}

/// A cell, and the guard that goes with it.
trait Cell: 'static {
    type Guard: 'static;

    fn pin() -> Self::Guard;
    fn load<'a>(&'a self, guard: &'a Self::Guard) -> Option<&'a Order>;
    fn replace(&self, order: Order, guard: &Self::Guard);
}

type Cells<C> = Box<[C; CELLS]>;

/// Loads under one guard.
struct Load<C>(Cells<C>);

impl<C: Cell> Maker for Load<C> {
    type Desk = C::Guard;
    type Handle<'a> = Option<&'a Order>;

    fn desk(&self) -> C::Guard {
        C::pin()
    }

    #[inline(always)]
    fn make<'a>(&'a self, guard: &'a C::Guard, n: u64) -> Option<&'a Order> {
        self.0[n as usize % CELLS].load(guard)
    }

    fn read(&self, order: Option<&Order>) -> Option<u64> {
        order.map(|order| order.id)
    }
}

/// Loads, each under a guard of its own. That is the handle: it leads nowhere.
struct Pin<C>(Cells<C>);

impl<C: Cell> Maker for Pin<C> {
    type Desk = ();
    type Handle<'a> = C::Guard;

    fn desk(&self) {}

    #[inline(always)]
    fn make<'a>(&'a self, (): &'a (), n: u64) -> C::Guard {
        let guard = C::pin();
        let order = black_box(self.0[n as usize % CELLS].load(&guard));
        debug_assert_eq!(order.map(|order| order.id), Some(n % CELLS as u64));
        guard
    }

    fn read(&self, _: C::Guard) -> Option<u64> {
        None
    }
}

/// Puts new orders into the cells.
struct Replace<C>(Cells<C>);

impl<C: Cell> Maker for Replace<C> {
    type Desk = ();
    type Handle<'a> = C::Guard;

    fn desk(&self) {}

    #[inline(always)]
    fn make<'a>(&'a self, (): &'a (), n: u64) -> C::Guard {
        let guard = C::pin();
        let cell = &self.0[n as usize % CELLS];
        cell.replace(Order::nth(n), &guard);
        // Another thread's may be there already.
        let place = cell.load(&guard).map(|order| order.id % CELLS as u64);
        debug_assert_eq!(place, Some(n % CELLS as u64));
        guard
    }

    fn read(&self, _: C::Guard) -> Option<u64> {
        None
    }
}

fn ours() -> Cells<PoolAtomic<Order>> {
    let cell = |n| PoolAtomic::new(PoolBox::new(Order::nth(n as u64)));
    Box::new(array::from_fn(cell))
}

impl Cell for PoolAtomic<Order> {
    type Guard = epoch::Guard;

    #[inline(always)]
    fn pin() -> epoch::Guard {
        epoch::pin()
    }

    #[inline(always)]
    fn load<'a>(&'a self, guard: &'a epoch::Guard) -> Option<&'a Order> {
        self.load(guard)
    }

    #[inline(always)]
    fn replace(&self, order: Order, guard: &epoch::Guard) {
        self.store(PoolBox::new(order), guard);
    }
}

/// A cell that owns its order.
struct Owner(Atomic<Order>);

fn crossbeam() -> Cells<Owner> {
    let cell = |n| Owner(Atomic::new(Order::nth(n as u64)));
    Box::new(array::from_fn(cell))
}

impl Cell for Owner {
    type Guard = crossbeam_epoch::Guard;

    #[inline(always)]
    fn pin() -> crossbeam_epoch::Guard {
        crossbeam_epoch::pin()
    }

    #[inline(always)]
    fn load<'a>(&'a self, guard: &'a crossbeam_epoch::Guard) -> Option<&'a Order> {
        // Acquire: of what the cell's writer wrote before.
        let shared = self.0.load(Ordering::Acquire, guard);
        // SAFETY: what is in a cell is valid, and is not freed while there is the guard.
        unsafe { shared.as_ref() }
    }

    #[inline(always)]
    fn replace(&self, order: Order, guard: &crossbeam_epoch::Guard) {
        // AcqRel: of what was written to both orders.
        let old = self.0.swap(Owned::new(order), Ordering::AcqRel, guard);
        // SAFETY: it was the cell's alone, and who comes now finds the new one.
        unsafe { guard.defer_destroy(old) };
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let cell = mem::replace(&mut self.0, Atomic::null());
        // SAFETY: the cell's order is its alone; who had it by a guard borrowed the cell.
        let order: Option<Owned<Order>> = unsafe { cell.try_into_owned() };
        drop(order);
    }
}
