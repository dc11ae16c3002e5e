//! Leave to give memory to slots.
//!
//! A pool's parts have addresses for more slots than may have memory at one time, so that each node
//! can hold all of them. What keeps the sum within bounds is leave: whoever carves a fresh slot, or
//! takes one whose memory was given back, takes leave for it first; a trim gives it back. Leave
//! that is there can be used: some slot of the part, or of any part, is fresh or cold, or will be as
//! soon as another thread has put down what it holds.

#![forbid(unsafe_code)]

use crate::sync::{AtomicUsize, Ordering};

/// How many slots more may be given memory.
#[derive(Debug)]
pub(crate) struct Quota {
    left: AtomicUsize,
    /// Whether leave is taken in two steps: for a model of what that does.
    #[cfg(all(test, loom))]
    hasty: bool,
}

impl Quota {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            left: AtomicUsize::new(slots),
            #[cfg(all(test, loom))]
            hasty: false,
        }
    }

    #[cfg(all(test, loom))]
    pub(crate) fn hasty(slots: usize) -> Self {
        let hasty = true;
        Self {
            hasty,
            ..Self::new(slots)
        }
    }

    /// Takes leave for up to `most` slots. Returns for how many.
    pub(crate) fn take(&self, most: usize) -> usize {
        #[cfg(all(test, loom))]
        if self.hasty {
            let left = self.left();
            self.left.store(left - left.min(most), Ordering::Relaxed);
            return left.min(most);
        }
        // Relaxed, here and below: a number of which nothing else is deduced. The slots themselves
        // pass from hand to hand elsewhere.
        let taken = |left: usize| (left > 0).then(|| left - left.min(most));
        let update = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken);
        update.map_or(0, |left| left.min(most))
    }

    /// Gives leave back.
    pub(crate) fn give(&self, slots: usize) {
        if slots > 0 {
            self.left.fetch_add(slots, Ordering::Relaxed);
        }
    }

    pub(crate) fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }
}
