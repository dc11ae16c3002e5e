//! What a slot is: room for an object, and behind it, if the type asks for it, a header of one word.
//!
//! The word belongs to whoever has the slot; but who has a [`PoolWeak`](crate::PoolWeak) reads it at
//! any time, so it is atomic, and no part of an object. It stands behind the object, so that the
//! address of a slot is that of its object.

#![allow(unsafe_code)]

use crate::kind::Kind;
use crate::sync::AtomicU64;
use std::alloc::Layout;
use std::mem::{MaybeUninit, offset_of};
use std::ptr::NonNull;

/// A slot with a header.
#[repr(C)]
struct WithHeader<T> {
    object: MaybeUninit<T>,
    /// Zero to begin with: page sources give zeros.
    word: AtomicU64,
}

/// In a header: the slot is free, and holds an object. Only who has the slot changes it.
pub(crate) const PARKED: u64 = 1 << 30;

/// What a pool has to know of its slots.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    pub(crate) layout: Layout,
    /// Where the word is in a slot, if it has one.
    pub(crate) word: Option<usize>,
    /// What the type's handles are compiled for; of a pool that is a value, what it is configured for.
    pub(crate) kind: Kind,
    /// Drops the object that a free slot may hold.
    pub(crate) discard: Option<Discard>,
}

/// Drops the object that is in a free slot, if there is one.
pub type Discard = unsafe fn(NonNull<u8>);

impl Form {
    /// Slots of `T`.
    pub(crate) const fn new<T>(kind: Kind, discard: Option<Discard>) -> Self {
        let (layout, word) = if kind.has_header() {
            let word = offset_of!(WithHeader<T>, word);
            (Layout::new::<WithHeader<T>>(), Some(word))
        } else {
            (Layout::new::<T>(), None)
        };
        Self {
            layout,
            word,
            kind,
            discard,
        }
    }
}

impl From<Layout> for Form {
    /// Plain slots.
    fn from(layout: Layout) -> Self {
        Self {
            layout,
            word: None,
            kind: Kind::PLAIN,
            discard: None,
        }
    }
}

/// The header of a slot.
///
/// # Safety
///
/// It is a slot of a type whose kind has a header; the pointer is good for all of it, and is not used
/// after its pool's end.
#[inline(always)]
pub(crate) unsafe fn word<'a, T>(slot: NonNull<T>) -> &'a AtomicU64 {
    let offset = offset_of!(WithHeader<T>, word);
    // SAFETY: by contract the slot is a `WithHeader<T>`.
    let word = unsafe { slot.cast::<u8>().add(offset) };
    // SAFETY: as above: it is aligned, was zero or better from the first, and is only ever used as
    // an atomic.
    unsafe { word.cast::<AtomicU64>().as_ref() }
}

/// What an owner has of its `T`. Invariant: a subtype is another type, with a pool of its own, where
/// its slots go back to.
pub(crate) type Owns<T> = std::marker::PhantomData<(T, fn(T) -> T)>;
