//! Loom models: every interleaving, within a bound on preemptions, of the protocols that threads
//! meet in. `ci/loom.sh` runs them.
//!
//! Each protocol has a broken variant beside it, which the same model must be seen to fail: a
//! check that cannot fail checks nothing.

#![allow(unsafe_code)]

use crate::cache::{Caches, Record, ThreadCache};
use crate::config::PoolConfig;
use crate::depot::Depot;
use crate::ledger::Ledger;
use crate::links::{LinkStore, OwnedLink, Stack};
use crate::magazine::Magazine;
use crate::slab::layout::Plan;
use crate::sync::{OwnedU64, epoch};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use loom::thread;
use std::alloc::Layout;
use std::collections::HashSet;
use std::process::Command;
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicUsize as StdAtomicUsize;
use std::sync::{Mutex, MutexGuard};

/// Runs a model with a bound on preemptions: with a few, the known failures show.
fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 100_000;
    builder.check(model);
}

/// Runs the ignored test `name`, a model of something broken, and asserts that it fails with
/// `message`. In a process of its own: loom's failure may end it.
fn is_seen_to_fail(name: &str, message: &str) {
    let test = format!(
        "{}::{name}",
        module_path!().split_once("::").expect("a module").1
    );
    let output = Command::new(std::env::current_exe().expect("a test's own path"))
        .args([&test, "--exact", "--ignored", "--nocapture"])
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("the test runs again");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{name} was not seen to fail");
    assert!(said.contains(message), "{name} failed otherwise: {said}");
}

/// A place where numbered things are put and taken, each by one owner at a time.
trait Shelf: Send + Sync + 'static {
    fn put(&self, item: usize);
    fn take(&self) -> Option<usize>;
}

const OWNERS: &str = "a thing has not exactly one owner";

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
            magazines: [Magazine::new(1), Magazine::new(1)],
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
    is_seen_to_fail("links_without_grace", OWNERS);
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
    is_seen_to_fail("naive", OWNERS);
}

const FULL: &str = "full below the capacity";

/// Two threads, each with a cache: one allocates and frees, so that a slot stays in its cache, and
/// then ends; the other allocates two. With a capacity of three nobody may be told "full", and no
/// slot is handed out twice. Loom's cells see to it that no magazine has two owners.
fn caches_over_depot(ledger: Ledger) {
    let config = PoolConfig::new().capacity(3).magazine(1);
    let plan = Plan::new(&config, Layout::new::<u64>()).expect("a small plan");
    let links = Box::leak(Box::new(LinkStore::new()));
    let depot = Depot::with_ledger(ledger, &plan, links).expect("a small region");
    let caches = Arc::new(Caches::new(&plan, depot, 1));
    let other = {
        let caches = Arc::clone(&caches);
        thread::spawn(move || {
            with_cache(&caches, |cache| {
                let slot = allocate(&caches, cache);
                write(slot, 1);
                free(&caches, cache, slot);
            });
        })
    };
    with_cache(&caches, |cache| {
        let slots = [allocate(&caches, cache), allocate(&caches, cache)];
        for slot in slots {
            write(slot, 2);
        }
        assert_ne!(slots[0], slots[1], "{OWNERS}");
        for slot in slots {
            free(&caches, cache, slot);
        }
    });
    other.join().expect("the other thread");
    assert_eq!(caches.depot().ledger().out(), 0, "{OWNERS}");
    let caches = Arc::try_unwrap(caches).expect("the threads have ended");
    // SAFETY: nobody has a slot any more.
    unsafe { caches.abandon() };
    // SAFETY: as above.
    unsafe { caches.tear_down() };
}

/// Opens a cache as a thread's first use does, and closes it as its end does.
fn with_cache(caches: &Caches, f: impl FnOnce(&ThreadCache)) {
    let record = caches.open().expect("few caches");
    let cache = ThreadCache::fresh();
    // SAFETY: opened just above, closed just below.
    unsafe { cache.go_live(record) };
    f(&cache);
    cache.kill();
    // SAFETY: opened just above.
    assert!(unsafe { Record::begin_exit(record) });
    // SAFETY: ours, and its cache is killed.
    unsafe { caches.close(record) };
    // SAFETY: ours until now.
    unsafe { Record::release(record) };
}

fn allocate(caches: &Caches, cache: &ThreadCache) -> NonNull<u8> {
    let slot = cache.allocate();
    slot.or_else(|| caches.allocate_slow(cache, |_| ()))
        .expect(FULL)
}

fn free(caches: &Caches, cache: &ThreadCache, slot: NonNull<u8>) {
    if !cache.free(slot) {
        caches.free_slow(cache, slot, |_| ());
    }
}

fn write(slot: NonNull<u8>, value: u64) {
    // SAFETY: a slot for a `u64`, which the caller was just given.
    unsafe { slot.cast::<u64>().write(value) };
}

#[test]
fn caches_and_depot_lose_nothing_and_are_not_full_too_early() {
    explore(1, || caches_over_depot(Ledger::new(3, 1)));
}

#[test]
#[ignore = "broken on purpose: run by the test below"]
fn other_caches_ignored() {
    explore(1, || caches_over_depot(Ledger::new(2, 0)));
}

#[test]
fn a_ledger_that_ignores_other_caches_is_seen_to_fail() {
    is_seen_to_fail("other_caches_ignored", FULL);
}

/// A pool ends while a thread hands its cache over: the pool's end waits for that, or parts with
/// the thread before it begins. The witness is a checked cell: to touch it at once is a race.
fn pool_and_thread_end(hasty: bool) {
    let config = PoolConfig::new().capacity(1).magazine(1);
    let plan = Plan::new(&config, Layout::new::<u64>()).expect("a small plan");
    let links = Box::leak(Box::new(LinkStore::new()));
    let depot = Depot::new(&plan, links).expect("a small region");
    let caches = Arc::new(Caches::new(&plan, depot, 1));
    let record = OfThread(caches.open().expect("few caches"));
    let witness = Arc::new(OwnedU64::new(0));
    let other = {
        let (caches, witness) = (Arc::clone(&caches), Arc::clone(&witness));
        thread::spawn(move || {
            let OfThread(record) = { record };
            // SAFETY: opened for this thread.
            if unsafe { Record::begin_exit(record) } {
                // SAFETY: ours; no cache uses it.
                unsafe { caches.close(record) };
                witness.set(1);
                // SAFETY: ours until now.
                unsafe { Record::release(record) };
            } else {
                // SAFETY: an orphan of ours.
                unsafe { Record::free(record) };
            }
        })
    };
    if !hasty {
        // SAFETY: there are no slots, and no operations.
        unsafe { caches.abandon() };
    }
    witness.set(2);
    other.join().expect("the other thread");
    let caches = Arc::try_unwrap(caches).expect("the thread has ended");
    // SAFETY: as above.
    unsafe { caches.tear_down() };
}

/// A record on its way to its thread.
struct OfThread(NonNull<Record>);

// SAFETY: it is used by one thread at a time.
unsafe impl Send for OfThread {}

#[test]
fn a_pool_and_a_thread_may_end_together() {
    explore(3, || pool_and_thread_end(false));
}

#[test]
#[ignore = "broken on purpose: run by the test below"]
fn hasty_end() {
    explore(3, || pool_and_thread_end(true));
}

#[test]
fn a_pool_that_ends_without_parting_is_seen_to_fail() {
    is_seen_to_fail("hasty_end", "Causality violation");
}
