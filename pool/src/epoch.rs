//! Readers of [`PoolAtomic`](crate::PoolAtomic), and when an object may end that they may be reading.
//!
//! A thread that reads is *pinned*, by a [`Guard`]. An object that was taken out of everybody's reach
//! is *retired*: it is dropped, and its slot given back to its pool, once every thread that was pinned
//! then is not any more. (Fraser's epoch-based reclamation, as crossbeam-epoch implements it.)
//!
//! ```
//! use pool::{PoolAtomic, PoolBox, Pooled, epoch};
//!
//! #[derive(Pooled)]
//! struct Prices([u64; 4]);
//!
//! let prices = PoolAtomic::new(PoolBox::new(Prices([100, 101, 102, 103])));
//! let next = PoolBox::new(Prices([0; 4])); // before this thread is pinned: see below
//! let guard = epoch::pin();
//! let before = prices.load(&guard).unwrap();
//! prices.store(next, &guard);
//! assert_eq!(before.0[3], 103); // retired, and readable as long as the guard is there
//! ```
//!
//! # Who runs the destructors
//!
//! Whichever thread comes to it: inside [`pin`] (every 128th call of a thread), [`Guard::flush`],
//! whatever retires an object, an allocation from a pool that would be full otherwise, the end of a
//! guard while somebody [waits](crate::OnFull::Wait) for a slot of any pool, and the end of a thread. So they are to lock nothing that is locked around these calls. They may pin, retire and
//! allocate; a destructor that panics is caught, after the panic hook has spoken, and its slot is given
//! back.
//!
//! # Readers that do not move on
//!
//! A guard that is held for long keeps what was retired since from being dropped, of all pools, and
//! nothing else: not what was retired before, no pool's allocations beyond that, no other use of a
//! pool. Objects that wait are in use, so a pool's capacity bounds them;
//! [`Stats::retired`](crate::Stats::retired) counts them. A reader that goes on and on calls
//! [`Guard::repin`] now and then. A guard that is forgotten (`mem::forget`) is held for ever, as is
//! one of another thread in the child of a `fork`.
//!
//! What one thread retires it keeps to itself, up to 64 objects, until it retires more, flushes or
//! ends; but what all threads together keep to themselves is no more than a sixteenth of a pool's
//! capacity, or so. The rest, which is bounded by the capacity alone, is found by an allocation that needs it, if no reader sees it any more and the allocating
//! thread is not pinned itself: allocate before you pin. When the program ends, objects that still
//! wait are not dropped.

#![allow(unsafe_code)]

use crate::boxed::PoolBox;
use crate::cache::Caches;
use crate::pooled::Pooled;
use crate::quiet::quietly;
use crate::sync::epoch::objects::{self, Late};
use std::fmt;
use std::ptr::NonNull;

/// Keeps what its thread may be reading from being dropped: see [`pin`].
///
/// It stays on its thread.
pub struct Guard {
    // In this order: what is late is looked after when the thread is not pinned any more.
    pinned: crossbeam_epoch::Guard,
    _late: Option<Late>,
    _after: After,
}

/// Pins the calling thread, for as long as the guard lives. Some nanoseconds: one read-modify-write
/// instruction on memory of this thread's own, or less if the thread is pinned already.
///
/// It works at any time, also in the destructors of thread-locals. See [the module](self) for what
/// else it may run.
#[inline]
#[must_use = "the thread is pinned as long as the guard lives"]
pub fn pin() -> Guard {
    let (pinned, late) = objects::pin();
    Guard {
        pinned,
        _late: late,
        _after: After,
    }
}

impl Guard {
    /// Unpins the thread and pins it again, for a reader that goes on and on: what was retired
    /// meanwhile can end. It does nothing if the thread has another guard.
    ///
    /// References that were read under this guard end here, which the compiler sees to.
    #[inline]
    pub fn repin(&mut self) {
        self.pinned.repin();
    }

    /// Hands on what this thread has retired, and drops up to 512 objects, of whatever pools and
    /// threads, that no reader sees any more. What was just retired takes some more calls, each under
    /// a new guard. In the destructor of a retired object it does nothing.
    pub fn flush(&self) {
        if !running::is_set() {
            bag::empty();
            self.pinned.flush();
        }
    }
}

/// What a thread does that is not pinned any more.
struct After;

impl Drop for After {
    #[inline]
    fn drop(&mut self) {
        if objects::is_anybody_hungry() {
            feed();
        }
    }
}

/// Collects for those who wait for a slot: what this thread was the last to see.
#[cold]
fn feed() {
    if running::is_set() {
        return;
    }
    // A bag is handed over in the first round, and is two epochs old in the third.
    for _ in 0..3 {
        let (pinned, _late) = objects::pin();
        bag::empty();
        pinned.flush();
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}

impl<T: Pooled + Send> PoolBox<T> {
    /// Drops the object, and gives its slot back, once every thread that is pinned now is not any
    /// more; on whatever thread, hence `Send`. O(1), and now and then what [`Guard::flush`] does.
    ///
    /// For objects that others may be reading; see [`PoolAtomic`](crate::PoolAtomic), which does this
    /// by itself.
    ///
    /// ```
    /// use pool::{PoolBox, Pooled, epoch};
    ///
    /// #[derive(Pooled)]
    /// struct Order(u64);
    ///
    /// PoolBox::retire(PoolBox::new(Order(1)), &epoch::pin());
    /// assert_eq!(Order::pool().stats().retired, 1);
    /// for _ in 0..3 {
    ///     epoch::pin().flush();
    /// }
    /// assert_eq!(Order::pool().stats().retired, 0);
    /// ```
    #[inline]
    pub fn retire(this: Self, guard: &Guard) {
        let slot = Self::into_slot(this);
        // SAFETY: it was the owner's, who gives it up.
        unsafe { retire_slot(slot, guard) };
    }

    /// [`PoolBox::retire`], for an object that [`PoolBox::into_raw`] gave up, and that was taken out of
    /// everybody's reach: who is pinned already may go on reading it.
    ///
    /// # Safety
    ///
    /// `raw` came from `into_raw` of a `PoolBox<T>`, and is retired once, instead of being taken back.
    /// Only threads that are pinned now use it from here on, each for no longer than one of the guards
    /// lives that it has now; and they share it only.
    #[inline]
    pub unsafe fn retire_raw(raw: *mut T, guard: &Guard) {
        // SAFETY: it came from `into_raw`, so it is the address of a slot.
        let slot = unsafe { NonNull::new_unchecked(raw) };
        // SAFETY: by contract.
        unsafe { retire_slot(slot, guard) };
    }
}

/// # Safety
///
/// The slot holds an object of `T`, has no owner, and is used no longer than threads are pinned that
/// are pinned now.
pub(crate) unsafe fn retire_slot<T: Pooled + Send>(slot: NonNull<T>, guard: &Guard) {
    // A pool whose object is on the heap may not be made; one that is stays.
    let caches: Option<&'static Caches> = T::pool().made();
    let waiting = caches.map_or(0, Caches::note_retired);
    let end = move || {
        let _counted = Counted(caches);
        let _running = running::set();
        // SAFETY: by contract it has no owner but this, and the grace period is over.
        let object = unsafe { PoolBox::from_slot(slot) };
        // A collection's own state is nothing for a panic to cross.
        quietly(|| drop(object));
    };
    // SAFETY: this may run on any thread, any time later: the object is `Send`, and a pooled type
    // borrows nothing. It runs once, and does not unwind.
    unsafe { guard.pinned.defer_unchecked(end) };
    if let Some(caches) = caches
        && bag::is_due(waiting, caches)
    {
        guard.flush();
    }
}

/// Counts an object as dropped when it is.
struct Counted(Option<&'static Caches>);

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(caches) = self.0 {
            caches.note_dropped();
        }
    }
}

/// The most rounds that [`collect`] goes.
const ROUNDS: usize = 64;

/// Drops what nobody sees any more until fewer objects are `waiting`, as far as that is to be had in
/// bounded time. For an allocation that finds its pool full.
///
/// The destructors allocate as they like, also from this pool, so no cache may be in use; an
/// allocation inside one of them gets no collection of its own.
pub(crate) fn collect(waiting: impl Fn() -> usize) {
    let first = waiting();
    if first == 0 || running::is_set() {
        return;
    }
    // As many rounds without a drop say that somebody is pinned: a bag is handed over in the first,
    // and is two epochs old in the third.
    let mut idle = 0;
    for _ in 0..ROUNDS {
        let before = running::count();
        pin().flush();
        if waiting() < first {
            return;
        }
        idle = if running::count() == before {
            idle + 1
        } else {
            0
        };
        if idle == 3 {
            return;
        }
    }
}

/// Whether this thread is in the destructor of a retired object. Collections do not nest: the stack
/// would have to be as deep as there is garbage.
#[cfg(not(loom))]
mod running {
    use std::cell::Cell;

    std::thread_local! {
        static RUNNING: Cell<bool> = const { Cell::new(false) };
        /// Destructors that this thread began to run.
        static COUNT: Cell<usize> = const { Cell::new(0) };
    }

    /// Resets the flag when it is dropped.
    pub(super) struct Running {
        outer: bool,
    }

    pub(super) fn set() -> Running {
        let _ = COUNT.try_with(|count| count.set(count.get().wrapping_add(1)));
        Running {
            outer: RUNNING.try_with(|flag| flag.replace(true)).unwrap_or(true),
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            let _ = RUNNING.try_with(|flag| flag.set(self.outer));
        }
    }

    pub(super) fn is_set() -> bool {
        RUNNING.try_with(Cell::get).unwrap_or(true)
    }

    pub(super) fn count() -> usize {
        COUNT.try_with(Cell::get).unwrap_or(0)
    }
}

/// What a thread has retired and not handed over.
#[cfg(not(loom))]
mod bag {
    use crate::cache::Caches;
    use crate::sync::epoch::objects;
    use std::cell::Cell;

    /// As many objects are handed over at once, without being asked.
    const MOST: usize = 64;

    std::thread_local! {
        /// At least so many objects are in this thread's hands.
        static HELD: Cell<usize> = const { Cell::new(0) };
    }

    /// Notes that an object was retired, and says whether this thread is to hand over what it has,
    /// now that so many objects of the pool are `waiting`.
    pub(super) fn is_due(waiting: usize, caches: &Caches) -> bool {
        let held = HELD.try_with(|held| {
            held.set(held.get() + 1);
            held.get()
        });
        // What was retired before it was due, and what is not enough to be worth a bag: both stay
        // within this, so that a sixteenth is never more in hands that may do nothing for long.
        let share = caches.capacity() / 32;
        if waiting <= share {
            return false;
        }
        // A bag is 2 KiB, and behind a reader that stands still every one of them waits: so not one
        // for every object.
        held.unwrap_or(MOST) >= (share / objects::threads().max(1)).clamp(1, MOST)
    }

    pub(super) fn empty() {
        let _ = HELD.try_with(|held| held.set(0));
    }
}

/// A model has no pools to be full, and collects when it says so.
#[cfg(loom)]
mod running {
    pub(super) fn set() {}

    pub(super) fn is_set() -> bool {
        false
    }

    pub(super) fn count() -> usize {
        0
    }
}

#[cfg(loom)]
mod bag {
    pub(super) fn is_due(_waiting: usize, _caches: &crate::cache::Caches) -> bool {
        false
    }

    pub(super) fn empty() {}
}

#[cfg(all(test, not(loom)))]
mod tests;
