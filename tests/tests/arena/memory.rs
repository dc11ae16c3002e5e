//! Sizes, alignments, limits, and what is said when there is no memory.

use crate::address;
use pool::{Arena, ArenaConfig, InitError, PageSize, format_in};
use std::alloc::Layout;
use std::error::Error;
use std::fmt;
use tests::scaled;

#[derive(Clone, Copy, PartialEq, Debug)]
#[repr(align(4096))]
struct Page(u8);

#[derive(Clone, Copy)]
#[repr(align(16384))]
struct Pages(u8);

#[derive(Clone, Copy)]
#[repr(align(4096))]
struct NoPage;

#[test]
fn alignments_hold_beside_other_blocks() {
    Arena::new().scope(|s| {
        for n in 0..20_u8 {
            s.alloc(n);
            let page = s.alloc(Page(n));
            s.alloc_str("x");
            let pages = s.alloc_with(|| Pages(n));
            assert_eq!((address(page) % 4096, address(pages) % 16384), (0, 0));
            assert_eq!((page.0, pages.0), (n, n));
            let several = s.alloc_slice_fill_with(3, |_| Page(n));
            assert_eq!(address(several) % 4096, 0);
            let grown = s.alloc_iter((0..n).map(Page));
            assert!(
                address(grown).is_multiple_of(4096) && grown.iter().map(|page| page.0).eq(0..n)
            );
            assert_eq!(address(s.alloc(NoPage)) % 4096, 0);
            assert_eq!(address(s.alloc_slice_copy(&[NoPage; 9])) % 4096, 0);
        }
        for bits in 0..17 {
            for size in [0, 1, 7, 8, 9, 4095, 70_000] {
                let layout = Layout::from_size_align(size, 1 << bits).expect("a layout");
                let block = s.alloc_layout(layout);
                assert!(block.as_ptr().addr().is_multiple_of(1 << bits));
                // SAFETY: new memory of that size.
                unsafe { block.write_bytes(0xaa, size) };
            }
        }
    });
}

#[test]
fn what_takes_no_memory_takes_none() {
    let arena = Arena::with_limit(0);
    arena.alloc(());
    assert_eq!(arena.alloc_slice_fill_with(5, |_| ()).len(), 5);
    assert_eq!(arena.alloc_slice_copy(&[(); 1000]).len(), 1000);
    assert_eq!(arena.alloc_iter(std::iter::repeat_n((), 77)).len(), 77);
    assert_eq!(arena.alloc_str(""), "");
    assert_eq!(arena.alloc_slice_copy::<u64>(&[]), []);
    assert_eq!(
        arena.alloc_slice_fill_with::<String>(0, |_| unreachable!()),
        [""; 0]
    );
    assert_eq!(arena.alloc_iter::<u64>([]), []);
    assert_eq!(format_in!(arena, ""), "");
    assert_eq!(format_in!(arena, "{}", ""), "");
    let boxed = arena.alloc_box(());
    assert_eq!(*boxed, ());
    assert!(arena.try_alloc(1_u8).is_err());
    assert_eq!((arena.stats().allocated, arena.stats().chunks), (0, 0));
}

#[test]
fn a_block_of_more_than_a_chunk_has_its_own() {
    let len = scaled(20 << 20, 1 << 20);
    let mut arena = Arena::new();
    let bytes = arena.alloc_slice_fill_with(len, |n| n as u8);
    assert_eq!(bytes[len - 1], (len - 1) as u8);
    arena.alloc(1);
    arena.reset();
    let chunks = arena.stats().chunks;
    arena.alloc_slice_fill_with(len, |n| n as u8);
    assert_eq!(arena.stats().chunks, chunks, "it was kept");
    for impossible in [isize::MAX as usize, isize::MAX as usize / 2] {
        let layout = Layout::from_size_align(impossible & !4095, 1).expect("a layout");
        let full = arena.try_alloc_layout(layout).unwrap_err();
        assert_eq!((full.size(), full.limit()), (layout.size(), None));
    }
    assert!(
        arena
            .try_alloc_slice_fill_with(usize::MAX, |_| 0_u64)
            .is_err()
    );
    let most = Layout::from_size_align(1, 1 << 62).expect("a layout");
    assert!(arena.try_alloc_layout(most).is_err());
    arena.alloc(2);
}

#[test]
fn every_byte_of_a_limit_can_be_had_and_not_one_more() {
    for limit in [8, 64, 1000, 4096, 65_536, 70_000] {
        let mut arena = Arena::with_limit(limit);
        for _ in 0..2 {
            let mut taken = 0;
            while arena.try_alloc(7_u64).is_ok() {
                taken += 8;
            }
            assert_eq!(taken, limit / 8 * 8);
            assert!(arena.try_alloc(0_u8).is_err());
            arena.reset();
            assert!(arena.try_alloc_slice_copy(&vec![1_u8; limit]).is_ok());
            arena.reset();
            assert!(arena.try_alloc_slice_copy(&vec![1_u8; limit + 1]).is_err());
        }
    }
}

#[test]
fn a_limit_of_several_chunks_is_kept() {
    let limit = 100_000;
    let config = ArenaConfig::new().chunk(4096).chunk_max(8192).limit(limit);
    let mut arena = Arena::with_config(config).expect("some memory");
    for _ in 0..3 {
        let mut taken = 0;
        while arena.try_alloc([0_u8; 24]).is_ok() {
            taken += 24;
        }
        let stats = arena.stats();
        assert!(
            taken <= limit && taken > limit - stats.chunks * 24 - 24,
            "{taken}, {stats}"
        );
        assert_eq!(stats.allocated, taken);
        arena.reset();
        // Smaller chunks make way for one that is large.
        assert!(arena.try_alloc_slice_copy(&vec![1_u8; 90_000]).is_ok());
        assert!(arena.stats().allocated <= limit);
        arena.reset();
    }
}

#[test]
fn a_refusal_gives_back_what_it_was_given() {
    let arena = Arena::with_limit(64);
    let full = arena.try_alloc([7_u8; 65]).unwrap_err();
    assert_eq!(
        (full.size(), full.limit(), full.get_ref()[64]),
        (65, Some(64), 7)
    );
    assert!(full.source().is_none());
    let said = full.to_string();
    assert!(
        said.contains("65 bytes") && said.contains("limit of 64 bytes"),
        "{said}"
    );
    assert!(format!("{full:?}").contains("65 bytes"));
    assert_eq!(full.into_inner(), [7; 65]);

    let text = String::from("kept");
    let make = move || {
        assert!(text.is_empty(), "must not be called");
        [1_u8; 65]
    };
    let full = arena.try_alloc_with(make).unwrap_err();
    let _uncalled: Box<dyn FnOnce() -> [u8; 65]> = Box::new(full.into_inner());
    let mut called = 0;
    let full = arena.try_alloc_slice_fill_with(9, |n| {
        called += 1;
        n
    });
    let mut make = full.unwrap_err().into_inner();
    assert_eq!(make(3), 3);
    assert_eq!(called, 1);

    assert_eq!(
        arena
            .try_alloc_box(vec![5; 3])
            .map(|boxed| boxed[0])
            .expect("24 bytes"),
        5
    );
    assert_eq!(
        arena.try_alloc_box([9_u8; 99]).unwrap_err().into_inner(),
        [9; 99]
    );
    assert!(arena.try_alloc_str(&"x".repeat(65)).is_err());
    assert!(arena.try_alloc_slice_copy(&[0_u8; 65]).is_err());
    assert!(
        arena
            .try_alloc_slice_clone(&vec![String::new(); 9])
            .is_err()
    );
    assert!(arena.try_alloc_iter(0..100_u64).is_err());
    assert!(
        arena
            .try_alloc_iter((0..100_u64).filter(|n| n % 2 == 0))
            .is_err()
    );
    assert!(arena.try_alloc_fmt(format_args!("{:100}", 7)).is_err());
    assert!(arena.try_alloc_layout(Layout::new::<[u64; 9]>()).is_err());
    assert!(arena.no_drop().try_alloc([0_u64; 9]).is_err());
    // There is what there was.
    assert_eq!(*arena.alloc(1_u64), 1);
}

#[test]
#[should_panic(expected = "limit of 16 bytes would be passed")]
fn a_panic_says_what_is_full() {
    Arena::with_limit(16).alloc([0_u8; 17]);
}

#[test]
fn texts_and_slices_are_what_they_were() {
    Arena::new().scope(|s| {
        let text = s.alloc_str("Grüße");
        text.make_ascii_uppercase();
        assert_eq!(text, "GRüßE");
        let borrowed = String::from("borrowed");
        let refs = s.alloc_slice_copy(&[borrowed.as_str(), "b"]);
        assert_eq!(refs, ["borrowed", "b"]);
        let cloned = s.alloc_slice_clone(&[vec![1], vec![2, 3]]);
        cloned[0].push(9);
        assert_eq!(cloned, [vec![1, 9], vec![2, 3]]);
        let words = s.alloc_iter("a b c".split(' ').map(String::from));
        assert_eq!(words, ["a", "b", "c"]);
        assert_eq!(s.alloc_slice_fill_with(4, |n| n * n), [0, 1, 4, 9]);
    });
}

#[test]
fn formatting_may_format_and_may_fail() {
    struct Nested<'a>(&'a Arena, u32);

    impl fmt::Display for Nested<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self.1 {
                0 => f.write_str("."),
                n => {
                    let inner = format_in!(self.0, "{}{n}", Nested(self.0, n - 1));
                    f.write_str(inner)
                }
            }
        }
    }

    struct Failing;

    impl fmt::Display for Failing {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("some text")?;
            Err(fmt::Error)
        }
    }

    /// One that goes on although it could not write.
    struct Stubborn;

    impl fmt::Display for Stubborn {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let _ = f.write_str(&"x".repeat(500));
            f.write_str("y")
        }
    }

    let arena = Arena::new();
    let text = format_in!(arena, "{}", Nested(&arena, 9));
    assert_eq!(text, ".123456789");
    let long = format_in!(arena, "{:>5000}|{}", 7, Nested(&arena, 3));
    assert!(long.len() == 5005 && long.ends_with("7|.123"));
    assert_eq!(text, ".123456789");
    let failed = std::panic::catch_unwind(|| format_in!(arena, "{}", Failing).len());
    assert!(failed.is_err());
    let full = Arena::with_limit(100)
        .try_alloc_fmt(format_args!("{Stubborn}"))
        .map(|text| text.len());
    assert!(full.is_err(), "not a text with a gap");
}

#[test]
fn hints_of_iterators_are_not_believed() {
    struct Lying(usize, (usize, Option<usize>));

    impl Iterator for Lying {
        type Item = String;

        fn next(&mut self) -> Option<String> {
            self.0 = self.0.checked_sub(1)?;
            Some(self.0.to_string())
        }

        fn size_hint(&self) -> (usize, Option<usize>) {
            self.1
        }
    }

    Arena::new().scope(|s| {
        for hint in [
            (0, None),
            (0, Some(0)),
            (5, Some(2)),
            (200, Some(1)),
            (1000, None),
        ] {
            let items = s.alloc_iter(Lying(100, hint));
            assert_eq!(
                (items.len(), items[0].as_str(), items[99].as_str()),
                (100, "99", "0")
            );
            assert_eq!(s.alloc_iter(Lying(0, hint)).len(), 0);
        }
        for too_many in [usize::MAX, isize::MAX as usize / 24] {
            assert_eq!(s.alloc_iter(Lying(1, (too_many, None))).len(), 1);
        }
    });
}

#[test]
fn iterators_and_makers_may_allocate_meanwhile() {
    Arena::new().scope(|s| {
        let names: Vec<&str> = (0..50).map(|n| &*format_in!(s, "name {n}")).collect();
        let items = s.alloc_iter((0..300_usize).map(|n| {
            let inner = s.alloc_iter((0..n % 7).map(|k| s.alloc(k.to_string()).len()));
            s.scope(|t| t.alloc_slice_fill_with(50, |_| n).len()) + inner.len()
        }));
        assert!(
            items
                .iter()
                .enumerate()
                .all(|(n, item)| *item == 50 + n % 7)
        );
        let outer = s.alloc_with(|| s.alloc_with(|| s.alloc(5).to_string()).len());
        assert_eq!(*outer, 1);
        let filled = s.alloc_slice_fill_with(5, |n| s.alloc_slice_fill_with(n, |k| k).len());
        assert_eq!(filled, [0, 1, 2, 3, 4]);
        assert_eq!(names[49], "name 49");
    });
}

#[test]
fn an_arena_has_what_it_was_asked_for() {
    let config = ArenaConfig::new()
        .chunk(1 << 20)
        .prefault(true)
        .pages(PageSize::Transparent);
    let arena = Arena::with_config(config).expect("some memory");
    assert_eq!(arena.config(), config);
    let stats = arena.stats();
    assert_eq!((stats.chunks, stats.allocated), (1, 0));
    assert!(stats.reserved >= 1 << 20);
    let none = Arena::new();
    assert_eq!((none.stats().chunks, none.stats().reserved), (0, 0));
}

#[test]
fn chunks_may_be_as_small_or_as_large_as_one_likes() {
    for (chunk, most) in [
        (0, 0),
        (1, usize::MAX),
        (usize::MAX, 1),
        (usize::MAX, 1 << 16),
    ] {
        let config = ArenaConfig::new().chunk(chunk).chunk_max(most);
        let arena = Arena::with_config(config).expect("some memory");
        for n in 0..scaled(20_000, 600) {
            assert_eq!(*arena.alloc(n), n);
        }
    }
    let endless = ArenaConfig::new().chunk(usize::MAX).chunk_max(usize::MAX);
    assert!(Arena::with_config(endless).is_err());
}

#[test]
#[cfg(target_os = "linux")]
#[cfg_attr(miri, ignore = "calls the system")]
fn memory_is_locked_or_it_is_said_why_not() {
    let locked = |chunk| Arena::with_config(ArenaConfig::new().chunk(chunk).lock(true));
    match locked(1 << 16) {
        Ok(arena) => assert_eq!(*arena.alloc(7), 7),
        Err(refused) => assert!(matches!(refused, InitError::Lock { .. }), "{refused}"),
    }
}

#[test]
#[cfg(target_os = "linux")]
#[cfg_attr(miri, ignore = "calls the system")]
fn huge_pages_that_are_required_are_there_or_refused() {
    let config = ArenaConfig::new()
        .pages(PageSize::Huge2M)
        .pages_required(true);
    match Arena::with_config(config) {
        Ok(arena) => {
            assert_eq!(arena.stats().reserved % (2 << 20), 0);
            assert_eq!(*arena.alloc(7), 7);
        }
        Err(refused) => {
            assert!(
                matches!(refused, InitError::Pages { .. } | InitError::Reserve { .. }),
                "{refused}"
            );
            // An allocation says the same.
            let full = pool::ArenaPool::with_config(config)
                .get()
                .try_alloc(1)
                .unwrap_err();
            assert!(full.limit().is_none() && full.source().is_some());
        }
    }
    // Not required, there are others.
    let arena = Arena::with_config(config.pages_required(false)).expect("some pages");
    assert_eq!(*arena.alloc(7), 7);
}
