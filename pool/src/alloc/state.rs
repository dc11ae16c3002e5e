//! What an allocator owns: made by its first use, in memory of its own, so that the value that a program declares is
//! three words, and may be moved.

#![allow(unsafe_code)]

use super::cache::Cache;
use super::class::Class;
use super::classes::{self, CLASSES};
use super::large::Large;
use super::lock::AnyLock;
use super::pages::Pages;
use super::registry::{Door, Locked};
use super::stats::{ClassStats, LargeStats, SlabStats};
use crate::source::block::{self, Errno};
use crate::sync::OwnedPtr;
use std::alloc::Layout;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Zeros are one without a number.
pub(super) struct State {
    /// No two allocators of a process have the same, ever.
    id: AtomicU64,
    seat: AtomicUsize,
    pub(super) pages: Pages,
    pub(super) classes: [Class; CLASSES],
    pub(super) large: Large,
    /// The caches of its threads; under the registry's lock.
    caches: AtomicPtr<Cache>,
    threads: AtomicUsize,
}

fn layout() -> Layout {
    block::layout_for::<State>(0)
}

impl State {
    /// A new one, with a number and perhaps a seat.
    pub(super) fn new(door: &mut Door, retain: usize) -> Result<NonNull<Self>, Errno> {
        let state: NonNull<Self> = block::map(layout())?.cast();
        let (id, seat) = door.seat(state);
        // SAFETY: zeros are a state, and it is all atomics and locks.
        let this = unsafe { state.as_ref() };
        this.id.store(id, Relaxed);
        this.seat.store(seat, Relaxed);
        this.pages.set_retain(retain);
        if seat == 0 {
            this.pages.begin_small();
        }
        Ok(state)
    }

    /// Gives all memory back.
    ///
    /// # Safety
    ///
    /// From [`State::new`]; nobody uses it again, or a block of it.
    pub(super) unsafe fn end(state: NonNull<Self>) {
        // SAFETY: it is there.
        let this = unsafe { state.as_ref() };
        let mut door = Door::open();
        door.leave(this.seat());
        let mut next = this.caches.load(Relaxed);
        // SAFETY: caches are never unmapped.
        while let Some(cache) = unsafe { next.as_ref() } {
            next = cache.next.load(Relaxed);
            // Its thread does not use it: it would have to have the allocator.
            cache.close();
        }
        drop(door);
        // SAFETY: by contract.
        unsafe { this.large.unmap(&this.pages) };
        // SAFETY: by contract.
        unsafe { this.pages.unmap() };
        // SAFETY: mapped with this layout, and not used again.
        unsafe { block::unmap(state.cast(), layout()) };
    }

    pub(super) fn id(&self) -> u64 {
        self.id.load(Relaxed)
    }

    pub(super) fn seat(&self) -> usize {
        self.seat.load(Relaxed)
    }

    /// Puts a thread's cache on the list.
    pub(super) fn add(&self, _: &impl Locked, cache: NonNull<Cache>) {
        // SAFETY: caches are never unmapped.
        let added = unsafe { cache.as_ref() };
        let first = self.caches.load(Relaxed);
        added.previous.store(ptr::null_mut(), Relaxed);
        added.next.store(first, Relaxed);
        // SAFETY: as above.
        if let Some(first) = unsafe { first.as_ref() } {
            first.previous.store(cache.as_ptr(), Relaxed);
        }
        self.caches.store(cache.as_ptr(), Relaxed);
        self.threads.fetch_add(1, Relaxed);
    }

    /// Takes one that is there off the list.
    pub(super) fn remove(&self, _: &impl Locked, cache: &Cache) {
        let (previous, next) = (cache.previous.load(Relaxed), cache.next.load(Relaxed));
        // SAFETY: caches are never unmapped.
        match unsafe { previous.as_ref() } {
            Some(previous) => previous.next.store(next, Relaxed),
            None => self.caches.store(next, Relaxed),
        }
        // SAFETY: as above.
        if let Some(next) = unsafe { next.as_ref() } {
            next.previous.store(previous, Relaxed);
        }
        self.threads.fetch_sub(1, Relaxed);
    }

    /// Takes all that a cache holds.
    pub(super) fn drain(&self, cache: &Cache) {
        cache.drain(&self.classes, &self.pages);
    }

    /// A slot for a thread without a cache.
    pub(super) fn take_one(&self, number: usize, size: usize) -> Result<NonNull<u8>, Errno> {
        let slot = [OwnedPtr::null()];
        self.classes[number].take(number, &self.pages, &slot)?;
        self.classes[number].past.add(size as u64, 1, 1);
        NonNull::new(slot[0].get()).ok_or(None)
    }

    /// Takes a slot from a thread without a cache.
    pub(super) fn give_one(&self, number: usize, slot: NonNull<u8>, size: usize) {
        let place = [OwnedPtr::null()];
        place[0].set(slot.as_ptr());
        self.classes[number].give(number, &self.pages, &place);
        self.classes[number]
            .past
            .add((size as u64).wrapping_neg(), 0, 0);
    }

    /// Takes what is in the depots back to the slabs, so that other classes may have those that are empty, and gives back
    /// freed large blocks. Returns the bytes of these.
    pub(super) fn reclaim(&self) -> usize {
        for (number, class) in self.classes.iter().enumerate() {
            let slots = [const { OwnedPtr::null() }; classes::MAX_BATCH];
            loop {
                let count = class.depot.take(&slots);
                if count == 0 {
                    break;
                }
                class.give(number, &self.pages, &slots[..count]);
            }
        }
        self.large.trim(&self.pages)
    }

    /// All locks, in the order in which threads take them.
    pub(super) fn locks(&self, f: impl Fn(&dyn AnyLock)) {
        self.classes.iter().for_each(|class| f(class.lock()));
        f(self.pages.lock());
        f(self.large.lock());
    }

    pub(super) fn stats(&self) -> SlabStats {
        let door = Door::open();
        let mut stats = SlabStats {
            classes: std::array::from_fn(|number| self.class_stats(number)),
            ..SlabStats::new()
        };
        let mut next = self.caches.load(Relaxed);
        // SAFETY: caches are never unmapped, and the list is ours under the lock.
        while let Some(cache) = unsafe { next.as_ref() } {
            next = cache.next.load(Relaxed);
            for (number, class) in stats.classes.iter_mut().enumerate() {
                let (cached, asked, allocations, misses) = cache.bin_of(number).figures();
                class.cached += cached;
                class.asked = class.asked.wrapping_add(asked as usize);
                class.hits = class.hits.wrapping_add(allocations);
                class.misses = class.misses.wrapping_add(misses);
            }
        }
        drop(door);
        for class in &mut stats.classes {
            class.settle();
        }
        let (live, asked, given, allocations) = self.large.figures();
        stats.large = LargeStats {
            live,
            asked,
            given,
            allocations,
        };
        (stats.retained, stats.reserved) = self.pages.figures();
        stats.threads = self.threads.load(Relaxed);
        stats
    }

    /// A class without its caches: free slots are counted as live, and misses as hits too.
    fn class_stats(&self, number: usize) -> ClassStats {
        let class = &self.classes[number];
        let (slabs, free) = class.figures();
        let slots = slabs * classes::slots(number);
        let parked = class.depot.len();
        ClassStats {
            size: classes::size(number),
            live: slots.saturating_sub(free + parked),
            slots,
            slabs,
            asked: class.past.asked.load(Relaxed) as usize,
            cached: 0,
            parked,
            hits: class.past.allocations.load(Relaxed),
            misses: class.past.misses.load(Relaxed),
        }
    }
}
