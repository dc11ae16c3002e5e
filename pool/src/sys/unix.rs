//! `mmap` and `madvise`.

use std::io;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Bytes of the system's base page.
pub(crate) fn page_size() -> usize {
    static PAGE: OnceLock<usize> = OnceLock::new();
    *PAGE.get_or_init(|| {
        // SAFETY: asks for a number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(page)
            .ok()
            .filter(|page| page.is_power_of_two())
            .unwrap_or(4096)
    })
}

/// Maps fresh memory that is committed, and zero, at first touch.
pub(crate) fn reserve(bytes: usize) -> Result<NonNull<u8>, Option<i32>> {
    // NORESERVE: a region is as large as a pool may get. What counts is what is touched.
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice touches no memory in use.
    let memory = unsafe { libc::mmap(ptr::null_mut(), bytes, prot, flags, -1, 0) };
    if memory == libc::MAP_FAILED {
        return Err(Some(errno()));
    }
    NonNull::new(memory.cast()).ok_or(None)
}

/// Unmaps what [`reserve`] mapped.
///
/// # Safety
///
/// `start` and `bytes` are those of a mapping of `reserve`, and nothing in it is used again.
pub(crate) unsafe fn release(start: NonNull<u8>, bytes: usize) {
    // SAFETY: the whole of a mapping of ours, unused from here on.
    let failed = unsafe { libc::munmap(start.as_ptr().cast(), bytes) } != 0;
    debug_assert!(!failed, "munmap: {}", io::Error::last_os_error());
}

/// Touches the pages of a range for writing, without changing a byte.
pub(crate) fn populate(start: NonNull<u8>, bytes: usize) -> Result<(), i32> {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: this faults pages in; it neither reads nor changes what is in them. A range that
        // is not mapped is an error.
        if unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_POPULATE_WRITE) } == 0 {
            return Ok(());
        }
        Err(errno())
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (start, bytes);
        Err(libc::ENOTSUP)
    }
}

/// Gives the memory behind whole pages back, and keeps them mapped. Returns whether it did.
///
/// # Safety
///
/// The pages are of a mapping of [`reserve`], and nobody uses their bytes during the call or counts
/// on their values after it.
pub(crate) unsafe fn purge(start: NonNull<u8>, bytes: usize) -> bool {
    // On Linux this frees the pages at once. Elsewhere it is a hint, and nothing is claimed.
    // SAFETY: the pages keep their addresses and lose their contents, which by contract is allowed.
    let done = unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_DONTNEED) } == 0;
    done && cfg!(target_os = "linux")
}
