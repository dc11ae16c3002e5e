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

use crate::cache::{self, Caches, Record, ThreadCache};
use crate::numa;
use crate::wait;
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::thread::LocalKey;

/// The thread-local of a type's own cache, as the derive declares it.
pub(crate) type CacheKey = fn() -> &'static LocalKey<ThreadCache>;

/// The records that a thread has claimed, as a list through [`Record::thread_next`]. What is on it
/// is freed by this thread alone.
struct Records {
    first: Cell<Option<NonNull<Record>>>,
}

std::thread_local! {
    static RECORDS: Records = const { Records { first: Cell::new(None) } };
    static TABLE: [Shortcut; TABLE_LEN] = const { [const { Shortcut::new() }; TABLE_LEN] };
}

/// As many pools that are values are found without a walk, if their numbers are neighbours.
const TABLE_LEN: usize = 32;

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
        self.prune();
        numa::when_moved(moved);
        // SAFETY: claimed by this thread just now, on no list.
        unsafe { record.as_ref() }.thread_next.set(self.first.get());
        self.first.set(Some(record));
    }

    /// Frees the records whose pools have ended, so that a long-lived thread does not gather them.
    fn prune(&self) {
        let mut next = self.first.take();
        let (mut kept, mut orphans) = (None, None);
        while let Some(record) = next {
            // SAFETY: on this thread's list.
            let shared = unsafe { record.as_ref() };
            next = shared.thread_next.get();
            let side = if shared.is_orphan() {
                &mut orphans
            } else {
                &mut kept
            };
            shared.thread_next.set(side.replace(record));
        }
        self.first.set(kept);
        // The list is whole again before anything is freed.
        while let Some(record) = orphans {
            // SAFETY: off the list, and ours still.
            orphans = unsafe { record.as_ref() }.thread_next.get();
            // SAFETY: its pool is done with it, and so are we.
            unsafe { Record::free(record) };
        }
    }

    fn find(&self, pool: u64) -> Option<NonNull<Record>> {
        let mut next = self.first.get();
        while let Some(record) = next {
            // SAFETY: on this thread's list.
            let shared = unsafe { record.as_ref() };
            if shared.is_of(pool) {
                break;
            }
            next = shared.thread_next.get();
        }
        next
    }
}

impl Records {
    /// Hands over what the thread's caches hold, and lets go of the records. `end` is what becomes of
    /// the caches that are thread-locals.
    fn close(&self, end: fn(&ThreadCache)) {
        // Wakers may end pools, which wait for records that are being closed.
        wait::after(|| self.close_all(end));
    }

    fn close_all(&self, end: fn(&ThreadCache)) {
        let _ = TABLE.try_with(|table| table.iter().for_each(|entry| entry.pool.set(0)));
        let mut next = self.first.take();
        while let Some(record) = next {
            // SAFETY: on this thread's list.
            let shared = unsafe { record.as_ref() };
            next = shared.thread_next.get();
            if let Some(key) = shared.key.take() {
                with_local(key(), end);
            }
            if shared.is_lent.get() {
                // A pool scope is open, which closes it at its end.
                shared.cache.reset();
                shared.is_left.set(true);
                continue;
            }
            // SAFETY: on the list until now, and its cache does not use it any more, or is in the
            // record, which the cleared table does not know any more.
            unsafe { close(record) };
        }
    }
}

/// Hands over what a cache of this thread holds, and lets go of its record.
///
/// # Safety
///
/// The record is claimed by this thread, which does not use it, or the cache, again.
pub(crate) unsafe fn close(record: NonNull<Record>) {
    // SAFETY: claimed by this thread, not freed yet.
    if unsafe { Record::begin_exit(record) } {
        // SAFETY: it is there until it is released.
        let shared = unsafe { record.as_ref() };
        // SAFETY: the state is `EXITING`: the pool's end waits for the release.
        let caches = unsafe { shared.caches() };
        // SAFETY: by contract.
        unsafe { caches.close(record) };
        caches.serve_from_outside();
        // SAFETY: ours until now, and not touched again.
        unsafe { Record::release(record) };
    } else {
        // SAFETY: an orphan of this thread, which its pool is done with.
        unsafe { Record::free(record) };
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        self.close(ThreadCache::kill);
    }
}

/// Hands over what this thread's caches hold: it runs on another node now. Caches are opened anew
/// when they are needed.
fn moved() {
    cache::note_move();
    let _ = RECORDS.try_with(|records| records.close(ThreadCache::reset));
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
    let cache = ThreadCache::fresh();
    cache.kill();
    cache
}

/// Makes a type pool's fresh cache, behind `key`, live until the thread ends.
pub(crate) fn enroll(caches: &Caches, cache: &ThreadCache, key: CacheKey) {
    let enrolled = RECORDS.try_with(|records| {
        if let Some(record) = caches.open() {
            // SAFETY: claimed by this thread just now.
            unsafe { record.as_ref() }.key.set(Some(key));
            records.add(record);
            // SAFETY: type pools have no end, so the record stays; the thread's end kills the
            // cache before it releases the record.
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
            Some(cache) => {
                // SAFETY: as above.
                let cache = unsafe { cache.as_ref() };
                let since = cache::moves();
                let result = f(cache);
                // It may be new: who was told "full" before did not count with it, and what `f` put
                // into it took the hot path, which tells nobody. Not if a waker ended it.
                if cache::moves() == since {
                    caches.serve(cache);
                }
                result
            }
            None => f(&dead()),
        },
    }
}

/// Looks for this thread's cache among its records, or opens one.
#[cold]
fn find_value(caches: &Caches) -> Option<NonNull<ThreadCache>> {
    let id = caches.id();
    let found = RECORDS.try_with(|records| {
        records.find(id).or_else(|| {
            let record = caches.open()?;
            records.add(record);
            // SAFETY: claimed by this thread just now.
            let cache = unsafe { &record.as_ref().cache };
            // SAFETY: the cache is in the record.
            unsafe { cache.go_live(record) };
            Some(record)
        })
    });
    let record = found.ok().flatten()?;
    // SAFETY: on this thread's list.
    let cache = NonNull::from(unsafe { &record.as_ref().cache });
    let _ = TABLE.try_with(|table| {
        let entry = &table[id as usize % TABLE_LEN];
        entry.cache.set(cache.as_ptr());
        entry.pool.set(id);
    });
    Some(cache)
}
