//! What threads hand each other: a few *berths* of free slots for each class.
//!
//! A berth holds the slots of one exchange. Who finds one empty claims it by a compare-and-swap of its state, puts
//! slots there, and says how many; who finds one with slots claims it, takes them, and leaves it empty. A berth is
//! never unlinked, moved or freed, so there is nothing to reclaim: neither an epoch, nor a counter beside a
//! pointer. A thread that is stopped with a claim holds up one berth, and nobody waits for it. (A process's child
//! lacks the berths that other threads of its parent had claimed, and what was in them.)
//!
//! All is bounded: when no berth is free, the slots go to their slabs.

#![forbid(unsafe_code)]

use super::classes::MAX_BATCH;
use crate::sync::{AtomicU8, Ordering, OwnedPtr};

/// How many exchanges a class keeps.
pub(crate) const BERTHS: usize = if cfg!(loom) { 2 } else { 8 };

/// Nothing in it; other states are how many slots there are.
const EMPTY: u8 = 0;
/// Somebody has claimed it.
const CLAIMED: u8 = u8::MAX;

const _: () = assert!(MAX_BATCH < CLAIMED as usize);

/// The berths of a class. Zeros are a depot with nothing in it.
pub(crate) struct Depot {
    states: [AtomicU8; BERTHS],
    berths: [[OwnedPtr; MAX_BATCH]; BERTHS],
}

impl Depot {
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            states: std::array::from_fn(|_| AtomicU8::new(EMPTY)),
            berths: std::array::from_fn(|_| std::array::from_fn(|_| OwnedPtr::null())),
        }
    }

    /// Puts slots there, from one to [`MAX_BATCH`]. Returns whether there was a place.
    pub(crate) fn put(&self, slots: &[OwnedPtr]) -> bool {
        let count = slots.len();
        debug_assert!((1..=MAX_BATCH).contains(&count));
        // The lowest, so that what was put last is found first from above.
        for (state, berth) in self.states.iter().zip(&self.berths) {
            // Acquire, here and in `take`: who claimed it last is done with the berth, and left with
            // Release.
            let is_ours = state.load(Ordering::Relaxed) == EMPTY
                && state
                    .compare_exchange(EMPTY, CLAIMED, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok();
            if is_ours {
                for (to, from) in berth.iter().zip(slots) {
                    to.set(from.get());
                }
                // Release: and what the thread did with the slots before it freed them.
                state.store(count as u8, Ordering::Release);
                return true;
            }
        }
        false
    }

    /// Takes the slots of one berth; returns how many. There is room for [`MAX_BATCH`], or for what was ever
    /// put.
    pub(crate) fn take(&self, slots: &[OwnedPtr]) -> usize {
        for (state, berth) in self.states.iter().zip(&self.berths).rev() {
            let count = state.load(Ordering::Relaxed);
            debug_assert!(usize::from(count) <= slots.len() || count == CLAIMED);
            if count == EMPTY || count == CLAIMED {
                continue;
            }
            // It may have been emptied and filled between: what counts is what is there now.
            let is_ours = state
                .compare_exchange(count, CLAIMED, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
            if is_ours {
                let count = usize::from(count);
                for (to, from) in slots.iter().zip(berth).take(count) {
                    to.set(from.get());
                }
                state.store(EMPTY, Ordering::Release);
                return count;
            }
        }
        0
    }

    /// How many slots are there, about.
    pub(crate) fn len(&self) -> usize {
        let counts = self.states.iter().map(|s| s.load(Ordering::Relaxed));
        counts
            .filter(|count| *count != CLAIMED)
            .map(usize::from)
            .sum()
    }
}
