//! The view of an arena or a scope for values without destructors.

#![forbid(unsafe_code)]

use super::bump::Place;
use super::face::alloc_values;
use super::full::ArenaFull;
use std::fmt;
use std::mem::needs_drop;

/// The memory of an [`Arena`](crate::Arena) or a [`Scope`](crate::Scope) for values without a destructor, which
/// may borrow from what is in it already. From [`Arena::no_drop`](crate::Arena::no_drop) and
/// [`Scope::no_drop`](crate::Scope::no_drop).
///
/// A type with a destructor is refused by the compiler: its destructor could see what was dropped before.
#[derive(Clone, Copy)]
pub struct NoDrop<'s>(Place<'s>);

impl<'s> NoDrop<'s> {
    #[inline(always)]
    pub(super) fn new(place: Place<'s>) -> Self {
        Self(place)
    }

    #[inline(always)]
    fn place_of<T>(self) -> Place<'s> {
        const {
            assert!(
                !needs_drop::<T>(),
                "the type has a destructor, which `no_drop` would never run: use `alloc`, if it borrows \
                 nothing of this arena, or `alloc_box`, which has an owner drop it"
            );
        }
        self.0
    }

    alloc_values! {
        [] Self, 's, [],
        "It has no destructor, which the compiler checks."
    }
}

impl fmt::Debug for NoDrop<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoDrop")
    }
}
