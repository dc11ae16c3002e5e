//! Owners of objects that hold a key to themselves.

#![allow(unsafe_code)]

use super::arc::{Left, PoolArc};
use super::count::Count;
use super::weak::PoolWeak;
use crate::full::Full;
use crate::pooled::Shared;
use crate::slot;
use crate::vacant::{Vacant, take};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// An object that is not made yet, and to which there are keys.
struct Unborn<T: Shared>(NonNull<T>);

impl<T: Shared> Unborn<T> {
    fn count(&self) -> Count<'_> {
        // SAFETY: a slot of a shared type.
        Count::new(unsafe { slot::word(self.0) })
    }
}

impl<T: Shared> Drop for Unborn<T> {
    fn drop(&mut self) {
        let fate = self.count().end();
        // SAFETY: the slot is ours, and `f` panicked: it holds nothing.
        drop(unsafe { Left::new(self.0, fate) });
    }
}

impl<T: Shared> PoolArc<T> {
    /// Calls `f` with a key to the object that it is to make, for an object that holds a key to itself.
    ///
    /// The key does not fit before this returns, and never if `f` panics.
    ///
    /// ```
    /// use pool::{PoolArc, PoolWeak, Pooled};
    ///
    /// #[derive(Pooled)]
    /// #[pool(shared)]
    /// struct Node {
    ///     me: PoolWeak<Node>,
    /// }
    ///
    /// let node = PoolArc::new_cyclic(|me| Node { me: *me });
    /// assert!(PoolArc::ptr_eq(&node, &node.me.upgrade().unwrap()));
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the pool is full, or cannot be made; `f` is not called then.
    #[track_caller]
    #[must_use]
    pub fn new_cyclic<F: FnOnce(&PoolWeak<T>) -> T>(f: F) -> Self {
        match take::<T>() {
            Ok(vacant) => Self::build_cyclic(vacant, f),
            Err(refusal) => {
                drop(f);
                refusal.panic()
            }
        }
    }

    /// [`PoolArc::new_cyclic`], if there is room.
    ///
    /// # Errors
    ///
    /// [`Full`] gives `f` back, not called.
    pub fn try_new_cyclic<F: FnOnce(&PoolWeak<T>) -> T>(f: F) -> Result<Self, Full<F>> {
        match take::<T>() {
            Ok(vacant) => Ok(Self::build_cyclic(vacant, f)),
            Err(refusal) => Err(refusal.with(f)),
        }
    }

    fn build_cyclic<F: FnOnce(&PoolWeak<T>) -> T>(vacant: Vacant<T>, f: F) -> Self {
        let unborn = Unborn(vacant.keep());
        let generation = unborn.count().announce();
        // SAFETY: of the header of this slot, on this thread.
        let key = unsafe { PoolWeak::of(unborn.0, generation) };
        // SAFETY: the slot is ours, sized and aligned for a `T`, and holds none.
        unsafe { unborn.0.write(f(&key)) };
        unborn.count().be_born();
        let slot = ManuallyDrop::new(unborn).0;
        // SAFETY: it holds a `T`, whose first owner was counted just now.
        unsafe { Self::from_slot(slot) }
    }
}
