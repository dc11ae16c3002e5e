//! Where a pool's memory comes from.
//!
//! A [`PageSource`] reserves address ranges. `Mmap` asks the kernel, which commits a page when it
//! is first touched; `Heap` asks the global allocator, on systems without `mmap` and under Miri.
//! Above this layer nobody names a system call.

#![allow(unsafe_code)]

#[cfg(any(test, not(all(unix, not(miri)))))]
mod heap;
#[cfg(all(unix, not(miri)))]
mod mmap;

use std::alloc::Layout;
use std::ptr::NonNull;

#[cfg(any(test, not(all(unix, not(miri)))))]
pub(crate) use heap::Heap;
#[cfg(all(unix, not(miri)))]
pub(crate) use mmap::Mmap;

/// The source that pools use on this system.
#[cfg(all(unix, not(miri)))]
pub(crate) static SYSTEM: Mmap = Mmap;
/// The source that pools use on this system.
#[cfg(not(all(unix, not(miri))))]
pub(crate) static SYSTEM: Heap = Heap;

/// Memory that a source gave: an owned range, aligned as asked.
#[derive(Debug)]
pub(crate) struct Span {
    /// The first byte, with the right to reach all of the range.
    pub(crate) start: NonNull<u8>,
    /// What was asked for. The range is at least as large.
    pub(crate) layout: Layout,
    /// What the source gave around it; its own affair.
    outer: (NonNull<u8>, usize),
}

// SAFETY: a span is memory that nobody else has; the thread that holds it does not matter.
unsafe impl Send for Span {}
// SAFETY: a shared span gives out no more than its address.
unsafe impl Sync for Span {}

/// A range of bytes of a span: an offset and a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteRange {
    pub(crate) offset: usize,
    pub(crate) len: usize,
}

/// The system's error number, where it gives one.
pub(crate) type Errno = Option<i32>;

/// Gives and takes back address ranges.
///
/// # Safety
///
/// A span that `map` returns is readable and writable, aligned to its layout, at least as large,
/// and overlaps nothing else, until `unmap`. `populate` changes no byte of the range. `purge`
/// changes nothing outside of it.
pub(crate) unsafe trait PageSource {
    /// Reserves a range. `layout` has a size above zero. Its bytes are uninitialised.
    fn map(&self, layout: Layout) -> Result<Span, Errno>;

    /// Gives the range back.
    ///
    /// # Safety
    ///
    /// The span is of this source, and nothing in it is used again.
    unsafe fn unmap(&self, span: Span);

    /// Touches the pages of a range, so that no fault comes later. Bytes keep their values.
    fn populate(&self, span: &Span, range: ByteRange) -> Result<(), Errno>;

    /// Gives the memory behind whole pages back to the system, and keeps the addresses. Returns
    /// whether it did; if so the bytes are uninitialised.
    ///
    /// # Safety
    ///
    /// `range` is within the span, starts and ends at multiples of [`PageSource::page`] of address,
    /// and nobody uses its bytes during the call or counts on their values after it.
    unsafe fn purge(&self, span: &Span, range: ByteRange) -> bool;

    /// Bytes of the pages that `purge` works on; a power of two.
    fn page(&self) -> usize;
}

#[cfg(all(test, not(loom)))]
#[expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "the tests own all that they touch"
)]
mod tests {
    use super::*;

    /// What every source must keep.
    fn keeps_its_contract(source: &impl PageSource) {
        for align in [1, 64, 4096, 1 << 16] {
            let layout = Layout::from_size_align(3 * source.page() + 5, align).unwrap();
            let span = source.map(layout).unwrap();
            assert!(span.start.as_ptr().addr().is_multiple_of(align));
            let bytes = span.start.as_ptr();
            for offset in [0, layout.size() - 1] {
                // SAFETY: within the span, which is ours.
                unsafe { bytes.add(offset).write(7) };
            }
            let all = ByteRange {
                offset: 0,
                len: layout.size(),
            };
            match source.populate(&span, all) {
                Ok(()) => (),
                Err(errno) => eprintln!("skipped: no populating here, errno {errno:?}"),
            }
            // SAFETY: written above; `populate` changes nothing.
            let kept = unsafe { (bytes.read(), bytes.add(layout.size() - 1).read()) };
            assert_eq!(kept, (7, 7));
            let first = span.start.as_ptr().align_offset(source.page());
            let page = ByteRange {
                offset: first,
                len: source.page(),
            };
            // SAFETY: one whole page of ours, which is not used any more.
            if unsafe { source.purge(&span, page) } {
                // SAFETY: the page is mapped; the kernel gives it back zeroed.
                assert_eq!(unsafe { bytes.add(first).read() }, 0);
            }
            // SAFETY: mapped above, not used again.
            unsafe { source.unmap(span) };
        }
    }

    #[test]
    fn the_systems_source_keeps_its_contract() {
        keeps_its_contract(&SYSTEM);
    }

    #[test]
    fn the_heap_keeps_its_contract() {
        keeps_its_contract(&Heap);
    }
}
