//! One arena's day, with each call of its page sources refused in turn.

use crate::source::PageSource;
use crate::source::fault::{Fault, Plan};
use crate::{Arena, ArenaConfig, ArenaPool};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

thread_local! {
    static PLAN: RefCell<Option<Arc<Plan>>> = const { RefCell::new(None) };
}

/// A source that does as this thread's plan says, if it has one.
pub(in crate::arena) fn watched(source: Box<dyn PageSource>) -> Box<dyn PageSource> {
    match PLAN.with_borrow(Clone::clone) {
        Some(plan) => Box::new(Fault::new(source, plan)),
        None => source,
    }
}

/// Values made and not dropped.
struct Member(Arc<AtomicIsize>);

impl Member {
    fn of(census: &Arc<AtomicIsize>) -> Self {
        census.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(census))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Says how often it was refused.
fn day(arena: &mut Arena, census: &Arc<AtomicIsize>) -> usize {
    let mut refused = 0;
    let mut count = |is_ok: bool| refused += usize::from(!is_ok);
    let kept = arena.try_alloc(7_u64);
    let point = arena.try_checkpoint();
    let kept = kept.ok();
    arena.scope(|s| {
        count(s.try_alloc(Member::of(census)).is_ok());
        let small = s.try_alloc_str("small").ok();
        count(s.try_alloc_slice_fill_with(5000, |n| n as u8).is_ok());
        let guard = s.scope_guard();
        count(
            guard
                .try_alloc_iter((0..300).map(|_| Member::of(census)))
                .is_ok(),
        );
        count(
            s.try_alloc_slice_fill_with(100, |_| Member::of(census))
                .is_ok(),
        );
        count(guard.try_alloc_fmt(format_args!("{:9000}", 7)).is_ok());
        s.scope(|t| count(t.try_alloc_box([1_u8; 20_000]).is_ok()));
        assert!(small.is_none_or(|small| small == "small"));
    });
    assert!(kept.is_none_or(|kept| *kept == 7));
    assert_eq!(census.load(Ordering::Relaxed), 0);
    count(arena.try_alloc(Member::of(census)).is_ok());
    count(arena.try_alloc_slice_copy(&[1_u8; 30_000]).is_ok());
    if let Ok(point) = point {
        assert_eq!(arena.rollback(point), Ok(()));
    }
    count(arena.try_alloc_slice_copy(&[2_u8; 12_000]).is_ok());
    arena.trim();
    arena.reset();
    assert_eq!(census.load(Ordering::Relaxed), 0);
    assert_eq!(arena.stats().allocated, 0);
    refused
}

#[test]
fn any_call_may_be_refused() {
    let plan = Arc::new(Plan::default());
    PLAN.set(Some(Arc::clone(&plan)));
    let census = Arc::new(AtomicIsize::new(0));
    let config = ArenaConfig::new().chunk(4096).chunk_max(16 << 10);
    let configs = [
        config,
        config.keep(8192),
        config.limit(60_000),
        config.prefault(true),
    ];
    for config in configs {
        for count in [1, 3, usize::MAX] {
            for after in 0.. {
                let mut arena = Arena::of(config);
                plan.fail(after, count);
                let before = plan.calls();
                day(&mut arena, &census);
                let calls = plan.calls() - before;
                plan.heal();
                // It is as good as new.
                for _ in 0..2 {
                    let refused = day(&mut arena, &census);
                    assert!(
                        refused == 0 || config.limit < usize::MAX,
                        "{refused} refused"
                    );
                }
                drop(arena);
                assert_eq!(
                    (plan.spans(), plan.committed()),
                    (0, 0),
                    "all was given back"
                );
                if calls <= after || (cfg!(miri) && after > 3) {
                    break;
                }
            }
        }
    }
    PLAN.set(None);
}

#[test]
fn a_first_chunk_that_is_refused_leaves_nothing() {
    let plan = Arc::new(Plan::default());
    PLAN.set(Some(Arc::clone(&plan)));
    for after in 0..2 {
        plan.fail(after, 1);
        assert!(Arena::with_config(ArenaConfig::new()).is_err());
        plan.heal();
        assert_eq!((plan.spans(), plan.committed()), (0, 0));
    }
    let pool = ArenaPool::new();
    plan.fail(0, 1);
    let full = pool.get().try_alloc(7).unwrap_err();
    assert_eq!((full.limit(), full.into_inner()), (None, 7));
    assert_eq!(*pool.get().alloc(7), 7);
    drop(pool);
    assert_eq!(plan.spans(), 0);
    PLAN.set(None);
}
