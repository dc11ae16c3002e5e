//! A pool that is full goes on with the heap, in the same handle, and counts it.

use pool::{OnFull, Pool, PoolBox, PoolConfig, Pooled};
use std::thread;
use tests::{Census, Member, scaled};

#[derive(Pooled)]
#[pool(capacity = 3, on_full = "heap")]
struct Order {
    id: u64,
    #[expect(dead_code, reason = "dropped, not read")]
    member: Member,
}

#[test]
fn beyond_the_capacity_objects_are_on_the_heap() {
    let census = Census::new();
    let order = |id| Order {
        id,
        member: census.member(),
    };
    let mut orders: Vec<_> = (0..10).map(|id| PoolBox::new(order(id))).collect();
    assert!(
        orders
            .iter()
            .enumerate()
            .all(|(n, order)| order.id == n as u64)
    );
    let stats = Order::pool().stats();
    assert_eq!((stats.live, stats.heap, stats.heap_allocations), (10, 7, 7));
    assert_eq!((stats.allocations, stats.frees), (10, 0));
    assert_eq!(Order::pool().len(), 10);
    // Out of order, by every way, on another thread.
    assert_eq!(PoolBox::into_inner(orders.remove(9)).id, 9);
    let raw = PoolBox::into_raw(orders.remove(8));
    // SAFETY: given up just above, and taken back once.
    let back = unsafe { PoolBox::from_raw(raw) };
    thread::spawn(move || drop(back)).join().unwrap();
    assert_eq!(Order::pool().stats().heap, 5);
    drop(orders.remove(0));
    assert_eq!(Order::pool().stats().heap, 5, "that one was in the pool");
    let again = PoolBox::new(order(20));
    assert_eq!(Order::pool().stats().heap, 5, "and its place is used again");
    drop(again);
    drop(orders);
    let stats = Order::pool().stats();
    assert_eq!((stats.live, stats.heap, stats.heap_allocations), (0, 0, 7));
    assert_eq!((stats.allocations, stats.frees), (11, 11));
    assert_eq!(census.alive(), 0);
}

#[test]
fn zero_sized_and_over_aligned_objects_overflow() {
    #[derive(Pooled)]
    #[pool(capacity = 1, on_full = "heap")]
    struct Nothing;
    #[derive(Pooled)]
    #[pool(capacity = 1, on_full = "heap")]
    #[repr(align(4096))]
    struct Page(u8);

    let nothings: Vec<_> = (0..5).map(|_| PoolBox::new(Nothing)).collect();
    assert_eq!(Nothing::pool().stats().heap, 4);
    drop(nothings);
    assert_eq!(Nothing::pool().stats().heap, 0);
    let pages: Vec<_> = (0..5).map(|n| PoolBox::new(Page(n))).collect();
    assert!(
        pages
            .iter()
            .all(|page| PoolBox::as_ptr(page).addr() % 4096 == 0)
    );
    assert!(pages.iter().enumerate().all(|(n, page)| page.0 == n as u8));
    drop(pages);
}

#[test]
fn a_pool_that_is_a_value_overflows_if_it_is_asked_to() {
    let census = Census::new();
    let config = PoolConfig::new().capacity(2).on_full(OnFull::Heap);
    let pool = Pool::with_config(config).unwrap();
    let members: Vec<_> = (0..6).map(|_| pool.alloc(census.member())).collect();
    assert_eq!((pool.stats().heap, pool.len()), (4, 6));
    assert!(members.iter().all(|member| pool.node_of(member).is_none()));
    drop(members);
    assert_eq!((pool.stats().heap, pool.len(), census.alive()), (0, 0, 0));
}

#[test]
fn threads_overflow_and_come_back() {
    #[derive(Pooled)]
    #[pool(capacity = 8, magazine = 2, on_full = "heap")]
    struct Shared(u64);

    let threads: Vec<_> = (0..3_u64)
        .map(|id| {
            thread::spawn(move || {
                for _ in 0..scaled(2000, 5) {
                    let all: Vec<_> = (0..10)
                        .map(|n| PoolBox::new(Shared(id * 100 + n)))
                        .collect();
                    assert!(all.iter().zip(0..).all(|(s, n)| s.0 == id * 100 + n));
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    let stats = Shared::pool().stats();
    assert_eq!((stats.live, stats.heap), (0, 0));
    assert!(stats.heap_allocations > 0);
    assert_eq!(stats.allocations, 3 * 10 * scaled(2000, 5) as u64);
}
