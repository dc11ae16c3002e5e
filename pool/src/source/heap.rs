//! The page source of any system: the global allocator.

use super::{ByteRange, PageSource, Refused, Span, Survey, Wish};
use crate::config::PageSize;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

/// Memory from the global allocator. Of what a [`Wish`] may ask for it has nothing.
#[derive(Debug)]
pub(crate) struct Heap {
    /// What it does without.
    without: Vec<Refused>,
    /// What it cannot do without.
    refused: Option<Refused>,
}

impl Heap {
    pub(crate) fn new(wish: &Wish) -> Self {
        let no = |call| Refused { call, errno: None };
        let mut heap = Self {
            without: Vec::new(),
            refused: None,
        };
        if wish.pages != PageSize::Base {
            let pages = no("asking the global allocator for huge pages");
            if wish.required > 0 {
                heap.refused = Some(pages);
            } else {
                heap.without.push(pages);
            }
        }
        if wish.node.is_some() {
            let node = no("asking the global allocator for a node's memory");
            if wish.strict {
                heap.refused = Some(node);
            } else {
                heap.without.push(node);
            }
        }
        heap
    }
}

// SAFETY: the global allocator gives memory of the layout that nobody else has. `populate` and
// `purge` do nothing.
unsafe impl PageSource for Heap {
    fn map(&self, layout: Layout) -> Result<Span, Refused> {
        // SAFETY: the size is not zero, by the contract of `map`.
        let memory = unsafe { alloc_zeroed(layout) };
        let start = NonNull::new(memory).ok_or(Refused {
            call: "the global allocator",
            errno: None,
        })?;
        Ok(Span {
            start,
            layout,
            room: layout.size(),
            page: 1,
            outer: (start, layout.size()),
        })
    }

    unsafe fn unmap(&self, span: Span) {
        // SAFETY: `map` allocated it with this layout, and by contract nobody uses it again.
        unsafe { dealloc(span.outer.0.as_ptr(), span.layout) };
    }

    unsafe fn commit(&self, _: &Span, _: ByteRange, limit: usize) -> Result<usize, Refused> {
        self.refused.map_or(Ok(limit), Err)
    }

    fn populate(&self, _: &Span, _: ByteRange) -> Result<(), Refused> {
        Ok(()) // When the global allocator's memory is committed is its own affair.
    }

    fn lock(&self, _: &Span, _: ByteRange) -> Result<(), Refused> {
        Err(Refused {
            call: "locking memory of the global allocator",
            errno: None,
        })
    }

    unsafe fn purge(&self, _: &Span, _: ByteRange) -> bool {
        false
    }

    fn page(&self) -> usize {
        4096
    }

    fn survey(&self, _: &Span, _: ByteRange) -> Survey {
        Survey {
            refused: self.without.clone(),
            ..Survey::default()
        }
    }
}
