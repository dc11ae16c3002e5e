//! [`PoolArc`]: several owners, one pointer each.

#![allow(unsafe_code)]

use super::count::{Count, Fate, STRONG};
use super::weak::PoolWeak;
use crate::boxed::PoolBox;
use crate::forward::forward_reads_to_object;
use crate::full::{Full, Refusal};
use crate::pooled::Shared;
use crate::slot;
use crate::slot::PARKED;
use crate::vacant::{Vacant, take};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::ptr::NonNull;

const _: () = assert!(STRONG + 1 == PARKED, "the count ends below the parked bit");

/// One of several owners of an object in its type's pool. When the last one is dropped, on whatever
/// thread, the object is dropped and its slot is free again.
///
/// It is what `Arc<T>` is, with the pool in the place of the heap: one pointer wide,
/// `Option<PoolArc<T>>` too; `Send` and `Sync` as `Arc<T>` is; it implements the traits that `Arc`
/// implements, the coercion to `dyn Trait` excepted. The type says `#[pool(shared)]`, which gives
/// each of its slots 8 bytes for the count. Making one is what making a [`PoolBox`] is, and an
/// increment. The drop of an only owner, to whose object there was never a key, takes no locked
/// instruction; a clone takes one, and every other drop.
///
/// ```
/// use pool::{PoolArc, Pooled};
///
/// #[derive(Pooled)]
/// #[pool(capacity = 1024, shared)]
/// struct Book {
///     bids: Vec<u64>,
/// }
///
/// let book = PoolArc::new(Book { bids: vec![99, 98] });
/// let reader = PoolArc::clone(&book);
/// let best = std::thread::spawn(move || reader.bids[0]).join().unwrap();
/// assert_eq!((best, PoolArc::strong_count(&book)), (99, 1));
/// ```
///
/// Where `std` has `Weak`, there are keys: [`PoolArc::downgrade`] makes a [`PoolWeak`].
///
/// `PoolArc` has associated functions and no methods, so that it hides none of the object's. Owners
/// that go round in a circle are never dropped, as with `Arc`; let one be a [`PoolWeak`].
pub struct PoolArc<T: Shared> {
    /// A slot of `T`'s pool that holds a valid `T`, of whose owners, by its header, this is one. Good
    /// for all of the slot.
    slot: NonNull<T>,
    /// Invariant: a subtype has a pool of its own, where its slots go back to.
    owns: slot::Owns<T>,
}

// SAFETY: an owner gives out `&T` on its thread, and the last one drops the `T` there: it has to be
// both, as for `Arc`. The pool takes slots back from any thread.
unsafe impl<T: Shared + Send + Sync> Send for PoolArc<T> {}
// SAFETY: shared, it gives out `&T`, and owners, with which as above.
unsafe impl<T: Shared + Send + Sync> Sync for PoolArc<T> {}
impl<T: Shared> Unpin for PoolArc<T> {}
impl<T: Shared + RefUnwindSafe> UnwindSafe for PoolArc<T> {}

/// A slot whose object is gone or about to go, with nobody in its header. It goes where the header
/// says when this is dropped, also by a panic in the object's destructor.
pub(super) struct Left<T: Shared>(NonNull<T>, Fate);

impl<T: Shared> Left<T> {
    /// # Safety
    ///
    /// The slot is of `T`'s pool and is the caller's, its header said so, and by the time that this is
    /// dropped it holds nothing that is used again.
    pub(super) unsafe fn new(slot: NonNull<T>, fate: Fate) -> Self {
        Self(slot, fate)
    }

    pub(super) fn slot(&self) -> NonNull<T> {
        self.0
    }
}

impl<T: Shared> Drop for Left<T> {
    fn drop(&mut self) {
        match self.1 {
            // SAFETY: by contract it is ours, and vacant.
            Fate::Free => drop(unsafe { Vacant::new(self.0) }),
            // SAFETY: as above; a shared type has no objects on the heap.
            Fate::UsedUp => unsafe { T::pool().set_aside(self.0) },
        }
    }
}

impl<T: Shared> PoolArc<T> {
    /// # Safety
    ///
    /// `slot` is of `T`'s pool and good for all of the slot; it holds a valid `T`, and its header
    /// counts one owner more than there are.
    #[inline(always)]
    pub(crate) unsafe fn from_slot(slot: NonNull<T>) -> Self {
        let owns = PhantomData;
        Self { slot, owns }
    }

    /// Takes the handle apart; the header counts it still.
    #[inline(always)]
    pub(crate) fn into_slot(this: Self) -> NonNull<T> {
        ManuallyDrop::new(this).slot
    }

    #[inline(always)]
    pub(super) fn slot(this: &Self) -> NonNull<T> {
        this.slot
    }

    #[inline(always)]
    pub(super) fn count(this: &Self) -> Count<'_> {
        // SAFETY: a slot of a shared type, which the handle's pointer is good for.
        Count::new(unsafe { slot::word(this.slot) })
    }

    /// Moves `value` into the pool.
    ///
    /// # Panics
    ///
    /// Panics if the pool is full, or cannot be made. See [`PoolArc::try_new`].
    #[inline]
    #[track_caller]
    #[must_use]
    pub fn new(value: T) -> Self {
        PoolBox::new(value).into()
    }

    /// Moves `value` into the pool, if there is room.
    ///
    /// # Errors
    ///
    /// [`Full`] gives the value back, and says which type and which capacity.
    #[inline]
    pub fn try_new(value: T) -> Result<Self, Full<T>> {
        PoolBox::try_new(value).map(Self::from)
    }

    /// Calls `f` to build the object in its place in the pool, as [`PoolBox::new_with`] does.
    ///
    /// # Panics
    ///
    /// Panics if the pool is full, or cannot be made; `f` is not called then.
    #[inline]
    #[track_caller]
    #[must_use]
    pub fn new_with<F: FnOnce() -> T>(f: F) -> Self {
        PoolBox::new_with(f).into()
    }

    /// Calls `f` to build the object in its place in the pool, if there is room.
    ///
    /// # Errors
    ///
    /// [`Full`] gives `f` back, not called.
    #[inline]
    pub fn try_new_with<F: FnOnce() -> T>(f: F) -> Result<Self, Full<F>> {
        PoolBox::try_new_with(f).map(Self::from)
    }

    /// Moves `value` into the pool and pins it.
    ///
    /// # Panics
    ///
    /// Panics if the pool is full, or cannot be made.
    #[inline]
    #[track_caller]
    #[must_use]
    pub fn pin(value: T) -> Pin<Self> {
        let this = Self::new(value);
        // SAFETY: the object does not move until it is dropped: nothing takes it out of a handle that
        // is pinned, and this is the only one, whose clones are pinned too.
        unsafe { Pin::new_unchecked(this) }
    }

    /// A key to the object. O(1), without a locked instruction but for the first key to an object.
    ///
    /// From then on the object may have owners that nobody knows of yet: [`PoolArc::get_mut`] says no.
    #[inline]
    #[must_use]
    pub fn downgrade(this: &Self) -> PoolWeak<T> {
        let generation = Self::count(this).downgrade();
        // SAFETY: of the header of this slot, on this thread: a handle of a `T` that is not `Send` and
        // `Sync` is where its object was made.
        unsafe { PoolWeak::of(this.slot, generation) }
    }

    /// The number of owners. Others may make and drop owners meanwhile.
    #[inline]
    #[must_use]
    pub fn strong_count(this: &Self) -> usize {
        Self::count(this).owners()
    }

    /// Whether two own the same object.
    #[inline]
    #[must_use]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        this.slot == other.slot
    }

    /// The object's address, which does not change as long as it has owners.
    #[inline]
    #[must_use]
    pub fn as_ptr(this: &Self) -> *const T {
        this.slot.as_ptr()
    }

    /// Takes the handle apart: the object has an owner more until [`PoolArc::from_raw`] takes it back.
    ///
    /// ```
    /// # use pool::{PoolArc, Pooled};
    /// #[derive(Pooled)]
    /// #[pool(shared)]
    /// struct Order(u64);
    ///
    /// let raw: *const Order = PoolArc::into_raw(PoolArc::new(Order(1)));
    /// // SAFETY: it came from `into_raw`, and is taken back once.
    /// let order = unsafe { PoolArc::from_raw(raw) };
    /// assert_eq!(order.0, 1);
    /// ```
    #[inline]
    #[must_use = "the object is leaked if the pointer is lost"]
    pub fn into_raw(this: Self) -> *const T {
        Self::into_slot(this).as_ptr()
    }

    /// Takes back an owner that [`PoolArc::into_raw`] gave up. O(1).
    ///
    /// # Safety
    ///
    /// `raw` came from `into_raw` of a `PoolArc<T>`, and is taken back once for each time; if `T` is
    /// not `Send` and `Sync`, on the same thread.
    #[inline]
    #[must_use]
    pub unsafe fn from_raw(raw: *const T) -> Self {
        // SAFETY: it came from `into_raw`, so it is the address of a slot.
        let slot = unsafe { NonNull::new_unchecked(raw.cast_mut()) };
        // It may have been a `&T` in between, and be good for the object and not for its header.
        let slot = T::pool().whole(slot);
        // SAFETY: by contract the slot holds a `T`, and its header counts an owner that is nobody.
        unsafe { Self::from_slot(slot) }
    }

    /// What the last of several owners does.
    ///
    /// # Safety
    ///
    /// The slot holds a valid object, this is its count, which says that it has no owners any more, and
    /// the caller was the last.
    #[inline(never)]
    pub(crate) unsafe fn end(slot: NonNull<T>, count: Count<'_>) {
        let fate = count.end();
        match fate {
            // SAFETY: the object is valid, and by its header nobody's but ours.
            Fate::Free => unsafe { T::__end(slot) },
            Fate::UsedUp => Self::end_for_good(slot),
        }
    }

    /// Drops the last object that a slot had generations for.
    #[cold]
    fn end_for_good(slot: NonNull<T>) {
        // SAFETY: the slot is ours, and empty once the object is dropped, be it by a panic.
        let left = unsafe { Left::new(slot, Fate::UsedUp) };
        // SAFETY: it holds an object that nobody else uses.
        unsafe { left.0.drop_in_place() };
    }

    /// Moves the object to another slot, if this is its only owner and it is the last that its slot had
    /// generations for; without keys it can stay in use there. False if there are other owners.
    #[cold]
    pub(super) fn relocate(this: &mut Self) -> Result<bool, Refusal> {
        let vacant = take::<T>()?;
        let Some(fate) = Self::count(this).claim() else {
            return Ok(false);
        };
        let old = this.slot;
        // SAFETY: both are slots of `T`, and not the same: the new one is vacant. The object in the
        // old one is ours by its header, and from here on it is in the new one only.
        unsafe { vacant.slot().copy_from_nonoverlapping(old, 1) };
        this.slot = vacant.keep();
        Self::count(this).begin();
        // SAFETY: nobody is in its header, and its object has moved.
        drop(unsafe { Left::new(old, fate) });
        Ok(true)
    }
}

forward_reads_to_object!(PoolArc<T>, T: Shared);

impl<T: Shared> Clone for PoolArc<T> {
    /// One owner more. The process ends if there are more than 2<sup>29</sup>, which takes forgetting
    /// them.
    #[inline]
    fn clone(&self) -> Self {
        Self::count(self).retain();
        // SAFETY: the slot holds our object, which counts an owner more.
        unsafe { Self::from_slot(self.slot) }
    }
}

impl<T: Shared> Drop for PoolArc<T> {
    #[inline]
    fn drop(&mut self) {
        let count = Self::count(self);
        // Most were never cloned, or no more: that is worth two instructions.
        if count.leave_alone() {
            // SAFETY: the object is valid, and by its header nobody's but ours.
            unsafe { T::__end(self.slot) };
        } else if count.leave() {
            // SAFETY: our object, and we were the last.
            unsafe { Self::end(self.slot, count) };
        }
    }
}

/// Does not move the object.
impl<T: Shared> From<PoolBox<T>> for PoolArc<T> {
    #[inline]
    fn from(boxed: PoolBox<T>) -> Self {
        let slot = PoolBox::into_slot(boxed);
        // SAFETY: a slot of a shared type.
        Count::new(unsafe { slot::word(slot) }).begin();
        // SAFETY: the slot holds the object that the box had alone, and counts one owner now.
        unsafe { Self::from_slot(slot) }
    }
}

/// # Panics
///
/// Panics if the pool is full, or cannot be made.
impl<T: Shared> From<T> for PoolArc<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

/// # Panics
///
/// Panics if the pool is full, or cannot be made.
impl<T: Shared + Default> Default for PoolArc<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new_with(T::default)
    }
}
