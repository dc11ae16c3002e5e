//! Memory that goes back to the system.

#![allow(unsafe_code)]

use super::Depot;
use crate::links::Stack;
use crate::magazine::Magazine;
use crate::sync::Ordering;
use crate::sync::epoch;
use std::ptr::NonNull;

/// What a trim did.
#[derive(Debug, Default)]
pub(crate) struct Trimmed {
    /// Bytes given back.
    pub(crate) bytes: usize,
    /// Slots that became cold: leave for so many is there again.
    pub(crate) cold: usize,
}

impl Depot {
    /// Gives the pages on which all slots are in the depot back to the system. One trim at a
    /// time; a second one does nothing.
    pub(crate) fn trim(&self) -> Trimmed {
        let trims = self.trims();
        // Acquire and Release make one trim follow the other.
        let begun =
            self.trims
                .compare_exchange(trims & !1, trims | 1, Ordering::AcqRel, Ordering::Relaxed);
        if begun.is_err() {
            return Trimmed::default();
        }
        // Before the set of carved slots is made: it has to hold all that are found.
        let mut shells = Vec::new();
        // The cold ones too: together with their neighbours they may make whole pages.
        let stacks = [&self.full, &self.partial, &self.cold].map(|stack| {
            let first = shells.len();
            while let Some(magazine) = self.take_off(stack, &epoch::pin()) {
                shells.push(magazine);
            }
            first
        });
        let before = self.slab.take_purged();
        let (mut free, mut were_cold) = (self.slab.slot_set(), self.slab.slot_set());
        let (mut newly_cold, mut kept) = (0_usize, Vec::new());
        for (number, &magazine) in shells.iter().enumerate() {
            // SAFETY: off a stack, so ours.
            while let Some(slot) = unsafe { magazine.pop() } {
                let index = self.slab.index(slot);
                if number < stacks[2] && self.slab.is_parked(index) {
                    // It came after those that are parked were dropped.
                    kept.push(slot);
                    continue;
                }
                free.insert(index);
                if number >= stacks[2] {
                    were_cold.insert(index);
                }
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
            let known = were_cold.count_in(&run);
            if bytes > 0 {
                newly_cold += run.len() - known;
                // Before others can take them.
                self.without.fetch_add(run.len() - known, Ordering::Relaxed);
            } else {
                self.slab.keep_purged(known);
            }
            for index in run.rev() {
                // What has no memory stays cold, also if the system would not take it this time.
                let side = match bytes > 0 || were_cold.contains(index) {
                    true => &mut cold,
                    false => &mut warm,
                };
                side.add(self.slab.slot(index), &mut shells);
            }
        }
        for slot in kept {
            warm.add(slot, &mut shells);
        }
        warm.finish();
        cold.finish();
        // Not freed: a reader of statistics may be looking at a magazine that was a cache's.
        for shell in shells {
            self.put(&self.empty, shell, &epoch::pin());
        }
        self.trims.fetch_add(1, Ordering::Release);
        Trimmed {
            bytes: purged.saturating_sub(before),
            cold: newly_cold,
        }
    }

    /// How often a trim began or ended: odd while one holds free slots.
    pub(crate) fn trims(&self) -> usize {
        self.trims.load(Ordering::Acquire)
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
        let new = || {
            shells
                .pop()
                .unwrap_or_else(|| self.depot.take_empty(&epoch::pin()))
        };
        let magazine = self.open.take().unwrap_or_else(new);
        // SAFETY: ours, from `shells` or the depot.
        let pushed = unsafe { magazine.put(slot) };
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
