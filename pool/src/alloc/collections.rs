//! The allocator of collections, by the trait that they know.

#![allow(unsafe_code)]

use super::face::SlabAlloc;
use super::heap::Heap;
use super::site::Site;
use crate::allocators::allocators;
use std::alloc::Layout;
use std::ptr::NonNull;

/// Blocks of exactly the size that is asked for, so that they are freed with that; of none for none.
impl Heap {
    #[inline(always)]
    fn allocate(&self, layout: Layout, zeroed: bool) -> Option<NonNull<[u8]>> {
        let (size, align) = (layout.size(), layout.align());
        let block = match size {
            0 => layout.dangling_ptr(),
            _ if zeroed => self.get_zeroed(size, align, size, Site::UNKNOWN)?,
            _ => self.get(size, align, Site::UNKNOWN)?,
        };
        Some(NonNull::slice_from_raw_parts(block, size))
    }

    /// # Safety
    ///
    /// As for [`Heap::put`], or of no bytes.
    #[inline(always)]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() > 0 {
            // SAFETY: by contract.
            unsafe { self.put(block, layout.size(), layout.align(), Site::UNKNOWN) };
        }
    }

    /// # Safety
    ///
    /// As for [`Heap::resize`], or of no bytes.
    #[inline(always)]
    unsafe fn reallocate(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Option<NonNull<[u8]>> {
        let in_place = old.align() == new.align() && old.size() > 0 && new.size() > 0;
        let resized = if in_place {
            // SAFETY: by contract.
            unsafe { self.resize(block, old.align(), old.size(), new.size(), Site::UNKNOWN) }?
        } else {
            let copy = self.allocate(new, false)?.cast::<u8>();
            // SAFETY: both have so many bytes, and one is new.
            unsafe { copy.copy_from_nonoverlapping(block, old.size().min(new.size())) };
            // SAFETY: by contract.
            unsafe { self.deallocate(block, old) };
            copy
        };
        Some(NonNull::slice_from_raw_parts(resized, new.size()))
    }
}

// SAFETY: blocks are good until the allocator's end; to move it moves none of them.
allocators! {
    SlabAlloc: |alloc| alloc.heap;
}
