//! What a race has shown, for people and as JSON.

use super::app::Args;
use super::memory::{Count, Held};
use super::race::Outcome;
use super::step::Tally;
use crate::report::Count as Number;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;
use std::fmt;

/// What a race has shown. Times are in nanoseconds, sizes in bytes.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Particles in the box.
    pub particles: u32,
    /// Ticks whose time was taken.
    pub ticks: u64,
    /// Ticks before those.
    pub warm_up: u64,
    /// What chance was drawn from.
    pub seed: u64,
    /// How fast particles part, in parts of how fast they meet.
    pub restitution: f64,
    /// What the worlds of all versions came to: 16 hexadecimal digits.
    pub checksum: String,
    /// What a tick is made of.
    pub tick: PerTick,
    /// The versions.
    pub versions: Vec<Figures>,
}

/// What one tick after the warm-up is made of, and what some of them ask of their memory on average.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(missing_docs, reason = "they are those of `Tally` and `Count`")]
pub struct PerTick {
    pub pairs: usize,
    pub contacts: usize,
    pub islands: usize,
    pub collisions: usize,
    pub events: usize,
    pub allocations: u64,
    pub bytes: u64,
}

impl PerTick {
    /// Of a tick, and of what `ticks` of them asked for.
    #[must_use]
    pub fn new(tally: &Tally, asked: Count, ticks: u64) -> Self {
        Self {
            pairs: tally.pairs,
            contacts: tally.contacts,
            islands: tally.islands,
            collisions: tally.collisions,
            events: tally.events,
            allocations: asked.allocations / ticks,
            bytes: asked.bytes / ticks,
        }
    }
}

/// A version's figures.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Figures {
    /// Where the ticks' data lived.
    pub memory: &'static str,
    /// Ticks in a second of ticks.
    pub ticks_per_second: f64,
    /// The time of a tick.
    pub tick_ns: Times,
    /// What the memory holds between ticks; nothing if it does not know.
    pub held: Option<Held>,
}

/// Percentiles of the ticks' times.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Times {
    pub p50: u64,
    pub p99: u64,
    #[serde(rename = "p99.9")]
    pub p99_9: u64,
    pub max: u64,
}

impl From<&Outcome> for Figures {
    fn from(outcome: &Outcome) -> Self {
        let quantile = |q| outcome.times.value_at_quantile(q);
        Self {
            memory: outcome.name,
            ticks_per_second: outcome.times.len() as f64 / outcome.elapsed.as_secs_f64(),
            tick_ns: Times {
                p50: quantile(0.5),
                p99: quantile(0.99),
                p99_9: quantile(0.999),
                max: outcome.times.max(),
            },
            held: outcome.held,
        }
    }
}

impl Report {
    /// Reports on a race.
    #[must_use]
    pub fn new(args: &Args, checksum: u64, tick: PerTick, outcomes: &[Outcome]) -> Self {
        Self {
            particles: args.particles,
            ticks: args.ticks,
            warm_up: args.warm_up,
            seed: args.seed,
            restitution: args.restitution,
            checksum: format!("{checksum:016x}"),
            tick,
            versions: outcomes.iter().map(Figures::from).collect(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |n: usize| Number(n as u64);
        writeln!(
            f,
            "world     {} particles, {} ticks after {} to warm up, seed {}, restitution {}",
            Number(u64::from(self.particles)),
            Number(self.ticks),
            Number(self.warm_up),
            self.seed,
            self.restitution,
        )?;
        let tick = &self.tick;
        writeln!(
            f,
            "a tick    {} pairs, {} contacts in {} islands, {} collisions, {} events",
            number(tick.pairs),
            number(tick.contacts),
            number(tick.islands),
            number(tick.collisions),
            number(tick.events),
        )?;
        writeln!(
            f,
            "          {} allocations of {} KiB",
            Number(tick.allocations),
            Number(tick.bytes / 1024),
        )?;
        writeln!(
            f,
            "laws      kept in every tick: particles, room, momentum, energy"
        )?;
        let same = match self.versions.len() {
            1 => "",
            _ => ", the same for all",
        };
        writeln!(f, "checksum  {}{same}\n", self.checksum)?;
        writeln!(f, "{}", self.table())?;
        for figures in &self.versions {
            if let Some(held) = &figures.held {
                writeln!(f, "{}", Holds(figures.memory, held))?;
            }
        }
        Ok(())
    }
}

/// The table's columns.
const HEADERS: [&str; 6] = [
    "memory",
    "ticks/s",
    "median, us",
    "p99, us",
    "p99.9, us",
    "max, us",
];

impl Report {
    fn table(&self) -> Table {
        let mut table = Table::new();
        table
            .load_preset(presets::ASCII_MARKDOWN)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(HEADERS);
        for figures in &self.versions {
            let times = &figures.tick_ns;
            let micros = |ns: u64| format!("{}.{}", Number(ns / 1000), ns / 100 % 10);
            table.add_row([
                figures.memory.to_owned(),
                Number(figures.ticks_per_second as u64).to_string(),
                micros(times.p50),
                micros(times.p99),
                micros(times.p99_9),
                micros(times.max),
            ]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

/// What a memory holds, in a line.
struct Holds<'a>(&'static str, &'a Held);

impl fmt::Display for Holds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kib = |bytes: usize| Number(bytes as u64 / 1024);
        let Self(name, held) = self;
        write!(f, "{name:<9} holds {} KiB", kib(held.reserved))?;
        if let Some(chunks) = held.chunks {
            write!(f, " in {chunks} chunks")?;
        }
        if let Some(most) = held.high_water {
            write!(f, ", used {} KiB at most", kib(most))?;
        }
        if let Some(slack) = held.slack {
            write!(f, ", lost {} bytes", Number(slack as u64))?;
        }
        Ok(())
    }
}
