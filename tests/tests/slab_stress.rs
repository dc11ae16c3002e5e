//! Allocators under threads that run freely: what is in blocks stays there, and memory stays within what is live and
//! what caches may keep.

#![allow(unsafe_code)]

use pool::{SlabAlloc, SlabStats};
use std::alloc::Layout;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, PoisonError, RwLock, mpsc};
use std::thread;
use tests::slab_traces::{Block, CLASSES, batch, most_cached, most_parked};
use tests::{Dice, join_all, scaled};

/// Bytes of a slab.
const SLAB: usize = 64 << 10;

/// Held to write by who has more allocators than there are caches for, which would take those of the others.
static CROWD: RwLock<()> = RwLock::new(());

fn not_crowded() -> impl Drop {
    CROWD.read().unwrap_or_else(PoisonError::into_inner)
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 1 << size.trailing_zeros().min(6)).expect("a small one")
}

fn get(from: &SlabAlloc, layout: Layout) -> Block {
    static IDS: AtomicU64 = AtomicU64::new(1);
    let bytes = from.allocate(layout.size(), layout.align());
    let id = IDS.fetch_add(1, Ordering::Relaxed);
    // SAFETY: new memory.
    unsafe { Block::new(bytes.expect("there is memory"), layout, id, 0) }
}

fn put(to: &SlabAlloc, block: Block) {
    block.check();
    // SAFETY: a block of this allocator, with its layout, and not used again.
    unsafe { to.deallocate(block.start(), block.layout()) };
}

/// A size at the upper end of some class, or a bit less, or seldom a large one.
fn any_size(dice: &Dice) -> usize {
    match dice.below(40) {
        0 if !cfg!(miri) => 33_000 + dice.below(200_000),
        _ => {
            let class = dice.below(if cfg!(miri) { 20 } else { CLASSES.len() });
            CLASSES[class] - dice.below(2)
        }
    }
}

/// A slab is carved when all slots of the others are live, in a cache, in the depot, or on their way. So a class
/// never has more slabs than these fill, and one. At most `live` blocks were live at once.
fn check_bound(stats: &SlabStats, live: usize, threads: usize) {
    for class in &stats.classes {
        let each = most_cached(class.size) + batch(class.size);
        let most = live + threads * each + most_parked(class.size);
        let slab = (SLAB / class.size).min(2048);
        assert!(class.slots <= most + slab, "more than {most}: {class:?}");
    }
}

/// Those who allocate never free, and those who free never allocate.
#[test]
fn what_producers_allocate_and_consumers_free_is_bounded() {
    let _seats = not_crowded();
    const IN_FLIGHT: usize = 50;
    let alloc = &SlabAlloc::new();
    let (pairs, rounds) = (2, scaled(40_000, 60));
    let quiet = &Barrier::new(2 * pairs + 1);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for seed in 0..pairs {
            let (sender, receiver) = mpsc::sync_channel(IN_FLIGHT);
            threads.push(scope.spawn(move || {
                let dice = Dice::new(seed as u64);
                // Each class for a while, so that its caches fill; then all.
                let few = |size: usize| ((2 << 20) / size).clamp(100, 2000);
                let sorted = CLASSES
                    .into_iter()
                    .flat_map(|size| (0..few(size)).map(move |_| size));
                let mixed = (0..rounds).map(|_| any_size(&dice));
                for size in sorted.step_by(scaled(1, 499)).chain(mixed) {
                    sender.send(get(alloc, layout(size))).expect("a consumer");
                }
                drop(sender);
                quiet.wait();
                quiet.wait();
            }));
            threads.push(scope.spawn(move || {
                receiver.into_iter().for_each(|block| put(alloc, block));
                quiet.wait();
                quiet.wait();
            }));
        }
        quiet.wait();
        let stats = alloc.stats();
        quiet.wait();
        join_all(threads);
        assert_eq!((stats.live(), stats.asked()), (0, 0), "{stats}");
        assert_eq!(stats.threads, 2 * pairs);
        // (Each thread has a block in its hands, beside those in the channels.)
        check_bound(&stats, pairs * (IN_FLIGHT + 2), 2 * pairs);
        for class in &stats.classes {
            assert!(class.cached <= 2 * pairs * most_cached(class.size));
            assert!(class.parked <= most_parked(class.size));
        }
    });
    let stats = alloc.stats();
    assert_eq!((stats.threads, stats.live(), stats.asked()), (0, 0, 0));
    alloc.trim();
    let stats = alloc.stats();
    assert_eq!((stats.held(), stats.given()), (0, 0), "{stats}");
}

/// Threads come and go, trim, and ask; blocks change hands at random, also while they grow and shrink.
#[test]
fn blocks_are_swapped_by_threads_that_come_and_go() {
    let _seats = not_crowded();
    const PLACES: usize = 64;
    let alloc = &SlabAlloc::with_retain(1 << 20);
    let places: &Vec<Mutex<Option<Block>>> = &(0..PLACES).map(|_| Mutex::default()).collect();
    let done = &AtomicBool::new(false);
    let live = move |seed: u64| {
        let dice = Dice::new(seed);
        for _ in 0..scaled(2_000, 20) {
            let mut mine = get(alloc, layout(any_size(&dice)));
            if dice.below(4) == 0 {
                mine = resized(alloc, mine, any_size(&dice));
            }
            let at = dice.below(PLACES);
            let theirs = places[at].lock().unwrap().replace(mine);
            theirs.into_iter().for_each(|block| put(alloc, block));
        }
    };
    thread::scope(|scope| {
        let watchers = vec![
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    alloc.trim();
                    thread::yield_now();
                }
            }),
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let stats = alloc.stats();
                    assert!(stats.threads <= 6, "{stats}");
                    thread::yield_now();
                }
            }),
        ];
        let generations = |seed: u64| {
            for generation in 0..scaled(20, 2) as u64 {
                let life = move || live(seed + generation);
                thread::scope(|scope| join_all(vec![scope.spawn(life)]));
            }
        };
        let lives = (0..3).map(|n| scope.spawn(move || generations(1000 * n)));
        join_all(lives.collect());
        done.store(true, Ordering::Relaxed);
        join_all(watchers);
    });
    let stats = alloc.stats();
    check_bound(&stats, PLACES + 6, 6);
    let left = places
        .iter()
        .filter_map(|place| place.lock().unwrap().take());
    let left: Vec<Block> = left.collect();
    assert_eq!(stats.live(), left.len());
    let asked: usize = left.iter().map(|block| block.layout().size()).sum();
    assert_eq!(stats.asked(), asked);
    left.into_iter().for_each(|block| put(alloc, block));
    assert_eq!(alloc.stats().live(), 0);
    alloc.trim();
    assert_eq!(alloc.stats().held(), 0);
}

fn resized(alloc: &SlabAlloc, block: Block, size: usize) -> Block {
    block.check();
    let was = block.layout();
    let new = Layout::from_size_align(size, was.align()).expect("a small one");
    // SAFETY: a block of this allocator, with its layout, and not used again.
    let bytes = unsafe { alloc.reallocate(block.start(), was, size) }.expect("there is memory");
    let kept = std::ptr::NonNull::slice_from_raw_parts(bytes.cast::<u8>(), size.min(was.size()));
    // SAFETY: of the new block, and written when it was the old one.
    block.check_kept(unsafe { kept.as_ref() });
    // SAFETY: new memory.
    unsafe { Block::new(bytes, new, 7, 0) }
}

/// There are caches for some of them only.
#[test]
fn many_allocators_on_many_threads() {
    let _alone = CROWD.write().unwrap_or_else(PoisonError::into_inner);
    let allocators: Vec<SlabAlloc> = (0..scaled(20, 17)).map(|_| SlabAlloc::new()).collect();
    let allocators = &allocators;
    let barrier = &Barrier::new(3);
    let places: &Vec<Mutex<Vec<Block>>> = &allocators.iter().map(|_| Mutex::default()).collect();
    thread::scope(|scope| {
        let work = |seed: u64| {
            let dice = Dice::new(seed);
            for _ in 0..scaled(200, 3) {
                for (alloc, place) in allocators.iter().zip(places) {
                    for _ in 0..dice.below(20) {
                        place
                            .lock()
                            .unwrap()
                            .push(get(alloc, layout(any_size(&dice))));
                    }
                    let mut place = place.lock().unwrap();
                    let rest = dice.below(place.len() + 1);
                    let gone = place.split_off(rest);
                    drop(place);
                    gone.into_iter().for_each(|block| put(alloc, block));
                }
            }
            barrier.wait();
        };
        join_all((0..3).map(|seed| scope.spawn(move || work(seed))).collect());
    });
    for (alloc, place) in allocators.iter().zip(places) {
        let left = std::mem::take(&mut *place.lock().unwrap());
        assert_eq!(alloc.stats().live(), left.len());
        left.into_iter().for_each(|block| put(alloc, block));
        assert_eq!((alloc.stats().live(), alloc.stats().asked()), (0, 0));
    }
}

/// Threads keep nothing of an allocator that has ended, and have a cache of the next one.
#[test]
fn allocators_come_and_go_beside_threads_that_stay() {
    let _seats = not_crowded();
    let barrier = &Barrier::new(3);
    let current: &Mutex<Option<Arc<SlabAlloc>>> = &Mutex::default();
    let rounds = scaled(60, 3);
    thread::scope(|scope| {
        let work = |seed: u64| {
            let dice = Dice::new(seed);
            for _ in 0..rounds {
                barrier.wait();
                let alloc = current.lock().unwrap().clone().expect("one");
                let mut blocks = Vec::new();
                for _ in 0..scaled(500, 10) {
                    blocks.push(get(&alloc, layout(any_size(&dice))));
                    if dice.below(3) == 0 {
                        put(&alloc, blocks.swap_remove(dice.below(blocks.len())));
                    }
                }
                // Some are left to the end of the allocator.
                blocks.truncate(dice.below(blocks.len() + 1));
                blocks.iter().for_each(Block::check);
                drop(alloc);
                barrier.wait();
            }
        };
        let threads = (0..2).map(|seed| scope.spawn(move || work(seed))).collect();
        for _ in 0..rounds {
            *current.lock().unwrap() = Some(Arc::default());
            barrier.wait();
            barrier.wait();
            *current.lock().unwrap() = None;
        }
        join_all(threads);
    });
}
