//! What passes between nodes: counted for the statistics, and for the adaptive policy.
//!
//! Counted a magazine at a time, at refills and flushes. For the adaptive policy each slot remembers
//! the station that refilled it, a byte beside the region; who flushes it knows from that whose
//! object has ended here.

#![forbid(unsafe_code)]

use super::adaptive::Tuner;
use super::routes::Routes;
use crate::config::NumaPolicy;
use crate::error::InitError;
use crate::setup::Setup;
use crate::stats::{Decision, NodeStats, Stats};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

// All atomics here are Relaxed: they are figures, from which no thread concludes what another did.

/// Refills of a station's threads that make a window.
const WINDOW: u32 = if cfg!(miri) { 4 } else { 16 };
/// Decisions that are remembered.
const DECISIONS: usize = 64;

/// Who refilled which slot.
pub(crate) type Origins = Box<[AtomicU8]>;

/// A table of counts: by station, then by home.
#[derive(Debug)]
struct Table {
    counts: Vec<AtomicU64>,
    columns: usize,
}

impl Table {
    fn new(rows: usize, columns: usize) -> Self {
        let counts = (0..rows * columns).map(|_| AtomicU64::new(0)).collect();
        Self { counts, columns }
    }

    fn row(&self, row: usize) -> &[AtomicU64] {
        &self.counts[row * self.columns..][..self.columns]
    }

    fn add(&self, row: usize, column: usize, count: u64) {
        self.row(row)[column].fetch_add(count, Ordering::Relaxed);
    }
}

/// Counts of what passes between nodes.
#[derive(Debug)]
pub(crate) struct Traffic {
    /// Slots that threads of a station took, by the slots' home.
    refills: Table,
    /// Slots that threads of a station gave back, by the slots' home.
    frees: Table,
    adaptive: Option<Adaptive>,
}

/// What the adaptive policy knows.
#[derive(Debug)]
struct Adaptive {
    /// By station.
    stations: Vec<Station>,
    /// The home that is nearest to each station.
    nearest: Vec<usize>,
    /// Objects that a station's threads allocated, by the home nearest to who gave their slots back;
    /// in this window.
    ended: Table,
    /// The station that refilled each slot last, by home.
    origins: Vec<Origins>,
    /// The tuner of each station, and the last decisions. A refill never waits for it.
    tuning: Mutex<Tuning>,
}

#[derive(Debug)]
struct Station {
    /// The home that serves it first.
    serving: AtomicUsize,
    /// In this window.
    refills: AtomicU32,
    allocated: AtomicU64,
}

#[derive(Debug)]
struct Tuning {
    tuners: Vec<Tuner>,
    decisions: Vec<Decision>,
}

impl Traffic {
    /// What passes between the nodes of a pool, if there are several. `origins` makes a table of zeros,
    /// a byte for each slot of a home.
    ///
    /// # Errors
    ///
    /// There is no memory for such a table.
    pub(crate) fn new(
        setup: &Setup,
        origins: &dyn Fn(usize) -> Result<Origins, InitError>,
    ) -> Result<Option<Self>, InitError> {
        if !setup.is_numa() {
            return Ok(None);
        }
        let (stations, homes) = (setup.routes.stations(), setup.routes.homes().len());
        // A byte tells so many stations apart.
        let few = stations <= 1 + usize::from(u8::MAX);
        let adaptive = setup.config.numa == NumaPolicy::Adaptive && few;
        let adaptive = adaptive.then(|| Adaptive::new(setup, stations, homes, origins));
        Ok(Some(Self {
            refills: Table::new(stations, homes),
            frees: Table::new(stations, homes),
            adaptive: adaptive.transpose()?,
        }))
    }

    /// The home that serves a station first, if that is decided here.
    pub(crate) fn first(&self, station: usize) -> Option<usize> {
        let adaptive = self.adaptive.as_ref()?;
        Some(adaptive.stations[station].serving.load(Ordering::Relaxed))
    }

    /// A thread at a station was given so many slots of a home.
    pub(crate) fn note_refill(
        &self,
        station: usize,
        home: usize,
        count: u64,
        slots: impl Iterator<Item = usize>,
        routes: &Routes,
    ) {
        self.refills.add(station, home, count);
        if let Some(adaptive) = &self.adaptive {
            let origins = &adaptive.origins[home];
            slots.for_each(|slot| origins[slot].store(station as u8, Ordering::Relaxed));
            adaptive.note_refill(station, routes);
        }
    }

    /// A thread at a station gave so many slots back to their home.
    pub(crate) fn note_flush(
        &self,
        station: usize,
        home: usize,
        count: u64,
        slots: impl Iterator<Item = usize>,
    ) {
        self.frees.add(station, home, count);
        let Some(adaptive) = &self.adaptive else {
            return;
        };
        let ended = |origin: u8, count| {
            let nearest = adaptive.nearest[station];
            adaptive.ended.add(origin.into(), nearest, count);
        };
        // Most have the same origin: one addition for all of a run.
        let (mut last, mut run) = (0, 0);
        for slot in slots {
            let origin = adaptive.origins[home][slot].load(Ordering::Relaxed);
            if origin != last {
                ended(last, run);
                (last, run) = (origin, 0);
            }
            run += 1;
        }
        ended(last, run);
    }

    /// Threads at a station allocated so many objects.
    pub(crate) fn note_use(&self, station: usize, objects: u64) {
        if let Some(adaptive) = &self.adaptive {
            let station = &adaptive.stations[station];
            station.allocated.fetch_add(objects, Ordering::Relaxed);
        }
    }

    /// Adds what is known to a pool's figures.
    pub(crate) fn add_to(&self, routes: &Routes, stats: &mut Stats) {
        let stations = 0..routes.stations();
        // Homes are nodes too: to each its column.
        let column = |home: usize| {
            let id = routes.homes()[home];
            stations
                .clone()
                .position(|station| routes.station_id(station) == id)
        };
        let spread = |counts: &mut dyn Iterator<Item = u64>| {
            let mut row = vec![0; stations.len()];
            for (home, count) in counts.enumerate() {
                row[column(home).expect("a home is a node")] = count;
            }
            row
        };
        let counts = |row: &[AtomicU64]| spread(&mut row.iter().map(|n| n.load(Ordering::Relaxed)));
        stats.nodes = stations
            .clone()
            .map(|station| NodeStats {
                node: routes.station_id(station),
                refills: counts(self.refills.row(station)),
                frees: counts(self.frees.row(station)),
                ..NodeStats::default()
            })
            .collect();
        if let Some(adaptive) = &self.adaptive {
            let tuning = adaptive
                .tuning
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            for (node, tuner) in stats.nodes.iter_mut().zip(&tuning.tuners) {
                node.served_by = Some(routes.homes()[tuner.serving()]);
                node.ended = spread(&mut tuner.ended().iter().copied());
            }
            stats.decisions = tuning.decisions.clone();
        }
    }
}

impl Adaptive {
    fn new(
        setup: &Setup,
        stations: usize,
        homes: usize,
        origins: &dyn Fn(usize) -> Result<Origins, InitError>,
    ) -> Result<Self, InitError> {
        let nearest: Vec<_> = (0..stations)
            .map(|station| usize::from(setup.routes.order(station)[0]))
            .collect();
        let station = |&serving: &usize| Station {
            serving: AtomicUsize::new(serving),
            refills: AtomicU32::new(0),
            allocated: AtomicU64::new(0),
        };
        let tuner = |&nearest: &usize| Tuner::new(homes, nearest);
        let origins = (0..homes).map(|_| origins(setup.plan.slots));
        Ok(Self {
            stations: nearest.iter().map(station).collect(),
            ended: Table::new(stations, homes),
            origins: origins.collect::<Result<_, _>>()?,
            tuning: Mutex::new(Tuning {
                tuners: nearest.iter().map(tuner).collect(),
                decisions: Vec::new(),
            }),
            nearest,
        })
    }

    fn note_refill(&self, number: usize, routes: &Routes) {
        let station = &self.stations[number];
        if station.refills.fetch_add(1, Ordering::Relaxed) + 1 < WINDOW {
            return;
        }
        // Somebody else is at it: the next refill ends the window.
        let Ok(mut tuning) = self.tuning.try_lock() else {
            return;
        };
        station.refills.store(0, Ordering::Relaxed);
        let allocated = station.allocated.swap(0, Ordering::Relaxed);
        let ended = self.ended.row(number).iter();
        let ended = ended.map(|count| count.swap(0, Ordering::Relaxed));
        let Some(moved) = tuning.tuners[number].window(allocated, ended) else {
            return;
        };
        station.serving.store(moved.to, Ordering::Relaxed);
        if tuning.decisions.len() == DECISIONS {
            tuning.decisions.remove(0);
        }
        tuning.decisions.push(Decision {
            node: routes.station_id(number),
            from: routes.homes()[moved.from],
            to: routes.homes()[moved.to],
            window: moved.window,
            percent: moved.percent,
        });
    }
}
