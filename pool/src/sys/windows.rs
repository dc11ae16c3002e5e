//! `VirtualAlloc` and its kin.

use std::ffi::c_void;
use std::io;
use std::ptr::{self, NonNull};
use windows_sys::Win32::System::Diagnostics::Debug::ReadProcessMemory;
use windows_sys::Win32::System::Memory::{
    GetLargePageMinimum, GetProcessWorkingSetSizeEx, MEM_COMMIT, MEM_DECOMMIT, MEM_LARGE_PAGES,
    MEM_RELEASE, MEM_RESERVE, PAGE_NOACCESS, PAGE_READWRITE, SetProcessWorkingSetSizeEx,
    VirtualAlloc, VirtualAllocExNuma, VirtualFree, VirtualLock,
};
use windows_sys::Win32::System::ProcessStatus::{
    PSAPI_WORKING_SET_EX_BLOCK, PSAPI_WORKING_SET_EX_INFORMATION, QueryWorkingSetEx,
};
use windows_sys::Win32::System::Threading::GetCurrentProcess;

/// Bytes of a base page, on all processors that Windows runs on.
pub(crate) const PAGE: usize = 4096;

fn error() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn address(start: NonNull<u8>) -> *mut c_void {
    start.as_ptr().cast()
}

/// Reserves addresses, which nobody may touch until they are committed.
pub(crate) fn reserve(bytes: usize) -> Result<NonNull<u8>, i32> {
    reserve_at(ptr::null_mut(), bytes)
}

/// The same, at an address; an error if that is taken.
pub(crate) fn reserve_at(address: *mut u8, bytes: usize) -> Result<NonNull<u8>, i32> {
    // SAFETY: a new reservation, where there is none, touches no memory in use.
    let memory = unsafe {
        VirtualAlloc(
            address.cast_const().cast(),
            bytes,
            MEM_RESERVE,
            PAGE_NOACCESS,
        )
    };
    NonNull::new(memory.cast()).ok_or_else(error)
}

/// Bytes of a large page; `None` if the system has none.
pub(crate) fn large_page() -> Option<usize> {
    // SAFETY: asks for a number.
    let bytes = unsafe { GetLargePageMinimum() };
    bytes.is_power_of_two().then_some(bytes)
}

/// Reserves and commits memory on large pages: whole ones.
pub(crate) fn reserve_large(bytes: usize) -> Result<NonNull<u8>, i32> {
    let kind = MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES;
    // SAFETY: as for `reserve`.
    let memory = unsafe { VirtualAlloc(ptr::null(), bytes, kind, PAGE_READWRITE) };
    NonNull::new(memory.cast()).ok_or_else(error)
}

/// Gives a reservation back, and what was committed of it.
///
/// # Safety
///
/// `start` is that of a reservation of this module, and nothing in it is used again.
pub(crate) unsafe fn release(start: NonNull<u8>) {
    // SAFETY: the whole of a reservation of ours, unused from here on.
    let done = unsafe { VirtualFree(address(start), 0, MEM_RELEASE) };
    debug_assert!(done != 0, "VirtualFree: {}", io::Error::last_os_error());
}

/// Commits whole pages of a reservation, on a node if there is memory. What was committed before
/// keeps its values.
pub(crate) fn commit(start: NonNull<u8>, bytes: usize, node: Option<u32>) -> Result<(), i32> {
    let start = address(start).cast_const();
    let memory = match node {
        // SAFETY: this touches no page; what is committed stays as it is.
        None => unsafe { VirtualAlloc(start, bytes, MEM_COMMIT, PAGE_READWRITE) },
        Some(node) => {
            // SAFETY: asks for a handle that is always good.
            let process = unsafe { GetCurrentProcess() };
            // SAFETY: as above.
            unsafe { VirtualAllocExNuma(process, start, bytes, MEM_COMMIT, PAGE_READWRITE, node) }
        }
    };
    if memory.is_null() {
        return Err(error());
    }
    Ok(())
}

/// Gives the memory behind whole pages back, and keeps the addresses. Returns whether it did.
///
/// # Safety
///
/// The pages are of a reservation of this module, and nobody uses their bytes until they are
/// committed anew.
pub(crate) unsafe fn decommit(start: NonNull<u8>, bytes: usize) -> bool {
    // SAFETY: pages of ours, which by contract nobody uses.
    unsafe { VirtualFree(address(start), bytes, MEM_DECOMMIT) != 0 }
}

/// Touches whole committed pages, without changing a byte.
pub(crate) fn populate(start: NonNull<u8>, bytes: usize) -> Result<(), i32> {
    // The system reads them: to read them here would race with their users.
    let mut sink = vec![0_u8; 16 * PAGE];
    // SAFETY: asks for a handle that is always good.
    let process = unsafe { GetCurrentProcess() };
    for offset in (0..bytes).step_by(sink.len()) {
        let from = start.as_ptr().wrapping_add(offset).cast_const().cast();
        let len = sink.len().min(bytes - offset);
        let to = sink.as_mut_ptr().cast();
        // SAFETY: the system writes to the vector, which is ours and long enough. An address that
        // cannot be read is an error.
        if unsafe { ReadProcessMemory(process, from, to, len, ptr::null_mut()) } == 0 {
            return Err(error());
        }
    }
    Ok(())
}

/// Locks whole committed pages in memory, without changing a byte.
pub(crate) fn lock(start: NonNull<u8>, bytes: usize) -> Result<(), i32> {
    // SAFETY: this faults pages in and keeps them; it neither reads nor changes what is in them.
    let lock = || match unsafe { VirtualLock(address(start), bytes) } {
        0 => Err(error()),
        _ => Ok(()),
    };
    // What may be locked is the least working set, which is small unless somebody asked for more.
    lock().or_else(|error| {
        widen_working_set(bytes).ok_or(error)?;
        lock()
    })
}

/// Makes room for so many bytes more in the least working set.
fn widen_working_set(bytes: usize) -> Option<()> {
    let (mut least, mut most, mut flags) = (0, 0, 0);
    // SAFETY: asks for a handle that is always good.
    let process = unsafe { GetCurrentProcess() };
    let asked =
        // SAFETY: the system writes the three numbers, which are ours.
        unsafe { GetProcessWorkingSetSizeEx(process, &mut least, &mut most, &mut flags) };
    if asked == 0 {
        return None;
    }
    let least = least.checked_add(bytes)?;
    let most = most.checked_add(bytes)?;
    // SAFETY: changes how much memory the process may keep, and no byte of it.
    (unsafe { SetProcessWorkingSetSizeEx(process, least, most, 0) } != 0).then_some(())
}

/// A page that is in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resident {
    pub(crate) node: u32,
    pub(crate) locked: bool,
    pub(crate) large: bool,
}

/// For each page of a range, what it is; `None` where none is.
pub(crate) fn resident(start: *mut u8, pages: usize) -> Result<Vec<Option<Resident>>, i32> {
    let mut query: Vec<_> = (0..pages)
        .map(|page| PSAPI_WORKING_SET_EX_INFORMATION {
            VirtualAddress: start.wrapping_add(page * PAGE).cast(),
            VirtualAttributes: PSAPI_WORKING_SET_EX_BLOCK { Flags: 0 },
        })
        .collect();
    let bytes = u32::try_from(size_of_val(&query[..])).expect("asked a window at a time");
    // SAFETY: asks for a handle that is always good.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: the system writes the vector, which is ours, and touches none of the pages.
    if unsafe { QueryWorkingSetEx(process, query.as_mut_ptr().cast(), bytes) } == 0 {
        return Err(error());
    }
    Ok(query
        .iter()
        .map(|page| {
            // SAFETY: every bit pattern is a number.
            let flags = unsafe { page.VirtualAttributes.Flags };
            let valid = flags & 1 == 1;
            valid.then_some(Resident {
                node: (flags >> 16 & 0x3f) as u32,
                locked: flags >> 22 & 1 == 1,
                large: flags >> 23 & 1 == 1,
            })
        })
        .collect())
}
