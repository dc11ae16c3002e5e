//! How many slots are out of the depot, and in how many caches they may hide.
//!
//! Both numbers live in one word, so that the answer "full" rests on one atomic snapshot:
//!
//! * a slot is *out* from before it leaves the depot until after it is back in it, that is: while
//!   it is live, cached, or on its way;
//! * a cache holds at most two magazines, whether it is idle, refilling or flushing.
//!
//! The thread that asks has an empty cache. So when `out >= capacity + 2 * magazine * (caches - 1)`,
//! at least `capacity` of the slots that are out are live objects, and the pool may say "full".
//! A thread that has an open pool scope may know of free slots of its own that it cannot have
//! ([`Ledger::reserve_beside`]): they are out and not live either, and the limit is so much higher.
//! Below that limit a slot can be reserved, so "full" is never said while fewer than `capacity`
//! objects are live, wherever free slots are cached; and with one cache the answer is exact.

#![forbid(unsafe_code)]

use crate::sync::{AtomicU64, Ordering};

const OUT_BITS: u32 = 40;
const OUT_MASK: u64 = (1 << OUT_BITS) - 1;
const ONE_CACHE: u64 = 1 << OUT_BITS;

/// The most slots that a region can have: what fits in the ledger's word.
pub(crate) const MAX_SLOTS: usize = (OUT_MASK >> 1) as usize;
/// The most caches that a pool can have.
pub(crate) const MAX_CACHES: usize = (1 << (64 - OUT_BITS - 1)) - 1;

/// The word and the numbers that bound it.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// `caches << 40 | out`.
    word: AtomicU64,
    /// The fixed capacity, in slots.
    capacity: u64,
    /// What one cache can hold, in slots: two magazines.
    per_cache: u64,
}

impl Ledger {
    pub(crate) fn new(capacity: usize, magazine: usize) -> Self {
        Self {
            word: AtomicU64::new(0),
            capacity: capacity as u64,
            per_cache: 2 * magazine as u64,
        }
    }

    /// Counts one more cache, unless there are `max` already.
    pub(crate) fn open_cache(&self, max: usize) -> bool {
        // AcqRel, here and below: the word is the one place where caches and slots meet, and each
        // change is seen with all that its author did before.
        self.word
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| {
                ((word >> OUT_BITS) < max as u64).then_some(word + ONE_CACHE)
            })
            .is_ok()
    }

    /// Counts one cache less; it must be empty, its slots given back.
    pub(crate) fn close_cache(&self) {
        self.word.fetch_sub(ONE_CACHE, Ordering::AcqRel);
    }

    /// Reserves up to `want` slots for a caller whose own open cache is empty. Zero means full.
    ///
    /// What is reserved exists: the region has more slots than can ever be out.
    pub(crate) fn reserve(&self, want: usize) -> Reserved {
        self.reserve_beside(want, 0)
    }

    /// [`Ledger::reserve`], for a caller who knows of `aside` free slots in its own cache, at most a
    /// magazine, that it cannot have.
    pub(crate) fn reserve_beside(&self, want: usize, aside: usize) -> Reserved {
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            let out = word & OUT_MASK;
            // These are out and not live, whatever the others' caches hold.
            let limit = self.limit(word) + aside as u64;
            let granted = (want as u64).min(limit.saturating_sub(out));
            if granted == 0 {
                return Reserved::default();
            }
            match self.word.compare_exchange_weak(
                word,
                word + granted,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => {
                    return Reserved {
                        slots: granted as usize,
                        out_before: out as usize,
                    };
                }
                Err(now) => word = now,
            }
        }
    }

    /// Whether a caller with an open cache that is empty would get a slot now, or one without a cache if
    /// it counted as none.
    pub(crate) fn has_room(&self) -> bool {
        let word = self.word.load(Ordering::Acquire);
        (word & OUT_MASK) < self.limit(word)
    }

    /// How many slots may be out, with as many caches as a word says.
    fn limit(&self, word: u64) -> u64 {
        self.capacity + self.per_cache * (word >> OUT_BITS).saturating_sub(1)
    }

    /// Takes back `slots` of a reservation, or enters `slots` that are in the depot again.
    pub(crate) fn give_back(&self, slots: usize) {
        if slots > 0 {
            self.word.fetch_sub(slots as u64, Ordering::AcqRel);
        }
    }

    /// Counts `slots` that a closing cache takes out of the depot to merge them with its own.
    pub(crate) fn borrow(&self, slots: usize) {
        self.word.fetch_add(slots as u64, Ordering::AcqRel);
    }

    /// Slots that are live, cached or on their way.
    pub(crate) fn out(&self) -> usize {
        (self.word.load(Ordering::Acquire) & OUT_MASK) as usize
    }

    /// Caches that are open.
    pub(crate) fn caches(&self) -> usize {
        (self.word.load(Ordering::Acquire) >> OUT_BITS) as usize
    }
}

/// What [`Ledger::reserve`] granted, and what it saw.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reserved {
    pub(crate) slots: usize,
    pub(crate) out_before: usize,
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn one_cache_is_exact() {
        let ledger = Ledger::new(10, 4);
        assert!(ledger.open_cache(8));
        assert_eq!(ledger.reserve(4).slots, 4);
        assert_eq!(ledger.reserve(4).slots, 4);
        assert_eq!(ledger.reserve(4).slots, 2);
        assert_eq!(ledger.reserve(4).slots, 0);
        ledger.give_back(1);
        assert_eq!(ledger.reserve(4).slots, 1);
        assert_eq!(ledger.out(), 10);
    }

    #[test]
    fn what_the_caller_cannot_have_is_not_live() {
        let ledger = Ledger::new(10, 4);
        assert!(ledger.open_cache(8));
        assert_eq!(ledger.reserve(10).slots, 10);
        assert_eq!(ledger.reserve_beside(4, 3).slots, 3);
        assert_eq!(ledger.reserve_beside(4, 3).slots, 0);
    }

    #[test]
    fn every_other_cache_adds_two_magazines_of_room() {
        let ledger = Ledger::new(10, 4);
        for _ in 0..3 {
            assert!(ledger.open_cache(3));
        }
        assert!(!ledger.open_cache(3), "a fourth cache past the maximum");
        assert_eq!(ledger.reserve(1000).slots, 10 + 2 * 8);
        assert_eq!(ledger.reserve(1).slots, 0);
        ledger.close_cache();
        assert_eq!(ledger.caches(), 2);
        assert_eq!(ledger.reserve(1).slots, 0);
    }
}
