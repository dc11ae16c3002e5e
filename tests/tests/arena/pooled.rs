//! Pools of arenas.

use crate::address;
use pool::{Arena, ArenaConfig, ArenaPool};
use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use tests::{Census, join_all, scaled};

#[test]
fn an_arena_comes_back_warm_and_empty() {
    let arenas = ArenaPool::new();
    let census = Census::new();
    let arena = arenas.get();
    assert_eq!(arena.stats().chunks, 0);
    arena.alloc(census.member());
    let at = address(arena.alloc([7_u8; 1000]));
    drop(arena);
    assert_eq!(census.alive(), 0);
    let mut arena = arenas.get();
    assert_eq!((arena.stats().chunks, arena.stats().allocated), (1, 0));
    arena.alloc(census.member());
    assert_eq!(address(arena.alloc([7_u8; 1000])), at);
    arena.reset();
    let point = arena.checkpoint();
    assert_eq!(arena.rollback(point), Ok(()));
    assert_eq!((arenas.stats().live, census.alive()), (1, 0));
}

#[test]
fn a_pool_has_as_many_as_it_may() {
    let pool = ArenaPool::with_config(ArenaConfig::new().limit(100)).capacity(3);
    assert_eq!(pool.max_arenas(), 3);
    for _ in 0..3 {
        let arenas: Vec<_> = (0..3).map(|_| pool.get()).collect();
        assert!(pool.try_get().is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| pool.get().stats())).is_err());
        assert!(
            arenas
                .iter()
                .all(|arena| arena.try_alloc([0_u8; 101]).is_err())
        );
        drop(arenas);
    }
    // One that is forgotten is lost.
    mem::forget(pool.get());
    assert_eq!(
        (0..3)
            .map_while(|_| pool.try_get().ok())
            .collect::<Vec<_>>()
            .len(),
        2
    );
}

#[test]
fn threads_pass_arenas_on() {
    let census = Census::new();
    let pool = ArenaPool::new();
    thread::scope(|threads| {
        let handles = (0..4).map(|n| {
            let (pool, census) = (&pool, &census);
            threads.spawn(move || {
                for round in 0..scaled(200, 5) {
                    let arena = pool.get();
                    assert_eq!(arena.stats().allocated, 0);
                    arena.alloc(census.member());
                    let own = arena.alloc(n);
                    arena.scope(|s| {
                        s.alloc_slice_fill_with(round * 10, |_| census.member())
                            .len()
                    });
                    assert_eq!(*own, n);
                    // Dropped on another thread, sometimes.
                    if round % 20 == 0 {
                        thread::scope(|inner| join_all(vec![inner.spawn(move || drop(arena))]));
                    }
                }
            })
        });
        join_all(handles.collect());
    });
    assert_eq!((census.alive(), pool.stats().live), (0, 0));
    pool.trim();
    assert_eq!(pool.get().stats().allocated, 0);
}

#[test]
fn an_arena_goes_back_also_with_a_panic() {
    struct Loud;

    impl Drop for Loud {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new(()));
        }
    }

    let census = Census::new();
    let pool = ArenaPool::new().capacity(1);
    for _ in 0..3 {
        let arena = pool.get();
        arena.alloc(census.member());
        arena.alloc(Loud);
        arena.alloc(census.member());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(arena))).is_err());
        assert_eq!((census.alive(), pool.stats().live), (0, 0));
    }
}

#[test]
fn a_task_holds_an_arena_while_it_waits() {
    let pool = ArenaPool::new();
    let task = async {
        let arena = pool.get();
        let words = arena.alloc_iter("a bc def".split(' ').map(str::len));
        let mut polls = 0;
        poll_fn(|_| {
            polls += 1;
            if polls < 3 {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
        words.iter().sum::<usize>()
    };
    fn is_send<T: Send>(task: T) -> T {
        task
    }
    let mut task = pin!(is_send(task));
    let mut context = Context::from_waker(Waker::noop());
    assert!(task.as_mut().poll(&mut context).is_pending());
    // On another thread in between.
    thread::scope(|threads| {
        let poll = || {
            task.as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        };
        assert!(threads.spawn(poll).join().expect("it waits"));
    });
    assert_eq!(task.as_mut().poll(&mut context), Poll::Ready(6));
    assert_eq!(pool.stats().live, 0);
}

#[test]
fn what_keep_says_holds_for_a_pools_arenas() {
    let pool = ArenaPool::with_config(ArenaConfig::new().keep(100_000));
    pool.get()
        .alloc_slice_fill_with(scaled(1_000_000, 200_000), |_| 1_u8);
    assert!(pool.get().stats().reserved <= 100_000);
}

/// Another arena may be put into the handle: it is an arena like others.
#[test]
fn arenas_may_be_exchanged() {
    let pool = ArenaPool::new();
    let mut arena = pool.get();
    let other = Arena::new();
    other.alloc(String::from("kept"));
    let own = mem::replace(&mut *arena, other);
    arena.alloc(String::from("x"));
    drop(own);
    drop(arena);
    assert_eq!(pool.get().stats().allocated, 0);
}
