//! Handles are written as their object, and read as one: the feature `serde`.

#![forbid(unsafe_code)]

use crate::boxed::PoolBox;
use crate::erased::{ErasedArc, ErasedBox};
use crate::pooled::{Pooled, Shared};
use crate::scoped::ScopedBox;
use crate::shared::PoolArc;
use serde_core::de::Error;
use serde_core::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! written_as_its_object {
    ($handle:ty, $($generics:tt)*) => {
        impl<$($generics)*> Serialize for $handle
        where
            T: Serialize,
        {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                (**self).serialize(serializer)
            }
        }
    };
}

written_as_its_object!(PoolBox<T>, T: Pooled);
written_as_its_object!(PoolArc<T>, T: Shared);
written_as_its_object!(ScopedBox<'_, T>, T);
written_as_its_object!(ErasedBox<T>, T: ?Sized);
written_as_its_object!(ErasedArc<T>, T: ?Sized);

/// A pool that is full is an error of the deserialiser's, with the text of [`Full`](crate::Full).
impl<'de, T: Pooled + Deserialize<'de>> Deserialize<'de> for PoolBox<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_new(T::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// An object of its own each time, also if it was written by several owners of one. A pool that is full
/// is an error of the deserialiser's, with the text of [`Full`](crate::Full).
impl<'de, T: Shared + Deserialize<'de>> Deserialize<'de> for PoolArc<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PoolBox::deserialize(deserializer).map(Self::from)
    }
}
