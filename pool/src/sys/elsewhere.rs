//! A Unix system that is not Linux: what it does not have.

use super::{Binding, Run};
use std::ffi::CStr;
use std::ptr::NonNull;

/// Says of a mapping that the system need not have memory for all of it.
pub(super) const NORESERVE: libc::c_int = 0;

fn none<T>() -> Result<T, i32> {
    Err(libc::ENOTSUP)
}

pub(crate) fn populate(_: NonNull<u8>, _: usize) -> Result<(), i32> {
    none()
}

/// # Safety
///
/// The pages are of a mapping of ours, and nobody uses their bytes during the call or counts on their
/// values after it.
pub(crate) unsafe fn purge(start: NonNull<u8>, bytes: usize) -> bool {
    // A hint; nothing is claimed.
    // SAFETY: the pages keep their addresses and may lose their contents, which is allowed.
    unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_DONTNEED) };
    false
}

/// # Safety
///
/// As on Linux; nothing happens.
#[cfg(not(loom))]
pub(crate) unsafe fn remap(
    _: NonNull<u8>,
    _: usize,
    _: usize,
    _: bool,
) -> Result<NonNull<u8>, i32> {
    none()
}

pub(crate) fn advise_huge(_: NonNull<u8>, _: usize) -> Result<(), i32> {
    none()
}

pub(crate) fn collapse(_: NonNull<u8>, _: usize) -> Result<(), i32> {
    none()
}

pub(crate) fn transparent_is_off() -> bool {
    true
}

pub(crate) fn name(_: NonNull<u8>, _: usize, _: &CStr) {}

pub(crate) fn has_huge(_: usize) -> bool {
    false
}

pub(crate) fn hugetlb(_: usize, _: usize) -> Result<NonNull<u8>, i32> {
    none()
}

pub(crate) fn huge_pages_move() -> bool {
    false
}

/// # Safety
///
/// None is needed: it does nothing.
pub(crate) unsafe fn move_over(_: NonNull<u8>, _: NonNull<u8>, _: usize) -> Result<(), i32> {
    none()
}

/// # Safety
///
/// None is needed: it does nothing.
pub(crate) unsafe fn restore(_: NonNull<u8>, _: usize) {}

pub(crate) fn bind(_: NonNull<u8>, _: usize, _: u32, _: Binding) -> Result<(), i32> {
    none()
}

pub(crate) fn nodes(_: &[*mut u8]) -> Result<Vec<Option<u32>>, i32> {
    none()
}

pub(crate) fn smaps() -> Result<String, i32> {
    none()
}

pub(crate) fn resident_runs(_: *mut u8, _: usize) -> Result<Vec<Run>, i32> {
    none()
}
