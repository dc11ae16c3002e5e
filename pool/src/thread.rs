//! A thread's caches, of whatever pools: where they are found, and what happens at the thread's
//! end.
//!
//! The type pools' caches are thread-locals without a destructor, one a type, which the derive
//! macro declares; that is what makes the hot path short. Pools that are values keep their caches
//! in their records; a small table by the pool's number finds them. One more thread-local, which has
//! a destructor, knows all of a thread's records: it closes them when the thread ends.
//!
//! Other thread-locals may free objects after that, or before. Before, the caches are live. After,
//! they are dead, each operation brings its own cache, and nothing here is initialised again.

#![allow(unsafe_code)]

use crate::cache::{Caches, Record, ThreadCache};
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::thread::LocalKey;

/// The records that a thread has claimed, as a list through [`Record::thread_next`].
struct Records {
    first: Cell<*const Record>,
}

std::thread_local! {
    static RECORDS: Records = const { Records { first: Cell::new(ptr::null()) } };
    static TABLE: [Shortcut; TABLE_LEN] = const { [const { Shortcut::new() }; TABLE_LEN] };
}

const TABLE_LEN: usize = 8;

/// Where the cache of one pool is, for pools that are values.
struct Shortcut {
    /// The pool's number; no pool has the number zero, and no two pools ever have the same.
    pool: Cell<u64>,
    cache: Cell<*const ThreadCache>,
}

impl Shortcut {
    const fn new() -> Self {
        Self {
            pool: Cell::new(0),
            cache: Cell::new(ptr::null()),
        }
    }
}

impl Records {
    fn add(&self, record: NonNull<Record>) {
        // SAFETY: claimed by this thread just now, on no list.
        unsafe { record.as_ref() }.thread_next.set(self.first.get());
        self.first.set(record.as_ptr());
        self.prune();
    }

    /// Frees the records whose pools have ended, so that a long-lived thread does not gather them.
    fn prune(&self) {
        let mut place = &self.first;
        // SAFETY: what is on this list is claimed by this thread, and freed by it alone.
        while let Some(record) = unsafe { place.get().as_ref() } {
            if record.is_orphan() {
                place.set(record.thread_next.get());
                // SAFETY: off the list; its pool is done with it.
                unsafe { Record::free(NonNull::from(record)) };
            } else {
                place = &record.thread_next;
            }
        }
    }

    /// The record that keeps this thread's cache of a pool. (Not one whose cache is a thread-local:
    /// a type's pool can be used as a value too.)
    fn find(&self, pool: u64) -> Option<&Record> {
        let mut next = self.first.get();
        // SAFETY: as in `prune`.
        while let Some(record) = unsafe { next.as_ref() } {
            if record.is_of(pool) && record.cache.is_live() {
                return Some(record);
            }
            next = record.thread_next.get();
        }
        None
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        let _ = TABLE.try_with(|table| table.iter().for_each(|entry| entry.pool.set(0)));
        let mut next = self.first.get();
        // SAFETY: as in `prune`.
        while let Some(record) = unsafe { next.as_ref() } {
            next = record.thread_next.get();
            (record.detach.get())();
            if record.begin_exit() {
                // SAFETY: the state is `EXITING`: the pool's end waits for the release.
                let caches = unsafe { record.caches() };
                // SAFETY: claimed by this thread; `detach`, or the cleared table, saw to it that
                // the cache is not used any more.
                unsafe { caches.close(record) };
                record.release();
            } else {
                // SAFETY: an orphan of this thread, which its pool is done with.
                unsafe { Record::free(NonNull::from(record)) };
            }
        }
    }
}

/// Runs `f` on the cache behind a type pool's thread-local.
#[inline(always)]
pub(crate) fn with_local<R>(
    key: &'static LocalKey<ThreadCache>,
    f: impl FnOnce(&ThreadCache) -> R,
) -> R {
    // Where thread-locals are native, this one has no destructor and is always there, and the
    // compiler knows it.
    match key.try_with(ptr::from_ref) {
        // SAFETY: a thread-local lives until its thread's end, and `f` runs on this thread.
        Ok(cache) => f(unsafe { &*cache }),
        Err(_) => f(&dead()),
    }
}

fn dead() -> ThreadCache {
    let cache = ThreadCache::new();
    cache.kill();
    cache
}

/// Makes a type pool's fresh cache live, until the thread ends; then `detach` is called.
pub(crate) fn enroll(caches: &Caches, cache: &ThreadCache, detach: fn()) {
    let enrolled = RECORDS.try_with(|records| {
        if let Some(record) = caches.open() {
            // SAFETY: claimed by this thread just now.
            unsafe { record.as_ref() }.detach.set(detach);
            records.add(record);
            // SAFETY: type pools have no end, so the record stays; `detach` kills the cache before
            // the record is released.
            unsafe { cache.go_live(record) };
        }
    });
    if enrolled.is_err() {
        cache.kill();
    }
}

/// Runs `f` on this thread's cache of a pool that is a value.
#[inline]
pub(crate) fn with_value<R>(caches: &Caches, f: impl FnOnce(&ThreadCache) -> R) -> R {
    let id = caches.id();
    let known = TABLE.try_with(|table| {
        let entry = &table[id as usize % TABLE_LEN];
        (entry.pool.get() == id).then(|| entry.cache.get())
    });
    match known {
        // SAFETY: the record that holds the cache is claimed by this thread: the table is cleared
        // when the thread releases it. Its pool is there, so it is not freed as an orphan.
        Ok(Some(cache)) => f(unsafe { &*cache }),
        _ => match find_value(caches) {
            // SAFETY: as above.
            Some(cache) => f(unsafe { cache.as_ref() }),
            None => f(&dead()),
        },
    }
}

/// Looks for this thread's cache among its records, or opens one.
#[cold]
fn find_value(caches: &Caches) -> Option<NonNull<ThreadCache>> {
    let id = caches.id();
    let cache = RECORDS
        .try_with(|records| {
            if let Some(record) = records.find(id) {
                return Some(NonNull::from(&record.cache));
            }
            let record = caches.open()?;
            records.add(record);
            // SAFETY: claimed by this thread just now.
            let cache = unsafe { &record.as_ref().cache };
            // SAFETY: the cache is in the record.
            unsafe { cache.go_live(record) };
            Some(NonNull::from(cache))
        })
        .ok()
        .flatten()?;
    let _ = TABLE.try_with(|table| {
        let entry = &table[id as usize % TABLE_LEN];
        entry.cache.set(cache.as_ptr());
        entry.pool.set(id);
    });
    Some(cache)
}
