//! Threads that come and go, and objects that outlive them: rule 5 of the rules of memory.

use pool::{Pool, PoolBox, PoolConfig, Pooled};
use std::cell::RefCell;
use std::sync::{Barrier, mpsc};
use std::thread;
use tests::{Census, Dice, Member, join_all, scaled};

#[derive(Pooled)]
#[pool(capacity = 64, magazine = 4)]
struct Traveller(#[expect(dead_code, reason = "dropped, not read")] Member);

#[test]
fn objects_outlive_their_thread_and_slots_come_back() {
    let census = Census::new();
    for _ in 0..scaled(200, 5) {
        let made = thread::scope(|scope| {
            let make = || {
                (0..30)
                    .map(|_| PoolBox::new(Traveller(census.member())))
                    .collect()
            };
            let made: Vec<_> = scope.spawn(make).join().unwrap();
            made
        });
        assert_eq!((census.alive(), Traveller::pool().len()), (30, 30));
        thread::scope(|scope| scope.spawn(|| drop(made)).join().unwrap());
        assert_eq!((census.alive(), Traveller::pool().len()), (0, 0));
    }
    let stats = Traveller::pool().stats();
    assert_eq!(stats.threads, 0, "no thread that used it is left");
    assert_eq!(stats.allocations, stats.frees);
    let all: Vec<_> =
        std::iter::from_fn(|| PoolBox::try_new(Traveller(census.member())).ok()).collect();
    assert_eq!(all.len(), 64, "nothing was lost on the way");
}

#[derive(Pooled)]
#[pool(capacity = 32, magazine = 4)]
struct Late(#[expect(dead_code, reason = "dropped, not read")] Member);

std::thread_local! {
    static KEPT: RefCell<Vec<PoolBox<Late>>> = const { RefCell::new(Vec::new()) };
}

/// A thread-local of the user's own that allocates as well as frees in its destructor.
struct Busy(Census);

impl Drop for Busy {
    fn drop(&mut self) {
        let both = [
            PoolBox::new(Late(self.0.member())),
            PoolBox::new(Late(self.0.member())),
        ];
        drop(both);
    }
}

std::thread_local! {
    static BUSY: RefCell<Option<Busy>> = const { RefCell::new(None) };
}

#[test]
fn a_thread_local_may_free_after_the_cache_is_gone_or_before() {
    let census = Census::new();
    for user_first in [true, false].repeat(scaled(20, 2)) {
        let of_thread = census.clone();
        thread::spawn(move || {
            let register = || {
                KEPT.with_borrow_mut(|_| ());
                BUSY.set(Some(Busy(of_thread.clone())));
            };
            // Destructors run in the reverse order of registration.
            if user_first {
                register();
            }
            let kept = (0..10).map(|_| PoolBox::new(Late(of_thread.member())));
            let kept: Vec<_> = kept.collect();
            register();
            KEPT.with_borrow_mut(|all| all.extend(kept));
        })
        .join()
        .unwrap();
        assert_eq!((census.alive(), Late::pool().len()), (0, 0));
        assert_eq!(Late::pool().stats().threads, 0);
    }
    let all: Vec<_> = std::iter::from_fn(|| PoolBox::try_new(Late(census.member())).ok()).collect();
    assert_eq!(all.len(), 32, "nothing was lost on the way");
}

std::thread_local! {
    static ONLY_AT_THE_END: RefCell<Option<EndUser>> = const { RefCell::new(None) };
}

#[derive(Pooled)]
#[pool(capacity = 8)]
struct First(u32);

/// Uses a pool for the first time on its thread when the thread ends.
struct EndUser(mpsc::Sender<u32>);

impl Drop for EndUser {
    fn drop(&mut self) {
        let first = PoolBox::new(First(7));
        self.0.send(first.0).unwrap();
    }
}

#[test]
fn the_first_use_on_a_thread_may_be_at_its_end() {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        ONLY_AT_THE_END.set(Some(EndUser(sender)));
        drop(PoolBox::<Late>::try_new_uninit()); // this crate's thread-local is there, and goes first
    })
    .join()
    .unwrap();
    assert_eq!(receiver.recv(), Ok(7));
    let stats = First::pool().stats();
    assert_eq!((stats.live, stats.threads, stats.allocations), (0, 0, 1));
}

/// More threads at once than have caches: all are served.
#[test]
#[cfg_attr(miri, ignore = "needs very many threads")]
fn more_threads_than_caches() {
    const THREADS: usize = 1100;
    let config = PoolConfig::new().capacity(THREADS * 2).magazine(1);
    let pool = Pool::<usize>::with_config(config).unwrap();
    let everyone = Barrier::new(THREADS);
    thread::scope(|scope| {
        let mut handles = Vec::new();
        for n in 0..THREADS {
            let (pool, everyone) = (&pool, &everyone);
            let body = move || {
                let boxes = [pool.alloc(n), pool.alloc(n + 1)];
                everyone.wait();
                assert_eq!((*boxes[0], *boxes[1]), (n, n + 1));
            };
            let builder = thread::Builder::new().stack_size(128 << 10);
            handles.push(builder.spawn_scoped(scope, body).expect("a thread more"));
        }
        join_all(handles);
    });
    assert_eq!((pool.len(), pool.stats().threads), (0, 0));
    assert!(pool.stats().bytes_committed <= (THREADS * 4 * 8).next_multiple_of(4096));
}

/// Threads exchange objects at random; each is dropped once, by whoever has it.
#[test]
fn objects_wander_between_threads() {
    let census = Census::new();
    let config = PoolConfig::new().capacity(1 << 12).magazine(3);
    let pool = Pool::<(u64, Member)>::with_config(config).unwrap();
    let threads = scaled(4, 2);
    thread::scope(|scope| {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..threads).map(|_| mpsc::channel()).unzip();
        let mut handles = Vec::new();
        for (seed, receiver) in receivers.into_iter().enumerate() {
            let (pool, census, senders) = (&pool, &census, senders.clone());
            handles.push(scope.spawn(move || {
                let dice = Dice::new(seed as u64 + 1);
                let mut kept = Vec::new();
                for n in 0..scaled(50_000, 60) as u64 {
                    match dice.below(4) {
                        0 => kept.extend(pool.try_alloc((n, census.member()))),
                        1 => {
                            let target = &senders[dice.below(senders.len())];
                            if let Ok(object) = pool.try_alloc((n, census.member())) {
                                // The receiver may have ended: then the object comes back here.
                                drop(target.send(object));
                            }
                        }
                        2 => kept.extend(receiver.try_recv()),
                        _ if kept.is_empty() => (),
                        _ => drop(kept.swap_remove(dice.below(kept.len()))),
                    }
                    kept.truncate(100);
                }
            }));
        }
        join_all(handles);
    });
    assert_eq!((census.alive(), pool.len()), (0, 0));
    let stats = pool.stats();
    assert_eq!((stats.threads, stats.allocations), (0, stats.frees));
}
