//! Large arrays of zeros, which cost memory only where they are written to.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed};
use std::ptr;
use std::sync::atomic::{AtomicU8, AtomicU32};

/// # Safety
///
/// Bytes that are zero are a value of the type, which is not zero-sized.
pub(crate) unsafe trait Zero {}

// SAFETY: the number zero.
unsafe impl Zero for AtomicU8 {}
// SAFETY: as above.
unsafe impl Zero for AtomicU32 {}

/// So many zeros, at least one, or `None` if the allocator has none.
pub(crate) fn zeros<T: Zero>(count: usize) -> Option<Box<[T]>> {
    assert!(count > 0, "an allocation has a size");
    let layout = Layout::array::<T>(count).ok()?;
    // SAFETY: its size is not zero.
    let memory = unsafe { alloc_zeroed(layout) };
    if memory.is_null() {
        return None;
    }
    let slice = ptr::slice_from_raw_parts_mut(memory.cast::<T>(), count);
    // SAFETY: from the global allocator, with the layout of such a slice, and zeros are values of it.
    Some(unsafe { Box::from_raw(slice) })
}
