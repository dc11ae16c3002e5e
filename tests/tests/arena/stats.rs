//! The figures, and which chunks are kept.

use crate::explodes;
use pool::{Arena, ArenaConfig};
use std::panic::panic_any;
use tests::scaled;

#[test]
fn a_scope_takes_nothing_for_good() {
    let arena = Arena::new();
    arena.alloc(1_u64);
    let before = arena.stats().allocated;
    assert_eq!(before, 8);
    for size in [0, 1, 1000, 100_000, 10_000_000] {
        let size = if cfg!(miri) { size.min(100_000) } else { size };
        arena.scope(|s| {
            s.alloc_slice_fill_with(size, |_| 1_u8);
            let stats = s.stats();
            assert_eq!(
                (stats.allocated, stats.high_water),
                (size.next_multiple_of(8), size.next_multiple_of(8))
            );
            s.scope(|t| {
                assert_eq!(t.stats().allocated, 0);
                t.alloc_slice_fill_with(80, |_| 1_u8);
                assert_eq!(t.stats().allocated, 80);
            });
            assert_eq!(s.stats().allocated, stats.allocated);
            assert_eq!(s.stats().high_water, stats.allocated + 80);
        });
        assert_eq!(arena.stats().allocated, before);
        assert_eq!(arena.stats().high_water, 8 + size.next_multiple_of(8) + 80);
    }
}

#[test]
fn values_with_destructors_count_their_heads() {
    Arena::new().scope(|s| {
        s.alloc(String::new());
        let first = s.stats().allocated;
        assert!((24..=24 + 64).contains(&first), "{first}");
        for _ in 0..10 {
            s.alloc(String::new());
        }
        assert_eq!(s.stats().allocated, first + 240, "a run shares a head");
    });
}

/// An arena that is used alike each time takes no chunk after the first times, and is at home in one.
#[test]
fn ticks_take_no_more_chunks() {
    let mut arena = Arena::new();
    let tick = |arena: &Arena| {
        arena.scope(|s| {
            s.alloc_slice_fill_with(scaled(300_000, 100_000), |_| 1_u8);
            for n in 0..100 {
                s.alloc(n.to_string());
                s.scope(|t| t.alloc_slice_fill_with(10_000, |_| n).len());
            }
        });
    };
    for resets in [false, true] {
        let mut seen = Vec::new();
        for _ in 0..10 {
            tick(&arena);
            if resets {
                arena.reset();
            }
            let stats = arena.stats();
            seen.push((stats.chunks, stats.reserved, stats.high_water));
            assert_eq!((stats.allocated, stats.slack), (0, 0));
        }
        assert!(seen[2..].iter().all(|stats| *stats == seen[2]), "{seen:?}");
    }
}

#[test]
fn ticks_with_resets_take_no_more_chunks() {
    let mut arena = Arena::new();
    let mut seen = Vec::new();
    for _ in 0..10 {
        for n in 0..scaled(2000, 100) {
            arena.alloc_slice_fill_with(n, |_| 1_u8);
            arena.alloc(n.to_string());
        }
        arena.reset();
        seen.push(arena.stats());
    }
    assert!(seen[1..].iter().all(|stats| *stats == seen[1]), "{seen:?}");
}

#[test]
fn trim_gives_back_what_nobody_uses() {
    let mut arena = Arena::new();
    assert_eq!(arena.trim(), 0);
    for _ in 0..3 {
        for n in 0..100 {
            arena.alloc_slice_fill_with(n * 100, |_| 1_u8);
        }
        let full = arena.stats();
        assert!(full.chunks > 1);
        assert_eq!(arena.trim(), 0, "all are in use");
        arena.reset();
        let kept = arena.stats().reserved;
        assert_eq!(kept, full.reserved);
        arena.alloc(7_u64);
        let some = arena.trim();
        assert!(some > 0 && arena.stats().reserved == kept - some);
        assert_eq!(arena.stats().allocated, 8);
        arena.reset();
        assert_eq!(arena.trim(), kept - some);
        assert_eq!((arena.stats().chunks, arena.stats().reserved), (0, 0));
        assert_eq!(*arena.alloc(1), 1);
        arena.reset();
        arena.trim();
    }
}

#[test]
fn a_reset_keeps_no_more_than_it_should() {
    for keep in [0, 100_000, 1 << 20] {
        let mut arena = Arena::with_config(ArenaConfig::new().keep(keep)).expect("some memory");
        for _ in 0..3 {
            for _ in 0..scaled(30, 10) {
                arena.alloc_slice_fill_with(50_000, |_| 1_u8);
            }
            arena.reset();
            let stats = arena.stats();
            assert!(
                stats.reserved <= keep + stats.chunks * 4096,
                "{keep}: {stats}"
            );
        }
    }
}

#[test]
fn slack_is_told_and_comes_back() {
    let arena = Arena::with_config(ArenaConfig::new().chunk(8192)).expect("some memory");
    arena.scope(|s| {
        s.alloc_slice_fill_with(5000, |_| 1_u8);
        s.alloc_slice_fill_with(5000, |_| 1_u8);
        assert_eq!(s.stats().slack, 8192 - 8 - 5000);
        assert_eq!(s.stats().allocated, 10_000);
    });
    assert_eq!((arena.stats().slack, arena.stats().allocated), (0, 0));
    assert!(arena.stats().to_string().contains("0 bytes allocated"));
}

#[test]
fn a_panic_takes_nothing_for_good() {
    let mut arena = Arena::new();
    arena.alloc(1_u64);
    let mut chunks = Vec::new();
    for _ in 0..10 {
        explodes(|| {
            arena.scope(|s| {
                s.alloc_slice_fill_with(1000, |_| 1_u8);
                panic_any(1_u32)
            })
        });
        arena.alloc(1_u64);
        chunks.push(arena.stats().chunks);
    }
    assert_eq!(chunks, [chunks[0]; 10]);
    assert_eq!(arena.stats().allocated, 88);
    arena.reset();
    assert_eq!(arena.stats().allocated, 0);
}
