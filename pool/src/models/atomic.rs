//! An atomic that is replaced while a reader reads, beside three ways to do it wrong.

#![allow(unsafe_code)]

use super::{explore, heap, is_seen_to_fail};
use crate::atomic::PoolAtomic;
use crate::epoch;
use crate::models::heap::PoolBox;
use crate::sync::{Ordering, OwnedU64};
use loom::sync::Arc;
use loom::thread;

const RACE: &str = "Causality violation";
const LEAKED: &str = "not every object was dropped once";

/// Loom's cell tells who writes it while another reads it, or has not seen what was written; its owner
/// writes it when it is made and when it is dropped.
pub(super) struct Witness(OwnedU64);

const DROPPED: u64 = u64::MAX;

// SAFETY: the cell checks that it is so.
unsafe impl Sync for Witness {}

impl Witness {
    pub(super) fn new(number: u64) -> Self {
        let cell = OwnedU64::new(DROPPED);
        cell.set(number);
        Self(cell)
    }

    pub(super) fn number(&self) -> u64 {
        let number = self.0.get();
        assert_ne!(number, DROPPED, "read after it was dropped");
        number
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.number();
        self.0.set(DROPPED);
    }
}

/// Enough for a grace period to pass, if nobody stands in the way.
pub(super) fn grace() {
    for _ in 0..2 {
        epoch::pin().flush();
    }
}

/// Collects until so many objects are left. (A thread that was joined may be in its thread-locals'
/// destructors still.)
pub(super) fn settle(alive: usize) {
    for _ in 0..20 {
        if heap::alive() == alive {
            return;
        }
        epoch::pin().flush();
        thread::yield_now();
    }
    panic!("{LEAKED}");
}

/// How an object is replaced, by a [`second`] one.
type Replace = fn(&PoolAtomic<Witness>);

/// Made under the guard: the fence of a pin would publish what was made before.
fn second() -> PoolBox<Witness> {
    PoolBox::new(Witness::new(2))
}

/// One thread replaces an object, and does what it can for the old one to end. The other reads, twice.
fn replaced_beside_a_reader(replace: Replace) {
    heap::begin();
    let atomic = Arc::new(PoolAtomic::new(PoolBox::new(Witness::new(1))));
    let writer = {
        let atomic = Arc::clone(&atomic);
        thread::spawn(move || {
            replace(&atomic);
            grace();
        })
    };
    let guard = epoch::pin();
    let first = atomic.load(&guard).expect("never null");
    let second = atomic.load(&guard).expect("never null");
    assert!(first.number() <= second.number(), "an old object came back");
    drop(guard);
    writer.join().expect("the writer");
    settle(1);
    let last = Arc::try_unwrap(atomic).expect("the writer has ended");
    assert_eq!(last.into_inner().expect("never null").number(), 2);
    assert_eq!(heap::alive(), 0, "{LEAKED}");
}

#[test]
fn what_is_stored_over_stays_for_its_readers() {
    explore(2, || {
        replaced_beside_a_reader(|atomic| {
            let guard = epoch::pin();
            atomic.store(second(), &guard);
        });
    });
}

#[test]
fn what_is_swapped_out_stays_for_its_readers_and_the_swapper() {
    explore(2, || {
        replaced_beside_a_reader(|atomic| {
            let guard = epoch::pin();
            let old = atomic.swap(second(), &guard);
            guard.flush();
            assert_eq!(old.expect("never null").number(), 1);
        });
    });
}

/// Two threads add one each, by compare-and-swap: none is lost, and what failed is still there.
fn counted_by_two() {
    fn add(count: &PoolAtomic<Witness>) {
        let mut new = PoolBox::new(Witness::new(0));
        let guard = epoch::pin();
        let mut current = count.load(&guard);
        loop {
            new.0.set(current.expect("never null").number() + 1);
            match count.compare_exchange(current, new, &guard) {
                Ok(old) => {
                    old.expect("never null").number();
                    return;
                }
                Err(failed) => {
                    current = failed.current;
                    new = failed.new.expect("given back");
                }
            }
        }
    }
    heap::begin();
    let count = Arc::new(PoolAtomic::new(PoolBox::new(Witness::new(0))));
    let other = {
        let count = Arc::clone(&count);
        thread::spawn(move || {
            add(&count);
            // Loom's join does not wait for thread-locals' destructors.
            epoch::pin().flush();
        })
    };
    add(&count);
    other.join().expect("the other thread");
    settle(1);
    let last = Arc::try_unwrap(count).expect("the other has ended");
    assert_eq!(last.into_inner().expect("never null").number(), 2);
    assert_eq!(heap::alive(), 0, "{LEAKED}");
}

#[test]
fn no_exchange_is_lost() {
    explore(2, counted_by_two);
}

/// Drops the old object at once.
fn hastily(atomic: &PoolAtomic<Witness>) {
    let guard = epoch::pin();
    let old = atomic.load_ptr(&guard);
    let new = PoolBox::into_raw(second());
    // SAFETY: nobody else writes. That readers may be there is what the model is to see.
    unsafe { atomic.compare_exchange_ptr(old, new, &guard) }.expect("nobody else writes");
    // SAFETY: as above.
    drop(unsafe { PoolBox::from_raw(old) });
}

#[test]
#[ignore = "broken on purpose: run by the test below"]
fn dropped_at_once() {
    explore(2, || replaced_beside_a_reader(hastily));
}

#[test]
fn an_object_that_is_dropped_at_once_is_seen_to_fail() {
    is_seen_to_fail("atomic::dropped_at_once", RACE);
}

/// Publishes the new object without its contents.
fn relaxed(atomic: &PoolAtomic<Witness>) {
    let guard = epoch::pin();
    atomic.exchange(PoolBox::into_raw(second()), Ordering::Relaxed, &guard);
}

#[test]
#[ignore = "broken on purpose: run by the test below"]
fn published_relaxed() {
    explore(2, || replaced_beside_a_reader(relaxed));
}

#[test]
fn an_object_that_is_published_relaxed_is_seen_to_fail() {
    is_seen_to_fail("atomic::published_relaxed", RACE);
}

/// A reader that goes on reading what it has read under a guard before.
fn read_without_a_guard() {
    heap::begin();
    let atomic = Arc::new(PoolAtomic::new(PoolBox::new(Witness::new(1))));
    let writer = {
        let atomic = Arc::clone(&atomic);
        thread::spawn(move || {
            atomic.store(PoolBox::new(Witness::new(2)), &epoch::pin());
            grace();
        })
    };
    let seen = atomic.load_ptr(&epoch::pin());
    // Loom tells what comes after the guard by another step.
    atomic.is_null();
    // SAFETY: it may be retired by now, which is what the model is to see.
    unsafe { &*seen }.number();
    writer.join().expect("the writer");
}

#[test]
#[ignore = "broken on purpose: run by the test below"]
fn unguarded() {
    explore(2, read_without_a_guard);
}

#[test]
fn a_reader_without_a_guard_is_seen_to_fail() {
    is_seen_to_fail("atomic::unguarded", RACE);
}
