//! [`PoolAtomic`]: an owner that many threads read and replace.

#![allow(unsafe_code)]

use crate::boxed::PoolBox;
use crate::epoch::{Guard, retire_slot};
use crate::pooled::Pooled;
use crate::sync::{AtomicPtr, Ordering};
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

/// The owner of one object of a type's pool, or of none, that threads read while others replace it.
///
/// One pointer wide. Who reads is pinned, by a [`Guard`]; what is replaced is retired: dropped, and
/// its slot given back to the pool, when no reader can see it any more ([`epoch`](crate::epoch) says
/// when, and on which thread). To read is a load and a test.
///
/// ```
/// use pool::{PoolAtomic, PoolBox, Pooled, epoch};
///
/// #[derive(Pooled)]
/// #[pool(capacity = 64)]
/// struct Limits { order: u64, day: u64 }
///
/// let limits = PoolAtomic::new(PoolBox::new(Limits { order: 10, day: 1000 }));
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         let guard = epoch::pin();
///         let seen = limits.load(&guard).unwrap();
///         assert!((seen.order, seen.day) == (10, 1000) || (seen.order, seen.day) == (20, 2000));
///     });
///     limits.store(PoolBox::new(Limits { order: 20, day: 2000 }), &epoch::pin());
/// });
/// assert_eq!(limits.into_inner().unwrap().day, 2000);
/// ```
///
/// What it holds when it is dropped is dropped at once: nobody reads any more. A long list of objects
/// that own each other by it is dropped recursively; take it apart in a loop, or let the cells that
/// link a structure's nodes be `ManuallyDrop`.
///
/// # How large a pool
///
/// What is replaced holds its slot until the last reader that was pinned then is not any more, which
/// may be as long as the system keeps a pinned thread off its processor: milliseconds. So the capacity is
/// what is in use, and what is replaced in that time; or the type says `on_full = "heap"`, or
/// `"wait"`. Allocate before you pin: an allocation that would find the pool full collects, which it
/// cannot while its own thread is pinned.
///
/// # Lock-free structures
///
/// In a stack or a queue nodes pass from cell to cell, and who owns one is the structure's business.
/// [`load_ptr`](PoolAtomic::load_ptr), [`store_ptr`](PoolAtomic::store_ptr) and
/// [`compare_exchange_ptr`](PoolAtomic::compare_exchange_ptr) deal in raw pointers and retire nothing;
/// [`PoolBox::into_raw`] gives such a pointer, [`PoolBox::retire_raw`] ends one.
pub struct PoolAtomic<T: Pooled> {
    /// Null, or a slot that holds a valid `T`, which this owns together with the promise that
    /// whoever reads it is pinned or borrows this. (Unsafe callers of the raw functions may know
    /// better; then they see to what is said there.)
    slot: AtomicPtr<T>,
    owns: PhantomData<PoolBox<T>>,
}

// SAFETY: readers on several threads share the object, and any thread may be the one that drops it.
unsafe impl<T: Pooled + Send + Sync> Send for PoolAtomic<T> {}
// SAFETY: as above.
unsafe impl<T: Pooled + Send + Sync> Sync for PoolAtomic<T> {}

/// The address that an atomic holds for an owner. It keeps its provenance: the pool's.
fn into_ptr<T: Pooled>(owner: Option<PoolBox<T>>) -> *mut T {
    owner.map_or(ptr::null_mut(), |owner| PoolBox::into_slot(owner).as_ptr())
}

impl<T: Pooled> PoolAtomic<T> {
    /// An owner of the object, or of none.
    #[inline]
    pub fn new(object: impl Into<Option<PoolBox<T>>>) -> Self {
        Self {
            slot: AtomicPtr::new(into_ptr(object.into())),
            owns: PhantomData,
        }
    }

    /// An owner of nothing.
    #[cfg(not(loom))]
    #[inline]
    pub const fn null() -> Self {
        Self {
            slot: AtomicPtr::new(ptr::null_mut()),
            owns: PhantomData,
        }
    }

    #[cfg(loom)]
    pub fn null() -> Self {
        Self::new(None)
    }

    /// The object, to be read as long as the guard and this are there.
    #[inline]
    pub fn load<'a>(&'a self, guard: &'a Guard) -> Option<&'a T> {
        let slot = self.load_ptr(guard);
        // SAFETY: it holds a `T`. Who takes it from here retires it, so that it is there as long as
        // the guard; or has this for himself, which is borrowed. And nobody changes it meanwhile.
        unsafe { slot.as_ref() }
    }

    /// Whether there is no object, or was none just now.
    #[inline]
    pub fn is_null(&self) -> bool {
        // Relaxed: nothing is read through it.
        self.slot.load(Ordering::Relaxed).is_null()
    }

    /// What this owns, seen by its only user.
    #[inline]
    fn peek(&mut self) -> *mut T {
        // Relaxed: whoever gave this to its only user handed over what was written before.
        self.slot.load(Ordering::Relaxed)
    }

    /// The object, to be changed: nobody else reads it.
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        // SAFETY: it holds a `T`. References that `load` gave borrow this, and have ended; nobody else
        // has any, since it is not retired.
        unsafe { self.peek().as_mut() }
    }

    /// Takes the object out, at once: nobody else reads it.
    #[inline]
    pub fn take(&mut self) -> Option<PoolBox<T>> {
        let slot = NonNull::new(self.peek())?;
        self.slot.store(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: it was this one's, which has forgotten it. References that `load` gave borrow
        // this, and have ended.
        Some(unsafe { PoolBox::from_slot(slot) })
    }

    /// The object, at once: nobody else reads it.
    #[inline]
    pub fn into_inner(mut self) -> Option<PoolBox<T>> {
        self.take()
    }

    /// The address of the object, or null. It keeps the provenance that [`PoolBox::into_raw`] gave it.
    ///
    /// To be dereferenced under the guard, if all that ends such objects retires them.
    #[inline]
    pub fn load_ptr(&self, guard: &Guard) -> *mut T {
        let _ = guard;
        // Acquire: pairs with the Release of what put it here, so that the object is seen whole.
        self.slot.load(Ordering::Acquire)
    }

    /// Replaces the address, and leaves what it was the address of alone.
    ///
    /// # Safety
    ///
    /// `new` is null, or from [`PoolBox::into_raw`]; what was here is not lost for it. From here on
    /// the safe functions treat the object of `new` as this one's: they drop it with this, take it
    /// out, retire it, and read it under a guard. The caller sees to it that those that are called
    /// may, and that no other owner does the same; an atomic that is but an alias is best kept in a
    /// `ManuallyDrop`.
    #[inline]
    pub unsafe fn store_ptr(&self, new: *mut T) {
        // Release: pairs with the Acquire of `load_ptr`.
        self.slot.store(new, Ordering::Release);
    }

    /// Replaces the address if it is `current`, and leaves what that was the address of alone.
    ///
    /// # Errors
    ///
    /// The address that is here instead, as [`load_ptr`](PoolAtomic::load_ptr) gives it.
    ///
    /// # Safety
    ///
    /// As for [`store_ptr`](PoolAtomic::store_ptr).
    #[inline]
    pub unsafe fn compare_exchange_ptr(
        &self,
        current: *mut T,
        new: *mut T,
        guard: &Guard,
    ) -> Result<(), *mut T> {
        let _ = guard;
        self.exchange_if(current, new).map(drop)
    }

    /// Release: pairs with the Acquire of `load_ptr`. Acquire: for who reads what was here.
    #[inline(always)]
    fn exchange_if(&self, current: *mut T, new: *mut T) -> Result<*mut T, *mut T> {
        self.slot
            .compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire)
    }
}

impl<T: Pooled> PoolAtomic<T> {
    /// Replaces the object, and retires what was here.
    #[inline]
    pub fn store(&self, new: impl Into<Option<PoolBox<T>>>, guard: &Guard)
    where
        T: Send,
    {
        self.swap(new, guard);
    }

    /// Replaces the object, and retires what was here, which can be read as long as the guard lives.
    #[inline]
    pub fn swap<'g>(&self, new: impl Into<Option<PoolBox<T>>>, guard: &'g Guard) -> Option<&'g T>
    where
        T: Send,
    {
        self.exchange(into_ptr(new.into()), Ordering::AcqRel, guard)
    }

    /// The ordering is of the exchange: Release pairs with the Acquire of `load_ptr`; Acquire is for
    /// the reference that is returned, and for the destructor.
    #[inline(always)]
    pub(crate) fn exchange<'g>(
        &self,
        new: *mut T,
        ordering: Ordering,
        guard: &'g Guard,
    ) -> Option<&'g T>
    where
        T: Send,
    {
        let old = NonNull::new(self.slot.swap(new, ordering))?;
        // SAFETY: this owned it, and has it no more.
        Some(unsafe { retire(old, guard) })
    }

    /// Replaces the object if it is `current`, and retires that, which can be read as long as the
    /// guard lives. It is addresses that are compared, and no two objects that a guard protects have
    /// the same: what [`load`](PoolAtomic::load) gave is still there, or was replaced.
    ///
    /// # Errors
    ///
    /// Gives `new` back, and the object that is here instead.
    ///
    /// ```
    /// use pool::{PoolAtomic, PoolBox, Pooled, epoch};
    ///
    /// #[derive(Pooled)]
    /// struct Count(u64);
    ///
    /// let count = PoolAtomic::new(PoolBox::new(Count(0)));
    /// let mut next = PoolBox::new(Count(0));
    /// let guard = epoch::pin();
    /// let mut current = count.load(&guard);
    /// loop {
    ///     next.0 = current.map_or(0, |count| count.0) + 1;
    ///     match count.compare_exchange(current, next, &guard) {
    ///         Ok(_) => break,
    ///         Err(failed) => {
    ///             current = failed.current;
    ///             next = failed.new.unwrap();
    ///         }
    ///     }
    /// }
    /// assert_eq!(count.load(&guard).unwrap().0, 1);
    /// ```
    #[inline]
    pub fn compare_exchange<'a, 'g: 'a>(
        &'a self,
        current: Option<&T>,
        new: impl Into<Option<PoolBox<T>>>,
        guard: &'g Guard,
    ) -> Result<Option<&'g T>, CompareExchangeError<'a, T>>
    where
        T: Send,
    {
        let current = current.map_or(ptr::null(), ptr::from_ref);
        let new = into_ptr(new.into());
        match self.exchange_if(current.cast_mut(), new) {
            // SAFETY: this owned it, and has it no more. It is not `current`, which may have been good
            // for reading only, but the pointer that was here.
            Ok(old) => Ok(NonNull::new(old).map(|old| unsafe { retire(old, guard) })),
            Err(now) => Err(CompareExchangeError {
                // SAFETY: as in `load`.
                current: unsafe { now.as_ref() },
                // SAFETY: it came from its owner just above, and went nowhere.
                new: NonNull::new(new).map(|new| unsafe { PoolBox::from_slot(new) }),
            }),
        }
    }
}

/// Retires an object, and lets it be read as long as the guard lives.
///
/// # Safety
///
/// The slot holds an object that was taken out of an atomic that owned it.
#[inline]
unsafe fn retire<T: Pooled + Send>(slot: NonNull<T>, guard: &Guard) -> &T {
    // SAFETY: who has read it from the atomic is pinned still, or has ended: had it borrowed the
    // atomic alone, nobody could have taken the object.
    unsafe { retire_slot(slot, guard) };
    // SAFETY: retired under this guard, so it is there as long as that; and nobody changes it.
    unsafe { slot.as_ref() }
}

impl<T: Pooled> Drop for PoolAtomic<T> {
    #[inline]
    fn drop(&mut self) {
        // At once: references that `load` gave, or a failed `compare_exchange`, borrow this, and have
        // ended. Those of `swap` are good as long as their guard alone, and are of objects that are
        // retired, and here no more.
        drop(self.take());
    }
}

impl<T: Pooled> Default for PoolAtomic<T> {
    fn default() -> Self {
        Self::null()
    }
}

impl<T: Pooled> From<PoolBox<T>> for PoolAtomic<T> {
    fn from(object: PoolBox<T>) -> Self {
        Self::new(object)
    }
}

impl<T: Pooled> From<Option<PoolBox<T>>> for PoolAtomic<T> {
    fn from(object: Option<PoolBox<T>>) -> Self {
        Self::new(object)
    }
}

impl<T: Pooled> fmt::Debug for PoolAtomic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Relaxed: nothing is read through it.
        let slot = self.slot.load(Ordering::Relaxed);
        f.debug_tuple("PoolAtomic").field(&slot).finish()
    }
}

/// [`PoolAtomic::compare_exchange`] found another object.
pub struct CompareExchangeError<'a, T: Pooled> {
    /// The object that is there, to be read as long as the guard and the atomic.
    pub current: Option<&'a T>,
    /// The one that was to replace it.
    pub new: Option<PoolBox<T>>,
}

impl<T: Pooled> fmt::Debug for CompareExchangeError<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompareExchangeError")
            .field("current", &self.current.map(ptr::from_ref))
            .field("new", &self.new.as_ref().map(PoolBox::as_ptr))
            .finish()
    }
}

impl<T: Pooled> fmt::Display for CompareExchangeError<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the object was replaced by another one")
    }
}

impl<T: Pooled> Error for CompareExchangeError<'_, T> {}
