//! `SlabAlloc` as the program's allocator: the test harness, the standard library, other crates and this one's
//! pools allocate by it, all at once.

mod blocks;
mod collections;
mod locals;
mod others;
mod threads;

use pool::SlabAlloc;

#[global_allocator]
static GLOBAL: SlabAlloc = SlabAlloc::new();

/// What is tested is this one, and not the system's.
#[test]
fn it_is_the_programs_allocator() {
    let before = GLOBAL.stats();
    let kept: Vec<_> = (0..100).map(|n: u64| Box::new([n; 10])).collect();
    let after = GLOBAL.stats();
    // Tests that run beside this one allocate as well; none of them frees as much between the two.
    let allocated = |stats: &pool::SlabStats| {
        stats
            .classes
            .iter()
            .map(|class| class.hits + class.misses)
            .sum::<u64>()
    };
    assert!(allocated(&after) >= allocated(&before) + 101);
    assert!(
        kept.iter()
            .all(|block| GLOBAL.owns((&raw const **block).cast()))
    );
    let on_the_stack = 0_u8;
    assert!(!GLOBAL.owns(&raw const on_the_stack));
}
