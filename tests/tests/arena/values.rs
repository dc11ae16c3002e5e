//! Values with destructors: dropped once, newest first.

use crate::{Entry, Log, Long};
use pool::{Arena, ArenaBox, erase};
use std::fmt::Display;
use std::mem;
use tests::{Census, scaled};

#[test]
fn the_newest_is_dropped_first() {
    let log = Log::new();
    Arena::new().scope(|s| {
        for n in 0..10 {
            s.alloc(log.entry(n));
        }
        assert_eq!(log.take(), []);
    });
    assert_eq!(log.take(), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
}

#[test]
fn runs_of_types_alternate() {
    let log = Log::new();
    let count = scaled(5000, 100) as u32;
    Arena::new().scope(|s| {
        for n in 0..count {
            match n % 11 {
                0..=3 => _ = s.alloc(log.entry(n)),
                4 | 5 => _ = s.alloc(Long(log.entry(n), [7; 50])),
                6 => _ = s.alloc_with(|| Box::new(log.entry(n))),
                7 => {
                    // In between, of the same end and of the other.
                    s.alloc(n);
                    s.alloc(log.entry(n));
                    s.alloc_iter(0..n % 5);
                    s.alloc_str("in between");
                }
                8 => {
                    s.scope(|t| t.alloc(log.entry(n)).1);
                    assert_eq!(log.take(), [n]);
                    s.alloc(log.entry(n));
                }
                9 => _ = s.alloc_slice_fill_with(1, |_| log.entry(n)),
                _ => _ = s.alloc_iter([log.entry(n)]),
            }
        }
    });
    assert!(log.take().into_iter().eq((0..count).rev()));
}

#[test]
fn a_run_goes_on_after_a_scope_and_over_chunks() {
    let log = Log::new();
    let count = scaled(60_000, 300) as u32;
    let mut arena = Arena::new();
    for _ in 0..2 {
        arena.scope(|s| {
            for n in 0..count {
                s.alloc(log.entry(n));
                if n % 1000 == 0 {
                    s.scope(|t| t.alloc_slice_fill_with(500, |_| n).len());
                }
            }
        });
        assert!(log.take().into_iter().eq((0..count).rev()));
        arena.reset();
    }
}

#[test]
fn items_of_a_slice_are_dropped_in_order_and_slices_newest_first() {
    let log = Log::new();
    Arena::new().scope(|s| {
        s.alloc_slice_fill_with(3, |n| log.entry(n as u32));
        s.alloc_iter((3..6).map(|n| log.entry(n)));
        s.alloc(log.entry(6));
        s.alloc_slice_fill_with(0, |n| log.entry(n as u32));
        s.alloc_iter((7..9).filter(|n| n % 2 == 0).map(|n| log.entry(n)));
    });
    assert_eq!(log.take(), [8, 6, 3, 4, 5, 0, 1, 2]);
}

#[test]
fn values_without_a_size_are_counted() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static DROPPED: AtomicUsize = AtomicUsize::new(0);

    struct Nothing;

    impl Drop for Nothing {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[repr(align(256))]
    struct Aligned(Nothing);

    Arena::new().scope(|s| {
        for _ in 0..10 {
            s.alloc(Nothing);
            s.alloc(Aligned(Nothing));
            s.alloc(Aligned(Nothing));
        }
        s.alloc_slice_fill_with(100, |_| Nothing);
        s.alloc_iter((0..1000).map(|_| Nothing));
        s.alloc_iter((0..10).map(|_| Aligned(Nothing)));
        drop(s.alloc_box(Nothing));
        assert_eq!(DROPPED.load(Ordering::Relaxed), 1);
    });
    assert_eq!(DROPPED.load(Ordering::Relaxed), 1 + 30 + 1110);
}

#[test]
fn over_aligned_values_make_runs() {
    #[repr(align(128))]
    struct Aligned<'log>(Entry<'log>, u8);

    let log = Log::new();
    Arena::new().scope(|s| {
        let values: Vec<_> = (0..100)
            .map(|n| s.alloc(Aligned(log.entry(n), n as u8)))
            .collect();
        for (n, value) in values.iter().enumerate() {
            assert!(crate::address(*value).is_multiple_of(128) && usize::from(value.1) == n);
            assert_eq!(value.0.1 as usize, n);
        }
    });
    assert!(log.take().into_iter().eq((0..100).rev()));
}

/// Types that are one but for a lifetime may be in one run; those that differ in more may not.
#[test]
fn lifetimes_do_not_part_types() {
    let log = Log::new();
    let text = String::from("text");
    Arena::new().scope(|s| {
        let short = String::from("short");
        let _ = short;
        s.alloc((log.entry(1), "static"));
        s.alloc((log.entry(2), text.as_str()));
        s.alloc((log.entry(3), String::from("owned")));
        s.alloc((log.entry(4), &b"bytes"[..]));
    });
    assert_eq!(log.take(), [4, 3, 2, 1]);
}

#[test]
fn an_arenas_own_values_are_dropped_at_its_reset_and_end() {
    let census = Census::new();
    let mut arena = Arena::new();
    for n in 0..10 {
        arena.alloc(census.member());
        arena.alloc_slice_fill_with(n, |_| census.member());
        arena.scope(|s| s.alloc(census.member()) as *const _);
        assert_eq!(census.alive(), 1 + n as isize);
        arena.reset();
        assert_eq!(census.alive(), 0);
    }
    arena.alloc(census.member());
    // On another thread, to which it has gone.
    std::thread::spawn(move || drop(arena))
        .join()
        .expect("it drops");
    assert_eq!(census.alive(), 0);
}

#[test]
fn boxes_drop_earlier_or_give_back_or_are_forgotten() {
    let log = Log::new();
    Arena::new().scope(|s| {
        let a = s.alloc_box(log.entry(1));
        let mut b = s.alloc_box(log.entry(2));
        let c = s.alloc_box(log.entry(3));
        b.1 = 7;
        drop(b);
        assert_eq!(log.take(), [7]);
        let inner = ArenaBox::into_inner(a);
        assert_eq!(log.take(), []);
        drop(inner);
        assert_eq!(log.take(), [1]);
        mem::forget(c);
        let leaked = ArenaBox::leak(s.alloc_box(log.entry(4)));
        leaked.1 = 5;
        // What it borrows may be of the same scope.
        let name = s.alloc_str("name");
        let owner = s.alloc_box((log.entry(6), &*name));
        assert_eq!(owner.1, "name");
        let shown: ArenaBox<'_, dyn Display> = erase!(s.alloc_box(5), dyn Display);
        let list: ArenaBox<'_, [u8]> = erase!(s.alloc_box([1, 2, 3]), [u8]);
        assert_eq!((shown.to_string().as_str(), list.len()), ("5", 3));
    });
    assert_eq!(log.take(), [6]);
    assert_eq!(size_of::<ArenaBox<'_, u64>>(), 8);
    assert_eq!(size_of::<Option<ArenaBox<'_, u64>>>(), 8);
}

#[test]
fn a_box_goes_to_another_thread() {
    let census = Census::new();
    let arena = Arena::new();
    let boxed = arena.alloc_box((census.member(), 7));
    std::thread::scope(|threads| {
        threads.spawn(move || assert_eq!(boxed.1, 7));
    });
    assert_eq!(census.alive(), 0);
}

#[test]
fn what_has_no_destructor_may_borrow_from_its_own_scope() {
    struct Node<'s> {
        value: u32,
        next: Option<&'s Node<'s>>,
    }

    Arena::new().scope(|s| {
        let nodes = s.no_drop();
        let mut first: Option<&Node<'_>> = None;
        for value in 0..100 {
            first = Some(nodes.alloc(Node { value, next: first }));
        }
        let values = std::iter::successors(first, |node| node.next).map(|node| node.value);
        assert!(values.eq((0..100).rev()));
        let refs = nodes.alloc_iter((0..10).map(|n| &*s.alloc(n)));
        let more = nodes.alloc_slice_clone(refs);
        assert_eq!(*more[9], 9);
        let others = nodes.alloc_slice_fill_with(3, |n| &*refs[n]);
        assert_eq!(*nodes.alloc_with(|| others[2]), &2);
        assert!(nodes.try_alloc(1).is_ok() && nodes.try_alloc_with(|| 1).is_ok());
        assert!(nodes.try_alloc_iter(0..2).is_ok() && nodes.try_alloc_slice_clone(&[1]).is_ok());
        assert!(nodes.try_alloc_slice_fill_with(2, |n| n).is_ok());
    });
}

#[test]
fn destructors_may_allocate_around_their_scope() {
    struct Late<'a>(&'a Arena, &'a Log, u32);

    impl Drop for Late<'_> {
        fn drop(&mut self) {
            let text = self.0.alloc_str("while the scope ends");
            self.0.scope(|s| s.alloc(self.1.entry(self.2)).1);
            mem::forget(self.0.scope_guard());
            let guard = self.0.scope_guard();
            guard.alloc_slice_fill_with(3000, |_| 0_u64);
            drop(guard);
            assert_eq!(text, "while the scope ends");
        }
    }

    let log = Log::new();
    let arena = Arena::new();
    let before = arena.alloc(5);
    for _ in 0..5 {
        arena.scope(|s| {
            s.alloc(Late(&arena, &log, 1));
            s.alloc(Long(log.entry(2), [0; 50]));
            s.alloc(Late(&arena, &log, 3));
        });
        assert_eq!(log.take(), [3, 2, 1]);
    }
    assert_eq!(*before, 5);
}
