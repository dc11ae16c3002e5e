//! What only Linux has: huge pages, nodes, and ways to ask what is there.

use super::unix::{checked, errno, page_size};
use super::{Binding, Run};
use std::ffi::CStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

/// Says of a mapping that the system need not have memory for all of it.
pub(super) const NORESERVE: libc::c_int = libc::MAP_NORESERVE;

// From the kernel's headers; not every libc has them.
const MADV_COLLAPSE: libc::c_int = 25;
const PR_SET_VMA: libc::c_int = 0x5356_4d41;
const PR_SET_VMA_ANON_NAME: libc::c_ulong = 0;
const MAP_FIXED_NOREPLACE: libc::c_int = 0x10_0000;
const MAP_HUGE_SHIFT: u32 = 26;
const MPOL_PREFERRED: libc::c_long = 1;
const MPOL_BIND: libc::c_long = 2;
const MPOL_MF_STRICT: libc::c_long = 1;
const MPOL_MF_MOVE: libc::c_long = 2;

/// Touches the pages of a range for writing, without changing a byte.
pub(crate) fn populate(start: NonNull<u8>, bytes: usize) -> Result<(), i32> {
    // SAFETY: this faults pages in; it neither reads nor changes what is in them. A range that is
    // not mapped is an error.
    checked(unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_POPULATE_WRITE) })
}

/// Gives the memory behind whole pages back, and keeps them mapped. Returns whether it did.
///
/// # Safety
///
/// The pages are of a mapping of this module or its siblings, and nobody uses their bytes during the
/// call or counts on their values after it.
pub(crate) unsafe fn purge(start: NonNull<u8>, bytes: usize) -> bool {
    // SAFETY: the pages keep their addresses and lose their contents, which by contract is allowed.
    unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_DONTNEED) == 0 }
}

/// Makes a mapping larger: its bytes stay, here or elsewhere, and what is new is zero.
///
/// # Safety
///
/// The whole of a mapping of this module or its siblings, or whole pages of it. If there is no error they are
/// not used again where they were.
#[cfg(not(loom))]
pub(crate) unsafe fn remap(
    start: NonNull<u8>,
    old: usize,
    new: usize,
    may_move: bool,
) -> Result<NonNull<u8>, i32> {
    let flags = if may_move { libc::MREMAP_MAYMOVE } else { 0 };
    // SAFETY: pages of ours, by contract.
    let memory = unsafe { libc::mremap(start.as_ptr().cast(), old, new, flags) };
    if memory == libc::MAP_FAILED {
        return Err(errno());
    }
    NonNull::new(memory.cast()).ok_or(0)
}

/// Asks for huge pages at first touch, where the kernel has them at hand.
pub(crate) fn advise_huge(start: NonNull<u8>, bytes: usize) -> Result<(), i32> {
    // SAFETY: this sets a flag of the mapping; it touches no page.
    checked(unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE) })
}

/// Joins the base pages of a range to huge ones, without changing a byte.
pub(crate) fn collapse(start: NonNull<u8>, bytes: usize) -> Result<(), i32> {
    // SAFETY: the kernel copies pages behind unchanged addresses; to the process nothing changes.
    checked(unsafe { libc::madvise(start.as_ptr().cast(), bytes, MADV_COLLAPSE) })
}

/// Whether the administrator turned transparent huge pages off, or the kernel has none.
pub(crate) fn transparent_is_off() -> bool {
    fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled")
        .map_or(true, |text| text.contains("[never]"))
}

/// Gives a mapping a name in `/proc/self/smaps`, where the kernel was built to have names.
pub(crate) fn name(start: NonNull<u8>, bytes: usize, name: &CStr) {
    // SAFETY: the kernel copies the name; it touches no page. Failure changes nothing.
    unsafe {
        libc::prctl(
            PR_SET_VMA,
            PR_SET_VMA_ANON_NAME,
            start.as_ptr(),
            bytes,
            name.as_ptr(),
        )
    };
}

/// Whether the kernel knows huge pages of so many bytes; there may be none of them free.
pub(crate) fn has_huge(page: usize) -> bool {
    PathBuf::from(format!(
        "/sys/kernel/mm/hugepages/hugepages-{}kB",
        page / 1024
    ))
    .exists()
}

/// Maps pages from the pool of huge pages of `page` bytes, at an address of the kernel's choice.
///
/// They are reserved, not yet taken: until they are populated, a touch may end the process.
pub(crate) fn hugetlb(page: usize, bytes: usize) -> Result<NonNull<u8>, i32> {
    map_hugetlb(page, bytes, 0)
}

/// Whether [`move_over`] is for huge pages as well. (Since Linux 5.16. Before, it fails when it has
/// unmapped what was there, and another thread may map something in the hole.)
pub(crate) fn huge_pages_move() -> bool {
    static MOVE: OnceLock<bool> = OnceLock::new();
    *MOVE.get_or_init(|| {
        const PAGE: usize = 2 << 20;
        let tried = || {
            // Promised by nobody, touched by nobody: it takes no page.
            let from = map_hugetlb(PAGE, PAGE, libc::MAP_NORESERVE).ok()?;
            let place = map_hugetlb(PAGE, PAGE, libc::MAP_NORESERVE).ok();
            // SAFETY: both are ours, and nobody uses either.
            let moved = place.is_some_and(|place| unsafe { move_over(from, place, PAGE) }.is_ok());
            // What a move that failed left at the place, if anything, is left there: it may be
            // another's by now. It is an address range, and no memory.
            let ours = if moved { place? } else { from };
            // SAFETY: ours, and nobody uses it.
            unsafe { super::release(ours, PAGE) };
            Some(moved)
        };
        tried().unwrap_or(true) // Without such pages there is nothing to be moved.
    })
}

fn map_hugetlb(page: usize, bytes: usize, more: libc::c_int) -> Result<NonNull<u8>, i32> {
    let size = (page.ilog2() << MAP_HUGE_SHIFT) as libc::c_int;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB | size | more;
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice touches no memory in use.
    let memory = unsafe { libc::mmap(ptr::null_mut(), bytes, prot, flags, -1, 0) };
    if memory == libc::MAP_FAILED {
        return Err(errno());
    }
    NonNull::new(memory.cast()).ok_or(libc::ENOMEM)
}

/// Moves a mapping over another one, in one step: the pages that were there are gone.
///
/// # Safety
///
/// Both are `bytes` of mappings of this module or its siblings; nobody uses `from` again, nor the
/// bytes that were at `to`.
pub(crate) unsafe fn move_over(
    from: NonNull<u8>,
    to: NonNull<u8>,
    bytes: usize,
) -> Result<(), i32> {
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    let target: *mut libc::c_void = to.as_ptr().cast();
    // SAFETY: what is replaced and what is moved are ours, and by contract nobody uses either.
    let moved = unsafe { libc::mremap(from.as_ptr().cast(), bytes, bytes, flags, target) };
    if moved == libc::MAP_FAILED {
        return Err(errno());
    }
    Ok(())
}

/// Maps base pages where a [`move_over`] that failed may have left a hole. A mapping that is there
/// stays as it is.
///
/// # Safety
///
/// The range is part of a mapping of [`reserve`](super::reserve), and nobody uses it.
pub(crate) unsafe fn restore(start: NonNull<u8>, bytes: usize) {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: this replaces nothing, and the addresses are ours.
    unsafe { libc::mmap(start.as_ptr().cast(), bytes, prot, flags, -1, 0) };
}

/// Binds whole pages to a node. What is touched later comes from there.
///
/// If pages could not be moved, the binding is set all the same.
pub(crate) fn bind(
    start: NonNull<u8>,
    bytes: usize,
    node: u32,
    binding: Binding,
) -> Result<(), i32> {
    const WORD: u32 = libc::c_ulong::BITS;
    let mut mask = [0 as libc::c_ulong; 1024 / WORD as usize];
    let word = mask.get_mut((node / WORD) as usize).ok_or(libc::EINVAL)?;
    *word = 1 << (node % WORD);
    // The kernel takes the number of bits and one.
    let bits = size_of_val(&mask) * 8 + 1;
    let (mode, flags) = match binding {
        // Untouched, as a rule; but a process may have had all its memory locked, and so touched.
        Binding::Preferred => (MPOL_PREFERRED, MPOL_MF_MOVE),
        Binding::Only => (MPOL_BIND, MPOL_MF_STRICT | MPOL_MF_MOVE),
    };
    // SAFETY: the kernel reads the mask. Pages may move behind their addresses; to the process
    // nothing changes.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mbind,
            start.as_ptr(),
            bytes,
            mode,
            mask.as_ptr(),
            bits,
            flags,
        )
    };
    if result == 0 { Ok(()) } else { Err(errno()) }
}

/// For each address, the node of the page that is there; `None` where no page is.
pub(crate) fn nodes(addresses: &[*mut u8]) -> Result<Vec<Option<u32>>, i32> {
    let mut status = vec![-1 as libc::c_int; addresses.len()];
    // SAFETY: with no nodes given the call moves nothing, and writes a number an address.
    let result = unsafe {
        libc::syscall(
            libc::SYS_move_pages,
            0,
            addresses.len(),
            addresses.as_ptr(),
            ptr::null::<libc::c_int>(),
            status.as_mut_ptr(),
            0,
        )
    };
    if result < 0 {
        return Err(errno());
    }
    // Absent is -EFAULT or -ENOENT, as the kernel's version has it.
    Ok(status
        .into_iter()
        .map(|node| u32::try_from(node).ok())
        .collect())
}

/// The kernel's description of all mappings of this process.
pub(crate) fn smaps() -> Result<String, i32> {
    fs::read_to_string("/proc/self/smaps").map_err(|error| error.raw_os_error().unwrap_or(0))
}

#[repr(C)]
#[derive(Default)]
struct ScanArguments {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct PageRegion {
    start: u64,
    end: u64,
    categories: u64,
}

/// The runs of pages that are in memory, of a range of whole pages, by the `PAGEMAP_SCAN` of Linux
/// 6.7 and later. Pages that were only read, and are the system's one page of zeros, are not there.
pub(crate) fn resident_runs(start: *mut u8, bytes: usize) -> Result<Vec<Run>, i32> {
    const PAGEMAP_SCAN: u64 = 0xc060_6610; // _IOWR('f', 16, struct pm_scan_arg)
    const PRESENT: u64 = 1 << 3;
    const ZERO: u64 = 1 << 5;
    const HUGE: u64 = 1 << 6;
    let failed = |error: io::Error| error.raw_os_error().unwrap_or(0);
    debug_assert!(start.addr().is_multiple_of(page_size()));
    let pagemap = File::open("/proc/self/pagemap").map_err(failed)?;
    let mut regions = vec![PageRegion::default(); 512];
    let mut runs = Vec::new();
    let end = (start.addr() + bytes) as u64;
    let mut from = start.addr() as u64;
    while from < end {
        let mut arguments = ScanArguments {
            size: size_of::<ScanArguments>() as u64,
            start: from,
            end,
            vec: regions.as_mut_ptr().expose_provenance() as u64,
            vec_len: regions.len() as u64,
            category_inverted: ZERO,
            category_mask: PRESENT | ZERO,
            return_mask: HUGE,
            ..ScanArguments::default()
        };
        let request = PAGEMAP_SCAN as libc::Ioctl;
        // SAFETY: the kernel reads and writes the structure, and writes up to `vec_len` regions to
        // the vector, whose address is exposed to it. It touches none of the pages asked about.
        let found = unsafe { libc::ioctl(pagemap.as_raw_fd(), request, &raw mut arguments) };
        let Ok(found) = usize::try_from(found) else {
            return Err(errno());
        };
        for region in &regions[..found] {
            let offset = |address: u64| address as usize - start.addr();
            runs.push(Run {
                range: offset(region.start)..offset(region.end),
                huge: region.categories & HUGE != 0,
            });
        }
        if arguments.walk_end <= from {
            return Err(libc::EIO); // It should move on.
        }
        from = arguments.walk_end;
    }
    Ok(runs)
}
