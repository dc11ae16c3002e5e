//! Slots between two owners: the hot path.
//!
//! What a type asks for beyond the plain (its [`Kind`](crate::kind::Kind)) is asked here, of a
//! constant, so that the others' code has nothing of it.

#![allow(unsafe_code)]

use crate::cache::{Caches, ThreadCache};
use crate::full::Refusal;
use crate::pooled::Pooled;
use crate::thread;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// A slot that is not handed out yet, or no more, and holds no object. It goes back when this is
/// dropped, also by a panic in the code that was to fill or empty it.
pub(crate) struct Vacant<T: Pooled>(NonNull<T>);

impl<T: Pooled> Vacant<T> {
    /// # Safety
    ///
    /// The slot is of `T`'s pool, is the caller's, and by the time this is dropped it holds nothing
    /// that is used again.
    #[inline(always)]
    pub(crate) unsafe fn new(slot: NonNull<T>) -> Self {
        Self(slot)
    }

    #[inline(always)]
    pub(crate) fn slot(&self) -> NonNull<T> {
        self.0
    }

    /// Keeps the slot from going back.
    #[inline(always)]
    pub(crate) fn keep(self) -> NonNull<T> {
        ManuallyDrop::new(self).0
    }
}

impl<T: Pooled> Drop for Vacant<T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: of `T`'s pool, and holds nothing that is used again.
        unsafe { put::<T>(self.0) };
    }
}

/// A vacant slot of a type's own pool.
#[inline(always)]
pub(crate) fn take<T: Pooled>() -> Result<Vacant<T>, Refusal> {
    let slot = take_as_it_is::<T>()?;
    // SAFETY: from the type's pool, and ours.
    Ok(unsafe { vacate(slot) })
}

/// Makes a slot that may hold a parked object a vacant one.
///
/// # Safety
///
/// It came from [`take_as_it_is`], or has come as such a one does, and is the caller's.
#[inline(always)]
pub(crate) unsafe fn vacate<T: Pooled>(slot: NonNull<T>) -> Vacant<T> {
    let vacant = Vacant(slot);
    if let Some(discard) = const { T::__DISCARD } {
        // Not `recycle::vacate::<T>`: of a `MaybeUninit` that drops nothing.
        // SAFETY: from the pool of a type that is recycled, and ours. If a destructor panics it is
        // vacant.
        unsafe { discard(slot.cast()) };
    }
    vacant
}

/// A slot of a type's own pool, which holds an object if the type is recycled and the slot's header
/// says so. The hot path: a thread-local, a test of a length, a load.
#[inline(always)]
pub(crate) fn take_as_it_is<T: Pooled>() -> Result<NonNull<T>, Refusal> {
    thread::with_local(T::__cache(), |cache| match cache.allocate() {
        Some(slot) => Ok(slot.cast()),
        None => take_slow(cache),
    })
}

#[cold]
#[inline(never)]
fn take_slow<T: Pooled>(cache: &ThreadCache) -> Result<NonNull<T>, Refusal> {
    let pool = T::pool();
    let caches = pool.caches()?;
    let enroll = |caches: &Caches| thread::enroll(caches, cache, T::__cache);
    let allocate = || caches.allocate_slow(cache, enroll);
    match allocate() {
        Ok(slot) => Ok(slot.cast()),
        Err(shortage) => {
            let again = || cache.allocate().map_or_else(allocate, Ok);
            pool.without_slot(caches, shortage, again)
        }
    }
}

/// Puts a slot back into the type's own pool. The hot path: as for [`take`], with a store.
///
/// # Safety
///
/// The slot came from [`take_as_it_is`] for a type with the same pool, and is not used again; it holds
/// no object, or its header says that it does.
#[inline(always)]
pub(crate) unsafe fn put<T: Pooled>(slot: NonNull<T>) {
    if const { T::__KIND.looks_at_frees() } {
        let pool = T::pool();
        let caches = pool.made().expect("a pool that gave a slot was made");
        // SAFETY: by contract.
        if unsafe { pool.look(caches, T::__KIND, slot) } {
            return;
        }
    }
    thread::with_local(T::__cache(), |cache| {
        if !cache.free(slot.cast()) {
            put_slow::<T>(cache, slot);
        }
    });
}

#[cold]
#[inline(never)]
fn put_slow<T: Pooled>(cache: &ThreadCache, slot: NonNull<T>) {
    let caches = T::pool().made().expect("a pool that gave a slot was made");
    caches.free_slow(cache, slot.cast(), |caches| {
        thread::enroll(caches, cache, T::__cache);
    });
}
