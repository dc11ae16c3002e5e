//! Draws from the few distributions that the stream is made of, in integers only: what floats make
//! of a logarithm is not the same on every machine.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// Where all of a stream's chance comes from.
#[derive(Debug)]
pub(super) struct Draws(Xoshiro256PlusPlus);

impl Draws {
    pub(super) fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// From 0 to `end` - 1, all alike but for a bias of `end` in 2^64.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        let product = u128::from(self.0.next_u64()) * u128::from(end);
        (product >> 64) as u64
    }

    /// From `least` to `most`, all alike.
    pub(super) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// Whether a chance of 1 in `n` came true.
    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// How often a chance of 1 in `n` did not come true before it did, at most 30 times.
    pub(super) fn geometric(&mut self, n: u64) -> u64 {
        let mut misses = 0;
        while misses < 30 && !self.one_in(n) {
            misses += 1;
        }
        misses
    }

    /// Pareto's distribution of exponent 1, cut off at `most`: one draw in `k` is over `k * least`.
    /// Their mean is `least * (1 + ln(most / least))`. `least` is less than 2^32.
    pub(super) fn pareto(&mut self, least: u64, most: u64) -> u64 {
        let one = 1 << 32;
        let uniform = self.between(1, one);
        (least * one / uniform).min(most)
    }
}
