//! Waiting for a free slot.

#![allow(unsafe_code)]

use super::caches::{OfThread, allocate, free, with_record, write};
use super::{OWNERS, explore, is_seen_to_fail};
use crate::cache::{Caches, ThreadCache};
use crate::config::{OnFull, PoolConfig};
use crate::depots::Depots;
use crate::links::LinkStore;
use crate::setup::Setup;
use crate::source;
use crate::wait::Ticket;
use loom::sync::Arc;
use loom::thread;
use std::alloc::Layout;
use std::ptr::NonNull;

/// A pool of one object, with room for what the caches of two threads hold. One thread has all its
/// slots, and frees them; the other one waits for one. If it is not told, loom finds that nobody goes
/// on.
fn one_frees_and_one_waits(looks_again: bool) {
    let config = PoolConfig::new()
        .capacity(1)
        .magazine(1)
        .on_full(OnFull::Wait);
    let setup = Setup::new(config, Layout::new::<u64>()).expect("a small plan");
    let links = Box::leak(Box::new(LinkStore::new()));
    let depots = Depots::new(setup, links, &source::source).expect("a small region");
    let caches = Arc::new(Caches::new(depots, 1));
    let open = || OfThread(caches.open().expect("few caches"));
    let (mine, others) = (open(), open());
    with_record(&caches, mine, |cache| {
        let slots = [(); 3].map(|()| allocate(&caches, cache));
        let other = {
            let caches = Arc::clone(&caches);
            thread::spawn(move || {
                let others = { others };
                with_record(&caches, others, |cache| {
                    let slot = wait(&caches, cache, looks_again);
                    write(slot, 2);
                    free_looking(&caches, cache, slot);
                });
            })
        };
        for slot in slots {
            write(slot, 1);
            free_looking(&caches, cache, slot);
        }
        other.join().expect("the other thread");
    });
    assert_eq!(caches.depots().ledger().out(), 0, "{OWNERS}");
    let caches = Arc::try_unwrap(caches).expect("the threads have ended");
    // SAFETY: nobody has a slot any more.
    unsafe { caches.abandon() };
    // SAFETY: as above.
    unsafe { caches.tear_down() };
}

fn attempt(caches: &Caches, cache: &ThreadCache) -> Option<NonNull<u8>> {
    let slow = || caches.allocate_slow(cache, |_| ()).ok();
    cache.allocate().or_else(slow)
}

fn wait(caches: &Caches, cache: &ThreadCache, looks_again: bool) -> NonNull<u8> {
    if let Some(slot) = attempt(caches, cache) {
        return slot;
    }
    let ticket = Ticket::new(caches).expect("a pool to wait for");
    let again = looks_again.then(|| attempt(caches, cache)).flatten();
    again.unwrap_or_else(|| ticket.wait(None).expect("there is no deadline"))
}

/// As [`Pool::look`](crate::Pool) does.
fn free_looking(caches: &Caches, cache: &ThreadCache, slot: NonNull<u8>) {
    match caches.waiters() {
        Some(waiters) if waiters.any() && caches.pass_on(waiters, slot) => (),
        _ => free(caches, cache, slot),
    }
}

#[test]
fn who_waits_is_told() {
    explore(2, || one_frees_and_one_waits(true));
}

#[test]
#[ignore = "broken on purpose: run by the test below"]
fn no_second_look() {
    explore(2, || one_frees_and_one_waits(false));
}

#[test]
fn who_waits_without_a_second_look_is_seen_to_sleep_for_ever() {
    is_seen_to_fail("waiting::no_second_look", "deadlock");
}
