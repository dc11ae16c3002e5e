//! The stacks of links, beside two that are broken.

#![allow(unsafe_code)]

use super::{OWNERS, explore, is_seen_to_fail};
use crate::links::{LinkStore, OwnedLink, Stack};
use crate::magazine::Magazine;
use crate::sync::epoch;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use loom::thread;
use std::collections::HashSet;
use std::ptr;
use std::sync::atomic::AtomicUsize as StdAtomicUsize;
use std::sync::{Mutex, MutexGuard};

/// A place where numbered things are put and taken, each by one owner at a time.
trait Shelf: Send + Sync + 'static {
    fn put(&self, item: usize);
    fn take(&self) -> Option<usize>;
}

/// One thread takes a thing and puts it back; another takes two and puts the first back. Both
/// mark what they hold: nothing is held twice, nothing is lost.
fn exchange(shelf: impl Shelf) {
    struct Shared<S> {
        shelf: S,
        holders: [AtomicUsize; 2],
    }
    impl<S: Shelf> Shared<S> {
        fn take(&self) -> Option<usize> {
            let item = self.shelf.take()?;
            let before = self.holders[item].fetch_add(1, Ordering::Relaxed);
            assert_eq!(before, 0, "{OWNERS}");
            Some(item)
        }

        fn put(&self, item: usize) {
            self.holders[item].fetch_sub(1, Ordering::Relaxed);
            self.shelf.put(item);
        }
    }
    shelf.put(0);
    shelf.put(1);
    let shared = Arc::new(Shared {
        shelf,
        holders: [AtomicUsize::new(0), AtomicUsize::new(0)],
    });
    let other = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            let first = shared.take();
            let second = shared.take();
            if let Some(item) = first {
                shared.put(item);
            }
            second
        })
    };
    if let Some(item) = shared.take() {
        shared.put(item);
    }
    let held = other.join().expect("the other thread");
    if let Some(item) = held {
        shared.put(item);
    }
    let mut left: Vec<usize> = std::iter::from_fn(|| shared.take()).collect();
    left.sort_unstable();
    assert_eq!(left, [0, 1], "{OWNERS}");
}

/// The depot's own stack: links from a store, back to it after a grace period.
struct Links {
    stack: Stack,
    store: &'static LinkStore,
    magazines: [Magazine; 2],
    /// If links are pushed again at once instead: the link that each magazine came on.
    hasty: Option<[Mutex<Option<OwnedLink>>; 2]>,
    /// The links that were used once.
    used: Mutex<HashSet<usize>>,
}

/// Executions in which a link was used again: a model in which none is shows nothing.
static REUSED: StdAtomicUsize = StdAtomicUsize::new(0);

// SAFETY: the magazines are only pointers here, told apart by address.
unsafe impl Sync for Links {}

impl Links {
    fn new() -> Self {
        Self {
            stack: Stack::new(),
            store: Box::leak(Box::new(LinkStore::new())),
            magazines: [Magazine::new(1, 1), Magazine::new(1, 1)],
            hasty: None,
            used: Mutex::default(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic yet")
}

impl Shelf for Links {
    fn put(&self, item: usize) {
        let guard = epoch::pin();
        let kept = self
            .hasty
            .as_ref()
            .and_then(|links| lock(&links[item]).take());
        let link = kept.unwrap_or_else(|| self.store.take(&guard));
        if !lock(&self.used).insert(link.address()) {
            REUSED.fetch_add(1, Ordering::Relaxed);
        }
        link.replace(Some(self.magazines[item]));
        // SAFETY: fresh from the store; and if not, that is what the model is to see.
        unsafe { self.stack.push(link) };
    }

    fn take(&self) -> Option<usize> {
        let guard = epoch::pin();
        let link = self.stack.pop(&guard)?;
        let magazine = link.replace(None).expect(OWNERS);
        let item = self.magazines.iter().position(|&m| m == magazine);
        if let (Some(links), Some(item)) = (&self.hasty, item) {
            *lock(&links[item]) = Some(link);
        } else {
            self.store.retire(link, &guard);
            // Enough for a grace period to pass, if nobody stands in the way.
            guard.flush();
            drop(guard);
            epoch::pin().flush();
            epoch::pin().flush();
        }
        item
    }
}

#[test]
fn links_under_epochs_have_one_owner() {
    explore(1, || exchange(Links::new()));
    assert!(REUSED.load(Ordering::Relaxed) > 0, "no link came back");
}

#[test]
#[ignore = "broken on purpose: run by the test below"]
fn links_without_grace() {
    explore(1, || {
        exchange(Links {
            hasty: Some(Default::default()),
            ..Links::new()
        });
    });
}

#[test]
fn links_without_a_grace_period_are_seen_to_fail() {
    is_seen_to_fail("links::links_without_grace", OWNERS);
}

/// A plain `AtomicPtr` stack, whose nodes are the things themselves, popped by compare-and-swap.
struct Naive {
    head: AtomicPtr<Node>,
    nodes: [Node; 2],
}

struct Node {
    next: AtomicPtr<Node>,
}

impl Naive {
    fn new() -> Self {
        let node = || Node {
            next: AtomicPtr::new(ptr::null_mut()),
        };
        Self {
            head: AtomicPtr::new(ptr::null_mut()),
            nodes: [node(), node()],
        }
    }
}

impl Shelf for Naive {
    fn put(&self, item: usize) {
        let node = ptr::from_ref(&self.nodes[item]).cast_mut();
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            self.nodes[item].next.store(head, Ordering::Release);
            match self
                .head
                .compare_exchange(head, node, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    fn take(&self) -> Option<usize> {
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            let item = self.nodes.iter().position(|node| ptr::eq(node, head))?;
            let next = self.nodes[item].next.load(Ordering::Acquire);
            match self
                .head
                .compare_exchange(head, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return Some(item),
                Err(now) => head = now,
            }
        }
    }
}

#[test]
#[ignore = "broken on purpose: run by the test below"]
fn naive() {
    explore(1, || exchange(Naive::new()));
}

#[test]
fn a_naive_stack_is_seen_to_fail() {
    is_seen_to_fail("links::naive", OWNERS);
}
