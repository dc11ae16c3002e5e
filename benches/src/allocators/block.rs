//! A block of any size, and its owner.

use crate::subject::{Allocator, Owned};
use crate::work::Random;
use std::alloc::{Layout, handle_alloc_error};
use std::marker::PhantomData;
use std::mem::{self, MaybeUninit};
use std::ops::RangeInclusive;
use std::ptr::NonNull;

/// Blocks begin at a multiple of a word.
const ALIGN: usize = align_of::<u64>();

/// A block whose size is known when the program runs, as a string's is.
pub(super) struct Block<A: Allocator> {
    memory: NonNull<u64>,
    size: usize,
    of: PhantomData<fn() -> A>,
}

// SAFETY: it owns memory that any thread may read and free.
unsafe impl<A: Allocator> Send for Block<A> {}

fn layout(size: usize) -> Layout {
    const { assert!(ALIGN.is_power_of_two()) };
    debug_assert!(size <= isize::MAX as usize - ALIGN);
    // SAFETY: the alignment is a power of two. No size comes near the end of an `isize`.
    unsafe { Layout::from_size_align_unchecked(size, ALIGN) }
}

impl<A: Allocator> Block<A> {
    /// A block of so many bytes, at least a word; its first word is written.
    #[inline(always)]
    pub(super) fn new(size: usize, word: u64) -> Self {
        assert!(size >= size_of::<u64>());
        let layout = layout(size);
        // SAFETY: the size is not zero.
        let memory = unsafe { A::THE.alloc(layout) };
        let Some(memory) = NonNull::new(memory.cast::<u64>()) else {
            handle_alloc_error(layout);
        };
        // SAFETY: new memory of a word at least, and aligned for one.
        unsafe { memory.write(word) };
        Self {
            memory,
            size,
            of: PhantomData,
        }
    }

    /// What was written.
    pub(super) fn word(&self) -> u64 {
        // SAFETY: `new` wrote it, and the block is live.
        unsafe { self.memory.read() }
    }

    /// Writes all whole words of it.
    pub(super) fn fill(&mut self, word: impl Fn(u64) -> u64) {
        for place in 0..self.size / size_of::<u64>() {
            // SAFETY: a whole word within the block.
            let memory = unsafe { self.memory.add(place) };
            // SAFETY: the block is ours alone.
            unsafe { memory.write(word(place as u64)) };
        }
    }

    /// Whether all whole words are what they should be.
    ///
    /// # Safety
    ///
    /// They were written.
    pub(super) unsafe fn holds(&self, word: impl Fn(u64) -> u64) -> bool {
        (0..self.size / size_of::<u64>()).all(|place| {
            // SAFETY: a whole word within the block.
            let memory = unsafe { self.memory.add(place) };
            // SAFETY: it was written, by contract.
            word(place as u64) == unsafe { memory.read() }
        })
    }

    /// Where it is. Who has that owns the block.
    pub(super) fn into_raw(self) -> NonNull<u64> {
        mem::ManuallyDrop::new(self).memory
    }

    /// The owner of a block again.
    ///
    /// # Safety
    ///
    /// What [`Self::into_raw`] gave for a block of this allocator and size, once.
    pub(super) unsafe fn from_raw(memory: NonNull<u64>, size: usize) -> Self {
        Self {
            memory,
            size,
            of: PhantomData,
        }
    }
}

impl<A: Allocator> Drop for Block<A> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: `new` got it from this allocator for this layout; nobody else frees it.
        unsafe { A::THE.dealloc(self.memory.as_ptr().cast(), layout(self.size)) };
    }
}

/// Who makes blocks, and of what sizes.
pub(super) trait Makes: Send + 'static {
    /// What is made. Its drop frees it.
    type Block: Send + 'static;

    /// Makes one, whose first word is `n`.
    fn make(&mut self, n: u64) -> Self::Block;

    /// The first word.
    fn word(block: &Self::Block) -> u64;
}

/// Blocks of `WORDS` words, a number that the compiler knows, as it knows the size of what is boxed.
pub(super) struct Fixed<A, const WORDS: usize>(pub(super) PhantomData<fn() -> A>);

impl<A: Allocator, const WORDS: usize> Makes for Fixed<A, WORDS> {
    type Block = Owned<A, MaybeUninit<[u64; WORDS]>>;

    #[inline(always)]
    fn make(&mut self, n: u64) -> Self::Block {
        const { assert!(WORDS > 0) };
        let block = Owned::new(MaybeUninit::uninit());
        // SAFETY: the first of its words, and nobody else has the block.
        unsafe { block.place().cast::<u64>().write(n) };
        block
    }

    fn word(block: &Self::Block) -> u64 {
        // SAFETY: `make` wrote it, and the block is live.
        unsafe { block.place().cast::<u64>().read() }
    }
}

/// Blocks of sizes that are drawn, all alike.
pub(super) struct Drawn<A> {
    random: Random,
    least: u32,
    count: u32,
    of: PhantomData<fn() -> A>,
}

impl<A> Drawn<A> {
    /// Of so many bytes; the `n`th who draws, who draws the same every time.
    pub(super) fn new(sizes: RangeInclusive<u32>, n: u64) -> Self {
        Self {
            random: Random::nth(n),
            least: *sizes.start(),
            count: sizes.end() - sizes.start() + 1,
            of: PhantomData,
        }
    }
}

impl<A: Allocator> Makes for Drawn<A> {
    type Block = Block<A>;

    #[inline(always)]
    fn make(&mut self, n: u64) -> Block<A> {
        let size = self.least + self.random.below(self.count);
        Block::new(size as usize, n)
    }

    fn word(block: &Block<A>) -> u64 {
        block.word()
    }
}
