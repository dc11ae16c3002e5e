//! An allocator's hot path, in line. The [slow](super::slow) ones are called.

#![allow(unsafe_code)]

use super::cache::{Bin, Cache};
use super::classes::{self, MAX_SIZE};
use super::large;
use super::registry;
use super::site::Site;
use super::state::State;
use std::alloc::Layout;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// Bytes behind each block that are not the user's.
pub(super) const TAIL: usize = if cfg!(feature = "checked") { 8 } else { 0 };

/// What a [`SlabAlloc`](super::SlabAlloc) is.
#[derive(Debug)]
pub(super) struct Heap {
    /// Where threads find their caches. Zero, where no thread has one, before the first use.
    pub(super) seat: AtomicUsize,
    pub(super) state: AtomicPtr<State>,
    pub(super) retain: usize,
}

/// Where a request is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// From the class of this index.
    Class(usize),
    Alone,
}

impl Place {
    #[inline(always)]
    pub(super) const fn of(size: usize, align: usize) -> Self {
        let need = classes::need(size + TAIL, align);
        // None is none: it was too much.
        if need.wrapping_sub(1) < MAX_SIZE {
            Self::Class(classes::index(need))
        } else {
            Self::Alone
        }
    }
}

impl Heap {
    pub(super) const fn new(retain: usize) -> Self {
        Self {
            seat: AtomicUsize::new(0),
            state: AtomicPtr::new(ptr::null_mut()),
            retain,
        }
    }

    /// A block for a size above zero and an alignment that is a power of two, whose sum is not beyond
    /// `isize::MAX`.
    #[inline(always)]
    pub(super) fn get(&self, size: usize, align: usize, site: Site) -> Option<NonNull<u8>> {
        let block = match Place::of(size, align) {
            Place::Class(index) => match self.bin(index).take(size) {
                Some(slot) => Some(slot),
                None => self.refilled(index, size),
            },
            Place::Alone => self.mapped(size, align),
        };
        self.watch_get(block, size, site);
        block
    }

    /// The same, with `len` bytes zero, which it has room for.
    #[inline(always)]
    pub(super) fn get_zeroed(
        &self,
        size: usize,
        align: usize,
        len: usize,
        site: Site,
    ) -> Option<NonNull<u8>> {
        if Place::of(size, align) == Place::Alone {
            let block = self.mapped_zeroed(size, align, len);
            self.watch_get(block, size, site);
            return block;
        }
        let block = self.get(size, align, site)?;
        // SAFETY: a new block with that much room.
        unsafe { block.write_bytes(0, len) };
        Some(block)
    }

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// A live block of this heap, of this alignment and of this size, or of another one from what was asked for to what
    /// was given; it is not used again.
    #[inline(always)]
    pub(super) unsafe fn put(&self, block: NonNull<u8>, size: usize, align: usize, site: Site) {
        self.watch_put(block, size, align, site, true);
        match Place::of(size, align) {
            Place::Class(index) => {
                if !self.bin(index).put(block, size) {
                    self.put_slowly(index, block, size);
                }
            }
            // SAFETY: by contract.
            Place::Alone => unsafe { self.put_large(block, size, align) },
        }
    }

    /// Makes a block larger or smaller, where it is or elsewhere.
    ///
    /// # Safety
    ///
    /// As for [`Heap::put`], unless there is an error; the new size is as for [`Heap::get`].
    #[inline(always)]
    pub(super) unsafe fn resize(
        &self,
        block: NonNull<u8>,
        align: usize,
        old: usize,
        new: usize,
        site: Site,
    ) -> Option<NonNull<u8>> {
        self.watch_put(block, old, align, site, false);
        match (Place::of(old, align), Place::of(new, align)) {
            (Place::Class(from), Place::Class(to)) if from == to => {
                self.ask_again(from, old, new);
                self.watch_get(Some(block), new, site);
                Some(block)
            }
            (Place::Alone, Place::Alone) => {
                // SAFETY: by contract.
                unsafe { self.resize_large(block, align, old, new, site) }
            }
            // SAFETY: by contract.
            _ => unsafe { self.copy(block, align, old, new, site) },
        }
    }

    /// This thread's bin for an index.
    #[inline(always)]
    fn bin(&self, index: usize) -> &'static Bin {
        // SAFETY: indices are from `Place::of`.
        unsafe { self.cache().bin(index) }
    }

    #[inline(always)]
    pub(super) fn cache(&self) -> &'static Cache {
        // Acquire: the end of who had the seat before, which closed this thread's bins.
        registry::cache(self.seat.load(Ordering::Acquire))
    }

    /// # Safety
    ///
    /// As for [`Heap::resize`].
    #[inline(never)]
    pub(super) unsafe fn copy(
        &self,
        block: NonNull<u8>,
        align: usize,
        old: usize,
        new: usize,
        site: Site,
    ) -> Option<NonNull<u8>> {
        let copy = self.get(new, align, site)?;
        // SAFETY: both have so many bytes, and one is new.
        unsafe { copy.copy_from_nonoverlapping(block, old.min(new)) };
        // SAFETY: by contract.
        unsafe { self.put(block, old, align, site) };
        Some(copy)
    }

    #[inline(always)]
    fn ask_again(&self, index: usize, old: usize, new: usize) {
        let bin = self.bin(index);
        if bin.is_open() {
            bin.ask(new);
            bin.unask(old);
        } else if let Some(state) = self.started() {
            let past = &state.classes[classes::number(index)].past;
            past.add(new.wrapping_sub(old) as u64, 0, 0);
        }
    }
}

/// What the feature `checked` looks at. Without it, nothing.
impl Heap {
    #[inline(always)]
    pub(super) fn watch_get(&self, block: Option<NonNull<u8>>, size: usize, site: Site) {
        #[cfg(feature = "checked")]
        if let (Some(state), Some(block)) = (self.started(), block) {
            state.watch_get(block, size, site);
        }
        let _ = (block, size, site);
    }

    #[inline(always)]
    fn watch_put(&self, block: NonNull<u8>, size: usize, align: usize, site: Site, frees: bool) {
        #[cfg(feature = "checked")]
        match self.started() {
            Some(state) => state.watch_put(block, size, align, site, frees),
            None => State::is_foreign(block, site),
        }
        let _ = (block, size, align, site, frees);
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        if let Some(state) = NonNull::new(*self.state.get_mut()) {
            // SAFETY: ours; blocks are not used after their allocator's end, by the contract of who hands
            // them out.
            unsafe { State::end(state) };
        }
    }
}

/// The size that a block for a request has. (With the feature `checked` it is what was asked for: who writes more is
/// seen.)
pub(super) fn given(layout: Layout) -> usize {
    match Place::of(layout.size(), layout.align()) {
        _ if cfg!(feature = "checked") => layout.size(),
        Place::Class(index) => classes::size(classes::number(index)),
        Place::Alone => {
            large::layout(layout.size(), layout.align()).map_or(layout.size(), |whole| whole.size())
        }
    }
}
