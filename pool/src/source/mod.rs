//! Where a pool's memory comes from.
//!
//! A [`PageSource`] reserves address ranges, makes them usable, and says what the system really gave.
//! Sources compose as decorators:
//!
//! - `Mmap` asks the kernel, which commits a base page when it is first touched.
//! - `Bound` over it binds memory to a node before it is touched.
//! - `Paged` over that makes the pages huge: it maps a block of them aside, lets what is below bind and
//!   populate it, and moves it into place when nothing can go wrong any more.
//! - `Virtual` asks Windows.
//! - `Heap` asks the global allocator, on any other system and under Miri.
//! - `Fault` fails on demand, for tests.
//!
//! What cannot be had is done without and remembered, or refused, as the [`Wish`] says. Above this
//! layer nobody names a system call.

#![allow(unsafe_code)]

#[cfg(not(loom))]
pub(crate) mod block;
#[cfg(all(unix, not(miri)))]
mod bound;
#[cfg(all(test, not(loom)))]
pub(crate) mod fault;
#[cfg(any(test, not(any(unix, windows)), miri))]
mod heap;
#[cfg(all(unix, not(miri)))]
mod mmap;
#[cfg(all(unix, not(miri)))]
mod paged;
#[cfg(all(unix, not(miri)))]
mod smaps;
#[cfg(all(unix, not(miri)))]
mod survey;
#[cfg(any(test, all(any(unix, windows), not(miri))))]
mod tally;
#[cfg(all(windows, not(miri)))]
mod virt;

use crate::config::PageSize;
use crate::error::InitError;
use crate::memory::Granted;
use std::alloc::Layout;
use std::fmt;
use std::io;
use std::ptr::NonNull;

#[cfg(all(test, not(loom)))]
pub(crate) use fault::Fault;
#[cfg(any(test, not(any(unix, windows)), miri))]
pub(crate) use heap::Heap;
#[cfg(all(unix, not(miri)))]
pub(crate) use {bound::Bound, mmap::Mmap, paged::Paged};

/// What memory is to be like.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wish {
    /// The pages to be used.
    pub(crate) pages: PageSize,
    /// Within so many bytes of the start of the source's part, smaller pages are an error.
    pub(crate) required: usize,
    /// The system's number of the node that the memory is to be on.
    pub(crate) node: Option<u32>,
    /// Whether another node's memory is an error.
    pub(crate) strict: bool,
}

/// The source that pools use on this system, for a part of a region.
#[cfg(all(unix, not(miri)))]
pub(crate) fn source(wish: &Wish) -> Box<dyn PageSource> {
    match wish.node {
        None if wish.pages == PageSize::Base => Box::new(Mmap),
        None => Box::new(Paged::new(Mmap, wish)),
        Some(node) => {
            let bound = Bound::new(Mmap, node, wish.strict, wish.pages);
            match wish.pages {
                PageSize::Base => Box::new(bound),
                _ => Box::new(Paged::new(bound, wish)),
            }
        }
    }
}
/// The source that pools use on this system, for a part of a region.
#[cfg(all(windows, not(miri)))]
pub(crate) fn source(wish: &Wish) -> Box<dyn PageSource> {
    Box::new(virt::Virtual::new(wish))
}
/// The source that pools use on this system, for a part of a region.
#[cfg(any(not(any(unix, windows)), miri))]
pub(crate) fn source(wish: &Wish) -> Box<dyn PageSource> {
    Box::new(Heap::new(wish))
}

/// Bytes of a page of a size.
pub(crate) fn bytes_of(pages: PageSize) -> usize {
    match pages {
        #[cfg(all(unix, not(miri)))]
        PageSize::Base => crate::sys::page_size(),
        #[cfg(not(all(unix, not(miri))))]
        PageSize::Base => 4096,
        PageSize::Transparent | PageSize::Huge2M => 2 << 20,
        PageSize::Huge1G => 1 << 30,
    }
}

/// Bytes that a region, and each of its parts, should be a multiple of for pages of a size. With base
/// pages, or memory of the heap, there is no need.
pub(crate) fn granule(pages: PageSize) -> usize {
    match pages {
        PageSize::Base => 1,
        _ if cfg!(miri) => 1,
        _ => bytes_of(pages),
    }
}

/// Whether a refusal to populate says that the system has no call for it, and not that there is no
/// memory.
pub(crate) fn cannot_populate(errno: Option<i32>) -> bool {
    errno.is_none_or(crate::sys::cannot_populate)
}

/// Memory that a source gave: an owned range, aligned as asked.
#[derive(Debug)]
pub(crate) struct Span {
    /// The first byte, with the right to reach all of the range.
    pub(crate) start: NonNull<u8>,
    /// What was asked for. The range is at least as large.
    #[cfg_attr(windows, allow(dead_code, reason = "its source has no use for it"))]
    pub(crate) layout: Layout,
    /// Bytes from `start` that may be used, in whole pages: at least the layout's size.
    room: usize,
    /// Bytes of the pages that it was mapped with.
    page: usize,
    /// What the source gave around it; its own affair.
    outer: (NonNull<u8>, usize),
}

// SAFETY: a span is memory that nobody else has; the thread that holds it does not matter.
unsafe impl Send for Span {}
// SAFETY: a shared span gives out no more than its address.
unsafe impl Sync for Span {}

impl Span {
    /// The byte at an offset.
    fn at(&self, offset: usize) -> NonNull<u8> {
        assert!(offset <= self.room, "an offset within the span");
        // SAFETY: within the span, or one past its end, as was just checked.
        unsafe { self.start.add(offset) }
    }

    /// Writes to each page of a range: [`PageSource::populate`] by hand, where the system has no call for it.
    ///
    /// # Safety
    ///
    /// The range is committed, and nobody uses its bytes or counts on their values.
    pub(crate) unsafe fn touch(&self, range: ByteRange) {
        // The smallest page of any system.
        for offset in (range.offset..range.end()).step_by(4096) {
            // SAFETY: by contract, and volatile so as not to be left out.
            unsafe { self.at(offset).write_volatile(0) };
        }
    }

    /// The pages that a range touches: the first byte of the first, and how many bytes.
    fn cover(&self, range: ByteRange, page: usize) -> (NonNull<u8>, usize) {
        let from = range.offset / page * page;
        let to = range.end().next_multiple_of(page);
        assert!(to <= self.room, "a range within the span");
        (self.at(from), to - from)
    }
}

/// A range of bytes of a span: an offset and a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteRange {
    pub(crate) offset: usize,
    pub(crate) len: usize,
}

impl ByteRange {
    /// The offset behind the last byte.
    pub(crate) fn end(self) -> usize {
        self.offset + self.len
    }

    fn between(offset: usize, end: usize) -> Self {
        Self {
            offset,
            len: end - offset,
        }
    }
}

/// What the system refused, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Refused {
    /// The system's name of the call.
    pub(crate) call: &'static str,
    /// Its error number, where it gives one.
    pub(crate) errno: Option<i32>,
}

impl Refused {
    /// What to say of memory that was refused: where it was to be, and the pages that it has to be on, if any
    /// are required.
    pub(crate) fn of_memory(
        self,
        bytes: usize,
        required: Option<PageSize>,
        node: Option<u32>,
        strict: bool,
    ) -> InitError {
        let Self { call, errno } = self;
        match (required, node) {
            (Some(pages), node) => InitError::Pages {
                pages,
                bytes,
                node,
                call,
                errno,
            },
            (None, Some(node)) if strict => InitError::Node {
                node,
                bytes,
                call,
                errno,
            },
            _ => InitError::Commit { bytes, call, errno },
        }
    }

    /// What to say of memory that could not be locked.
    pub(crate) fn of_lock(self, bytes: usize) -> InitError {
        InitError::Lock {
            bytes,
            call: self.call,
            errno: self.errno,
            limit: crate::sys::lock_limit(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.call)?;
        match self.errno {
            Some(errno) => write!(f, ": {}", io::Error::from_raw_os_error(errno)),
            None => Ok(()),
        }
    }
}

/// What the system says about a range of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    /// The memory that is there, by page size and node.
    pub(crate) granted: Vec<Granted>,
    /// Bytes that are locked.
    pub(crate) locked: usize,
    /// What was asked for, refused, and done without.
    pub(crate) refused: Vec<Refused>,
}

/// Gives and takes back address ranges, and the memory behind them.
///
/// A source is for one part of a span: the ranges that it is asked about lie in that part, and it
/// may remember what it did there. A part starts at a multiple of [`bytes_of`] the wished pages, and
/// ends at one or with the span's layout. `map` and `unmap` are for the whole span, and may be asked of the
/// source of any of its parts.
///
/// # Safety
///
/// A span that `map` returns is aligned to its layout, at least as large, and overlaps nothing else,
/// until `unmap`; bytes for which `commit` returned are readable and writable. `commit`, `populate`
/// and `lock` change no byte that was committed before. `purge` changes nothing outside of its range.
pub(crate) unsafe trait PageSource: fmt::Debug + Send + Sync {
    /// Reserves a range. `layout` has a size above zero.
    fn map(&self, layout: Layout) -> Result<Span, Refused>;

    /// Gives the range back.
    ///
    /// # Safety
    ///
    /// The span is of this kind of source, and nothing in it is used again.
    unsafe fn unmap(&self, span: Span);

    /// Makes a range usable: to touch it is no error from now on. Its bytes are zero, if it was not
    /// committed before. Returns the end of what is usable now, an offset into the span: at
    /// least the range's end, and not beyond `limit`.
    ///
    /// One call at a time for one part. The first range starts where the part does, each further one
    /// where the last call said that usable memory ends; or else it is a range that was purged. If
    /// pages are required, those of [`Wish::required`] bytes from the start of the part are there
    /// when the call returns. After an error what was usable still is, and the same may be asked again.
    ///
    /// # Safety
    ///
    /// Nobody uses a byte of the range before the call returns, nor of what lies between its end and
    /// `limit`.
    unsafe fn commit(&self, span: &Span, range: ByteRange, limit: usize) -> Result<usize, Refused>;

    /// Touches the pages of a committed range, so that no fault comes later. Bytes keep their values.
    fn populate(&self, span: &Span, range: ByteRange) -> Result<(), Refused>;

    /// Locks the pages of a committed range in memory. Bytes keep their values.
    fn lock(&self, span: &Span, range: ByteRange) -> Result<(), Refused>;

    /// Gives the memory behind whole pages back to the system, and keeps the addresses. Returns
    /// whether it did; if so the bytes are to be recommitted before they are used if
    /// [`PageSource::recommits`] says so, and otherwise may be read, each as zero or as what it was.
    ///
    /// # Safety
    ///
    /// `range` was committed, and may have been purged since, in parts; it starts and ends at
    /// multiples of [`PageSource::page`] of address, and nobody uses its bytes during the call or counts on their values after it.
    unsafe fn purge(&self, span: &Span, range: ByteRange) -> bool;

    /// Where the pages of a range begin that `purge` may give back: those before are kept.
    fn purgeable(&self, range: ByteRange) -> usize {
        range.offset
    }

    /// Bytes of the pages that `purge` works on; a power of two.
    fn page(&self) -> usize;

    /// Whether what was purged must be recommitted before it is used again.
    fn recommits(&self) -> bool {
        false
    }

    /// Makes a range usable again of which parts were purged. Other bytes keep their values. Who
    /// owns some bytes of a page may call this for all of it.
    fn recommit(&self, _: &Span, _: ByteRange) -> Result<(), Refused> {
        Ok(())
    }

    /// What the system says about a range now, and what it refused so far.
    fn survey(&self, span: &Span, range: ByteRange) -> Survey;
}

#[cfg(all(test, not(loom)))]
mod tests;
