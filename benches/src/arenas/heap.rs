//! Boxes of general allocators, instead of arenas.

use super::face::{Face, Keeps, Kept, Of, Owner, Work};
use super::watch::{Value, Watch};
use crate::subject::Allocator;
use allocator_api2_02::alloc::AllocError;
use allocator_api2_02::boxed::Box as BoxIn;
use allocator_api2_02::vec::Vec as VecIn;
use std::alloc::{Layout, System};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

impl Allocator for System {
    const NAME: &'static str = "glibc";
    const THE: Self = Self;
}

/// An allocator, for boxes and collections.
#[derive(Debug)]
pub(super) struct Heap<A>(PhantomData<fn() -> A>);

impl<A> Heap<A> {
    /// It has no state.
    pub(super) const THE: Self = Self(PhantomData);
}

impl<A> Clone for Heap<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Heap<A> {}

// SAFETY: blocks are those of `A::THE`, which is a global allocator: they are valid until they are
// freed, through whichever copy. No bytes need no memory.
unsafe impl<A: Allocator> allocator_api2_02::alloc::Allocator for Heap<A> {
    #[inline(always)]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let memory = match layout.size() {
            0 => ptr::without_provenance_mut(layout.align()),
            // SAFETY: the size is not zero.
            _ => unsafe { A::THE.alloc(layout) },
        };
        let memory = NonNull::new(memory).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(memory, layout.size()))
    }

    #[inline(always)]
    unsafe fn deallocate(&self, memory: NonNull<u8>, layout: Layout) {
        if layout.size() > 0 {
            // SAFETY: a block of this allocator and layout, by contract.
            unsafe { A::THE.dealloc(memory.as_ptr(), layout) };
        }
    }

    #[inline]
    unsafe fn grow(
        &self,
        memory: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if old.size() == 0 || old.align() != new.align() {
            let grown = self.allocate(new)?;
            // SAFETY: the old block has that many bytes, and the new one is another and not smaller.
            unsafe {
                grown
                    .cast::<u8>()
                    .copy_from_nonoverlapping(memory, old.size())
            };
            // SAFETY: by contract, a block of this allocator and layout.
            unsafe { self.deallocate(memory, old) };
            return Ok(grown);
        }
        // SAFETY: a block of this allocator and layout, by contract, of some bytes; the new size fits
        // a layout of the same alignment, and is not zero, being no less.
        let grown = unsafe { A::THE.realloc(memory.as_ptr(), old, new.size()) };
        let grown = NonNull::new(grown).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(grown, new.size()))
    }
}

/// Boxes are kept in arrays.
#[derive(Debug)]
pub(super) struct Boxes<A>(PhantomData<fn() -> A>);

/// Boxes of a type.
pub(super) struct BoxesOf<T: ?Sized, A: Allocator>(pub(super) Vec<BoxIn<T, Heap<A>>>);

/// More than a tick makes.
const MANY: usize = 1_024;

impl<T: ?Sized, A: Allocator> Default for BoxesOf<T, A> {
    fn default() -> Self {
        Self(Vec::with_capacity(MANY))
    }
}

impl<T: ?Sized + 'static, A: Allocator> Kept for BoxesOf<T, A> {
    #[inline(always)]
    fn clear(&mut self) {
        self.0.clear();
    }
}

impl<A: Allocator> Keeps for Boxes<A> {
    type Of<T: ?Sized + 'static> = BoxesOf<T, A>;
}

impl<A: Allocator> Face for Heap<A> {
    type Keeps = Boxes<A>;
    type Allocator<'a> = Self;
    type Vec<'a> = VecIn<u64, Self>;

    #[inline(always)]
    fn put<T: Value>(&self, kept: &mut Of<Self, T>, value: T, watch: &mut impl Watch) {
        let mut value = BoxIn::new_in(value, *self);
        watch.see(&mut *value);
        kept.0.push(value);
    }

    #[inline(always)]
    fn put_words(&self, kept: &mut Of<Self, [u32]>, words: &[u32], watch: &mut impl Watch) {
        let mut copied = VecIn::with_capacity_in(words.len(), *self);
        copied.extend_from_slice(words);
        let mut copied = copied.into_boxed_slice();
        watch.see(&mut *copied);
        kept.0.push(copied);
    }

    #[inline(always)]
    fn put_str(&self, kept: &mut Of<Self, [u8]>, text: &str, watch: &mut impl Watch) {
        let mut copied = VecIn::with_capacity_in(text.len(), *self);
        copied.extend_from_slice(text.as_bytes());
        let mut copied = copied.into_boxed_slice();
        watch.see(&mut *copied);
        kept.0.push(copied);
    }

    fn allocator(&self) -> Self {
        *self
    }

    fn vec(&self) -> Self::Vec<'_> {
        VecIn::new_in(*self)
    }
}

impl<A: Allocator> Owner for Heap<A> {
    type Keeps = Boxes<A>;

    fn roomy() -> Self {
        Self::THE
    }

    #[inline(always)]
    fn tick<W: Work>(&mut self, work: &W, state: &mut W::State<Boxes<A>>, watch: &mut impl Watch) {
        work.run(self, state, watch);
        state.clear();
    }
}
