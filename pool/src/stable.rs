//! What the handles own stays where it is when they are moved: the feature `stable_deref_trait`.

#![allow(unsafe_code)]

use crate::boxed::PoolBox;
use crate::erased::{ErasedArc, ErasedBox};
use crate::pooled::{Pooled, Shared};
use crate::scoped::ScopedBox;
use crate::shared::PoolArc;
use stable_deref_trait::{CloneStableDeref, StableDeref};

// SAFETY: it dereferences to its slot, which stays where it is and is its own until it is dropped or
// taken apart. It holds the address as a raw pointer, so that moving it says nothing of the object.
unsafe impl<T: Pooled> StableDeref for PoolBox<T> {}

// SAFETY: as `PoolBox`.
unsafe impl<T> StableDeref for ScopedBox<'_, T> {}

// SAFETY: it dereferences to what it found once, in a slot as above, or behind a reference that is
// good for as long as its type is; it does not look for it again.
unsafe impl<U: ?Sized> StableDeref for ErasedBox<U> {}

// SAFETY: it dereferences to its slot, which stays where it is as long as it has owners. What moves an
// object, or goes to another one (`make_mut`), takes the owner by `&mut` or whole, as `Arc`'s does.
unsafe impl<T: Shared> StableDeref for PoolArc<T> {}

// SAFETY: a clone has the same slot, and keeps it as this one does.
unsafe impl<T: Shared> CloneStableDeref for PoolArc<T> {}

// SAFETY: as `ErasedBox`, in a slot that stays as long as it has owners.
unsafe impl<U: ?Sized> StableDeref for ErasedArc<U> {}

// SAFETY: a clone has the same part of the same slot, and keeps it as this one does.
unsafe impl<U: ?Sized> CloneStableDeref for ErasedArc<U> {}
