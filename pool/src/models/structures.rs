//! The stack and the queue of the tests, node by node what they are there, beside a stack that reads
//! its nodes without a guard.

#![allow(unsafe_code)]

#[path = "../../../tests/src/ms_queue.rs"]
mod ms_queue;
#[path = "../../../tests/src/treiber.rs"]
mod treiber;

use super::atomic::{Witness, grace, settle};
use super::{OWNERS, explore, heap, is_seen_to_fail};
use crate::epoch;
use loom::sync::Arc;
use loom::thread;

type Value = Witness;

/// Where values are put and taken, each once.
trait Shelf: Send + Sync + 'static {
    fn put(&self, number: u64);
    fn take(&self) -> Option<u64>;
}

impl Shelf for treiber::Stack {
    fn put(&self, number: u64) {
        assert!(self.push(Witness::new(number)).is_ok(), "never full");
    }

    fn take(&self) -> Option<u64> {
        self.pop().map(|value| value.number())
    }
}

impl Shelf for ms_queue::Queue {
    fn put(&self, number: u64) {
        assert!(self.push(Witness::new(number)).is_ok(), "never full");
    }

    fn take(&self) -> Option<u64> {
        self.pop().map(|value| value.number())
    }
}

/// One thread puts and takes; another takes two and puts one, in nodes that may have come back
/// meanwhile. Each value is taken once, none is lost, no node is used too late or never freed.
fn exchange(shelf: impl Shelf) {
    shelf.put(0);
    shelf.put(1);
    let shelf = Arc::new(shelf);
    let other = {
        let shelf = Arc::clone(&shelf);
        thread::spawn(move || {
            shelf.put(2);
            let taken = shelf.take();
            // Loom's join does not wait for thread-locals' destructors.
            epoch::pin().flush();
            taken
        })
    };
    let mut taken = vec![shelf.take(), shelf.take()];
    grace();
    shelf.put(3);
    taken.push(other.join().expect("the other thread"));
    taken.push(shelf.take());
    assert_eq!(shelf.take(), None, "{OWNERS}");
    let mut taken: Vec<u64> = taken.into_iter().flatten().collect();
    taken.sort_unstable();
    assert_eq!(taken, [0, 1, 2, 3], "{OWNERS}");
    drop(Arc::try_unwrap(shelf).ok().expect("the other has ended"));
    settle(0);
}

#[test]
fn a_stack_loses_nothing() {
    explore(2, || {
        heap::begin();
        exchange(treiber::Stack::new());
    });
}

#[test]
fn a_queue_loses_nothing() {
    explore(2, || {
        heap::begin();
        exchange(ms_queue::Queue::new());
    });
}

/// Takes without being pinned all the while.
struct Unguarded(treiber::Stack);

impl Shelf for Unguarded {
    fn put(&self, number: u64) {
        self.0.put(number);
    }

    fn take(&self) -> Option<u64> {
        loop {
            let head = self.0.head.load_ptr(&epoch::pin());
            // SAFETY: it may be retired by now, and another node's: that is what the model is to see.
            let next = unsafe { head.as_ref() }?.next.load_ptr(&epoch::pin());
            let guard = epoch::pin();
            // SAFETY: as above.
            if unsafe { self.0.head.compare_exchange_ptr(head, next, &guard) }.is_ok() {
                // SAFETY: as above.
                let value = unsafe { treiber::take(head, &guard) };
                drop(guard);
                return Some(value.number());
            }
        }
    }
}

#[test]
#[ignore = "broken on purpose: run by the test below"]
fn unguarded() {
    explore(2, || {
        heap::begin();
        exchange(Unguarded(treiber::Stack::new()));
    });
}

#[test]
fn a_stack_that_pops_without_a_guard_is_seen_to_fail() {
    is_seen_to_fail("structures::unguarded", OWNERS);
}
