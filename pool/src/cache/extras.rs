//! What some pools have beside their caches: those who wait, what is on the heap, slots that are set
//! aside, and objects that are parked in free slots.

#![allow(unsafe_code)]

use super::{Caches, Record, ThreadCache};
use crate::config::OnFull;
use crate::overflow::Overflow;
use crate::setup::Setup;
use crate::slab::layout::SLOTS_TO_USE_UP;
use crate::slot::Discard;
use crate::stats::Stats;
use crate::sync::{AtomicUsize, Ordering};
use crate::wait::Waiters;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

#[cfg(not(loom))]
std::thread_local! {
    static MOVES: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// How often this thread's caches were ended while it went on.
#[cfg(not(loom))]
pub(crate) fn moves() -> u64 {
    MOVES.get()
}

/// Counts that this thread's caches are ended.
#[cfg(not(loom))]
pub(crate) fn note_move() {
    MOVES.set(MOVES.get() + 1);
}

/// In a model no thread moves.
#[cfg(loom)]
fn moves() -> u64 {
    0
}

/// What a plain pool has nothing of.
#[derive(Debug)]
pub(super) struct Extras {
    overflow: Overflow,
    waiters: Option<Waiters>,
    used_up: AtomicUsize,
}

impl Extras {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            overflow: Overflow::new(),
            waiters: (setup.config.on_full == OnFull::Wait).then(Waiters::new),
            used_up: AtomicUsize::new(0),
        }
    }

    pub(super) fn add_to(&self, stats: &mut Stats) {
        stats.heap = self.overflow.live();
        stats.heap_allocations = self.overflow.total();
        stats.live += stats.heap;
        stats.allocations += stats.heap_allocations;
        if let Some(waiters) = &self.waiters {
            stats.waiting = waiters.count();
            stats.allocations += waiters.handed();
        }
        // Relaxed: a figure for statistics.
        stats.used_up = self.used_up.load(Ordering::Relaxed);
    }
}

impl Caches {
    /// Those who wait, if this is a pool to wait for.
    pub(crate) fn waiters(&self) -> Option<&Waiters> {
        self.extras.waiters.as_ref()
    }

    /// Objects on the heap.
    pub(crate) fn overflow(&self) -> &Overflow {
        &self.extras.overflow
    }

    /// Takes a slot out of use for ever: one takes its place, as long as there are any to do so.
    pub(crate) fn set_aside(&self) {
        if self.extras.used_up.fetch_add(1, Ordering::Relaxed) < SLOTS_TO_USE_UP {
            self.depots().ledger().give_back(1);
            self.serve_from_outside();
        }
    }

    /// Hands slots to those who wait, if the ledger was changed in their favour: those of a live
    /// cache, and what can be had for it.
    pub(crate) fn serve(&self, cache: &ThreadCache) {
        let Some(waiters) = self.waiters_after_change() else {
            return;
        };
        // Wakers' code may use the cache, or end this thread's caches: one that is in its record may
        // be another thread's from then on, and is not touched again. Who ended it served them.
        let since = moves();
        let is_ours = || moves() == since;
        let record = || {
            // SAFETY: a record outlives the live state of its cache.
            cache.record().map(|record| unsafe { record.as_ref() })
        };
        let next = || {
            if !is_ours() {
                return None;
            }
            let refilled = || self.allocate_from(cache, record()?).ok();
            cache.allocate().or_else(refilled)
        };
        let rest = |slot| {
            if !is_ours() {
                self.free_by_itself(slot);
            } else if !cache.free(slot) {
                match record() {
                    Some(record) => self.free_to(cache, record, slot),
                    None => self.free_by_itself(slot),
                }
            }
        };
        self.hand_over(waiters, next, rest);
    }

    /// [`Caches::serve`], for who has no cache.
    pub(crate) fn serve_from_outside(&self) {
        if let Some(waiters) = self.waiters_after_change() {
            let next = || {
                // One more cache is room for more, which is nobody's to have.
                let ledger = self.depots().ledger();
                ledger.has_room().then_some(())?;
                let allocate =
                    |cache: &ThreadCache, record: &Record| self.allocate_from(cache, record);
                self.with_one_more(allocate).ok()
            };
            self.hand_over(waiters, next, |slot| self.free_by_itself(slot));
        }
    }

    /// Frees a slot that was on its way to somebody who is not there any more.
    pub(crate) fn put_back(&self, slot: NonNull<u8>) {
        self.free_by_itself(slot);
        // Somebody may have come meanwhile.
        self.serve_from_outside();
    }

    /// Frees a slot that no thread's cache is to have. The caller looks whether somebody waits.
    fn free_by_itself(&self, slot: NonNull<u8>) {
        self.with_one_more(|cache, record| self.free_to(cache, record, slot));
    }

    /// Drops the objects that are parked in the depots' free slots. Returns what destructors panicked
    /// with.
    ///
    /// # Safety
    ///
    /// `discard` is that of the pool's type.
    pub(crate) unsafe fn discard_parked(&self, discard: Discard) -> Vec<Box<dyn Any + Send>> {
        let mut panics = Vec::new();
        let mut drop_in = |slot| {
            // SAFETY: a free slot of this pool, which is ours for the time of the call.
            let dropped = catch_unwind(AssertUnwindSafe(|| unsafe { discard(slot) }));
            panics.extend(dropped.err());
        };
        // The slots count as those of a cache meanwhile.
        self.with_one_more(|_, _| self.depots().visit_free(&mut drop_in));
        self.serve_from_outside();
        panics
    }
}
