//! What collects, and what it does not hold up.

use super::{collect, pin};
use crate::cache::Caches;
use crate::sync::epoch as links;
use crate::{PoolBox, Pooled};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError};
use std::thread;

/// One test's guards hold up what another retires, so tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn caches<T: Pooled>() -> &'static Caches {
    T::pool().made().expect("in use")
}

#[derive(Pooled)]
#[pool(capacity = 8, magazine = 1, crate = crate)]
struct Few(u64);

#[test]
fn a_full_pool_finds_what_only_waits_for_a_collection() {
    let _alone = alone();
    for n in 0..if cfg!(miri) { 3 } else { 20 } {
        let all: Vec<_> = std::iter::from_fn(|| PoolBox::try_new(Few(n)).ok()).collect();
        assert_eq!((all.len(), all[0].0), (8, n));
        let guard = pin();
        for one in all {
            PoolBox::retire(one, &guard);
        }
        let waiting = || caches::<Few>().retired();
        collect(waiting);
        assert_eq!(waiting(), 8, "this thread is pinned");
        assert!(PoolBox::try_new(Few(n)).is_err());
        drop(guard);
        // As often as an allocation would need it.
        let mut served = Vec::new();
        while served.len() < 8 {
            let one = PoolBox::try_new(Few(n)).or_else(|full| {
                collect(waiting);
                PoolBox::try_new(full.into_inner())
            });
            served.push(one.expect("nobody is pinned"));
        }
        assert_eq!(waiting(), 0);
    }
}

std::thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

static DEEPEST: AtomicUsize = AtomicUsize::new(0);

#[derive(Pooled)]
#[pool(capacity = 64, magazine = 1, crate = crate)]
struct Greedy(#[expect(dead_code, reason = "takes a slot")] u64);

impl Drop for Greedy {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() + 1);
        // Looked at by the test: nobody hears of a panic here.
        DEEPEST.fetch_max(DEPTH.get(), Ordering::Relaxed);
        collect(|| 1);
        pin().flush();
        DEPTH.set(DEPTH.get() - 1);
    }
}

#[test]
fn destructors_get_no_collection_of_their_own() {
    let _alone = alone();
    for n in 0..if cfg!(miri) { 70 } else { 200 } {
        let one = PoolBox::try_new(Greedy(n)).or_else(|full| {
            collect(|| caches::<Greedy>().retired());
            PoolBox::try_new(full.into_inner())
        });
        PoolBox::retire(one.unwrap_or_else(|_| panic!("nobody is pinned")), &pin());
    }
    while caches::<Greedy>().retired() > 0 {
        collect(|| caches::<Greedy>().retired());
    }
    assert_eq!(Greedy::pool().len(), 0);
    assert_eq!(DEEPEST.load(Ordering::Relaxed), 1);
}

#[derive(Pooled)]
#[pool(capacity = 1600, magazine = 1, crate = crate)]
struct Kept(#[expect(dead_code, reason = "takes a slot")] u64);

/// Threads that retired and then do nothing keep little of it, all together.
#[test]
fn idle_threads_keep_a_sixteenth_at_most() {
    const THREADS: usize = 4;
    let _alone = alone();
    let everyone = Barrier::new(THREADS + 1);
    thread::scope(|scope| {
        for n in 1..=THREADS as u64 {
            let everyone = &everyone;
            scope.spawn(move || {
                drop(pin());
                everyone.wait();
                for _ in 0..50 * n {
                    PoolBox::retire(PoolBox::new(Kept(n)), &pin());
                }
                everyone.wait();
                everyone.wait();
            });
        }
        everyone.wait();
        everyone.wait();
        for _ in 0..100 {
            pin().flush();
        }
        let kept = caches::<Kept>().retired();
        everyone.wait();
        assert!(kept <= 100, "{kept}");
    });
}

/// A user's guard is none of the links' clock.
#[test]
fn links_are_not_held_up() {
    let _alone = alone();
    let _guard = pin();
    let came_back = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&came_back);
    links::pin().defer(move || seen.store(true, Ordering::Relaxed));
    for _ in 0..100_000 {
        links::pin().flush();
        if came_back.load(Ordering::Relaxed) {
            return;
        }
        thread::yield_now();
    }
    panic!("a link waits for a reader of objects");
}

#[test]
fn what_is_retired_is_dropped_once() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);

    #[derive(Pooled)]
    #[pool(capacity = 300, crate = crate)]
    struct Counted;

    impl Drop for Counted {
        fn drop(&mut self) {
            DROPS.fetch_add(1, Ordering::Relaxed);
        }
    }

    let _alone = alone();
    for _ in 0..250 {
        PoolBox::retire(PoolBox::new(Counted), &pin());
    }
    while caches::<Counted>().retired() > 0 {
        collect(|| caches::<Counted>().retired());
    }
    assert_eq!(DROPS.load(Ordering::Relaxed), 250);
}
