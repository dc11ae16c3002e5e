//! An allocator's slow paths: its first use, an empty or full bin, large blocks, and what is asked about it.

#![allow(unsafe_code)]

use super::classes;
use super::heap::{Heap, Place, TAIL};
use super::large;
use super::registry::{self, Door};
use super::site::Site;
use super::state::State;
use super::stats::SlabStats;
use crate::source::block::Errno;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

impl Heap {
    /// The same, for who was refused and wants to know why.
    #[cold]
    pub(super) fn get_again(
        &self,
        size: usize,
        align: usize,
        site: Site,
    ) -> Result<NonNull<u8>, Errno> {
        let block = match Place::of(size, align) {
            Place::Class(index) => self.get_slowly(index, size),
            Place::Alone => Ok(self.get_large(size, align)?.0),
        }?;
        self.watch_get(Some(block), size, site);
        Ok(block)
    }

    /// What it owns, made if this is the first use.
    pub(super) fn state(&self) -> Result<&State, Errno> {
        match self.started() {
            Some(state) => Ok(state),
            None => self.start(),
        }
    }

    /// What it owns, if it was ever used.
    pub(super) fn started(&self) -> Option<&State> {
        // Acquire: what `start` wrote.
        let state = self.state.load(Ordering::Acquire);
        // SAFETY: there as long as this.
        unsafe { state.as_ref() }
    }

    #[cold]
    pub(super) fn start(&self) -> Result<&State, Errno> {
        registry::watch_forks();
        let mut door = Door::open();
        if let Some(state) = self.started() {
            return Ok(state); // Another thread was first.
        }
        let state = State::new(&mut door, self.retain)?;
        // SAFETY: there as long as this.
        let made = unsafe { state.as_ref() };
        self.state.store(state.as_ptr(), Ordering::Release);
        self.seat.store(made.seat(), Ordering::Release);
        Ok(made)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn refilled(&self, index: usize, size: usize) -> Option<NonNull<u8>> {
        self.get_slowly(index, size).ok()
    }

    #[cold]
    #[inline(never)]
    pub(super) fn mapped(&self, size: usize, align: usize) -> Option<NonNull<u8>> {
        Some(self.get_large(size, align).ok()?.0)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn mapped_zeroed(
        &self,
        size: usize,
        align: usize,
        len: usize,
    ) -> Option<NonNull<u8>> {
        let (block, is_zero) = self.get_large(size, align).ok()?;
        if !is_zero {
            // SAFETY: a new block with that much room.
            unsafe { block.write_bytes(0, len) };
        }
        Some(block)
    }

    pub(super) fn get_slowly(&self, index: usize, size: usize) -> Result<NonNull<u8>, Errno> {
        let state = self.state()?;
        let number = classes::number(index);
        let class = &state.classes[number];
        let Some(cache) = registry::cache_of(state) else {
            return state.take_one(number, size).or_else(|_| {
                state.reclaim();
                state.take_one(number, size)
            });
        };
        let bin = cache.bin_of(number);
        if let Some(slot) = bin.take(size) {
            return Ok(slot);
        }
        bin.refill(number, class, &state.pages).or_else(|_| {
            state.drain(cache);
            state.reclaim();
            bin.refill(number, class, &state.pages)
        })?;
        bin.take(size).ok_or(None)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn put_slowly(&self, index: usize, block: NonNull<u8>, size: usize) {
        let Some(state) = self.started() else {
            return; // It is not from here.
        };
        let number = classes::number(index);
        let Some(cache) = registry::cache_of(state) else {
            return state.give_one(number, block, size);
        };
        let bin = cache.bin_of(number);
        if !bin.put(block, size) {
            bin.flush(number, &state.classes[number], &state.pages);
            bin.put(block, size);
        }
    }

    pub(super) fn get_large(
        &self,
        size: usize,
        align: usize,
    ) -> Result<(NonNull<u8>, bool), Errno> {
        let layout = large::layout(size + TAIL, align).ok_or(None)?;
        let state = self.state()?;
        state
            .large
            .allocate(&state.pages, size, layout)
            .or_else(|_| {
                state.reclaim();
                state.large.allocate(&state.pages, size, layout)
            })
    }

    /// # Safety
    ///
    /// As for [`Heap::put`].
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn put_large(&self, block: NonNull<u8>, size: usize, align: usize) {
        let layout = large::layout(size + TAIL, align);
        if let (Some(state), Some(layout)) = (self.started(), layout) {
            let entry = state.large.entry(block, layout);
            // SAFETY: by contract.
            let _is_done = unsafe { state.large.deallocate(&state.pages, size, entry) };
            #[cfg(feature = "checked")]
            if !_is_done {
                State::is_foreign(block, Site::UNKNOWN);
            }
        }
    }

    /// # Safety
    ///
    /// As for [`Heap::resize`].
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn resize_large(
        &self,
        block: NonNull<u8>,
        align: usize,
        old: usize,
        new: usize,
        site: Site,
    ) -> Option<NonNull<u8>> {
        let (is, wish) = (
            large::layout(old + TAIL, align),
            large::layout(new + TAIL, align),
        );
        let (Some(state), Some(is), Some(wish)) = (self.started(), is, wish) else {
            return None;
        };
        let entry = state.large.entry(block, is);
        let (given, wished) = (entry.layout.size(), wish.size());
        let resized = if wished == given || (new > old && wished < given) {
            state.large.ask_again(old, new);
            Some(block)
        } else {
            // SAFETY: by contract.
            unsafe { state.large.resize(entry, old, new, wish) }.ok()
        };
        let resized = resized.or_else(|| {
            // What cannot be cut off stays.
            let stays = !cfg!(feature = "checked") && wished < given;
            stays.then(|| {
                state.large.ask_again(old, new);
                block
            })
        });
        self.watch_get(resized, new, site);
        // SAFETY: by contract; it is as it was.
        resized.or_else(|| unsafe { self.copy(block, align, old, new, site) })
    }

    /// Bytes of the block that may start at an address.
    pub(super) fn usable_size(&self, address: usize) -> Option<usize> {
        let state = self.started()?;
        let Some((slab, offset)) = state.pages.regions().find(address) else {
            let entry = state.large.find(address)?;
            #[cfg(feature = "checked")]
            return Some(state.large.len(address).min(entry.layout.size()));
            #[cfg(not(feature = "checked"))]
            return Some(entry.layout.size());
        };
        let class = state.pages.regions().header(slab).class()?;
        let size = classes::size(class);
        if !offset.is_multiple_of(size) || offset / size >= classes::slots(class) {
            return None;
        }
        #[cfg(feature = "checked")]
        return state.len_of(slab, offset / size);
        #[cfg(not(feature = "checked"))]
        Some(size)
    }

    /// Gives back to the system what is free, the calling thread's cache included.
    pub(super) fn trim(&self) -> usize {
        let Some(state) = self.started() else {
            return 0;
        };
        let cache = self.cache();
        if cache.owner() == state.id() {
            state.drain(cache);
        }
        state.reclaim() + state.pages.trim()
    }

    pub(super) fn stats(&self) -> SlabStats {
        self.started().map_or_else(SlabStats::new, State::stats)
    }
}
