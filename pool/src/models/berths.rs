//! The berths where an allocator's threads exchange free slots, and its lock, beside broken ones.

#![allow(unsafe_code)]

use super::{OWNERS, explore, is_seen_to_fail};
use crate::alloc::depot::Depot;
use crate::alloc::lock::Lock;
use crate::sync::{AtomicU8, Ordering, OwnedPtr};
use loom::cell::Cell;
use loom::sync::Arc;
use loom::thread;
use std::ptr;

trait Exchange: 'static {
    fn new() -> Self;
    fn put(&self, slots: &[OwnedPtr]) -> bool;
    fn take(&self, slots: &[OwnedPtr]) -> usize;
}

impl Exchange for Depot {
    fn new() -> Self {
        Self::new()
    }

    fn put(&self, slots: &[OwnedPtr]) -> bool {
        self.put(slots)
    }

    fn take(&self, slots: &[OwnedPtr]) -> usize {
        self.take(slots)
    }
}

struct Shared<E>(E);

// SAFETY: what a thread does without owning it, loom's cells report.
unsafe impl<E> Sync for Shared<E> {}
// SAFETY: as above.
unsafe impl<E> Send for Shared<E> {}

fn slots<const N: usize>(numbers: [usize; N]) -> [OwnedPtr; N] {
    numbers.map(|number| {
        let slot = OwnedPtr::null();
        slot.set(ptr::without_provenance_mut(number));
        slot
    })
}

/// Takes what is there, once, and puts it back if there is a place.
fn step<E: Exchange>(depot: &E) -> Vec<usize> {
    let got = slots([0, 0]);
    let count = depot.take(&got);
    if count > 0 && depot.put(&got[..count]) {
        return Vec::new();
    }
    got[..count].iter().map(|slot| slot.get().addr()).collect()
}

/// Four slots in two berths, and two threads that take and put; in the end each slot is somewhere, once.
fn exchange<E: Exchange>() {
    let depot = Arc::new(Shared(E::new()));
    assert!(depot.0.put(&slots([1, 2])) && depot.0.put(&slots([3])));
    let other = {
        let depot = Arc::clone(&depot);
        thread::spawn(move || {
            let depot = depot;
            let mut kept = step(&depot.0);
            kept.extend(step(&depot.0));
            kept
        })
    };
    let mut all = step(&depot.0);
    if depot.0.put(&slots([4])) {
        all.extend(step(&depot.0));
    } else {
        all.push(4);
    }
    all.extend(other.join().expect("the other thread"));
    loop {
        let got = slots([0, 0]);
        let count = depot.0.take(&got);
        all.extend(got[..count].iter().map(|slot| slot.get().addr()));
        if count == 0 {
            break;
        }
    }
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3, 4], "{OWNERS}");
}

#[test]
fn berths_give_each_slot_one_owner() {
    explore(3, exchange::<Depot>);
}

/// Two berths that are looked at and then claimed, in two steps.
struct Unclaimed {
    state: AtomicU8,
    berths: [[OwnedPtr; 2]; 2],
}

/// Two berths that are published without Release.
struct Unordered {
    states: [AtomicU8; 2],
    berths: [[OwnedPtr; 2]; 2],
}

impl Exchange for Unclaimed {
    fn new() -> Self {
        Self {
            state: AtomicU8::new(0),
            berths: [slots([0, 0]), slots([0, 0])],
        }
    }

    fn put(&self, from: &[OwnedPtr]) -> bool {
        let count = self.state.load(Ordering::Acquire);
        let Some(berth) = self
            .berths
            .get(usize::from(count & 3 != 0) + usize::from(count >> 2 != 0))
        else {
            return false;
        };
        let shift = if count & 3 == 0 { 0 } else { 2 };
        berth
            .iter()
            .zip(from)
            .for_each(|(to, from)| to.set(from.get()));
        self.state
            .store(count | (from.len() as u8) << shift, Ordering::Release);
        true
    }

    fn take(&self, to: &[OwnedPtr]) -> usize {
        let count = self.state.load(Ordering::Acquire);
        let (berth, shift) = if count >> 2 != 0 { (1, 2) } else { (0, 0) };
        let len = usize::from(count >> shift & 3);
        let places = to.iter().zip(&self.berths[berth]).take(len);
        places.for_each(|(to, from)| to.set(from.get()));
        self.state.store(count & !(3 << shift), Ordering::Release);
        len
    }
}

impl Exchange for Unordered {
    fn new() -> Self {
        Self {
            states: [AtomicU8::new(0), AtomicU8::new(0)],
            berths: [slots([0, 0]), slots([0, 0])],
        }
    }

    fn put(&self, from: &[OwnedPtr]) -> bool {
        for (state, berth) in self.states.iter().zip(&self.berths) {
            if claim(state, 0) {
                berth
                    .iter()
                    .zip(from)
                    .for_each(|(to, from)| to.set(from.get()));
                state.store(from.len() as u8, Ordering::Relaxed);
                return true;
            }
        }
        false
    }

    fn take(&self, to: &[OwnedPtr]) -> usize {
        for (state, berth) in self.states.iter().zip(&self.berths) {
            let count = state.load(Ordering::Relaxed);
            if count != 0 && count != u8::MAX && claim(state, count) {
                let places = to.iter().zip(berth).take(usize::from(count));
                places.for_each(|(to, from)| to.set(from.get()));
                state.store(0, Ordering::Relaxed);
                return usize::from(count);
            }
        }
        0
    }
}

fn claim(state: &AtomicU8, from: u8) -> bool {
    state
        .compare_exchange(from, u8::MAX, Ordering::Acquire, Ordering::Relaxed)
        .is_ok()
}

#[test]
#[ignore = "broken on purpose: run by a test below"]
fn unclaimed() {
    explore(3, exchange::<Unclaimed>);
}

#[test]
#[ignore = "broken on purpose: run by a test below"]
fn unordered() {
    explore(3, exchange::<Unordered>);
}

#[test]
fn berths_that_are_not_claimed_are_seen_to_fail() {
    is_seen_to_fail("berths::unclaimed", "Causality violation");
}

#[test]
fn berths_that_are_published_without_order_are_seen_to_fail() {
    is_seen_to_fail("berths::unordered", "Causality violation");
}

trait Guard: 'static {
    fn new() -> Self;
    fn with(&self, f: impl FnOnce(&Cell<usize>));
}

struct Real(Lock<Cell<usize>>);

impl Guard for Real {
    fn new() -> Self {
        Self(Lock::new(Cell::new(0)))
    }

    fn with(&self, f: impl FnOnce(&Cell<usize>)) {
        f(&self.0.hold());
    }
}

/// A lock whose end orders nothing.
struct Leaky {
    is_held: loom::sync::atomic::AtomicBool,
    value: Cell<usize>,
}

impl Guard for Leaky {
    fn new() -> Self {
        Self {
            is_held: loom::sync::atomic::AtomicBool::new(false),
            value: Cell::new(0),
        }
    }

    fn with(&self, f: impl FnOnce(&Cell<usize>)) {
        while self.is_held.swap(true, Ordering::Acquire) {
            thread::yield_now();
        }
        f(&self.value);
        self.is_held.store(false, Ordering::Relaxed);
    }
}

fn count<G: Guard>() {
    let lock = Arc::new(Shared(G::new()));
    let other = {
        let lock = Arc::clone(&lock);
        thread::spawn(move || {
            let lock = lock;
            lock.0.with(|count| count.set(count.get() + 1));
        })
    };
    lock.0.with(|count| count.set(count.get() + 1));
    other.join().expect("the other thread");
    lock.0.with(|count| assert_eq!(count.get(), 2, "{OWNERS}"));
}

#[test]
fn a_lock_has_one_holder() {
    explore(3, count::<Real>);
}

#[test]
#[ignore = "broken on purpose: run by the test below"]
fn leaky() {
    explore(3, count::<Leaky>);
}

#[test]
fn a_lock_that_orders_nothing_is_seen_to_fail() {
    is_seen_to_fail("berths::leaky", "Causality violation");
}
