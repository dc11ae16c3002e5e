//! What an owner may do that is the only one.

#![allow(unsafe_code)]

use super::arc::{Left, PoolArc};
use super::count::Fate;
use crate::boxed::PoolBox;
use crate::pooled::Shared;
use std::mem::ManuallyDrop;

impl<T: Shared> PoolArc<T> {
    /// Moves the object out, and gives its slot back, if this is its only owner. Keys fit no more.
    ///
    /// # Errors
    ///
    /// Gives the owner back if there are others. Of several that try at the same time all may get this
    /// answer; [`PoolArc::into_inner`] gives the object to one of them.
    #[inline]
    pub fn try_unwrap(this: Self) -> Result<T, Self> {
        let Some(fate) = Self::count(&this).claim() else {
            return Err(this);
        };
        // SAFETY: by its header the slot is ours, and vacant once the object is moved out.
        let left = unsafe { Left::new(Self::into_slot(this), fate) };
        // SAFETY: it holds a `T`, which from here on is only in the result.
        Ok(unsafe { left.slot().read() })
    }

    /// Drops this owner, and moves the object out if it was the last. If all owners do this, and on
    /// several threads, one of them gets the object.
    ///
    /// ```
    /// use pool::{PoolArc, Pooled};
    ///
    /// #[derive(Debug, PartialEq, Pooled)]
    /// #[pool(shared)]
    /// struct Order(u64);
    ///
    /// let order = PoolArc::new(Order(1));
    /// let other = PoolArc::clone(&order);
    /// assert_eq!(PoolArc::into_inner(order), None);
    /// assert_eq!(PoolArc::into_inner(other), Some(Order(1)));
    /// ```
    #[inline]
    pub fn into_inner(this: Self) -> Option<T> {
        let this = ManuallyDrop::new(this);
        let count = Self::count(&this);
        let fate = if count.leave_alone() {
            Fate::Free
        } else if count.leave() {
            count.end()
        } else {
            return None;
        };
        // SAFETY: as in `try_unwrap`.
        let left = unsafe { Left::new(Self::slot(&this), fate) };
        // SAFETY: as in `try_unwrap`.
        Some(unsafe { left.slot().read() })
    }

    /// Moves the object out if this is its only owner, or clones it.
    #[inline]
    pub fn unwrap_or_clone(this: Self) -> T
    where
        T: Clone,
    {
        Self::try_unwrap(this).unwrap_or_else(|this| T::clone(&this))
    }

    /// Makes the only owner a [`PoolBox`]. Keys fit no more. The object stays where it is, but for one
    /// that is the last of its slot's generations (see [`PoolWeak`](crate::PoolWeak#generations)): that
    /// moves to another slot.
    ///
    /// # Errors
    ///
    /// Gives the owner back if there are others; and if it would have to move, and the pool is full.
    #[inline]
    pub fn try_into_box(mut this: Self) -> Result<PoolBox<T>, Self> {
        if Self::count(&this).is_last() && !matches!(Self::relocate(&mut this), Ok(true)) {
            return Err(this);
        }
        match Self::count(&this).claim() {
            // SAFETY: by its header the object is ours.
            Some(_) => Ok(unsafe { PoolBox::from_slot(Self::into_slot(this)) }),
            None => Err(this),
        }
    }

    /// The object, if this is its only owner and there was never a key to it: nobody knows where its
    /// copies are. [`PoolArc::make_mut`] shuts keys out.
    #[inline]
    #[must_use]
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        if !Self::count(this).is_alone() {
            return None;
        }
        // SAFETY: valid, and this owner is alone, which is borrowed for as long as the result.
        Some(unsafe { Self::slot(this).as_mut() })
    }

    /// The object, to be changed; if there are other owners, a clone of it in a slot of its own, which
    /// this becomes the owner of. If there are only keys, the object stays and they fit no more (but
    /// the last of a slot's generations moves: see [`PoolWeak`](crate::PoolWeak#generations)).
    ///
    /// ```
    /// use pool::{PoolArc, Pooled};
    ///
    /// #[derive(Clone, Pooled)]
    /// #[pool(shared)]
    /// struct Book(Vec<u64>);
    ///
    /// let mut book = PoolArc::new(Book(vec![99]));
    /// let seen = PoolArc::clone(&book);
    /// PoolArc::make_mut(&mut book).0.push(98);
    /// assert_eq!((book.0.len(), seen.0.len()), (2, 1));
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if a slot is needed and the pool is full; nothing is changed then.
    #[inline]
    #[track_caller]
    pub fn make_mut(this: &mut Self) -> &mut T
    where
        T: Clone,
    {
        if !Self::count(this).be_alone() {
            Self::make_unique(this);
        }
        // SAFETY: valid, and this owner is alone, which is borrowed for as long as the result.
        unsafe { Self::slot(this).as_mut() }
    }

    #[cold]
    #[track_caller]
    fn make_unique(this: &mut Self)
    where
        T: Clone,
    {
        let moved = Self::count(this).is_last()
            && match Self::relocate(this) {
                Ok(moved) => moved,
                Err(refusal) => refusal.panic(),
            };
        if !moved {
            *this = Self::new_with(|| T::clone(this));
        }
    }
}
