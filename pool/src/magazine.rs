//! A bounded array of free slots, moved whole between a thread's cache and the depot
//! (Bonwick & Adams, "Magazines and Vmem", USENIX 2001).
//!
//! A magazine is a header with its slots behind it, in one heap allocation. Free slots are kept in
//! an array and not as a list through the free memory: a stray write into a freed object cannot
//! corrupt it, and the misses on the objects themselves overlap.
//!
//! [`Magazine`] is a plain pointer. Who holds it, owns it: a cache its two, a link of a depot the
//! one it carries. Only the header's numbers are read by others, for statistics.

#![allow(unsafe_code)]

mod lent;

pub(crate) use lent::Word;

use crate::sync::{AtomicPtr, OwnedU64};
use crate::sys;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::{align_of, size_of};
use std::ptr::{self, NonNull};

#[derive(Debug)]
#[repr(C)]
struct Header {
    /// `allocations << 16 | len`. In one word, an allocation counts itself with the very addition
    /// that takes the slot: `+ (1 << 16) - 1`, where a free is `+ 1`.
    ///
    /// * `len`: slots in it; the entries `0..len` are initialised. At most `cap`.
    /// * `allocations`: those since the cache last collected the count, modulo 2^48, which is a
    ///   million a second for nine years without one visit to the depot.
    word: OwnedU64,
    /// How many slots the hot path fills it to: `cap`, or nothing, for caches whose every free must
    /// be looked at. Never changes.
    limit: u32,
    /// Entries behind the header. At most [`MAX_CAP`]; never changes.
    cap: u32,
    /// Who filled it last: a number that tells one cache from another, and nothing else.
    filled_by: OwnedU64,
    /// For its owner, while it is [lent]: its length when it came, and the magazine that was
    /// lent before it.
    came: OwnedU64,
    below: AtomicPtr<()>,
}

const LEN_BITS: u32 = 16;
const ONE_ALLOCATION: u64 = 1 << LEN_BITS;

/// The most slots of a magazine.
pub(crate) const MAX_CAP: u32 = (1 << LEN_BITS) - 1;

/// A pointer to a magazine, as wide as a pointer. See the module on who may do what with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Magazine(NonNull<Header>);

// SAFETY: a magazine owns only numbers and pointers to free slots, which any thread may use. Its
// methods that touch the entries are unsafe and ask for ownership.
unsafe impl Send for Magazine {}

/// The magazine without room: a cache that is not live yet, or no more, points at it, so that the
/// hot path's own test of the length leads to the slow path.
#[cfg(not(loom))]
static NONE: Header = Header::new(0, 0);

impl Header {
    #[cfg(not(loom))]
    const fn new(cap: u32, limit: u32) -> Self {
        Self {
            word: OwnedU64::new(0),
            limit,
            cap,
            filled_by: OwnedU64::new(0),
            came: OwnedU64::new(0),
            below: AtomicPtr::new(ptr::null_mut()),
        }
    }

    #[cfg(loom)]
    fn new(cap: u32, limit: u32) -> Self {
        Self {
            word: OwnedU64::new(0),
            limit,
            cap,
            filled_by: OwnedU64::new(0),
            came: OwnedU64::new(0),
            below: AtomicPtr::new(ptr::null_mut()),
        }
    }
}

impl Magazine {
    /// The magazine without room. It is never written to.
    #[cfg(not(loom))]
    pub(crate) const fn none() -> Self {
        Self(NonNull::from_ref(&NONE))
    }

    #[cfg(loom)]
    pub(crate) fn none() -> Self {
        Self::new(0, 0)
    }

    fn layout(cap: u32) -> Layout {
        let entries = Layout::array::<NonNull<u8>>(cap as usize).expect("a u32 of entries fits");
        let (layout, offset) = Layout::new::<Header>()
            .extend(entries)
            .expect("a header more fits");
        debug_assert_eq!(offset, size_of::<Header>());
        layout.pad_to_align()
    }

    /// Makes an empty magazine with room for `cap` slots, which [`Magazine::push`] fills up to
    /// `limit`.
    pub(crate) fn new(cap: u32, limit: u32) -> Self {
        const { assert!(align_of::<Header>() >= align_of::<NonNull<u8>>()) };
        assert!(cap <= MAX_CAP, "refused by the plan");
        let layout = Self::layout(cap);
        // SAFETY: the layout has a header in it, so its size is not zero.
        let memory = unsafe { alloc(layout) };
        let Some(header) = NonNull::new(memory.cast::<Header>()) else {
            handle_alloc_error(layout);
        };
        // SAFETY: fresh memory of that layout, whose start is aligned and large enough.
        unsafe { header.write(Header::new(cap, limit.min(cap))) };
        Self(header)
    }

    /// Frees the magazine's memory. Slots still in it are forgotten.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine, it came from [`Magazine::new`], and nobody uses any copy of
    /// this pointer again.
    pub(crate) unsafe fn free(self) {
        let layout = Self::layout(self.cap());
        // SAFETY: `new` made it with the layout of this capacity, which never changes.
        unsafe { dealloc(self.0.as_ptr().cast(), layout) };
    }

    #[inline(always)]
    fn header(&self) -> &Header {
        // SAFETY: initialised by `new` and not freed (contract of `free`). The reference covers
        // the header alone, which is only changed through its interior-mutable parts.
        unsafe { self.0.as_ref() }
    }

    /// The address of entry `index`.
    #[inline(always)]
    fn entry(self, index: usize) -> NonNull<NonNull<u8>> {
        debug_assert!(index < self.header().cap as usize);
        let first = self.0.cast::<u8>();
        let offset = size_of::<Header>() + index * size_of::<NonNull<u8>>();
        // SAFETY: callers keep `index < cap`, so this stays in the allocation; the pointer came
        // from `alloc` and spans all of it.
        unsafe { first.add(offset) }.cast()
    }

    /// The length in a word.
    #[inline(always)]
    const fn len_of(word: u64) -> usize {
        (word & MAX_CAP as u64) as usize
    }

    #[inline(always)]
    pub(crate) fn len(self) -> u32 {
        Self::len_of(self.header().word.get()) as u32
    }

    #[inline(always)]
    pub(crate) fn cap(self) -> u32 {
        self.header().cap
    }

    pub(crate) fn is_empty(self) -> bool {
        self.len() == 0
    }

    pub(crate) fn is_full(self) -> bool {
        self.len() == self.cap()
    }

    /// Takes out the slot that was put in last, and counts an allocation.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine.
    #[inline(always)]
    pub(crate) unsafe fn allocate(self) -> Option<NonNull<u8>> {
        // SAFETY: by contract.
        unsafe { self.take(ONE_ALLOCATION - 1) }
    }

    /// Takes out a slot without counting an allocation.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine.
    pub(crate) unsafe fn pop(self) -> Option<NonNull<u8>> {
        // SAFETY: by contract.
        unsafe { self.take(1_u64.wrapping_neg()) }
    }

    /// Takes out a slot, and adds `step` to the word, which makes the length one less.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine.
    #[inline(always)]
    unsafe fn take(self, step: u64) -> Option<NonNull<u8>> {
        let word = self.header().word.get();
        let len = Self::len_of(word);
        if len == 0 {
            return None;
        }
        self.header().word.set(word.wrapping_add(step));
        // SAFETY: entries below `len` are initialised, and the owner alone reads and writes them.
        Some(unsafe { self.entry(len - 1).read() })
    }

    /// Puts a free slot in, on the hot path. Returns false, and does nothing, if the magazine is at
    /// its limit.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine.
    #[inline(always)]
    #[must_use]
    pub(crate) unsafe fn push(self, slot: NonNull<u8>) -> bool {
        // SAFETY: by contract; the limit is at most the capacity.
        unsafe { self.put_below(self.header().limit, slot) }
    }

    /// Puts a free slot in, off the hot path. Returns false, and does nothing, if there is no room.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine.
    #[must_use]
    pub(crate) unsafe fn put(self, slot: NonNull<u8>) -> bool {
        // SAFETY: by contract.
        unsafe { self.put_below(self.header().cap, slot) }
    }

    /// Puts a slot in if the length is below `limit`.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine, and `limit` is at most its capacity.
    #[inline(always)]
    unsafe fn put_below(self, limit: u32, slot: NonNull<u8>) -> bool {
        let header = self.header();
        let word = header.word.get();
        let len = Self::len_of(word);
        if len as u32 >= limit {
            return false;
        }
        // SAFETY: `len < cap`, and the owner alone reads and writes entries.
        unsafe { self.entry(len).write(slot) };
        header.word.set(word + 1); // `len < cap <= MAX_CAP`: no carry into the count
        true
    }

    /// The slots in it, from the coldest up.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine, and does not change it as long as it uses the result.
    pub(crate) unsafe fn slots(self) -> impl Iterator<Item = NonNull<u8>> {
        // SAFETY: entries below the length are initialised, and the owner's.
        (0..self.len() as usize).map(move |index| unsafe { self.entry(index).read() })
    }

    /// Moves the slots that `chosen` names to `other`, from the coldest up, until that is full. The
    /// rest stays in its order. Returns how many were moved.
    ///
    /// # Safety
    ///
    /// The caller owns both, and they are two.
    pub(crate) unsafe fn extract(
        self,
        other: Self,
        mut chosen: impl FnMut(NonNull<u8>) -> bool,
    ) -> u32 {
        let (len, mut kept) = (self.len(), 0);
        for index in 0..len as usize {
            // SAFETY: below the length, so initialised, and the owner's.
            let slot = unsafe { self.entry(index).read() };
            // SAFETY: owned by the caller.
            if !other.is_full() && chosen(slot) && unsafe { other.put(slot) } {
                continue;
            }
            // SAFETY: `kept <= index`, so within the initialised entries; the owner writes them.
            unsafe { self.entry(kept).write(slot) };
            kept += 1;
        }
        let moved = len - kept as u32;
        let header = self.header();
        header.word.set(header.word.get() - u64::from(moved)); // at most the length: no borrow
        moved
    }

    /// Moves up to `count` slots from `self` to `other`, as far as there are any and there is room.
    /// Returns how many.
    ///
    /// # Safety
    ///
    /// The caller owns both, and they are two.
    pub(crate) unsafe fn pour(self, other: Self, count: u32) -> u32 {
        let count = count.min(self.len()).min(other.cap() - other.len());
        for _ in 0..count {
            // SAFETY: owned by the caller; `count` is at most its length.
            let slot = unsafe { self.pop() }.expect("counted");
            // SAFETY: owned by the caller.
            let pushed = unsafe { other.put(slot) };
            debug_assert!(pushed, "counted");
        }
        count
    }

    /// Notes who filled the magazine. For the owner alone.
    pub(crate) fn set_filled_by(self, who: u64) {
        self.header().filled_by.set(who);
    }

    /// Asks the processor for the slots' first cache lines, to be written, if `who` did not fill the
    /// magazine: then another core has them. (In the benchmark `pipe` this was 7 % of the time.)
    ///
    /// # Safety
    ///
    /// The caller owns the magazine.
    pub(crate) unsafe fn fetch_unless_filled_by(self, who: u64) {
        if self.header().filled_by.get() == who {
            return;
        }
        // SAFETY: by contract; it is not changed meanwhile.
        unsafe { self.slots() }.for_each(sys::prefetch);
    }

    /// Allocations counted since the last [`Magazine::take_allocations`].
    pub(crate) fn allocations(self) -> u64 {
        self.header().word.get() >> LEN_BITS
    }

    /// Reads the count of allocations and sets it to zero. For the owner alone.
    pub(crate) fn take_allocations(self) -> u64 {
        let word = self.header().word.get();
        self.header().word.set(word & u64::from(MAX_CAP));
        word >> LEN_BITS
    }

    /// The header's address, for a reader of statistics.
    pub(crate) fn as_ptr(self) -> *mut () {
        self.0.as_ptr().cast()
    }

    /// The magazine at an address that [`Magazine::as_ptr`] gave.
    ///
    /// # Safety
    ///
    /// The magazine is not freed as long as the result is used.
    pub(crate) unsafe fn from_ptr(pointer: *mut ()) -> Option<Self> {
        NonNull::new(pointer.cast()).map(Self)
    }
}

#[cfg(all(test, not(loom)))]
#[expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "the tests own all that they touch"
)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_put_in_and_no_more() {
        let mut memory = [0; 4];
        let slots = memory.each_mut().map(NonNull::from);
        let magazine = Magazine::new(3, 3);
        // SAFETY: this test owns the magazine.
        unsafe {
            assert!(magazine.push(slots[0]) && magazine.push(slots[1]) && magazine.push(slots[2]));
            assert!(!magazine.push(slots[3]), "no room");
            assert!(magazine.is_full());
            assert_eq!(magazine.allocate(), Some(slots[2]));
            assert_eq!(magazine.pop(), Some(slots[1]));
            assert_eq!(magazine.take_allocations(), 1);
            let other = Magazine::new(2, 0);
            assert_eq!(magazine.pour(other, 9), 1);
            assert_eq!((magazine.len(), other.len()), (0, 1));
            assert_eq!(magazine.allocate(), None);
            magazine.free();
            other.free();
        }
    }

    #[test]
    fn what_is_chosen_is_moved_and_the_rest_keeps_its_order() {
        let mut memory = [0; 6];
        let slots = memory.each_mut().map(NonNull::from);
        let (magazine, other) = (Magazine::new(6, 0), Magazine::new(2, 0));
        // SAFETY: this test owns both.
        unsafe {
            assert!(!magazine.push(slots[0]), "the hot path is to look at it");
            assert!(slots.iter().all(|&slot| magazine.put(slot)));
            let chosen = |slot| slot != slots[0] && slot != slots[2];
            assert_eq!(magazine.extract(other, chosen), 2);
            assert!(other.slots().eq([slots[1], slots[3]]));
            assert!(
                magazine
                    .slots()
                    .eq([slots[0], slots[2], slots[4], slots[5]])
            );
            magazine.free();
            other.free();
        }
    }

    #[test]
    fn none_has_no_room_and_no_slots() {
        let slot = NonNull::from(&mut 0);
        // SAFETY: nothing is written through it.
        unsafe {
            assert!(!Magazine::none().push(slot));
            assert_eq!(Magazine::none().allocate(), None);
        }
    }
}
