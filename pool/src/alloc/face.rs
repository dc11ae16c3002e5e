//! The faces of the allocator: a checked one, that of collections, and that of the global allocator.

#![allow(unsafe_code)]

use super::error::AllocError;
use super::heap::{self, Heap};
use super::site::Site;
use super::stats::SlabStats;
use crate::source::block::Errno;
use std::alloc::{GlobalAlloc, Layout};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::{self, NonNull};

/// An allocator of blocks of any size: for collections, for bytes, and as the global allocator.
///
/// ```
/// use pool::SlabAlloc;
///
/// #[global_allocator]
/// static GLOBAL: SlabAlloc = SlabAlloc::new();
///
/// let words: Vec<String> = ["bid", "ask"].map(String::from).into();
/// assert_eq!(words.len(), 2);
/// assert!(GLOBAL.stats().live() > 0);
/// ```
///
/// As a value it is an allocator of its own, whose memory ends with it. Blocks can be allocated and freed by any
/// thread:
///
/// ```
/// use pool::SlabAlloc;
/// use std::alloc::Layout;
///
/// let alloc = SlabAlloc::new();
/// let block = alloc.allocate(100, 8)?;
/// assert!(block.len() >= 100); // all of its slot: 112 bytes
/// // SAFETY: allocated there, with this layout, and not used any more.
/// unsafe { alloc.deallocate(block.cast(), Layout::from_size_align(100, 8).unwrap()) };
///
/// let refused = alloc.allocate(100, 3).unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "an alignment of 3 was asked for, for 100 bytes: it has to be a power of two, as 4 is"
/// );
/// # Ok::<(), pool::AllocError>(())
/// ```
///
/// With the feature `allocator-api2-02` or `allocator-api2-04` it is an `Allocator`: of `allocator_api2`'s `Vec`
/// and `Box`, and of hashbrown's maps.
///
/// # Sizes
///
/// Sizes are rounded up to a class: 8, 16, and then four to a doubling, 20, 24, 28, 32, 40 and so on up to 32 KiB, so
/// that past 16 bytes at most a fifth of a slot is lost. Larger blocks are mapped from the system one by one, in
/// whole pages; where the system can (Linux), they grow without being copied. Every alignment is honoured.
///
/// # What it costs
///
/// To allocate or free a block of a class is a thread-local, a test of a length, and the load or store of a pointer: no
/// lock, no read-modify-write instruction. Every so many blocks, as make 16 KiB but at most 64, a thread exchanges some
/// with the class's depot, in time proportional to their number, or takes a lock of the class to reach its slabs. A thread
/// keeps at most two such exchanges a class, 32 KiB of it or two slots, and hands them over when it ends. Larger blocks
/// cost a system call or two.
///
/// # Memory
///
/// Addresses are reserved once, and cost nothing. A slab of 64 KiB that has become empty can be used by any
/// class. For some of these the memory is kept, as it is of freed blocks up to 2 MiB:
/// [`with_retain`](Self::with_retain) says for how many bytes. [`trim`](Self::trim) gives all of it back.
///
/// # Limits
///
/// - It works before `main`, in thread-locals' destructors, after `fork` in parent and child (which lacks what the
///   parent's other threads had cached; and whose `std::thread::spawn` may wait for a lock of the standard library, whatever
///   the allocator), and in statically linked programs. It is not for signal handlers, as
///   `malloc` is not: a handler may interrupt a thread in the middle of its cache.
/// - Addresses that small blocks were given stay theirs: after a program has used its address space up (`ulimit -v`) with
///   small blocks and freed them, it can allocate small blocks again, but no large ones.
/// - Each large block may be a mapping of its own, of which Linux allows 65,530 (`vm.max_map_count`); at that bound freed
///   ones lose their memory, and their addresses are used again.
/// - Up to 15 allocators that live at the same time have caches. More work too, slower; and a process must not
///   fork while one of these is in use by another thread.
/// - A value must not be dropped before its blocks are done with; the collections' borrow or ownership sees to
///   it, and who calls [`allocate`](Self::allocate) has to.
///
/// # Hardening
///
/// With the feature `checked`, misuse ends the program with a message: a block that is freed twice, or is not from
/// here, or with a layout of another class; one whose bytes behind its end, or after it was freed, were written
/// to. Without it, all of these are undefined behaviour, as with any allocator, and cost nothing.
#[derive(Debug)]
pub struct SlabAlloc {
    pub(super) heap: Heap,
}

// What is inside is locks, which no user code runs under, and atomics.
impl UnwindSafe for SlabAlloc {}
impl RefUnwindSafe for SlabAlloc {}

impl Default for SlabAlloc {
    fn default() -> Self {
        Self::new()
    }
}

impl SlabAlloc {
    /// An allocator that has nothing yet: it reserves its addresses when it is first used.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            heap: Heap::new(usize::MAX),
        }
    }

    /// An allocator that keeps up to so many bytes of memory that nobody uses in empty slabs, and as many at most in freed
    /// large blocks, and gives the rest back to the system at once. If nothing is said, it is an eighth of the slabs in use,
    /// and 5 MiB at least.
    ///
    /// ```
    /// use pool::SlabAlloc;
    ///
    /// static THRIFTY: SlabAlloc = SlabAlloc::with_retain(0);
    /// ```
    #[must_use]
    pub const fn with_retain(bytes: usize) -> Self {
        Self {
            // The largest number says that nothing was said; nobody has so much.
            heap: Heap::new(if bytes == usize::MAX {
                bytes - 1
            } else {
                bytes
            }),
        }
    }

    /// A block of at least `size` bytes, at a multiple of `align`. All of the slice may be used; its bytes
    /// are not initialised. (With the feature `checked` it has exactly `size`.)
    ///
    /// # Errors
    ///
    /// [`AllocError`] if the size is zero or, rounded up to the alignment, more than `isize::MAX`; if the alignment is
    /// not a power of two; if the system has no memory.
    #[inline]
    #[cfg_attr(feature = "checked", track_caller)]
    pub fn allocate(&self, size: usize, align: usize) -> Result<NonNull<[u8]>, AllocError> {
        let layout = layout(size, align)?;
        match self.heap.get(size, align, Site::caller()) {
            Some(block) => Ok(whole(block, layout)),
            None => self.retry(layout),
        }
    }

    /// The same, with all bytes of the slice zero.
    ///
    /// # Errors
    ///
    /// As for [`allocate`](Self::allocate).
    #[inline]
    #[cfg_attr(feature = "checked", track_caller)]
    pub fn allocate_zeroed(&self, size: usize, align: usize) -> Result<NonNull<[u8]>, AllocError> {
        let layout = layout(size, align)?;
        match self
            .heap
            .get_zeroed(size, align, heap::given(layout), Site::caller())
        {
            Some(block) => Ok(whole(block, layout)),
            None => {
                let block = self.retry(layout)?;
                // SAFETY: a new block of that size.
                unsafe { block.cast::<u8>().write_bytes(0, block.len()) };
                Ok(block)
            }
        }
    }

    /// Says why there is no memory, if there still is none.
    #[cold]
    #[inline(never)]
    #[cfg_attr(feature = "checked", track_caller)]
    fn retry(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        match self
            .heap
            .get_again(layout.size(), layout.align(), Site::caller())
        {
            Ok(block) => Ok(whole(block, layout)),
            Err(errno) => Err(out(layout, errno)),
        }
    }

    /// Frees a block, on whatever thread.
    ///
    /// # Safety
    ///
    /// The block is from [`allocate`](Self::allocate) or [`reallocate`](Self::reallocate) of this allocator, and nobody
    /// uses it again. The layout has the alignment and the size that it was asked with (or a size up to that of
    /// the slice: then [`ClassStats::asked`](super::ClassStats::asked) is off by the difference).
    #[inline]
    #[cfg_attr(feature = "checked", track_caller)]
    pub unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: by contract.
        unsafe {
            self.heap
                .put(block, layout.size(), layout.align(), Site::caller())
        };
    }

    /// Makes a block larger or smaller, where it is or elsewhere: a block of at least `size` bytes with the
    /// old alignment, whose first bytes are those of the old one.
    ///
    /// # Errors
    ///
    /// As for [`allocate`](Self::allocate). The old block is as it was then.
    ///
    /// # Safety
    ///
    /// As for [`deallocate`](Self::deallocate), unless there is an error.
    #[inline]
    #[cfg_attr(feature = "checked", track_caller)]
    pub unsafe fn reallocate(
        &self,
        block: NonNull<u8>,
        layout: Layout,
        size: usize,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let new = self::layout(size, layout.align())?;
        // SAFETY: by contract; the new layout is one.
        let resized = unsafe {
            self.heap
                .resize(block, layout.align(), layout.size(), size, Site::caller())
        };
        if let Some(block) = resized {
            return Ok(whole(block, new));
        }
        let copy = self.retry(new)?;
        let len = size.min(layout.size());
        // SAFETY: both have so many bytes, and one is new.
        unsafe { copy.cast::<u8>().copy_from_nonoverlapping(block, len) };
        // SAFETY: by contract.
        unsafe { self.deallocate(block, layout) };
        Ok(copy)
    }

    /// Bytes of the block that starts at an address, or `None` if no block of this allocator starts there. Without
    /// the feature `checked` it cannot tell a live block of a class from one that was freed.
    ///
    /// In time proportional to nothing, unless the system refused to reserve all addresses at once.
    #[must_use]
    pub fn usable_size(&self, block: *const u8) -> Option<usize> {
        self.heap.usable_size(block.addr())
    }

    /// Whether a block of this allocator starts at an address, live or, if it has a size class, freed.
    #[must_use]
    pub fn owns(&self, block: *const u8) -> bool {
        self.usable_size(block).is_some()
    }

    /// Gives back to the system what is free: in the depots, in the calling thread's cache, empty slabs, and freed large
    /// blocks that were kept. Returns how many bytes that was. What other threads have cached stays there.
    pub fn trim(&self) -> usize {
        self.heap.trim()
    }

    /// What it gave, and what it has.
    #[must_use]
    pub fn stats(&self) -> SlabStats {
        self.heap.stats()
    }
}

/// The layout of a request.
#[inline(always)]
fn layout(size: usize, align: usize) -> Result<Layout, AllocError> {
    match Layout::from_size_align(size, align) {
        Ok(layout) if size > 0 => Ok(layout),
        _ => Err(refusal(size, align)),
    }
}

/// What is wrong with a request.
#[cold]
fn refusal(size: usize, align: usize) -> AllocError {
    if !align.is_power_of_two() {
        AllocError::BadAlign { size, align }
    } else if size == 0 {
        AllocError::Zero { align }
    } else {
        AllocError::TooLarge { size, align }
    }
}

#[cold]
fn out(layout: Layout, errno: Errno) -> AllocError {
    AllocError::OutOfMemory {
        size: layout.size(),
        align: layout.align(),
        errno,
    }
}

#[inline(always)]
fn whole(block: NonNull<u8>, layout: Layout) -> NonNull<[u8]> {
    NonNull::slice_from_raw_parts(block, heap::given(layout))
}

// SAFETY: a block is memory of its layout that nobody else has, until it is freed. Nothing here unwinds, or
// allocates by the global allocator.
unsafe impl GlobalAlloc for SlabAlloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = self.heap.get(layout.size(), layout.align(), Site::UNKNOWN);
        block.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let block =
            self.heap
                .get_zeroed(layout.size(), layout.align(), layout.size(), Site::UNKNOWN);
        block.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: a block is not null.
        let block = unsafe { NonNull::new_unchecked(block) };
        // SAFETY: by contract.
        unsafe {
            self.heap
                .put(block, layout.size(), layout.align(), Site::UNKNOWN)
        };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: a block is not null.
        let block = unsafe { NonNull::new_unchecked(block) };
        // SAFETY: by contract.
        let resized = unsafe {
            self.heap
                .resize(block, layout.align(), layout.size(), size, Site::UNKNOWN)
        };
        resized.map_or(ptr::null_mut(), NonNull::as_ptr)
    }
}
