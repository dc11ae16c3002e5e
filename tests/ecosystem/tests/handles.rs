//! Handles go where `Box` and `Arc` go: channels, scopes, parallel iterators, serde.

use pool::{ErasedArc, ErasedBox, Pool, PoolArc, PoolBox, PoolConfig, Pooled, ScopedBox, erase};
use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};
use serde::{Deserialize, Serialize};
use stable_deref_trait::{CloneStableDeref, StableDeref};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use tests::{Census, Member, join_all, scaled};

macro_rules! order {
    ($name:ident, $attributes:tt) => {
        #[derive(Debug, Pooled)]
        #[pool $attributes]
        struct $name {
            id: u64,
            _member: Member,
        }

        impl $name {
            fn new(id: usize, census: &Census) -> Self {
                Self {
                    id: id as u64,
                    _member: census.member(),
                }
            }
        }
    };
}

/// The sum of the numbers below `n`.
fn sum_below(n: usize) -> u64 {
    (n * (n - 1) / 2) as u64
}

order!(Sent, (capacity = 1 << 12, magazine = 16));

#[test]
fn a_channel_of_std() {
    let census = Census::new();
    let count = scaled(50_000, 100);
    let (sender, receiver) = mpsc::sync_channel::<PoolBox<Sent>>(256);
    let sum = thread::scope(|scope| {
        let senders: Vec<_> = (0..2)
            .map(|half| {
                let (sender, census) = (sender.clone(), &census);
                scope.spawn(move || {
                    for id in (half..count).step_by(2) {
                        sender.send(PoolBox::new(Sent::new(id, census))).unwrap();
                    }
                })
            })
            .collect();
        drop(sender);
        let sum = receiver.iter().map(|order| order.id).sum::<u64>();
        join_all(senders);
        sum
    });
    assert_eq!(sum, sum_below(count));
    assert_eq!((census.alive(), Sent::pool().len()), (0, 0));

    // What nobody received is dropped with the channel.
    let (sender, receiver) = mpsc::channel();
    for id in 0..10 {
        sender.send(PoolBox::new(Sent::new(id, &census))).unwrap();
    }
    assert_eq!((census.alive(), Sent::pool().len()), (10, 10));
    drop(receiver);
    let refused = sender.send(PoolBox::new(Sent::new(11, &census)));
    assert_eq!(refused.unwrap_err().0.id, 11);
    assert_eq!((census.alive(), Sent::pool().len()), (0, 0));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .build()
        .unwrap()
}

order!(Queued, (capacity = 1 << 12, magazine = 16));

#[cfg_attr(miri, ignore = "tokio asks the system for what Miri does not have")]
#[test]
fn a_queue_of_tokio() {
    let census = Census::new();
    let runtime = runtime();
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<PoolBox<Queued>>(64);
    for half in 0..2 {
        let (sender, census) = (sender.clone(), census.clone());
        runtime.spawn(async move {
            for id in (half..5000).step_by(2) {
                let order = PoolBox::new(Queued::new(id, &census));
                sender.send(order).await.unwrap();
            }
        });
    }
    drop(sender);
    let sum = runtime.block_on(runtime.spawn(async move {
        let mut sum = 0;
        while let Some(order) = receiver.recv().await {
            sum += order.id;
        }
        sum
    }));
    drop(runtime);
    assert_eq!(sum.unwrap(), sum_below(5000));
    assert_eq!((census.alive(), Queued::pool().len()), (0, 0));
}

order!(Answer, (capacity = 1 << 12));

#[cfg_attr(miri, ignore = "tokio asks the system for what Miri does not have")]
#[test]
fn answers_of_tokio() {
    let census = Census::new();
    let runtime = runtime();
    let answers: Vec<_> = (0..1000)
        .map(|id| {
            let (sender, receiver) = tokio::sync::oneshot::channel();
            let order = PoolBox::new(Answer::new(id, &census));
            runtime.spawn(async move { sender.send(order) });
            receiver
        })
        .collect();
    let sum = runtime.block_on(async {
        let mut sum = 0;
        for (n, answer) in answers.into_iter().enumerate() {
            // Every third one is not waited for.
            if n % 3 > 0 {
                sum += answer.await.unwrap().id;
            }
        }
        sum
    });
    drop(runtime);
    assert_eq!(sum, (0..1000).filter(|n| n % 3 > 0).sum::<u64>());
    assert_eq!((census.alive(), Answer::pool().len()), (0, 0));
}

order!(Watched, (capacity = 64, shared));

#[cfg_attr(miri, ignore = "tokio asks the system for what Miri does not have")]
#[test]
fn a_watched_value_of_tokio() {
    let census = Census::new();
    let runtime = runtime();
    let first = PoolArc::new(Watched::new(0, &census));
    let (sender, receiver) = tokio::sync::watch::channel(first);
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let mut receiver = receiver.clone();
            runtime.spawn(async move {
                let mut last: PoolArc<Watched> = receiver.borrow_and_update().clone();
                while receiver.changed().await.is_ok() {
                    let next = receiver.borrow_and_update().clone();
                    assert!(next.id > last.id);
                    last = next;
                }
                last.id
            })
        })
        .collect();
    drop(receiver);
    for id in 1..=1000 {
        sender.send_replace(PoolArc::new(Watched::new(id, &census)));
        // No more than the last one and those that readers have: the pool holds 64.
    }
    drop(sender);
    runtime.block_on(async {
        for reader in readers {
            assert_eq!(reader.await.unwrap(), 1000);
        }
    });
    drop(runtime);
    assert_eq!((census.alive(), Watched::pool().len()), (0, 0));
}

order!(Scoped, (capacity = 1024, shared));

#[test]
fn a_scope_of_crossbeam() {
    let census = Census::new();
    let count = scaled(500, 20);
    let mut boxes: Vec<PoolBox<Scoped>> = (0..count)
        .map(|id| PoolBox::new(Scoped::new(id, &census)))
        .collect();
    let book = PoolArc::new(Scoped::new(7, &census));
    crossbeam_utils::thread::scope(|scope| {
        for chunk in boxes.chunks_mut(count / 4) {
            let book = &book;
            scope.spawn(move |scope| {
                for order in chunk.iter_mut() {
                    order.id += book.id;
                }
                let book = PoolArc::clone(book);
                scope.spawn(move |_| assert_eq!(book.id, 7));
            });
        }
    })
    .unwrap();
    let sum: u64 = boxes.iter().map(|order| order.id).sum();
    assert_eq!(sum, sum_below(count) + 7 * count as u64);
    assert_eq!(PoolArc::strong_count(&book), 1);
    drop((boxes, book));
    assert_eq!((census.alive(), Scoped::pool().len()), (0, 0));
}

order!(Parallel, (capacity = 1 << 14, shared));

#[cfg_attr(miri, ignore = "rayon's threads never end")]
#[test]
fn parallel_iterators() {
    let census = Census::new();
    let count = 10_000;
    let owners: Vec<PoolArc<Parallel>> = (0..count)
        .into_par_iter()
        .map(|id| PoolArc::new(Parallel::new(id, &census)))
        .collect();
    assert_eq!(census.alive(), count as isize);
    let sum: u64 = owners.par_iter().map(|owner| owner.id).sum();
    assert_eq!(sum, sum_below(count));

    // As many owners more, and as many less, on whatever thread.
    let copies: Vec<PoolArc<Parallel>> = owners.par_iter().cloned().collect();
    assert!(owners.iter().all(|owner| PoolArc::strong_count(owner) == 2));
    owners.into_par_iter().for_each(drop);
    assert!(copies.iter().all(|copy| PoolArc::strong_count(copy) == 1));

    // One that all have.
    let one = PoolArc::new(Parallel::new(3, &census));
    let seen: ErasedArc<u64> = PoolArc::map(one.clone(), |order| &order.id);
    let most = AtomicU64::new(0);
    let sum: u64 = copies
        .par_iter()
        .map(|copy| {
            let (mine, part) = (one.clone(), seen.clone());
            most.fetch_max(PoolArc::strong_count(&mine) as u64, Ordering::Relaxed);
            mine.id * *part + copy.id
        })
        .sum();
    assert_eq!(sum, 9 * count as u64 + sum_below(count));
    assert!(most.into_inner() >= 4);
    assert_eq!(PoolArc::strong_count(&one), 2);
    drop((one, seen));
    copies.into_par_iter().for_each(drop);
    assert_eq!((census.alive(), Parallel::pool().len()), (0, 0));
}

order!(Boxed, (capacity = 1 << 14));

#[cfg_attr(miri, ignore = "rayon's threads never end")]
#[test]
fn boxes_made_on_one_thread_and_dropped_on_another() {
    let census = Census::new();
    let boxes: Vec<PoolBox<Boxed>> = (0..10_000)
        .into_par_iter()
        .map(|id| PoolBox::new(Boxed::new(id, &census)))
        .collect();
    let ids: Vec<u64> = boxes.into_par_iter().map(|order| order.id).collect();
    assert!(ids.iter().enumerate().all(|(n, id)| *id == n as u64));
    assert_eq!((census.alive(), Boxed::pool().len()), (0, 0));
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Pooled)]
#[pool(capacity = 64, shared)]
struct Trade {
    id: u64,
    tags: Vec<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Day {
    trades: Vec<PoolBox<Trade>>,
    best: Option<PoolArc<Trade>>,
    by_name: HashMap<String, PoolBox<Trade>>,
}

#[test]
fn written_and_read() {
    let trade = |id| Trade {
        id,
        tags: vec!["late".into()],
    };
    let day = Day {
        trades: vec![PoolBox::new(trade(1)), PoolBox::new(trade(2))],
        best: Some(PoolArc::new(trade(3))),
        by_name: [("last".to_string(), PoolBox::new(trade(4)))].into(),
    };
    let text = serde_json::to_string(&day).unwrap();
    // As the objects themselves.
    assert!(text.starts_with(r#"{"trades":[{"id":1,"tags":["late"]},{"id":2"#));
    assert!(text.contains(r#""best":{"id":3,"tags":["late"]}"#));
    let again: Day = serde_json::from_str(&text).unwrap();
    assert_eq!(again, day);

    let bytes: ErasedBox<[String]> =
        PoolBox::map(PoolBox::new(trade(5)), |trade| &mut trade.tags[..]);
    assert_eq!(serde_json::to_string(&bytes).unwrap(), r#"["late"]"#);
    let tag: ErasedArc<str> = PoolArc::map(PoolArc::new(trade(6)), |trade| &*trade.tags[0]);
    assert_eq!(serde_json::to_string(&tag).unwrap(), r#""late""#);
    let pool = Pool::with_config(PoolConfig::new().capacity(4)).unwrap();
    assert_eq!(serde_json::to_string(&pool.alloc(7)).unwrap(), "7");

    let broken = serde_json::from_str::<PoolBox<Trade>>(r#"{"id":1}"#);
    assert!(
        broken
            .unwrap_err()
            .to_string()
            .contains("missing field `tags`")
    );
}

#[derive(Debug, Serialize, Deserialize, Pooled)]
#[pool(capacity = 3, shared)]
struct Scarce(u64);

#[test]
fn a_full_pool_is_an_error_of_the_reader() {
    let all: Vec<PoolBox<Scarce>> = serde_json::from_str("[1, 2, 3]").unwrap();
    for text in ["4", " 5 "] {
        let full = PoolBox::try_new(Scarce(4)).unwrap_err().to_string();
        assert!(full.contains("Scarce"));
        let error = serde_json::from_str::<PoolBox<Scarce>>(text).unwrap_err();
        assert!(error.to_string().contains(&full), "{error}");
        let error = serde_json::from_str::<PoolArc<Scarce>>(text).unwrap_err();
        assert!(error.to_string().contains(&full), "{error}");
    }
    drop(all);
    // Those that were read before there was no room are given back.
    let error = serde_json::from_str::<Vec<PoolArc<Scarce>>>("[1, 2, 3, 4]");
    assert!(error.is_err());
    assert_eq!(Scarce::pool().len(), 0);
}

assert_impl_all!(PoolBox<Trade>: StableDeref);
assert_impl_all!(ScopedBox<'static, u64>: StableDeref);
assert_impl_all!(ErasedBox<dyn Send>: StableDeref);
assert_impl_all!(PoolArc<Trade>: StableDeref, CloneStableDeref);
assert_impl_all!(ErasedArc<[u8]>: StableDeref, CloneStableDeref);
assert_not_impl_any!(PoolBox<Trade>: CloneStableDeref);
assert_not_impl_any!(ErasedBox<[u8]>: CloneStableDeref);

/// A handle and a reference into its object, as what builds on `StableDeref` keeps them.
struct Both<H: StableDeref> {
    object: *const H::Target,
    handle: H,
}

impl<H: StableDeref> Both<H> {
    fn new(handle: H) -> Self {
        Self {
            object: &raw const *handle,
            handle,
        }
    }

    fn object(&self) -> &H::Target {
        // SAFETY: the handle says that it stays where it is, and nobody writes it.
        unsafe { &*self.object }
    }
}

#[test]
fn an_object_stays_where_it_is() {
    let trade = || Trade {
        id: 7,
        tags: vec![],
    };
    let both = Box::new(Both::new(PoolBox::new(trade())));
    assert_eq!(both.object().id, 7);
    let moved = *both;
    assert_eq!((moved.object().id, moved.handle.id), (7, 7));

    let erased = erase!(PoolArc::new(trade()), dyn std::fmt::Debug);
    let copy = erased.clone();
    let both = Both::new(erased);
    let object = both.object;
    drop(both);
    let both = Box::new(Both {
        object,
        handle: copy,
    });
    assert!(format!("{:?}", both.object()).starts_with("Trade"));
}
