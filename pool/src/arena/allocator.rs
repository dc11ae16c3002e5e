//! `&Arena` and `&Scope` as allocators of collections.
//!
//! Of references alone: while one is borrowed by a collection, the arena cannot be reset, and no scope ends.

#![allow(unsafe_code)]

use super::bump::Place;
use super::chunk::End;
use super::{Arena, Scope};
use std::alloc::Layout;
use std::ptr::NonNull;

impl Place<'_> {
    /// A block that may grow.
    #[inline(always)]
    fn allocate(self, layout: Layout) -> Option<NonNull<[u8]>> {
        let block = self.block_of(layout, End::Low).ok()?;
        Some(NonNull::slice_from_raw_parts(block, layout.size()))
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

    /// # Safety
    ///
    /// As for [`Place::reallocate`]; and `new` is at least as large.
    #[inline(always)]
    unsafe fn grow_zeroed(
        self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Option<NonNull<[u8]>> {
        // SAFETY: by contract.
        let grown = unsafe { self.reallocate(block, old, new) }?;
        // SAFETY: within the block.
        let behind = unsafe { grown.cast::<u8>().add(old.size()) };
        // SAFETY: as above.
        unsafe { behind.write_bytes(0, new.size() - old.size()) };
        Some(grown)
    }
}

/// Implements a version's trait for `&$arena`.
macro_rules! allocator {
    ($api:ident: $($arena:ty),*) => {$(
        // SAFETY: blocks are good as long as the reference is, and its copies are the same reference.
        unsafe impl $api::alloc::Allocator for &$arena {
            #[inline(always)]
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                self.place().allocate(layout).ok_or($api::alloc::AllocError)
            }

            #[inline(always)]
            unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
                // SAFETY: by contract.
                unsafe { self.place().deallocate(block, layout) };
            }

            #[inline(always)]
            unsafe fn grow(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                // SAFETY: by contract.
                unsafe { self.place().reallocate(block, old, new) }.ok_or($api::alloc::AllocError)
            }

            #[inline(always)]
            unsafe fn grow_zeroed(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                // SAFETY: by contract.
                unsafe { self.place().grow_zeroed(block, old, new) }.ok_or($api::alloc::AllocError)
            }

            #[inline(always)]
            unsafe fn shrink(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                // SAFETY: by contract.
                unsafe { self.place().reallocate(block, old, new) }.ok_or($api::alloc::AllocError)
            }
        }
    )*};
}

#[cfg(feature = "allocator-api2-02")]
allocator!(allocator_api2_02: Arena, Scope<'_>);
#[cfg(feature = "allocator-api2-04")]
allocator!(allocator_api2_04: Arena, Scope<'_>);
