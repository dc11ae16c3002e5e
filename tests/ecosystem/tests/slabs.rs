//! A `SlabAlloc` in other crates' hands: collections of hashbrown and both versions of allocator-api2, threads of
//! rayon, tasks of tokio.

use hashbrown::{HashMap, HashSet};
use pool::SlabAlloc;
use std::collections::BTreeMap;
use tests::scaled;

fn assert_empty(allocator: &SlabAlloc) {
    let stats = allocator.stats();
    assert_eq!((stats.live(), stats.asked()), (0, 0));
}

/// A map in an allocator holds what one on the heap does, through growth and removal.
#[test]
fn maps_and_sets_live_in_it() {
    let allocator = SlabAlloc::new();
    for _ in 0..3 {
        let mut map = HashMap::new_in(&allocator);
        let mut set = HashSet::new_in(&allocator);
        let mut model = BTreeMap::new();
        for n in 0..scaled(30_000, 50) as u64 {
            let key = n * 7919 % 10_007;
            assert_eq!(map.insert(key, n), model.insert(key, n));
            set.insert(key);
            if n % 3 == 0 {
                assert_eq!(map.remove(&(n / 2)), model.remove(&(n / 2)));
            }
        }
        assert!(allocator.stats().live() == 2);
        map.shrink_to_fit();
        let mut found: Vec<_> = map.iter().map(|(key, n)| (*key, *n)).collect();
        found.sort_unstable();
        assert!(found.into_iter().eq(model));
        drop((map, set));
        assert_empty(&allocator);
    }
}

#[test]
fn vectors_and_boxes_of_both_versions_do() {
    let allocator = SlabAlloc::new();
    {
        let mut old = allocator_api2_02::vec::Vec::new_in(&allocator);
        let mut new = allocator_api2_04::vec::Vec::new_in(&allocator);
        let count = scaled(10_000, 100);
        for n in 0..count {
            old.push(n);
            new.push(allocator_api2_02::boxed::Box::new_in(n, &allocator));
        }
        assert!(old.iter().copied().eq(new.iter().map(|boxed| **boxed)));
        old.truncate(3);
        old.shrink_to_fit();
        assert_eq!((&old[..], old.capacity()), (&[0, 1, 2][..], 3));
        let zeros = allocator_api2_02::vec![in &allocator; 0_u8; 100_000];
        assert!(zeros.iter().all(|n| *n == 0));
    }
    assert_empty(&allocator);
}

/// Maps that are made by the threads of a pool, and dropped by one.
#[test]
#[cfg_attr(miri, ignore = "a pool of threads")]
fn maps_wander_between_threads() {
    use rayon::prelude::*;

    static SHARED: SlabAlloc = SlabAlloc::new();
    let maps: Vec<_> = (0..200_u64)
        .into_par_iter()
        .map(|n| {
            let mut map = HashMap::new_in(&SHARED);
            map.extend((0..n).map(|k| (k, k * n)));
            map
        })
        .collect();
    let sum: u64 = maps.par_iter().map(|map| map.values().sum::<u64>()).sum();
    assert_eq!(
        sum,
        (0..200)
            .map(|n: u64| n * (n * n.saturating_sub(1) / 2))
            .sum()
    );
    assert_eq!(SHARED.stats().live(), 199, "a map of nothing has no block");
    drop(maps);
    assert_empty(&SHARED);
}

/// A task holds what it allocated while it waits, and may go on upon another thread.
#[test]
#[cfg_attr(miri, ignore = "an executor")]
fn tasks_hold_blocks_across_awaits() {
    static SHARED: SlabAlloc = SlabAlloc::new();

    async fn request(n: usize) -> usize {
        let mut numbers = allocator_api2_04::vec::Vec::new_in(&SHARED);
        for k in 0..n {
            numbers.push(k);
            if k % 20 == 0 {
                tokio::task::yield_now().await;
            }
        }
        numbers.iter().sum()
    }

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .expect("a runtime");
    let tasks: Vec<_> = (0..300).map(|n| runtime.spawn(request(n))).collect();
    for (n, task) in tasks.into_iter().enumerate() {
        let sum = runtime.block_on(task).expect("no panic");
        assert_eq!(sum, n * n.saturating_sub(1) / 2);
    }
    drop(runtime);
    assert_empty(&SHARED);
}
