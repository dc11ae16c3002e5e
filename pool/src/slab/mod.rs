//! Turns a part of a region into slots, and knows which of them were ever handed out.
//!
//! A pool's region has one part for each NUMA node that it has memory on; a slab is one part. Its
//! slots are one array: slot `i` starts `i * stride` bytes into the part. They are *carved* from it
//! in order, a magazine's worth at a time, and from then on they go round between owners, caches and
//! depot. What was not carved was not touched, and costs address space only.
//!
//! Some sources must be asked before memory is touched (huge pages, a node that memory is bound to):
//! then the slab commits a block ahead of the slots that it carves.

#![allow(unsafe_code)]

mod headers;
pub(crate) mod layout;
mod runs;

use crate::magazine::Magazine;
use crate::source::{ByteRange, PageSource, Refused, Span, Survey};
use crate::sync::{AtomicUsize, Ordering};
use headers::Headers;
use layout::Plan;
use runs::SlotSet;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

/// The slots of one part of a region.
#[derive(Debug)]
pub(crate) struct Slab {
    source: Box<dyn PageSource>,
    span: Arc<Span>,
    /// Where the part begins in the span, and how long it is; in bytes.
    offset: usize,
    part: usize,
    stride: usize,
    /// Bytes of the largest pages that are asked for; a power of two.
    granule: usize,
    /// Slots in the part.
    slots: usize,
    /// Slots carved so far: those below this index. Never above `slots`.
    carved: AtomicUsize,
    /// Bytes that may be touched: those below this offset into the part. Grows under `growing`.
    usable: AtomicUsize,
    growing: Mutex<()>,
    /// Slots that were prefaulted: those below this index.
    prefaulted: AtomicUsize,
    /// Bytes that were given back to the system and not handed out again since.
    purged: AtomicUsize,
    headers: Option<Headers>,
}

impl Slab {
    /// The part `number` of a region. Nothing of it is committed yet: see [`Slab::grow`].
    pub(crate) fn new(
        plan: &Plan,
        source: Box<dyn PageSource>,
        span: Arc<Span>,
        number: usize,
    ) -> Self {
        Self {
            source,
            span,
            offset: number * plan.part,
            part: plan.part,
            stride: plan.stride,
            granule: plan.align,
            slots: plan.slots,
            carved: AtomicUsize::new(0),
            usable: AtomicUsize::new(0),
            growing: Mutex::new(()),
            prefaulted: AtomicUsize::new(0),
            purged: AtomicUsize::new(0),
            headers: Headers::new(plan),
        }
    }

    /// The slab's source, to unmap the whole region with.
    pub(crate) fn into_parts(self) -> (Box<dyn PageSource>, Arc<Span>) {
        (self.source, self.span)
    }

    /// Commits memory up to `bytes`, and as much more as the source gives for nothing.
    #[cold]
    pub(crate) fn grow(&self, bytes: usize) -> Result<(), Refused> {
        // A panic in here leaves `usable` as it was, which is true.
        let _growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let usable = self.usable.load(Ordering::Relaxed);
        let range = ByteRange {
            offset: self.offset + usable,
            len: bytes.saturating_sub(usable),
        };
        // SAFETY: what is not below `usable` is carved by nobody, and grown by us alone.
        let end = unsafe {
            self.source
                .commit(&self.span, range, self.offset + self.part)
        }?;
        // Release: who sees it, in `carve`, comes after the commit.
        self.usable.store(end - self.offset, Ordering::Release);
        Ok(())
    }

    /// Slots carved so far.
    #[inline]
    pub(crate) fn carved(&self) -> usize {
        self.carved.load(Ordering::Relaxed)
    }

    /// Carves up to `want` slots into `magazine`. Returns how many; zero if the part is used up.
    ///
    /// # Errors
    ///
    /// The system refuses memory for them.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine, and it has room for `want`.
    pub(crate) unsafe fn carve(&self, want: usize, magazine: Magazine) -> Result<usize, Refused> {
        // Relaxed: the index alone decides who has which slot, and a fresh slot has no history
        // that its owner would have to see.
        let mut first = self.carved.load(Ordering::Relaxed);
        let count = loop {
            let mut count = want.min(self.slots - first);
            if count == 0 {
                return Ok(0);
            }
            let bytes = (first + count) * self.stride;
            // Acquire: pairs with the Release in `grow`.
            if bytes > self.usable.load(Ordering::Acquire)
                && let Err(refused) = self.grow(bytes)
            {
                count = (self.usable.load(Ordering::Acquire) / self.stride).saturating_sub(first);
                count = count.min(want);
                if count == 0 {
                    return Err(refused);
                }
            }
            match self.carved.compare_exchange_weak(
                first,
                first + count,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => break count,
                Err(now) => first = now,
            }
        };
        // Last in, first out: the lowest address is handed out first, so that first touches go
        // through the region upwards.
        for index in (first..first + count).rev() {
            // SAFETY: owned by the caller.
            let pushed = unsafe { magazine.put(self.slot(index)) };
            assert!(pushed, "the caller made room");
        }
        Ok(count)
    }

    /// The address of the whole region.
    pub(crate) fn region(&self) -> usize {
        self.span.start.as_ptr().addr()
    }

    /// The address of the part.
    fn start(&self) -> usize {
        self.region() + self.offset
    }

    /// The slot of an index.
    #[inline]
    pub(crate) fn slot(&self, index: usize) -> NonNull<u8> {
        debug_assert!(index < self.slots);
        // SAFETY: `index < slots`, and the part holds `slots * stride` bytes from `offset` on.
        unsafe { self.span.start.add(self.offset + index * self.stride) }
    }

    /// The index of a slot of this slab.
    #[inline]
    pub(crate) fn index(&self, slot: NonNull<u8>) -> usize {
        let offset = slot.as_ptr().addr() - self.start();
        debug_assert!(offset.is_multiple_of(self.stride) && offset / self.stride < self.slots);
        offset / self.stride
    }

    /// The bytes of the first `slots` slots, as a range of the span.
    fn first(&self, slots: usize) -> ByteRange {
        ByteRange {
            offset: self.offset,
            len: slots * self.stride,
        }
    }

    /// Makes the memory of the first `slots` slots usable, and returns where it is.
    pub(crate) fn commit(&self, slots: usize) -> Result<ByteRange, Refused> {
        let range = self.first(slots);
        if range.len > self.usable.load(Ordering::Acquire) {
            self.grow(range.len)?;
        }
        // Some of it may have been given back.
        if self.source.recommits() && self.carved() > 0 {
            self.source.recommit(&self.span, range)?;
        }
        Ok(range)
    }

    /// Touches the memory of a committed range, whose values stay.
    pub(crate) fn populate(&self, range: ByteRange) -> Result<(), Refused> {
        self.source.populate(&self.span, range)
    }

    /// [`Slab::populate`] by hand, where the system has no call for it: for a slab that nothing was
    /// carved from.
    pub(crate) fn touch(&mut self, range: ByteRange) {
        assert_eq!(self.carved.load(Ordering::Relaxed), 0, "nobody has a slot");
        // SAFETY: the slab is borrowed for itself alone, and nobody has a slot of it.
        unsafe { self.span.touch(range) };
    }

    /// Locks the memory of a committed range.
    pub(crate) fn lock(&self, range: ByteRange) -> Result<(), Refused> {
        self.source.lock(&self.span, range)
    }

    /// Notes that the first `slots` slots were touched.
    pub(crate) fn note_prefaulted(&self, slots: usize) {
        self.prefaulted.fetch_max(slots, Ordering::Relaxed);
        if slots >= self.carved() {
            self.purged.store(0, Ordering::Relaxed);
        }
    }

    /// Gives back to the system the whole pages within a run of free slots; returns their bytes.
    ///
    /// # Safety
    ///
    /// The caller owns the slots: carved ones that are neither live, cached nor in a depot.
    pub(crate) unsafe fn purge(&self, run: &Range<usize>) -> usize {
        let whole = self.pages_within(run);
        let start = self.source.purgeable(whole);
        let pages = ByteRange {
            offset: start,
            len: whole.end() - start,
        };
        if pages.len == 0 || self.must_stay() || !self.save_generations(run) {
            return 0;
        }
        // SAFETY: the range is whole pages, within the run of slots that the caller owns.
        let given_back = unsafe { self.source.purge(&self.span, pages) };
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
        before.next_multiple_of(self.source.page())
    }

    /// Counts slots again whose memory was given back before [`Slab::take_purged`], and is not there
    /// still.
    pub(crate) fn keep_purged(&self, slots: usize) {
        self.purged
            .fetch_add(slots * self.stride, Ordering::Relaxed);
    }

    /// A set for the indices of the slots carved so far.
    pub(crate) fn slot_set(&self) -> SlotSet {
        // Relaxed: who has a slot has seen its carving.
        SlotSet::new(self.carved.load(Ordering::Relaxed))
    }

    /// The whole pages within a run of slots.
    fn pages_within(&self, run: &Range<usize>) -> ByteRange {
        let (base, page) = (self.start(), self.source.page());
        let from = (base + run.start * self.stride).next_multiple_of(page);
        let to = (base + run.end * self.stride) / page * page;
        ByteRange {
            offset: from.saturating_sub(base) + self.offset,
            len: to.saturating_sub(from),
        }
    }

    /// Makes the memory of slots usable that was given back, and counts it as used again.
    ///
    /// # Errors
    ///
    /// The system refuses memory for them.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine.
    pub(crate) unsafe fn recommit(&self, magazine: Magazine) -> Result<(), Refused> {
        let mut run: Option<Range<usize>> = None;
        let commit = |run: Option<Range<usize>>| match run {
            Some(run) if self.source.recommits() => {
                let range = ByteRange {
                    offset: self.offset + run.start * self.stride,
                    len: run.len() * self.stride,
                };
                self.source.recommit(&self.span, range)
            }
            _ => Ok(()),
        };
        // SAFETY: owned by the caller.
        for slot in unsafe { magazine.slots() } {
            let index = self.index(slot);
            run = match run {
                // As a trim packs them: neighbours, from the highest down.
                Some(known) if index + 1 == known.start => Some(index..known.end),
                other => {
                    commit(other)?;
                    Some(index..index + 1)
                }
            };
        }
        commit(run)?;
        // SAFETY: owned by the caller.
        unsafe { self.renew(magazine) };
        let bytes = magazine.len() as usize * self.stride;
        let less = |purged: usize| Some(purged.saturating_sub(bytes));
        let _ = self
            .purged
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        Ok(())
    }

    /// Bytes of the part, in whole pages.
    pub(crate) fn bytes(&self) -> usize {
        self.part.next_multiple_of(self.source.page())
    }

    /// Bytes from the part's start that were touched, or are beside such.
    fn touched(&self) -> usize {
        let carved = self.carved.load(Ordering::Relaxed);
        carved.max(self.prefaulted.load(Ordering::Relaxed)) * self.stride
    }

    /// Bytes touched or prefaulted and not given back, rounded up to pages.
    pub(crate) fn committed(&self) -> usize {
        let page = self.source.page();
        let purged = self.purged.load(Ordering::Relaxed);
        self.touched()
            .next_multiple_of(page)
            .min(self.bytes())
            .saturating_sub(purged / page * page)
    }

    /// What the system says about what was touched of the part, in whole pages of the largest size.
    pub(crate) fn survey(&self) -> Survey {
        let touched = self.touched().next_multiple_of(self.granule);
        let range = ByteRange {
            offset: self.offset,
            len: touched.min(self.part),
        };
        self.source.survey(&self.span, range)
    }
}
