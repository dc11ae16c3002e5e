//! What the hot path sees of a cache: a pointer to the loaded magazine.

#![allow(unsafe_code)]

use super::Record;
use crate::magazine::Magazine;
use std::cell::Cell;
use std::ptr::NonNull;

/// What a thread keeps for one pool.
#[derive(Debug)]
pub struct ThreadCache {
    /// The magazine that the hot path takes from and puts into. Owned by this cache if it is live;
    /// otherwise the one without room.
    loaded: Cell<Magazine>,
    state: Cell<State>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Not used yet.
    Fresh,
    /// Open. The record lives at least as long as this state.
    Live(NonNull<Record>),
    /// Open, and in a slow path: what runs inside it (an allocator that uses the pool) must not see
    /// its magazines.
    Busy,
    /// The thread is past its end.
    Dead,
}

impl ThreadCache {
    /// A fresh cache, for the derive's thread-local.
    ///
    /// # Safety
    ///
    /// It is used with one pool only.
    #[cfg(not(loom))]
    pub const unsafe fn new() -> Self {
        Self::fresh()
    }

    #[cfg(not(loom))]
    pub(crate) const fn fresh() -> Self {
        Self {
            loaded: Cell::new(Magazine::none()),
            state: Cell::new(State::Fresh),
        }
    }

    #[cfg(loom)]
    pub(crate) fn fresh() -> Self {
        Self {
            loaded: Cell::new(Magazine::none()),
            state: Cell::new(State::Fresh),
        }
    }

    /// The hot path of an allocation. `None` leads to `Caches::allocate_slow`.
    #[inline(always)]
    pub(crate) fn allocate(&self) -> Option<NonNull<u8>> {
        // SAFETY: a live cache owns its loaded magazine, and only this thread has this cache. The
        // magazine without room is nobody's, but nothing is taken from it.
        unsafe { self.loaded.get().allocate() }
    }

    /// The hot path of a free. False leads to `Caches::free_slow`.
    #[inline(always)]
    pub(crate) fn free(&self, slot: NonNull<u8>) -> bool {
        // SAFETY: as in `allocate`; nothing is put into the magazine without room.
        unsafe { self.loaded.get().push(slot) }
    }

    /// Begins to use a record's loaded magazine.
    ///
    /// # Safety
    ///
    /// The record comes from `Caches::open`, is used by no other cache, and stays until the cache
    /// is killed or not used any more.
    pub(crate) unsafe fn go_live(&self, record: NonNull<Record>) {
        // SAFETY: by contract it is there.
        self.loaded.set(unsafe { record.as_ref() }.loaded());
        self.state.set(State::Live(record));
    }

    pub(crate) fn is_fresh(&self) -> bool {
        matches!(self.state.get(), State::Fresh)
    }

    /// The record of a live cache.
    pub(super) fn record(&self) -> Option<NonNull<Record>> {
        match self.state.get() {
            State::Live(record) => Some(record),
            State::Fresh | State::Busy | State::Dead => None,
        }
    }

    /// Lets go of the magazine until the next [`ThreadCache::go_live`].
    pub(super) fn suspend(&self) {
        self.loaded.set(Magazine::none());
        self.state.set(State::Busy);
    }

    /// Cuts the cache off from its record: the thread ends.
    pub(crate) fn kill(&self) {
        self.reset();
        self.state.set(State::Dead);
    }

    /// Makes the cache a fresh one.
    pub(crate) fn reset(&self) {
        self.loaded.set(Magazine::none());
        self.state.set(State::Fresh);
    }
}
