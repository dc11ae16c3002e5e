//! Scopes on many threads, at threads' ends, and on threads that move.

use crate::{MAGAZINE, fill, fill_boxes, pool};
use pool::{Pool, PoolBox, PoolConfig, Pooled};
use std::cell::RefCell;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tests::{Census, Dice, Member, join_all, scaled};

#[derive(Debug, Pooled)]
#[pool(capacity = 3000, magazine = 8)]
struct Order(u64, #[expect(dead_code, reason = "dropped")] Option<Member>);

#[test]
fn no_slot_is_lost_and_none_is_two_objects() {
    let census = Census::new();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                Order::pool().trim();
                assert!(Order::pool().stats().live <= 3000 + 2 * 8 * 8);
                thread::yield_now();
            }
        });
        let work = |seed: u64| {
            let census = &census;
            move || {
                let dice = Dice::new(seed);
                let mut boxes = Vec::new();
                for round in 0..scaled(300, 4) as u64 {
                    let count = dice.below(scaled(100, 20)) as u64;
                    Order::pool().scope(|s| {
                        let mark = |n| seed << 40 | round << 20 | n;
                        let mut objects = Vec::new();
                        for n in 0..count {
                            let member = Some(census.member());
                            objects.push(s.alloc(Order(mark(n), member)).unwrap());
                            if dice.below(4) == 0 {
                                boxes.push(PoolBox::new(Order(seed, None)));
                            }
                            if dice.below(6) == 0 {
                                boxes.truncate(dice.below(50));
                            }
                            if dice.below(20) == 0 {
                                Order::pool().scope(|s| {
                                    let _ = s.alloc(Order(seed, None)).unwrap();
                                });
                            }
                        }
                        assert!((0..count).all(|n| objects[n as usize].0 == mark(n)));
                    });
                    assert!(boxes.iter().all(|boxed| boxed.0 == seed));
                }
            }
        };
        join_all((1..6).map(|seed| scope.spawn(work(seed))).collect());
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!((census.alive(), Order::pool().len()), (0, 0));
    assert_eq!(Order::pool().stats().threads, 0);
    let all = Order::pool().scope(|s| std::iter::from_fn(|| s.alloc(Order(0, None)).ok()).count());
    assert_eq!(all, 3000);
}

/// What others have in their caches and scopes does not make a pool full.
#[test]
fn full_is_not_said_too_early_to_many_threads() {
    let threads = scaled(8, 3);
    let pool = pool::<u64>(100);
    let barrier = Barrier::new(threads);
    let work = |n: usize| {
        let (pool, barrier) = (&pool, &barrier);
        move || {
            drop((0..2 * MAGAZINE).map(|_| pool.alloc(1)).collect::<Vec<_>>());
            pool.scope(|s| {
                s.alloc(1).unwrap();
                barrier.wait();
                if n == 0 {
                    let all = fill(s) + threads;
                    assert!(all >= 100, "{all} are too few");
                    assert!(all <= 100 + 2 * MAGAZINE * threads, "{all} are too many");
                    assert!(fill_boxes(pool).is_empty());
                }
                barrier.wait();
            });
        }
    };
    thread::scope(|scope| join_all((0..threads).map(|n| scope.spawn(work(n))).collect()));
    assert_eq!(pool.len(), 0);
}

/// More threads at once than have caches: all are served, nested scopes too.
#[test]
fn more_scopes_than_caches() {
    let threads = scaled(1100, 14);
    let config = PoolConfig::new().capacity(threads * 3).magazine(1);
    let pool = Pool::<usize>::with_config(config).unwrap();
    let barrier = Barrier::new(threads);
    thread::scope(|scope| {
        let work = |n| {
            let (pool, barrier) = (&pool, &barrier);
            move || {
                pool.scope(|s| {
                    let one = s.alloc(n).unwrap();
                    barrier.wait();
                    pool.scope(|s| assert_eq!(*s.alloc(n + 1).unwrap(), n + 1));
                    let two = s.alloc(n).unwrap();
                    barrier.wait();
                    assert_eq!((*one, *two), (n, n));
                });
            }
        };
        let spawn = |n| {
            let builder = thread::Builder::new().stack_size(128 << 10);
            builder.spawn_scoped(scope, work(n)).unwrap()
        };
        join_all((0..threads).map(spawn).collect());
    });
    assert_eq!(pool.len(), 0);
    pool.scope(|s| assert!((0..threads * 3).all(|n| s.alloc(n).is_ok())));
}

/// A thread-local's destructor that runs a scope, when the thread's caches are there, or are not any more.
#[test]
fn scopes_at_a_threads_end() {
    #[derive(Pooled)]
    #[pool(capacity = 50, magazine = 2)]
    struct Late(#[expect(dead_code, reason = "dropped")] Member);

    struct AtTheEnd(Census);

    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            Late::pool().scope(|s| {
                (0..9).for_each(|_| {
                    let _ = s.alloc(Late(self.0.member())).ok().unwrap();
                });
                assert_eq!(s.len(), 9);
                drop(PoolBox::new(Late(self.0.member())));
            });
        }
    }

    std::thread_local! {
        static FIRST: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
        static SECOND: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
    }

    let census = Census::new();
    for order in [true, false] {
        let at_the_end = || Some(AtTheEnd(census.clone()));
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                // Destroyed in the order in which they were first used, or the other way round.
                FIRST.set(at_the_end());
                if order {
                    drop(PoolBox::new(Late(census.member())));
                    Late::pool().scope(|s| {
                        let _ = s.alloc(Late(census.member())).ok().unwrap();
                    });
                }
                SECOND.set(at_the_end());
            });
            join_all(vec![thread]);
        });
        assert_eq!((census.alive(), Late::pool().len()), (0, 0));
        assert_eq!(Late::pool().stats().threads, 0);
    }
}

/// The caches of a thread that moves to a node are ended, while a scope has one of their magazines.
#[test]
#[cfg_attr(miri, ignore = "moves a thread")]
fn a_thread_that_moves_within_a_scope() {
    #[derive(Pooled)]
    #[pool(capacity = 200, magazine = 4)]
    struct Moved(u64);

    let pool = pool::<u64>(200);
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if let Err(error) = pool::numa::run_on(0) {
                println!("skipped: a thread cannot be moved here: {error}");
                return;
            }
            for _ in 0..10 {
                drop(PoolBox::new(Moved(1)));
                let run = || {
                    Moved::pool().scope(|t| {
                        for n in 0..30 {
                            s_and_t(&pool, t, n);
                        }
                        assert_eq!((t.len(), Moved::pool().len()), (30, 30));
                    });
                };
                run();
                assert_eq!((pool.len(), Moved::pool().len()), (0, 0));
                assert_eq!(pool.stats().frees, pool.stats().allocations);
            }
        });
        join_all(vec![thread]);
    });
    assert_eq!(pool.stats().threads + Moved::pool().stats().threads, 0);
    assert_eq!(pool.scope(fill), 200);

    fn s_and_t(pool: &Pool<u64>, t: &pool::PoolScope<'_, Moved>, n: u64) {
        pool.scope(|s| {
            (0..7).for_each(|n| {
                let _ = s.alloc(n).unwrap();
            });
            assert_eq!(t.alloc(Moved(n)).ok().unwrap().0, n);
            let boxed = (pool.alloc(1), PoolBox::new(Moved(0)));
            if n % 11 == 3 {
                drop(pool::numa::run_on(0).unwrap());
            }
            (0..7).for_each(|n| {
                let _ = s.alloc(n).unwrap();
            });
            drop((0..9).map(|n| pool.alloc(n)).collect::<Vec<_>>());
            drop(boxed);
            assert_eq!((s.len(), pool.len()), (14, 14));
        });
    }
}
