//! The page source of Unix systems: anonymous private mappings, committed at first touch.
//!
//! With feature `checked`, touching the page before or behind a span ends the process.

use super::{ByteRange, PageSource, Refused, Span, Survey, survey};
use crate::sys;
use std::alloc::Layout;
use std::ffi::CString;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Memory from `mmap`, of base pages.
#[derive(Debug)]
pub(crate) struct Mmap;

fn refused(call: &'static str, errno: Option<i32>) -> Refused {
    Refused { call, errno }
}

// SAFETY: the kernel gives fresh pages that nothing else maps; what is forbidden lies outside of the
// span. `sys::populate`, `sys::lock` and `sys::purge` are for the given range only.
unsafe impl PageSource for Mmap {
    fn map(&self, layout: Layout) -> Result<Span, Refused> {
        let page = sys::page_size();
        let guard = if cfg!(feature = "checked") { page } else { 0 };
        // Behind there is always a page that divides the mapping from others, which the kernel would
        // join with it: it tells of whole mappings how much is on huge pages.
        let divider = page;
        // A mapping starts at a page. For a larger alignment, map more and start inside.
        let slack = layout.align().saturating_sub(page);
        let bytes = layout
            .size()
            .checked_next_multiple_of(page)
            .and_then(|bytes| bytes.checked_add(slack + guard + divider))
            .ok_or(refused("mmap", None))?;
        let base = sys::reserve(bytes).map_err(|errno| refused("mmap", errno))?;
        let room = layout.size().next_multiple_of(page);
        let skip = guard + (base.as_ptr().addr() + guard).wrapping_neg() % layout.align();
        debug_assert!(skip <= slack + guard);
        // SAFETY: `skip` is at most what was mapped before the size.
        let start = unsafe { base.add(skip) };
        let span = Span {
            start,
            layout,
            room,
            page,
            outer: (base, bytes),
        };
        // A name tells whose the mapping is.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = CString::new(format!("pool-{number}")).expect("no zero byte");
        sys::name(start, room, &name);
        // SAFETY: whole pages of the mapping behind the span, which nobody uses.
        let mut done = unsafe { sys::forbid(span.at(room), bytes - skip - room) };
        if guard > 0 && done.is_ok() {
            // SAFETY: whole pages of the mapping before the span, which nobody uses.
            done = unsafe { sys::forbid(base, skip) };
        }
        if let Err(errno) = done {
            // SAFETY: mapped above, and nobody has it.
            unsafe { self.unmap(span) };
            return Err(refused("mprotect", Some(errno)));
        }
        Ok(span)
    }

    unsafe fn unmap(&self, span: Span) {
        let (base, bytes) = span.outer;
        // SAFETY: `map` mapped exactly this, and by contract nobody uses it again.
        unsafe { sys::release(base, bytes) };
    }

    unsafe fn commit(&self, _: &Span, _: ByteRange, limit: usize) -> Result<usize, Refused> {
        Ok(limit) // The kernel commits a page when it is touched.
    }

    fn populate(&self, span: &Span, range: ByteRange) -> Result<(), Refused> {
        // Pages at the edges belong to the same span.
        let (first, bytes) = span.cover(range, self.page());
        sys::populate(first, bytes)
            .map_err(|errno| refused("madvise(MADV_POPULATE_WRITE)", Some(errno)))
    }

    fn lock(&self, span: &Span, range: ByteRange) -> Result<(), Refused> {
        let (first, bytes) = span.cover(range, self.page());
        sys::lock(first, bytes).map_err(|errno| refused("mlock", Some(errno)))
    }

    unsafe fn purge(&self, span: &Span, range: ByteRange) -> bool {
        // SAFETY: whole pages of a private mapping, whose bytes nobody uses, by contract.
        unsafe { sys::purge(span.at(range.offset), range.len) }
    }

    fn page(&self) -> usize {
        sys::page_size()
    }

    fn survey(&self, span: &Span, range: ByteRange) -> Survey {
        let (first, bytes) = span.cover(range, self.page());
        survey::survey(first.as_ptr(), bytes)
    }
}
