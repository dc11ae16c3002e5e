//! Objects on the heap, of a pool that is full and is to go on: see [`OnFull::Heap`](crate::OnFull).

#![allow(unsafe_code)]

use crate::slot::Form;
use crate::sync::{AtomicU64, Ordering};
use std::alloc;
use std::ptr::{self, NonNull};

/// What a pool has on the heap.
#[derive(Debug)]
pub(crate) struct Overflow {
    made: AtomicU64,
    freed: AtomicU64,
}

impl Overflow {
    pub(crate) fn new() -> Self {
        Self {
            made: AtomicU64::new(0),
            freed: AtomicU64::new(0),
        }
    }

    /// A slot on the heap, whose header is zero, if it has one. `None`: the allocator has none.
    pub(crate) fn allocate(&self, form: &Form) -> Option<NonNull<u8>> {
        let layout = form.layout;
        let slot = match layout.size() {
            // As the standard library does: no memory, and an address that is aligned. No region
            // has it: regions do not begin at so low an address.
            0 => NonNull::new(ptr::without_provenance_mut(layout.align())),
            // SAFETY: the size is not zero.
            _ if form.word.is_some() => NonNull::new(unsafe { alloc::alloc_zeroed(layout) }),
            // SAFETY: as above.
            _ => NonNull::new(unsafe { alloc::alloc(layout) }),
        }?;
        // Relaxed, here and below: figures for statistics.
        self.made.fetch_add(1, Ordering::Relaxed);
        Some(slot)
    }

    /// Frees a slot on the heap.
    ///
    /// # Safety
    ///
    /// It came from [`Overflow::allocate`], with the same form, and is not used again.
    pub(crate) unsafe fn free(&self, slot: NonNull<u8>, form: &Form) {
        self.freed.fetch_add(1, Ordering::Relaxed);
        let layout = form.layout;
        if layout.size() > 0 {
            // SAFETY: by contract.
            unsafe { alloc::dealloc(slot.as_ptr(), layout) };
        }
    }

    /// Slots that are on the heap now.
    pub(crate) fn live(&self) -> usize {
        // Freed ones first: what is freed was made before.
        let freed = self.freed.load(Ordering::Acquire);
        self.total().saturating_sub(freed) as usize
    }

    /// Slots that ever were on the heap.
    pub(crate) fn total(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }
}
