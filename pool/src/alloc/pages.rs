//! Slabs that no class has: empty ones whose memory is there, up to a budget; empty ones whose memory the system
//! has; and those that were never carved. The first in this order, at the lowest address, is given out next.

#![allow(unsafe_code)]

use super::classes::SLAB;
use super::lock::{AnyLock, Lock};
use super::regions::{Carver, Regions};
use super::tree::{Links, Tree};
use crate::source::block::{self, Errno};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Zeros are no pages yet.
pub(super) struct Pages {
    regions: Regions,
    vacant: Lock<Vacant>,
    /// How many bytes of memory may be kept that nobody uses.
    retain: AtomicUsize,
    /// How many are, in empty slabs, and in freed large blocks. These get what slabs leave: else one of them would
    /// make all slabs come and go.
    kept: AtomicUsize,
    spare: AtomicUsize,
    /// Bytes of the slabs that classes have.
    used: AtomicUsize,
}

/// What may be kept, if nothing is said: so many bytes at least, and this share of the slabs in use.
const RETAIN: usize = 5 << 20;
const SHARE: usize = 8;

struct Vacant {
    /// Empty slabs with their memory.
    warm: Tree,
    /// Empty slabs without.
    cold: Tree,
    carver: Carver,
}

impl Links for Regions {
    fn below(&self, slab: u32) -> (u32, u32) {
        self.header(slab).links()
    }

    fn set_below(&self, slab: u32, links: (u32, u32)) {
        self.header(slab).set_links(links);
    }
}

impl Pages {
    /// Sets how many bytes may be kept; [`usize::MAX`] is a share of what is in use.
    pub(super) fn set_retain(&self, bytes: usize) {
        self.retain.store(bytes, Ordering::Relaxed);
    }

    /// Reserves few addresses at first: there may be thousands of allocators.
    pub(super) fn begin_small(&self) {
        self.vacant.hold().carver.begin_small();
    }

    /// How many bytes may be kept now.
    fn budget(&self) -> usize {
        match self.retain.load(Ordering::Relaxed) {
            usize::MAX => (self.used.load(Ordering::Relaxed) / SHARE).max(RETAIN),
            bytes => bytes,
        }
    }

    /// Whether a freed large block of so many bytes may be kept; it is counted then. (Relaxed, as all of this: a sum,
    /// which orders nothing.)
    pub(super) fn keep(&self, bytes: usize) -> bool {
        let spare = self
            .spare
            .fetch_add(bytes, Ordering::Relaxed)
            .saturating_add(bytes);
        let may = spare.saturating_add(self.kept.load(Ordering::Relaxed)) <= self.budget();
        if !may {
            self.use_kept(bytes);
        }
        may
    }

    /// Such a block is used, or given back.
    pub(super) fn use_kept(&self, bytes: usize) {
        self.spare.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// What is known of slabs.
    pub(super) fn regions(&self) -> &Regions {
        &self.regions
    }

    /// A slab for a class.
    pub(super) fn take(&self, class: usize) -> Result<u32, Errno> {
        let mut vacant = self.vacant.hold();
        let slab = if let Some(slab) = vacant.warm.first(&self.regions) {
            vacant.warm.remove(&self.regions, slab);
            self.kept.fetch_sub(SLAB, Ordering::Relaxed);
            slab
        } else if let Some(slab) = vacant.cold.first(&self.regions) {
            if block::REOPENS {
                // SAFETY: a whole slab that was open.
                unsafe { block::open(self.regions.start(slab), SLAB) }?;
            }
            vacant.cold.remove(&self.regions, slab);
            slab
        } else {
            self.regions.carve(&mut vacant.carver)?
        };
        drop(vacant);
        self.used.fetch_add(SLAB, Ordering::Relaxed);
        #[cfg(feature = "checked")]
        self.regions.forget(slab);
        self.regions.header(slab).assign(class);
        Ok(slab)
    }

    /// Takes an empty slab back from its class.
    pub(super) fn release(&self, slab: u32) {
        self.regions.header(slab).dismiss();
        self.used.fetch_sub(SLAB, Ordering::Relaxed);
        let mut vacant = self.vacant.hold();
        vacant.warm.insert(&self.regions, slab);
        self.kept.fetch_add(SLAB, Ordering::Relaxed);
        drop(vacant);
        // Two at most, so that it takes no longer, and yet the budget is kept when it falls with what is in use.
        for _ in 0..2 {
            if self.kept.load(Ordering::Relaxed) > self.budget() {
                self.purge_one();
            }
        }
    }

    /// Gives the memory of all empty slabs back. Returns how many bytes.
    pub(super) fn trim(&self) -> usize {
        let mut bytes = 0;
        while let Some(purged) = self.purge_one() {
            bytes += purged;
        }
        bytes
    }

    /// Gives the memory of the last empty slab back, if there is one, and tells how much. (It is nothing if the system
    /// does not take it, as when it is locked.)
    fn purge_one(&self) -> Option<usize> {
        let mut vacant = self.vacant.hold();
        let slab = vacant.warm.last(&self.regions)?;
        vacant.warm.remove(&self.regions, slab);
        self.kept.fetch_sub(SLAB, Ordering::Relaxed);
        // Other classes need not wait for the system.
        drop(vacant);
        #[cfg(feature = "checked")]
        self.regions.forget(slab);
        // SAFETY: a whole slab, open, in no set: nobody has it but this.
        let is_gone = unsafe { block::purge(self.regions.start(slab), SLAB) };
        let mut vacant = self.vacant.hold();
        vacant.cold.insert(&self.regions, slab);
        Some(if is_gone { SLAB } else { 0 })
    }

    /// Bytes that nobody uses and whose memory is kept, and of all that is reserved.
    pub(super) fn figures(&self) -> (usize, usize) {
        let vacant = self.vacant.hold();
        let kept = self.kept.load(Ordering::Relaxed) + self.spare.load(Ordering::Relaxed);
        (kept, vacant.carver.reserved)
    }

    pub(super) fn lock(&self) -> &dyn AnyLock {
        &self.vacant
    }

    /// Gives all memory back.
    ///
    /// # Safety
    ///
    /// Nobody uses any of it again.
    pub(super) unsafe fn unmap(&self) {
        // SAFETY: by contract.
        unsafe { self.regions.unmap() };
    }
}
