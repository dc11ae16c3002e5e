//! `PoolAtomic`, guards, and what becomes of what is retired.

use pool::epoch::{self, Guard};
use pool::{CompareExchangeError, Pool, PoolAtomic, PoolBox, PoolConfig, Pooled};
use static_assertions::{assert_eq_size, assert_impl_all, assert_not_impl_any};
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::{ptr, thread};
use tests::{Census, Member, join_all, scaled};

/// One test's readers hold up what another retires, so tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Enough for a grace period to pass, if nobody is pinned, and for all that waits to end.
fn collect() {
    for _ in 0..scaled(64, 16) {
        epoch::pin().flush();
    }
}

#[derive(Pooled)]
struct SendOnly(#[expect(dead_code, reason = "only its type counts")] Cell<u64>);

#[derive(Pooled)]
struct SyncOnly(#[expect(dead_code, reason = "only its type counts")] MutexGuard<'static, u64>);

#[derive(Debug, Pooled)]
#[pool(capacity = 64, magazine = 2)]
struct Order(
    u64,
    #[expect(dead_code, reason = "dropped, not read")] Option<Member>,
);

assert_impl_all!(PoolAtomic<Order>: Send, Sync, Unpin, Default, From<PoolBox<Order>>);
assert_not_impl_any!(PoolAtomic<SendOnly>: Send, Sync);
assert_not_impl_any!(PoolAtomic<SyncOnly>: Send, Sync);
assert_not_impl_any!(Guard: Send, Sync, Clone);
assert_impl_all!(CompareExchangeError<'static, Order>: Error);
assert_eq_size!(PoolAtomic<Order>, *const Order);

fn order(number: u64, census: &Census) -> PoolBox<Order> {
    PoolBox::new(Order(number, Some(census.member())))
}

fn number(order: Option<&Order>) -> Option<u64> {
    order.map(|order| order.0)
}

#[test]
fn it_is_one_owner() {
    static EMPTY: PoolAtomic<Order> = PoolAtomic::null();
    let _alone = alone();
    let census = Census::new();
    assert!(EMPTY.is_null() && EMPTY.load(&epoch::pin()).is_none());
    let mut atomic = PoolAtomic::from(order(1, &census));
    assert!(!atomic.is_null());
    assert_eq!(number(atomic.load(&epoch::pin())), Some(1));
    atomic.get_mut().unwrap().0 = 2;
    let taken = atomic.take().unwrap();
    assert!(atomic.is_null() && atomic.take().is_none() && atomic.get_mut().is_none());
    assert!(PoolAtomic::<Order>::default().into_inner().is_none());
    let atomic = PoolAtomic::new(Some(taken));
    let said = format!("{atomic:?}");
    assert!(said.starts_with("PoolAtomic(0x"), "{said}");
    assert_eq!(atomic.into_inner().unwrap().0, 2);
    // Nothing was retired: its only user ends it at once.
    assert_eq!((census.alive(), Order::pool().stats().retired), (0, 0));
    drop(PoolAtomic::new(order(3, &census)));
    assert_eq!((census.alive(), Order::pool().len()), (0, 0));
}

#[test]
fn what_is_replaced_is_there_as_long_as_the_guard() {
    let _alone = alone();
    let census = Census::new();
    let atomic = PoolAtomic::new(order(1, &census));
    {
        let guard = epoch::pin();
        let first = atomic.load(&guard);
        let again = atomic.swap(order(2, &census), &guard);
        assert!(ptr::eq(first.unwrap(), again.unwrap()));
        atomic.store(None, &guard);
        assert!(atomic.load(&guard).is_none());
        assert!(atomic.swap(order(3, &census), &guard).is_none());
        for _ in 0..10 {
            guard.flush();
            epoch::pin().flush();
        }
        assert_eq!((number(first), number(again)), (Some(1), Some(1)));
        let stats = Order::pool().stats();
        assert_eq!((stats.live, stats.retired, census.alive()), (3, 2, 3));
    }
    collect();
    let stats = Order::pool().stats();
    assert_eq!((stats.live, stats.retired, census.alive()), (1, 0, 1));
    drop(atomic);
    assert_eq!((Order::pool().len(), census.alive()), (0, 0));
}

#[test]
fn an_exchange_compares_addresses() {
    let _alone = alone();
    let census = Census::new();
    let atomic = PoolAtomic::<Order>::null();
    let guard = epoch::pin();
    assert!(
        atomic
            .compare_exchange(None, order(1, &census), &guard)
            .unwrap()
            .is_none()
    );
    let first = atomic.load(&guard);
    // Equal, and another one.
    let other = order(1, &census);
    for wrong in [None, Some(&*other)] {
        let failed = atomic
            .compare_exchange(wrong, order(2, &census), &guard)
            .unwrap_err();
        assert!(ptr::eq(failed.current.unwrap(), first.unwrap()));
        assert!(failed.to_string().contains("replaced") && format!("{failed:?}").contains("0x"));
        assert_eq!(failed.new.unwrap().0, 2);
    }
    let failed = atomic.compare_exchange(None, None, &guard).unwrap_err();
    assert!(failed.new.is_none());
    let old = atomic.compare_exchange(first, other, &guard).unwrap();
    assert!(ptr::eq(old.unwrap(), first.unwrap()));
    assert_eq!(census.alive(), 2, "the retired one and the new one");
    let second = atomic.load(&guard);
    assert_eq!(
        number(atomic.compare_exchange(second, None, &guard).unwrap()),
        Some(1)
    );
    assert!(atomic.is_null());
    drop(guard);
    collect();
    assert_eq!((Order::pool().len(), census.alive()), (0, 0));
}

#[test]
fn raw_addresses_retire_nothing() {
    let _alone = alone();
    let census = Census::new();
    let atomic = PoolAtomic::new(order(1, &census));
    let guard = epoch::pin();
    let first = atomic.load_ptr(&guard);
    let second = PoolBox::into_raw(order(2, &census));
    // SAFETY: from `into_raw`, and owned by the atomic from then on.
    let failed = unsafe { atomic.compare_exchange_ptr(ptr::null_mut(), second, &guard) };
    assert_eq!(failed, Err(first));
    // SAFETY: as above.
    let done = unsafe { atomic.compare_exchange_ptr(first, second, &guard) };
    assert_eq!(done, Ok(()));
    assert_eq!(Order::pool().stats().retired, 0);
    // SAFETY: it is nobody's now, and this thread alone has read it, under this guard.
    unsafe { PoolBox::retire_raw(first, &guard) };
    // SAFETY: under the guard.
    assert_eq!(unsafe { &*first }.0, 1);
    assert_eq!(Order::pool().stats().retired, 1);
    // SAFETY: nothing.
    unsafe { atomic.store_ptr(ptr::null_mut()) };
    // SAFETY: from `into_raw`, and taken back once.
    PoolBox::retire(unsafe { PoolBox::from_raw(second) }, &guard);
    drop(guard);
    collect();
    assert_eq!((Order::pool().len(), census.alive()), (0, 0));
}

/// A number, several times over.
#[derive(Pooled)]
#[pool(capacity = 256, magazine = 4)]
struct Stamp(
    [u64; 8],
    #[expect(dead_code, reason = "dropped, not read")] Member,
);

impl Drop for Stamp {
    fn drop(&mut self) {
        assert!(self.0.iter().all(|&n| n == self.0[0]));
        self.0 = [1, 2, 3, 4, 5, 6, 7, 8];
    }
}

#[test]
fn readers_never_see_the_next_object() {
    let _alone = alone();
    let census = Census::new();
    let atomic = PoolAtomic::new(PoolBox::new(Stamp([0; 8], census.member())));
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let read = || {
            let (mut last, mut guard) = (0, epoch::pin());
            while !ended.load(Ordering::Relaxed) {
                let seen = atomic.load(&guard).unwrap();
                thread::yield_now();
                assert!(seen.0.iter().all(|&n| n == seen.0[0]), "{:?}", seen.0);
                assert!(seen.0[0] >= last);
                last = seen.0[0];
                guard.repin();
            }
        };
        let readers = vec![scope.spawn(read), scope.spawn(read)];
        for n in 1..scaled(100_000, 100) as u64 {
            let stamp = loop {
                match PoolBox::try_new(Stamp([n; 8], census.member())) {
                    Ok(stamp) => break stamp,
                    // Readers that do not run stay where they are.
                    Err(_) => epoch::pin().flush(),
                }
                thread::yield_now();
            };
            atomic.store(stamp, &epoch::pin());
        }
        ended.store(true, Ordering::Relaxed);
        join_all(readers);
    });
    drop(atomic);
    collect();
    let stats = Stamp::pool().stats();
    assert_eq!((stats.live, stats.retired, census.alive()), (0, 0, 0));
}

#[derive(Pooled)]
#[pool(capacity = 100, magazine = 1)]
struct Bounded(#[expect(dead_code, reason = "dropped, not read")] Member);

#[derive(Pooled)]
#[pool(capacity = 100, magazine = 1)]
struct Bystander(u64);

/// A reader that does not move on keeps what was retired since, and that is all: the pool goes on
/// serving what it has besides, and all of it afterwards; what was retired before ends; another pool
/// notices nothing.
#[test]
fn a_reader_that_stands_still_holds_up_what_was_retired_since_alone() {
    let _alone = alone();
    let census = Census::new();
    let bounded = || PoolBox::try_new(Bounded(census.member())).ok();
    let retire = |n: usize| {
        for _ in 0..n {
            PoolBox::retire(bounded().expect("room"), &epoch::pin());
        }
    };
    retire(10);
    collect();
    assert_eq!(Bounded::pool().stats().retired, 0);
    let (release, released) = mpsc::channel::<()>();
    let (pinned, is_pinned) = mpsc::channel();
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let _guard = epoch::pin();
            pinned.send(()).unwrap();
            released.recv().unwrap();
        });
        is_pinned.recv().unwrap();
        retire(60);
        collect();
        assert_eq!(Bounded::pool().stats().retired, 60);
        let rest: Vec<_> = std::iter::from_fn(bounded).collect();
        assert_eq!(rest.len(), 40);
        for n in 0..scaled(10_000, 300) as u64 {
            let many: Vec<_> = (0..10).map(|_| PoolBox::new(Bystander(n))).collect();
            assert!(many.iter().all(|one| one.0 == n));
        }
        assert!(Bystander::pool().stats().refills > 100);
        drop(rest);
        let rest: Vec<_> = std::iter::from_fn(bounded).collect();
        assert_eq!(
            rest.len(),
            40,
            "what is dropped and not retired comes back at once"
        );
        release.send(()).unwrap();
        join_all(vec![reader]);
        collect();
        let more: Vec<_> = std::iter::from_fn(bounded).collect();
        assert_eq!(more.len(), 60);
    });
    assert_eq!((Bounded::pool().len(), census.alive()), (0, 0));
}

#[derive(Pooled)]
#[pool(capacity = 100, magazine = 1)]
struct Steady(#[expect(dead_code, reason = "only its slot counts")] u64);

/// Objects are replaced many times over by threads that never flush: what nobody reads comes back.
#[test]
fn replacing_goes_on_for_ever() {
    let _alone = alone();
    let atomic = PoolAtomic::new(PoolBox::new(Steady(0)));
    for n in 0..scaled(100_000, 500) as u64 {
        atomic.store(PoolBox::new(Steady(n)), &epoch::pin());
    }
    assert!(Steady::pool().stats().high_water <= 100);
}

#[derive(Pooled)]
#[pool(capacity = 64)]
struct Left(#[expect(dead_code, reason = "dropped, not read")] Member);

std::thread_local! {
    static LAST: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
}

/// Reads, retires and collects when its thread ends.
struct AtTheEnd(Census);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        let atomic = PoolAtomic::new(PoolBox::new(Left(self.0.member())));
        let guard = epoch::pin();
        let also = epoch::pin();
        assert!(atomic.load(&guard).is_some());
        assert!(
            atomic
                .swap(PoolBox::new(Left(self.0.member())), &also)
                .is_some()
        );
        drop(guard);
        PoolBox::retire(PoolBox::new(Left(self.0.member())), &also);
        also.flush();
        drop(also);
        epoch::pin().flush();
    }
}

#[test]
fn a_thread_that_ends_leaves_nothing_behind() {
    let _alone = alone();
    let census = Census::new();
    for late in [true, false].repeat(scaled(20, 2)) {
        let of_thread = census.clone();
        let ended = thread::spawn(move || {
            // Destructors run in the reverse order of registration.
            if late {
                LAST.set(Some(AtTheEnd(of_thread.clone())));
            }
            for _ in 0..3 {
                PoolBox::retire(PoolBox::new(Left(of_thread.member())), &epoch::pin());
            }
            if !late {
                LAST.set(Some(AtTheEnd(of_thread.clone())));
            }
        });
        ended.join().unwrap();
        collect();
        let stats = Left::pool().stats();
        assert_eq!((stats.live, stats.retired, census.alive()), (0, 0, 0));
    }
}

/// A guard may outlive the thread's other thread-locals.
#[test]
fn a_guard_may_be_a_thread_local() {
    std::thread_local! {
        static KEPT: RefCell<Vec<Guard>> = const { RefCell::new(Vec::new()) };
    }
    let _alone = alone();
    let census = Census::new();
    let of_thread = census.clone();
    thread::spawn(move || {
        KEPT.with_borrow_mut(|kept| {
            kept.extend([epoch::pin(), epoch::pin()]);
            PoolBox::retire(PoolBox::new(Left(of_thread.member())), &kept[0]);
        });
    })
    .join()
    .unwrap();
    collect();
    assert_eq!(census.alive(), 0);
}

#[derive(Pooled)]
#[pool(capacity = 8)]
struct Bomb(
    u32,
    #[expect(dead_code, reason = "dropped, not read")] Member,
);

/// A panic that does not even go quietly.
struct Nested;

impl Drop for Nested {
    fn drop(&mut self) {
        panic!("in what was thrown");
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        match self.0 {
            0 => (),
            1 => panic!("in a destructor"),
            _ => panic_any(Nested),
        }
    }
}

#[test]
fn a_destructor_that_panics_ends_there() {
    let _alone = alone();
    let census = Census::new();
    for kind in [0, 1, 0, 2, 0, 1].repeat(scaled(10, 1)) {
        PoolBox::retire(PoolBox::new(Bomb(kind, census.member())), &epoch::pin());
        collect();
    }
    let stats = Bomb::pool().stats();
    assert_eq!((stats.live, stats.retired, census.alive()), (0, 0, 0));
    // Those that are dropped at once panic where they are dropped.
    let atomic = PoolAtomic::new(PoolBox::new(Bomb(1, census.member())));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(atomic))).is_err());
    assert_eq!((Bomb::pool().len(), census.alive()), (0, 0));
}

/// Retires the next one when it is dropped, and does all that a destructor may.
#[derive(Pooled)]
#[pool(capacity = 20_000)]
struct Chained {
    next: Option<PoolBox<Chained>>,
}

static DEPTH: AtomicUsize = AtomicUsize::new(0);
static DEEPEST: AtomicUsize = AtomicUsize::new(0);

impl Drop for Chained {
    fn drop(&mut self) {
        let depth = DEPTH.fetch_add(1, Ordering::Relaxed) + 1;
        DEEPEST.fetch_max(depth, Ordering::Relaxed);
        if let Some(next) = self.next.take() {
            let guard = epoch::pin();
            PoolBox::retire(next, &guard);
            guard.flush();
            drop(PoolBox::new(Chained { next: None }).next.take());
            epoch::pin().flush();
        }
        DEPTH.fetch_sub(1, Ordering::Relaxed);
    }
}

fn chain(length: usize) -> PoolBox<Chained> {
    let mut first = PoolBox::new(Chained { next: None });
    for _ in 1..length {
        first = PoolBox::new(Chained { next: Some(first) });
    }
    first
}

#[test]
fn destructors_retire_and_do_not_pile_up() {
    let _alone = alone();
    DEEPEST.store(0, Ordering::Relaxed);
    let length = scaled(2000, 30);
    for _ in 0..4 {
        PoolBox::retire(chain(length), &epoch::pin());
    }
    while Chained::pool().stats().retired > 0 {
        epoch::pin().flush();
    }
    assert_eq!(Chained::pool().len(), 0);
    // The one that is dropped inside of another was not retired.
    assert!(DEEPEST.load(Ordering::Relaxed) <= 2);
}

/// What many threads left is collected by one that ends, pin by pin, each of which destructors nest.
#[test]
fn destructors_do_not_pile_up_at_a_threads_end() {
    struct Collects;

    impl Drop for Collects {
        fn drop(&mut self) {
            while Chained::pool().stats().retired > 0 {
                drop(epoch::pin());
            }
        }
    }

    std::thread_local! {
        static COLLECTS: RefCell<Option<Collects>> = const { RefCell::new(None) };
    }
    let _alone = alone();
    DEEPEST.store(0, Ordering::Relaxed);
    thread::spawn(|| {
        COLLECTS.set(Some(Collects));
        let guard = epoch::pin();
        for _ in 0..scaled(8000, 30) {
            PoolBox::retire(chain(2), &guard);
        }
    })
    .join()
    .unwrap();
    collect();
    assert_eq!(Chained::pool().len(), 0);
    assert!(DEEPEST.load(Ordering::Relaxed) <= 4);
}

/// Empty objects have addresses of their own.
#[derive(Pooled)]
#[pool(capacity = 4)]
struct Empty;

#[derive(Pooled)]
#[pool(capacity = 4)]
#[repr(align(256))]
struct Wide(u8);

#[test]
fn empty_and_wide_objects() {
    let _alone = alone();
    let guard = epoch::pin();
    let empty = PoolAtomic::new(PoolBox::new(Empty));
    let first = empty.load(&guard);
    assert!(
        empty
            .compare_exchange(first, PoolBox::new(Empty), &guard)
            .unwrap()
            .is_some()
    );
    assert!(
        empty
            .compare_exchange(first, PoolBox::new(Empty), &guard)
            .is_err()
    );
    let wide = PoolAtomic::new(PoolBox::new(Wide(1)));
    assert_eq!(wide.swap(PoolBox::new(Wide(2)), &guard).unwrap().0, 1);
    assert_eq!(ptr::from_ref(wide.load(&guard).unwrap()).addr() % 256, 0);
    drop((guard, empty, wide));
    collect();
    assert_eq!((Empty::pool().len(), Wide::pool().len()), (0, 0));
}

/// A pool that is a value has no atomics, but is not held up by guards either.
#[test]
fn pools_that_are_values_do_not_wait() {
    let _alone = alone();
    let guard = epoch::pin();
    let pool = Pool::<u64>::with_config(PoolConfig::new().capacity(10).magazine(1)).unwrap();
    for n in 0..1000 {
        let all: Vec<_> = (0..10).map(|_| pool.alloc(n)).collect();
        assert!(pool.try_alloc(n).is_err());
        drop(all);
    }
    drop(guard);
}
