//! What allocators that are values give back to the system, and when. One test, in a process of its own: nothing
//! else may come and go meanwhile.

use pool::SlabAlloc;
use std::thread;
use tests::blocks::{Block, Own, classes};
use tests::{join_all, scaled};

const MIB: usize = 1 << 20;

#[test]
fn memory_goes_back() {
    if resident().is_none() {
        eprintln!("skipped in part: the system does not say what is resident");
    }
    trim_gives_back_what_is_free();
    nothing_is_retained_if_nothing_shall_be();
    no_more_is_retained_than_shall_be();
    what_is_retained_falls_with_what_is_used();
    all_is_retained_if_all_shall_be();
    a_freed_block_does_not_serve_much_smaller_ones_whole();
    live_blocks_stay();
    values_leave_nothing_behind();
}

/// What the system says, but for a sanitizer's sake: it keeps memory that was freed, and has more of its own.
fn resident() -> Option<usize> {
    let is_sanitized = std::env::var_os("POOL_TEST_SANITIZER").is_some();
    if is_sanitized {
        None
    } else {
        tests::resident()
    }
}

fn fill(allocator: &SlabAlloc, size: usize, bytes: usize) -> Vec<Block<Own<'_>>> {
    (0..bytes / size)
        .map(|n| Block::new_in(Own(allocator), size, 8, n).expect("memory"))
        .collect()
}

/// Asserts that resident memory fell by most of `bytes`, where the system tells.
fn assert_fell(full: Option<usize>, bytes: usize, what: &str) {
    if let (Some(full), Some(now)) = (full, resident()) {
        let fell = full.saturating_sub(now);
        assert!(fell >= bytes / 10 * 9, "{what}: {fell} of {bytes}");
    }
}

fn trim_gives_back_what_is_free() {
    let bytes = scaled(16 * MIB, MIB / 4);
    let sizes = if cfg!(miri) {
        vec![1024]
    } else {
        vec![16, 100, 1024, 8000, 32_768, 100_000]
    };
    for size in sizes {
        let allocator = SlabAlloc::with_retain(isize::MAX as usize);
        let blocks = fill(&allocator, size, bytes);
        // A slab or two may have slots in this thread's cache alone.
        assert!(allocator.trim() <= 128 << 10, "all are live");
        let full = resident();
        drop(blocks);
        let before = allocator.stats();
        assert_eq!(before.live(), 0);
        let given_back = allocator.trim();
        // What is larger than any class is not kept in the first place.
        let least = if size > 32 << 10 { 0 } else { bytes / 10 * 9 };
        assert!(given_back >= least, "{given_back} of {bytes}, {size} bytes");
        assert_fell(full, bytes, &format!("blocks of {size} bytes"));
        assert_eq!(allocator.stats().retained, 0);
        assert_eq!(allocator.trim(), 0, "it is given back once");
        let again = fill(&allocator, size, bytes);
        assert_eq!(allocator.stats().live(), again.len());
    }
}

fn nothing_is_retained_if_nothing_shall_be() {
    let bytes = scaled(16 * MIB, MIB / 4);
    let allocator = SlabAlloc::with_retain(0);
    for size in if cfg!(miri) {
        [512, 40_000]
    } else {
        [500, 200_000]
    } {
        let blocks = fill(&allocator, size, bytes);
        let full = resident();
        drop(blocks);
        assert_eq!(allocator.stats().retained, 0);
        // What is in caches and depots is not in the system's hands yet: less than a few hundred blocks.
        assert_fell(full, bytes - bytes / 16, &format!("{size} bytes"));
    }
}

fn no_more_is_retained_than_shall_be() {
    let retain = scaled(4 * MIB, MIB / 8);
    let allocator = SlabAlloc::with_retain(retain);
    for size in [64, 3000, 30_000, 50_000, 300_000] {
        drop(fill(&allocator, size, scaled(16 * MIB, MIB / 2)));
        let retained = allocator.stats().retained;
        assert!(retained <= retain, "{retained} of {retain}, {size} bytes");
    }
    // What one class had another one uses: nothing is added to it.
    let before = allocator.stats();
    for size in classes().filter(|size| *size >= 1000) {
        drop(fill(&allocator, size, scaled(2 * MIB, MIB / 16)));
    }
    let after = allocator.stats();
    assert!(
        after.held() <= before.held() + scaled(8 * MIB, 8 * MIB),
        "{} bytes held, {} before",
        after.held(),
        before.held()
    );
}

/// A trim takes no memory that is in use, and what is free between blocks can be used again.
fn live_blocks_stay() {
    let allocator = SlabAlloc::new();
    let mut kept = Vec::new();
    for size in [16, 200, 3000, 20_000, 70_000] {
        for (n, block) in fill(&allocator, size, scaled(4 * MIB, MIB / 8))
            .into_iter()
            .enumerate()
        {
            if n % 50 == 0 {
                kept.push(block);
            }
        }
        allocator.trim();
        kept.iter().for_each(Block::assert_intact);
    }
    assert_eq!(allocator.stats().live(), kept.len());
    for size in [16, 200, 3000, 20_000, 70_000] {
        kept.extend(fill(&allocator, size, scaled(MIB, MIB / 16)));
    }
    kept.iter().for_each(Block::assert_intact);
}

/// Values that come and go, each used by this thread and others: neither memory nor addresses are lost.
fn values_leave_nothing_behind() {
    let round = || {
        let allocator = SlabAlloc::new();
        let kept = fill(&allocator, 1000, scaled(MIB, MIB / 32));
        thread::scope(|scope| {
            let body = || drop(fill(&allocator, 100, scaled(MIB / 4, MIB / 64)));
            let handles = (0..2).map(|_| scope.spawn(body)).collect();
            join_all(handles);
        });
        drop(kept);
    };
    for _ in 0..scaled(20, 1) {
        round();
    }
    let before = (resident(), addresses());
    for _ in 0..scaled(200, 2) {
        round();
    }
    let after = (resident(), addresses());
    if let (Some(before), Some(after)) = (before.0, after.0) {
        assert!(
            after <= before + 8 * MIB,
            "{after} resident, {before} before"
        );
    }
    if let (Some(before), Some(after)) = (before.1, after.1) {
        assert!(
            after <= before + 512 * MIB,
            "{after} reserved, {before} before"
        );
    }
}

/// Bytes of this process's address space, where the system says.
fn addresses() -> Option<usize> {
    if cfg!(miri) || std::env::var_os("POOL_TEST_SANITIZER").is_some() {
        return None;
    }
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split_whitespace().next()?.parse().ok()?;
    Some(pages * 4096)
}

/// If nothing is said, it is a share of what is in use, while much of it is freed as well.
fn what_is_retained_falls_with_what_is_used() {
    let allocator = SlabAlloc::new();
    drop(fill(&allocator, 1000, scaled(64 * MIB, MIB)));
    let retained = allocator.stats().retained;
    assert!(retained <= 5 * MIB, "{retained}");
}

fn all_is_retained_if_all_shall_be() {
    let allocator = SlabAlloc::with_retain(usize::MAX);
    let bytes = scaled(32 * MIB, MIB);
    drop(fill(&allocator, 1000, bytes));
    let retained = allocator.stats().retained;
    assert!(retained >= bytes / 4 * 3, "{retained}");
}

/// Else one small request after the other would come to sit in a large block.
fn a_freed_block_does_not_serve_much_smaller_ones_whole() {
    let allocator = SlabAlloc::new();
    let mut kept = Vec::new();
    for n in 0..scaled(200, 5) {
        drop(Block::new_in(Own(&allocator), 160 << 10, 8, n).expect("memory"));
        kept.push(Block::new_in(Own(&allocator), 40_000, 8, n).expect("memory"));
    }
    let large = allocator.stats().large;
    assert!(large.given < 2 * large.asked, "{large:?}");
}
