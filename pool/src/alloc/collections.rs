//! The allocator of collections, by the trait that they know.

#![allow(unsafe_code)]

use super::face::SlabAlloc;
use super::heap::Heap;
use super::site::Site;
use std::alloc::Layout;
use std::ptr::NonNull;

impl Heap {
    /// A block as a collection wants it: of exactly the size, so that it is freed with that; and of none for none.
    #[inline(always)]
    fn collect(&self, layout: Layout, zeroed: bool) -> Option<NonNull<[u8]>> {
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
    unsafe fn discard(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() > 0 {
            // SAFETY: by contract.
            unsafe { self.put(block, layout.size(), layout.align(), Site::UNKNOWN) };
        }
    }

    /// # Safety
    ///
    /// As for [`Heap::resize`], or of no bytes.
    #[inline(always)]
    unsafe fn recollect(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
        zeroed: bool,
    ) -> Option<NonNull<[u8]>> {
        let in_place = old.align() == new.align() && old.size() > 0 && new.size() > 0;
        let resized = if in_place {
            // SAFETY: by contract.
            unsafe { self.resize(block, old.align(), old.size(), new.size(), Site::UNKNOWN) }?
        } else {
            let copy = self.collect(new, false)?.cast::<u8>();
            // SAFETY: both have so many bytes, and one is new.
            unsafe { copy.copy_from_nonoverlapping(block, old.size().min(new.size())) };
            // SAFETY: by contract.
            unsafe { self.discard(block, old) };
            copy
        };
        if let Some(more) = new.size().checked_sub(old.size()).filter(|_| zeroed) {
            // SAFETY: within the block.
            let behind = unsafe { resized.add(old.size()) };
            // SAFETY: as above.
            unsafe { behind.write_bytes(0, more) };
        }
        Some(NonNull::slice_from_raw_parts(resized, new.size()))
    }
}

/// Implements a version's trait.
macro_rules! allocator {
    ($api:ident) => {
        // SAFETY: blocks are good until the allocator's end; to move it moves none of them.
        unsafe impl $api::alloc::Allocator for SlabAlloc {
            #[inline]
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                self.heap
                    .collect(layout, false)
                    .ok_or($api::alloc::AllocError)
            }

            #[inline]
            fn allocate_zeroed(
                &self,
                layout: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                self.heap
                    .collect(layout, true)
                    .ok_or($api::alloc::AllocError)
            }

            #[inline]
            unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
                // SAFETY: by contract.
                unsafe { self.heap.discard(block, layout) };
            }

            #[inline]
            unsafe fn grow(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                // SAFETY: by contract.
                let grown = unsafe { self.heap.recollect(block, old, new, false) };
                grown.ok_or($api::alloc::AllocError)
            }

            #[inline]
            unsafe fn grow_zeroed(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                // SAFETY: by contract.
                let grown = unsafe { self.heap.recollect(block, old, new, true) };
                grown.ok_or($api::alloc::AllocError)
            }

            #[inline]
            unsafe fn shrink(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                // SAFETY: by contract.
                let shrunk = unsafe { self.heap.recollect(block, old, new, false) };
                shrunk.ok_or($api::alloc::AllocError)
            }
        }
    };
}

#[cfg(feature = "allocator-api2-02")]
allocator!(allocator_api2_02);
#[cfg(feature = "allocator-api2-04")]
allocator!(allocator_api2_04);
