//! Memory on a node.
//!
//! A range is bound when it is committed, before anybody touches it: the system gives out pages at
//! the first touch, and what is bound later stays where it is.
//!
//! Memory that is *preferred* on a node comes from there while the node has some, then from others
//! by distance (`MPOL_PREFERRED`; its younger sibling for many nodes has nothing to add for one).
//!
//! Memory that must be on a node is not left to the first touch. If memory is bound strictly and the
//! node is full, a touch calls the OOM killer, which ends some process. So blocks are populated while
//! the node is preferred only; then they are bound strictly, with the order to move what went
//! astray. That fails politely, and the block is given back.

use super::{ByteRange, PageSource, Refused, Span, Survey};
use crate::config::PageSize;
use crate::sys::{self, Binding};
use std::alloc::Layout;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of memory that are bound strictly at a time, if pages are base pages.
const BLOCK: usize = 256 << 10;

/// Memory of another source, on a node.
#[derive(Debug)]
pub(crate) struct Bound<S> {
    inner: S,
    node: u32,
    /// Whether another node's memory is an error.
    strict: bool,
    /// Bytes that are bound strictly at a time.
    block: usize,
    /// Held while memory is bound strictly, step by step, and while such memory is given back: what is
    /// not there must not be touched while it is bound strictly.
    binding: Mutex<()>,
    /// What was refused and done without.
    refused: Mutex<Option<Refused>>,
}

impl<S: PageSource> Bound<S> {
    pub(crate) fn new(inner: S, node: u32, strict: bool, pages: PageSize) -> Self {
        // Whole huge pages: to bind a part of one would split it.
        let block = match pages {
            PageSize::Base => BLOCK,
            _ => super::bytes_of(PageSize::Huge2M),
        };
        Self {
            inner,
            node,
            strict,
            block,
            binding: Mutex::new(()),
            refused: Mutex::new(None),
        }
    }

    fn bind(&self, span: &Span, range: ByteRange, binding: Binding) -> Result<(), Refused> {
        let (first, bytes) = span.cover(range, span.page);
        sys::bind(first, bytes, self.node, binding).map_err(|errno| Refused {
            call: match binding {
                Binding::Preferred => "mbind(MPOL_PREFERRED)",
                Binding::Only => "mbind(MPOL_BIND)",
            },
            errno: Some(errno),
        })
    }

    fn binding(&self) -> MutexGuard<'_, ()> {
        self.binding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has all of a range there and on the node, and bound to it. What the pages are made of is the
    /// affair of `touch`, which runs while the node is preferred only.
    fn touch_strictly(
        &self,
        span: &Span,
        range: ByteRange,
        touch: impl FnOnce() -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let _binding = self.binding();
        // Not a part of a huge page, which would split it. Blocks are committed whole.
        let range = match self.block {
            BLOCK => range,
            block => ByteRange::between(
                range.offset / block * block,
                range.end().next_multiple_of(block).min(span.room),
            ),
        };
        self.bind(span, range, Binding::Preferred)?;
        self.inner.populate(span, range)?;
        touch()?;
        self.bind(span, range, Binding::Only)
    }

    /// Commits a block on the node, or leaves it as it was.
    ///
    /// # Safety
    ///
    /// Nobody uses a byte of it.
    unsafe fn commit_strictly(&self, span: &Span, block: ByteRange) -> Result<(), Refused> {
        // SAFETY: as the caller says.
        let committed = unsafe { self.inner.commit(span, block, block.end()) };
        let tried = committed.and_then(|_| self.touch_strictly(span, block, || Ok(())));
        if tried.is_err() {
            // SAFETY: as the caller says.
            unsafe { self.give_back(span, block) };
        }
        tried
    }

    /// Gives the memory of a range back, and makes it harmless to touch.
    ///
    /// # Safety
    ///
    /// Nobody uses a byte of it, nor counts on one.
    unsafe fn give_back(&self, span: &Span, range: ByteRange) {
        let (first, bytes) = span.cover(range, span.page);
        // SAFETY: as the caller says; the pages are the span's.
        unsafe { sys::purge(first, bytes) };
        // The kernel keeps a strict binding whose pages it could not move.
        let _ = self.bind(span, range, Binding::Preferred);
    }
}

// SAFETY: what the inner source gives, with other memory behind untouched pages. Blocks that are
// given back are those that the caller of `commit` says nobody uses.
unsafe impl<S: PageSource> PageSource for Bound<S> {
    fn map(&self, layout: Layout) -> Result<Span, Refused> {
        self.inner.map(layout)
    }

    unsafe fn unmap(&self, span: Span) {
        // SAFETY: as the caller says.
        unsafe { self.inner.unmap(span) }
    }

    unsafe fn commit(&self, span: &Span, range: ByteRange, limit: usize) -> Result<usize, Refused> {
        if !self.strict {
            let all = ByteRange::between(range.offset, limit);
            if let Err(refused) = self.bind(span, all, Binding::Preferred) {
                *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(refused);
            }
            // SAFETY: as the caller says.
            return unsafe { self.inner.commit(span, range, limit) };
        }
        let block = self.block.max(span.page);
        let mut from = range.offset;
        while from < range.end() {
            let end = (from + 1).next_multiple_of(block).min(limit);
            // SAFETY: nobody uses what is between the range's start and `limit`.
            let done = unsafe { self.commit_strictly(span, ByteRange::between(from, end)) };
            if let Err(refused) = done {
                let before = ByteRange::between(range.offset, from);
                if before.len > 0 {
                    // SAFETY: committed by this call, and nobody uses it yet.
                    unsafe { self.give_back(span, before) };
                }
                return Err(refused);
            }
            from = end;
        }
        Ok(from)
    }

    fn populate(&self, span: &Span, range: ByteRange) -> Result<(), Refused> {
        match self.strict {
            true => self.touch_strictly(span, range, || Ok(())),
            false => self.inner.populate(span, range),
        }
    }

    fn lock(&self, span: &Span, range: ByteRange) -> Result<(), Refused> {
        match self.strict {
            true => self.touch_strictly(span, range, || self.inner.lock(span, range)),
            false => self.inner.lock(span, range),
        }
    }

    unsafe fn purge(&self, span: &Span, range: ByteRange) -> bool {
        let _binding = self.strict.then(|| self.binding());
        // SAFETY: as the caller says.
        unsafe { self.inner.purge(span, range) }
    }

    fn purgeable(&self, range: ByteRange) -> usize {
        self.inner.purgeable(range)
    }

    fn page(&self) -> usize {
        self.inner.page()
    }

    fn recommits(&self) -> bool {
        self.strict || self.inner.recommits()
    }

    fn recommit(&self, span: &Span, range: ByteRange) -> Result<(), Refused> {
        self.inner.recommit(span, range)?;
        match self.strict {
            // As at first, but nothing is given back if it fails: some of it may be others'.
            true => self.touch_strictly(span, range, || Ok(())),
            false => Ok(()),
        }
    }

    fn survey(&self, span: &Span, range: ByteRange) -> Survey {
        let mut survey = self.inner.survey(span, range);
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        survey.refused.extend(*refused);
        survey
    }
}
