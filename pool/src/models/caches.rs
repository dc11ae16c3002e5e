//! Caches over their depot, and the end of both.

#![allow(unsafe_code)]

use super::{OWNERS, explore, is_seen_to_fail};
use crate::cache::{Caches, Record, ThreadCache};
use crate::config::PoolConfig;
use crate::depots::Depots;
use crate::ledger::Ledger;
use crate::links::LinkStore;
use crate::setup::Setup;
use crate::source;
use crate::sync::OwnedU64;
use loom::sync::Arc;
use loom::thread;
use std::alloc::Layout;
use std::ptr::NonNull;

const FULL: &str = "full below the capacity";

/// Two threads, each with a cache: one allocates and frees, so that a slot stays in its cache, and
/// then ends; the other allocates two. With a capacity of three nobody may be told "full", and no
/// slot is handed out twice. Loom's cells see to it that no magazine has two owners.
fn caches_over_depot(ledger: Ledger) {
    let config = PoolConfig::new().capacity(3).magazine(1);
    let setup = Setup::new(config, Layout::new::<u64>()).expect("a small plan");
    let links = Box::leak(Box::new(LinkStore::new()));
    let depots = Depots::with_ledger(ledger, setup, links, &source::source);
    let caches = Arc::new(Caches::new(depots.expect("a small region"), 1));
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
    assert_eq!(caches.depots().ledger().out(), 0, "{OWNERS}");
    let caches = Arc::try_unwrap(caches).expect("the threads have ended");
    // SAFETY: nobody has a slot any more.
    unsafe { caches.abandon() };
    // SAFETY: as above.
    unsafe { caches.tear_down() };
}

/// Opens a cache as a thread's first use does, and closes it as its end does.
pub(super) fn with_cache(caches: &Caches, f: impl FnOnce(&ThreadCache)) {
    with_record(caches, OfThread(caches.open().expect("few caches")), f);
}

/// [`with_cache`], of a record that is open already.
pub(super) fn with_record(
    caches: &Caches,
    OfThread(record): OfThread,
    f: impl FnOnce(&ThreadCache),
) {
    let cache = ThreadCache::fresh();
    // SAFETY: opened just above, closed just below.
    unsafe { cache.go_live(record) };
    f(&cache);
    cache.kill();
    // SAFETY: opened just above.
    assert!(unsafe { Record::begin_exit(record) });
    // SAFETY: ours, and its cache is killed.
    unsafe { caches.close(record) };
    caches.serve_from_outside();
    // SAFETY: ours until now.
    unsafe { Record::release(record) };
}

pub(super) fn allocate(caches: &Caches, cache: &ThreadCache) -> NonNull<u8> {
    let slot = cache.allocate();
    slot.map_or_else(|| caches.allocate_slow(cache, |_| ()), Ok)
        .expect(FULL)
}

pub(super) fn free(caches: &Caches, cache: &ThreadCache, slot: NonNull<u8>) {
    if !cache.free(slot) {
        caches.free_slow(cache, slot, |_| ());
    }
}

pub(super) fn write(slot: NonNull<u8>, value: u64) {
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
    is_seen_to_fail("caches::other_caches_ignored", FULL);
}

/// A pool ends while a thread hands its cache over: the pool's end waits for that, or parts with
/// the thread before it begins. The witness is a checked cell: to touch it at once is a race.
fn pool_and_thread_end(hasty: bool) {
    let config = PoolConfig::new().capacity(1).magazine(1);
    let setup = Setup::new(config, Layout::new::<u64>()).expect("a small plan");
    let links = Box::leak(Box::new(LinkStore::new()));
    let depots = Depots::new(setup, links, &source::source).expect("a small region");
    let caches = Arc::new(Caches::new(depots, 1));
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
pub(super) struct OfThread(pub(super) NonNull<Record>);

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
    is_seen_to_fail("caches::hasty_end", "Causality violation");
}
