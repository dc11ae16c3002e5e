//! Everything at once: threads and pools come and go, thread-locals free and allocate after the
//! caches are gone, one thread trims and another reads statistics. Each object carries its number
//! several times over, so that a slot with two owners shows.

use pool::{Pool, PoolBox, PoolConfig, Pooled, ScopedBox};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use tests::{Dice, join_all, scaled};

/// A number, written over a slot.
struct Stamp([AtomicU64; 6]);

impl Stamp {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(std::array::from_fn(|_| AtomicU64::new(number)))
    }

    fn check(&self) {
        let numbers = self.0.each_ref().map(|n| n.load(Ordering::Relaxed));
        assert!(
            numbers.iter().all(|&n| n == numbers[0] && n != 0),
            "two owners: {numbers:?}"
        );
    }
}

impl Drop for Stamp {
    fn drop(&mut self) {
        self.check();
        for number in &self.0 {
            number.store(0, Ordering::Relaxed);
        }
    }
}

#[derive(Pooled)]
#[pool(capacity = 3000, magazine = 3)]
struct Small(Stamp);

#[derive(Pooled)]
#[pool(capacity = 700)]
struct Large(
    Stamp,
    #[expect(dead_code, reason = "it takes up room")] [u8; 1000],
);

/// What a thread leaves to its thread-locals' destructors.
#[derive(Default)]
struct Estate {
    small: Vec<PoolBox<Small>>,
    large: Vec<PoolBox<Large>>,
    pool: Option<Arc<Pool<Stamp>>>,
}

impl Drop for Estate {
    fn drop(&mut self) {
        self.small.clear();
        self.large.pop();
        if let Ok(boxed) = PoolBox::try_new(Small(Stamp::new())) {
            boxed.0.check();
        }
        if let Some(pool) = &self.pool {
            let boxes = [pool.alloc(Stamp::new()), pool.alloc(Stamp::new())];
            boxes.iter().for_each(|boxed| boxed.check());
        }
    }
}

std::thread_local! {
    static ESTATE: RefCell<Estate> = const {
        RefCell::new(Estate { small: Vec::new(), large: Vec::new(), pool: None })
    };
}

/// One short life.
fn live(seed: u64, pool: &Arc<Pool<Stamp>>, market: &Mutex<Vec<PoolBox<Small>>>) {
    let dice = Dice::new(seed);
    if dice.below(3) == 0 {
        ESTATE.with_borrow_mut(|estate| estate.pool = Some(Arc::clone(pool)));
    }
    let (mut small, mut large) = (Vec::new(), Vec::new());
    let mut lent: Vec<ScopedBox<'_, Small>> = Vec::new();
    for _ in 0..30 {
        let few = |most| 0..dice.below(most);
        small.extend(few(12).filter_map(|_| PoolBox::try_new(Small(Stamp::new())).ok()));
        large.extend(few(12).filter_map(|_| PoolBox::try_new(Large(Stamp::new(), [1; 1000])).ok()));
        lent.extend(Small::pool().try_alloc(Small(Stamp::new())));
        let scoped: Vec<_> = few(20).map(|_| pool.alloc(Stamp::new())).collect();
        {
            let mut market = market.lock().unwrap();
            std::mem::swap(&mut *market, &mut small);
            market.truncate(400);
        }
        small.iter().for_each(|boxed| boxed.0.check());
        large
            .iter()
            .for_each(|boxed: &PoolBox<Large>| boxed.0.check());
        scoped.iter().for_each(|boxed| boxed.check());
        small.truncate(dice.below(small.len() + 1));
        large.truncate(dice.below(large.len() + 1));
        lent.truncate(5);
    }
    if dice.below(2) == 0 {
        ESTATE.with_borrow_mut(|estate| {
            estate.small = small;
            estate.large = large;
        });
    }
}

#[test]
fn everything_at_once() {
    let market = Mutex::default();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watchers = vec![
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    Small::pool().trim();
                    Large::pool().trim();
                    thread::yield_now();
                }
            }),
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let (small, large) = (Small::pool().stats(), Large::pool().stats());
                    assert!(
                        small.live < 4000 && large.live < 5000,
                        "{small:?} {large:?}"
                    );
                    thread::yield_now();
                }
            }),
        ];
        let market = &market;
        let generations = move |seed: u64| {
            for round in 0..scaled(150, 1) as u64 {
                let config = PoolConfig::new()
                    .capacity(200)
                    .magazine(1 + (round % 5) as u32);
                let pool = Arc::new(Pool::with_config(config).unwrap());
                let pool = &pool;
                thread::scope(|scope| {
                    for n in 0..2 {
                        scope.spawn(move || live(seed + 2 * round + n, pool, market));
                    }
                });
                // Dropped while its threads run their thread-locals' destructors.
            }
        };
        let lives = (0..scaled(4, 2) as u64)
            .map(|n| scope.spawn(move || generations(1000 * n)))
            .collect();
        join_all(lives);
        done.store(true, Ordering::Relaxed);
        join_all(watchers);
    });
    drop(market);
    // The threads' closures have ended, their thread-locals perhaps not yet.
    drop(PoolBox::<Small>::try_new_uninit());
    while Small::pool().stats().threads > 1 || Large::pool().stats().threads > 0 {
        thread::yield_now();
    }
    assert_eq!((Small::pool().len(), Large::pool().len()), (0, 0));
    let all: Vec<_> = std::iter::from_fn(|| PoolBox::try_new(Small(Stamp::new())).ok()).collect();
    assert_eq!(all.len(), 3000, "nothing was lost on the way");
    all.iter().for_each(|boxed| boxed.0.check());
}
