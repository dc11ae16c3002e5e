//! From a cache to the depots: every slot to its home.

#![allow(unsafe_code)]

use super::Depots;
use crate::magazine::Magazine;
use crate::sync::epoch::{self, Guard};

impl Depots {
    /// Makes room in a cache whose magazines are both full. Returns what takes the place of the
    /// previous magazine; it has room, or the loaded one has. `who` tells this cache from others.
    ///
    /// # Safety
    ///
    /// The caller owns both, which are two, and counts their slots as out. It owns what it gets, and
    /// `previous` no more unless it is the same.
    pub(crate) unsafe fn flush(
        &self,
        loaded: Magazine,
        previous: Magazine,
        who: u64,
        station: usize,
    ) -> Magazine {
        let guard = epoch::pin();
        // SAFETY: the caller's.
        if let Some(home) = unsafe { self.only_home(previous) } {
            let empty = self.homes[home].take_empty(&guard);
            previous.set_filled_by(who);
            // SAFETY: the caller's, of that home.
            unsafe { self.note_flush(home, previous, station) };
            self.homes[home].accept_full(previous, &guard);
            self.ledger.give_back(self.magazine() as usize);
            return empty;
        }
        // SAFETY: by contract.
        unsafe { self.send_home(&[loaded, previous], who, station) };
        previous
    }

    /// The home of all slots of a magazine, which has some. `None`: they have several.
    ///
    /// # Safety
    ///
    /// The caller owns it.
    #[inline]
    unsafe fn only_home(&self, magazine: Magazine) -> Option<usize> {
        if self.homes.len() == 1 {
            return Some(0);
        }
        // SAFETY: the caller's, and not changed meanwhile.
        let mut homes = unsafe { magazine.slots() }.map(|slot| self.home(slot));
        let first = homes.next()?;
        homes.all(|home| home == first).then_some(first)
    }

    /// Sends what has the same home together to it: of magazines that have slots, those of the home of
    /// most of them, at most a magazine's worth.
    ///
    /// # Safety
    ///
    /// The caller owns them, which are different ones, and counts their slots as out.
    pub(crate) unsafe fn send_home(&self, cache: &[Magazine], who: u64, station: usize) {
        let guard = &epoch::pin();
        // SAFETY: by contract.
        let (home, group) = unsafe { self.largest_group(cache, guard) };
        group.set_filled_by(who);
        // SAFETY: made of the caller's slots, and ours now.
        unsafe { self.note_flush(home, group, station) };
        self.hand_over(home, group, guard);
    }

    /// Takes the slots out of magazines that are of the home of most of them.
    ///
    /// # Safety
    ///
    /// The caller owns them, which are different ones. It owns what it gets.
    unsafe fn largest_group(&self, cache: &[Magazine], guard: &Guard) -> (usize, Magazine) {
        // Counted in buckets: with more homes than these the group may not be the largest.
        let mut counts = [0_u32; 64];
        let mut best = 0;
        for &magazine in cache {
            // SAFETY: the caller's, and not changed meanwhile.
            for slot in unsafe { magazine.slots() } {
                let home = self.home(slot);
                let bucket = home % counts.len();
                counts[bucket] += 1;
                if counts[bucket] >= counts[best % counts.len()] {
                    best = home;
                }
            }
        }
        let group = self.homes[best].take_empty(guard);
        // From the previous one first: its slots were touched longer ago.
        for &magazine in cache.iter().rev() {
            // SAFETY: the caller's and ours, which are two.
            unsafe { magazine.extract(group, |slot| self.home(slot) == best) };
        }
        (best, group)
    }

    /// Hands over the cold half of a magazine whose slots are of a station's own node, and returns
    /// one with the rest.
    ///
    /// # Safety
    ///
    /// The caller owns it, and counts its slots as out. It owns what it gets instead.
    pub(crate) unsafe fn halve(&self, magazine: Magazine, who: u64, station: usize) -> Magazine {
        let guard = epoch::pin();
        let home = self.setup.routes.local(station);
        let home = home.expect("there are slots of the station's own node");
        let rest = self.homes[home].take_empty(&guard);
        // SAFETY: the caller's and ours, which are two.
        unsafe { magazine.pour(rest, self.magazine() / 2) };
        magazine.set_filled_by(who);
        // SAFETY: the caller's.
        unsafe { self.note_flush(home, magazine, station) };
        self.hand_over(home, magazine, &guard);
        rest
    }

    /// Makes room in a magazine that is full, and all of a cache: hands its cold half over. Returns what
    /// takes its place.
    ///
    /// # Safety
    ///
    /// The caller owns it, and counts its slots as out. It owns what it gets instead.
    pub(crate) unsafe fn flush_half(
        &self,
        magazine: Magazine,
        who: u64,
        station: usize,
    ) -> Magazine {
        let guard = epoch::pin();
        let rest = self.near(station).take_empty(&guard);
        // SAFETY: the caller's and ours, which are two.
        unsafe { magazine.pour(rest, self.magazine() / 2) };
        magazine.set_filled_by(who);
        // SAFETY: the caller's, and its slots are out.
        unsafe { self.take_all(&[magazine], station, &guard) };
        rest
    }

    /// Gives a magazine that the caller owns, and whose slots it counts as out, to their home.
    fn hand_over(&self, home: usize, magazine: Magazine, guard: &Guard) {
        let len = magazine.len() as usize;
        self.homes[home].accept(magazine, guard);
        self.ledger.give_back(len);
    }

    /// Notes that a thread at a station hands a magazine over.
    ///
    /// # Safety
    ///
    /// The caller owns it.
    #[inline]
    unsafe fn note_flush(&self, home: usize, magazine: Magazine, station: usize) {
        if let Some(traffic) = &self.traffic {
            let slab = self.homes[home].slab();
            // SAFETY: the caller's, and not changed meanwhile.
            let slots = unsafe { magazine.slots() }.map(|slot| slab.index(slot));
            traffic.note_flush(station, home, magazine.len().into(), slots);
        }
    }

    /// Notes that threads at a station allocated so many objects.
    pub(crate) fn note_use(&self, station: usize, objects: u64) {
        if let Some(traffic) = &self.traffic {
            traffic.note_use(station, objects);
        }
    }

    /// Takes over the two magazines of a cache that closes, whatever is in them.
    ///
    /// # Safety
    ///
    /// The caller owns both, which are two, counts their slots as out, and has an open cache in the
    /// ledger. It does not touch them again.
    pub(crate) unsafe fn take_over(&self, first: Magazine, second: Magazine, station: usize) {
        // SAFETY: by contract.
        unsafe { self.take_all(&[first, second], station, &epoch::pin()) };
    }

    /// Takes over magazines that were filled from the depots, and whatever else is in them. Returns how
    /// many.
    ///
    /// # Safety
    ///
    /// As for [`Depots::take_over`], for all of them.
    pub(crate) unsafe fn take_whole(
        &self,
        magazines: impl Iterator<Item = Magazine>,
        who: u64,
        station: usize,
    ) -> usize {
        let guard = epoch::pin();
        let (mut count, mut slots) = (0, 0);
        for magazine in magazines {
            count += 1;
            magazine.set_filled_by(who);
            // SAFETY: the caller's.
            match unsafe { self.only_home(magazine) } {
                Some(home) if magazine.is_full() => {
                    // SAFETY: the caller's, of that home.
                    unsafe { self.note_flush(home, magazine, station) };
                    slots += magazine.len() as usize;
                    self.homes[home].accept_full(magazine, &guard);
                }
                // SAFETY: by contract.
                _ => unsafe { self.take_all(&[magazine], station, &guard) },
            }
        }
        self.ledger.give_back(slots);
        count
    }

    /// # Safety
    ///
    /// As for [`Depots::take_over`], for all of them.
    unsafe fn take_all(&self, cache: &[Magazine], station: usize, guard: &Guard) {
        let cap = self.magazine();
        loop {
            let held: u32 = cache.iter().map(|magazine| magazine.len()).sum();
            if held == 0 {
                break;
            }
            // SAFETY: they are the caller's.
            let (home, group) = unsafe { self.largest_group(cache, guard) };
            // SAFETY: made of the caller's slots, and ours now.
            unsafe { self.note_flush(home, group, station) };
            if !group.is_full() && held <= cap {
                // Merge with one partial magazine, so that these never become many. Its slots count
                // as out while we have them; how many they will be is not known before, but at most
                // this:
                self.ledger.borrow(cap as usize);
                let borrowed = self.homes[home].take_partial(guard);
                let most = group.cap() - group.len();
                let merged = borrowed.map_or(0, |other| {
                    // SAFETY: both are ours, and two.
                    unsafe { other.pour(group, most) }
                });
                if let Some(other) = borrowed {
                    self.homes[home].accept(other, guard);
                }
                // What was merged is counted with the group.
                self.ledger.give_back((cap - merged) as usize);
            }
            self.hand_over(home, group, guard);
        }
        for &empty in cache {
            self.near(station).accept(empty, guard);
        }
    }
}
