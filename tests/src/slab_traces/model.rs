//! What the blocks of allocators are held against: what is in them, where they are, and how many there are.

use pool::{SlabAlloc, SlabStats};
use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::slice;
use std::sync::LazyLock;

/// Bytes of a slab.
const SLAB: usize = 64 << 10;

/// The classes' sizes: 8, 16, and then four to a doubling.
pub const CLASSES: [usize; 46] = {
    let mut sizes = [8; 46];
    sizes[1] = 16;
    let mut class = 2;
    while class < sizes.len() {
        // A quarter of the last power of two more.
        sizes[class] = sizes[class - 1] + (16 << ((class - 2) / 4)) / 4;
        class += 1;
    }
    sizes
};

/// Whether the pool was built with the feature `checked`: then there are bytes behind each block that are not its own.
pub fn is_checked() -> bool {
    static TAIL: LazyLock<bool> = LazyLock::new(|| {
        let alloc = SlabAlloc::new();
        let layout = Layout::new::<[u8; 8]>();
        let block = alloc.allocate(8, 1).expect("a small one");
        let stats = alloc.stats();
        // SAFETY: allocated just now.
        unsafe { alloc.deallocate(block.cast(), layout) };
        stats.classes[0].live == 0
    });
    *TAIL
}

/// The class of a block, or none if it is a large one.
pub fn class_of(layout: Layout) -> Option<usize> {
    let tail = if is_checked() { 8 } else { 0 };
    let need = (layout.size() + tail).next_multiple_of(layout.align());
    let class = CLASSES.partition_point(|size| *size < need);
    (class < CLASSES.len()).then_some(class)
}

/// The most free slots of a class that a thread may keep, by the class's size.
pub fn most_cached(size: usize) -> usize {
    2 * batch(size)
}

/// The most free slots of a class that the depot may keep, by the class's size.
pub fn most_parked(size: usize) -> usize {
    8 * batch(size)
}

/// How many slots of a class are moved at once, by the class's size.
pub fn batch(size: usize) -> usize {
    (SLAB / 4 / size).clamp(1, 64)
}

/// A live block, all of whose bytes are a pattern that no other has.
#[derive(Debug)]
pub struct Block {
    start: NonNull<u8>,
    /// What was asked for.
    layout: Layout,
    /// Bytes that were given.
    given: usize,
    /// What the pattern is made of.
    id: u64,
    /// Which allocator it is of.
    pub(super) owner: usize,
}

// SAFETY: it alone reaches its bytes.
unsafe impl Send for Block {}

impl Block {
    /// A new block, once its bytes are written.
    ///
    /// # Safety
    ///
    /// All of `bytes` may be written, and nobody else does so before the block is freed.
    pub unsafe fn new(bytes: NonNull<[u8]>, layout: Layout, id: u64, owner: usize) -> Self {
        let (start, given) = (bytes.cast::<u8>(), bytes.len());
        assert!(given >= layout.size(), "{given} bytes for {layout:?}");
        let aligned = start.as_ptr().addr().is_multiple_of(layout.align());
        assert!(aligned, "{start:?} for {layout:?}");
        for (piece, at) in (0..given).step_by(PIECE).enumerate() {
            let pattern = pattern(id, piece);
            // SAFETY: within the block.
            let to = unsafe { start.add(at) };
            // SAFETY: as many as there are at most, by contract the caller's.
            unsafe { to.copy_from_nonoverlapping(pattern_start(&pattern), PIECE.min(given - at)) };
        }
        Self {
            start,
            layout,
            given,
            id,
            owner,
        }
    }

    /// Its first byte.
    pub const fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// What was asked for.
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// What it may be freed with: what was asked for, or all that was given.
    pub fn layout_or_more(&self, more: bool) -> Layout {
        let size = if more { self.given } else { self.layout.size() };
        Layout::from_size_align(size, self.layout.align()).expect("it was given")
    }

    /// Its bytes are what was written.
    ///
    /// # Panics
    ///
    /// Panics if they are not.
    pub fn check(&self) {
        let bytes = NonNull::slice_from_raw_parts(self.start, self.given);
        // SAFETY: live, all written when it was made, and nobody else writes to it.
        let bytes = unsafe { bytes.as_ref() };
        self.check_kept(bytes);
    }

    /// The bytes are those of the block's beginning.
    ///
    /// # Panics
    ///
    /// Panics if they are not.
    pub fn check_kept(&self, bytes: &[u8]) {
        for (piece, bytes) in bytes.chunks(PIECE).enumerate() {
            let expected = &pattern(self.id, piece)[..bytes.len()];
            if bytes != expected {
                let differs = |at: &usize| bytes[*at] != expected[*at];
                let at = (0..bytes.len()).find(differs).expect("they differ");
                panic!(
                    "byte {} is {:#x}, and was {:#x}: {self:?}",
                    piece * PIECE + at,
                    bytes[at],
                    expected[at]
                );
            }
        }
    }

    /// What its allocator says of it.
    ///
    /// # Panics
    ///
    /// Panics if that is wrong.
    pub fn check_known(&self, allocator: &SlabAlloc) {
        let start = self.start.as_ptr().cast_const();
        let usable = allocator.usable_size(start).expect("it is live");
        assert!(usable >= self.given, "{usable} bytes: {self:?}");
        assert!(allocator.owns(start), "{self:?}");
        // No block starts at an odd address.
        assert!(!allocator.owns(start.wrapping_add(1)), "{self:?}");
    }
}

/// A pattern changes from piece to piece of so many bytes.
const PIECE: usize = 1024;

/// (Made of what Miri does at once.)
fn pattern(id: u64, piece: usize) -> [u8; PIECE] {
    let stamp = id
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(piece as u64)
        .wrapping_mul(0xD6E8_FEB8_6659_FD93);
    let mut pattern = [(stamp >> 40) as u8 | 1; PIECE];
    pattern[..8].copy_from_slice(&stamp.to_ne_bytes());
    pattern
}

const fn pattern_start(pattern: &[u8; PIECE]) -> NonNull<u8> {
    NonNull::from_ref(pattern).cast()
}

/// All bytes are zero.
///
/// # Safety
///
/// They may be read, and nobody writes to them.
pub unsafe fn check_zero(bytes: NonNull<[u8]>) {
    // SAFETY: by contract.
    let bytes = unsafe { slice::from_raw_parts(bytes.cast::<u8>().as_ptr(), bytes.len()) };
    let zeros = [0; 4 * PIECE];
    let clean = |piece: &[u8]| *piece == zeros[..piece.len()];
    assert!(bytes.chunks(zeros.len()).all(clean), "not all are zero");
}

/// What is known of the blocks of a class.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    live: usize,
    /// Bytes that were asked for, less those that blocks were freed with: that may be more.
    asked: isize,
    /// Blocks that ever were.
    so_far: u64,
}

/// An allocator's blocks.
#[derive(Debug, Default, Clone)]
struct Tally {
    /// By their class, by its number; the large ones are last.
    counts: BTreeMap<usize, Count>,
}

/// All blocks that are live, of all allocators.
#[derive(Debug)]
pub(super) struct Model {
    /// Where each ends, by where it starts.
    ranges: BTreeMap<usize, usize>,
    tallies: Vec<Tally>,
    /// Bytes of all blocks.
    pub(super) bytes: usize,
    /// Bytes of all blocks that ever were.
    pub(super) so_far: usize,
}

impl Model {
    pub(super) fn new(allocators: usize) -> Self {
        Self {
            ranges: BTreeMap::new(),
            tallies: vec![Tally::default(); allocators],
            bytes: 0,
            so_far: 0,
        }
    }

    /// A block that was just allocated, and is in no other.
    pub(super) fn insert(&mut self, block: &Block) {
        let start = block.start.as_ptr().addr();
        let end = start + block.given;
        if let Some((other, other_end)) = self.ranges.range(..end).next_back() {
            assert!(*other_end <= start, "in the block at {other:#x}: {block:?}");
        }
        self.ranges.insert(start, end);
        self.bytes += block.given;
        self.so_far += block.given;
        let count = self.count(block.owner, block.layout);
        count.live += 1;
        count.asked += block.layout.size().cast_signed();
        count.so_far += 1;
    }

    /// A block that is about to be freed, as one of so many bytes.
    pub(super) fn remove(&mut self, block: &Block, size: usize) {
        let end = self.ranges.remove(&block.start.as_ptr().addr());
        assert!(end.is_some(), "{block:?}");
        self.bytes -= block.given;
        let count = self.count(block.owner, block.layout);
        count.live -= 1;
        count.asked -= size.cast_signed();
    }

    /// A block became another where it is: that was no allocation.
    pub(super) fn resized(&mut self, block: &Block) {
        self.count(block.owner, block.layout).so_far -= 1;
    }

    /// A block that was allocated, and freed at once.
    pub(super) fn passed(&mut self, owner: usize, layout: Layout) {
        self.count(owner, layout).so_far += 1;
    }

    fn count(&mut self, owner: usize, layout: Layout) -> &mut Count {
        let class = class_of(layout).unwrap_or(usize::MAX);
        self.tallies[owner].counts.entry(class).or_default()
    }

    /// The figures of an allocator that nobody uses at the moment.
    pub(super) fn check(&self, owner: usize, stats: &SlabStats, threads: usize, retain: usize) {
        let of = |class| {
            self.tallies[owner]
                .counts
                .get(&class)
                .copied()
                .unwrap_or_default()
        };
        assert!(stats.threads <= threads, "{stats}");
        for (number, (class, size)) in stats.classes.iter().zip(CLASSES).enumerate() {
            assert_eq!(class.size, size);
            let Count {
                live,
                asked,
                so_far,
            } = of(number);
            let asked = asked.max(0).cast_unsigned();
            assert_eq!((class.live, class.asked), (live, asked), "{class:?}");
            assert_eq!(class.hits + class.misses, so_far, "{class:?}");
            assert!(
                class.cached <= stats.threads * most_cached(size),
                "{class:?}"
            );
            assert!(class.parked <= most_parked(size), "{class:?}");
            let used = class.live + class.cached + class.parked;
            assert!(used <= class.slots, "{class:?}");
            // An empty slab is no class's.
            assert!(class.slabs <= used, "{class:?}");
            assert!(class.slots * size <= class.slabs * SLAB, "{class:?}");
        }
        let Count { live, asked, .. } = of(usize::MAX);
        assert_eq!(stats.large.live, live, "{stats}");
        // Who frees with the slice's length brings the figure below zero, which it does not say.
        let asked = usize::try_from(asked).unwrap_or(0);
        assert_eq!(stats.large.asked, asked, "{stats}");
        assert!(stats.asked() >= asked && stats.given() >= stats.large.given);
        assert_eq!(stats.large.given > 0, live > 0, "{stats}");
        // In empty slabs, and what these left of it in freed large blocks.
        assert!(stats.retained <= retain.saturating_mul(2), "{stats}");
        assert!((0.0..=1.0).contains(&stats.hit_rate()), "{stats}");
        assert!(!stats.to_string().is_empty());
    }

    /// Forgets an allocator that is dropped, after its blocks.
    pub(super) fn forget(&mut self, owner: usize) {
        self.tallies[owner] = Tally::default();
    }
}
