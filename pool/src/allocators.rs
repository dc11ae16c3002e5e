//! Allocators of collections: the trait of either version of `allocator-api2`.

#![allow(unsafe_code)]

use std::ptr::NonNull;

/// Implements it for `$ty` by what `$blocks` is of one, which has `allocate(layout, zeroed)`, `deallocate` and
/// `reallocate`, to grow and to shrink; `None` is an error.
///
/// # Safety
///
/// These keep the trait's contract; and blocks are good as long as the value is there, wherever it is moved to, or
/// a copy of it.
macro_rules! allocators {
    ($($ty:ty: |$this:ident| $blocks:expr;)*) => {
        #[cfg(feature = "allocator-api2-02")]
        crate::allocators::allocators!(allocator_api2_02: $($ty: |$this| $blocks;)*);
        #[cfg(feature = "allocator-api2-04")]
        crate::allocators::allocators!(allocator_api2_04: $($ty: |$this| $blocks;)*);
    };
    ($api:ident: $($ty:ty: |$this:ident| $blocks:expr;)*) => {$(
        // SAFETY: by contract.
        unsafe impl $api::alloc::Allocator for $ty {
            #[inline(always)]
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                let $this = self;
                $blocks.allocate(layout, false).ok_or($api::alloc::AllocError)
            }

            #[inline(always)]
            fn allocate_zeroed(
                &self,
                layout: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                let $this = self;
                $blocks.allocate(layout, true).ok_or($api::alloc::AllocError)
            }

            #[inline(always)]
            unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
                let $this = self;
                // SAFETY: by contract.
                unsafe { $blocks.deallocate(block, layout) };
            }

            #[inline(always)]
            unsafe fn grow(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                let $this = self;
                // SAFETY: by contract.
                unsafe { $blocks.reallocate(block, old, new) }.ok_or($api::alloc::AllocError)
            }

            #[inline(always)]
            unsafe fn grow_zeroed(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                let $this = self;
                // SAFETY: by contract.
                let grown = unsafe { $blocks.reallocate(block, old, new) };
                let grown = grown.ok_or($api::alloc::AllocError)?;
                // SAFETY: it is so long, and nobody's yet.
                unsafe { $crate::allocators::zero(grown, old.size()) };
                Ok(grown)
            }

            #[inline(always)]
            unsafe fn shrink(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                let $this = self;
                // SAFETY: by contract.
                unsafe { $blocks.reallocate(block, old, new) }.ok_or($api::alloc::AllocError)
            }
        }
    )*};
}

pub(crate) use allocators;

/// Zeroes a block from its byte `from` on.
///
/// # Safety
///
/// The block is the caller's, and has so many bytes.
#[inline(always)]
pub(crate) unsafe fn zero(block: NonNull<[u8]>, from: usize) {
    // SAFETY: within the block.
    let behind = unsafe { block.cast::<u8>().add(from) };
    // SAFETY: the rest of it.
    unsafe { behind.write_bytes(0, block.len() - from) };
}
