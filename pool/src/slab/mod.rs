//! Turns a region into slots, and knows which of them were ever handed out.
//!
//! A pool's slots are one array: slot `i` starts `i * stride` bytes into the region. They are
//! *carved* from it in order, a magazine's worth at a time, and from then on they go round between
//! owners, caches and depot. What was not carved was not touched, and costs address space only.

#![allow(unsafe_code)]

pub(crate) mod layout;
mod runs;

use crate::error::InitError;
use crate::magazine::Magazine;
use crate::source::{ByteRange, PageSource, SYSTEM, Span};
use crate::sync::{AtomicUsize, Ordering};
use layout::Plan;
use runs::SlotSet;
use std::ops::Range;
use std::ptr::NonNull;

/// The slots of one region.
#[derive(Debug)]
pub(crate) struct Slab {
    span: Span,
    stride: usize,
    /// Slots in the region.
    slots: usize,
    /// Slots carved so far: those below this index. Never above `slots`.
    carved: AtomicUsize,
    /// Slots that were prefaulted: those below this index.
    prefaulted: AtomicUsize,
    /// Bytes that were given back to the system and not handed out again since.
    purged: AtomicUsize,
}

impl Slab {
    /// Reserves the region of a plan.
    pub(crate) fn new(plan: &Plan) -> Result<Self, InitError> {
        let layout = plan.region();
        let span = SYSTEM.map(layout).map_err(|errno| InitError::Reserve {
            bytes: layout.size(),
            errno,
        })?;
        Ok(Self {
            span,
            stride: plan.stride,
            slots: plan.slots,
            carved: AtomicUsize::new(0),
            prefaulted: AtomicUsize::new(0),
            purged: AtomicUsize::new(0),
        })
    }

    /// Gives the region back.
    ///
    /// # Safety
    ///
    /// No slot of it is used again.
    pub(crate) unsafe fn unmap(self) {
        // SAFETY: the span came from the same source, and by contract nobody uses it again.
        unsafe { SYSTEM.unmap(self.span) };
    }

    /// Carves up to `want` slots into `magazine`. Returns how many; zero if the region is used up.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine, and it has room for `want`.
    pub(crate) unsafe fn carve(&self, want: usize, magazine: Magazine) -> usize {
        // Relaxed: the index alone decides who has which slot, and a fresh slot has no history
        // that its owner would have to see.
        let update = |carved: usize| {
            let take = want.min(self.slots - carved);
            (take > 0).then_some(carved + take)
        };
        let Ok(first) = self
            .carved
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, update)
        else {
            return 0;
        };
        let count = want.min(self.slots - first);
        // Last in, first out: the lowest address is handed out first, so that first touches go
        // through the region upwards.
        for index in (first..first + count).rev() {
            // SAFETY: owned by the caller.
            let pushed = unsafe { magazine.push(self.slot(index)) };
            assert!(pushed, "the caller made room");
        }
        count
    }

    /// The slot of an index.
    pub(crate) fn slot(&self, index: usize) -> NonNull<u8> {
        debug_assert!(index < self.slots);
        // SAFETY: `index < slots`, and the span holds `slots * stride` bytes.
        unsafe { self.span.start.add(index * self.stride) }
    }

    /// The index of a slot of this slab.
    pub(crate) fn index(&self, slot: NonNull<u8>) -> usize {
        let offset = slot.as_ptr().addr() - self.span.start.as_ptr().addr();
        debug_assert!(offset.is_multiple_of(self.stride) && offset / self.stride < self.slots);
        offset / self.stride
    }

    /// Touches the memory of the first `slots` slots, whose values stay.
    pub(crate) fn prefault(&self, slots: usize) -> Result<(), InitError> {
        let range = self.first(slots);
        SYSTEM
            .populate(&self.span, range)
            .map_err(|errno| InitError::Prefault {
                bytes: range.len,
                errno,
            })?;
        self.note_prefaulted(slots);
        Ok(())
    }

    /// Touches the memory of the first `slots` slots of a slab that nothing was carved from: by hand
    /// where the system has no call for it.
    pub(crate) fn prefault_fresh(&mut self, slots: usize) {
        let range = self.first(slots);
        if SYSTEM.populate(&self.span, range).is_err() {
            for offset in (0..range.len).step_by(SYSTEM.page()) {
                // SAFETY: within the range, which is within the span.
                let byte = unsafe { self.span.start.add(offset) };
                // SAFETY: ours, and nobody has a slot of it: the slab is borrowed for itself alone.
                unsafe { byte.write_volatile(0) };
            }
        }
        self.note_prefaulted(slots);
    }

    /// The bytes of the first `slots` slots.
    fn first(&self, slots: usize) -> ByteRange {
        ByteRange {
            offset: 0,
            len: slots * self.stride,
        }
    }

    fn note_prefaulted(&self, slots: usize) {
        self.prefaulted.fetch_max(slots, Ordering::Relaxed);
        self.purged.store(0, Ordering::Relaxed);
    }

    /// Gives back to the system the whole pages within a run of free slots; returns their bytes.
    ///
    /// # Safety
    ///
    /// The caller owns the slots: carved ones that are neither live, cached nor in a depot.
    pub(crate) unsafe fn purge(&self, run: &Range<usize>) -> usize {
        let pages = self.pages_within(run);
        if pages.len == 0 {
            return 0;
        }
        // SAFETY: the range is whole pages, within the run of slots that the caller owns.
        let given_back = unsafe { SYSTEM.purge(&self.span, pages) };
        if !given_back {
            return 0;
        }
        // Before the caller hands the slots out again, and others call `recommit`.
        self.purged.fetch_add(pages.len, Ordering::Relaxed);
        pages.len
    }

    /// Begins to count anew what is given back: the caller has taken all slots of which that is
    /// true. Returns the count until now, in whole pages.
    pub(crate) fn take_purged(&self) -> usize {
        let before = self.purged.swap(0, Ordering::Relaxed);
        before.next_multiple_of(SYSTEM.page())
    }

    /// A set for the indices of the slots carved so far.
    pub(crate) fn slot_set(&self) -> SlotSet {
        // Relaxed: who has a slot has seen its carving.
        SlotSet::new(self.carved.load(Ordering::Relaxed))
    }

    /// The whole pages within a run of slots.
    fn pages_within(&self, run: &Range<usize>) -> ByteRange {
        let base = self.span.start.as_ptr().addr();
        let from = (base + run.start * self.stride).next_multiple_of(SYSTEM.page());
        let to = (base + run.end * self.stride) / SYSTEM.page() * SYSTEM.page();
        ByteRange {
            offset: from - base,
            len: to.saturating_sub(from),
        }
    }

    /// Says that up to `slots` slots whose memory was given back are handed out again.
    pub(crate) fn recommit(&self, slots: usize) {
        let bytes = slots * self.stride;
        let less = |purged: usize| Some(purged.saturating_sub(bytes));
        let _ = self
            .purged
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Bytes of the region, in whole pages.
    pub(crate) fn bytes(&self) -> usize {
        self.span.layout.size().next_multiple_of(SYSTEM.page())
    }

    /// Bytes touched or prefaulted and not given back, rounded up to pages.
    pub(crate) fn committed(&self) -> usize {
        let carved = self.carved.load(Ordering::Relaxed);
        let touched = carved.max(self.prefaulted.load(Ordering::Relaxed)) * self.stride;
        let purged = self.purged.load(Ordering::Relaxed);
        touched
            .next_multiple_of(SYSTEM.page())
            .saturating_sub(purged / SYSTEM.page() * SYSTEM.page())
    }
}
