//! From the depots to a cache: where slots are looked for, and in which order.

#![allow(unsafe_code)]

use super::{Depots, Shortage};
use crate::config::NumaPolicy;
use crate::error::InitError;
use crate::ledger::Reserved;
use crate::magazine::Magazine;
use crate::numa::Traffic;
use crate::sync::epoch::{self, Guard};
use crate::sync::{Ordering, spin_loop, yield_now};

impl Depots {
    /// The home that serves a thread at a station first. `None`: no home may.
    #[inline]
    fn first(&self, station: usize) -> Option<usize> {
        match &self.traffic {
            None => Some(0),
            Some(traffic) => self.first_of(traffic, station),
        }
    }

    /// [`Depots::first`] of several.
    fn first_of(&self, traffic: &Traffic, station: usize) -> Option<usize> {
        let routes = &self.setup.routes;
        match self.setup.config.numa {
            NumaPolicy::LocalOnly => routes.local(station),
            NumaPolicy::Interleaved => {
                Some(self.turn.fetch_add(1, Ordering::Relaxed) % self.homes.len())
            }
            NumaPolicy::Adaptive | NumaPolicy::Preferred => {
                let nearest = usize::from(routes.order(station)[0]);
                Some(traffic.first(station).unwrap_or(nearest))
            }
        }
    }

    /// All homes that may serve a thread at a station, in this order.
    fn route(&self, station: usize, first: usize) -> impl Iterator<Item = usize> + Clone {
        let all = self.homes.len();
        let (turns, others) = match (self.setup.config.numa, &self.traffic) {
            (_, None) | (NumaPolicy::LocalOnly, _) => (0, &[][..]),
            (NumaPolicy::Interleaved, _) => (all, &[][..]),
            _ => (0, self.setup.routes.order(station)),
        };
        let others = others.iter().map(|&home| usize::from(home));
        std::iter::once(first)
            .chain(others.filter(move |&home| home != first))
            .chain((1..turns).map(move |n| (first + n) % all))
    }

    /// Exchanges an empty magazine for one with slots, at most a magazine's worth. `who` tells this
    /// cache from others; its thread is at `station`.
    ///
    /// # Safety
    ///
    /// The caller owns `empty`, which is, and counts in the ledger with a cache that is empty, but for
    /// `aside` slots that the caller cannot have. It owns what it gets instead, and then `empty` no more
    /// unless it is the same.
    pub(crate) unsafe fn refill(
        &self,
        empty: Magazine,
        who: u64,
        station: usize,
        aside: usize,
    ) -> Result<(Magazine, Reserved), Shortage> {
        let reserved = self.reserve(aside)?;
        // SAFETY: `empty` is the caller's, and empty.
        let found = unsafe { self.find(empty, reserved.slots, station) };
        // SAFETY: reserved for it, and the caller's.
        let filled = unsafe { self.enter(found, reserved, who) }?;
        Ok((filled, reserved))
    }

    /// [`Depots::refill`], of who has no empty magazine to give.
    ///
    /// # Safety
    ///
    /// The caller counts in the ledger with a cache that is empty. It owns what it gets.
    pub(crate) unsafe fn draw(
        &self,
        who: u64,
        station: usize,
    ) -> Result<(Magazine, Reserved), Shortage> {
        let reserved = self.reserve(0)?;
        let found = match self.draw_whole(reserved.slots, station) {
            Some(magazine) => Ok(magazine),
            None => {
                let empty = self.empty_magazine(station);
                // SAFETY: ours, and empty.
                let found = unsafe { self.find(empty, reserved.slots, station) };
                found.inspect_err(|_| self.accept_empty(empty, station))
            }
        };
        // SAFETY: reserved for it, and the caller's.
        let filled = unsafe { self.enter(found, reserved, who) }?;
        Ok((filled, reserved))
    }

    /// Takes a magazine off the stacks of the first home, if all that is in it was granted.
    fn draw_whole(&self, granted: usize, station: usize) -> Option<Magazine> {
        if granted < self.magazine() as usize {
            return None;
        }
        let home = self.first(station)?;
        let magazine = self.homes[home].draw(&epoch::pin())?;
        // SAFETY: ours now.
        unsafe { self.note_refill(home, magazine, station) };
        Some(magazine)
    }

    /// Reserves a magazine's worth of slots, or fewer.
    #[inline]
    fn reserve(&self, aside: usize) -> Result<Reserved, Shortage> {
        let want = self.magazine() as usize;
        let reserved = self.ledger.reserve_beside(want, aside);
        match reserved.slots {
            0 => Err(Shortage::Full),
            _ => Ok(reserved),
        }
    }

    /// Enters what was found for a reservation in the ledger.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine.
    #[inline]
    unsafe fn enter(
        &self,
        found: Result<Magazine, Shortage>,
        reserved: Reserved,
        who: u64,
    ) -> Result<Magazine, Shortage> {
        let magazine = match found {
            Ok(magazine) => magazine,
            Err(shortage) => {
                self.ledger.give_back(reserved.slots);
                return Err(shortage);
            }
        };
        // SAFETY: ours now.
        unsafe { magazine.fetch_unless_filled_by(who) };
        self.ledger
            .give_back(reserved.slots - magazine.len() as usize);
        Ok(magazine)
    }

    /// Finds at most `most` slots, which are there.
    ///
    /// # Safety
    ///
    /// As for [`Depots::refill`].
    #[inline]
    unsafe fn find(
        &self,
        empty: Magazine,
        most: usize,
        station: usize,
    ) -> Result<Magazine, Shortage> {
        let Some(first) = self.first(station) else {
            let node = self.setup.routes.station_id(station);
            return Err(InitError::NoMemoryOnNode { node }.into());
        };
        let guard = epoch::pin();
        // SAFETY: `empty` is the caller's, and empty.
        let found = unsafe { self.homes[first].withdraw(empty, most, &guard) };
        let (magazine, home) = match found {
            Some(magazine) => (magazine, first),
            None => {
                let route = self.route(station, first);
                // SAFETY: as above.
                unsafe { self.search(empty, most, route, guard) }?
            }
        };
        // SAFETY: ours now.
        unsafe { self.note_refill(home, magazine, station) };
        Ok(magazine)
    }

    /// Notes that a thread at a station was given a magazine of a home.
    ///
    /// # Safety
    ///
    /// The caller owns it.
    #[inline]
    unsafe fn note_refill(&self, home: usize, magazine: Magazine, station: usize) {
        if let Some(traffic) = &self.traffic {
            let slab = self.homes[home].slab();
            // SAFETY: the caller's, and not changed meanwhile.
            let slots = unsafe { magazine.slots() }.map(|slot| slab.index(slot));
            let len = magazine.len().into();
            traffic.note_refill(station, home, len, slots, &self.setup.routes);
        }
    }

    /// Looks along a route again and again.
    ///
    /// # Safety
    ///
    /// As for [`Depots::refill`].
    #[cold]
    #[inline(never)]
    unsafe fn search(
        &self,
        empty: Magazine,
        most: usize,
        route: impl Iterator<Item = usize> + Clone,
        mut guard: Guard,
    ) -> Result<(Magazine, usize), Shortage> {
        let mut tries = 0_u32;
        loop {
            // SAFETY: `empty` is the caller's, and still empty.
            let found = unsafe { self.fetch(empty, most, route.clone(), tries < 16, &guard) }?;
            if let Some(found) = found {
                return Ok(found);
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
            guard = epoch::pin();
        }
    }

    /// Looks for at most `most` slots along a route, and says at whose home they were found. Who is
    /// `patient` would rather look again than hear of memory that was refused beside a trim.
    ///
    /// # Safety
    ///
    /// As for [`Depots::refill`].
    unsafe fn fetch(
        &self,
        empty: Magazine,
        most: usize,
        route: impl Iterator<Item = usize> + Clone,
        patient: bool,
        guard: &Guard,
    ) -> Result<Option<(Magazine, usize)>, Shortage> {
        let mut refused = None;
        let trims = || route.clone().map(|home| self.homes[home].trims());
        let (before, busy) = (trims().sum::<usize>(), trims().any(|trims| trims % 2 == 1));
        // SAFETY: as for this function.
        let mut grow = |home: usize, quota| match unsafe {
            self.homes[home].grow(empty, most, quota, guard)
        } {
            Ok(found) => found.map(|magazine| (magazine, home)),
            Err(why) => {
                refused.get_or_insert((home, why));
                None
            }
        };
        let lazy = !self.is_eager();
        for (rank, home) in route.clone().enumerate() {
            let depot = &self.homes[home];
            // SAFETY: as for this function.
            if let Some(magazine) = unsafe { depot.withdraw(empty, most, guard) } {
                return Ok(Some((magazine, home)));
            }
            // Memory that is not there yet: of the first, if there is a choice.
            let first = (lazy && rank == 0).then_some(&self.common);
            for quota in [Some(depot.quota()), first].into_iter().flatten() {
                if let found @ Some(_) = grow(home, quota) {
                    return Ok(found);
                }
            }
        }
        for home in route.clone() {
            if let found @ Some(_) = grow(home, &self.common) {
                return Ok(found);
            }
        }
        match refused {
            // A trim may have had what we looked for: it puts it back.
            Some(_) if patient && (busy || trims().sum::<usize>() != before) => Ok(None),
            Some((home, why)) => {
                let bytes = most * self.setup.plan.stride;
                Err(self.setup.refusal(why, home, bytes).into())
            }
            None => Ok(None),
        }
    }
}
