//! Blocks of memory that know what is in them: what an allocator gives out twice, cuts short, moves without its
//! bytes or writes to is found.

#![allow(unsafe_code)]

use pool::SlabAlloc;
use std::alloc::{self, GlobalAlloc, Layout};
use std::ptr::{self, NonNull};
use std::slice;

/// Where a page's bytes come from: so large that pages differ, and that comparing them is one call.
static TABLE: [u8; 2 * PAGE] = table();

const PAGE: usize = 4096;

const fn table() -> [u8; 2 * PAGE] {
    let (mut table, mut n, mut x) = ([0; 2 * PAGE], 0, 0x9E37_79B9_u32);
    while n < table.len() {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        table[n] = x.to_le_bytes()[1];
        n += 1;
    }
    table
}

/// What is in a block's page.
fn page(seed: usize, page: usize, length: usize) -> &'static [u8] {
    let from = seed.wrapping_mul(31).wrapping_add(page * 7) % PAGE;
    &TABLE[from..from + length]
}

/// The sizes of classes: 8, 16, then four to a doubling, to 32 KiB.
pub fn classes() -> impl Iterator<Item = usize> {
    let doublings = (0..11).map(|n| 16 << n);
    let fours = doublings.flat_map(|size| (1..=4).map(move |k| size + k * size / 4));
    [8, 16].into_iter().chain(fours)
}

/// Sizes about the ends of each class, and some larger than any.
pub fn sizes() -> Vec<usize> {
    let mut sizes: Vec<_> = classes().flat_map(|size| size - 1..=size + 1).collect();
    sizes.extend([1, 40_000, 65_535, 65_536, 65_537, 100_000, 1 << 20]);
    sizes.sort_unstable();
    sizes.dedup();
    if cfg!(miri) {
        sizes = sizes.into_iter().step_by(12).collect();
    }
    sizes
}

/// The program's allocator.
#[derive(Debug, Clone, Copy)]
pub struct Global;

// SAFETY: the program's.
unsafe impl GlobalAlloc for Global {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by contract.
        unsafe { alloc::alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by contract.
        unsafe { alloc::alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: by contract.
        unsafe { alloc::dealloc(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: by contract.
        unsafe { alloc::realloc(block, layout, size) }
    }
}

/// An allocator by its own methods, which must be as good.
#[derive(Debug, Clone, Copy)]
pub struct Own<'a>(pub &'a SlabAlloc);

impl Own<'_> {
    /// A block that is as long as asked at least, or null.
    fn given(block: Result<NonNull<[u8]>, pool::AllocError>, size: usize) -> *mut u8 {
        block.map_or(ptr::null_mut(), |block| {
            assert!(block.len() >= size, "{} of {size} bytes", block.len());
            block.as_ptr().cast()
        })
    }
}

// SAFETY: the allocator's.
unsafe impl GlobalAlloc for Own<'_> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::given(
            self.0.allocate(layout.size(), layout.align()),
            layout.size(),
        )
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::given(
            self.0.allocate_zeroed(layout.size(), layout.align()),
            layout.size(),
        )
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let block = NonNull::new(block).expect("a block");
        // SAFETY: by contract.
        unsafe { self.0.deallocate(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let block = NonNull::new(block).expect("a block");
        // SAFETY: by contract.
        Self::given(unsafe { self.0.reallocate(block, layout, size) }, size)
    }
}

/// A block of an allocator, filled with what tells it from others. Looked through when it is dropped, too.
#[derive(Debug)]
pub struct Block<A: GlobalAlloc = Global> {
    start: NonNull<u8>,
    layout: Layout,
    seed: usize,
    allocator: A,
}

// SAFETY: it owns its bytes.
unsafe impl<A: GlobalAlloc + Send> Send for Block<A> {}

impl<A: GlobalAlloc> Block<A> {
    fn with(
        allocator: A,
        size: usize,
        align: usize,
        seed: usize,
        get: impl FnOnce(&A, Layout) -> *mut u8,
    ) -> Option<Self> {
        assert!(size > 0, "no block");
        let layout = Layout::from_size_align(size, align).expect("a layout");
        let start = NonNull::new(get(&allocator, layout))?;
        assert!(
            start.addr().get().is_multiple_of(align),
            "{start:?} is not aligned to {align}"
        );
        Some(Self {
            start,
            layout,
            seed,
            allocator,
        })
    }

    /// A block, or `None` if the allocator has none.
    pub fn new_in(allocator: A, size: usize, align: usize, seed: usize) -> Option<Self> {
        // SAFETY: not of no size.
        let mut block = Self::with(allocator, size, align, seed, |allocator, layout| unsafe {
            allocator.alloc(layout)
        })?;
        block.fill();
        Some(block)
    }

    /// The same, from `alloc_zeroed`: asserts that all is zero first.
    pub fn zeroed_in(allocator: A, size: usize, align: usize, seed: usize) -> Option<Self> {
        // SAFETY: not of no size.
        let mut block = Self::with(allocator, size, align, seed, |allocator, layout| unsafe {
            allocator.alloc_zeroed(layout)
        })?;
        for bytes in block.bytes().chunks(PAGE) {
            assert!(
                bytes == &[0; PAGE][..bytes.len()],
                "{size} bytes are not zero"
            );
        }
        block.fill();
        Some(block)
    }

    /// Where it starts.
    pub fn start(&self) -> *const u8 {
        self.start.as_ptr()
    }

    /// The size that was asked for last.
    pub fn size(&self) -> usize {
        self.layout.size()
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: ours, and all written: by `fill`, or as zeros.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.layout.size()) }
    }

    fn fill(&mut self) {
        for (n, from) in (0..self.size()).step_by(PAGE).enumerate() {
            let length = PAGE.min(self.size() - from);
            let bytes = page(self.seed, n, length);
            // SAFETY: within the block.
            let to = unsafe { self.start.add(from) };
            // SAFETY: so many bytes are ours from there; the table's are not.
            unsafe { to.copy_from_nonoverlapping(NonNull::from(bytes).cast(), length) };
        }
    }

    /// Asserts that the first `length` bytes are as they were written.
    fn assert_intact_to(&self, length: usize) {
        // SAFETY: ours; written when the block had at least that length.
        let bytes = unsafe { slice::from_raw_parts(self.start.as_ptr(), length) };
        for (n, bytes) in bytes.chunks(PAGE).enumerate() {
            assert!(
                bytes == page(self.seed, n, bytes.len()),
                "page {n} of {self:p}, {:?}, was written to",
                self.layout
            );
        }
    }

    /// Asserts that its bytes are as they were written.
    pub fn assert_intact(&self) {
        self.assert_intact_to(self.size());
    }

    /// Makes it larger or smaller: whether it was. Asserts that what stays is as it was.
    pub fn resize(&mut self, size: usize) -> bool {
        assert!(size > 0, "no block");
        let before = self.size();
        let layout = Layout::from_size_align(size, self.layout.align()).expect("a layout");
        let old = self.start.as_ptr();
        // SAFETY: our block, by its layout; a size that a layout may have.
        let Some(start) = NonNull::new(unsafe { self.allocator.realloc(old, self.layout, size) })
        else {
            self.assert_intact();
            return false;
        };
        assert!(
            start.addr().get().is_multiple_of(layout.align()),
            "{start:?} is not aligned to {}",
            layout.align()
        );
        (self.start, self.layout) = (start, layout);
        self.assert_intact_to(before.min(size));
        self.seed = self.seed.wrapping_add(1);
        self.fill();
        true
    }
}

impl Block {
    /// A block of the program's allocator, which has one.
    pub fn new(size: usize, align: usize, seed: usize) -> Self {
        Self::new_in(Global, size, align, seed).expect("memory")
    }
}

impl<A: GlobalAlloc> Drop for Block<A> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.assert_intact();
        }
        // SAFETY: our block, by its layout.
        unsafe { self.allocator.dealloc(self.start.as_ptr(), self.layout) };
    }
}
