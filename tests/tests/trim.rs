//! `trim` beside live objects and beside threads.

use pool::{Pool, PoolArc, PoolConfig, PoolWeak, Pooled};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tests::{Dice, join_all, scaled};

type Order = [u64; 8];

fn pool(capacity: usize) -> Pool<Order> {
    Pool::with_config(PoolConfig::new().capacity(capacity).magazine(64)).unwrap()
}

#[test]
fn trim_touches_no_live_object() {
    let count = scaled(20_000, 300);
    let pool = pool(count);
    let dice = Dice::new(7);
    let mut boxes: Vec<_> = (0..count as u64).map(|n| (n, pool.alloc([n; 8]))).collect();
    for _ in 0..scaled(20, 3) {
        // Runs of frees, so that some pages are free and others are half so.
        for _ in 0..20 {
            let start = dice.below(boxes.len());
            let end = (start + dice.below(300)).min(boxes.len());
            boxes.drain(start..end);
        }
        pool.trim();
        assert!(boxes.iter().all(|(n, order)| **order == [*n; 8]));
        let room = count - boxes.len();
        boxes.extend((0..room as u64).map(|n| (n, pool.alloc([n; 8]))));
        assert!(boxes.iter().all(|(n, order)| **order == [*n; 8]));
        assert!(pool.try_alloc([0; 8]).is_err(), "exactly full again");
    }
}

#[test]
fn trim_runs_beside_threads() {
    let pool = pool(scaled(4000, 200));
    let done = AtomicBool::new(false);
    let work = |seed| {
        let dice = Dice::new(seed);
        let mut kept = Vec::new();
        for n in 0..scaled(30_000, 100) as u64 {
            if dice.below(2) == 0 && kept.len() < 1000 {
                kept.push((n, pool.alloc([n; 8])));
            } else if !kept.is_empty() {
                let (n, order) = kept.swap_remove(dice.below(kept.len()));
                assert_eq!(*order, [n; 8]);
            }
            if dice.below(5000) == 0 {
                kept.clear();
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                pool.trim();
                let stats = pool.stats();
                assert!(stats.live <= 8000 && stats.bytes_committed <= stats.bytes_reserved);
            }
        });
        let work = &work;
        join_all(
            (1..=2)
                .map(|seed| scope.spawn(move || work(seed)))
                .collect(),
        );
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(pool.len(), 0);
}

/// What a trim has given back and what others take again at the same time: the figure never falls
/// below what is in use.
#[test]
fn what_is_live_is_committed_also_beside_a_trim() {
    type Page = [u8; 4096];
    let count = scaled(2000, 20);
    let config = PoolConfig::new().capacity(count).magazine(4);
    let pool = Pool::<Page>::with_config(config).unwrap();
    for _ in 0..scaled(20, 2) {
        drop(
            (0..count)
                .map(|_| pool.alloc([1; 4096]))
                .collect::<Vec<_>>(),
        );
        let boxes = thread::scope(|scope| {
            let trim = scope.spawn(|| pool.trim());
            let boxes: Vec<_> = (0..count).map(|_| pool.alloc([2; 4096])).collect();
            join_all(vec![trim]);
            boxes
        });
        let committed = pool.stats().bytes_committed;
        assert!(
            committed >= boxes.len() * 4096,
            "{committed} for {count} pages"
        );
    }
}

/// A header goes with its page, and with it the generation; the keys know better.
#[test]
fn keys_to_objects_whose_memory_was_given_back_fit_nothing() {
    #[derive(Pooled)]
    #[pool(capacity = 400, shared)]
    struct Page([u8; 4000]);

    const PAGES: usize = scaled(400, 20);
    let mut old: Vec<PoolWeak<Page>> = Vec::new();
    for round in 0..scaled(4, 2) {
        let pages: Vec<_> = (0..PAGES)
            .map(|n| PoolArc::new(Page([n as u8; 4000])))
            .collect();
        assert!(
            old.iter().all(|key| key.upgrade().is_none()),
            "round {round}"
        );
        let new: Vec<_> = pages.iter().map(PoolArc::downgrade).collect();
        assert!(new.iter().zip(&pages).all(|(key, page)| {
            key.upgrade()
                .is_some_and(|found| PoolArc::ptr_eq(&found, page))
        }));
        assert!(new.iter().all(|key| !old.contains(key)), "round {round}");
        assert!(
            pages
                .iter()
                .enumerate()
                .all(|(n, page)| page.0[3999] == n as u8)
        );
        old.extend(new);
        drop(pages);
        let bytes = Page::pool().trim();
        if cfg!(all(target_os = "linux", not(miri))) {
            assert!(
                bytes > PAGES / 4 * 3 * 4000,
                "{bytes} bytes were given back"
            );
        }
        assert!(
            old.iter().all(|key| key.upgrade().is_none()),
            "round {round}"
        );
    }
}
