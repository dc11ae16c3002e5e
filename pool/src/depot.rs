//! A depot: the free slots of one node that are in no thread's cache, in magazines, on lock-free
//! stacks. A pool has one for each node that it has memory on; see [`depots`](crate::depots).
//!
//! Four stacks, and the slab below them:
//!
//! | stack | carries |
//! |---|---|
//! | `full` | magazines that a cache filled |
//! | `partial` | what closing caches left; few, since each merges its rest with one of them |
//! | `cold` | slots whose memory was given back to the system; used last |
//! | `empty` | magazines without slots, to be filled |
//!
//! # Why no link comes back too early
//!
//! A link may be pushed on a stack only if a grace period has passed since it last left that same
//! stack (see [`links`](crate::links)). Here every link goes round one way:
//!
//! ```text
//! store ──> full, partial or cold ──> empty ──(grace period)──> store
//!                   └────────────────(grace period)──────────────┘
//! ```
//!
//! A refill pops a filled magazine and sends its link straight on to `empty`, with the magazine
//! that the cache used up; a flush takes an empty magazine and retires the link. So each way from
//! a stack back to it leads through the store, and with that through one grace period.
//!
//! # Who may say that there are no slots
//!
//! Nobody here: the [`Ledger`](crate::ledger::Ledger) grants a reservation first, and what it granted exists. A slot that
//! is neither out nor on a stack is in a slab still, or in the hands of a thread for the length of a
//! few instructions.

#![allow(unsafe_code)]

mod trim;

use crate::links::{LinkStore, Stack};
use crate::magazine::Magazine;
use crate::quota::Quota;
use crate::slab::Slab;
use crate::source::Refused;
use crate::sync::epoch::{self, Guard};
use crate::sync::{AtomicUsize, Ordering};
use std::ptr::NonNull;

/// The shared free slots of one node. Aligned so that two depots' heads are never on one cache line.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Depot {
    full: Stack,
    empty: Stack,
    partial: Stack,
    cold: Stack,
    links: &'static LinkStore,
    shape: Shape,
    /// Leave to give memory to slots of this depot alone.
    quota: Quota,
    /// Slots without memory that are on `cold`, or on their way there or from there.
    without: AtomicUsize,
    /// How often a `trim` began or ended: odd while it holds free slots.
    trims: AtomicUsize,
    slab: Slab,
}

/// What the magazines of a pool are like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Slots in a magazine.
    pub(crate) cap: u32,
    /// What the hot path fills one to.
    pub(crate) limit: u32,
}

impl Depot {
    pub(crate) fn new(slab: Slab, shape: Shape, quota: usize, links: &'static LinkStore) -> Self {
        Self {
            full: Stack::new(),
            empty: Stack::new(),
            partial: Stack::new(),
            cold: Stack::new(),
            links,
            shape,
            quota: Quota::new(quota),
            without: AtomicUsize::new(0),
            trims: AtomicUsize::new(0),
            slab,
        }
    }

    pub(crate) fn slab(&self) -> &Slab {
        &self.slab
    }

    pub(crate) fn slab_mut(&mut self) -> &mut Slab {
        &mut self.slab
    }

    pub(crate) fn quota(&self) -> &Quota {
        &self.quota
    }

    /// Takes a magazine of at most `most` slots that have memory, and leaves `empty` for it.
    ///
    /// # Safety
    ///
    /// The caller owns `empty`, which is, and owns what it gets instead.
    #[inline]
    pub(crate) unsafe fn withdraw(
        &self,
        empty: Magazine,
        most: usize,
        guard: &Guard,
    ) -> Option<Magazine> {
        let link = self.full.pop(guard).or_else(|| self.partial.pop(guard))?;
        let magazine = link.replace(None).expect("stacks carry magazines");
        if magazine.len() as usize <= most {
            link.replace(Some(empty));
            // SAFETY: came from the store, by way of a filled stack: since it was last on `empty`
            // it passed a grace period (see the module).
            unsafe { self.empty.push(link) };
            return Some(magazine);
        }
        // The pool is nearly full: take what was granted, and put the rest where others find it.
        // SAFETY: the one came off a stack and is ours, the other is the caller's.
        unsafe { magazine.pour(empty, most as u32) };
        self.links.retire(link, guard);
        self.put(&self.partial, magazine, guard);
        Some(empty)
    }

    /// Takes a magazine of slots that have memory.
    pub(crate) fn draw(&self, guard: &Guard) -> Option<Magazine> {
        self.take_off(&self.full, guard)
            .or_else(|| self.take_partial(guard))
    }

    /// Gives memory to up to `most` slots, as far as `quota` has leave: to cold ones, or fresh ones.
    /// `None`: there is no leave, or another thread has what there is leave for in its hands.
    ///
    /// # Errors
    ///
    /// The system refuses the memory.
    ///
    /// # Safety
    ///
    /// As for [`Depot::withdraw`]; if there is nothing, `empty` is the caller's still.
    pub(crate) unsafe fn grow(
        &self,
        empty: Magazine,
        most: usize,
        quota: &Quota,
        guard: &Guard,
    ) -> Result<Option<Magazine>, Refused> {
        let leave = quota.take(most.min(self.shape.cap as usize));
        if leave == 0 {
            return Ok(None);
        }
        // SAFETY: by contract.
        let grown = unsafe { self.grow_within(empty, leave, guard) };
        let used = match grown {
            Ok(Some(magazine)) => magazine.len() as usize,
            Ok(None) | Err(_) => 0,
        };
        quota.give(leave - used);
        grown
    }

    /// [`Depot::grow`], with leave for `most` slots.
    ///
    /// # Safety
    ///
    /// As there.
    unsafe fn grow_within(
        &self,
        empty: Magazine,
        most: usize,
        guard: &Guard,
    ) -> Result<Option<Magazine>, Refused> {
        let Some(magazine) = self.take_off(&self.cold, guard) else {
            // SAFETY: `empty` is the caller's, and has room for a magazine's worth.
            let carved = unsafe { self.slab.carve(most, empty) }?;
            return Ok((carved > 0).then_some(empty));
        };
        // SAFETY: off a stack, so ours.
        if let Err(refused) = unsafe { self.slab.recommit(magazine) } {
            self.put(&self.cold, magazine, guard);
            return Err(refused);
        }
        let taken = most.min(magazine.len() as usize);
        // Relaxed: a figure for statistics.
        self.without.fetch_sub(taken, Ordering::Relaxed);
        if taken == magazine.len() as usize {
            self.put(&self.empty, empty, guard);
            return Ok(Some(magazine));
        }
        // SAFETY: the one came off a stack and is ours, the other is the caller's.
        unsafe { magazine.pour(empty, most as u32) };
        self.put(&self.cold, magazine, guard);
        Ok(Some(empty))
    }

    /// Takes a full magazine of slots of this depot that were out.
    #[inline]
    pub(crate) fn accept_full(&self, magazine: Magazine, guard: &Guard) {
        debug_assert!(magazine.is_full());
        self.put(&self.full, magazine, guard);
    }

    /// Takes slots of this depot that were out.
    pub(crate) fn accept(&self, magazine: Magazine, guard: &Guard) {
        let stack = match (magazine.is_empty(), magazine.is_full()) {
            (true, _) => &self.empty,
            (_, true) => &self.full,
            _ => &self.partial,
        };
        self.put(stack, magazine, guard);
    }

    /// Takes a partial magazine off its stack.
    pub(crate) fn take_partial(&self, guard: &Guard) -> Option<Magazine> {
        self.take_off(&self.partial, guard)
    }

    /// Puts `magazine` on `stack`, on a link from the store.
    fn put(&self, stack: &Stack, magazine: Magazine, guard: &Guard) {
        let link = self.links.take(guard);
        link.replace(Some(magazine));
        // SAFETY: fresh from the store.
        unsafe { stack.push(link) };
    }

    /// An empty magazine, owned by the caller.
    pub(crate) fn take_empty(&self, guard: &Guard) -> Magazine {
        self.take_off(&self.empty, guard)
            .unwrap_or_else(|| Magazine::new(self.shape.cap, self.shape.limit))
    }

    /// Calls `visit` with the slots of up to `magazines` magazines that have memory. What is out of the
    /// depot for that, `reserve` enters beforehand, or refuses, and `give_back` afterwards.
    pub(crate) fn visit(
        &self,
        magazines: usize,
        reserve: &mut dyn FnMut(usize) -> Option<usize>,
        give_back: &dyn Fn(usize),
        visit: &mut dyn FnMut(NonNull<u8>),
    ) {
        // From the one stack to the other, so that each is seen once: the partial ones first, which
        // are few.
        while let Some(magazine) = self.take_partial(&epoch::pin()) {
            self.put(&self.full, magazine, &epoch::pin());
        }
        for _ in 0..magazines {
            let Some(reserved) = reserve(self.shape.cap as usize) else {
                return;
            };
            let Some(magazine) = self.take_off(&self.full, &epoch::pin()) else {
                return give_back(reserved);
            };
            let len = magazine.len() as usize;
            give_back(reserved - len);
            // SAFETY: off a stack, so ours, and not changed meanwhile.
            unsafe { magazine.slots() }.for_each(&mut *visit);
            self.put(&self.partial, magazine, &epoch::pin());
            give_back(len);
        }
    }

    /// Takes the magazine of one link off a stack, and retires the link.
    fn take_off(&self, stack: &Stack, guard: &Guard) -> Option<Magazine> {
        let link = stack.pop(guard)?;
        let magazine = link.replace(None).expect("stacks carry magazines");
        self.links.retire(link, guard);
        Some(magazine)
    }

    /// Slots that have memory.
    pub(crate) fn warm(&self) -> usize {
        let without = self.without.load(Ordering::Relaxed);
        self.slab.carved().saturating_sub(without)
    }

    /// Frees the depot's magazines, and returns its slab.
    ///
    /// # Safety
    ///
    /// No slot and no magazine of the pool is used again.
    pub(crate) unsafe fn tear_down(self) -> Slab {
        for stack in [&self.full, &self.partial, &self.cold, &self.empty] {
            while let Some(magazine) = self.take_off(stack, &epoch::pin()) {
                // SAFETY: off a stack, so ours; nobody has a copy that is used again.
                unsafe { magazine.free() };
            }
        }
        self.slab
    }
}
