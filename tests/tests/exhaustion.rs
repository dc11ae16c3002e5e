//! What a pool says when it is full, and when not: rule 6 of the rules of memory.

use pool::{InitError, Pool, PoolBox, PoolConfig, Pooled};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;
use tests::{join_all, scaled};

#[derive(Debug, PartialEq, Pooled)]
#[pool(capacity = 3)]
struct Seat(u32);

#[test]
fn one_thread_gets_exactly_the_capacity() {
    let mut taken: Vec<_> = (0..3).map(|n| PoolBox::new(Seat(n))).collect();
    let full = PoolBox::try_new(Seat(3)).unwrap_err();
    assert_eq!(full.capacity(), Some(3));
    let said = full.to_string();
    assert!(
        said.contains("Seat") && said.contains("capacity of 3"),
        "{said}"
    );
    assert_eq!(full.into_inner(), Seat(3), "the value comes back");
    let closure = PoolBox::<Seat>::try_new_with(|| unreachable!("full: not called")).unwrap_err();
    assert!(closure.to_string().contains("Seat"), "{closure}");
    assert!(PoolBox::<Seat>::try_new_uninit().is_err());
    let panic = std::panic::catch_unwind(|| PoolBox::new(Seat(4))).unwrap_err();
    let said = panic.downcast_ref::<String>().unwrap();
    assert!(
        said.contains("Seat") && said.contains("capacity of 3"),
        "{said}"
    );
    taken.pop();
    assert_eq!(
        *PoolBox::new(Seat(5)),
        Seat(5),
        "a slot that is free again serves"
    );
}

/// Fills a pool from this thread.
fn fill(pool: &Pool<u64>) -> Vec<pool::ScopedBox<'_, u64>> {
    std::iter::from_fn(|| pool.try_alloc(7).ok()).collect()
}

#[test]
fn any_capacity_and_magazine_is_exact_for_one_thread() {
    for capacity in [1, 2, 3, 15, 16, 17, 100, 1000] {
        for magazine in [1, 2, 5, 64, 1000] {
            let config = PoolConfig::new().capacity(capacity).magazine(magazine);
            let pool = Pool::with_config(config).unwrap();
            for _ in 0..3 {
                assert_eq!(fill(&pool).len(), capacity, "magazines of {magazine}");
                assert_eq!(pool.len(), 0);
            }
        }
        if cfg!(miri) {
            break;
        }
    }
}

#[test]
fn idle_threads_with_cached_slots_make_no_pool_full() {
    const MAGAZINE: usize = 8;
    let (capacity, threads) = (scaled(200, 40), scaled(10, 3));
    let config = PoolConfig::new()
        .capacity(capacity)
        .magazine(MAGAZINE as u32);
    let pool = Pool::<u64>::with_config(config).unwrap();
    let cached = Barrier::new(threads + 1);
    let done = Barrier::new(threads + 1);
    thread::scope(|scope| {
        let mut handles = Vec::new();
        for _ in 0..threads {
            handles.push(scope.spawn(|| {
                // Leaves as many free slots in this thread's cache as can be.
                drop(
                    (0..2 * MAGAZINE)
                        .map(|n| pool.try_alloc(n as u64))
                        .collect::<Vec<_>>(),
                );
                cached.wait();
                done.wait();
            }));
        }
        cached.wait();
        let taken = fill(&pool);
        assert_eq!(pool.len(), taken.len());
        assert!(
            taken.len() >= capacity,
            "full at {} of {capacity}",
            taken.len()
        );
        let bound = capacity + 2 * MAGAZINE * (threads + 1);
        assert!(
            taken.len() <= bound,
            "{} live, the bound is {bound}",
            taken.len()
        );
        done.wait();
        join_all(handles);
    });
    assert_eq!(pool.stats().threads, 1, "the others have ended");
    assert_eq!(fill(&pool).len(), capacity, "and their slots came back");
}

#[test]
fn the_bound_holds_while_threads_fill_at_once() {
    const MAGAZINE: usize = 4;
    let (capacity, threads) = (scaled(500, 30), scaled(8, 3));
    let config = PoolConfig::new()
        .capacity(capacity)
        .magazine(MAGAZINE as u32);
    let pool = Pool::<u64>::with_config(config).unwrap();
    for _ in 0..scaled(50, 2) {
        let full = Barrier::new(threads);
        let taken: usize = thread::scope(|scope| {
            let fill_all = || {
                let taken = fill(&pool);
                full.wait();
                taken.len()
            };
            let fillers = (0..threads).map(|_| scope.spawn(fill_all)).collect();
            join_all(fillers).into_iter().sum()
        });
        assert!(taken >= capacity, "full at {taken} of {capacity}");
        assert!(taken <= capacity + 2 * MAGAZINE * threads, "{taken} live");
        assert_eq!(pool.len(), 0);
    }
}

/// Producers and consumers, over many objects: nobody strands slots (rule 5).
#[test]
fn free_only_threads_hand_slots_on() {
    const MAGAZINE: usize = 16;
    let (producers, consumers) = (2, 2);
    let in_flight = 64;
    let config = PoolConfig::new()
        .capacity(1 << 16)
        .magazine(MAGAZINE as u32);
    let pool = Arc::new(Pool::<[u64; 8]>::with_config(config).unwrap());
    thread::scope(|scope| {
        let mut handles = Vec::new();
        for _ in 0..producers.max(consumers) {
            let (sender, receiver) = mpsc::sync_channel(in_flight);
            let maker = &pool;
            handles.push(scope.spawn(move || {
                for n in 0..scaled(200_000, 300) as u64 {
                    sender.send(maker.alloc([n; 8])).unwrap();
                }
            }));
            handles.push(scope.spawn(move || {
                for (n, object) in receiver.iter().enumerate() {
                    assert_eq!(*object, [n as u64; 8]);
                }
            }));
        }
        join_all(handles);
    });
    let stats = pool.stats();
    let live = producers * (in_flight + 2);
    let bound = (live + 2 * MAGAZINE * (producers + consumers)) * size_of::<[u64; 8]>();
    let bound = bound.next_multiple_of(4096);
    assert!(
        stats.bytes_committed <= bound,
        "{stats:?}, the bound is {bound}"
    );
    assert_eq!((stats.live, stats.allocations), (0, stats.frees));
}

#[test]
fn bad_configurations_are_refused_by_name() {
    let refusal = |config| Pool::<u64>::with_config(config).unwrap_err();
    assert_eq!(
        refusal(PoolConfig::new().capacity(0)),
        InitError::ZeroCapacity
    );
    assert_eq!(
        refusal(PoolConfig::new().magazine(0)),
        InitError::ZeroMagazine
    );
    let huge = refusal(PoolConfig::new().capacity(usize::MAX));
    assert!(huge.to_string().contains(&usize::MAX.to_string()), "{huge}");
    let magazine = refusal(PoolConfig::new().magazine(70_000));
    assert!(magazine.to_string().contains("70000"), "{magazine}");
}

#[test]
#[cfg_attr(miri, ignore = "Miri's heap has no such limit to run into")]
fn an_address_space_that_is_refused_is_an_error_with_its_reason() {
    let config = PoolConfig::new().capacity(1 << 36); // of 4 KiB each: 256 TiB
    let error = Pool::<[u8; 4096]>::with_config(config).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, InitError::Reserve { .. }), "{said}");
    assert!(
        said.contains("bytes of address space were refused"),
        "{said}"
    );
}

#[derive(Debug, Pooled)]
#[pool(capacity = 1 << 36)]
struct TooMuch([u8; 4096]);

#[test]
#[cfg_attr(miri, ignore = "Miri's heap has no such limit to run into")]
fn a_static_pool_that_cannot_be_made_gives_the_value_back_and_says_why() {
    let full = PoolBox::try_new(TooMuch([7; 4096])).unwrap_err();
    assert!(full.to_string().contains("could not be made"), "{full}");
    assert!(std::error::Error::source(&full).is_some());
    assert_eq!((full.capacity(), full.into_inner().0[9]), (None, 7));
    TooMuch::pool().init(PoolConfig::new().capacity(8)).unwrap();
    assert_eq!(PoolBox::new(TooMuch([8; 4096])).0[0], 8);
}

#[derive(Debug, Pooled)]
#[pool(capacity = 10)]
struct Late(#[expect(dead_code, reason = "only its place counts")] u8);

#[test]
fn init_comes_before_the_first_use_or_says_that_it_is_late() {
    assert_eq!(Late::pool().capacity(), 10);
    let line = line!() + 1;
    Late::pool().init(PoolConfig::new().capacity(2)).unwrap();
    assert_eq!(Late::pool().capacity(), 2);
    let both = [PoolBox::new(Late(0)), PoolBox::new(Late(1))];
    assert!(PoolBox::try_new(Late(2)).is_err());
    let again = Late::pool().init(PoolConfig::new()).unwrap_err();
    let InitError::AlreadyInitialised { capacity, age, by } = again else {
        panic!("{again}");
    };
    assert!(capacity == 2 && age < Duration::from_secs(60));
    assert_eq!(by.unwrap().line(), line);
    let said = again.to_string();
    assert!(
        said.contains(&format!("`init` was called at {}:{line}", file!())),
        "{said}"
    );
    drop(both);
}

#[test]
fn init_keeps_what_it_does_not_say() {
    #[derive(Pooled)]
    #[pool(
        capacity = 3,
        magazine = 5,
        cache_line,
        on_full = "heap",
        numa = "interleaved"
    )]
    struct Said(#[expect(dead_code, reason = "only its place counts")] u8);

    let kept = Said::pool().config();
    Said::pool()
        .init(PoolConfig::new().capacity(4).magazine(1))
        .unwrap();
    assert_eq!(Said::pool().config(), kept.capacity(4).magazine(1));
    let all: Vec<_> = (0..6).map(|n| PoolBox::new(Said(n))).collect();
    assert_eq!((all.len(), Said::pool().stats().heap), (6, 2));
    assert!(
        all[..4]
            .iter()
            .all(|said| PoolBox::as_ptr(said).addr() % 64 == 0)
    );
}

#[test]
fn a_first_use_is_named_as_what_made_the_pool() {
    #[derive(Pooled)]
    #[pool(capacity = 3)]
    struct Used(#[expect(dead_code, reason = "only its place counts")] u8);

    drop(PoolBox::new(Used(0)));
    let late = Used::pool().init(PoolConfig::new()).unwrap_err();
    let said = late.to_string();
    assert!(
        said.contains("since its first use") && said.contains("a capacity of 3"),
        "{said}"
    );
}

#[test]
fn the_high_water_mark_is_the_most_there_were_and_stays() {
    const MAGAZINE: usize = 16;
    let config = PoolConfig::new().capacity(1000).magazine(MAGAZINE as u32);
    let pool = Pool::<u64>::with_config(config).unwrap();
    let mark = |least: usize| {
        let mark = pool.stats().high_water;
        assert!(
            (least..=least + MAGAZINE).contains(&mark),
            "{mark} for {least}"
        );
        mark
    };
    for most in [1, 100, 333] {
        drop((0..most).map(|n| pool.alloc(n)).collect::<Vec<_>>());
        let high = mark(most as usize);
        drop(pool.alloc(7));
        assert_eq!(mark(most as usize), high, "it does not go down");
    }
}

/// Wherever the boundary lies, a workload that hovers at it does not visit the depot at every turn.
#[test]
fn hovering_at_a_boundary_does_not_rattle() {
    const MAGAZINE: usize = 8;
    let config = PoolConfig::new().capacity(1000).magazine(MAGAZINE as u32);
    let pool = Pool::<u64>::with_config(config).unwrap();
    let visits = || pool.stats().refills + pool.stats().flushes;
    for held in 0..4 * MAGAZINE {
        let held: Vec<_> = (0..held as u64).map(|n| pool.alloc(n)).collect();
        for step in 1..MAGAZINE {
            let before = visits();
            for _ in 0..scaled(100, 4) {
                drop((0..step as u64).map(|n| pool.alloc(n)).collect::<Vec<_>>());
            }
            assert!(
                visits() - before <= 1,
                "{} held, {step} at a time",
                held.len()
            );
        }
    }
}
