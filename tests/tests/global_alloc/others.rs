//! What allocates by the program's allocator and manages memory itself: pools, arenas, epochs, event queues.

use crossbeam_epoch as epoch;
use event_listener::{Event, Listener};
use pool::{Arena, ArenaPool, PoolArc, PoolAtomic, PoolBox, Pooled};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use tests::{Dice, scaled};

#[derive(Debug, Pooled)]
#[pool(capacity = 512, magazine = 4, shared)]
struct Order {
    number: usize,
    text: String,
}

impl Order {
    fn new(number: usize) -> Self {
        Self {
            number,
            text: format!("order {number}"),
        }
    }

    fn assert_sound(&self) {
        assert_eq!(self.text, format!("order {}", self.number));
    }
}

#[derive(Debug, Pooled)]
#[pool(capacity = 2, magazine = 1, on_full = "wait")]
struct Connection(Vec<usize>);

fn pools(seed: usize, rounds: usize) {
    let dice = Dice::new(seed as u64);
    let mut boxes = Vec::new();
    let mut keys = Vec::new();
    for n in 0..rounds {
        boxes.extend(PoolBox::try_new(Order::new(n)));
        if dice.below(2) == 0 && !boxes.is_empty() {
            let order = boxes.swap_remove(dice.below(boxes.len()));
            order.assert_sound();
            let owner = PoolArc::from(order);
            keys.push((PoolArc::downgrade(&owner), owner));
        }
        if keys.len() > 20 {
            let (key, owner) = keys.swap_remove(dice.below(20));
            key.upgrade().expect("it has an owner").assert_sound();
            drop(owner);
            assert!(key.upgrade().is_none());
        }
        if boxes.len() > 20 {
            boxes.truncate(5);
        }
    }
}

fn replaced(slot: &PoolAtomic<Order>, rounds: usize) {
    for n in 0..rounds {
        let guard = pool::epoch::pin();
        if let Ok(order) = PoolBox::try_new(Order::new(n))
            && let Some(before) = slot.swap(order, &guard)
        {
            before.assert_sound();
        }
    }
}

fn arenas(arenas: &ArenaPool, rounds: usize) {
    for n in 0..rounds {
        let arena = arenas.get();
        let texts = arena.alloc_iter((0..n % 50).map(|k| format!("text {k}")));
        assert!(
            texts
                .iter()
                .zip(0..)
                .all(|(text, k)| *text == format!("text {k}"))
        );
    }
    let mut arena = Arena::new();
    for n in 0..rounds {
        arena.alloc([n; 100]);
        if n % 100 == 0 {
            arena.reset();
        }
    }
}

/// Boxes that a reader may see when they are replaced, under a collector that allocates.
fn epochs(shared: &epoch::Atomic<String>, rounds: usize) {
    for n in 0..rounds {
        let guard = epoch::pin();
        let new = epoch::Owned::new(format!("{n} {n}"));
        let old = shared.swap(new, Ordering::AcqRel, &guard);
        // SAFETY: null, or not dropped before we are unpinned.
        if let Some(text) = unsafe { old.as_ref() } {
            let (first, second) = text.split_once(' ').expect("two words");
            assert_eq!(first, second);
            // SAFETY: taken out by us alone; nobody who is not pinned now can find it.
            unsafe { guard.defer_destroy(old) };
        }
    }
}

/// Threads that wait for connections, and for an event.
fn waits(event: &Event, done: &AtomicBool, rounds: usize) {
    for n in 0..rounds {
        let connection = PoolBox::new(Connection(vec![n; 10]));
        assert!(connection.0.iter().all(|k| *k == n));
        drop(connection);
        if n % 16 == 0 && !done.load(Ordering::Relaxed) {
            let listener = event.listen();
            event.notify(1);
            let _ = listener.wait_timeout(Duration::from_millis(1));
        }
    }
}

#[test]
fn all_at_once() {
    let rounds = scaled(3000, 40);
    let slot = PoolAtomic::<Order>::null();
    let arena_pool = ArenaPool::new().capacity(64);
    let shared = epoch::Atomic::null();
    let (event, done) = (Event::new(), AtomicBool::new(false));
    let finished = AtomicUsize::new(0);
    thread::scope(|scope| {
        for seed in 0..scaled(3, 2) {
            let finished = || finished.fetch_add(1, Ordering::SeqCst);
            let (slot, arena_pool, shared, event, done) =
                (&slot, &arena_pool, &shared, &event, &done);
            scope.spawn(move || (pools(seed + 1, rounds), finished()));
            scope.spawn(move || (replaced(slot, rounds), finished()));
            scope.spawn(move || (arenas(arena_pool, rounds), finished()));
            scope.spawn(move || (epochs(shared, rounds), finished()));
            scope.spawn(move || (waits(event, done, rounds), finished()));
        }
    });
    done.store(true, Ordering::Relaxed);
    assert_eq!(finished.into_inner(), scaled(3, 2) * 5);
    // SAFETY: nobody else has it any more.
    let guard = unsafe { epoch::unprotected() };
    let last = shared.swap(epoch::Shared::null(), Ordering::AcqRel, guard);
    // SAFETY: not null, since each of them stored something; ours alone.
    drop(unsafe { last.into_owned() });
    drop(slot);
    for _ in 0..scaled(64, 16) {
        epoch::pin().flush();
        pool::epoch::pin().flush();
    }
    assert_eq!(Connection::pool().len(), 0);
}
