//! What the system says of a pool's memory. One test, in a process of its own: nothing else may come
//! and go meanwhile.

use pool::{Pool, PoolConfig};
use tests::{resident, scaled};

type Order = [u64; 8];

fn pool(capacity: usize) -> Pool<Order> {
    Pool::with_config(PoolConfig::new().capacity(capacity).magazine(64)).unwrap()
}

/// Whether the system counts what is touched beforehand by reading. Windows does; wine on Linux maps
/// one page of zeros, which counts as nothing.
const READING_COUNTS: bool = !cfg!(windows);

#[test]
fn the_system_agrees() {
    if resident().is_none() {
        eprintln!("skipped in part: the system does not say what is resident");
    }
    if !READING_COUNTS {
        eprintln!("skipped in part: wine does not count as resident what was touched by reading");
    }
    memory_follows_use_and_trim_gives_it_back();
    prefault_touches_all_of_the_capacity_and_no_value();
}

fn memory_follows_use_and_trim_gives_it_back() {
    let count = scaled(200_000, 500);
    let pool = pool(count);
    assert_eq!(
        pool.stats().bytes_committed,
        0,
        "nothing is touched before the first use"
    );
    let before = resident();
    let boxes: Vec<_> = (0..count as u64).map(|n| pool.alloc([n; 8])).collect();
    let bytes = count * size_of::<Order>();
    let committed = pool.stats().bytes_committed;
    assert!(
        (bytes..bytes + bytes / 20 + 8192).contains(&committed),
        "{committed}"
    );
    assert_eq!(pool.trim(), 0, "all are live");
    drop(boxes);
    let full = resident();
    let trimmed = pool.trim();
    let after = resident();
    assert_eq!(pool.stats().bytes_committed, committed - trimmed);
    if let (Some(before), Some(full), Some(after)) = (before, full, after) {
        assert!(
            full - before >= bytes,
            "{} resident for {bytes}",
            full - before
        );
        assert!(trimmed >= bytes * 9 / 10, "{trimmed} of {bytes} given back");
        assert!(
            full - after >= bytes * 8 / 10,
            "the system saw {}",
            full.saturating_sub(after)
        );
    }
    let again: Vec<_> = (0..count as u64).map(|n| pool.alloc([n; 8])).collect();
    assert!(again.iter().zip(0..).all(|(order, n)| **order == [n; 8]));
    assert_eq!((again.len(), pool.len()), (count, count));
    let again = pool.stats().bytes_committed;
    assert!(
        again.abs_diff(committed) <= 8192,
        "{again}, at first {committed}"
    );
}

fn prefault_touches_all_of_the_capacity_and_no_value() {
    let count = scaled(50_000, 100);
    let config = PoolConfig::new().capacity(count).prefault(true);
    let before = resident();
    let bytes = count * size_of::<Order>();
    let early = match Pool::<Order>::with_config(config) {
        Ok(pool) => pool,
        Err(error) => {
            eprintln!("skipped: {error}");
            return;
        }
    };
    if let (Some(before), Some(after), true) = (before, resident(), READING_COUNTS) {
        assert!(
            after - before >= bytes,
            "{} resident for {bytes}",
            after - before
        );
    }
    assert!(early.stats().bytes_committed >= bytes);
    let late = pool(count);
    let boxes: Vec<_> = (0..100).map(|n| late.alloc([n; 8])).collect();
    late.prefault().unwrap();
    assert!(late.stats().bytes_committed >= bytes);
    assert!(boxes.iter().zip(0..).all(|(order, n)| **order == [n; 8]));
}
