//! Panics in every piece of the user's code that runs inside the arena's.

use crate::{Bomb, Log, explodes};
use pool::Arena;
use std::panic::panic_any;
use tests::Census;

#[test]
fn a_scope_that_panics_ends() {
    let log = Log::new();
    let arena = Arena::new();
    let outer = arena.alloc(7);
    for _ in 0..5 {
        let number = explodes(|| {
            arena.scope(|s| {
                s.alloc(log.entry(1));
                s.scope(|t| {
                    t.alloc(log.entry(2));
                    t.alloc_slice_fill_with(100_000, |_| 0_u8);
                    s.alloc(log.entry(3));
                    arena.alloc_str("around it");
                    panic_any(9_u32)
                })
            })
        });
        assert_eq!((number, log.take()), (9, vec![2, 3, 1]));
        assert_eq!(*arena.alloc(3), 3);
        arena.scope(|s| {
            let own = s.alloc(5);
            s.alloc(log.entry(4));
            let number = explodes(|| s.scope(|t| panic_any(t.alloc(log.entry(6)).1)));
            assert_eq!((number, *own), (6, 5));
            s.alloc(log.entry(7));
        });
        assert_eq!(log.take(), [6, 7, 4]);
    }
    assert_eq!(*outer, 7);
}

#[test]
fn what_a_maker_panics_in_is_not_dropped() {
    let log = Log::new();
    Arena::new().scope(|s| {
        s.alloc(log.entry(1));
        assert_eq!(
            explodes(|| s.alloc_with::<crate::Entry<'_>>(|| panic_any(5_u32))),
            5
        );
        // Of items, those that were made are.
        let fill = |n: usize| match n {
            3 => panic_any(6_u32),
            _ => log.entry(10 + n as u32),
        };
        assert_eq!(explodes(|| s.alloc_slice_fill_with(9, fill)), 6);
        assert_eq!(log.take(), [10, 11, 12]);
        assert_eq!(explodes(|| s.alloc_iter((0..9).map(fill))), 6);
        assert_eq!(log.take(), [10, 11, 12]);
        s.alloc(log.entry(2));
    });
    assert_eq!(log.take(), [2, 1]);
}

#[test]
fn clones_that_were_made_are_dropped_with_a_panic() {
    struct Fragile(tests::Member, bool);

    impl Clone for Fragile {
        fn clone(&self) -> Self {
            if self.1 {
                panic_any(3_u32);
            }
            Self(self.0.clone(), false)
        }
    }

    let census = Census::new();
    let items = [false, false, true, false].map(|fails| Fragile(census.member(), fails));
    Arena::new().scope(|s| {
        assert_eq!(explodes(|| s.alloc_slice_clone(&items)), 3);
        assert_eq!(census.alive(), 4);
        assert_eq!(s.alloc_slice_clone(&items[..2]).len(), 2);
        assert_eq!(census.alive(), 6);
    });
    assert_eq!(census.alive(), 4);
}

/// One panic, or several: all destructors run, in order, once, and the first panic goes on.
#[test]
fn all_destructors_run_when_some_panic() {
    let log = Log::new();
    for bombs in [
        &[4][..],
        &[0],
        &[9],
        &[3, 4],
        &[2, 7],
        &[0, 5, 9],
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    ] {
        let arena = Arena::new();
        let first = *bombs.last().expect("some");
        let number = explodes(|| {
            arena.scope(|s| {
                for n in 0..10 {
                    match bombs.contains(&n) {
                        true => _ = s.alloc_with(|| Bomb(log.entry(n))),
                        false => _ = s.alloc(log.entry(n)),
                    }
                }
            });
        });
        assert_eq!(number, first);
        assert_eq!(log.take(), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
        assert_eq!(*arena.alloc(1), 1);
    }
}

#[test]
fn an_array_with_bombs_is_dropped_whole() {
    let log = Log::new();
    let arena = Arena::new();
    let number = explodes(|| {
        let guard = arena.scope_guard();
        guard.alloc(log.entry(0));
        guard.alloc_slice_fill_with(5, |n| Bomb(log.entry(n as u32 + 1)));
        guard.alloc_iter((6..9).map(|n| log.entry(n)));
    });
    assert_eq!((number, log.take()), (1, vec![6, 7, 8, 1, 2, 3, 4, 5, 0]));
}

/// What panics is dropped, and may panic there, too.
#[test]
fn payloads_that_panic_are_left_alone() {
    struct Payload;

    impl Drop for Payload {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic_any(1_u32);
            }
        }
    }

    struct Thrower<'log>(crate::Entry<'log>);

    impl Drop for Thrower<'_> {
        fn drop(&mut self) {
            let _ = self.0.1;
            std::panic::resume_unwind(Box::new(Payload));
        }
    }

    let log = Log::new();
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        Arena::new().scope(|s| {
            for n in 0..4 {
                s.alloc(Thrower(log.entry(n)));
            }
        });
    }));
    let payload = ended
        .expect_err("it panics")
        .downcast::<Payload>()
        .expect("the first");
    std::mem::forget(*payload);
    assert_eq!(log.take(), [3, 2, 1, 0]);
}

#[test]
fn resets_rollbacks_and_ends_go_through_with_a_bomb() {
    struct Loud(tests::Member, u32);

    impl Drop for Loud {
        fn drop(&mut self) {
            let _ = &self.0;
            panic_any(self.1);
        }
    }

    let census = Census::new();
    let mut arena = Arena::new();
    for _ in 0..3 {
        let base = arena.checkpoint();
        arena.alloc(census.member());
        arena.alloc(Loud(census.member(), 1));
        let here = arena.checkpoint();
        arena.alloc(Loud(census.member(), 2));
        arena.alloc(census.member());
        arena.alloc_slice_fill_with(100_000, |_| 0_u8);
        assert_eq!(explodes(|| arena.rollback(here)), 2);
        assert_eq!(census.alive(), 2);
        assert_eq!(*arena.alloc(5), 5);
        assert_eq!(arena.rollback(here), Ok(()));
        assert_eq!(explodes(|| arena.rollback(base)), 1);
        assert_eq!((census.alive(), arena.rollback(base)), (0, Ok(())));
        arena.alloc(Loud(census.member(), 3));
        arena.alloc(census.member());
        assert_eq!(explodes(|| arena.reset()), 3);
        assert_eq!((census.alive(), arena.stats().allocated), (0, 0));
    }
    arena.alloc(census.member());
    arena.alloc(Loud(census.member(), 4));
    assert_eq!(explodes(|| drop(arena)), 4);
    assert_eq!(census.alive(), 0);
}
