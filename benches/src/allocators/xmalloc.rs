//! Some threads make all, others free all, a batch at a time. After Lever and Boreham's benchmark of
//! 2000.

use super::block::{Block, Drawn, Makes};
use super::threads::together;
use crate::disturbed::{Attempt, least_disturbed};
use crate::subject::Allocator;
use crate::work::Round;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// Blocks in a batch.
const BATCH: usize = 256;

/// Batches that are under way between two threads, full or empty. Each is there before.
const UNDER_WAY: usize = 8;

pub(super) struct Xmalloc<A> {
    makers: Vec<Drawn<A>>,
}

impl<A: Allocator> Xmalloc<A> {
    /// Half of the threads make.
    pub(super) fn new(threads: usize) -> Self {
        let makers = (0..threads.div_ceil(2) as u64).map(|n| Drawn::new(8..=512, n));
        Self {
            makers: makers.collect(),
        }
    }
}

impl<A: Allocator> Round for Xmalloc<A> {
    fn pairs(&self) -> u64 {
        (self.makers.len() * BATCH) as u64
    }

    /// A step is a batch of each pair of threads.
    fn run(&mut self, steps: u64) -> Duration {
        least_disturbed(|| self.attempt(steps))
    }
}

impl<A: Allocator> Xmalloc<A> {
    fn attempt(&mut self, steps: u64) -> Attempt {
        together(self.makers.iter_mut().flat_map(|maker| {
            let (full, filled) = sync_channel::<Vec<Block<A>>>(UNDER_WAY);
            let (empty, emptied) = sync_channel(UNDER_WAY);
            for _ in 0..UNDER_WAY {
                let sent = empty.send(Vec::with_capacity(BATCH));
                sent.expect("the other end is here");
            }
            let make = move || {
                for step in 0..steps {
                    let mut batch = emptied.recv().expect("who frees stays as long");
                    batch.extend((0..BATCH as u64).map(|n| maker.make(step ^ n)));
                    full.send(batch).expect("who frees stays as long");
                }
                Duration::ZERO
            };
            let free = move || {
                for mut batch in filled {
                    batch.clear();
                    // Who makes has gone when it has made all.
                    let _ = empty.send(batch);
                }
                Duration::ZERO
            };
            let works: [Box<dyn FnOnce() -> Duration + Send>; 2] = [Box::new(make), Box::new(free)];
            works
        }))
    }
}
