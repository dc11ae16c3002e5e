//! Owners and keys on several threads.

use super::counted;
use pool::{PoolArc, PoolWeak, Pooled};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;
use tests::{Census, Dice, Member, join_all, scaled};

const THREADS: usize = 4;

#[test]
fn a_key_leads_to_the_object_that_it_was_made_for() {
    #[derive(Pooled)]
    #[pool(shared, capacity = 32, magazine = 2)]
    struct Object {
        me: PoolWeak<Object>,
        check: AtomicU64,
        #[expect(dead_code, reason = "it counts")]
        member: Member,
    }

    impl Drop for Object {
        fn drop(&mut self) {
            self.check.store(0, Ordering::Relaxed);
        }
    }

    let census = Census::new();
    // Keys that threads read from each other, of objects that come and go in the same few slots.
    let table: Vec<_> = (0..16).map(|_| AtomicU64::new(0)).collect();
    let shared: Vec<_> = (0..4).map(|_| Mutex::new(None)).collect();
    let found = AtomicUsize::new(0);
    let body = |seed: u64| {
        let dice = Dice::new(seed);
        let mut mine: Vec<PoolArc<Object>> = Vec::new();
        let look = |owner: &PoolArc<Object>| {
            assert_eq!(owner.check.load(Ordering::Relaxed), owner.me.to_bits());
        };
        for _ in 0..scaled(60_000, 100) {
            match dice.below(8) {
                0 | 1 => {
                    let made = PoolArc::try_new_cyclic(|me| Object {
                        me: *me,
                        check: AtomicU64::new(me.to_bits()),
                        member: census.member(),
                    });
                    if let Ok(owner) = made {
                        let place = &table[dice.below(table.len())];
                        place.store(owner.me.to_bits(), Ordering::Release);
                        mine.push(owner);
                    }
                }
                2..=4 => {
                    let bits = table[dice.below(table.len())].load(Ordering::Acquire);
                    let key = PoolWeak::<Object>::from_bits(bits);
                    if let Some(owner) = key.and_then(|key| key.upgrade()) {
                        assert_eq!(owner.me.to_bits(), bits, "another object's");
                        look(&owner);
                        found.fetch_add(1, Ordering::Relaxed);
                        if dice.below(2) == 0 {
                            mine.push(owner);
                        }
                    }
                }
                5 => {
                    let place = &shared[dice.below(shared.len())];
                    let given = mine.last().cloned();
                    let got = std::mem::replace(&mut *place.lock().unwrap(), given);
                    mine.extend(got);
                }
                6 if !mine.is_empty() => {
                    let owner = mine.swap_remove(dice.below(mine.len()));
                    look(&owner);
                    let key = owner.me;
                    if let Some(object) = PoolArc::into_inner(owner) {
                        assert_eq!(object.me, key);
                        assert!(key.upgrade().is_none());
                    }
                }
                _ if !mine.is_empty() => {
                    let owner = mine.swap_remove(dice.below(mine.len()));
                    look(&owner);
                }
                _ => (),
            }
            if mine.len() > 6 {
                mine.clear();
            }
        }
    };
    thread::scope(|scope| {
        let body = &body;
        join_all(
            (0..THREADS as u64)
                .map(|n| scope.spawn(move || body(n + 1)))
                .collect(),
        );
    });
    drop(shared);
    assert_eq!((census.alive(), Object::pool().len()), (0, 0));
    for bits in &table {
        let key = PoolWeak::<Object>::from_bits(bits.load(Ordering::Relaxed));
        assert!(key.is_none_or(|key| key.upgrade().is_none()));
    }
    assert!(found.into_inner() > 0, "no key ever fitted");
}

#[test]
fn one_of_racing_owners_gets_the_object() {
    counted!(Object, 8, prefault);
    let census = Census::new();
    let barrier = Barrier::new(THREADS);
    let owners = Mutex::new(Vec::new());
    let (got, unwrapped) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let rounds = scaled(3000, 20);
    let body = |leader: bool| {
        for round in 0..rounds {
            if leader {
                let owner = PoolArc::new(Object::new(round as u64, &census));
                if round % 2 == 0 {
                    let _ = PoolArc::downgrade(&owner);
                }
                *owners.lock().unwrap() = vec![owner; THREADS];
            }
            barrier.wait();
            let owner = owners.lock().unwrap().pop().expect("one each");
            barrier.wait();
            // In half of the rounds one may fail to be the last; then it is dropped.
            let object = if round % 4 < 2 {
                PoolArc::into_inner(owner)
            } else {
                let object = PoolArc::try_unwrap(owner).ok();
                unwrapped.fetch_add(usize::from(object.is_some()), Ordering::Relaxed);
                object
            };
            if round % 4 < 2 {
                got.fetch_add(usize::from(object.is_some()), Ordering::Relaxed);
            }
            assert!(object.is_none_or(|object| object.number == round as u64));
            barrier.wait();
            assert_eq!(census.alive(), 0);
            barrier.wait();
        }
    };
    thread::scope(|scope| {
        let body = &body;
        join_all(
            (0..THREADS)
                .map(|n| scope.spawn(move || body(n == 0)))
                .collect(),
        );
    });
    let of_all = (0..rounds).filter(|round| round % 4 < 2).count();
    assert_eq!(got.into_inner(), of_all, "exactly one each time");
    assert!(unwrapped.into_inner() <= rounds - of_all);
    assert_eq!(Object::pool().len(), 0);
}

#[test]
fn who_is_alone_writes_and_keys_see_it_whole() {
    #[derive(Clone, Pooled)]
    #[pool(shared, capacity = 16)]
    struct Pair([u64; 2]);

    let bits = AtomicU64::new(0);
    let writer = || {
        let mut owner = PoolArc::new(Pair([0; 2]));
        for n in 0..scaled(30_000, 100) as u64 {
            bits.store(PoolArc::downgrade(&owner).to_bits(), Ordering::Release);
            // In place if no reader has it, and in a clone if one has.
            PoolArc::make_mut(&mut owner).0 = [n; 2];
            let pair = PoolArc::get_mut(&mut owner).expect("alone, and no key was made");
            pair.0[0] += 1;
            pair.0[1] += 1;
        }
        bits.store(u64::MAX, Ordering::Release);
    };
    let reader = || {
        loop {
            let bits = bits.load(Ordering::Acquire);
            if bits == u64::MAX {
                return;
            }
            if let Some(owner) = PoolWeak::<Pair>::from_bits(bits).and_then(|key| key.upgrade()) {
                assert_eq!(owner.0[0], owner.0[1], "half written");
            }
        }
    };
    thread::scope(|scope| {
        let writer = scope.spawn(writer);
        let readers = (1..THREADS).map(|_| scope.spawn(reader));
        join_all([writer].into_iter().chain(readers).collect());
    });
    assert_eq!(Pair::pool().len(), 0);
}

#[test]
fn owners_that_end_with_their_thread() {
    counted!(Object, 64);
    thread_local! {
        static LATE: RefCell<Vec<PoolArc<Object>>> = const { RefCell::new(Vec::new()) };
    }

    /// What uses the pool when it is dropped, among the thread's last things.
    struct Last(PoolWeak<Object>, Census);

    impl Drop for Last {
        fn drop(&mut self) {
            let found = self.0.upgrade();
            assert!(found.is_none_or(|owner| owner.number < THREADS as u64));
            let owner = PoolArc::new(Object::new(99, &self.1));
            let key = PoolArc::downgrade(&owner);
            drop(owner.clone());
            assert!(key.upgrade().is_some());
            drop(owner);
            assert!(key.upgrade().is_none());
        }
    }

    thread_local! {
        static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    }

    let census = Census::new();
    let keeper = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let (census, keeper) = (&census, &keeper);
        let body = move |number: u64| {
            // Registered before the pool's own in half of the threads, and after it.
            if number.is_multiple_of(2) {
                LAST.with(|_| ());
                LATE.with(|_| ());
            }
            let own = PoolArc::new(Object::new(number, census));
            let key = PoolArc::downgrade(&own);
            LAST.set(Some(Last(key, census.clone())));
            LATE.with_borrow_mut(|late| late.extend([own.clone(), own.clone()]));
            keeper.lock().unwrap().push((own, key));
        };
        join_all(
            (0..THREADS as u64)
                .map(|n| scope.spawn(move || body(n)))
                .collect(),
        );
    });
    let kept = keeper.into_inner().unwrap();
    assert_eq!(census.alive(), THREADS as isize);
    for (owner, key) in kept {
        assert_eq!(PoolArc::strong_count(&owner), 1);
        drop(owner);
        assert!(key.upgrade().is_none());
    }
    assert_eq!((census.alive(), Object::pool().len()), (0, 0));
}
