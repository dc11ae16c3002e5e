//! What the program's allocator says of itself, and what the system says of it. A program of its own: nothing
//! else may allocate meanwhile, the test harness neither.

use pool::{SlabAlloc, SlabStats};
use std::sync::Mutex;
use std::thread;
use tests::blocks::{Block, Global, classes};
use tests::{Dice, join_all, resident, scaled};

#[global_allocator]
static GLOBAL: SlabAlloc = SlabAlloc::new();

fn main() {
    // Whatever comes to stay with first uses.
    for _ in 0..2 {
        each_class_is_counted_exactly();
        large_blocks_are();
        threads_are();
    }
    memory_is_bounded_though_threads_come_and_go();
    println!("the figures are right: ok");
}

/// Sums that hold at any quiet moment.
fn assert_consistent(stats: &SlabStats) {
    for (class, size) in stats.classes.iter().zip(classes()) {
        assert_eq!(class.size, size);
        assert!(class.asked <= class.given(), "{class:?}");
        assert_eq!(class.given(), class.live * size);
        assert!(
            class.live + class.cached + class.parked <= class.slots,
            "{class:?}"
        );
        assert!(class.hits + class.misses >= class.live as u64, "{class:?}");
        assert_eq!(class.slots == 0, class.slabs == 0, "{class:?}");
        assert_eq!(class.held(), (class.slots - class.live) * size);
        assert!((0.0..=1.0).contains(&class.hit_rate()));
    }
    let large = &stats.large;
    assert!(large.asked <= large.given, "{large:?}");
    assert!(large.live as u64 <= large.allocations, "{large:?}");
    let of = |what: fn(&pool::ClassStats) -> usize| stats.classes.iter().map(what).sum::<usize>();
    assert_eq!(stats.live(), of(|class| class.live) + large.live);
    assert_eq!(stats.asked(), of(|class| class.asked) + large.asked);
    assert_eq!(stats.given(), of(pool::ClassStats::given) + large.given);
    assert_eq!(stats.held(), of(pool::ClassStats::held) + stats.retained);
    let slabs = of(|class| class.slots * class.size);
    assert!(
        stats.reserved >= slabs + stats.retained,
        "{}",
        stats.reserved
    );
    let text = stats.to_string();
    assert!(
        text.contains("large: ") && text.lines().count() >= 2,
        "{text}"
    );
}

fn figures_now() -> SlabStats {
    assert_consistent(&GLOBAL.stats());
    // Anew: what looks at them allocates.
    GLOBAL.stats()
}

fn each_class_is_counted_exactly() {
    let count = scaled(300, 5);
    let mut blocks = Vec::with_capacity(count);
    for (number, size) in classes().enumerate() {
        let before = figures_now();
        for n in 0..count {
            // Sizes in the class's upper half: a block of 9 bytes has one of 16.
            let less = if size > 16 { n % (size / 10) } else { n % 7 };
            blocks.push(Block::new(size - less, 1, n));
        }
        let asked: usize = blocks.iter().map(Block::size).sum();
        let full = GLOBAL.stats();
        let (then, now) = (&before.classes[number], &full.classes[number]);
        assert_eq!(now.live, then.live + count, "of {size} bytes");
        assert_eq!(now.asked, then.asked + asked, "of {size} bytes");
        assert_eq!(
            now.hits + now.misses,
            then.hits + then.misses + count as u64
        );
        assert!(now.slots >= now.live);
        assert_eq!(full.live(), before.live() + count);
        assert_eq!(full.asked(), before.asked() + asked);
        // What is resized in its place asks for another number of bytes.
        let block = &mut blocks[0];
        let was = block.size();
        assert!(block.resize(was - 1));
        assert_eq!(GLOBAL.stats().asked(), before.asked() + asked - 1);
        assert!(block.resize(was));
        assert_consistent(&full);
        blocks.clear();
        let after = figures_now();
        assert_eq!(after.live(), before.live());
        assert_eq!(after.asked(), before.asked());
    }
}

fn large_blocks_are() {
    let before = figures_now();
    let mut block = Block::new(40_000, 8, 1);
    let second = Block::zeroed_in(Global, 1 << 20, 1 << 16, 1).expect("memory");
    let full = GLOBAL.stats().large;
    assert_eq!(full.live, before.large.live + 2);
    assert_eq!(full.asked, before.large.asked + 40_000 + (1 << 20));
    assert!(full.given >= full.asked && full.given.is_multiple_of(4096));
    assert_eq!(full.allocations, before.large.allocations + 2);
    assert!(block.resize(3_000_000));
    let grown = GLOBAL.stats().large;
    assert_eq!(
        (grown.live, grown.asked),
        (full.live, full.asked + 2_960_000)
    );
    // Below the largest class it is a slot, and not a large block any more; or it stays one.
    assert!(block.resize(100));
    assert_eq!(GLOBAL.stats().live(), before.live() + 2);
    assert_eq!(GLOBAL.stats().asked(), before.asked() + (1 << 20) + 100);
    drop((block, second));
    let after = figures_now();
    assert_eq!(after.large.live, before.large.live);
    assert_eq!(
        (after.live(), after.asked()),
        (before.live(), before.asked())
    );
}

/// What threads allocated counts when they are gone, and what others free does not.
fn threads_are() {
    let threads = scaled(6, 2);
    let count = scaled(1000, 20);
    let kept = Mutex::new(Vec::with_capacity(threads * count));
    // Whoever starts threads keeps something of them: the same each time.
    let work = |free: bool| {
        thread::scope(|scope| {
            let thread = |n: usize| {
                let kept = &kept;
                let body = move || {
                    if free {
                        for _ in 0..count {
                            let block = kept.lock().expect("no panic").pop();
                            drop(block.expect("enough"));
                        }
                        return;
                    }
                    let dice = Dice::new(n as u64 + 1);
                    for seed in 0..count {
                        let block = Block::new(1 + dice.below(5000), 8, seed);
                        drop(Block::new(1 + dice.below(5000), 8, seed));
                        kept.lock().expect("no panic").push(block);
                    }
                };
                scope.spawn(body)
            };
            join_all((0..threads).map(thread).collect());
        });
    };
    work(false);
    kept.lock().expect("no panic").clear();
    let before = figures_now();
    work(false);
    let blocks = threads * count;
    let asked: usize = kept.lock().expect("no panic").iter().map(Block::size).sum();
    let full = figures_now();
    assert_eq!(
        full.threads, before.threads,
        "threads that ended have no cache"
    );
    assert_eq!(full.live(), before.live() + blocks);
    assert_eq!(full.asked(), before.asked() + asked);
    work(true);
    let after = figures_now();
    assert_eq!(after.threads, before.threads);
    assert_eq!(
        (after.live(), after.asked()),
        (before.live(), before.asked())
    );
}

/// Rounds of threads that leave half of their blocks to the next round's: as much memory in the end as in the
/// beginning.
fn memory_is_bounded_though_threads_come_and_go() {
    let rounds = scaled(10, 3);
    let mut left: Vec<Block> = Vec::new();
    let mut most_held = 0;
    let mut most_resident = 0;
    for round in 0..rounds {
        for wave in 0..scaled(4, 1) {
            let found = Mutex::new(std::mem::take(&mut left));
            let next = Mutex::new(Vec::new());
            thread::scope(|scope| {
                let thread = |n: usize| {
                    let (found, next) = (&found, &next);
                    let body = move || {
                        let dice = Dice::new((wave * 100 + n) as u64 + 1);
                        let size = || match dice.below(100) {
                            0 => 1 + dice.below(100_000),
                            _ => 1 + dice.below(1 + dice.below(4000)),
                        };
                        let mut blocks: Vec<_> = (0..scaled(200, 10))
                            .map(|seed| Block::new(size(), 8, seed))
                            .collect();
                        let half = blocks.split_off(blocks.len() / 2);
                        next.lock().expect("no panic").extend(half);
                        drop(blocks);
                        for _ in 0..scaled(100, 5) {
                            let block = found.lock().expect("no panic").pop();
                            drop(block);
                        }
                    };
                    scope.spawn(body)
                };
                join_all((0..scaled(25, 2)).map(thread).collect());
            });
            left = next.into_inner().expect("no panic");
        }
        let stats = figures_now();
        let held = stats.given() + stats.held();
        if round < 2 {
            most_held = most_held.max(held);
            most_resident = most_resident.max(resident().unwrap_or(0));
        } else {
            // The blocks are the same each round; where they lie depends on the threads' turns.
            assert!(
                held <= most_held + most_held / 4 + (2 << 20),
                "round {round}: {held} bytes, {most_held} at first"
            );
            let now = resident().unwrap_or(0);
            assert!(
                now <= most_resident + most_resident / 4 + (4 << 20),
                "round {round}: {now} bytes resident, {most_resident} at first"
            );
        }
        if let Some(now) = resident() {
            eprintln!("round {round}: {held} bytes held and given, {now} resident");
        }
    }
}
