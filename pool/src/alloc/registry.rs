//! What all allocators of a process share: their seats, the caches that nobody has, the threads' ends, and forks.
//!
//! An allocator with a seat has its caches at that place of a thread-local array; there are few seats, and an
//! allocator without one serves its threads from the slabs. All here is under one lock, which is not taken on
//! hot paths: by a thread's first allocation and its end, and by an allocator's.

#![allow(unsafe_code)]

use super::cache::{self, Cache};
use super::lock::{self, AnyLock, Held, Lock};
use super::state::State;
use crate::sys;
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Seats, of which the first is that of all allocators without one.
pub(super) const SEATS: usize = 16;

struct Registry {
    /// Who sits where.
    states: [Option<NonNull<State>>; SEATS],
    /// The number of the last allocator; none has zero, and no two the same.
    last: u64,
    /// Caches that nobody has.
    free: *mut Cache,
}

// SAFETY: what it points to is used under the lock, and lives until it says so under the lock.
unsafe impl Send for Registry {}

static REGISTRY: Lock<Registry> = Lock::new(Registry {
    states: [None; SEATS],
    last: 0,
    free: ptr::null_mut(),
});

/// Whether forks are watched.
static WATCHES: AtomicBool = AtomicBool::new(false);

std::thread_local! {
    /// This thread's caches, by seat. It has no destructor, and is never a null pointer.
    static CACHES: [Cell<*const Cache>; SEATS] =
        const { [const { Cell::new(&raw const cache::NONE) }; SEATS] };
    /// Whether the thread has handed over its caches, and gets no others.
    static HAS_ENDED: Cell<bool> = const { Cell::new(false) };
    static END: End = const { End };
}

/// Hands over a thread's caches when it ends.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        HAS_ENDED.set(true);
        end();
    }
}

/// This thread's cache for a seat, which may be another allocator's, or nobody's: its bins are closed then.
#[inline(always)]
pub(super) fn cache(seat: usize) -> &'static Cache {
    let cache = CACHES.with(|caches| caches[seat % SEATS].get());
    // SAFETY: caches are never unmapped.
    unsafe { &*cache }
}

/// This thread's cache for an allocator, made if there is none; `None` if there can be none.
pub(super) fn cache_of(state: &State) -> Option<&'static Cache> {
    let seat = state.seat();
    if seat == 0 {
        return None;
    }
    let found = cache(seat);
    if found.owner() == state.id() {
        return Some(found);
    }
    open(state, seat)
}

#[cold]
fn open(state: &State, seat: usize) -> Option<&'static Cache> {
    if HAS_ENDED.get() {
        return None;
    }
    // The end is told of before there is something to hand over.
    END.try_with(|_| ()).ok()?;
    let mut registry = REGISTRY.hold();
    let left = cache(seat);
    let cache = if !ptr::eq(left, &cache::NONE) {
        // That of an allocator that has ended.
        NonNull::from(left)
    } else if let Some(free) = NonNull::new(registry.free) {
        // SAFETY: caches are never unmapped.
        registry.free = unsafe { free.as_ref() }.next.load(Relaxed);
        free
    } else {
        drop(registry);
        let new = Cache::map().ok()?;
        registry = REGISTRY.hold();
        new
    };
    // SAFETY: mapped, and nobody else has it.
    unsafe { Cache::open(cache, state.id()) };
    state.add(&registry, cache);
    CACHES.with(|caches| caches[seat].set(cache.as_ptr()));
    // SAFETY: caches are never unmapped.
    Some(unsafe { cache.as_ref() })
}

/// Hands over all caches of this thread.
#[cold]
fn end() {
    for seat in 1..SEATS {
        let cache = CACHES.with(|caches| caches[seat].replace(&raw const cache::NONE));
        if ptr::eq(cache, &cache::NONE) {
            continue;
        }
        let mut registry = REGISTRY.hold();
        // SAFETY: caches are never unmapped.
        let ended = unsafe { &*cache };
        // SAFETY: who has a seat lives until the lock is ours and it leaves it.
        let state = registry.states[seat].map(|state| unsafe { state.as_ref() });
        if let Some(state) = state.filter(|state| state.id() == ended.owner()) {
            state.drain(ended);
            state.remove(&registry, ended);
        }
        ended.close();
        ended.next.store(registry.free, Relaxed);
        registry.free = cache.cast_mut();
    }
}

/// The right to change who sits where, and the lists of caches.
pub(super) struct Door(Held<'static, Registry>);

/// What the lists of an allocator's caches are changed under.
pub(super) trait Locked {}
impl Locked for Held<'static, Registry> {}
impl Locked for Door {}

/// Sees to forks from now on. Without the registry's lock, which who forks may wait for while the system's library
/// holds one of its own.
pub(super) fn watch_forks() {
    // Relaxed: who comes second has nothing to do.
    if !WATCHES.swap(true, Relaxed) {
        sys::at_fork(before_fork, after_fork);
    }
}

impl Door {
    pub(super) fn open() -> Self {
        Self(REGISTRY.hold())
    }

    /// A number, and a seat or zero, for a new allocator.
    pub(super) fn seat(&mut self, state: NonNull<State>) -> (u64, usize) {
        self.0.last += 1;
        let free = (1..SEATS).find(|seat| self.0.states[*seat].is_none());
        if let Some(seat) = free {
            self.0.states[seat] = Some(state);
        }
        (self.0.last, free.unwrap_or(0))
    }

    /// Takes an allocator's seat away.
    pub(super) fn leave(&mut self, seat: usize) {
        if seat > 0 {
            self.0.states[seat] = None;
        }
    }
}

/// Takes all locks, so that a fork's child finds nothing half done.
extern "C" fn before_fork() {
    REGISTRY.seize();
    each(|state| state.locks(|lock| lock.seize()));
    lock::set_forks(true);
}

/// Lets go of them, in the parent and in the child. (The child lacks what other threads had cached.)
extern "C" fn after_fork() {
    lock::set_forks(false);
    each(|state| state.locks(|lock| lock.release()));
    REGISTRY.release();
}

/// Runs `f` for all that have a seat; the lock is seized.
fn each(f: impl Fn(&State)) {
    // SAFETY: the lock is seized, by whoever calls this.
    let registry = unsafe { REGISTRY.peek() };
    for state in registry.states.iter().flatten() {
        // SAFETY: who has a seat lives until the lock is ours and it leaves it.
        f(unsafe { state.as_ref() });
    }
}
