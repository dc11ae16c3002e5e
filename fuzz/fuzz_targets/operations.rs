//! Any sequence of a pool's operations, against a list of what is live.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pool::{Pool, PoolConfig, ScopedBox};

#[derive(Arbitrary, Debug)]
struct Input {
    capacity: u8,
    magazine: u8,
    operations: Vec<Operation>,
}

#[derive(Arbitrary, Debug)]
enum Operation {
    Allocate(u8),
    Free(u8),
    Take(u8),
    Replace(u8),
    Thread(u8),
    Trim,
    Stats,
}

const WIDE: usize = 37; // slots straddle pages

fuzz_target!(|input: Input| {
    let capacity = usize::from(input.capacity) * 4 + 1;
    let config = PoolConfig::new()
        .capacity(capacity)
        .magazine(u32::from(input.magazine) + 1);
    let pool = Pool::<[u64; WIDE]>::with_config(config).expect("a small pool");
    let mut live: Vec<(u64, ScopedBox<'_, [u64; WIDE]>)> = Vec::new();
    let mut next = 0;
    let mut made = 0_u64;
    for operation in input.operations {
        match operation {
            Operation::Allocate(count) => {
                for _ in 0..count {
                    next += 1;
                    match pool.try_alloc([next; WIDE]) {
                        Ok(boxed) => {
                            made += 1;
                            live.push((next, boxed));
                        }
                        Err(full) => {
                            assert_eq!(full.into_inner(), [next; WIDE]);
                            assert_eq!(live.len(), capacity, "full too early or too late");
                        }
                    }
                }
            }
            Operation::Free(count) => live.truncate(live.len().saturating_sub(count.into())),
            Operation::Take(index) if !live.is_empty() => {
                let (value, boxed) = live.swap_remove(usize::from(index) % live.len());
                assert_eq!(ScopedBox::into_inner(boxed), [value; WIDE]);
            }
            Operation::Replace(index) if !live.is_empty() => {
                let index = usize::from(index) % live.len();
                next += 1;
                *live[index].1 = [next; WIDE];
                live[index].0 = next;
            }
            Operation::Thread(count) => {
                // A thread frees some, and ends.
                let rest = live.len().saturating_sub(count.into());
                let freed = live.split_off(rest);
                std::thread::scope(|scope| scope.spawn(|| drop(freed)).join().expect("it frees"));
            }
            Operation::Trim => drop(pool.trim()),
            Operation::Stats => {
                let stats = pool.stats();
                assert_eq!((stats.live, stats.allocations), (live.len(), made));
                assert_eq!(stats.frees, made - live.len() as u64);
                assert!(stats.bytes_committed <= stats.bytes_reserved + 4096);
            }
            Operation::Take(_) | Operation::Replace(_) => {}
        }
    }
    assert!(live.iter().all(|(value, boxed)| **boxed == [*value; WIDE]));
    assert_eq!(pool.len(), live.len());
});
