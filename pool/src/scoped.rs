//! [`ScopedBox`]: the owner of an object in a pool that is a value.

#![allow(unsafe_code)]

use crate::cache::{Caches, Record, ThreadCache};
use crate::forward::forward_to_object;
use crate::full::{Full, Refusal};
use crate::magazine::Magazine;
use crate::pool::{Pool, Taken};
use crate::thread::{self, CacheKey};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::UnwindSafe;
use std::ptr::NonNull;

impl<T> Pool<T> {
    /// Moves `value` into the pool. O(1), no system call but for a page's first touch; a few
    /// nanoseconds more than [`PoolBox::new`](crate::PoolBox::new), for finding this thread's cache.
    ///
    /// # Panics
    ///
    /// Panics if the pool is full, or cannot be made.
    #[inline]
    #[track_caller]
    #[must_use]
    pub fn alloc(&self, value: T) -> ScopedBox<'_, T> {
        match self.take_vacant() {
            Ok(vacant) => ScopedBox::fill(vacant, value),
            Err(refusal) => {
                drop(value);
                refusal.panic()
            }
        }
    }

    /// Moves `value` into the pool, if there is room.
    ///
    /// # Errors
    ///
    /// [`Full`] gives the value back.
    #[inline]
    pub fn try_alloc(&self, value: T) -> Result<ScopedBox<'_, T>, Full<T>> {
        match self.take_vacant() {
            Ok(vacant) => Ok(ScopedBox::fill(vacant, value)),
            Err(refusal) => Err(refusal.with(value)),
        }
    }

    /// Runs `f` on this thread's cache of the pool, with the key for [`enroll`].
    #[inline]
    fn with_cache<R>(
        &self,
        caches: &Caches,
        f: impl FnOnce(&ThreadCache, Option<CacheKey>) -> R,
    ) -> R {
        match self.key() {
            Some(key) => thread::with_local(key(), |cache| f(cache, Some(key))),
            None => thread::with_value(caches, |cache| f(cache, None)),
        }
    }

    /// A slot of this pool, through this thread's cache of it.
    #[inline]
    pub(crate) fn take_slot(&self) -> Result<NonNull<T>, Refusal> {
        let caches = self.caches()?;
        let allocate = || {
            self.with_cache(caches, |cache, key| {
                let slow = || caches.allocate_slow(cache, |caches| enroll(caches, cache, key));
                cache.allocate().map_or_else(slow, Ok)
            })
        };
        match allocate() {
            Ok(slot) => Ok(slot.cast()),
            Err(shortage) => self.without_slot(caches, shortage, allocate),
        }
    }

    /// [`Pool::take_slot`], with no object in it.
    #[inline]
    pub(crate) fn take_vacant(&self) -> Result<Vacant<'_, T>, Refusal> {
        Ok(self.vacate(Taken(self.take_slot()?)))
    }

    /// Lends this thread's previous magazine of the pool, if it is to be had.
    pub(crate) fn lend(&self, caches: &Caches) -> Option<(NonNull<Record>, Magazine)> {
        self.with_cache(caches, |cache, key| {
            if cache.is_fresh() {
                enroll(caches, cache, key);
            }
            caches.lend(cache)
        })
    }

    /// Makes a slot that may hold a parked object a vacant one.
    #[inline]
    pub(crate) fn vacate(&self, taken: Taken<T>) -> Vacant<'_, T> {
        let vacant = Vacant(self, taken.0);
        if let Some(discard) = self.discard() {
            // SAFETY: the one of this pool's type; the slot is ours, and goes back if it panics.
            unsafe { discard(vacant.1.cast()) };
        }
        vacant
    }

    /// Puts a slot back, through this thread's cache of the pool.
    ///
    /// # Safety
    ///
    /// The slot came from [`Pool::take_slot`] of this pool and is not used again.
    #[inline]
    pub(crate) unsafe fn put_slot(&self, slot: NonNull<T>) {
        let caches = self.made().expect("a pool that gave a slot was made");
        let kind = caches.depots().setup().form.kind;
        // SAFETY: by contract.
        if kind.looks_at_frees() && unsafe { self.look(caches, kind, slot) } {
            return;
        }
        self.with_cache(caches, |cache, key| {
            if !cache.free(slot.cast()) {
                caches.free_slow(cache, slot.cast(), |caches| enroll(caches, cache, key));
            }
        });
    }
}

/// Makes a fresh cache live, if it is a type's own; one in a record is live as long as it is found.
fn enroll(caches: &Caches, cache: &ThreadCache, key: Option<CacheKey>) {
    if let Some(key) = key {
        thread::enroll(caches, cache, key);
    }
}

/// The owner of an object in a [`Pool`] that it borrows. When it is dropped, on whatever thread, the
/// object is dropped and its slot is free again.
///
/// Two pointers wide: the object and the pool. `Send` and `Sync` as `Box<T>` is.
pub struct ScopedBox<'pool, T> {
    /// A slot of `pool` that holds a valid `T` and that this handle alone owns.
    slot: NonNull<T>,
    pool: &'pool Pool<T>,
    owns: PhantomData<T>,
}

// SAFETY: it owns a `T` as `Box` does; the pool takes slots back from any thread.
unsafe impl<T: Send> Send for ScopedBox<'_, T> {}
// SAFETY: shared, it gives out `&T` and nothing else.
unsafe impl<T: Sync> Sync for ScopedBox<'_, T> {}
impl<T> Unpin for ScopedBox<'_, T> {}
impl<T: UnwindSafe> UnwindSafe for ScopedBox<'_, T> {}

/// Gives a slot back when it is dropped.
pub(crate) struct Vacant<'pool, T>(&'pool Pool<T>, NonNull<T>);

impl<T> Vacant<'_, T> {
    /// Keeps the slot from going back.
    #[inline]
    pub(crate) fn keep(self) -> NonNull<T> {
        ManuallyDrop::new(self).1
    }
}

impl<T> Drop for Vacant<'_, T> {
    fn drop(&mut self) {
        // SAFETY: a slot of that pool, which holds nothing that is used again.
        unsafe { self.0.put_slot(self.1) };
    }
}

impl<'pool, T> ScopedBox<'pool, T> {
    #[inline]
    pub(crate) fn fill(vacant: Vacant<'pool, T>, value: T) -> Self {
        let Vacant(pool, slot) = *ManuallyDrop::new(vacant);
        // SAFETY: the slot is ours and vacant, sized and aligned for a `T`.
        unsafe { slot.write(value) };
        let owns = PhantomData;
        Self { slot, pool, owns }
    }

    /// Moves the object out, and gives its slot back.
    #[inline]
    pub fn into_inner(this: Self) -> T {
        let this = ManuallyDrop::new(this);
        let vacant = Vacant(this.pool, this.slot);
        // SAFETY: the slot holds a `T`, which from here on is only in the result.
        unsafe { vacant.1.read() }
    }

    /// Gives up ownership for a reference that is good as long as the pool is borrowed. The slot
    /// stays in use, and the object is not dropped.
    #[inline]
    #[must_use = "the object is leaked if the reference is lost"]
    pub fn leak(this: Self) -> &'pool mut T {
        let mut this = ManuallyDrop::new(this);
        // SAFETY: the object was owned by `this` alone; its memory stays as long as the pool, which
        // is borrowed for as long as the result.
        unsafe { this.slot.as_mut() }
    }

    /// The object's address, which does not change as long as it lives.
    #[inline]
    #[must_use]
    pub fn as_ptr(this: &Self) -> *const T {
        this.slot.as_ptr()
    }
}

impl<T> Drop for ScopedBox<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // The slot goes back after the object's destructor, also if that panics.
        let vacant = Vacant(self.pool, self.slot);
        // SAFETY: this handle owns the object and ends here.
        unsafe { vacant.1.drop_in_place() };
    }
}

forward_to_object!(ScopedBox<'_, T>, T);
