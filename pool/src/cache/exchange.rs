//! The slow paths: a cache's magazines exchanged with each other, and with the depots.

#![allow(unsafe_code)]

use super::{Caches, Record, ThreadCache};
use crate::depots::Shortage;
use crate::magazine::Magazine;
use std::ptr::NonNull;

impl Caches {
    pub(super) fn allocate_from(
        &self,
        cache: &ThreadCache,
        record: &Record,
    ) -> Result<NonNull<u8>, Shortage> {
        let mut shortage = None;
        if record.loaded().is_empty() {
            cache.suspend();
            // Where every free is looked at, the previous magazine has other nodes' slots.
            // What is lent is somebody's.
            if record.previous().is_empty() || record.is_lent.get() || self.depots.is_strict() {
                shortage = self.refill(record).err();
            } else {
                record.swap();
            }
            // SAFETY: the cache's own record.
            unsafe { cache.go_live(NonNull::from(record)) };
        }
        match (cache.allocate(), shortage) {
            (Some(slot), _) => Ok(slot),
            (None, shortage) => Err(shortage.expect("a magazine that was filled has slots")),
        }
    }

    /// Fills the loaded magazine of a cache that is suspended, and has no slots in it.
    fn refill(&self, record: &Record) -> Result<(), Shortage> {
        let loaded = record.loaded();
        self.collect(record, loaded);
        let station = self.depots.station();
        record.station.set(station);
        let aside = match record.is_lent.get() {
            true => record.previous().len() as usize,
            false => 0,
        };
        // SAFETY: the magazine is this cache's, which is suspended and has no slots but those.
        let refill = || unsafe { self.depots.refill(loaded, record.number(), station, aside) };
        let mut refilled = refill();
        if refilled == Err(Shortage::Full) && aside == 0 && !record.previous().is_empty() {
            // "Full" is for who has no slots: other nodes' are sent home first.
            self.send_home(record, 0);
            refilled = refill();
        }
        let (filled, reserved) = refilled?;
        self.note_high_water(reserved.out_before + filled.len() as usize);
        record.count_refill();
        record.set_loaded(filled);
        Ok(())
    }

    /// Moves a magazine's count of allocations to its record, and to what is known of its station.
    pub(super) fn collect(&self, record: &Record, magazine: Magazine) {
        let used = record.collect(magazine);
        self.depots.note_use(record.station.get(), used);
    }

    /// Hands slots of the previous magazine over until at most `rest` are left.
    fn send_home(&self, record: &Record, rest: u32) {
        let previous = record.previous();
        self.collect(record, previous);
        while previous.len() > rest {
            // SAFETY: this cache's, which is suspended; it has slots.
            unsafe {
                self.depots
                    .send_home(&[previous], record.number(), record.station.get());
            }
        }
    }

    pub(super) fn free_to(&self, cache: &ThreadCache, record: &Record, slot: NonNull<u8>) {
        if self.depots.is_strict() {
            self.free_looking(cache, record, slot);
            return;
        }
        let loaded = record.loaded();
        if loaded.is_full() {
            cache.suspend();
            let previous = record.previous();
            if record.is_lent.get() {
                self.flush_half(record);
            } else if previous.is_full() {
                self.collect(record, previous);
                let station = self.depots.station();
                record.station.set(station);
                // The previous magazine is the colder one.
                // SAFETY: they are this cache's, which is suspended, and full.
                let rest = unsafe {
                    self.depots
                        .flush(loaded, previous, record.number(), station)
                };
                record.count_flush();
                record.set_previous(rest);
            }
            if record.loaded().is_full() {
                record.swap();
            }
            // SAFETY: the cache's own record.
            unsafe { cache.go_live(NonNull::from(record)) };
        }
        let freed = cache.free(slot);
        debug_assert!(freed, "the loaded magazine has room now");
    }

    /// Makes room in the loaded magazine of a cache that is suspended, and has no other. Half of it stays,
    /// so that who hovers at the boundary does not rattle.
    #[cold]
    fn flush_half(&self, record: &Record) {
        let loaded = record.loaded();
        self.collect(record, loaded);
        let station = self.depots.station();
        record.station.set(station);
        // SAFETY: this cache's, which is suspended.
        let rest = unsafe { self.depots.flush_half(loaded, record.number(), station) };
        record.count_flush();
        record.set_loaded(rest);
    }

    /// Frees where a thread may be given its own node's slots only: those go to the loaded magazine,
    /// others' to the previous one.
    fn free_looking(&self, cache: &ThreadCache, record: &Record, slot: NonNull<u8>) {
        // Where the loaded magazine was filled; the thread may have moved since.
        let station = record.station.get();
        let own = self.depots.is_of(station, slot);
        let side = || {
            if own {
                record.loaded()
            } else {
                record.previous()
            }
        };
        if side().is_full() {
            cache.suspend();
            if own {
                let loaded = record.loaded();
                self.collect(record, loaded);
                // SAFETY: this cache's, which is suspended.
                let rest = unsafe { self.depots.halve(loaded, record.number(), station) };
                record.set_loaded(rest);
            } else {
                self.send_home(record, self.depots.magazine() - 1);
            }
            record.count_flush();
            // SAFETY: the cache's own record.
            unsafe { cache.go_live(NonNull::from(record)) };
        }
        // SAFETY: this cache's, and only this thread has it.
        let freed = unsafe { side().put(slot) };
        debug_assert!(freed, "there is room now");
    }
}
