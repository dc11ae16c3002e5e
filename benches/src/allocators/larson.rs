//! A server's life, after Larson and Krishnan's benchmark of 1998: each thread has some thousand
//! objects of random sizes and replaces them at random; after a while it ends, and a new thread has
//! its objects. So most blocks are freed by a thread that did not make them.

use super::block::Drawn;
use super::churn::Window;
use super::threads::{life, together};
use crate::disturbed::Attempt;
use crate::subject::Allocator;
use crate::work::Round;
use std::time::Duration;

/// Objects a thread has.
const OBJECTS: u32 = 5_000;

/// Objects that a thread replaces in its life: each of them ten times.
pub(super) const LIFE: u64 = 10 * OBJECTS as u64;

pub(crate) struct Larson<A: Allocator> {
    windows: Vec<Window<Drawn<A>>>,
}

impl<A: Allocator> Larson<A> {
    pub(crate) fn new(threads: usize) -> Self {
        let window = |n| Window::new(Drawn::new(8..=1_000, n), OBJECTS, n);
        Self {
            windows: (0..threads as u64).map(window).collect(),
        }
    }

    /// Each thread's successors replace so many objects.
    pub(crate) fn attempt(&mut self, steps: u64) -> Attempt {
        together(self.windows.iter_mut().map(|window| {
            move || {
                let mut waited = Duration::ZERO;
                let mut left = steps;
                while left > 0 {
                    let now = left.min(LIFE);
                    left -= now;
                    waited += life(|| window.replace(now)).1;
                }
                waited
            }
        }))
    }

    /// All that is live, in one number that follows from the steps.
    pub(crate) fn sum(&self) -> u64 {
        let sums = self.windows.iter().map(Window::sum);
        sums.fold(0, |sum, window| sum.rotate_left(5) ^ window)
    }
}

impl<A: Allocator> Round for Larson<A> {
    fn pairs(&self) -> u64 {
        self.windows.len() as u64
    }

    fn run(&mut self, steps: u64) -> Duration {
        // Whoever is born waits for a moment: no reason to try again.
        self.attempt(steps).elapsed
    }
}
