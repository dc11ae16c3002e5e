//! The page source of any system: the global allocator.

use super::{ByteRange, Errno, PageSource, Span};
use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;

/// Memory from the global allocator.
#[derive(Debug)]
pub(crate) struct Heap;

// SAFETY: the global allocator gives memory of the layout that nobody else has. `populate` and
// `purge` do nothing.
unsafe impl PageSource for Heap {
    fn map(&self, layout: Layout) -> Result<Span, Errno> {
        // SAFETY: the size is not zero, by the contract of `map`.
        let memory = unsafe { alloc(layout) };
        let start = NonNull::new(memory).ok_or(None)?;
        let outer = (start, layout.size());
        Ok(Span {
            start,
            layout,
            outer,
        })
    }

    unsafe fn unmap(&self, span: Span) {
        // SAFETY: `map` allocated it with this layout, and by contract nobody uses it again.
        unsafe { dealloc(span.outer.0.as_ptr(), span.layout) };
    }

    fn populate(&self, _: &Span, _: ByteRange) -> Result<(), Errno> {
        Ok(()) // When the global allocator's memory is committed is its own affair.
    }

    unsafe fn purge(&self, _: &Span, _: ByteRange) -> bool {
        false
    }

    fn page(&self) -> usize {
        4096
    }
}
