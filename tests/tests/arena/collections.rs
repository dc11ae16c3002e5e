//! Collections of allocator-api2 in an arena. (hashbrown's are in `ecosystem`.)

use crate::Log;
use allocator_api2_04::alloc::{Allocator, Layout};
use allocator_api2_04::{boxed::Box, vec::Vec};
use pool::Arena;
use tests::scaled;

#[test]
fn the_newest_vec_grows_where_it_is() {
    let arena = Arena::with_limit(4 << 20);
    arena.scope(|s| {
        let mut numbers: Vec<u64, _> = Vec::with_capacity_in(1, s);
        numbers.push(0);
        let start = numbers.as_ptr();
        for n in 1..scaled(100_000, 2000) as u64 {
            numbers.push(n);
            if n % 1000 == 0 {
                // Of the other end.
                s.alloc(n);
                s.alloc_str("beside it");
            }
        }
        assert_eq!(numbers.as_ptr(), start);
        assert!(numbers.iter().copied().eq(0..numbers.len() as u64));
        numbers.truncate(10);
        numbers.shrink_to_fit();
        assert_eq!((numbers.as_ptr(), numbers.capacity()), (start, 10));
        let mut second = Vec::with_capacity_in(9, s);
        second.extend(0_u8..9);
        assert_eq!(second.as_ptr().addr(), start.addr() + 80, "right behind");
        numbers.extend(10..20);
        assert!(numbers.iter().copied().eq(0..20) && second.iter().copied().eq(0..9));
    });
}

#[test]
fn vecs_of_outer_scopes_grow_in_inner_ones() {
    let log = Log::new();
    let arena = Arena::new();
    let mut outermost = Vec::new_in(&arena);
    arena.scope(|s| {
        let mut outer = Vec::new_in(s);
        for n in 0..100 {
            outer.push(log.entry(n));
            s.scope(|t| {
                let mut inner = Vec::new_in(t);
                inner.extend((0..n).map(|k| Box::new_in(k, t)));
                outermost.push(n);
                outer.push(log.entry(n));
                assert_eq!(
                    inner.iter().map(|k| **k).sum::<u32>(),
                    n * (n.max(1) - 1) / 2
                );
            });
        }
        assert_eq!(outer.len(), 200);
        assert!(
            outer
                .iter()
                .enumerate()
                .all(|(at, entry)| entry.1 as usize == at / 2)
        );
        drop(outer);
        assert_eq!(log.take().len(), 200);
    });
    assert!(outermost.iter().copied().eq(0..100));
}

#[test]
fn a_full_arena_is_an_error_to_a_collection() {
    let arena = Arena::with_limit(104);
    let mut bytes: Vec<u8, _> = Vec::new_in(&arena);
    assert!(bytes.try_reserve(105).is_err());
    bytes.extend(0..100);
    assert!(bytes.try_reserve_exact(5).is_err());
    assert!(bytes.iter().copied().eq(0..100));
    drop(bytes);
    assert_eq!(arena.stats().allocated, 0, "the newest block is given back");
}

#[test]
fn blocks_grow_shrink_and_are_zeroed() {
    let arena = Arena::new();
    let memory = &arena;
    let layout = |size, align| Layout::from_size_align(size, align).expect("a layout");
    for align in [1, 8, 64, 4096] {
        let old = layout(24, align);
        let block = memory.allocate(old).expect("memory").cast::<u8>();
        // SAFETY: new memory of that size.
        unsafe { block.write_bytes(7, 24) };
        let between = arena.alloc_layout(layout(8, 8));
        // SAFETY: as above.
        unsafe { between.write_bytes(9, 8) };
        let larger = layout(1000, align * 2);
        // SAFETY: its own block and layout, and more.
        let grown = unsafe { memory.grow_zeroed(block, old, larger) }.expect("memory");
        assert!(grown.cast::<u8>().as_ptr().addr().is_multiple_of(align * 2));
        // SAFETY: all of it was written, and nobody else has it.
        let bytes = unsafe { grown.as_ref() };
        assert!(
            bytes[..24].iter().all(|&byte| byte == 7)
                && bytes[24..1000].iter().all(|&byte| byte == 0)
        );
        let smaller = layout(9, align);
        // SAFETY: its own block and layout, and less.
        let shrunk = unsafe { memory.shrink(grown.cast(), larger, smaller) }.expect("memory");
        // SAFETY: nine bytes of what it was.
        assert_eq!(unsafe { &shrunk.as_ref()[..9] }, [7; 9]);
        // SAFETY: its own block and layout.
        let empty =
            unsafe { memory.shrink(shrunk.cast(), smaller, layout(0, align)) }.expect("nothing");
        // SAFETY: its own block and layout, and more.
        let again =
            unsafe { memory.grow(empty.cast(), layout(0, align), smaller) }.expect("memory");
        // SAFETY: its own block and layout.
        unsafe { memory.deallocate(again.cast(), smaller) };
    }
}

#[test]
fn values_of_no_size_take_no_memory() {
    let arena = Arena::with_limit(0);
    let mut nothing = Vec::new_in(&arena);
    nothing.extend(std::iter::repeat_n((), 1000));
    let boxed = Box::new_in((), &arena);
    assert_eq!((nothing.len(), *boxed), (1000, ()));
}
