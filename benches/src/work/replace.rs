//! Random replacement among many that are live.

use super::Round;
use crate::Order;
use crate::subject::Subject;
use std::hint::black_box;
use std::mem;
use std::time::{Duration, Instant};

pub(super) struct Replace<'a, S: Subject> {
    subject: &'a S,
    live: Vec<S::Handle<'a>>,
    random: Random,
    made: u64,
}

impl<'a, S: Subject> Replace<'a, S> {
    pub(super) fn new(subject: &'a S, live: usize) -> Self {
        let made = live as u64;
        Self {
            subject,
            live: (0..made).map(|n| subject.make(Order::nth(n))).collect(),
            random: Random::new(),
            made,
        }
    }
}

impl<S: Subject> Round for Replace<'_, S> {
    fn run(&mut self, steps: u64) -> Duration {
        let first = self.made;
        self.made += steps;
        replace(self, first, steps)
    }
}

#[inline(never)]
fn replace<S: Subject>(replace: &mut Replace<'_, S>, first: u64, steps: u64) -> Duration {
    let subject = replace.subject;
    let sink = subject.sink();
    let live = &mut replace.live[..];
    let count = u32::try_from(live.len()).expect("they fit a u32");
    let mut random = replace.random;
    let start = Instant::now();
    for n in first..first + steps {
        let mut handle = subject.make(Order::nth(n));
        black_box(&mut handle);
        let old = mem::replace(&mut live[random.below(count) as usize], handle);
        // SAFETY: this subject's handle and sink.
        unsafe { S::free(sink, old) };
    }
    let elapsed = start.elapsed();
    replace.random = random;
    elapsed
}

impl<S: Subject> Drop for Replace<'_, S> {
    fn drop(&mut self) {
        let sink = self.subject.sink();
        for handle in self.live.drain(..) {
            // SAFETY: this subject's handle and sink.
            unsafe { S::free(sink, handle) };
        }
    }
}

/// A linear congruential generator: a multiplication and an addition, off the critical path.
#[derive(Debug, Clone, Copy)]
pub struct Random(u64);

impl Random {
    /// Always the same one.
    pub(crate) const fn new() -> Self {
        Self::nth(0)
    }

    /// One of many, each always the same.
    pub(crate) const fn nth(n: u64) -> Self {
        let odd = 0x9e37_79b9_7f4a_7c15_u64;
        Self(odd.wrapping_mul(n.wrapping_add(1)))
    }

    /// Brings items into an order that depends on their number only.
    ///
    /// # Panics
    ///
    /// They are more than fit a `u32`.
    pub fn shuffle<T>(items: &mut [T]) {
        let mut random = Self::new();
        let count = u32::try_from(items.len()).expect("they fit a u32");
        for unplaced in (2..=count).rev() {
            items.swap(unplaced as usize - 1, random.below(unplaced) as usize);
        }
    }

    /// A number below `bound`. The upper bits are the good ones.
    #[inline(always)]
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let upper = self.0 >> 32;
        ((upper * u64::from(bound)) >> 32) as u32
    }
}
