//! Pools that are values: they end before their threads, or after.

use pool::{Pool, PoolBox, PoolConfig, Pooled, ScopedBox};
use std::sync::{Arc, mpsc};
use std::thread;
use tests::{Census, scaled};

fn pool<T>(capacity: usize) -> Pool<T> {
    Pool::with_config(PoolConfig::new().capacity(capacity).magazine(2)).unwrap()
}

#[test]
fn a_scoped_box_is_its_object() {
    let pool = pool::<String>(4);
    let mut name = pool.alloc("AAPL".to_owned());
    name.push_str(".O");
    assert_eq!(
        (name.as_str(), format!("{name} {name:?}")),
        ("AAPL.O", "AAPL.O \"AAPL.O\"".into())
    );
    assert_eq!((name.as_ref().len(), name.as_mut().len()), (6, 6));
    assert_eq!(pool.len(), 1);
    assert_eq!(ScopedBox::into_inner(name), "AAPL.O");
    assert!(pool.is_empty());
    let leaked: &mut String = ScopedBox::leak(pool.alloc("kept".to_owned()));
    leaked.push('!');
    assert_eq!((leaked.as_str(), pool.len()), ("kept!", 1));
    drop(std::mem::take(leaked));
}

#[test]
fn many_pools_come_and_go_on_one_thread() {
    let census = Census::new();
    for round in 0..scaled(2000, 30) {
        let pools: Vec<_> = (0..round % 12 + 1).map(|_| pool(8)).collect();
        let boxes: Vec<_> = pools
            .iter()
            .map(|pool| pool.alloc(census.member()))
            .collect();
        assert!(pools.iter().all(|pool| pool.len() == 1));
        drop(boxes);
        assert!(pools.iter().all(Pool::is_empty));
    }
    assert_eq!(census.alive(), 0);
}

#[test]
fn a_pool_may_end_before_a_thread_that_used_it() {
    let (to_thread, pools) = mpsc::channel::<Arc<Pool<u64>>>();
    let (to_test, done) = mpsc::channel();
    let worker = thread::spawn(move || {
        for pool in pools {
            let boxes: Vec<_> = (0..5).map(|n| pool.alloc(n)).collect();
            drop(boxes);
            drop(pool);
            to_test.send(()).unwrap();
        }
    });
    for _ in 0..scaled(300, 10) {
        let pool = Arc::new(pool(8));
        drop([pool.alloc(1), pool.alloc(2)]);
        to_thread.send(Arc::clone(&pool)).unwrap();
        done.recv().unwrap();
        let pool = Arc::into_inner(pool).expect("the worker has dropped its own");
        assert_eq!(pool.stats().threads, 2);
        drop(pool); // while the worker lives, with free slots of it in its cache
    }
    drop(to_thread);
    worker.join().unwrap();
}

/// The ends of pools and of threads, at the same time.
#[test]
fn pools_and_threads_end_together() {
    for _ in 0..scaled(300, 10) {
        let pool = Arc::new(pool(64));
        let workers: Vec<_> = (0..3)
            .map(|_| {
                let pool = Arc::clone(&pool);
                thread::spawn(move || drop((0..9).map(|n| pool.alloc(n)).collect::<Vec<_>>()))
            })
            .collect();
        drop(pool); // the last of the four frees it
        for worker in workers {
            worker.join().unwrap();
        }
    }
}

/// A scope ends with its closures, before its threads' thread-locals are destroyed: so a pool may be
/// dropped, and moved, while caches are being handed over to it.
#[test]
fn a_pool_may_end_while_threads_hand_their_caches_over() {
    for _ in 0..scaled(1000, 10) {
        let pool = Pool::with_config(PoolConfig::new().capacity(10_000).magazine(64)).unwrap();
        thread::scope(|scope| {
            for n in 70..74 {
                let pool = &pool;
                scope.spawn(move || drop((0..n).map(|n| pool.alloc(n)).collect::<Vec<_>>()));
            }
        });
        drop(Box::new(pool));
    }
}

#[test]
fn forgotten_objects_are_not_dropped_and_harm_nobody() {
    struct Loud;

    impl Drop for Loud {
        fn drop(&mut self) {
            unreachable!("nobody drops it");
        }
    }

    let pool = pool(4);
    std::mem::forget(pool.alloc(Loud));
    assert_eq!(pool.len(), 1);
    drop(pool);
}

#[test]
fn two_pools_of_a_type_are_two() {
    let (one, two) = (pool(1), pool(1));
    let boxes = [one.alloc(1), two.alloc(2)];
    assert!(one.try_alloc(3).is_err() && two.try_alloc(3).is_err());
    drop(boxes);
    assert!(format!("{one:?}").contains("capacity: 1"));
}

#[test]
fn a_types_own_pool_may_be_used_as_a_value() {
    #[derive(Pooled)]
    #[pool(capacity = 40, magazine = 2)]
    struct Order(u64);

    let boxed = PoolBox::new(Order(1));
    let scoped: Vec<ScopedBox<'static, Order>> =
        (0..30).map(|n| Order::pool().alloc(Order(n))).collect();
    assert_eq!((boxed.0, scoped[7].0, Order::pool().len()), (1, 7, 31));
    assert!(Order::pool().stats().refills < 30, "the cache is kept");
    drop((boxed, scoped));
    assert!(Order::pool().is_empty());

    // Records change hands: from one kind of use to the other, and back.
    for _ in 0..3 {
        let value = || {
            drop(
                (0..9)
                    .map(|n| Order::pool().alloc(Order(n)))
                    .collect::<Vec<_>>(),
            )
        };
        thread::spawn(value).join().unwrap();
        let both = || {
            let boxes: Vec<_> = (0..9).map(|n| PoolBox::new(Order(n))).collect();
            let scoped: Vec<_> = (10..19).map(|n| Order::pool().alloc(Order(n))).collect();
            assert!(boxes.iter().zip(0..).all(|(order, n)| order.0 == n));
            assert!(scoped.iter().zip(10..).all(|(order, n)| order.0 == n));
        };
        thread::spawn(both).join().unwrap();
        assert!(Order::pool().is_empty());
    }
}
