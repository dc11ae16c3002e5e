//! Threads that come and go, and blocks that outlive them.

use std::sync::{Barrier, Mutex, mpsc};
use std::thread;
use tests::blocks::Block;
use tests::{Dice, join_all, scaled};

/// Sizes as programs have them: mostly small ones, now and then a large one.
fn size(dice: &Dice) -> usize {
    match dice.below(200) {
        0 => 1 + dice.below(200_000),
        1..10 => 1 + dice.below(20_000),
        10..60 => 1 + dice.below(1000),
        _ => 1 + dice.below(100),
    }
}

/// Each thread leaves half of what it allocates to those who come later.
#[test]
fn a_thousand_threads_leave_blocks_to_each_other() {
    let left = Mutex::new(Vec::new());
    for round in 0..scaled(40, 2) {
        thread::scope(|scope| {
            let thread = |n: usize| {
                let left = &left;
                let body = move || {
                    let dice = Dice::new((round * 100 + n) as u64 + 1);
                    let found = {
                        let mut left = left.lock().expect("no panic");
                        let from = left.len() / 2;
                        left.split_off(from)
                    };
                    let mut blocks: Vec<_> = (0..scaled(200, 10))
                        .map(|seed| Block::new(size(&dice), 1 << dice.below(7), seed))
                        .collect();
                    drop(found);
                    let other_half = blocks.split_off(blocks.len() / 2);
                    left.lock().expect("no panic").extend(other_half);
                };
                scope.spawn(body)
            };
            join_all((0..scaled(25, 3)).map(thread).collect());
        });
    }
}

/// Many at once, more than have caches anywhere: each has its own blocks.
#[test]
#[cfg_attr(miri, ignore = "needs very many threads")]
fn a_thousand_threads_at_once() {
    const THREADS: usize = 1100;
    let everyone = Barrier::new(THREADS);
    thread::scope(|scope| {
        let mut handles = Vec::new();
        for n in 0..THREADS {
            let everyone = &everyone;
            let body = move || {
                let blocks: Vec<_> = (0..20).map(|k| Block::new(10 + k * 37, 8, n + k)).collect();
                everyone.wait();
                blocks.iter().for_each(Block::assert_intact);
            };
            let builder = thread::Builder::new().stack_size(256 << 10);
            handles.push(builder.spawn_scoped(scope, body).expect("a thread more"));
        }
        join_all(handles);
    });
}

/// Each thread frees what its neighbour allocates, in another order.
#[test]
fn neighbours_free() {
    let threads = scaled(4, 2);
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..threads).map(|_| mpsc::sync_channel(1000)).unzip();
    thread::scope(|scope| {
        for (n, receiver) in receivers.into_iter().enumerate() {
            let to = senders[(n + 1) % threads].clone();
            scope.spawn(move || {
                let dice = Dice::new(n as u64 + 50);
                let mut kept = Vec::new();
                for seed in 0..scaled(30_000, 100) {
                    let block = Block::new(size(&dice), 8, seed);
                    // The neighbour's queue is full, or it has ended: then it is ours.
                    if let Err(mpsc::TrySendError::Full(block)) = to.try_send(block) {
                        kept.push(block);
                    }
                    kept.extend(receiver.try_recv());
                    if kept.len() > 300 {
                        kept.swap_remove(dice.below(300));
                        kept.swap_remove(dice.below(300));
                    }
                }
            });
        }
    });
}

/// Those who only free, and those who only allocate.
#[test]
fn producers_and_consumers() {
    let (sender, receiver) = mpsc::sync_channel::<Vec<Block>>(10);
    let receiver = Mutex::new(receiver);
    thread::scope(|scope| {
        for _ in 0..2 {
            let next = || receiver.lock().expect("no panic").recv();
            scope.spawn(move || while next().is_ok() {});
        }
        for n in 0..scaled(3, 2) {
            let sender = sender.clone();
            scope.spawn(move || {
                let dice = Dice::new(n as u64 + 70);
                for batch in 0..scaled(300, 4) {
                    let blocks = (0..50).map(|k| Block::new(size(&dice), 8, batch + k));
                    sender.send(blocks.collect()).expect("somebody receives");
                }
            });
        }
        drop(sender);
    });
}
