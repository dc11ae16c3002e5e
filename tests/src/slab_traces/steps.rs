//! What a thread does.

use super::face::Face;
use super::model::{Block, class_of};
use super::{MOST_LIVE, Tape, World, layout, lock};
use crate::scaled;
use allocator_api2_04::alloc::Allocator;
use pool::{AllocError, SlabAlloc};
use std::alloc::Layout;
use std::mem;
use std::ptr::NonNull;
use std::sync::{PoisonError, RwLockReadGuard};

impl World {
    /// One step of a thread's.
    pub(super) fn step(&self, who: usize, tape: &mut Tape<'_>) {
        match tape.byte() % 16 {
            0..=4 => {
                let (how, size, align) = (tape.below(256), tape.size(), tape.align());
                self.allocate(who, how, size, align, tape.below(256));
            }
            5..=8 => self.release(who, tape.below(256), tape.below(256), tape.below(256)),
            9..=11 => self.resize(who, tape),
            12 => {
                let (to, count) = (tape.below(self.hands.len()), tape.below(256));
                let mut mine = lock(&self.hands[who]);
                let rest = mine.len().saturating_sub(count);
                let given = mine.split_off(rest);
                drop(mine);
                lock(&self.hands[to]).splice(..0, given);
            }
            13 => drop(self.allocator(tape.below(2)).trim()),
            14 => self.ask(who, tape.below(256)),
            _ => self.refused(tape),
        }
    }

    fn allocator(&self, number: usize) -> RwLockReadGuard<'_, Box<SlabAlloc>> {
        let allocator = &self.allocators[number % self.allocators.len()];
        allocator.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Allocates blocks of the same layout: fewer if they are large.
    fn allocate(&self, who: usize, how: usize, size: usize, align: usize, count: usize) {
        let most = scaled(256 << 10, 4 << 10) / size.next_multiple_of(align);
        for _ in 0..=count.min(most) {
            let full = lock(&self.model).bytes > MOST_LIVE;
            let layout = if full {
                layout(9, 1)
            } else {
                layout(size, align)
            };
            let block = self.make(how, layout);
            lock(&self.hands[who]).push(block);
        }
    }

    fn make(&self, how: usize, layout: Layout) -> Block {
        let owner = how / 4 % self.allocators.len();
        let allocator = self.allocator(owner);
        let bytes = Face::of(how).allocate(&allocator, layout, (how / 8).is_multiple_of(4));
        self.made(&allocator, bytes, layout, owner)
    }

    fn made(&self, from: &SlabAlloc, bytes: NonNull<[u8]>, layout: Layout, owner: usize) -> Block {
        // SAFETY: new memory.
        let block = unsafe { Block::new(bytes, layout, self.id(), owner) };
        block.check_known(from);
        lock(&self.model).insert(&block);
        block
    }

    /// Frees some of a thread's blocks, from some place on.
    fn release(&self, who: usize, how: usize, at: usize, count: usize) {
        let mut mine = lock(&self.hands[who]);
        // The newest, the oldest, or others.
        let start = match at % 4 {
            0 => mine.len().saturating_sub(count),
            1 => 0,
            _ => (at * 37) % (mine.len() + 1),
        };
        let end = mine.len().min(start + count);
        let mut gone: Vec<Block> = mine.drain(start..end).collect();
        drop(mine);
        if (how / 16).is_multiple_of(2) {
            gone.reverse();
        }
        gone.into_iter().for_each(|block| self.free(block, how));
    }

    /// Frees a block in one of the ways.
    pub(super) fn free(&self, block: Block, how: usize) {
        block.check();
        let allocator = self.allocator(block.owner);
        block.check_known(&allocator);
        let face = Face::of(how);
        let layout = face.layout(&block, how / 4 % 4 == 1);
        lock(&self.model).remove(&block, layout.size());
        // SAFETY: it is live, and of this allocator.
        unsafe { face.free(&allocator, block.start(), layout) };
    }

    pub(super) fn free_all(&self, who: usize) {
        let mut all = mem::take(&mut *lock(&self.hands[who]));
        all.append(&mut lock(&self.estates[who]));
        for (how, block) in all.into_iter().enumerate() {
            self.free(block, how);
        }
    }

    fn resize(&self, who: usize, tape: &mut Tape<'_>) {
        let (how, at) = (tape.below(256), tape.below(256));
        let (kind, near) = (tape.below(8), tape.below(40));
        let (size, align) = (tape.size(), tape.align());
        let mut mine = lock(&self.hands[who]);
        if mine.is_empty() {
            return;
        }
        let at = mine.len() - 1 - at % mine.len();
        let block = mine.swap_remove(at);
        drop(mine);
        let was = block.layout().size();
        let size = match kind {
            0 => was + near,
            1 => was.saturating_sub(near).max(1),
            2 => was * 2,
            3 => was / 2 + 1,
            4 => was,
            _ => size,
        };
        let full = lock(&self.model).bytes > MOST_LIVE;
        let new = layout(if full { was } else { size.min(8 << 20) }, align);
        let allocator = self.allocator(block.owner);
        block.check();
        if kind == 7 {
            // Too large: nothing happens to the block.
            // SAFETY: it is live, and of this allocator.
            let refused = unsafe { allocator.reallocate(block.start(), block.layout(), 1 << 62) };
            assert!(
                matches!(refused, Err(AllocError::OutOfMemory { size, .. }) if size == 1 << 62),
                "{refused:?}"
            );
            block.check();
        }
        let face = Face::of(how);
        let old = face.layout(&block, (how / 4).is_multiple_of(2));
        lock(&self.model).remove(&block, old.size());
        // SAFETY: it is live, of this allocator, and not used again, but as what was in it.
        let (bytes, new, kept) = unsafe {
            face.resize(
                &allocator,
                block.start(),
                old,
                new,
                (how / 8).is_multiple_of(2),
            )
        };
        let there = NonNull::slice_from_raw_parts(bytes.cast::<u8>(), kept);
        // SAFETY: written before, and no block's yet.
        block.check_kept(unsafe { there.as_ref() });
        let was = block.layout();
        let block = self.made(&allocator, bytes, new, block.owner);
        if class_of(was) == class_of(new) && was.align() == new.align() {
            lock(&self.model).resized(&block);
        }
        lock(&self.hands[who]).push(block);
    }

    /// Asks about a thread's blocks.
    fn ask(&self, who: usize, count: usize) {
        for (number, allocator) in self.allocators.iter().enumerate() {
            let allocator = allocator.read().unwrap_or_else(PoisonError::into_inner);
            let stats = allocator.stats();
            assert!((0.0..=1.0).contains(&stats.hit_rate()));
            let here = 0_u8;
            assert!(!allocator.owns(&raw const here));
            assert_eq!(allocator.usable_size(&raw const here), None);
            for block in lock(&self.hands[who]).iter().rev().take(count) {
                block.check();
                if block.owner == number {
                    block.check_known(&allocator);
                } else {
                    assert!(!allocator.owns(block.start().as_ptr()), "{block:?}");
                }
            }
        }
    }

    /// At the end of a thread: frees the blocks it left, and allocates more.
    pub(super) fn settle(&self, who: usize, estate: Vec<Block>) {
        for (how, block) in estate.into_iter().enumerate() {
            self.free(block, how);
            let new = self.make(how, layout(1 + how * 7 % 300, 1 << (how % 5)));
            if how.is_multiple_of(3) {
                self.free(new, how / 2);
            } else {
                lock(&self.hands[who]).push(new);
            }
        }
    }
}

impl World {
    /// Requests that cannot be met, and those for nothing.
    fn refused(&self, tape: &mut Tape<'_>) {
        let owner = tape.below(self.allocators.len());
        let held = self.allocator(owner);
        let allocator = &**held;
        let (size, align) = (tape.size(), tape.align());
        let zero = allocator.allocate(0, align);
        assert_eq!(zero, Err(AllocError::Zero { align }));
        let bad = align * 3;
        let refused = allocator.allocate_zeroed(size, bad);
        assert_eq!(refused, Err(AllocError::BadAlign { size, align: bad }));
        let huge = isize::MAX.cast_unsigned() - align + 2;
        let refused = allocator.allocate(huge, align);
        assert_eq!(refused, Err(AllocError::TooLarge { size: huge, align }));
        let refused = allocator.allocate(1 << 62, 8);
        assert!(matches!(refused, Err(AllocError::OutOfMemory { .. })));
        // A block of no bytes grows, and shrinks to none.
        let none = layout(0, align);
        let some = layout(size, align);
        let block = Allocator::allocate(allocator, none).expect("it takes nothing");
        assert_eq!(block.cast::<u8>().as_ptr().addr() % align, 0);
        // SAFETY: allocated with this layout, and not smaller now.
        let block = unsafe { Allocator::grow_zeroed(allocator, block.cast(), none, some) };
        let block = block.expect("there is memory");
        // SAFETY: zeroed, if it is right.
        unsafe { super::check_zero(block) };
        // SAFETY: allocated with this layout, and not larger now.
        let block = unsafe { Allocator::shrink(allocator, block.cast(), some, none) };
        let block = block.expect("it takes nothing");
        // SAFETY: allocated with this layout.
        unsafe { Allocator::deallocate(allocator, block.cast(), none) };
        lock(&self.model).passed(owner, some);
    }
}
