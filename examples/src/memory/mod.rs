//! Asked against granted: `memory_report` asks the machine for pools of every kind, one after the
//! other, uses them on every node, and tells what the system says that their memory is.
//!
//! ```text
//! ask    what a pool is asked to be ──→ held   the pool, and threads that use it
//!                                         └──→ answer   what it turned out to be
//!                                                ├→ check   what contradicts itself
//!                                                └→ table
//! ```

pub mod answer;
pub mod check;
pub mod held;
pub mod table;

use self::answer::Outcome;
use clap::Parser;
use pool::numa::Topology;
use pool::{NumaPolicy, PageSize, PoolConfig};
use std::fmt;

/// Prints the nodes of this machine, makes a pool with every page size and every NUMA policy that it
/// has a use for, uses it on every node, and shows what was asked against what was granted.
///
/// The exit status is 0, whatever is refused, unless something contradicts itself.
#[derive(Debug, Parser)]
#[command(name = "memory_report", version)]
pub struct Args {
    /// Objects of 64 bytes a pool; 131072 are 8 MiB
    #[arg(long, value_name = "N", default_value_t = 1 << 17, value_parser = clap::value_parser!(u32).range(1..))]
    pub objects: u32,

    /// Every page size, and the default policy alone
    #[arg(long)]
    pub only_pages: bool,
}

/// What is in the pools: 64 bytes, a cache line.
#[derive(Debug)]
#[repr(align(64))]
pub struct Object(pub [u64; 8]);

/// What a pool is asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// The pages.
    pub pages: PageSize,
    /// Whether smaller ones are an error.
    pub required: bool,
    /// Which node's memory a thread gets.
    pub policy: NumaPolicy,
    /// Whether the memory is locked.
    pub lock: bool,
}

const SIZES: [PageSize; 4] = [
    PageSize::Base,
    PageSize::Transparent,
    PageSize::Huge2M,
    PageSize::Huge1G,
];

const POLICIES: [NumaPolicy; 4] = [
    NumaPolicy::Preferred,
    NumaPolicy::LocalOnly,
    NumaPolicy::Interleaved,
    NumaPolicy::Adaptive,
];

impl Ask {
    /// Whatever there is to ask of a machine: every policy with every page size, then page sizes that
    /// are required, then memory that is locked. On one node all policies are the same.
    #[must_use]
    pub fn all(machine: &Topology, only_pages: bool) -> Vec<Self> {
        let policies = match only_pages || machine.nodes().len() == 1 {
            true => &POLICIES[..1],
            false => &POLICIES[..],
        };
        let base = Self {
            pages: PageSize::Base,
            required: false,
            policy: NumaPolicy::default(),
            lock: false,
        };
        let mut all = Vec::new();
        for &policy in policies {
            let ask = |pages| Self {
                pages,
                policy,
                ..base
            };
            all.extend(SIZES.map(ask));
        }
        // Base pages are always to be had.
        all.extend(SIZES[1..].iter().map(|&pages| Self {
            pages,
            required: true,
            ..base
        }));
        all.push(Self { lock: true, ..base });
        all
    }

    /// The pool's configuration.
    pub const fn config(self, objects: usize) -> PoolConfig {
        PoolConfig::new()
            .capacity(objects)
            .pages(self.pages)
            .pages_required(self.required)
            .numa(self.policy)
            .lock(self.lock)
    }
}

/// What the machine answered.
#[derive(Debug)]
pub struct Report {
    machine: &'static Topology,
    objects: usize,
    outcomes: Vec<Outcome>,
    /// What else there is to say.
    notes: Vec<String>,
}

/// Asks this machine.
#[must_use]
pub fn run(args: &Args) -> Report {
    let machine = Topology::this_machine();
    let objects = args.objects as usize;
    let mut notes = Vec::new();
    if machine.nodes().len() == 1 {
        let only = NumaPolicy::default();
        notes.push(format!(
            "There is one node, where all policies are the same: `{only}` stands for all."
        ));
    }
    let places = held::places(machine, &mut notes);
    let outcome = |ask: Ask| Outcome {
        ask,
        answer: ask.hold(objects, &places).map(|held| held.answer()),
    };
    Report {
        machine,
        objects,
        outcomes: Ask::all(machine, args.only_pages)
            .into_iter()
            .map(outcome)
            .collect(),
        notes,
    }
}

impl Report {
    /// What contradicts itself, a sentence each.
    #[must_use]
    pub fn contradictions(&self) -> Vec<String> {
        let check = |outcome| check::contradictions(outcome, self.objects);
        self.outcomes.iter().flat_map(check).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (objects, bytes) = (self.objects, size_of::<Object>());
        writeln!(f, "{}\n", self.machine)?;
        writeln!(
            f,
            "{objects} objects of {bytes} bytes a pool; sizes in KiB; what was granted is what the \
             system says.\n"
        )?;
        writeln!(f, "{}", table::table(&self.outcomes))?;
        self.notes
            .iter()
            .try_for_each(|note| writeln!(f, "\n{note}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(nodes: u32) -> Topology {
        let node = |builder: pool::numa::TopologyBuilder, n| builder.node(n, [n], 1 << 30);
        (0..nodes).fold(Topology::builder(), node).build().unwrap()
    }

    #[test]
    fn each_size_and_policy_is_asked_for_once() {
        for (nodes, only_pages, expected) in [(1, false, 4), (4, true, 4), (4, false, 16)] {
            let asks = Ask::all(&machine(nodes), only_pages);
            let plain = asks.iter().filter(|ask| !ask.required && !ask.lock);
            assert_eq!(plain.count(), expected);
            assert_eq!(asks.iter().filter(|ask| ask.required).count(), 3);
            assert_eq!(asks.iter().filter(|ask| ask.lock).count(), 1);
            let twice = |&ask: &&Ask| asks.iter().filter(|other| *other == ask).count() > 1;
            assert_eq!(asks.iter().find(twice), None);
        }
    }
}
