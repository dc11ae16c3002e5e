//! Plain values, slices and text, and then all are gone.

use super::face::{Face, Keeps, Of, Work};
use super::watch::{Unaligned, Value, Watch};
use super::{Comparison, LEAN, NO_SLOWER, at_most, emptied_by_all};
use crate::work::Random;
use std::marker::PhantomData;

/// Values a tick.
const MANY: u64 = 1_000;

pub(super) const OF_16: Comparison = of::<[u64; 2]>("alloc-16");
pub(super) const OF_64: Comparison = of::<[u64; 8]>("alloc-64");
pub(super) const OF_256: Comparison = of::<[u64; 32]>("alloc-256");
pub(super) const UNALIGNED: Comparison = of::<Unaligned<3>>("alloc-24-unaligned");

const fn of<T: Value>(name: &'static str) -> Comparison {
    Comparison {
        name,
        measures: NO_SLOWER,
        jobs: || emptied_by_all::<Same<T>>(),
        all_live: true,
    }
}

pub(super) const TICK: Comparison = Comparison {
    name: "tick",
    measures: &[
        at_most(1.0, "bumpalo"),
        at_most(1.0, "bump-scope"),
        at_most(1.0, LEAN),
        at_most(0.25, "mimalloc"),
    ],
    jobs: || emptied_by_all::<Mixed>(),
    all_live: true,
};

pub(super) const WORDS: Comparison = Comparison {
    name: "slices",
    measures: NO_SLOWER,
    jobs: || emptied_by_all::<Words>(),
    all_live: true,
};

pub(super) const STRS: Comparison = Comparison {
    name: "strs",
    measures: NO_SLOWER,
    jobs: || emptied_by_all::<Strs>(),
    all_live: true,
};

/// Values of one type.
struct Same<T>(PhantomData<T>);

impl<T> Default for Same<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Value> Work for Same<T> {
    const STEPS: u64 = MANY;
    type State<K: Keeps> = K::Of<T>;

    #[inline(always)]
    fn run<F: Face>(&self, face: &F, kept: &mut Of<F, T>, watch: &mut impl Watch) {
        for n in 0..MANY {
            face.put(kept, T::nth(n), watch);
        }
    }
}

/// Small and large ones, as many of each, in a fixed order without a pattern.
struct Mixed {
    is_large: Box<[bool]>,
}

impl Default for Mixed {
    fn default() -> Self {
        let mut is_large: Box<[bool]> = (0..MANY).map(|n| n % 2 == 0).collect();
        Random::shuffle(&mut is_large);
        Self { is_large }
    }
}

type Small = [u64; 2];
type Large = [u64; 8];

impl Work for Mixed {
    const STEPS: u64 = MANY;
    type State<K: Keeps> = (K::Of<Small>, K::Of<Large>);

    #[inline(always)]
    fn run<F: Face>(
        &self,
        face: &F,
        (small, large): &mut (Of<F, Small>, Of<F, Large>),
        watch: &mut impl Watch,
    ) {
        for (n, is_large) in (0..).zip(&self.is_large) {
            if *is_large {
                face.put(large, Large::nth(n), watch);
            } else {
                face.put(small, Small::nth(n), watch);
            }
        }
    }
}

/// Each length of a range as often as the next, in a fixed order without a pattern.
fn lengths(count: usize, from: usize, to: usize) -> Box<[usize]> {
    let mut lengths: Box<[usize]> = (from..=to).cycle().take(count).collect();
    Random::shuffle(&mut lengths);
    lengths
}

/// Slices of 10 to 200 numbers.
struct Words {
    source: Box<[u32]>,
    lengths: Box<[usize]>,
}

impl Default for Words {
    fn default() -> Self {
        Self {
            source: (0..200).collect(),
            lengths: lengths(Self::STEPS as usize, 10, 200),
        }
    }
}

impl Work for Words {
    const STEPS: u64 = 200;
    type State<K: Keeps> = K::Of<[u32]>;

    #[inline(always)]
    fn run<F: Face>(&self, face: &F, kept: &mut Of<F, [u32]>, watch: &mut impl Watch) {
        for length in &self.lengths {
            face.put_words(kept, &self.source[..*length], watch);
        }
    }
}

/// Text of 5 to 40 bytes.
struct Strs {
    source: String,
    lengths: Box<[usize]>,
}

impl Default for Strs {
    fn default() -> Self {
        Self {
            source: ('!'..='~').collect(),
            lengths: lengths(Self::STEPS as usize, 5, 40),
        }
    }
}

impl Work for Strs {
    const STEPS: u64 = MANY;
    type State<K: Keeps> = K::Of<[u8]>;

    #[inline(always)]
    fn run<F: Face>(&self, face: &F, kept: &mut Of<F, [u8]>, watch: &mut impl Watch) {
        for length in &self.lengths {
            face.put_str(kept, &self.source[..*length], watch);
        }
    }
}
