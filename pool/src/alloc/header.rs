//! What is known of a slab, apart from it: which slots are free, and where it is in the sets of slabs.
//!
//! Atomics, because headers are shared memory; whoever changes one holds the lock of the slab's class, or that of
//! the pages if no class has it, which orders it all.

#![forbid(unsafe_code)]

use super::classes::{self, CLASSES, MAX_SLOTS};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};

/// A slab's header. Zeros are one of a slab that no class has.
pub(super) struct Header {
    /// The slabs below it, and above it, in a set.
    below: AtomicU32,
    above: AtomicU32,
    /// Free slots that are in the slab: not in a cache or the depot.
    free: AtomicU32,
    /// The class's number, and one; zero if there is none.
    class: AtomicU8,
    /// That of the last class, which stays.
    #[cfg(feature = "checked")]
    last: AtomicU8,
    /// A bit for each slot that is free and in the slab.
    bits: [AtomicU64; MAX_SLOTS / 64],
}

/// How many sets a class has of slabs that have free slots, by how full they are.
pub(super) const FULLNESSES: usize = 4;

impl Header {
    pub(super) fn class(&self) -> Option<usize> {
        let class = usize::from(self.class.load(Relaxed));
        class.checked_sub(1).filter(|class| *class < CLASSES)
    }

    /// Gives the slab to a class, with all slots free.
    pub(super) fn assign(&self, class: usize) {
        let slots = classes::slots(class);
        for (at, word) in self.bits.iter().enumerate() {
            let bits = slots.saturating_sub(at * 64).min(64);
            word.store(u64::MAX.checked_shr(64 - bits as u32).unwrap_or(0), Relaxed);
        }
        self.free.store(slots as u32, Relaxed);
        self.class.store(class as u8 + 1, Relaxed);
        #[cfg(feature = "checked")]
        self.last.store(class as u8 + 1, Relaxed);
    }

    /// The class that had it last, or has it.
    #[cfg(feature = "checked")]
    pub(super) fn last_class(&self) -> Option<usize> {
        usize::from(self.last.load(Relaxed)).checked_sub(1)
    }

    /// Takes the slab from its class.
    pub(super) fn dismiss(&self) {
        self.class.store(0, Relaxed);
    }

    pub(super) fn free(&self) -> usize {
        self.free.load(Relaxed) as usize
    }

    /// In which set of the class a slab with free slots belongs; the fullest is the last.
    pub(super) fn fullness(&self, class: usize) -> usize {
        let slots = classes::slots(class);
        let used = slots - self.free().min(slots);
        (used * FULLNESSES / slots).min(FULLNESSES - 1)
    }

    /// Takes up to `most` free slots, those in front first, and tells `got` of each.
    pub(super) fn take(&self, most: usize, mut got: impl FnMut(usize)) -> usize {
        let mut count = 0;
        for (at, word) in self.bits.iter().enumerate() {
            if count == most {
                break;
            }
            let mut bits = word.load(Relaxed);
            if bits == 0 {
                continue;
            }
            while bits != 0 && count < most {
                got(at * 64 + bits.trailing_zeros() as usize);
                bits &= bits - 1;
                count += 1;
            }
            word.store(bits, Relaxed);
        }
        self.free.store((self.free() - count) as u32, Relaxed);
        count
    }

    /// Takes a slot back.
    pub(super) fn give(&self, slot: usize) {
        let Some(word) = self.bits.get(slot / 64) else {
            return; // No slab has it.
        };
        let bits = word.load(Relaxed);
        debug_assert_eq!(bits >> (slot % 64) & 1, 0, "a slot is freed once");
        word.store(bits | 1 << (slot % 64), Relaxed);
        self.free.store(self.free() as u32 + 1, Relaxed);
    }

    pub(super) fn links(&self) -> (u32, u32) {
        (self.below.load(Relaxed), self.above.load(Relaxed))
    }

    pub(super) fn set_links(&self, (below, above): (u32, u32)) {
        self.below.store(below, Relaxed);
        self.above.store(above, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn header() -> Header {
        Header {
            below: AtomicU32::new(0),
            above: AtomicU32::new(0),
            free: AtomicU32::new(0),
            class: AtomicU8::new(0),
            #[cfg(feature = "checked")]
            last: AtomicU8::new(0),
            bits: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    #[test]
    fn each_slot_is_taken_once_the_first_ones_first() {
        for class in 0..CLASSES {
            let (header, slots) = (header(), classes::slots(class));
            assert_eq!(header.class(), None);
            header.assign(class);
            assert_eq!((header.class(), header.free()), (Some(class), slots));
            let mut taken = Vec::new();
            while header.take(100, |slot| taken.push(slot)) > 0 {}
            assert!(taken.iter().copied().eq(0..slots), "class {class}");
            assert_eq!(header.free(), 0);
            assert_eq!(header.fullness(class), FULLNESSES - 1);
            // Every third comes back.
            let back: BTreeSet<_> = (0..slots).step_by(3).collect();
            back.iter().rev().for_each(|slot| header.give(*slot));
            assert_eq!(header.free(), back.len());
            let mut again = BTreeSet::new();
            header.take(usize::MAX, |slot| {
                again.insert(slot);
            });
            assert_eq!(back, again);
        }
    }

    #[test]
    fn fullness_grows_with_what_is_taken() {
        for class in 0..CLASSES {
            let header = header();
            header.assign(class);
            assert_eq!(header.fullness(class), 0);
            let mut last = 0;
            while header.take(1, |_| ()) > 0 {
                let now = header.fullness(class);
                assert!(now >= last && now < FULLNESSES);
                last = now;
            }
            assert_eq!(last, FULLNESSES - 1);
        }
    }
}
