//! What every Unix system has: `mmap` and its kin.

use super::system::NORESERVE;
use std::io;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

/// The number of the last error of this thread.
pub(super) fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// An errno, if a call says that it failed.
pub(super) fn checked(result: libc::c_int) -> Result<(), i32> {
    if result == 0 { Ok(()) } else { Err(errno()) }
}

/// Whether an errno says that the system has no such call at all.
pub(crate) fn not_supported(errno: i32) -> bool {
    errno == libc::ENOTSUP || errno == libc::ENOSYS
}

/// Whether an errno of [`populate`](super::populate) says that the system has no such call, or not
/// yet, and not that there is no memory.
pub(crate) fn cannot_populate(errno: i32) -> bool {
    not_supported(errno) || errno == libc::EINVAL
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
    // A region is as large as a pool may get. What counts is what is touched.
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | NORESERVE;
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
/// `start` and `bytes` are those of a mapping of this module or its siblings, and nothing in it is
/// used again.
pub(crate) unsafe fn release(start: NonNull<u8>, bytes: usize) {
    // SAFETY: the whole of a mapping of ours, unused from here on.
    let failed = unsafe { libc::munmap(start.as_ptr().cast(), bytes) } != 0;
    debug_assert!(!failed, "munmap: {}", io::Error::last_os_error());
}

/// Makes it an error to touch whole pages: the process ends with a signal.
///
/// # Safety
///
/// The pages are of a mapping of [`reserve`], and nobody uses them.
pub(crate) unsafe fn forbid(start: NonNull<u8>, bytes: usize) -> Result<(), i32> {
    // SAFETY: pages of ours that nobody uses, by contract.
    checked(unsafe { libc::mprotect(start.as_ptr().cast(), bytes, libc::PROT_NONE) })
}

/// Locks whole pages in memory, without changing a byte.
pub(crate) fn lock(start: NonNull<u8>, bytes: usize) -> Result<(), i32> {
    // SAFETY: this faults pages in and keeps them; it neither reads nor changes what is in them. A
    // range that is not mapped is an error.
    checked(unsafe { libc::mlock(start.as_ptr().cast(), bytes) })
}

/// The most memory that this process may lock, in bytes: what it is held to, and what it may raise
/// that to without privileges. `None` if the system does not say.
pub(crate) fn lock_limit() -> Option<(u64, u64)> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: the call writes the structure, which is ours.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, limit.as_mut_ptr()) };
    checked(result).ok()?;
    // SAFETY: written, as the call succeeded.
    let limit = unsafe { limit.assume_init() };
    #[allow(
        clippy::useless_conversion,
        clippy::unnecessary_cast,
        reason = "the type differs from system to system"
    )]
    Some((limit.rlim_cur as u64, limit.rlim_max as u64))
}

/// For each base page of a range, whether it is in memory.
pub(crate) fn in_core(start: *mut u8, pages: usize) -> Result<Vec<bool>, i32> {
    let mut found = vec![0_u8; pages];
    // SAFETY: the call asks about addresses and touches none of them; the vector has a byte a page.
    let result =
        unsafe { libc::mincore(start.cast(), pages * page_size(), found.as_mut_ptr().cast()) };
    checked(result)?;
    Ok(found.iter().map(|byte| byte & 1 == 1).collect())
}
