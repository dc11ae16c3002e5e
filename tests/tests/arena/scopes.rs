//! Scopes and guards: nested, beside each other, forgotten.

use crate::Log;
use pool::{Arena, Scope, ScopeGuard};
use std::mem;
use tests::scaled;

#[test]
fn a_scope_may_use_what_is_around_it() {
    let arena = Arena::new();
    let outer = arena.alloc_slice_copy(&[1, 2, 3]);
    let sum = arena.scope(|s| {
        let own = s.alloc(10);
        let kept = s.scope(|t| {
            let inner = t.alloc(100);
            outer[0] += *own;
            *own += *inner;
            // Of the outer ones, while inner ones are open: it outlives them.
            let late = s.alloc_str("late");
            arena.alloc(7_u64);
            t.alloc_slice_fill_with(1000, |_| 0_u8);
            late
        });
        s.alloc_slice_fill_with(5000, |_| 1_u8);
        assert_eq!(kept, "late");
        *own
    });
    assert_eq!((sum, &*outer), (110, &[11, 2, 3][..]));
}

/// Frames are large where nothing is optimised.
fn with_a_large_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(test);
    thread.expect("a thread").join().expect("the test passes");
}

#[test]
fn scopes_nest_as_deep_as_the_stack() {
    fn deeper<'log: 'env, 'env>(s: &Scope<'env>, depth: usize, log: &'log Log) -> usize {
        let own = s.alloc(depth);
        s.alloc(log.entry(depth as u32));
        let below = match depth {
            0 => 0,
            _ => s.scope(|t| deeper(t, depth - 1, log)),
        };
        // Seldom of the outer one meanwhile, and after.
        if depth.is_multiple_of(100) {
            s.alloc_slice_fill_with(10_000, |_| depth);
        }
        assert_eq!(*own, depth);
        below + 1
    }

    with_a_large_stack(|| {
        let depth = scaled(1000, 20);
        let log = Log::new();
        let arena = Arena::new();
        assert_eq!(arena.scope(|s| deeper(s, depth, &log)), depth + 1);
        assert!(log.take().into_iter().eq(0..=depth as u32));
        assert_eq!(arena.stats().allocated, 0);
    });
}

#[test]
fn guards_nest_too() {
    fn deeper(s: &Scope<'_>, depth: usize) -> usize {
        let guard = s.scope_guard();
        let own = guard.alloc(depth);
        let below = match depth {
            0 => 0,
            _ => deeper(&guard, depth - 1),
        };
        assert_eq!(*own, depth);
        below + 1
    }

    with_a_large_stack(|| {
        let arena = Arena::new();
        let depth = scaled(1000, 20);
        assert_eq!(deeper(&arena.scope_guard(), depth), depth + 1);
        assert_eq!(arena.stats().allocated, 0);
    });
}

/// All orders in which four guards may end, with allocations of all in between.
#[test]
fn guards_end_in_any_order() {
    fn orders(rest: &[usize], done: &mut Vec<usize>, each: &mut impl FnMut(&[usize])) {
        if rest.is_empty() {
            each(done);
        }
        for &next in rest {
            done.push(next);
            let others: Vec<usize> = rest
                .iter()
                .copied()
                .filter(|&other| other != next)
                .collect();
            orders(&others, done, each);
            done.pop();
        }
    }

    let log = Log::new();
    let mut arena = Arena::new();
    let all: &[usize] = if cfg!(miri) {
        &[0, 1, 2]
    } else {
        &[0, 1, 2, 3]
    };
    for between in [false, true] {
        orders(all, &mut Vec::new(), &mut |order| {
            let own = arena.alloc(77);
            let mut guards: Vec<Option<ScopeGuard<'_>>> = all
                .iter()
                .map(|&n| {
                    let guard = arena.scope_guard();
                    guard.alloc(log.entry(n as u32));
                    if between {
                        arena.alloc_str("in between");
                    }
                    Some(guard)
                })
                .collect();
            for &n in order {
                let texts: Vec<&str> = guards
                    .iter()
                    .flatten()
                    .map(|guard| &*guard.alloc_str("a guard's"))
                    .collect();
                assert!(texts.iter().all(|text| *text == "a guard's"));
                drop(guards[n].take());
                assert_eq!(log.take(), [n as u32]);
                arena.alloc_slice_fill_with(300, |_| 9_u8);
            }
            assert_eq!(*own, 77);
            drop(guards);
            arena.reset();
            assert_eq!(arena.stats().allocated, 0);
        });
    }
}

#[test]
fn guards_that_are_forgotten_leave_their_memory_to_the_reset() {
    let log = Log::new();
    let mut arena = Arena::new();
    for round in 0..20 {
        let own = arena.alloc(round);
        let guard = arena.scope_guard();
        guard.alloc(log.entry(1));
        guard.alloc_slice_fill_with(20_000, |_| 1_u8);
        let inner = guard.scope_guard();
        inner.alloc_slice_fill_with(200_000, |_| 1_u8);
        mem::forget(inner);
        guard.alloc(log.entry(2));
        mem::forget(guard);
        let after = arena.alloc(round);
        arena.scope(|s| mem::forget(s.scope_guard()));
        assert_eq!((*own, *after), (round, round));
        arena.reset();
        assert_eq!(arena.stats().allocated, 0);
    }
    assert!(arena.stats().chunks < 8, "{}", arena.stats());
    assert_eq!(log.take(), [], "a forgotten guard drops nothing");
}

#[test]
fn a_guard_may_be_moved() {
    let log = Log::new();
    let arena = Arena::new();
    let guard = arena.scope_guard();
    guard.alloc(log.entry(1));
    let mut boxed = Box::new(guard);
    boxed.alloc(log.entry(2));
    let mut other = arena.scope_guard();
    other.alloc(log.entry(3));
    mem::swap(&mut *boxed, &mut other);
    boxed.alloc(log.entry(4));
    other.alloc(log.entry(5));
    drop(other);
    assert_eq!(log.take(), [5, 2, 1]);
    drop(boxed);
    assert_eq!(log.take(), [4, 3]);
}

/// A value of one guard may own another.
#[test]
fn a_scope_may_own_a_guard() {
    let log = Log::new();
    let arena = Arena::new();
    for flip in [false, true] {
        let (mut a, mut b) = (arena.scope_guard(), arena.scope_guard());
        if flip {
            mem::swap(&mut a, &mut b);
        }
        a.alloc(log.entry(1));
        b.alloc(log.entry(2));
        b.alloc_slice_fill_with(100_000, |_| 0_u8);
        a.alloc(b);
        a.alloc(log.entry(3));
        drop(a);
        assert_eq!(log.take(), [3, 2, 1]);
    }
    assert_eq!(*arena.alloc(1), 1);
}

#[test]
fn values_borrow_from_the_scope_around() {
    let log = Log::new();
    Arena::new().scope(|s| {
        let names: Vec<&str> = (0..3).map(|n| &*s.alloc_str(&n.to_string())).collect();
        let entry = s.alloc(log.entry(1));
        s.scope(|t| {
            t.alloc((String::from(names[2]), &mut *entry));
            t.alloc_box(&names[..]);
            let owned = t.alloc(names.clone());
            owned.push("3");
        });
        entry.1 = 4;
        let guard = s.scope_guard();
        guard.alloc(vec![&*entry]);
    });
    assert_eq!(log.take(), [4]);
}
