//! The depot: the free slots that are in no thread's cache, in magazines, on lock-free stacks.
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
//! Nobody here: the [`Ledger`] grants a reservation first, and what it granted exists. A slot that
//! is neither out nor on a stack is in the slab still, or in the hands of a thread for the length
//! of a few instructions.

#![allow(unsafe_code)]

use crate::error::InitError;
use crate::ledger::{Ledger, Reserved};
use crate::links::{LinkStore, Stack};
use crate::magazine::Magazine;
use crate::slab::{Slab, layout::Plan};
use crate::sync::epoch::{self, Guard};
use crate::sync::{AtomicBool, Ordering, spin_loop, yield_now};
use std::ptr::NonNull;

/// The shared part of a pool. Aligned so that two pools' heads are never on one cache line.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Depot {
    ledger: Ledger,
    full: Stack,
    empty: Stack,
    partial: Stack,
    cold: Stack,
    links: &'static LinkStore,
    /// Slots in a magazine.
    magazine: u32,
    /// Whether a `trim` holds free slots just now.
    trimming: AtomicBool,
    slab: Slab,
}

impl Depot {
    /// Reserves a region and sets up an empty depot over it.
    pub(crate) fn new(plan: &Plan, links: &'static LinkStore) -> Result<Self, InitError> {
        let ledger = Ledger::new(plan.capacity, plan.magazine as usize);
        Self::with_ledger(ledger, plan, links)
    }

    /// [`Depot::new`], with the ledger of a model's choice.
    pub(crate) fn with_ledger(
        ledger: Ledger,
        plan: &Plan,
        links: &'static LinkStore,
    ) -> Result<Self, InitError> {
        Ok(Self {
            ledger,
            full: Stack::new(),
            empty: Stack::new(),
            partial: Stack::new(),
            cold: Stack::new(),
            links,
            magazine: plan.magazine,
            trimming: AtomicBool::new(false),
            slab: Slab::new(plan)?,
        })
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn slab(&self) -> &Slab {
        &self.slab
    }

    pub(crate) fn slab_mut(&mut self) -> &mut Slab {
        &mut self.slab
    }

    pub(crate) fn magazine(&self) -> u32 {
        self.magazine
    }

    /// Exchanges an empty magazine for one with slots, at most a magazine's worth. `None`: full.
    /// `who` tells this cache from others.
    ///
    /// # Safety
    ///
    /// The caller owns `empty`, which is, and counts in the ledger with a cache that is empty. It
    /// owns what it gets instead, and `empty` no more unless it is the same.
    pub(crate) unsafe fn refill(&self, empty: Magazine, who: u64) -> Option<(Magazine, Reserved)> {
        let reserved = self.ledger.reserve(self.magazine as usize);
        if reserved.slots == 0 {
            return None;
        }
        let mut tries = 0_u32;
        let magazine = loop {
            let guard = epoch::pin();
            // SAFETY: `empty` is the caller's, and still empty.
            if let Some(magazine) = unsafe { self.withdraw(empty, reserved.slots, &guard) } {
                // SAFETY: ours now.
                unsafe { magazine.fetch_unless_filled_by(who) };
                break magazine;
            }
            // SAFETY: as above; it has room for a whole magazine's worth.
            if unsafe { self.slab.carve(reserved.slots, empty) } > 0 {
                break empty;
            }
            // What was reserved is there, but in another thread's hands between two stacks: a
            // trim's, or one that came from behind our look at the stacks to its look at the slab.
            drop(guard);
            tries += 1;
            if tries < 64 && cfg!(not(loom)) {
                spin_loop();
            } else {
                yield_now();
            }
        };
        let got = magazine.len() as usize;
        self.ledger.give_back(reserved.slots - got);
        Some((magazine, reserved))
    }

    /// Takes a magazine of at most `most` slots off a stack, and leaves `empty` for it.
    ///
    /// # Safety
    ///
    /// As for [`Depot::refill`].
    unsafe fn withdraw(&self, empty: Magazine, most: usize, guard: &Guard) -> Option<Magazine> {
        let mut is_cold = false;
        let link = self
            .full
            .pop(guard)
            .or_else(|| self.partial.pop(guard))
            .or_else(|| {
                is_cold = true;
                self.cold.pop(guard)
            })?;
        let magazine = link.replace(None).expect("stacks carry magazines");
        if is_cold {
            self.slab.recommit(magazine.len() as usize);
        }
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

    /// Hands a full magazine over, and gives an empty one for it. `who` tells this cache from others.
    ///
    /// # Safety
    ///
    /// The caller owns `full`, which is, and counts its slots as out. It owns what it gets instead.
    pub(crate) unsafe fn flush(&self, full: Magazine, who: u64) -> Magazine {
        debug_assert!(full.is_full());
        full.set_filled_by(who);
        let guard = epoch::pin();
        let empty = self.take_empty(&guard);
        self.put(&self.full, full, &guard);
        self.ledger.give_back(self.magazine as usize);
        empty
    }

    /// Puts `magazine` on `stack`, on a link from the store.
    fn put(&self, stack: &Stack, magazine: Magazine, guard: &Guard) {
        let link = self.links.take(guard);
        link.replace(Some(magazine));
        // SAFETY: fresh from the store.
        unsafe { stack.push(link) };
    }

    /// An empty magazine, owned by the caller.
    pub(crate) fn empty_magazine(&self) -> Magazine {
        self.take_empty(&epoch::pin())
    }

    fn take_empty(&self, guard: &Guard) -> Magazine {
        self.take_off(&self.empty, guard)
            .unwrap_or_else(|| Magazine::new(self.magazine))
    }

    /// Takes over the two magazines of a cache that closes, whatever is in them.
    ///
    /// # Safety
    ///
    /// The caller owns both, which are two, counts their slots as out, and has an open cache in the
    /// ledger. It does not touch them again.
    pub(crate) unsafe fn take_over(&self, first: Magazine, second: Magazine) {
        let guard = epoch::pin();
        // SAFETY: both are the caller's.
        unsafe { second.pour(first, self.magazine) };
        let rest = if first.is_full() {
            self.put(&self.full, first, &guard);
            self.ledger.give_back(self.magazine as usize);
            second
        } else {
            self.put(&self.empty, second, &guard);
            first
        };
        if rest.is_empty() {
            self.put(&self.empty, rest, &guard);
            return;
        }
        // Merge with one partial magazine, so that these never become many. Its slots count as out
        // while we have them; how many they will be is not known before, but at most this:
        let most = self.magazine as usize;
        let own = rest.len() as usize;
        self.ledger.borrow(most);
        match self.take_off(&self.partial, &guard) {
            None => self.put(&self.partial, rest, &guard),
            Some(other) => {
                // SAFETY: `other` came off a stack, `rest` is the caller's.
                unsafe { other.pour(rest, self.magazine) };
                let (stack, other_stack) = match (rest.is_full(), other.is_empty()) {
                    (true, false) => (&self.full, &self.partial),
                    (true, true) => (&self.full, &self.empty),
                    (false, _) => (&self.partial, &self.empty),
                };
                self.put(stack, rest, &guard);
                self.put(other_stack, other, &guard);
            }
        }
        self.ledger.give_back(own + most);
    }

    /// Gives the pages on which all slots are in the depot back to the system. Returns how many
    /// bytes that were. One trim at a time; a second one returns zero.
    pub(crate) fn trim(&self) -> usize {
        // Acquire and Release make one trim follow the other.
        if self.trimming.swap(true, Ordering::Acquire) {
            return 0;
        }
        let mut shells = Vec::new();
        // The cold ones too: together with their neighbours they may make whole pages.
        for stack in [&self.full, &self.partial, &self.cold] {
            while let Some(magazine) = self.take_off(stack, &epoch::pin()) {
                shells.push(magazine);
            }
        }
        let before = self.slab.take_purged();
        let mut free = self.slab.slot_set();
        for &magazine in &shells {
            // SAFETY: off a stack, so ours.
            while let Some(slot) = unsafe { magazine.pop() } {
                free.insert(self.slab.index(slot));
            }
        }
        let mut warm = Packer::new(self, &self.full);
        let mut cold = Packer::new(self, &self.cold);
        let mut purged = 0;
        // From the highest down, so that the lowest addresses come to lie on top.
        for run in free.runs() {
            // SAFETY: these slots were on the depot's stacks, and now are ours alone.
            let bytes = unsafe { self.slab.purge(&run) };
            purged += bytes;
            let side = if bytes > 0 { &mut cold } else { &mut warm };
            run.rev()
                .for_each(|index| side.add(self.slab.slot(index), &mut shells));
        }
        warm.finish();
        cold.finish();
        // Not freed: a reader of statistics may be looking at a magazine that was a cache's.
        for shell in shells {
            self.put(&self.empty, shell, &epoch::pin());
        }
        self.trimming.store(false, Ordering::Release);
        purged.saturating_sub(before)
    }

    /// Takes the magazine of one link off a stack, and retires the link.
    fn take_off(&self, stack: &Stack, guard: &Guard) -> Option<Magazine> {
        let link = stack.pop(guard)?;
        let magazine = link.replace(None).expect("stacks carry magazines");
        self.links.retire(link, guard);
        Some(magazine)
    }

    /// Frees what the depot owns: its magazines and its region.
    ///
    /// # Safety
    ///
    /// No slot and no magazine of the pool is used again.
    pub(crate) unsafe fn tear_down(self) {
        for stack in [&self.full, &self.partial, &self.cold, &self.empty] {
            while let Some(magazine) = self.take_off(stack, &epoch::pin()) {
                // SAFETY: off a stack, so ours; nobody has a copy that is used again.
                unsafe { magazine.free() };
            }
        }
        // SAFETY: by contract no slot is used again.
        unsafe { self.slab.unmap() };
    }
}

/// Packs slots into magazines, and puts those on a stack.
struct Packer<'a> {
    depot: &'a Depot,
    stack: &'a Stack,
    /// Owned, and not full.
    open: Option<Magazine>,
}

impl<'a> Packer<'a> {
    fn new(depot: &'a Depot, stack: &'a Stack) -> Self {
        let open = None;
        Self { depot, stack, open }
    }

    /// Packs a free slot that the caller owns. Takes magazines from `shells`, which are empty and
    /// owned as well.
    fn add(&mut self, slot: NonNull<u8>, shells: &mut Vec<Magazine>) {
        let new = || shells.pop().unwrap_or_else(|| self.depot.empty_magazine());
        let magazine = self.open.take().unwrap_or_else(new);
        // SAFETY: ours, from `shells` or the depot.
        let pushed = unsafe { magazine.push(slot) };
        debug_assert!(pushed, "an open magazine has room");
        if magazine.is_full() {
            self.depot.put(self.stack, magazine, &epoch::pin());
        } else {
            self.open = Some(magazine);
        }
    }

    /// Puts the last magazine on the stack as well.
    fn finish(self) {
        if let Some(magazine) = self.open {
            self.depot.put(self.stack, magazine, &epoch::pin());
        }
    }
}
