//! One thread's free slots of one allocator: for each class a *bin*, an array of them.
//!
//! To allocate is to take the last of a bin, to free is to put one behind it; nobody else touches it. When a bin
//! is empty or full, half of it, the half that was not used for longest, is exchanged with the depot.
//!
//! A cache is never unmapped: threads find theirs by a thread-local that an allocator's end cannot reach. What it
//! does reach are the bins, and a bin without room sends its thread the slow way, where it sees that the cache has
//! another owner now, or none.

#![allow(unsafe_code)]

use super::class::Class;
use super::classes::{self, CLASSES, INDICES, MAX_BATCH};
use super::pages::Pages;
use crate::source::block::{self, Errno};
use crate::sync::{OwnedPtr, OwnedU64};
use std::alloc::Layout;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};

/// The bins of a thread, and behind them, in the same block, their slots.
#[repr(C)]
pub(super) struct Cache {
    bins: [Bin; INDICES],
    /// The number of the allocator that it is a cache of; zero is none. Written under the registry's lock.
    owner: AtomicU64,
    /// The allocator's other caches, or the next one that nobody has. Under the registry's lock.
    pub(super) next: AtomicPtr<Self>,
    pub(super) previous: AtomicPtr<Self>,
}

/// The free slots of a class. Zeros are a bin without room.
pub(super) struct Bin {
    /// How many slots there are, in the low 16 bits; above, how often one was taken. One number, so that to
    /// take a slot and to count it is one addition.
    word: OwnedU64,
    /// Bytes that were asked for, less those that were freed; it wraps.
    asked: OwnedU64,
    slots: AtomicPtr<OwnedPtr>,
    /// How many slots it may hold: none, or two exchanges.
    room: AtomicU16,
    /// How many to take from the slabs next time: few at first, so that a class that is hardly used has few.
    want: AtomicU16,
    /// Refills, since the class was told last.
    misses: AtomicU32,
}

/// To take one: one slot fewer, one allocation more.
const TAKE: u64 = (1 << 16) - 1;

impl Bin {
    const fn closed() -> Self {
        Self {
            word: OwnedU64::new(0),
            asked: OwnedU64::new(0),
            slots: AtomicPtr::new(ptr::null_mut()),
            room: AtomicU16::new(0),
            want: AtomicU16::new(0),
            misses: AtomicU32::new(0),
        }
    }

    /// Takes a slot for a block of `size` bytes.
    #[inline(always)]
    pub(super) fn take(&self, size: usize) -> Option<NonNull<u8>> {
        let word = self.word.get();
        let len = usize::from(word as u16);
        if len == 0 {
            return None;
        }
        self.word.set(word.wrapping_add(TAKE));
        self.ask(size);
        // SAFETY: there are `len` slots.
        let place = unsafe { self.slots.load(Relaxed).add(len - 1) };
        // SAFETY: in the array of a bin, which this thread alone uses.
        let slot = unsafe { &*place }.get();
        // SAFETY: a bin holds slots of slabs.
        Some(unsafe { NonNull::new_unchecked(slot) })
    }

    /// Puts the slot of a block of `size` bytes there, if there is room.
    #[inline(always)]
    pub(super) fn put(&self, slot: NonNull<u8>, size: usize) -> bool {
        let word = self.word.get();
        let len = word as u16;
        if len >= self.room.load(Relaxed) {
            return false;
        }
        // SAFETY: there is room for one more.
        let place = unsafe { self.slots.load(Relaxed).add(usize::from(len)) };
        // SAFETY: as for `take`.
        unsafe { &*place }.set(slot.as_ptr());
        self.word.set(word.wrapping_add(1));
        self.unask(size);
        true
    }

    #[inline(always)]
    pub(super) fn ask(&self, size: usize) {
        self.asked.set(self.asked.get().wrapping_add(size as u64));
    }

    #[inline(always)]
    pub(super) fn unask(&self, size: usize) {
        self.asked.set(self.asked.get().wrapping_sub(size as u64));
    }

    pub(super) fn is_open(&self) -> bool {
        self.room.load(Relaxed) > 0
    }

    fn len(&self) -> usize {
        usize::from(self.word.get() as u16)
    }

    fn set_len(&self, len: usize) {
        self.word.set(self.word.get() & !0xffff | len as u64);
    }

    /// All places for slots.
    fn places(&self) -> &[OwnedPtr] {
        let places = self.slots.load(Relaxed);
        if places.is_null() {
            return &[];
        }
        // SAFETY: an open bin has an array of this many, in the cache's block, which is never unmapped.
        unsafe { std::slice::from_raw_parts(places, usize::from(self.room.load(Relaxed))) }
    }

    /// Fills an empty bin, from the depot or else the slabs.
    pub(super) fn refill(&self, number: usize, class: &Class, pages: &Pages) -> Result<(), Errno> {
        debug_assert_eq!(self.len(), 0);
        match self.misses.load(Relaxed).checked_add(1) {
            Some(misses) => self.misses.store(misses, Relaxed),
            None => class
                .past
                .add(0, 0, u64::from(self.misses.swap(1, Relaxed))),
        }
        let mut count = class.depot.take(self.places());
        if count == 0 {
            let want = usize::from(self.want.load(Relaxed)).max(1);
            let places = self.places();
            count = class.take(number, pages, &places[..want.min(places.len())])?;
            self.want
                .store((want * 2).min(classes::batch(number)) as u16, Relaxed);
        }
        self.set_len(count);
        Ok(())
    }

    /// Makes room in a full bin: what was freed first goes to the depot, or else to the slabs.
    pub(super) fn flush(&self, number: usize, class: &Class, pages: &Pages) {
        let (places, len) = (self.places(), self.len());
        let batch = classes::batch(number).min(len);
        let (cold, warm) = places[..len].split_at(batch);
        if batch > 0 && !class.depot.put(cold) {
            class.give(number, pages, cold);
        }
        for (to, from) in places.iter().zip(warm) {
            to.set(from.get());
        }
        self.set_len(len - batch);
    }

    /// Hands over all it holds, and its figures.
    fn drain(&self, number: usize, class: &Class, pages: &Pages) {
        while self.len() > 0 {
            self.flush(number, class, pages);
        }
        let word = self.word.get();
        class.past.add(
            self.asked.get(),
            word >> 16,
            self.misses.load(Relaxed).into(),
        );
        self.word.set(0);
        self.asked.set(0);
        self.misses.store(0, Relaxed);
    }

    fn open(&self, number: usize, slots: *mut OwnedPtr) {
        self.slots.store(slots, Relaxed);
        self.want
            .store((classes::batch(number) / 8).max(1) as u16, Relaxed);
        self.word.set(0);
        self.asked.set(0);
        self.misses.store(0, Relaxed);
        self.room.store(classes::room(number) as u16, Relaxed);
    }

    /// Forgets all, and takes nothing any more.
    fn close(&self) {
        self.word.set(0);
        self.room.store(0, Relaxed);
    }

    /// Slots, bytes asked, allocations, and misses.
    pub(super) fn figures(&self) -> (usize, u64, u64, u64) {
        let word = self.word.get();
        (
            usize::from(word as u16),
            self.asked.get(),
            word >> 16,
            self.misses.load(Relaxed).into(),
        )
    }
}

/// The cache of a thread that has none: each operation goes the slow way.
pub(super) static NONE: Cache = Cache {
    bins: [const { Bin::closed() }; INDICES],
    owner: AtomicU64::new(0),
    next: AtomicPtr::new(ptr::null_mut()),
    previous: AtomicPtr::new(ptr::null_mut()),
};

impl Cache {
    /// The bin of a class's index.
    ///
    /// # Safety
    ///
    /// It is one that [`classes`] makes.
    #[inline(always)]
    pub(super) unsafe fn bin(&self, index: usize) -> &Bin {
        debug_assert!(index < INDICES);
        // SAFETY: an index is smaller.
        unsafe { self.bins.get_unchecked(index) }
    }

    pub(super) fn bin_of(&self, number: usize) -> &Bin {
        &self.bins[classes::index_of(number)]
    }

    pub(super) fn owner(&self) -> u64 {
        self.owner.load(Relaxed)
    }

    /// A cache that nobody has.
    pub(super) fn map() -> Result<NonNull<Self>, Errno> {
        // Zeros are a cache whose bins are closed.
        block::map(layout()).map(NonNull::cast)
    }

    /// Opens it for an allocator's number.
    ///
    /// # Safety
    ///
    /// From [`Cache::map`], and this thread's alone.
    pub(super) unsafe fn open(cache: NonNull<Self>, owner: u64) {
        // SAFETY: never unmapped; only what is atomic changes.
        let this = unsafe { cache.as_ref() };
        let mut places = size_of::<Self>();
        for number in 0..CLASSES {
            // SAFETY: within the block.
            let slots = unsafe { cache.cast::<u8>().add(places) };
            this.bin_of(number).open(number, slots.as_ptr().cast());
            places += classes::room(number) * size_of::<OwnedPtr>();
        }
        this.owner.store(owner, Relaxed);
    }

    /// Hands over all it holds.
    pub(super) fn drain(&self, all: &[Class; CLASSES], pages: &Pages) {
        for (number, class) in all.iter().enumerate() {
            self.bin_of(number).drain(number, class, pages);
        }
    }

    /// Forgets what it holds, and its owner.
    pub(super) fn close(&self) {
        (0..CLASSES).for_each(|number| self.bin_of(number).close());
        self.owner.store(0, Relaxed);
    }
}

/// The block of a cache: the bins, and the slots of each class.
fn layout() -> Layout {
    const SIZE: usize = {
        let (mut number, mut bytes) = (0, size_of::<Cache>());
        while number < CLASSES {
            bytes += classes::room(number) * size_of::<OwnedPtr>();
            number += 1;
        }
        bytes
    };
    block::layout_for::<Cache>(SIZE)
}

// What the depot takes at once, a bin has room for.
const _: () = assert!(classes::room(0) >= MAX_BATCH);
