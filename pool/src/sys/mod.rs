//! System calls, and instructions that not every processor has. The only place that knows the
//! target.

#![allow(unsafe_code)]

#[cfg(all(unix, not(miri)))]
mod unix;

#[cfg(all(unix, not(miri)))]
pub(crate) use unix::{page_size, populate, purge, release, reserve};

/// Asks the processor for a cache line that will be written. A hint: it touches no memory.
#[inline]
pub(crate) fn prefetch(address: std::ptr::NonNull<u8>) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
        // SAFETY: a prefetch faults on no address, and every x86-64 has the instruction.
        unsafe { _mm_prefetch::<_MM_HINT_ET0>(address.as_ptr().cast_const().cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}
