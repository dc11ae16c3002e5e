//! What stands in for handles and pools in the models of what is built on them: objects that are their
//! owner's, in slots that are used again, the last one first.
//!
//! No slot's memory is ever given back, so that what reads an object too late reads the next one, or
//! what is left, and the model sees it.

#![allow(unsafe_code)]

use crate::cache::Caches;
use crate::full::Full;
use std::alloc::{Layout, alloc};
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard};

/// All types have a heap to themselves.
pub trait Pooled: Sized + 'static {
    fn pool() -> Heap {
        Heap
    }
}

impl<T: 'static> Pooled for T {}

/// A heap, which is never full, and counts nothing.
pub struct Heap;

impl Heap {
    pub(crate) fn made(&self) -> Option<&'static Caches> {
        None
    }
}

/// Free slots, by size and alignment. (Not loom's: it stands for what is modelled elsewhere. A model's
/// threads never wait for each other inside it.)
static FREE: LazyLock<Mutex<HashMap<Layout, Vec<Address>>>> = LazyLock::new(Mutex::default);

/// Objects that were made and not dropped since [`begin`].
static ALIVE: AtomicUsize = AtomicUsize::new(0);

struct Address(NonNull<u8>);

// SAFETY: a free slot is anybody's.
unsafe impl Send for Address {}

fn free() -> MutexGuard<'static, HashMap<Layout, Vec<Address>>> {
    FREE.lock().expect("no panic")
}

/// Begins to count.
pub(super) fn begin() {
    ALIVE.store(0, Ordering::Relaxed);
}

/// Objects that are alive.
pub(super) fn alive() -> usize {
    ALIVE.load(Ordering::Relaxed)
}

/// The owner of an object.
pub struct PoolBox<T: Pooled> {
    slot: NonNull<T>,
}

// SAFETY: as a `Box`.
unsafe impl<T: Pooled + Send> Send for PoolBox<T> {}
// SAFETY: as a `Box`.
unsafe impl<T: Pooled + Sync> Sync for PoolBox<T> {}

impl<T: Pooled> PoolBox<T> {
    pub fn new(value: T) -> Self {
        let layout = Layout::new::<T>();
        assert_ne!(layout.size(), 0, "objects of the models are not empty");
        let slot = free().get_mut(&layout).and_then(Vec::pop);
        let slot = slot.map_or_else(
            || {
                // SAFETY: not empty.
                let new = unsafe { alloc(layout) };
                NonNull::new(new).expect("memory")
            },
            |Address(slot)| slot,
        );
        let slot = slot.cast::<T>();
        // SAFETY: free, or new, and of the layout.
        unsafe { slot.write(value) };
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Self { slot }
    }

    pub fn try_new(value: T) -> Result<Self, Full<T>> {
        Ok(Self::new(value))
    }

    pub(crate) unsafe fn from_slot(slot: NonNull<T>) -> Self {
        Self { slot }
    }

    pub(crate) fn into_slot(this: Self) -> NonNull<T> {
        std::mem::ManuallyDrop::new(this).slot
    }

    pub fn into_raw(this: Self) -> *mut T {
        Self::into_slot(this).as_ptr()
    }

    /// # Safety
    ///
    /// It came from `into_raw`, and is taken back once.
    pub unsafe fn from_raw(raw: *mut T) -> Self {
        let slot = NonNull::new(raw).expect("from `into_raw`");
        Self { slot }
    }

    pub fn as_ptr(this: &Self) -> *const T {
        this.slot.as_ptr()
    }
}

impl<T: Pooled> Deref for PoolBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: its own.
        unsafe { self.slot.as_ref() }
    }
}

impl<T: Pooled> DerefMut for PoolBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: its own.
        unsafe { self.slot.as_mut() }
    }
}

impl<T: Pooled> Drop for PoolBox<T> {
    fn drop(&mut self) {
        // SAFETY: its own, and not used again.
        unsafe { self.slot.drop_in_place() };
        ALIVE.fetch_sub(1, Ordering::Relaxed);
        let layout = Layout::new::<T>();
        let slot = Address(self.slot.cast());
        free().entry(layout).or_default().push(slot);
    }
}
