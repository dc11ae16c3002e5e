//! One block at a time, and some that are replaced at random.

use super::block::Makes;
use crate::process::timed;
use crate::work::{Random, Round};
use std::hint::black_box;
use std::time::Duration;

/// A block made, and freed before the next one.
pub(super) struct One<M>(pub(super) M);

impl<M: Makes> Round for One<M> {
    fn run(&mut self, steps: u64) -> Duration {
        timed(|| one(&mut self.0, steps)).0
    }
}

#[inline(never)]
fn one<M: Makes>(maker: &mut M, steps: u64) {
    for n in 0..steps {
        let mut block = maker.make(n);
        black_box(&mut block);
    }
}

/// Many blocks. One that is chosen at random is freed for each new one.
pub(super) struct Window<M: Makes> {
    maker: M,
    live: Vec<M::Block>,
    random: Random,
    made: u64,
}

impl<M: Makes> Window<M> {
    /// So many; the `n`th window, whose choices are its own and always the same.
    pub(super) fn new(mut maker: M, live: u32, n: u64) -> Self {
        let made = live.into();
        Self {
            live: (0..made).map(|n| maker.make(n)).collect(),
            maker,
            random: Random::nth(!n),
            made,
        }
    }

    #[inline(never)]
    pub(super) fn replace(&mut self, steps: u64) {
        let live = &mut self.live[..];
        let count = u32::try_from(live.len()).expect("they fit a u32");
        let mut random = self.random;
        for n in self.made..self.made + steps {
            let place = &mut live[random.below(count) as usize];
            let mut block = self.maker.make(n);
            black_box(&mut block);
            *place = block;
        }
        self.made += steps;
        self.random = random;
    }

    /// All that is live, in one number.
    pub(super) fn sum(&self) -> u64 {
        let words = self.live.iter().map(M::word);
        words.fold(0, |sum, word| sum.rotate_left(5) ^ word)
    }
}

impl<M: Makes> Round for Window<M> {
    fn run(&mut self, steps: u64) -> Duration {
        timed(|| self.replace(steps)).0
    }
}
