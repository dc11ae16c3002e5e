//! The depots of a pool: one for each node that it has memory on.
//!
//! The region has one part a node, the *home* of the slots in it; so a slot's home is arithmetic. A
//! cache refills from one home, which the policy and the node that its thread runs on (its
//! *station*) decide. What is freed is flushed to its home, in magazines, whoever freed it: a
//! magazine whose slots have one home goes whole; of a mixed cache the slots of the home that has
//! most in it go together, at least one `homes`th of what the cache holds.
//!
//! On a machine with one node there is one depot, and nothing of this is asked.
//!
//! # Memory
//!
//! Each part has addresses for all slots; how many have memory is bounded by leave (see
//! [`quota`](crate::quota)). Leave is common to all nodes: the first to need it has it. But where
//! memory was taken beforehand (huge pages, `prefault`, `lock`) each node has leave for its share of
//! it, and what other nodes have of it is used before memory that is not there yet. Under
//! `local_only` a node has nobody else, and leave for all its addresses.

#![allow(unsafe_code)]

mod flush;
mod refill;
mod upkeep;

use crate::depot::{Depot, Shape};
use crate::error::InitError;
use crate::ledger::Ledger;
use crate::links::LinkStore;
use crate::magazine::Magazine;
use crate::numa::{Origins, Traffic};
use crate::quota::Quota;
use crate::setup::Setup;
use crate::source::{PageSource, Wish};
use crate::sync::epoch;
use crate::sync::{AtomicBool, AtomicUsize, Ordering};
use crate::zeros::zeros;
use std::ptr::NonNull;

/// Why there is no slot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shortage {
    /// As many objects as the capacity are live.
    Full,
    /// The system refused memory. (Not here, so that an answer is small.)
    Memory(Box<InitError>),
}

impl From<InitError> for Shortage {
    fn from(error: InitError) -> Self {
        Self::Memory(Box::new(error))
    }
}

/// The shared part of a pool.
#[derive(Debug)]
pub(crate) struct Depots {
    ledger: Ledger,
    /// At least one.
    homes: Box<[Depot]>,
    /// Leave for slots of any home.
    common: Quota,
    /// The address of the region, and the binary logarithm of the bytes of a part.
    base: usize,
    shift: u32,
    /// Bytes of the region.
    bytes: usize,
    setup: Setup,
    /// Whether memory was taken beforehand, of which each home has a share.
    eager: AtomicBool,
    /// Who begins where, if the nodes take turns.
    turn: AtomicUsize,
    /// What passes between nodes, if there are several.
    traffic: Option<Traffic>,
}

/// Makes the page source of a part.
pub(crate) type Sources<'a> = &'a dyn Fn(&Wish) -> Box<dyn PageSource>;

impl Depots {
    /// Reserves a region and sets up empty depots over it. `prefault` and `lock` are for
    /// [`Depots::prepare`].
    pub(crate) fn new(
        setup: Setup,
        links: &'static LinkStore,
        sources: Sources<'_>,
    ) -> Result<Self, InitError> {
        let ledger = Ledger::new(setup.plan.capacity, setup.plan.magazine as usize);
        Self::with_ledger(ledger, setup, links, sources)
    }

    /// [`Depots::new`], with the ledger of a model's choice.
    pub(crate) fn with_ledger(
        ledger: Ledger,
        setup: Setup,
        links: &'static LinkStore,
        sources: Sources<'_>,
    ) -> Result<Self, InitError> {
        let plan = &setup.plan;
        let shape = Shape {
            cap: plan.magazine,
            // Under `local_only` every free is looked at: is the slot this node's?
            limit: if setup.is_strict() { 0 } else { plan.magazine },
        };
        let traffic = Traffic::new(&setup, &origins)?;
        let slabs = upkeep::map(&setup, sources)?;
        let base = slabs[0].region();
        let quotas = (0..slabs.len()).map(|home| setup.quota(home));
        let homes = slabs.into_iter().zip(quotas);
        let homes = homes.map(|(slab, quota)| Depot::new(slab, shape, quota, links));
        Ok(Self {
            ledger,
            homes: homes.collect(),
            common: Quota::new(setup.common_quota()),
            base,
            shift: plan.part.trailing_zeros(),
            bytes: plan.region().size(),
            eager: AtomicBool::new(setup.is_eager()),
            turn: AtomicUsize::new(0),
            traffic,
            setup,
        })
    }

    /// Has leave of a model's choice.
    #[cfg(all(test, loom))]
    pub(crate) fn with_leave(self, common: Quota) -> Self {
        Self { common, ..self }
    }

    /// Slots that were ever given memory.
    #[cfg(all(test, loom))]
    pub(crate) fn carved(&self) -> usize {
        self.homes.iter().map(|depot| depot.slab().carved()).sum()
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Slots in a magazine.
    pub(crate) fn magazine(&self) -> u32 {
        self.setup.plan.magazine
    }

    /// Whether each free has to be looked at: see [`Depots::is_of`].
    pub(crate) fn is_strict(&self) -> bool {
        self.traffic.is_some() && self.setup.is_strict()
    }

    /// Whether memory was taken beforehand. Relaxed: it decides who is asked first, no more.
    fn is_eager(&self) -> bool {
        self.eager.load(Ordering::Relaxed)
    }

    /// Where this thread runs now.
    pub(crate) fn station(&self) -> usize {
        match &self.traffic {
            Some(_) => self.setup.routes.station_now(),
            None => 0,
        }
    }

    /// The home of a slot.
    fn home(&self, slot: NonNull<u8>) -> usize {
        match self.homes.len() {
            1 => 0,
            // The parts are as long as a power of two.
            _ => (slot.as_ptr().addr() - self.base) >> self.shift,
        }
    }

    /// The node of a slot, if there are several, and if it is a slot of this pool.
    pub(crate) fn node_of(&self, slot: NonNull<u8>) -> Option<u32> {
        let offset = slot.as_ptr().addr().checked_sub(self.base)?;
        let homes = self.setup.routes.homes();
        homes
            .get(offset >> self.shift)
            .copied()
            .filter(|_| homes.len() > 1)
    }

    /// Whether an address is in the region.
    pub(crate) fn holds(&self, slot: NonNull<u8>) -> bool {
        slot.as_ptr().addr().wrapping_sub(self.base) < self.bytes
    }

    /// The number of a slot among those of all homes. Of a `shared` type's pool it fits.
    #[inline]
    pub(crate) fn number(&self, slot: NonNull<u8>) -> u32 {
        let home = self.home(slot);
        (home * self.setup.plan.slots + self.homes[home].slab().index(slot)) as u32
    }

    /// The address of a slot, good for all of it.
    pub(crate) fn whole(&self, slot: NonNull<u8>) -> NonNull<u8> {
        let slab = self.homes[self.home(slot)].slab();
        slab.slot(slab.index(slot))
    }

    /// The slot of a number, if it was ever handed out.
    #[inline]
    pub(crate) fn slot(&self, number: u32) -> Option<NonNull<u8>> {
        let (home, index) = match self.homes.len() {
            1 => (0, number as usize),
            _ => {
                let slots = self.setup.plan.slots;
                (number as usize / slots, number as usize % slots)
            }
        };
        let slab = self.homes.get(home)?.slab();
        (index < slab.carved()).then(|| slab.slot(index))
    }

    /// All slots that were ever handed out.
    pub(crate) fn slots_ever_used(&self) -> impl Iterator<Item = NonNull<u8>> {
        self.homes.iter().flat_map(|home| {
            let slab = home.slab();
            (0..slab.carved()).map(|index| slab.slot(index))
        })
    }

    /// Whether a slot is of a station's own node.
    pub(crate) fn is_of(&self, station: usize, slot: NonNull<u8>) -> bool {
        self.setup.routes.local(station) == Some(self.home(slot))
    }

    /// An empty magazine, owned by the caller.
    pub(crate) fn empty_magazine(&self, station: usize) -> Magazine {
        self.near(station).take_empty(&epoch::pin())
    }

    /// Takes an empty magazine back.
    pub(crate) fn accept_empty(&self, empty: Magazine, station: usize) {
        self.near(station).accept(empty, &epoch::pin());
    }

    /// The depot that is nearest to a station.
    fn near(&self, station: usize) -> &Depot {
        match self.homes.len() {
            1 => &self.homes[0],
            _ => &self.homes[usize::from(self.setup.routes.order(station)[0])],
        }
    }
}

/// A mark a slot.
fn origins(slots: usize) -> Result<Origins, InitError> {
    zeros(slots).ok_or(InitError::Reserve {
        bytes: slots,
        call: "the allocator",
        errno: None,
    })
}
