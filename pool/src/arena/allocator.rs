//! `&Arena` and `&Scope` as allocators of collections.
//!
//! Of references alone: while one is borrowed by a collection, the arena cannot be reset, and no scope ends.

#![allow(unsafe_code)]

use super::bump::Place;
use super::chunk::End;
use super::{Arena, Scope};
use crate::allocators::{self, allocators};
use std::alloc::Layout;
use std::ptr::NonNull;

impl Place<'_> {
    /// A block that may grow.
    #[inline(always)]
    fn allocate(self, layout: Layout, zeroed: bool) -> Option<NonNull<[u8]>> {
        let block = self.block_of(layout, End::Low).ok()?;
        let block = NonNull::slice_from_raw_parts(block, layout.size());
        if zeroed {
            // SAFETY: new.
            unsafe { allocators::zero(block, 0) };
        }
        Some(block)
    }

    /// # Safety
    ///
    /// A block from [`Place::allocate`] or [`Place::reallocate`] of this place, which is not used again.
    #[inline(always)]
    unsafe fn deallocate(self, block: NonNull<u8>, layout: Layout) {
        self.give_back(block, layout.size());
    }

    /// # Safety
    ///
    /// A block from [`Place::allocate`] or this, of this place, with the layout `old`. If there is no error it
    /// is not used again.
    #[inline(never)] // Or else it is in each loop that pushes, for want of registers in all of them.
    unsafe fn reallocate(
        self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Option<NonNull<[u8]>> {
        let resized = if new.size() == 0 {
            self.give_back(block, old.size());
            new.dangling_ptr()
        } else {
            // SAFETY: by contract.
            unsafe { self.resize(block, old, new) }.ok()?
        };
        Some(NonNull::slice_from_raw_parts(resized, new.size()))
    }
}

// SAFETY: blocks are good as long as the reference is, and its copies are the same reference.
allocators! {
    &Arena: |arena| arena.place();
    &Scope<'_>: |scope| scope.place();
}
