//! What a pool scope has of its thread's cache: the previous magazine, and more of them one by one.
//!
//! As long as it is lent the cache goes on with the loaded magazine alone. So cache and scope together
//! hold at most two magazines of free slots, which is what the [ledger](crate::ledger) counts on, and
//! nobody has to be told of a scope. The magazine that the scope takes from is in the cache's record,
//! where statistics see it; those that it has used up have no free slots to be seen.
//!
//! Each of the two asks the depots when it has no slot itself, and may say "full" only for both. The
//! cache cannot have the scope's slots, and tells the ledger how many they are. The scope takes what is
//! in the cache before it says "full".

#![allow(unsafe_code)]

use super::{Caches, Record, ThreadCache};
use crate::depots::Shortage;
use crate::magazine::Magazine;
use std::iter;
use std::ptr::NonNull;

impl Caches {
    /// Lends the previous magazine of a cache, if it is live and that is not lent.
    pub(crate) fn lend(&self, cache: &ThreadCache) -> Option<(NonNull<Record>, Magazine)> {
        let record = cache.record()?;
        // SAFETY: a record outlives the live state of its cache.
        let shared = unsafe { record.as_ref() };
        if self.depots.is_strict() || shared.is_lent.replace(true) {
            return None;
        }
        if shared.previous().is_empty() && !shared.loaded().is_empty() {
            shared.swap();
            // SAFETY: the cache's own record.
            unsafe { cache.go_live(record) };
        }
        let magazine = shared.previous();
        magazine.lend(None);
        Some((record, magazine))
    }

    /// Lends another magazine, in place of one that is used up.
    ///
    /// # Safety
    ///
    /// `magazine` is the one that was lent last of this record, and has no free slots.
    pub(crate) unsafe fn lend_more(
        &self,
        record: NonNull<Record>,
        magazine: Magazine,
    ) -> Result<Magazine, Shortage> {
        // SAFETY: a record stays as long as its magazine is lent.
        let record = unsafe { record.as_ref() };
        self.collect(record, magazine);
        let station = self.depots.station();
        record.station.set(station);
        let who = record.number();
        // One that came without slots is as good as an empty one.
        let is_used = magazine.came() > 0;
        let refilled = match is_used {
            // SAFETY: of this cache's slots only those that are loaded are free, and "full" is not said
            // below as long as there are any.
            true => unsafe { self.depots.draw(who, station) },
            // SAFETY: as above; the magazine is ours.
            false => unsafe { self.depots.refill(magazine, who, station, 0) },
        };
        let loaded = record.loaded();
        let filled = match refilled {
            Ok((filled, reserved)) => {
                self.note_high_water(reserved.out_before + filled.len() as usize);
                record.count_refill();
                filled
            }
            Err(shortage) if loaded.is_empty() => return Err(shortage),
            Err(_) => {
                let empty = match is_used {
                    true => self.depots.empty_magazine(station),
                    false => magazine,
                };
                // SAFETY: this thread's two.
                unsafe { loaded.pour(empty, loaded.len()) };
                empty
            }
        };
        filled.lend(is_used.then_some(magazine));
        record.set_previous(filled);
        Ok(filled)
    }

    /// Takes back what was lent: the first magazine is the cache's previous one again, the others go to
    /// the depots. `forgets` says whether any of their slots has gone another way. True: the thread has
    /// left the record, and the caller closes it.
    ///
    /// # Safety
    ///
    /// `magazine` is the one that was lent last of this record, and nobody uses it, its slots, or those of
    /// the others, any more.
    pub(crate) unsafe fn take_back(
        &self,
        record: NonNull<Record>,
        magazine: Magazine,
        forgets: bool,
    ) -> bool {
        // SAFETY: a record stays as long as its magazine is lent.
        let record = unsafe { record.as_ref() };
        if magazine.below().is_none() {
            // SAFETY: by contract.
            unsafe { magazine.take_back(forgets) };
        } else {
            self.collect(record, magazine);
            // SAFETY: by contract.
            unsafe { self.take_back_several(record, magazine, forgets) };
        }
        record.is_lent.set(false);
        record.is_left.get()
    }

    /// # Safety
    ///
    /// As for [`Caches::take_back`].
    unsafe fn take_back_several(&self, record: &Record, newest: Magazine, forgets: bool) {
        let mut first = newest;
        for magazine in stack(newest) {
            // SAFETY: by contract.
            unsafe { magazine.take_back(forgets) };
            first = magazine;
        }
        record.set_previous(first);
        let others = stack(newest).take_while(|&magazine| magazine != first);
        let station = record.station.get();
        // SAFETY: the scope's, so this thread's, whose cache is open; their slots are out.
        let count = unsafe { self.depots.take_whole(others, record.number(), station) };
        record.count_flushes(count);
    }

    /// A magazine to be a list of slots, on top of another one.
    pub(crate) fn list(&self, below: Option<Magazine>) -> Magazine {
        let list = self.depots.empty_magazine(self.depots.station());
        list.lend_as_list(below);
        list
    }

    /// Takes lists back.
    ///
    /// # Safety
    ///
    /// `newest` is the one that [`Caches::list`] gave last, and nobody uses it, or one below it, any more.
    pub(crate) unsafe fn take_lists_back(&self, newest: Magazine) {
        let station = self.depots.station();
        for list in stack(newest) {
            list.clear_list();
            self.depots.accept_empty(list, station);
        }
    }
}

/// What was lent, the newest first. Each is asked for the next before it is given out.
fn stack(newest: Magazine) -> impl Iterator<Item = Magazine> {
    let mut next = Some(newest);
    iter::from_fn(move || {
        let magazine = next?;
        next = magazine.below();
        Some(magazine)
    })
}
