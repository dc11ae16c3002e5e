//! Blocks that no class has room for: each is mapped alone, and found by its address.
//!
//! Freed ones of a moderate size are kept, a few of each and within the allocator's budget, for the next that needs one:
//! their pages are there already. A place for one is a pointer that is swapped in or out, so it has one owner.

#![allow(unsafe_code)]

use super::classes::{self, SPARES};
use super::lock::AnyLock;
use super::map::{Entry, Map};
use super::pages::Pages;
use crate::source::block::{self, Errno};
use std::alloc::Layout;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering, Ordering::Relaxed};

/// Zeros are none yet.
pub(super) struct Large {
    map: Map,
    spares: [[AtomicPtr<u8>; EACH]; SPARES],
    live: AtomicUsize,
    asked: AtomicUsize,
    given: AtomicUsize,
    allocations: AtomicU64,
}

/// How many freed blocks of a size are kept.
const EACH: usize = 4;

/// A freed block that is so many sizes larger may be used, four times as large; from twice as large on its end is cut
/// off.
const LARGER: usize = 8;
const WHOLE: usize = 3;

/// One that is so many sizes smaller may be made larger, an eighth as large: what it has need not be mapped anew, and
/// does not lie idle beside the block that is.
const SMALLER: usize = 12;

/// The layout of the block for a request.
pub(super) fn layout(size: usize, align: usize) -> Option<Layout> {
    let page = block::page();
    let size = match classes::spare(size) {
        Some((_, size)) if align <= page => size,
        _ => size,
    };
    let bytes = size.checked_next_multiple_of(page)?;
    Layout::from_size_align(bytes, align.max(page)).ok()
}

/// The layout of freed blocks of one of the sizes that are kept.
fn spare_layout(at: usize) -> Option<Layout> {
    layout(classes::size(classes::CLASSES + at), 1)
}

impl Large {
    /// A block, and whether its bytes are zero.
    pub(super) fn allocate(
        &self,
        pages: &Pages,
        size: usize,
        layout: Layout,
    ) -> Result<(NonNull<u8>, bool), Errno> {
        let spare = self.find_spare(pages, layout);
        let spare = spare.or_else(|| self.grow_spare(pages, layout));
        let spare = spare.or_else(|| self.map.unshelve(Some(layout)));
        let entry = match spare {
            Some(spare) => spare,
            None => Entry {
                start: block::map(layout)?,
                layout,
            },
        };
        let Entry { start, layout } = entry;
        if let Err(errno) = self.map.insert(start, layout) {
            // SAFETY: mapped with this layout, and nobody has it.
            unsafe { self.give_back(entry) };
            return Err(errno);
        }
        self.count(size, layout.size());
        Ok((start, spare.is_none()))
    }

    /// Where freed blocks of a layout are kept, if they are.
    fn spares(&self, layout: Layout) -> Option<&[AtomicPtr<u8>; EACH]> {
        let (at, size) = classes::spare(layout.size())?;
        // With the feature `checked`, who writes to a freed block is to touch what is not there.
        let is_one =
            !cfg!(feature = "checked") && size == layout.size() && layout.align() == block::page();
        self.spares.get(at).filter(|_| is_one)
    }

    /// A freed block of a layout, or of one not much larger, which may grow where it is.
    fn find_spare(&self, pages: &Pages, layout: Layout) -> Option<Entry> {
        let (first, _) = classes::spare(layout.size())?;
        self.spares(layout)?; // None of this alignment are kept, perhaps.
        let mut found = self.take_first(pages, first..SPARES.min(first + LARGER + 1))?;
        let is_long = classes::spare(found.layout.size()).is_some_and(|(at, _)| at > first + WHOLE);
        // SAFETY: mapped with this layout, and nobody has it.
        if is_long && unsafe { block::resize(found.start, found.layout, layout.size()) }.is_ok() {
            found.layout = layout;
        }
        Some(found)
    }

    /// A freed block that was smaller, made as large as a layout is.
    fn grow_spare(&self, pages: &Pages, layout: Layout) -> Option<Entry> {
        let (at, _) = classes::spare(layout.size())?;
        self.spares(layout).filter(|_| block::GROWS)?;
        let found = self.take_first(pages, (at.saturating_sub(SMALLER)..at).rev())?;
        // SAFETY: mapped with this layout, and nobody has it.
        match unsafe { block::resize(found.start, found.layout, layout.size()) } {
            Ok(start) => Some(Entry { start, layout }),
            Err(_) => {
                // SAFETY: as above; it is as it was.
                unsafe { self.give_back(found) };
                None
            }
        }
    }

    /// A freed block of the first of some sizes that has one.
    fn take_first(&self, pages: &Pages, sizes: impl IntoIterator<Item = usize>) -> Option<Entry> {
        sizes.into_iter().find_map(|at| {
            let layout = spare_layout(at)?;
            let start = self.take_spare(pages, layout)?;
            Some(Entry { start, layout })
        })
    }

    fn take_spare(&self, pages: &Pages, layout: Layout) -> Option<NonNull<u8>> {
        let mut places = self.spares(layout)?.iter();
        let spare = places.find_map(|place| {
            // Acquire: what its last owner did, who put it there with Release.
            let is_there = !place.load(Relaxed).is_null();
            NonNull::new(if is_there {
                place.swap(ptr::null_mut(), Ordering::Acquire)
            } else {
                ptr::null_mut()
            })
        })?;
        pages.use_kept(layout.size());
        Some(spare)
    }

    fn put_spare(&self, pages: &Pages, start: NonNull<u8>, layout: Layout) -> bool {
        let Some(places) = self.spares(layout) else {
            return false;
        };
        if !pages.keep(layout.size()) {
            return false;
        }
        let is_kept = places.iter().any(|place| {
            place
                .compare_exchange(ptr::null_mut(), start.as_ptr(), Ordering::Release, Relaxed)
                .is_ok()
        });
        if !is_kept {
            pages.use_kept(layout.size());
        }
        is_kept
    }

    /// Gives the memory of all that is kept back. Returns how many bytes.
    pub(super) fn trim(&self, pages: &Pages) -> usize {
        let mut bytes = 0;
        for at in 0..SPARES {
            let Some(layout) = spare_layout(at) else {
                continue;
            };
            while let Some(start) = self.take_spare(pages, layout) {
                // SAFETY: mapped with this layout, and nobody has it.
                unsafe { self.give_back(Entry { start, layout }) };
                bytes += layout.size();
            }
        }
        bytes
    }

    fn count(&self, asked: usize, given: usize) {
        // Relaxed: figures, which order nothing.
        self.live.fetch_add(1, Relaxed);
        self.asked.fetch_add(asked, Relaxed);
        self.given.fetch_add(given, Relaxed);
        self.allocations.fetch_add(1, Relaxed);
    }

    /// Takes a block back. Returns `false` if another thread did at the same time, which only the feature `checked` looks
    /// at.
    ///
    /// # Safety
    ///
    /// A live block from here, of this entry, which nobody uses again. `size` is what was asked for.
    pub(super) unsafe fn deallocate(&self, pages: &Pages, size: usize, entry: Entry) -> bool {
        // Before somebody else can have the address.
        let was_there = self.map.remove(entry.start);
        if cfg!(feature = "checked") && !was_there {
            return false;
        }
        self.live.fetch_sub(1, Relaxed);
        self.asked.fetch_sub(size, Relaxed);
        self.given.fetch_sub(entry.layout.size(), Relaxed);
        if !self.put_spare(pages, entry.start, entry.layout) {
            // SAFETY: mapped with this layout; by contract.
            unsafe { self.give_back(entry) };
            // What the system would not take before, it may take now.
            if let Some(entry) = self.map.unshelve(None) {
                // SAFETY: mapped with this layout, and nobody has it.
                unsafe { self.give_back(entry) };
            }
        }
        true
    }

    /// Gives a block back to the system, or at least its memory.
    ///
    /// # Safety
    ///
    /// Mapped with this layout; nobody has it, and it is not in the table.
    unsafe fn give_back(&self, entry: Entry) {
        // SAFETY: by contract.
        if !unsafe { block::unmap(entry.start, entry.layout) } {
            // SAFETY: by contract.
            unsafe { block::purge(entry.start, entry.layout.size()) };
            self.map.shelve(entry);
        }
    }

    pub(super) fn lock(&self) -> &dyn AnyLock {
        self.map.lock()
    }

    /// Makes a block larger or smaller, without a copy; an error if it cannot be.
    ///
    /// # Safety
    ///
    /// As for [`Large::deallocate`], if there is no error. The new layout has the same alignment.
    pub(super) unsafe fn resize(
        &self,
        entry: Entry,
        old: usize,
        new: usize,
        layout: Layout,
    ) -> Result<NonNull<u8>, Errno> {
        // The entry of an address that is given up goes first: another thread may get it at once.
        self.map.remove(entry.start);
        // SAFETY: by contract.
        let resized = unsafe { block::resize(entry.start, entry.layout, layout.size()) };
        let (start, kept) = match resized {
            Ok(start) => (start, layout),
            Err(_) => (entry.start, entry.layout),
        };
        // Where there is no memory for a new leaf of the table, the block is lost to `owns` and `usable_size`, and to
        // nothing else: who frees it gives its layout.
        let _ = self.map.insert(start, kept);
        if resized.is_ok() {
            self.asked.fetch_add(new.wrapping_sub(old), Relaxed);
            self.given
                .fetch_add(layout.size().wrapping_sub(entry.layout.size()), Relaxed);
        }
        resized
    }

    /// A live block of a layout, which the table knows, most probably.
    pub(super) fn entry(&self, start: NonNull<u8>, layout: Layout) -> Entry {
        let known = self.map.get(start.addr().get());
        known.unwrap_or(Entry { start, layout })
    }

    /// The live block that starts at an address.
    pub(super) fn find(&self, address: usize) -> Option<Entry> {
        self.map.get(address)
    }

    /// How many bytes of a block are the user's.
    #[cfg(feature = "checked")]
    pub(super) fn set_len(&self, address: usize, bytes: usize) {
        if let Some(len) = self.map.len(address) {
            len.store(bytes, Relaxed);
        }
    }

    #[cfg(feature = "checked")]
    pub(super) fn len(&self, address: usize) -> usize {
        self.map.len(address).map_or(0, |len| len.load(Relaxed))
    }

    /// Within a block, other bytes are asked for now.
    pub(super) fn ask_again(&self, old: usize, new: usize) {
        self.asked.fetch_add(new.wrapping_sub(old), Relaxed);
    }

    /// Live blocks, bytes asked and given, allocations so far.
    pub(super) fn figures(&self) -> (usize, usize, usize, u64) {
        // Who freed with a larger size than was asked brought the sum below zero.
        let asked = self.asked.load(Relaxed);
        (
            self.live.load(Relaxed),
            if asked > isize::MAX as usize {
                0
            } else {
                asked
            },
            self.given.load(Relaxed),
            self.allocations.load(Relaxed),
        )
    }

    /// Gives all memory back, live blocks included.
    ///
    /// # Safety
    ///
    /// Nobody uses any of it again.
    pub(super) unsafe fn unmap(&self, pages: &Pages) {
        self.trim(pages);
        // SAFETY: by contract.
        unsafe { self.map.unmap(self.live.load(Relaxed)) };
    }
}
