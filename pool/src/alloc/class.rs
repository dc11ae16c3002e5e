//! One size class: its depot, and its slabs.
//!
//! The slabs that have free slots are in sets by how full they are. A refill takes from the fullest, at the lowest
//! address (Bonwick's order, which lets sparse slabs empty); a full slab is in no set, and one that has become
//! empty goes back to the pages that all classes share.

#![allow(unsafe_code)]

use super::classes;
use super::depot::Depot;
use super::header::FULLNESSES;
use super::lock::{AnyLock, Lock};
use super::pages::Pages;
use super::tree::Tree;
use crate::source::block::Errno;
use crate::sync::OwnedPtr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Zeros are a class without slabs.
pub(super) struct Class {
    pub(super) depot: Depot,
    slabs: Lock<Slabs>,
    /// What threads did that have no cache now.
    pub(super) past: Past,
}

/// Figures of threads that ended, and of what was done without a cache.
pub(super) struct Past {
    /// Bytes asked for, less those freed.
    pub(super) asked: AtomicU64,
    pub(super) allocations: AtomicU64,
    pub(super) misses: AtomicU64,
}

struct Slabs {
    /// Those with free slots, from the emptiest to the fullest.
    partial: [Tree; FULLNESSES],
    count: usize,
    /// Free slots in all of them.
    free: usize,
}

impl Past {
    pub(super) fn add(&self, asked: u64, allocations: u64, misses: u64) {
        // Relaxed: figures, which order nothing.
        self.asked.fetch_add(asked, Ordering::Relaxed);
        self.allocations.fetch_add(allocations, Ordering::Relaxed);
        self.misses.fetch_add(misses, Ordering::Relaxed);
    }
}

impl Class {
    /// Takes free slots from the slabs: as many as are asked for, or fewer if there are no more, but one at least.
    /// The last has the lowest address, more or less.
    pub(super) fn take(
        &self,
        class: usize,
        pages: &Pages,
        slots: &[OwnedPtr],
    ) -> Result<usize, Errno> {
        let mut slabs = self.slabs.hold();
        let mut count = 0;
        while count < slots.len() {
            let slab = match slabs.fullest(pages) {
                Some(slab) => slab,
                None => match pages.take(class) {
                    Ok(slab) => {
                        slabs.partial[0].insert(pages.regions(), slab);
                        slabs.count += 1;
                        slabs.free += classes::slots(class);
                        slab
                    }
                    Err(errno) if count == 0 => return Err(errno),
                    Err(_) => break,
                },
            };
            let header = pages.regions().header(slab);
            let start = pages.regions().start(slab).as_ptr();
            let before = header.fullness(class);
            let mut places = slots[count..].iter();
            let taken = header.take(slots.len() - count, |slot| {
                if let Some(place) = places.next() {
                    // SAFETY: within the slab.
                    place.set(unsafe { start.add(slot * classes::size(class)) });
                }
            });
            count += taken;
            slabs.free -= taken;
            let after = (header.free() > 0).then(|| header.fullness(class));
            slabs.rank(pages, slab, Some(before), after);
        }
        drop(slabs);
        // The first is to be used first, so that addresses ascend.
        for at in 0..count / 2 {
            let (low, high) = (slots[at].get(), slots[count - 1 - at].get());
            slots[at].set(high);
            slots[count - 1 - at].set(low);
        }
        Ok(count)
    }

    /// Takes free slots back.
    pub(super) fn give(&self, class: usize, pages: &Pages, slots: &[OwnedPtr]) {
        let mut slabs = self.slabs.hold();
        for slot in slots {
            let Some((slab, offset)) = pages.regions().find(slot.get().addr()) else {
                debug_assert!(false, "a slot is in a slab");
                continue;
            };
            let header = pages.regions().header(slab);
            debug_assert_eq!(header.class(), Some(class));
            let before = (header.free() > 0).then(|| header.fullness(class));
            header.give(classes::slot_at(class, offset));
            slabs.free += 1;
            let is_empty = header.free() == classes::slots(class);
            let after = (!is_empty).then(|| header.fullness(class));
            slabs.rank(pages, slab, before, after);
            if is_empty {
                slabs.count -= 1;
                slabs.free -= classes::slots(class);
                pages.release(slab);
            }
        }
    }

    /// Slabs, and free slots in them.
    pub(super) fn figures(&self) -> (usize, usize) {
        let slabs = self.slabs.hold();
        (slabs.count, slabs.free)
    }

    pub(super) fn lock(&self) -> &dyn AnyLock {
        &self.slabs
    }
}

impl Slabs {
    fn fullest(&self, pages: &Pages) -> Option<u32> {
        let sets = self.partial.iter().rev();
        sets.filter_map(|set| set.first(pages.regions())).next()
    }

    /// Moves a slab from one set to another; `None` is no set.
    fn rank(&mut self, pages: &Pages, slab: u32, before: Option<usize>, after: Option<usize>) {
        if before == after {
            return;
        }
        if let Some(set) = before.and_then(|at| self.partial.get_mut(at)) {
            set.remove(pages.regions(), slab);
        }
        if let Some(set) = after.and_then(|at| self.partial.get_mut(at)) {
            set.insert(pages.regions(), slab);
        }
    }
}
