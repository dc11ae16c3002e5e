//! The headers of a slab's slots, where they have any.
//!
//! What is behind an object is given back to the system with it; the generations are kept elsewhere
//! for that time.

#![allow(unsafe_code)]

use super::Slab;
use super::layout::Plan;
use crate::magazine::Magazine;
use crate::slot::PARKED;
use crate::sync::{AtomicU64, Ordering};
use crate::zeros::zeros;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;

/// Where the headers are, and what is known of those that were given back.
#[derive(Debug)]
pub(super) struct Headers {
    /// Where a header is in its slot.
    offset: usize,
    /// Whether who does not have the slot reads it.
    shared: bool,
    /// The generations of slots whose memory was given back; there from the first time on.
    saved: OnceLock<Box<[AtomicU32]>>,
}

impl Headers {
    pub(super) fn new(plan: &Plan) -> Option<Self> {
        Some(Self {
            offset: plan.word?,
            shared: plan.shared,
            saved: OnceLock::new(),
        })
    }
}

impl Slab {
    /// The header of a slot that was carved.
    fn header(&self, headers: &Headers, index: usize) -> &AtomicU64 {
        // SAFETY: within the slot, by the plan.
        let word = unsafe { self.slot(index).add(headers.offset) };
        // SAFETY: as above; it is aligned, was zero when it was committed, and is only ever used as an
        // atomic.
        unsafe { word.cast::<AtomicU64>().as_ref() }
    }

    /// Whether a free slot, which is the caller's, holds an object.
    pub(crate) fn is_parked(&self, index: usize) -> bool {
        // Relaxed: who had the slot last handed it over with all that was written.
        let parked = |headers| self.header(headers, index).load(Ordering::Relaxed) & PARKED != 0;
        self.headers.as_ref().is_some_and(parked)
    }

    /// Whether the memory of free slots must stay: somebody may read a header there, and the system
    /// would not let him.
    pub(super) fn must_stay(&self) -> bool {
        let shared = self.headers.as_ref().is_some_and(|headers| headers.shared);
        shared && self.source.recommits()
    }

    /// Saves the generations of slots whose memory is given back next, and which are the caller's.
    /// False: there is no memory to save them in.
    pub(super) fn save_generations(&self, run: &Range<usize>) -> bool {
        let Some(headers) = self.headers.as_ref().filter(|headers| headers.shared) else {
            return true; // No generations, and perhaps no memory to be read.
        };
        let saved = match headers.saved.get() {
            Some(saved) => saved,
            None => match zeros(self.slots) {
                Some(new) => headers.saved.get_or_init(|| new),
                None => return false,
            },
        };
        for index in run.clone() {
            let generation = self.header(headers, index).load(Ordering::Relaxed) >> 32;
            // Relaxed: `renew` comes after, by the stacks that the slots go through. The largest: of
            // slots that were given back before, the header may read as zero.
            saved[index].fetch_max(generation as u32, Ordering::Relaxed);
        }
        true
    }

    /// Gives slots whose memory was given back their headers again.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine.
    pub(super) unsafe fn renew(&self, magazine: Magazine) {
        let Some(headers) = &self.headers else { return };
        let saved = headers.saved.get();
        // SAFETY: owned by the caller.
        for slot in unsafe { magazine.slots() } {
            // A reader that comes meanwhile finds no owner, before and after.
            let index = self.index(slot);
            let generation = saved.map_or(0, |saved| saved[index].load(Ordering::Relaxed));
            let header = self.header(headers, index);
            header.store(u64::from(generation) << 32, Ordering::Relaxed);
        }
    }
}
