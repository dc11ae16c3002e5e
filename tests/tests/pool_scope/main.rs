//! Scopes of a pool: objects that end together.

mod ends;
mod kinds;
mod model;
mod threads;

use pool::{Full, Pool, PoolBox, PoolConfig, PoolScope, Pooled, ScopedBox};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::RefCell;
use std::collections::HashSet;
use std::panic::{RefUnwindSafe, UnwindSafe};
use tests::{Census, scaled};

const MAGAZINE: usize = 4;

fn pool<T>(capacity: usize) -> Pool<T> {
    let config = PoolConfig::new()
        .capacity(capacity)
        .magazine(MAGAZINE as u32);
    Pool::with_config(config).unwrap()
}

assert_not_impl_any!(PoolScope<'static, u32>: Send, Sync);
assert_impl_all!(PoolScope<'static, u32>: UnwindSafe, RefUnwindSafe);

/// As many objects as there is room for in a scope.
fn fill(s: &PoolScope<'_, u64>) -> usize {
    std::iter::from_fn(|| s.alloc(7).ok()).count()
}

/// As many boxes as there is room for.
fn fill_boxes(pool: &Pool<u64>) -> Vec<ScopedBox<'_, u64>> {
    std::iter::from_fn(|| pool.try_alloc(7).ok()).collect()
}

#[derive(Debug, PartialEq, Pooled)]
#[pool(capacity = 1000)]
struct Order {
    id: u64,
    qty: u32,
}

#[test]
fn objects_are_there_until_the_end_and_then_their_slots_are_free() {
    let count = scaled(900, 60) as u64;
    for _ in 0..3 {
        let sum = Order::pool().scope(|s| {
            assert!(s.is_empty());
            let mut orders = Vec::new();
            for id in 0..count {
                let order: &mut Order = s.alloc(Order { id, qty: 1 })?;
                order.qty += 1;
                orders.push(order);
                assert_eq!(s.len(), orders.len());
            }
            let place = |order: &&mut Order| std::ptr::from_ref(&**order).addr();
            let places: HashSet<_> = orders.iter().map(place).collect();
            assert_eq!(places.len() as u64, count, "each has a place of its own");
            assert!(
                orders
                    .iter()
                    .enumerate()
                    .all(|(n, order)| order.id == n as u64)
            );
            assert_eq!(Order::pool().len() as u64, count);
            Ok::<_, Full<Order>>(orders.iter().map(|order| u64::from(order.qty)).sum::<u64>())
        });
        assert_eq!(sum.unwrap(), 2 * count);
        assert!(Order::pool().is_empty());
    }
    let all: Vec<_> = (0..1000)
        .map(|id| PoolBox::new(Order { id, qty: 0 }))
        .collect();
    assert!(PoolBox::try_new(Order { id: 0, qty: 0 }).is_err());
    drop(all);
}

#[test]
fn figures_are_exact_while_a_scope_is_open() {
    let pool = pool::<u64>(100);
    let check = |live: usize, allocations: u64| {
        let stats = pool.stats();
        assert_eq!((stats.live, pool.len()), (live, live));
        assert_eq!(
            (stats.allocations, stats.frees),
            (allocations, allocations - live as u64)
        );
        assert!(stats.high_water >= live, "{stats:?}");
        assert!(stats.high_water <= 40 + 2 * MAGAZINE, "{stats:?}");
        std::thread::scope(|scope| {
            let seen = scope.spawn(|| pool.stats().live).join();
            assert_eq!(seen.unwrap(), live, "from another thread");
        });
    };
    let mut total = 0;
    for round in 0..3 {
        pool.scope(|s| {
            for n in 0..30 {
                check(n, total);
                s.alloc(0).unwrap();
                total += 1;
                if round == 1 && n % 7 == 0 {
                    drop(pool.alloc(0));
                    total += 1;
                }
            }
            let kept: Vec<_> = (0..9).map(|n| pool.alloc(n)).collect();
            total += 9;
            check(39, total);
            drop(kept);
            check(30, total);
        });
        check(0, total);
    }
}

#[test]
fn a_full_pool_gives_the_value_back() {
    #[derive(Debug, PartialEq, Pooled)]
    #[pool(capacity = 3)]
    struct Seat(u32);

    Seat::pool().scope(|s| {
        for n in 0..3 {
            assert_eq!(*s.alloc(Seat(n)).unwrap(), Seat(n));
        }
        let full = s.alloc(Seat(3)).unwrap_err();
        assert_eq!(full.capacity(), Some(3));
        let said = full.to_string();
        assert!(
            said.contains("Seat") && said.contains("capacity of 3"),
            "{said}"
        );
        assert_eq!(full.into_inner(), Seat(3));
        let closure = s
            .alloc_with(|| unreachable!("full: not called"))
            .unwrap_err();
        assert!(closure.to_string().contains("Seat"));
        assert_eq!(s.len(), 3);
    });
    // One that cannot be made is as full as can be.
    let none = Pool::<u64>::new(PoolConfig::new().capacity(0));
    assert!(none.scope(|s| s.alloc(1).is_err() && s.is_empty()));
}

#[test]
fn any_capacity_and_magazine_is_exact_for_one_thread() {
    for capacity in [1, 2, 3, 15, 16, 17, 100] {
        for magazine in [1, 2, 5, 64] {
            let config = PoolConfig::new().capacity(capacity).magazine(magazine);
            let pool = Pool::with_config(config).unwrap();
            for round in 0..3 {
                pool.scope(|s| assert_eq!(fill(s), capacity, "magazines of {magazine}"));
                assert_eq!((pool.len(), pool.stats().high_water), (0, capacity));
                if round == 1 {
                    assert_eq!(fill_boxes(&pool).len(), capacity);
                }
                // What boxes have left in the cache is not lost to the scope, and not counted twice.
                drop(
                    (0..capacity.min(7))
                        .map(|_| pool.alloc(1))
                        .collect::<Vec<_>>(),
                );
            }
        }
        if cfg!(miri) {
            break;
        }
    }
}

#[test]
fn nobody_hears_full_below_the_capacity() {
    for before in 0..3 * MAGAZINE {
        for taken in 1..3 * MAGAZINE {
            let pool = pool::<u64>(20);
            drop((0..before).map(|_| pool.alloc(1)).collect::<Vec<_>>());
            pool.scope(|s| {
                (0..taken).for_each(|_| {
                    let _ = s.alloc(1).unwrap();
                });
                // What the scope has in hand is not the cache's; it is no object either.
                let boxes = fill_boxes(&pool);
                assert!(boxes.len() + taken >= 20, "{} and {taken}", boxes.len());
                let more = fill(s);
                assert!(
                    boxes.len() + taken + more < 20 + MAGAZINE,
                    "beyond what was promised"
                );
                drop(boxes);
                assert_eq!(taken + more + fill(s), s.len());
                assert!(s.len() >= 20);
            });
            assert_eq!(pool.len(), 0);
            assert_eq!(fill_boxes(&pool).len(), 20);
        }
        if cfg!(miri) {
            break;
        }
    }
}

#[test]
fn scopes_within_scopes_and_boxes_beside_them() {
    let census = Census::new();
    let pool = pool::<tests::Member>(200);
    for _ in 0..scaled(20, 2) {
        pool.scope(|outer| {
            let first = outer.alloc(census.member()).unwrap();
            let kept = pool.scope(|inner| {
                for n in 0..15 {
                    inner.alloc(census.member()).unwrap();
                    outer.alloc(census.member()).unwrap();
                    pool.scope(|innermost| {
                        innermost.alloc_with(|| census.member()).unwrap();
                        assert_eq!((inner.len(), innermost.len()), (n + 1, 1));
                    });
                }
                (0..20)
                    .map(|_| pool.alloc(census.member()))
                    .collect::<Vec<_>>()
            });
            assert_eq!((outer.len(), pool.len(), census.alive()), (16, 36, 36));
            // More than the one magazine that the cache has meanwhile holds.
            drop(kept);
            assert_eq!((pool.len(), census.alive()), (16, 16));
            *first = census.member();
        });
        assert_eq!((pool.len(), census.alive()), (0, 0));
    }
}

#[test]
fn what_is_no_bytes_and_what_is_aligned_widely() {
    #[derive(Pooled)]
    #[pool(capacity = 64)]
    struct Token;

    std::thread_local! {
        static ENDED: RefCell<usize> = const { RefCell::new(0) };
    }
    impl Drop for Token {
        fn drop(&mut self) {
            ENDED.with_borrow_mut(|ended| *ended += 1);
        }
    }

    #[repr(align(256))]
    struct Wide([u8; 3]);

    Token::pool().scope(|s| {
        (0..64).for_each(|_| {
            let _ = s.alloc(Token).unwrap();
        });
        assert!(s.alloc(Token).is_err());
    });
    assert_eq!((ENDED.take(), Token::pool().len()), (65, 0));
    let config = PoolConfig::new().capacity(40).magazine(3).cache_line(true);
    let pool = Pool::<Wide>::with_config(config).unwrap();
    pool.scope(|s| {
        let wide: Vec<_> = (0..40).map(|n| s.alloc(Wide([n; 3])).unwrap()).collect();
        assert!(
            wide.iter()
                .all(|wide| std::ptr::from_ref(&**wide).addr() % 256 == 0)
        );
        assert!((0..40).all(|n| wide[usize::from(n)].0 == [n; 3]));
    });
}

#[test]
fn trimming_beside_an_open_scope() {
    let pool = pool::<[u64; 64]>(500);
    drop((0..500).map(|n| pool.alloc([n; 64])).collect::<Vec<_>>());
    pool.scope(|s| {
        let objects: Vec<_> = (0..100).map(|n| s.alloc([n; 64]).unwrap()).collect();
        pool.trim();
        assert!((0..100).all(|n| *objects[n as usize] == [n; 64]));
        assert_eq!(pool.len(), 100);
        (0..400).for_each(|n| {
            let _ = s.alloc([n; 64]).unwrap();
        });
        assert!(s.alloc([0; 64]).is_err());
        pool.trim();
    });
    pool.trim();
    assert_eq!(
        pool.scope(|s| std::iter::from_fn(|| s.alloc([1; 64]).ok()).count()),
        500
    );
}

#[test]
fn a_scope_says_what_it_is() {
    let pool = pool::<u64>(8);
    pool.scope(|s| {
        s.alloc(1).unwrap();
        assert_eq!(format!("{s:?}"), "PoolScope { type: \"u64\", len: 1 }");
    });
}
