use super::SlabAlloc;
use super::classes::{self, CLASSES};
use super::heap::TAIL;
use crate::source::block;
use std::alloc::Layout;
use std::collections::BTreeSet;
use std::ptr::NonNull;
use std::thread;

const MANY: usize = if cfg!(miri) { 40 } else { 5000 };

fn get(alloc: &SlabAlloc, size: usize, align: usize) -> NonNull<u8> {
    let block = alloc.allocate(size, align).unwrap();
    assert!(block.len() >= size && block.addr().get().is_multiple_of(align));
    // A large one may be one that was freed, and is larger.
    assert!(alloc.usable_size(block.as_ptr().cast()) >= Some(block.len()));
    block.cast()
}

fn put(alloc: &SlabAlloc, block: NonNull<u8>, size: usize, align: usize) {
    let layout = Layout::from_size_align(size, align).unwrap();
    // SAFETY: the tests free what they got, once.
    unsafe { alloc.deallocate(block, layout) };
}

#[test]
fn each_class_gives_and_takes_back() {
    let alloc = SlabAlloc::new();
    for class in 0..CLASSES {
        let size = classes::size(class) - TAIL;
        if size == 0 {
            continue; // Nothing is so small with the feature `checked`.
        }
        let count = MANY.min(if cfg!(miri) {
            10
        } else {
            2 * classes::slots(class) + 3
        });
        let blocks: Vec<_> = (0..count).map(|_| get(&alloc, size, 4)).collect();
        let distinct: BTreeSet<_> = blocks.iter().map(|block| block.addr()).collect();
        assert_eq!(distinct.len(), count);
        for (number, block) in blocks.iter().enumerate() {
            // SAFETY: ours.
            unsafe { block.write_bytes(number as u8, size) };
        }
        let stats = alloc.stats().classes[class];
        assert_eq!((stats.size, stats.live), (size + TAIL, count));
        assert_eq!(stats.asked, count * size);
        assert_eq!(stats.hits + stats.misses, count as u64);
        for (number, block) in blocks.iter().enumerate() {
            // SAFETY: ours, written to above.
            let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), size) };
            assert!(bytes.iter().all(|byte| *byte == number as u8));
            put(&alloc, *block, size, 4);
        }
        let stats = alloc.stats().classes[class];
        assert_eq!((stats.live, stats.asked), (0, 0));
    }
    assert_eq!(alloc.stats().live(), 0);
    alloc.trim();
    let stats = alloc.stats();
    assert_eq!((stats.held(), stats.retained), (0, 0), "{stats}");
}

#[test]
fn what_threads_leave_is_used_again() {
    let alloc = SlabAlloc::new();
    for _ in 0..20 {
        let blocks = thread::scope(|scope| {
            let made = scope.spawn(|| {
                let blocks: Vec<_> = (0..MANY).map(|_| get(&alloc, 100, 1)).collect();
                blocks.iter().for_each(|block| put(&alloc, *block, 100, 1));
                blocks.len()
            });
            made.join().unwrap()
        });
        assert_eq!(blocks, MANY);
        if cfg!(miri) {
            break;
        }
    }
    assert_eq!(alloc.stats().threads, 0);
}

#[test]
fn a_large_block_grows_shrinks_and_is_given_back() {
    let alloc = SlabAlloc::new();
    let mut size = 40_000;
    let mut block = get(&alloc, size, 8);
    // SAFETY: ours.
    unsafe { block.write_bytes(9, size) };
    for next in [
        50_000,
        1 << 20,
        3 << 20,
        2 << 20,
        33_000,
        20_000,
        100,
        70_000,
    ] {
        let layout = Layout::from_size_align(size, 8).unwrap();
        // SAFETY: ours.
        let grown = unsafe { alloc.reallocate(block, layout, next) }.unwrap();
        block = grown.cast();
        // SAFETY: ours, and at least so large.
        let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), size.min(next).min(100)) };
        assert!(bytes.iter().all(|byte| *byte == 9));
        size = next;
        assert_eq!(alloc.stats().asked(), size);
        assert_eq!(alloc.stats().live(), 1);
    }
    put(&alloc, block, size, 8);
    assert_eq!(alloc.stats().live(), 0);
    assert!(!alloc.owns(block.as_ptr()));
}

#[test]
fn what_is_kept_of_a_large_block_is_made_larger() {
    let alloc = SlabAlloc::new();
    let (small, large) = (400_000, 1_600_000);
    let block = get(&alloc, small, 8);
    // SAFETY: ours.
    unsafe { block.write_bytes(9, small) };
    put(&alloc, block, small, 8);
    let kept = alloc.stats().retained;
    assert_eq!(kept >= small, !cfg!(feature = "checked"));
    let block = alloc.allocate_zeroed(large, 8).unwrap();
    // SAFETY: ours, written to by `allocate_zeroed`.
    let bytes = unsafe { block.as_ref() };
    assert!(bytes.iter().take(large).all(|byte| *byte == 0));
    assert_eq!(alloc.stats().retained, if block::GROWS { 0 } else { kept });
    assert!((large..2 * large).contains(&alloc.stats().large.given));
    put(&alloc, block.cast(), large, 8);
    assert_eq!(alloc.stats().live(), 0);
}
