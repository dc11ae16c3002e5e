//! The ways to an allocator: its own methods, the global allocator's, and a collection's.

use super::model::{Block, check_zero};
use allocator_api2_04::alloc::Allocator;
use pool::SlabAlloc;
use std::alloc::{GlobalAlloc, Layout};
use std::ptr::NonNull;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    Own,
    Global,
    Collection,
}

impl Face {
    pub(super) const fn of(number: usize) -> Self {
        match number % 4 {
            0 => Self::Global,
            1 => Self::Collection,
            _ => Self::Own,
        }
    }

    /// A new block, whose bytes are zero if that was asked for.
    pub(super) fn allocate(self, from: &SlabAlloc, layout: Layout, zeroed: bool) -> NonNull<[u8]> {
        let (size, align) = (layout.size(), layout.align());
        let bytes = match (self, zeroed) {
            (Self::Own, false) => from.allocate(size, align).ok(),
            (Self::Own, true) => from.allocate_zeroed(size, align).ok(),
            // SAFETY: not of no bytes.
            (Self::Global, false) => slice(unsafe { from.alloc(layout) }, size),
            // SAFETY: not of no bytes.
            (Self::Global, true) => slice(unsafe { from.alloc_zeroed(layout) }, size),
            (Self::Collection, false) => Allocator::allocate(from, layout).ok(),
            (Self::Collection, true) => Allocator::allocate_zeroed(from, layout).ok(),
        };
        let bytes = bytes.unwrap_or_else(|| panic!("none for {layout:?}"));
        if zeroed {
            let asked = NonNull::slice_from_raw_parts(bytes.cast(), size);
            // SAFETY: new, and zeroed if it is right.
            unsafe { check_zero(asked) };
        }
        bytes
    }

    /// The layout that a block is freed with: what was asked for, or all that was given.
    pub(super) fn layout(self, block: &Block, more: bool) -> Layout {
        block.layout_or_more(more && self != Self::Global)
    }

    /// Frees a block.
    ///
    /// # Safety
    ///
    /// It is one of `from`, with a layout of [`Face::layout`], and not used again.
    pub(super) unsafe fn free(self, from: &SlabAlloc, start: NonNull<u8>, layout: Layout) {
        match self {
            // SAFETY: by contract, with a layout that fits.
            Self::Own => unsafe { from.deallocate(start, layout) },
            // SAFETY: as above.
            Self::Global => unsafe { from.dealloc(start.as_ptr(), layout) },
            // SAFETY: as above.
            Self::Collection => unsafe { Allocator::deallocate(from, start, layout) },
        }
    }

    /// Makes a block of another size, and perhaps another alignment, out of one; and says how many bytes of what
    /// was there are there still.
    ///
    /// # Safety
    ///
    /// It is one of `from`, with an old layout of [`Face::layout`], and not used again.
    pub(super) unsafe fn resize(
        self,
        from: &SlabAlloc,
        start: NonNull<u8>,
        old: Layout,
        new: Layout,
        zeroed: bool,
    ) -> (NonNull<[u8]>, Layout, usize) {
        let kept = old.size().min(new.size());
        let same_align = Layout::from_size_align(new.size(), old.align());
        let same_align = same_align.unwrap_or(new);
        match self {
            Self::Own => {
                // SAFETY: by contract.
                let bytes = unsafe { from.reallocate(start, old, new.size()) };
                (bytes.expect("there is memory"), same_align, kept)
            }
            Self::Global => {
                // SAFETY: by contract, and a size that fits.
                let bytes = unsafe { from.realloc(start.as_ptr(), old, new.size()) };
                let bytes = slice(bytes, new.size()).expect("there is memory");
                (bytes, same_align, kept)
            }
            Self::Collection => {
                let bytes = if new.size() < old.size() {
                    // SAFETY: by contract, and not larger.
                    unsafe { Allocator::shrink(from, start, old, new) }
                } else if zeroed {
                    // SAFETY: by contract, and not smaller.
                    unsafe { Allocator::grow_zeroed(from, start, old, new) }
                } else {
                    // SAFETY: by contract, and not smaller.
                    unsafe { Allocator::grow(from, start, old, new) }
                };
                let bytes = bytes.expect("there is memory");
                if zeroed && new.size() >= old.size() {
                    // SAFETY: within the block.
                    let fresh = unsafe { bytes.cast::<u8>().add(kept) };
                    let fresh = NonNull::slice_from_raw_parts(fresh, bytes.len() - kept);
                    // SAFETY: new, and zeroed if it is right.
                    unsafe { check_zero(fresh) };
                }
                (bytes, new, kept)
            }
        }
    }
}

fn slice(start: *mut u8, len: usize) -> Option<NonNull<[u8]>> {
    NonNull::new(start).map(|start| NonNull::slice_from_raw_parts(start, len))
}
