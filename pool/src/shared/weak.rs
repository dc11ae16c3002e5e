//! [`PoolWeak`]: a key to an object.

#![allow(unsafe_code)]

use super::arc::PoolArc;
use super::count::Count;
use crate::pooled::Shared;
use crate::slot;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::ptr::NonNull;

/// A key to an object that has [`PoolArc`]s. It keeps nothing alive and never dangles:
/// [`PoolWeak::upgrade`] gives an owner as long as there is one, and `None` from then on.
///
/// It is 8 bytes, `Option<PoolWeak<T>>` too, and `Copy`: the number of a slot and a generation.
/// Making and dropping keys costs next to nothing; the slot of an object that is gone is used again at
/// once, whatever keys there are. [`PoolArc::downgrade`] makes one.
///
/// ```
/// use pool::{PoolArc, PoolWeak, Pooled};
///
/// #[derive(Pooled)]
/// #[pool(shared)]
/// struct Order {
///     id: u64,
/// }
///
/// let order = PoolArc::new(Order { id: 7 });
/// let key: PoolWeak<Order> = PoolArc::downgrade(&order);
/// assert_eq!(key.upgrade().unwrap().id, 7);
/// drop(order);
/// let next = PoolArc::new(Order { id: 8 }); // in the same slot
/// assert!(key.upgrade().is_none());
/// # drop(next);
/// ```
///
/// Keys are equal if they are to the same object, of all that there are and were. Their order is
/// the same all the time, and means nothing.
///
/// # Generations
///
/// No key ever fits an object that came later. A slot has 2<sup>32</sup> - 1 generations, and each
/// object of which a key was made uses one up, as does [`PoolArc::make_mut`] if it shuts keys out. A
/// slot that has none left is not used any more; [`Stats::used_up`](crate::Stats::used_up) counts
/// them. A pool of a `shared` type has 65,536 slots more than it promises, in the place of those.
pub struct PoolWeak<T: Shared> {
    /// Of the slot.
    number: u32,
    /// What [`Count::downgrade`] said.
    generation: NonZeroU32,
    /// An owner is what it may become. Invariant, as that is.
    object: PhantomData<*mut T>,
}

// SAFETY: what another thread can do with it is what it can do with a `PoolArc` that it was sent, and
// that asks the same.
unsafe impl<T: Shared + Send + Sync> Send for PoolWeak<T> {}
// SAFETY: as above; it is `Copy`.
unsafe impl<T: Shared + Send + Sync> Sync for PoolWeak<T> {}

impl<T: Shared> PoolWeak<T> {
    /// # Safety
    ///
    /// The slot is of `T`'s pool, and the key came from its header, on this thread, or on another one
    /// and `T` is `Send` and `Sync`.
    #[inline]
    pub(super) unsafe fn of(slot: NonNull<T>, generation: NonZeroU32) -> Self {
        Self {
            number: T::pool().number_of(slot),
            generation,
            object: PhantomData,
        }
    }

    /// A key to nothing: [`PoolWeak::upgrade`] gives `None` for ever.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            number: u32::MAX, // no pool has so many slots
            generation: NonZeroU32::MIN,
            object: PhantomData,
        }
    }

    /// An owner of the object, if it has one still. O(1), and lock-free: it takes a compare-and-swap,
    /// which is tried again when another thread's on the same object came first.
    ///
    /// An object that is being dropped, or is not made yet ([`PoolArc::new_cyclic`]), has none; nor
    /// has one whose owner became a [`PoolBox`](crate::PoolBox), or that was made unique by
    /// [`PoolArc::make_mut`].
    #[inline]
    #[must_use]
    pub fn upgrade(&self) -> Option<PoolArc<T>> {
        let slot = T::pool().slot_of(self.number)?;
        // SAFETY: a slot of a shared type, and of a pool without end.
        let count = Count::new(unsafe { slot::word(slot) });
        if !count.upgrade(self.generation) {
            return None;
        }
        // SAFETY: the slot's object has owners, of which this is one more. If `T` is not `Send` and
        // `Sync`, the key came from this thread and is to an object of this thread: it does not fit
        // another.
        Some(unsafe { PoolArc::from_slot(slot) })
    }

    /// The key as a number that is not zero: for a message, a table, an atomic.
    ///
    /// Who puts it into an atomic that other threads read stores it with `Release`, and loads it with
    /// `Acquire`: else the key may not fit there yet.
    #[inline]
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        (self.generation.get() as u64) << 32 | self.number as u64
    }

    /// The key of a number that [`PoolWeak::to_bits`] gave; `None` if it cannot have.
    ///
    /// Any number is safe: a key that is made up fits the object that it happens to name, if somebody
    /// made a key to that, or it fits none. Hence `T` is asked to be `Send` and `Sync`.
    ///
    /// ```
    /// use pool::{PoolArc, PoolWeak, Pooled};
    ///
    /// #[derive(Pooled)]
    /// #[pool(shared)]
    /// struct Order(u64);
    ///
    /// let order = PoolArc::new(Order(1));
    /// let bits: u64 = PoolArc::downgrade(&order).to_bits();
    /// let key = PoolWeak::<Order>::from_bits(bits).unwrap();
    /// assert!(key.upgrade().is_some());
    /// assert!(PoolWeak::<Order>::from_bits(0).is_none());
    /// ```
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self>
    where
        T: Send + Sync,
    {
        match NonZeroU32::new((bits >> 32) as u32) {
            Some(generation) => Some(Self {
                number: bits as u32,
                generation,
                object: PhantomData,
            }),
            None => None,
        }
    }
}

impl<T: Shared> Clone for PoolWeak<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Shared> Copy for PoolWeak<T> {}

impl<T: Shared> Default for PoolWeak<T> {
    /// A key to nothing.
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Shared> PartialEq for PoolWeak<T> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.to_bits() == other.to_bits()
    }
}

impl<T: Shared> Eq for PoolWeak<T> {}

impl<T: Shared> PartialOrd for PoolWeak<T> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Shared> Ord for PoolWeak<T> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.to_bits().cmp(&other.to_bits())
    }
}

impl<T: Shared> Hash for PoolWeak<T> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_bits().hash(state);
    }
}

impl<T: Shared> fmt::Debug for PoolWeak<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolWeak")
            .field("number", &self.number)
            .field("generation", &self.generation)
            .finish()
    }
}
