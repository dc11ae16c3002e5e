//! Many orders made, then all freed.

use super::Round;
use crate::Order;
use crate::subject::Subject;
use std::fmt;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

/// In which order a batch is freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frees {
    /// The last one first.
    Lifo,
    /// The first one first.
    Fifo,
    /// As a fixed permutation says.
    Shuffled,
}

impl fmt::Display for Frees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lifo => "lifo",
            Self::Fifo => "fifo",
            Self::Shuffled => "shuffled",
        })
    }
}

impl Frees {
    /// Each index below `orders` once.
    fn indices(self, orders: u32) -> Box<[u32]> {
        let mut indices: Box<[u32]> = (0..orders).collect();
        match self {
            Self::Fifo => {}
            Self::Lifo => indices.reverse(),
            Self::Shuffled => super::Random::shuffle(&mut indices),
        }
        indices
    }
}

pub(super) struct Batch<'a, S: Subject> {
    subject: &'a S,
    /// Where the handles are between being made and being freed. Nothing is in it between rounds.
    storage: Box<[MaybeUninit<S::Handle<'a>>]>,
    /// Each index of `storage` once. All orders of freeing go through it, so that following it
    /// costs the same in all.
    indices: Box<[u32]>,
    made: u64,
}

impl<'a, S: Subject> Batch<'a, S> {
    pub(super) fn new(subject: &'a S, orders: usize, frees: Frees) -> Self {
        let count = u32::try_from(orders).expect("a batch fits a u32");
        Self {
            subject,
            storage: Box::new_uninit_slice(orders),
            indices: frees.indices(count),
            made: 0,
        }
    }
}

impl<S: Subject> Round for Batch<'_, S> {
    fn pairs(&self) -> u64 {
        self.storage.len() as u64
    }

    fn run(&mut self, steps: u64) -> Duration {
        let start = Instant::now();
        for _ in 0..steps {
            let first = self.made;
            self.made += self.pairs();
            batch(self, first);
        }
        start.elapsed()
    }
}

#[inline(never)]
fn batch<S: Subject>(batch: &mut Batch<'_, S>, first: u64) {
    for (place, n) in batch.storage.iter_mut().zip(first..) {
        place.write(batch.subject.make(Order::nth(n)));
    }
    black_box(&mut batch.storage);
    let sink = batch.subject.sink();
    for &index in &batch.indices {
        // SAFETY: all were written above, and each index comes once.
        let handle = unsafe { batch.storage[index as usize].assume_init_read() };
        // SAFETY: this subject's handle and sink.
        unsafe { S::free(sink, handle) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_index_comes_once() {
        for frees in [Frees::Lifo, Frees::Fifo, Frees::Shuffled] {
            for orders in [1, 2, 1_024] {
                let mut indices = frees.indices(orders);
                indices.sort_unstable();
                assert!(indices.iter().copied().eq(0..orders), "{frees}");
            }
        }
    }

    #[test]
    fn shuffled_is_far_from_sorted() {
        let indices = Frees::Shuffled.indices(1_024);
        let steps = indices
            .windows(2)
            .filter(|pair| pair[0].abs_diff(pair[1]) == 1);
        assert!(steps.count() < 16);
    }
}
