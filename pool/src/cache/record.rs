//! The public side of one cache: what other threads may see of it, and who frees it.
//!
//! A pool keeps a record for each cache, in a list that only grows; statistics walk it without a
//! lock, and a thread's end leaves its record for another thread to claim.
//!
//! A pool that is a value can end before the threads that used it, or after. So a record has two
//! parties, the pool and the thread that claimed it, and a state that decides who frees it:
//!
//! ```text
//!          claim                 begin_exit            release
//! Free ───────────────> Claimed ────────────> Exiting ─────────> Free
//!                          │ abandon (the pool ends)
//!                          v
//!                       Orphan: the thread frees the record, at its end or before
//! ```

#![allow(unsafe_code)]

use super::{Caches, ThreadCache};
use crate::magazine::Magazine;
use crate::stats::Stats;
use crate::sync::{AtomicPtr, AtomicU8, Ordering, OwnedU64, yield_now};
#[cfg(not(loom))]
use crate::thread::CacheKey;
use std::cell::Cell;
use std::ptr::{self, NonNull};

const FREE: u8 = 0;
const CLAIMED: u8 = 1;
const EXITING: u8 = 2;
const ORPHAN: u8 = 3;

#[derive(Debug)]
pub(crate) struct Record {
    state: AtomicU8,
    /// The next of the pool's records. Set before the record is published, then constant.
    next: Cell<*mut Record>,
    /// The pool, and its number. The pool is there unless the state is `ORPHAN`.
    caches: NonNull<Caches>,
    pool: u64,

    // Written by the thread that claimed the record, read by statistics.
    loaded: AtomicPtr<()>,
    previous: AtomicPtr<()>,
    allocations: OwnedU64,
    refills: OwnedU64,
    flushes: OwnedU64,

    // For the thread that claimed the record alone.
    /// Where it ran when the cache was refilled, or flushed, last.
    pub(crate) station: Cell<usize>,
    /// Whether the previous magazine is lent to a pool scope: nobody else takes from it, puts into it,
    /// or replaces it.
    pub(crate) is_lent: Cell<bool>,
    /// Whether it was lent when the thread ended its caches: its scope closes the record.
    pub(crate) is_left: Cell<bool>,
    /// The next of the thread's records.
    pub(crate) thread_next: Cell<Option<NonNull<Record>>>,
    /// Where the cache is, if it is a thread-local.
    #[cfg(not(loom))]
    pub(crate) key: Cell<Option<CacheKey>>,
    /// The cache itself, if it is not.
    pub(crate) cache: ThreadCache,
}

impl Record {
    /// A record that the caller has claimed.
    pub(crate) fn new(caches: &Caches) -> NonNull<Self> {
        NonNull::from(Box::leak(Box::new(Self {
            state: AtomicU8::new(CLAIMED),
            next: Cell::new(ptr::null_mut()),
            caches: NonNull::from(caches),
            pool: caches.id(),
            loaded: AtomicPtr::new(ptr::null_mut()),
            previous: AtomicPtr::new(ptr::null_mut()),
            allocations: OwnedU64::new(0),
            refills: OwnedU64::new(0),
            flushes: OwnedU64::new(0),
            station: Cell::new(0),
            is_lent: Cell::new(false),
            is_left: Cell::new(false),
            thread_next: Cell::new(None),
            #[cfg(not(loom))]
            key: Cell::new(None),
            cache: ThreadCache::fresh(),
        })))
    }

    /// Frees the record.
    ///
    /// # Safety
    ///
    /// It came from [`Record::new`], and nobody uses it again.
    pub(crate) unsafe fn free(record: NonNull<Self>) {
        // SAFETY: `new` made it as a box, and by contract this is its last use.
        drop(unsafe { Box::from_raw(record.as_ptr()) });
    }

    pub(crate) fn set_next(&self, next: *mut Self) {
        self.next.set(next);
    }

    pub(crate) fn next(&self) -> *mut Self {
        self.next.get()
    }

    /// The state alone. What follows takes a pointer, not a reference to the record: as soon as the
    /// state has changed, the other party may free it.
    ///
    /// # Safety
    ///
    /// The record is not freed yet.
    unsafe fn state<'a>(record: NonNull<Self>) -> &'a AtomicU8 {
        // SAFETY: by contract.
        unsafe { &(*record.as_ptr()).state }
    }

    /// Takes the record if nobody has it.
    pub(crate) fn claim(&self) -> bool {
        // Acquire: pairs with the Release in `release`. Relaxed first look: most are taken.
        self.state.load(Ordering::Relaxed) == FREE
            && self
                .state
                .compare_exchange(FREE, CLAIMED, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }

    /// Gives the record up.
    ///
    /// # Safety
    ///
    /// The calling thread claimed it, and does not touch it, or the pool, again.
    pub(crate) unsafe fn release(record: NonNull<Self>) {
        // SAFETY: not freed before the state says so.
        let state = unsafe { Self::state(record) };
        // Release: the next to claim it, or the pool's end, sees all that was done with it.
        state.store(FREE, Ordering::Release);
    }

    /// Begins a thread's end. False: the pool has ended before, and the record is the thread's.
    ///
    /// # Safety
    ///
    /// The calling thread claimed it.
    pub(crate) unsafe fn begin_exit(record: NonNull<Self>) -> bool {
        // SAFETY: as long as it is claimed, this thread alone may free it.
        let state = unsafe { Self::state(record) };
        // Acquire on failure: pairs with `abandon`; the pool is done with the record.
        state
            .compare_exchange(CLAIMED, EXITING, Ordering::Relaxed, Ordering::Acquire)
            .is_ok()
    }

    /// Begins the pool's end. True: the record is left to the thread that claimed it.
    ///
    /// # Safety
    ///
    /// The record is of the pool that ends, which has not called this for it before.
    pub(crate) unsafe fn abandon(record: NonNull<Self>) -> bool {
        // SAFETY: only after this does anybody free it.
        let state = unsafe { Self::state(record) };
        loop {
            // Release: the thread that frees the orphan comes after all of the pool's uses.
            // Acquire: the magazines in it, and what a released record's thread did, are seen.
            match state.compare_exchange(CLAIMED, ORPHAN, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(EXITING) => yield_now(), // for as long as it takes to hand two magazines over
                Err(_) => return false,
            }
        }
    }

    /// Whether the pool has ended, so that the record is its thread's to free.
    pub(crate) fn is_orphan(&self) -> bool {
        // Acquire: pairs with the Release in `abandon`.
        self.state.load(Ordering::Acquire) == ORPHAN
    }

    /// A number that tells this record from others.
    pub(crate) fn number(&self) -> u64 {
        ptr::from_ref(self).addr() as u64
    }

    pub(crate) fn is_of(&self, pool: u64) -> bool {
        self.pool == pool
    }

    /// The pool.
    ///
    /// # Safety
    ///
    /// The record's state is not `ORPHAN`, and does not become it as long as the result is used.
    pub(crate) unsafe fn caches(&self) -> &Caches {
        // SAFETY: by contract the pool is there.
        unsafe { self.caches.as_ref() }
    }

    /// The loaded magazine of a cache that is live. For the thread that claimed the record.
    pub(crate) fn loaded(&self) -> Magazine {
        Self::magazine(&self.loaded).expect("a live cache has a loaded magazine")
    }

    /// The previous magazine of a cache that is live. For the thread that claimed the record.
    pub(crate) fn previous(&self) -> Magazine {
        Self::magazine(&self.previous).expect("a live cache has a previous magazine")
    }

    // Release and Acquire, below: a reader of statistics that finds a magazine here sees it made.
    // Its numbers are read as they come. A magazine that is taken away needs no order.

    pub(crate) fn set_loaded(&self, magazine: Magazine) {
        self.loaded.store(magazine.as_ptr(), Ordering::Release);
    }

    pub(crate) fn set_previous(&self, magazine: Magazine) {
        self.previous.store(magazine.as_ptr(), Ordering::Release);
    }

    /// Makes the loaded magazine the previous one, and the other way round.
    pub(crate) fn swap(&self) {
        let (loaded, previous) = (self.loaded(), self.previous());
        self.set_loaded(previous);
        self.set_previous(loaded);
    }

    fn magazine(field: &AtomicPtr<()>) -> Option<Magazine> {
        // SAFETY: only magazines' addresses are stored; they are freed at the pool's end, and who
        // asks holds the pool.
        unsafe { Magazine::from_ptr(field.load(Ordering::Acquire)) }
    }

    /// The magazines that the record shows.
    pub(crate) fn magazines(&self) -> impl Iterator<Item = Magazine> {
        [&self.loaded, &self.previous]
            .into_iter()
            .filter_map(Self::magazine)
    }

    /// Takes both magazines of a live cache out of the record, and says how many allocations they had
    /// counted.
    pub(crate) fn take_magazines(&self) -> (Magazine, Magazine, u64) {
        let (loaded, previous) = (self.loaded(), self.previous());
        self.loaded.store(ptr::null_mut(), Ordering::Relaxed);
        self.previous.store(ptr::null_mut(), Ordering::Relaxed);
        let count = self.collect(loaded) + self.collect(previous);
        (loaded, previous, count)
    }

    /// Moves a magazine's count of allocations to the record, before the magazine is handed over.
    /// Returns it.
    pub(crate) fn collect(&self, magazine: Magazine) -> u64 {
        let count = magazine.take_allocations();
        self.allocations.set(self.allocations.get() + count);
        count
    }

    pub(crate) fn count_refill(&self) {
        self.refills.set(self.refills.get() + 1);
    }

    pub(crate) fn count_flush(&self) {
        self.count_flushes(1);
    }

    pub(crate) fn count_flushes(&self, count: usize) {
        self.flushes.set(self.flushes.get() + count as u64);
    }

    /// Free slots in the cache.
    pub(crate) fn cached(&self) -> usize {
        self.magazines()
            .map(|magazine| magazine.len() as usize)
            .sum()
    }

    /// Adds the record's counts to a pool's.
    pub(crate) fn add_to(&self, stats: &mut Stats) {
        let uncollected: u64 = self.magazines().map(Magazine::allocations).sum();
        stats.allocations += self.allocations.get() + uncollected;
        stats.refills += self.refills.get();
        stats.flushes += self.flushes.get();
    }
}
