//! Arenas in other crates' hands: collections of hashbrown and both versions of allocator-api2, tasks of
//! tokio.

use hashbrown::{HashMap, HashSet};
use pool::{Arena, ArenaPool, Scope};
use std::collections::BTreeMap;
use tests::scaled;

/// A map in an arena holds what one on the heap does, through growth, removal and a scope's end.
#[test]
fn maps_and_sets_live_in_scopes() {
    fn fill(s: &Scope<'_>, count: u64) {
        let mut map = HashMap::new_in(s);
        let mut set = HashSet::new_in(s);
        let mut model = BTreeMap::new();
        for n in 0..count {
            let key = n * 7919 % 1009;
            assert_eq!(map.insert(key, n), model.insert(key, n));
            set.insert(s.alloc_str(&key.to_string()) as &str);
            if n % 3 == 0 {
                assert_eq!(map.remove(&(n / 2)), model.remove(&(n / 2)));
            }
        }
        let mut found: Vec<_> = map.iter().map(|(key, n)| (*key, *n)).collect();
        found.sort_unstable();
        assert!(found.into_iter().eq(model));
        assert_eq!(set.len() as u64, count.min(1009));
    }

    let arena = Arena::new();
    for _ in 0..3 {
        arena.scope(|s| fill(s, scaled(3000, 50) as u64));
        assert_eq!(arena.stats().allocated, 0);
    }
}

#[test]
fn vectors_and_boxes_of_both_versions_do() {
    let arena = Arena::new();
    let mut old = allocator_api2_02::vec::Vec::new_in(&arena);
    let mut new = allocator_api2_04::vec::Vec::new_in(&arena);
    let count = scaled(10_000, 100);
    for n in 0..count {
        old.push(n);
        new.push(n.to_string());
    }
    assert!(old.iter().copied().eq(0..count));
    assert_eq!(new[count - 1], (count - 1).to_string());
    old.truncate(3);
    old.shrink_to_fit();
    assert_eq!((&old[..], old.capacity()), (&[0, 1, 2][..], 3));
    let text = allocator_api2_04::boxed::Box::new_in("text".to_owned(), &arena);
    assert_eq!(*text, "text");
    let zeros = allocator_api2_02::vec![in &arena; 0_u8; 100];
    assert_eq!(zeros.iter().map(|&n| usize::from(n)).sum::<usize>(), 0);
}

/// A task holds its arena while it waits, and may go on upon another thread.
#[test]
#[cfg_attr(miri, ignore = "an executor")]
fn tasks_hold_arenas_across_awaits() {
    static ARENAS: ArenaPool = ArenaPool::new().capacity(1000);

    async fn request(n: usize) -> usize {
        let arena = ARENAS.get();
        let words = arena.alloc_iter((0..n % 50).map(|k| format!("word {k}")));
        let length: usize = words.iter().map(String::len).sum();
        tokio::task::yield_now().await;
        let text = pool::format_in!(arena, "{length} of {n}");
        assert!(text.starts_with(&length.to_string()));
        words.len()
    }

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .expect("a runtime");
    let tasks: Vec<_> = (0..500).map(|n| runtime.spawn(request(n))).collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(runtime.block_on(task).expect("no panic"), n % 50);
    }
    drop(runtime);
    assert_eq!(ARENAS.stats().live, 0);
    ARENAS.trim();
}
