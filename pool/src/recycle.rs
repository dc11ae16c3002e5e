//! Objects that stay in their slots when they are freed, for the next owner.

#![allow(unsafe_code)]

use crate::boxed::PoolBox;
use crate::full::Full;
use crate::pool::Pool;
use crate::pooled::{Recycles, end};
use crate::slot::{self, PARKED};
use crate::sync::Ordering;
use crate::vacant::{Vacant, put, take_as_it_is};
use std::mem;
use std::ptr::NonNull;
use std::thread;

/// What becomes of an object between two owners, if its type says `#[pool(recycle)]`: it stays in its
/// slot as it is, and the next owner gets it from [`Pool::take`].
///
/// ```
/// use pool::{Pooled, Recycle};
///
/// #[derive(Default, Pooled)]
/// #[pool(capacity = 100, recycle)]
/// struct Reply {
///     body: Vec<u8>,
/// }
///
/// impl Recycle for Reply {
///     fn recycle(&mut self) {
///         self.body.clear(); // and keeps its capacity
///     }
/// }
///
/// let mut reply = Reply::pool().take();
/// reply.body.extend_from_slice(b"+PONG");
/// drop(reply);
///
/// let again = Reply::pool().take();
/// assert!(again.body.is_empty() && again.body.capacity() >= 5);
/// ```
///
/// The derive asks for `Send`, since the next owner may be on another thread, and for `Unpin`: an owner may
/// pin the object, and the next one move it.
///
/// An object whose `recycle` panics, or that is dropped while its thread unwinds, is dropped for good,
/// and made anew by `Default` when its slot is taken. [`PoolBox::new`](crate::PoolBox::new) drops a
/// parked object that it finds in its slot, and [`Pool::trim`] those that are in the pool's depot. A
/// program's end drops none, which a leak checker may remark on.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how it is made ready for its next owner",
    label = "`Recycle` is not implemented",
    note = "write `impl pool::Recycle for {Self} {{ fn recycle(&mut self) {{ ... }} }}`, and derive or \
            write `Default`; or leave `recycle` out of `#[pool(...)]`"
)]
pub trait Recycle: Default {
    /// Makes the object ready for its next owner, who sees what this does not reset.
    fn recycle(&mut self);
}

/// Drops the object in a slot, if it holds one. The slot holds none afterwards, also if the destructor
/// panics.
///
/// # Safety
///
/// The slot is of the pool of `T`, which is recycled, and is the caller's.
#[inline]
pub(crate) unsafe fn vacate<T>(slot: NonNull<T>) {
    // SAFETY: a recycled type has headers.
    let word = unsafe { slot::word(slot) };
    // Relaxed, here and below: who had the slot last handed it over with all that was written.
    let now = word.load(Ordering::Relaxed);
    if now & PARKED != 0 {
        word.store(now & !PARKED, Ordering::Relaxed);
        // SAFETY: the header said that it holds an object, which is nobody's.
        unsafe { slot.drop_in_place() };
    }
}

/// What `__DISCARD` is for a recycled type.
///
/// # Safety
///
/// The slot is of the pool of `T`, and is the caller's, free or handed out without its object.
pub unsafe fn discard<T: Recycles>(slot: NonNull<u8>) {
    // SAFETY: by contract.
    unsafe { vacate_any::<T>(slot) };
}

/// [`vacate`], of a slot whose type is not said.
///
/// # Safety
///
/// As for [`vacate`].
pub(crate) unsafe fn vacate_any<T>(slot: NonNull<u8>) {
    // SAFETY: by contract.
    unsafe { vacate(slot.cast::<T>()) };
}

/// What `__end` is for a recycled type.
///
/// # Safety
///
/// As for `Pooled::__end`.
#[inline]
pub unsafe fn recycle<T: Recycles>(slot: NonNull<T>) {
    /// Discards the object, and gives its slot back.
    struct Discarded<T: Recycles>(NonNull<T>);

    impl<T: Recycles> Drop for Discarded<T> {
        fn drop(&mut self) {
            // SAFETY: as for `recycle`, whose caller had it.
            unsafe { end(self.0) };
        }
    }

    let mut discarded = Discarded(slot);
    // What unwinding leaves behind is not to be trusted; what is on the heap has no slot to stay in.
    if thread::panicking() || const { T::__KIND.overflows() } && !T::pool().holds(slot) {
        return;
    }
    // SAFETY: it holds an object, which is the caller's.
    unsafe { discarded.0.as_mut() }.recycle();
    mem::forget(discarded);
    // SAFETY: a recycled type has headers.
    let word = unsafe { slot::word(slot) };
    word.store(word.load(Ordering::Relaxed) | PARKED, Ordering::Relaxed);
    // SAFETY: by contract; the header says that it holds an object.
    unsafe { put(slot) };
}

impl<T> Pool<T> {
    /// An object that was used before, as [`Recycle::recycle`] left it; or a new one, by `Default`. O(1),
    /// and as fast as [`PoolBox::new`] without its value.
    ///
    /// # Panics
    ///
    /// Panics if the pool is full, or cannot be made; or if this pool is not its type's own, but a value.
    #[inline]
    #[track_caller]
    #[must_use]
    pub fn take(&self) -> PoolBox<T>
    where
        T: Recycles,
    {
        match self.try_take() {
            Ok(boxed) => boxed,
            Err(full) => full.panic(),
        }
    }

    /// [`Pool::take`], if there is room.
    ///
    /// # Errors
    ///
    /// [`Full`], with nothing in it.
    ///
    /// # Panics
    ///
    /// Panics if this pool is not its type's own, but a value.
    #[inline]
    #[track_caller]
    pub fn try_take(&self) -> Result<PoolBox<T>, Full<()>>
    where
        T: Recycles,
    {
        assert!(
            std::ptr::eq(self, T::pool()),
            "only a type's own pool has objects to take, and this one is a value: use `alloc`"
        );
        match take_as_it_is::<T>() {
            // SAFETY: from the pool of `T`, and ours.
            Ok(slot) => Ok(unsafe { revive(slot) }),
            Err(refusal) => Err(refusal.with(())),
        }
    }
}

/// The owner of the object that a slot holds, or of a new one.
///
/// # Safety
///
/// The slot is of the pool of `T`, and is the caller's.
#[inline]
unsafe fn revive<T: Recycles>(slot: NonNull<T>) -> PoolBox<T> {
    // SAFETY: a recycled type has headers.
    let word = unsafe { slot::word(slot) };
    let now = word.load(Ordering::Relaxed);
    if now & PARKED == 0 {
        // SAFETY: ours, and it holds nothing.
        return PoolBox::fill_with(unsafe { Vacant::new(slot) }, T::default);
    }
    word.store(now & !PARKED, Ordering::Relaxed);
    // SAFETY: the header said that it holds an object, which nobody else owns.
    unsafe { PoolBox::from_slot(slot) }
}
