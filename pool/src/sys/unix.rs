//! What every Unix system has: `mmap` and its kin.

use super::system::NORESERVE;
use std::io;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// Bytes of the system's base page. It waits for nobody and allocates nothing.
pub(crate) fn page_size() -> usize {
    static PAGE: AtomicUsize = AtomicUsize::new(0);
    match PAGE.load(Ordering::Relaxed) {
        0 => {
            let page = sysconf(libc::_SC_PAGESIZE);
            let page = if page.is_power_of_two() { page } else { 4096 };
            PAGE.store(page, Ordering::Relaxed);
            page
        }
        page => page,
    }
}

fn sysconf(name: libc::c_int) -> usize {
    // SAFETY: asks for a number.
    usize::try_from(unsafe { libc::sysconf(name) }).unwrap_or(0)
}

/// Maps fresh memory that is committed, and zero, at first touch.
pub(crate) fn reserve(bytes: usize) -> Result<NonNull<u8>, Option<i32>> {
    // A region is as large as a pool may get. What counts is what is touched.
    anonymous(bytes, libc::PROT_READ | libc::PROT_WRITE, NORESERVE)
}

/// Maps addresses that nobody may touch before they are [allowed](allow). The system has no memory for them, and
/// does not count them.
#[cfg(not(loom))]
pub(crate) fn reserve_closed(bytes: usize) -> Result<NonNull<u8>, Option<i32>> {
    anonymous(bytes, libc::PROT_NONE, NORESERVE)
}

/// Maps fresh memory as [`reserve`] does, unless it is obviously more than the system has.
#[cfg(not(loom))]
pub(crate) fn map(bytes: usize) -> Result<NonNull<u8>, Option<i32>> {
    anonymous(bytes, libc::PROT_READ | libc::PROT_WRITE, 0)
}

/// Maps private memory that no file has.
fn anonymous(
    bytes: usize,
    prot: libc::c_int,
    flags: libc::c_int,
) -> Result<NonNull<u8>, Option<i32>> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags;
    // SAFETY: a new mapping at an address of the kernel's choice touches no memory in use.
    let memory = unsafe { libc::mmap(ptr::null_mut(), bytes, prot, flags, -1, 0) };
    if memory == libc::MAP_FAILED {
        return Err(Some(errno()));
    }
    NonNull::new(memory.cast()).ok_or(None)
}

/// Makes whole pages usable.
///
/// # Safety
///
/// The pages are of a mapping of this module.
#[cfg(not(loom))]
pub(crate) unsafe fn allow(start: NonNull<u8>, bytes: usize) -> Result<(), i32> {
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: pages of ours, by contract; more is allowed than was.
    checked(unsafe { libc::mprotect(start.as_ptr().cast(), bytes, prot) })
}

/// Has a function called before each fork, and another one after it, in the parent and in the child.
#[cfg(not(loom))]
pub(crate) fn at_fork(before: extern "C" fn(), after: extern "C" fn()) {
    // SAFETY: the functions may be called as long as the process lives; an error (there is no memory
    // for it) leaves all as it is.
    unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
}

/// Bytes of the machine's memory; zero if it does not say.
#[cfg(not(loom))]
pub(crate) fn physical_bytes() -> usize {
    sysconf(libc::_SC_PHYS_PAGES).saturating_mul(page_size())
}

/// Unmaps what [`reserve`] mapped.
///
/// # Safety
///
/// `start` and `bytes` are those of a mapping of this module or its siblings, and nothing in it is
/// used again.
pub(crate) unsafe fn release(start: NonNull<u8>, bytes: usize) {
    // SAFETY: the whole of a mapping of ours, unused from here on.
    let is_done = unsafe { unmap(start, bytes) };
    debug_assert!(is_done, "munmap: {}", io::Error::last_os_error());
}

/// [`release`], which may fail: the kernel has a bound on mappings, and what is cut out of one leaves two.
///
/// # Safety
///
/// As there, if it returns that it did; whole pages of a mapping.
pub(crate) unsafe fn unmap(start: NonNull<u8>, bytes: usize) -> bool {
    // SAFETY: by contract.
    unsafe { libc::munmap(start.as_ptr().cast(), bytes) == 0 }
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
