//! `SlabAlloc` as a value: any number of them, which come and go, beside the program's own allocator.

use pool::{AllocError, SlabAlloc};
use std::alloc::Layout;
use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::mpsc;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use tests::blocks::{Block, Own, classes, sizes};
use tests::{Dice, join_all, scaled};

type Own1<'a> = Block<Own<'a>>;

fn block(allocator: &SlabAlloc, size: usize, seed: usize) -> Own1<'_> {
    Block::new_in(Own(allocator), size, 8, seed).expect("memory")
}

/// Blocks of all kinds.
fn busy(allocator: &SlabAlloc, seed: usize) -> Vec<Own1<'_>> {
    (0..scaled(60, 12))
        .map(|n| block(allocator, 1 << (n % 17), seed + n))
        .collect()
}

#[test]
fn one_is_as_good_as_the_programs() {
    let allocator = SlabAlloc::new();
    let dice = Dice::new(1);
    let mut blocks = Vec::new();
    for size in sizes() {
        blocks.push(block(&allocator, size, size));
        let zeroed = Block::zeroed_in(Own(&allocator), size, 64, size);
        blocks.push(zeroed.expect("memory"));
    }
    let all = sizes();
    for n in 0..scaled(3000, 30) {
        let place = dice.below(blocks.len());
        match dice.below(4) {
            0 => drop(blocks.swap_remove(place)),
            1 => blocks.push(block(&allocator, all[dice.below(all.len())], n)),
            _ => assert!(blocks[place].resize(all[dice.below(all.len())])),
        }
    }
    let stats = allocator.stats();
    assert_eq!(stats.live(), blocks.len());
    assert_eq!(stats.asked(), blocks.iter().map(Block::size).sum::<usize>());
    drop(blocks);
    assert_eq!(
        (allocator.stats().live(), allocator.stats().asked()),
        (0, 0)
    );
}

#[test]
fn what_is_refused_is_named() {
    let allocator = SlabAlloc::new();
    let most = isize::MAX as usize;
    let refused = |size, align| {
        let error = allocator.allocate(size, align).expect_err("refused");
        assert_eq!(allocator.allocate_zeroed(size, align), Err(error));
        error
    };
    assert_eq!(refused(0, 8), AllocError::Zero { align: 8 });
    assert_eq!(
        refused(0, 8).to_string(),
        "a block of 0 bytes (alignment 8) was asked for: ask for 1 byte at least, or for none"
    );
    assert_eq!(refused(5, 3), AllocError::BadAlign { size: 5, align: 3 });
    assert_eq!(
        refused(5, 3).to_string(),
        "an alignment of 3 was asked for, for 5 bytes: it has to be a power of two, as 4 is"
    );
    assert_eq!(
        refused(5, 0).to_string(),
        "an alignment of 0 was asked for, for 5 bytes: it has to be a power of two, as 1 is"
    );
    assert_eq!(
        refused(5, most).to_string(),
        format!(
            "an alignment of {most} was asked for, for 5 bytes: it has to be a power of two, as {} is",
            most + 1
        )
    );
    for (size, align) in [
        (most + 1, 1),
        (usize::MAX, 1),
        (usize::MAX, 4096),
        (most, 2),
        (most - 14, 16),
        (1, 1 << (usize::BITS - 1)),
        (most / 2 + 2, most / 2 + 1),
    ] {
        assert_eq!(refused(size, align), AllocError::TooLarge { size, align });
        assert_eq!(
            refused(size, align).to_string(),
            format!(
                "a block of {size} bytes, aligned to {align}, was asked for: the most is {most} bytes, \
                 alignment included; ask for less"
            )
        );
    }
    let stats = allocator.stats();
    assert_eq!((stats.live(), stats.asked()), (0, 0), "nothing was given");
}

#[test]
#[cfg_attr(miri, ignore = "it has no such limit")]
fn more_than_there_is_is_refused() {
    let allocator = SlabAlloc::new();
    let most = isize::MAX as usize;
    for (size, align) in [
        (most, 1),
        (most - 15, 16),
        (1 << (usize::BITS - 2), 8),
        (8, most / 2 + 1),
    ] {
        match allocator.allocate(size, align) {
            Err(AllocError::OutOfMemory {
                size: named,
                align: as_well,
                errno,
            }) => {
                assert_eq!((named, as_well), (size, align));
                // The system was asked, unless no layout in whole pages is so large.
                assert!(!cfg!(unix) || errno.is_some() || size.max(align) > most / 2);
            }
            other => panic!("{size} bytes at {align}: {other:?}"),
        }
    }
    #[cfg(target_os = "linux")]
    assert_eq!(
        allocator
            .allocate(1 << 60, 8)
            .expect_err("refused")
            .to_string(),
        format!(
            "the system has no memory for {} bytes, aligned to 8 (Cannot allocate memory (os error 12)): \
             free blocks, call `trim`, or raise the limit (ulimit -v, the container's, vm.overcommit_memory)",
            1_u64 << 60
        )
    );
    drop(busy(&allocator, 1));
}

/// What cannot be resized stays as it is.
#[test]
fn a_refused_resize_changes_nothing() {
    let allocator = SlabAlloc::new();
    for size in [1, 100, 5000, 50_000] {
        let layout = Layout::from_size_align(size, 32).expect("a layout");
        let block = allocator.allocate(size, 32).expect("memory");
        let start = block.cast::<u8>();
        // SAFETY: ours, of that size.
        unsafe { start.write_bytes(7, size) };
        let too_large = isize::MAX as usize;
        for (bad, expected) in [
            (0, AllocError::Zero { align: 32 }),
            (
                too_large,
                AllocError::TooLarge {
                    size: too_large,
                    align: 32,
                },
            ),
        ] {
            // SAFETY: a live block by its layout. There is an error, and it is used again.
            let outcome = unsafe { allocator.reallocate(start, layout, bad) };
            assert_eq!(outcome, Err(expected));
        }
        for n in 0..size {
            // SAFETY: within the block.
            let byte = unsafe { start.add(n) };
            // SAFETY: written above.
            assert_eq!(unsafe { byte.read() }, 7);
        }
        assert_eq!(allocator.stats().live(), 1);
        // SAFETY: a live block by its layout.
        unsafe { allocator.deallocate(start, layout) };
    }
    assert_eq!(allocator.stats().live(), 0);
}

#[test]
fn it_knows_its_blocks() {
    let (allocator, other) = (SlabAlloc::new(), SlabAlloc::new());
    drop(busy(&other, 1));
    for size in sizes() {
        let block = allocator.allocate(size, 1).expect("memory");
        let start = block.cast::<u8>();
        let usable = allocator.usable_size(start.as_ptr()).expect("ours");
        assert_eq!(usable, block.len());
        match classes().find(|class| *class >= size) {
            // Then a block has what was asked for, and no more.
            _ if tests::slab_traces::is_checked() => assert_eq!(usable, size),
            Some(class) => assert_eq!(usable, class),
            None => assert!(usable >= size && usable - size < 1 << 16, "{usable}"),
        }
        assert!(allocator.owns(start.as_ptr()));
        assert!(!other.owns(start.as_ptr()));
        assert_eq!(other.usable_size(start.as_ptr()), None);
        // What is within a block is no block.
        let within = start.as_ptr().wrapping_add(1);
        assert!(size == 1 || !allocator.owns(within), "{size}: {within:p}");
        // All of it may be used.
        // SAFETY: ours, of that size.
        unsafe { start.write_bytes(1, usable) };
        let layout = Layout::from_size_align(size, 1).expect("a layout");
        // SAFETY: a live block by its layout.
        unsafe { allocator.deallocate(start, layout) };
        assert_eq!(allocator.stats().live(), 0, "{size}");
        assert_eq!(allocator.stats().asked(), 0, "{size}");
    }
    let on_the_heap = Box::new(1_u64);
    for foreign in [
        std::ptr::null(),
        (&raw const *on_the_heap).cast(),
        (&raw const foreign_static).cast(),
        std::ptr::without_provenance(usize::MAX),
        std::ptr::without_provenance(1),
    ] {
        assert!(!allocator.owns(foreign), "{foreign:p}");
        assert_eq!(allocator.usable_size(foreign), None);
    }
}

#[allow(non_upper_case_globals)]
static foreign_static: u64 = 1;

/// Blocks stay where they are when their allocator goes elsewhere, also to another thread.
#[test]
fn it_may_be_moved_while_it_has_blocks() {
    let layout = Layout::new::<[u64; 10]>();
    let get = move |allocator: &SlabAlloc, value: u64| {
        let block = allocator.allocate(layout.size(), layout.align());
        let block = block.expect("memory").cast::<u64>();
        // SAFETY: ours, large enough and aligned.
        unsafe { block.write(value) };
        block
    };
    let put = move |allocator: &SlabAlloc, block: NonNull<u64>, value: u64| {
        // SAFETY: written in `get`.
        assert_eq!(unsafe { block.read() }, value);
        // SAFETY: live, by its layout.
        unsafe { allocator.deallocate(block.cast(), layout) };
    };
    let allocator = SlabAlloc::new();
    let first = get(&allocator, 1);
    let moved = Box::new(allocator);
    let second = get(&moved, 2);
    assert_ne!(first, second);
    put(&moved, first, 1);
    let mut all: Vec<_> = (0..50).map(|_| SlabAlloc::new()).collect();
    all.insert(0, *moved);
    let third = get(&all[0], 3);
    put(&all[0], second, 2);
    struct Carry(SlabAlloc, NonNull<u64>);
    // SAFETY: the block is of the allocator that goes with it.
    unsafe impl Send for Carry {}
    let carry = Carry(all.swap_remove(0), third);
    thread::spawn(move || {
        let Carry(allocator, third) = { carry };
        let fourth = get(&allocator, 4);
        put(&allocator, third, 3);
        put(&allocator, fourth, 4);
        assert_eq!(allocator.stats().live(), 0);
    })
    .join()
    .expect("no panic");
}

/// More at once than threads have caches of.
#[test]
fn many_at_once() {
    let allocators: Vec<_> = (0..scaled(60, 18)).map(|_| SlabAlloc::new()).collect();
    thread::scope(|scope| {
        let thread = |n: usize| {
            let allocators = &allocators;
            scope.spawn(move || {
                let mut all: Vec<_> = allocators
                    .iter()
                    .map(|allocator| busy(allocator, n))
                    .collect();
                all.rotate_left(n);
                for (n, of_one) in all.iter_mut().enumerate() {
                    of_one.truncate(n);
                }
            })
        };
        join_all((0..scaled(4, 2)).map(thread).collect());
    });
    for (allocator, next) in allocators.iter().zip(&allocators[1..]) {
        assert_eq!(
            (allocator.stats().live(), allocator.stats().threads),
            (0, 0)
        );
        let block = block(allocator, 100, 1);
        assert!(allocator.owns(block.start()) && !next.owns(block.start()));
    }
}

/// Values end while threads that used them go on: with new values, which may be in the old ones' place.
#[test]
fn threads_outlive_values() {
    let rounds = scaled(60, 6);
    let threads = scaled(4, 2);
    let current = Mutex::new(Vec::<Arc<SlabAlloc>>::new());
    let turn = Barrier::new(threads + 1);
    thread::scope(|scope| {
        let thread = |n: usize| {
            let (current, turn) = (&current, &turn);
            scope.spawn(move || {
                for round in 0..rounds {
                    turn.wait();
                    let all = current.lock().expect("no panic").clone();
                    // Not all threads use all values, nor in the same order.
                    for allocator in all.iter().skip((n + round) % 3) {
                        let blocks = busy(allocator, n + round);
                        blocks.iter().for_each(Block::assert_intact);
                    }
                    drop(all);
                    turn.wait();
                }
            })
        };
        let handles = (0..threads).map(thread).collect();
        for round in 0..rounds {
            let fresh = (0..1 + round % 20).map(|_| Arc::new(SlabAlloc::new()));
            *current.lock().expect("no panic") = fresh.collect();
            turn.wait();
            // The last owner, which drops the value, is now this thread and now another one.
            if round % 2 == 0 {
                current.lock().expect("no panic").clear();
            }
            turn.wait();
            current.lock().expect("no panic").clear();
        }
        join_all(handles);
    });
}

/// Threads end, one after the other, while their values do.
#[test]
fn values_and_threads_end_at_once() {
    for round in 0..scaled(60, 5) {
        let allocators: Vec<_> = (0..4).map(|_| Arc::new(SlabAlloc::new())).collect();
        let start = Arc::new(Barrier::new(4));
        let threads: Vec<_> = (0..3)
            .map(|n| {
                let (all, start) = (allocators.clone(), Arc::clone(&start));
                thread::spawn(move || {
                    for allocator in &all {
                        drop(busy(allocator, n + round));
                    }
                    start.wait();
                    drop(all);
                })
            })
            .collect();
        start.wait();
        drop(allocators);
        for thread in threads {
            thread.join().expect("no panic");
        }
    }
}

/// What one thread allocates another frees, and all of it counts as free then.
#[test]
fn blocks_are_freed_by_others() {
    let allocator = SlabAlloc::new();
    let threads = scaled(4, 2);
    thread::scope(|scope| {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..threads).map(|_| mpsc::channel()).unzip();
        let mut handles = Vec::new();
        for (n, receiver) in receivers.into_iter().enumerate() {
            let (allocator, senders) = (&allocator, senders.clone());
            handles.push(scope.spawn(move || {
                let dice = Dice::new(n as u64 + 1);
                let mut kept = Vec::new();
                for seed in 0..scaled(10_000, 60) {
                    match dice.below(4) {
                        0 => kept.push(block(allocator, 1 + dice.below(3000), seed)),
                        1 => drop(kept.pop()),
                        2 => kept.extend(receiver.try_recv()),
                        _ => {
                            if let Some(block) = kept.pop() {
                                // It comes back if that thread has ended.
                                let _ = senders[dice.below(threads)].send(block);
                            }
                        }
                    }
                }
            }));
        }
        drop(senders);
        join_all(handles);
    });
    let stats = allocator.stats();
    assert_eq!((stats.live(), stats.asked(), stats.threads), (0, 0, 0));
    let cached: usize = stats.classes.iter().map(|class| class.cached).sum();
    assert_eq!(cached, 0, "caches of threads that ended");
}

/// Destructors of thread-locals use a value, for the first time on their thread or again.
#[test]
fn thread_locals_use_a_value_at_the_end() {
    static SHARED: SlabAlloc = SlabAlloc::new();
    struct AtEnd(Vec<Own1<'static>>);
    impl Drop for AtEnd {
        fn drop(&mut self) {
            let more = busy(&SHARED, 3);
            self.0 = more;
        }
    }
    std::thread_local! {
        static EARLIER: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
        static LATER: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
    }
    for n in 0..scaled(100, 4) {
        thread::spawn(move || {
            EARLIER.with_borrow(|_| ());
            let kept = if n % 2 == 0 {
                busy(&SHARED, n)
            } else {
                Vec::new()
            };
            LATER.set(Some(AtEnd(Vec::new())));
            EARLIER.set(Some(AtEnd(kept)));
        })
        .join()
        .expect("no panic");
        let stats = SHARED.stats();
        assert_eq!((stats.live(), stats.asked(), stats.threads), (0, 0, 0));
    }
    SHARED.trim();
}

/// Values that nobody drops are no trouble for the threads that used them.
#[test]
#[cfg_attr(miri, ignore = "leaks")]
fn values_may_be_forgotten() {
    for n in 0..20 {
        let allocator = SlabAlloc::new();
        thread::scope(|scope| {
            let thread = scope.spawn(|| drop(busy(&allocator, n)));
            join_all(vec![thread]);
        });
        drop(busy(&allocator, n));
        std::mem::forget(allocator);
    }
}

/// A value with blocks that nobody freed takes them with it.
#[test]
fn a_value_ends_with_all_its_memory() {
    for _ in 0..scaled(50, 2) {
        let allocator = SlabAlloc::new();
        for size in sizes() {
            let block = allocator.allocate(size, 8).expect("memory");
            // SAFETY: ours.
            unsafe { block.cast::<u8>().write_bytes(1, size) };
        }
        assert_eq!(allocator.stats().live(), sizes().len());
    }
}

/// A block is freed with any size from what was asked to what was given.
#[test]
fn what_was_given_may_be_said_of_a_block() {
    let allocator = SlabAlloc::new();
    for size in sizes() {
        for align in [1, 64] {
            let block = allocator.allocate(size, align).expect("memory");
            let all = block.len();
            for said in [size, all, size.midpoint(all)] {
                let block = allocator.allocate(size, align).expect("memory");
                let layout = Layout::from_size_align(said, align).expect("a layout");
                // SAFETY: a live block, its alignment, and a size between those two.
                unsafe { allocator.deallocate(block.cast(), layout) };
                assert_eq!(allocator.stats().live(), 1, "{size} at {align}");
            }
            let layout = Layout::from_size_align(all, align).expect("a layout");
            // SAFETY: a live block, and what was given.
            let grown = unsafe { allocator.reallocate(block.cast(), layout, all + 1) };
            let layout = Layout::from_size_align(all + 1, align).expect("a layout");
            // SAFETY: a live block by its layout.
            unsafe { allocator.deallocate(grown.expect("memory").cast(), layout) };
            assert_eq!(allocator.stats().live(), 0, "{size} at {align}");
        }
    }
}

/// Collections of `allocator_api2`, with blocks of no size and such as grow.
#[test]
fn collections_live_in_a_value() {
    use allocator_api2_04::{boxed::Box as InBox, vec::Vec as InVec};

    let allocator = SlabAlloc::new();
    {
        let mut numbers = InVec::new_in(&allocator);
        let mut texts = InVec::new_in(&allocator);
        let count = scaled(20_000, 100);
        for n in 0..count {
            numbers.push(n);
            texts.push(InBox::new_in(n.to_string(), &allocator));
        }
        assert!(numbers.iter().copied().eq(0..count));
        assert_eq!(**texts[count - 1], (count - 1).to_string());
        assert_eq!(allocator.stats().live(), count + 2);
        numbers.truncate(3);
        numbers.shrink_to_fit();
        assert_eq!((&numbers[..], numbers.capacity()), (&[0, 1, 2][..], 3));
        let mut nothing = InVec::new_in(&allocator);
        nothing.extend([(); 100]);
        let unit = InBox::new_in((), &allocator);
        assert_eq!((*unit, nothing.len()), ((), 100));
        let zeros = allocator_api2_04::vec![in &allocator; 0_u64; scaled(100_000, 100)];
        assert!(zeros.iter().all(|n| *n == 0));
    }
    assert_eq!(
        (allocator.stats().live(), allocator.stats().asked()),
        (0, 0)
    );
}

/// An allocator may be a collection's own: it goes with it.
#[test]
fn a_collection_may_own_it() {
    use allocator_api2_04::vec::Vec as InVec;

    let mut numbers = InVec::new_in(SlabAlloc::new());
    numbers.extend(0..scaled(5000, 100));
    let numbers = thread::spawn(move || {
        let mut numbers = numbers;
        numbers.extend(0..10);
        numbers
    });
    let numbers = numbers.join().expect("no panic");
    assert_eq!(numbers.len(), scaled(5000, 100) + 10);
    assert_eq!(numbers.allocator().stats().live(), 1);
}
