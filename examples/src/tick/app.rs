//! What `tick_arena` does with its arguments, short of printing.

use super::body::gas;
use super::memory::Heap;
use super::race::{Contender, RaceError, Version, count, race};
use super::report::{PerTick, Report};
use super::rules::Hard;
use super::world::World;
use bumpalo::Bump;
use clap::{Parser, ValueEnum};
use pool::Arena;

/// Ticks whose allocations are counted.
const COUNTED: u64 = 16;

/// Ticks that nobody waits for.
const MOST: u64 = 1 << 40;

/// Moves particles in a box, with each tick's data in scopes of an arena, on the heap or in memory of
/// bumpalo, and says how long ticks take.
#[derive(Debug, Clone, Parser)]
#[command(name = "tick_arena", version, after_long_help = EXPLAINED)]
pub struct Args {
    /// Particles in the box
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub particles: u32,

    /// Ticks whose time is taken
    #[arg(long, value_name = "N", default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(1..=MOST))]
    pub ticks: u64,

    /// Ticks before those
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(..=MOST))]
    pub warm_up: u64,

    /// What chance is drawn from
    #[arg(long, value_name = "SEED", default_value_t = 0x5eed)]
    pub seed: u64,

    /// How fast particles part after a collision, in parts of how fast they met, from 0 to 1
    #[arg(long, value_name = "PART", default_value_t = 1.0, value_parser = part)]
    pub restitution: f64,

    /// Where a tick's data lives; all take turns, on copies of one world
    #[arg(long, value_enum, default_value_t = Choice::All)]
    pub memory: Choice,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

const EXPLAINED: &str = "\
The particles are discs of radius 0.3 to 0.5, as heavy as they are large, that cover four tenths of a \
square box. A tick moves them, sorts them into a grid's cells, makes a list for each cell of the pairs \
that may touch, finds those that do, makes two lists for each island of touching ones, gives each pair \
that meets its impulses, records what happened, and writes a label for one in 16 records. All versions \
run the same code and differ in what they take memory from.

In an arena, a tick is a scope, and the broad phase is a scope within, whose lists are gone before the \
islands are made. bumpalo has no scopes: all of a tick is in one Bump, which is reset behind it. On the \
heap, each list is a Vec of the global allocator.

The same seed gives the same world bit by bit, whatever the memory and the machine: the checksum depends \
on every bit of every particle and on every event. After every tick it is checked that no particle is \
lost or outside of the box, that momentum changed by nothing but the walls' impulses, and that kinetic \
energy changed by nothing but what collisions used up (with restitution 1: nothing). A law that is \
broken ends the program; the error names the law, the tick and both values, and the exit status is 1.

A tick's time has the taking and giving back of its memory in it, and not the checks. Versions take turns \
of 32 ticks; who begins changes. Allocations and their bytes are counted in other ticks, on the heap.";

/// Where a tick's data lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// In scopes of an arena.
    Arena,
    /// Each list of its own, by the global allocator.
    Heap,
    /// In one `Bump` of the crate bumpalo.
    Bumpalo,
    /// Each of the above, and one after the other.
    All,
}

impl Choice {
    fn has(self, one: Self) -> bool {
        self == one || self == Self::All
    }
}

fn part(text: &str) -> Result<f64, String> {
    let part = text.parse().ok();
    part.filter(|part| (0.0..=1.0).contains(part))
        .ok_or_else(|| "not a number from 0 to 1".to_owned())
}

/// Runs what `args` ask for.
///
/// # Errors
///
/// A tick broke a law, or two versions came to different worlds.
pub fn run(args: &Args) -> Result<Report, RaceError> {
    let (room, bodies) = gas(args.particles as usize, args.seed);
    let rules = Hard {
        restitution: args.restitution,
    };
    let world = World::new(rules, room, bodies);
    let mut versions: Vec<Box<dyn Contender>> = Vec::new();
    if args.memory.has(Choice::Arena) {
        versions.push(Box::new(Version::new("arena", world.clone(), Arena::new())));
    }
    if args.memory.has(Choice::Heap) {
        versions.push(Box::new(Version::new("heap", world.clone(), Heap)));
    }
    if args.memory.has(Choice::Bumpalo) {
        let backing = Bump::new();
        versions.push(Box::new(Version::new("bumpalo", world.clone(), backing)));
    }
    let (outcomes, checksum) = race(&mut versions, args.warm_up, args.ticks)?;
    let (tally, asked) = count(&mut world.clone(), args.warm_up, COUNTED)?;
    Ok(Report::new(
        args,
        checksum.expect("there is a version"),
        PerTick::new(&tally, asked, COUNTED),
        &outcomes,
    ))
}
