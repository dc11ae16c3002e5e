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
    /// The thread is past its end.
    Dead,
}

impl ThreadCache {
    /// A fresh cache.
    #[cfg(not(loom))]
    #[expect(clippy::new_without_default, reason = "hidden, for the derive alone")]
    pub const fn new() -> Self {
        Self {
            loaded: Cell::new(Magazine::none()),
            state: Cell::new(State::Fresh),
        }
    }

    #[cfg(loom)]
    pub fn new() -> Self {
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

    pub(crate) fn is_live(&self) -> bool {
        self.record().is_some()
    }

    /// The record of a live cache.
    pub(super) fn record(&self) -> Option<&Record> {
        match self.state.get() {
            // SAFETY: a record outlives the live state of its cache.
            State::Live(record) => Some(unsafe { record.as_ref() }),
            State::Fresh | State::Dead => None,
        }
    }

    /// The loaded magazine. If the cache is live, it is the cache's.
    pub(super) fn loaded(&self) -> Magazine {
        self.loaded.get()
    }

    /// Loads another magazine, which the caller owned.
    pub(super) fn load(&self, magazine: Magazine) {
        self.loaded.set(magazine);
    }

    /// Cuts the cache off from its record: the thread ends.
    pub(crate) fn kill(&self) {
        self.reset();
        self.state.set(State::Dead);
    }

    /// Makes the cache a fresh one.
    pub(super) fn reset(&self) {
        self.loaded.set(Magazine::none());
        self.state.set(State::Fresh);
    }
}
