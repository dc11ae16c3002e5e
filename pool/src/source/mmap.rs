//! The page source of Unix systems: anonymous private mappings, committed at first touch.

use super::{ByteRange, Errno, PageSource, Span};
use crate::sys;
use std::alloc::Layout;

/// Memory from `mmap`.
#[derive(Debug)]
pub(crate) struct Mmap;

// SAFETY: the kernel gives fresh pages that nothing else maps. `sys::populate` and `sys::purge`
// are for the given range only.
unsafe impl PageSource for Mmap {
    fn map(&self, layout: Layout) -> Result<Span, Errno> {
        let page = sys::page_size();
        // A mapping starts at a page. For a larger alignment, map more and start inside.
        let slack = layout.align().saturating_sub(page);
        let bytes = layout
            .size()
            .checked_add(slack)
            .and_then(|bytes| bytes.checked_next_multiple_of(page))
            .ok_or(None)?;
        let base = sys::reserve(bytes)?;
        let skip = base.as_ptr().align_offset(layout.align());
        debug_assert!(skip <= slack);
        // SAFETY: `skip` is at most the slack that was mapped before the size.
        let start = unsafe { base.add(skip) };
        let outer = (base, bytes);
        Ok(Span {
            start,
            layout,
            outer,
        })
    }

    unsafe fn unmap(&self, span: Span) {
        let (base, bytes) = span.outer;
        // SAFETY: `map` mapped exactly this, and by contract nobody uses it again.
        unsafe { sys::release(base, bytes) };
    }

    fn populate(&self, span: &Span, range: ByteRange) -> Result<(), Errno> {
        let (base, bytes) = span.outer;
        let skip = span.start.as_ptr().addr() - base.as_ptr().addr();
        // Whole pages; those at the edges belong to the same mapping.
        let from = (skip + range.offset) / self.page() * self.page();
        let to = (skip + range.offset + range.len).next_multiple_of(self.page());
        assert!(to <= bytes, "a range within the span");
        // SAFETY: within the mapping, by the line above.
        let first = unsafe { base.add(from) };
        sys::populate(first, to - from).map_err(Some)
    }

    unsafe fn purge(&self, span: &Span, range: ByteRange) -> bool {
        // SAFETY: within the span, by contract.
        let first = unsafe { span.start.add(range.offset) };
        // SAFETY: whole pages of a private mapping, whose bytes nobody uses, by contract.
        unsafe { sys::purge(first, range.len) }
    }

    fn page(&self) -> usize {
        sys::page_size()
    }
}
