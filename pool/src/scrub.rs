//! Overwriting freed memory.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::slice;
use zeroize::Zeroize;

/// Overwrites a slot's object with zeros; the compiler does not leave it out.
///
/// # Safety
///
/// The slot is the caller's, has room for a `T`, and holds nothing that is used again.
pub(crate) unsafe fn wipe<T>(slot: NonNull<T>) {
    let bytes = slot.cast::<MaybeUninit<u8>>().as_ptr();
    // SAFETY: the object's bytes, which are the caller's; bytes that need not be initialised.
    let bytes = unsafe { slice::from_raw_parts_mut(bytes, size_of::<T>()) };
    bytes.zeroize();
}
