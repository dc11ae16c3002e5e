//! Magazines that are lent to a [pool scope](crate::PoolScope): what is taken out of them stays in its
//! place, so that nothing is written to bring it back.
//!
//! The entries below the length are free, as ever. Those from there up to the length that the magazine
//! came with are the scope's objects, the newest lowest; `None` among them is an entry whose slot has
//! gone another way. The magazines of one scope are a list, by `below`.

#![allow(unsafe_code)]

use super::{MAX_CAP, Magazine, ONE_ALLOCATION};
use crate::sync::Ordering;
use std::mem::size_of;
use std::ptr::{self, NonNull};

// An entry may be read as either.
const _: () = assert!(size_of::<NonNull<u8>>() == size_of::<Option<NonNull<u8>>>());

/// The word of a magazine, as its owner knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word(u64);

impl Word {
    /// That of a magazine without slots.
    pub(crate) const EMPTY: Self = Self(0);

    /// Slots that are left.
    #[inline(always)]
    pub(crate) const fn len(self) -> usize {
        Magazine::len_of(self.0)
    }
}

impl Magazine {
    /// Begins to lend it, on top of another one. For its owner.
    pub(crate) fn lend(self, below: Option<Self>) {
        let header = self.header();
        header.came.set(self.len().into());
        let below = below.map_or(ptr::null_mut(), Self::as_ptr);
        // Relaxed: for the owner alone.
        header.below.store(below, Ordering::Relaxed);
    }

    /// The same, as a list of slots that are no entries yet: all of its entries are taken.
    pub(crate) fn lend_as_list(self, below: Option<Self>) {
        debug_assert!(self.is_empty(), "there is nothing in it yet");
        self.header().word.set(self.cap().into());
        self.lend(below);
    }

    /// The one that was lent before.
    pub(crate) fn below(self) -> Option<Self> {
        let below = self.header().below.load(Ordering::Relaxed);
        // SAFETY: only magazines' addresses are stored, and those of a scope are its own.
        unsafe { Self::from_ptr(below) }
    }

    /// Slots that it had when it came.
    pub(crate) fn came(self) -> usize {
        self.header().came.get() as usize
    }

    /// Entries that are taken.
    #[inline]
    pub(crate) fn taken(self) -> usize {
        self.came() - self.len() as usize
    }

    /// What its owner may keep to itself for [`Magazine::lend_slot`].
    #[inline(always)]
    pub(crate) fn word(self) -> Word {
        Word(self.header().word.get())
    }

    /// Takes a slot, leaves it in its place, and counts an allocation: as [`Magazine::allocate`], for who
    /// knows the word. So nothing that was written a moment ago is read.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine, which is lent, and `word` is its word.
    #[inline(always)]
    pub(crate) unsafe fn lend_slot(self, word: Word) -> Option<(NonNull<u8>, Word)> {
        let len = word.len();
        if len == 0 {
            return None;
        }
        let word = Word(word.0.wrapping_add(ONE_ALLOCATION - 1));
        self.header().word.set(word.0);
        // SAFETY: entries below the length are initialised, and slots; the owner alone uses them.
        Some((unsafe { self.entry(len - 1).read() }, word))
    }

    /// Enters a slot in a list.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine, which is lent as a list, and is not at its end.
    pub(crate) unsafe fn note_slot(self, slot: NonNull<u8>) {
        let len = self.len() as usize - 1;
        // SAFETY: below the length, which began as the capacity.
        unsafe { self.entry(len).write(slot) };
        self.header().word.set(len as u64);
    }

    /// The slot of an entry that was taken.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine, which is lent, and `index` is from its length up and below what it
    /// came with.
    #[inline(always)]
    pub(crate) unsafe fn lent_slot(self, index: usize) -> Option<NonNull<u8>> {
        debug_assert!((self.len() as usize..self.came()).contains(&index));
        // SAFETY: it was taken, so it is initialised, with a slot, or with none by `forget_slot`.
        unsafe { self.entry(index).cast::<Option<NonNull<u8>>>().read() }
    }

    /// Forgets a slot that was taken: it goes another way.
    ///
    /// # Safety
    ///
    /// As for [`Magazine::lent_slot`].
    pub(crate) unsafe fn forget_slot(self, index: usize) {
        debug_assert!((self.len() as usize..self.came()).contains(&index));
        let entry = self.entry(index).cast::<Option<NonNull<u8>>>();
        // SAFETY: an entry of the caller's; who reads it knows that it may be none.
        unsafe { entry.write(None) };
    }

    /// Takes all back that was taken, but for what was forgotten; `forgets` says whether any was. Returns
    /// how many slots it has then.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine, which is lent, and nobody uses the slots any more.
    pub(crate) unsafe fn take_back(self, forgets: bool) -> usize {
        let (len, came) = (self.len() as usize, self.came());
        let mut kept = came;
        if forgets {
            kept = len;
            for index in len..came {
                // SAFETY: an entry that was taken.
                if let Some(slot) = unsafe { self.lent_slot(index) } {
                    // SAFETY: `kept <= index`, an entry of the caller's.
                    unsafe { self.entry(kept).write(slot) };
                    kept += 1;
                }
            }
        }
        let header = self.header();
        let allocations = header.word.get() & !u64::from(MAX_CAP);
        header.word.set(allocations | kept as u64); // at most the capacity, so no carry
        kept
    }

    /// Makes what is lent as a list an empty magazine again. For its owner.
    pub(crate) fn clear_list(self) {
        self.header().word.set(0);
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
    fn what_was_taken_comes_back_without_a_word() {
        let mut memory = [0; 4];
        let slots = memory.each_mut().map(NonNull::from);
        let magazine = Magazine::new(4, 4);
        // SAFETY: this test owns the magazine.
        unsafe {
            assert!(slots[..3].iter().all(|&slot| magazine.push(slot)));
            magazine.lend(None);
            let (first, word) = magazine.lend_slot(magazine.word()).expect("has three");
            let (second, word) = magazine.lend_slot(word).expect("has two");
            assert_eq!((first, second), (slots[2], slots[1]));
            assert_eq!((word.len(), magazine.len()), (1, 1));
            assert_eq!(magazine.lent_slot(1), Some(slots[1]));
            assert_eq!(magazine.take_back(false), 3);
            assert!(magazine.slots().eq(slots[..3].iter().copied()));
            assert_eq!(magazine.take_allocations(), 2);

            magazine.lend(None);
            let mut word = magazine.word();
            while let Some((_, next)) = magazine.lend_slot(word) {
                word = next;
            }
            magazine.forget_slot(1);
            assert_eq!(magazine.take_back(true), 2);
            assert!(magazine.slots().eq([slots[0], slots[2]]));
            magazine.free();
        }
    }

    #[test]
    fn a_list_has_the_newest_lowest() {
        let mut memory = [0; 2];
        let slots = memory.each_mut().map(NonNull::from);
        let (older, magazine) = (Magazine::new(2, 0), Magazine::new(2, 0));
        // SAFETY: this test owns both.
        unsafe {
            magazine.lend_as_list(Some(older));
            assert_eq!((magazine.below(), magazine.came()), (Some(older), 2));
            magazine.note_slot(slots[0]);
            magazine.note_slot(slots[1]);
            assert!(magazine.is_empty(), "no entries are left");
            assert_eq!(magazine.lent_slot(0), Some(slots[1]));
            assert_eq!(magazine.lent_slot(1), Some(slots[0]));
            magazine.clear_list();
            magazine.free();
            older.free();
        }
    }
}
