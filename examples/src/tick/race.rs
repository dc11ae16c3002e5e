//! The same world over different memories, in turns.
//!
//! Each contender has a copy of the world, and moves it by a block of ticks before the next one's turn:
//! long enough for the caches to be its own, short enough for all of them to meet the same weather. Who
//! begins changes from round to round. After each round all worlds must be equal, bit by bit.

use super::laws::Violation;
use super::memory::{Backing, Count, Counted, Held};
use super::rules::Rules;
use super::step::Tally;
use super::world::World;
use hdrhistogram::Histogram;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Ticks in a turn.
const BLOCK: u64 = 32;

/// The longest tick that is told from longer ones, in nanoseconds: an hour.
const LONGEST: u64 = 3_600_000_000_000;

/// One of the versions: a world, and what lends it memory.
pub trait Contender {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// Moves its world on; keeps the times if they count.
    ///
    /// # Errors
    ///
    /// A tick broke a law.
    fn run(&mut self, ticks: u64, count: bool) -> Result<(), Violation>;

    /// That of its world.
    fn checksum(&self) -> u64;

    /// What it has shown.
    fn result(&self) -> Outcome;
}

/// What a version has shown.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What it is called.
    pub name: &'static str,
    /// The time of all ticks that count.
    pub elapsed: Duration,
    /// Nanoseconds a tick.
    pub times: Histogram<u64>,
    /// What its memory holds in the end; nothing if it does not know.
    pub held: Option<Held>,
}

/// A contender of any backing.
#[derive(Debug)]
pub struct Version<R, B> {
    name: &'static str,
    world: World<R>,
    backing: B,
    elapsed: Duration,
    times: Histogram<u64>,
}

impl<R: Rules, B: Backing> Version<R, B> {
    /// A version that has not started.
    #[must_use]
    pub fn new(name: &'static str, world: World<R>, backing: B) -> Self {
        Self {
            name,
            world,
            backing,
            elapsed: Duration::ZERO,
            times: Histogram::new_with_max(LONGEST, 3).expect("these bounds are good"),
        }
    }
}

impl<R: Rules, B: Backing> Contender for Version<R, B> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, ticks: u64, count: bool) -> Result<(), Violation> {
        for _ in 0..ticks {
            let (_, time) = self.world.tick(&mut self.backing)?;
            if count {
                self.elapsed += time;
                let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
                self.times.saturating_record(time);
            }
        }
        Ok(())
    }

    fn checksum(&self) -> u64 {
        self.world.checksum()
    }

    fn result(&self) -> Outcome {
        Outcome {
            name: self.name,
            elapsed: self.elapsed,
            times: self.times.clone(),
            held: self.backing.held(),
        }
    }
}

/// Why a race was not finished.
#[derive(Debug)]
pub enum RaceError {
    /// A tick broke a law.
    Violation {
        /// Over which memory.
        memory: &'static str,
        /// What was broken.
        violation: Violation,
    },
    /// Two versions came to different worlds.
    Differ {
        /// After so many ticks.
        ticks: u64,
        /// The first version, and its checksum.
        one: (&'static str, u64),
        /// The other one.
        other: (&'static str, u64),
    },
}

impl fmt::Display for RaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violation { memory, violation } => write!(f, "{memory}: {violation}"),
            Self::Differ { ticks, one, other } => write!(
                f,
                "tick {ticks}: the worlds are not the same: {:#018x} by {}, {:#018x} by {}",
                one.1, one.0, other.1, other.0
            ),
        }
    }
}

impl Error for RaceError {}

/// Lets all versions go on, at first by `warm_up` ticks that do not count. Returns what they have
/// shown, and the checksum that they all came to; nothing if there are no versions.
///
/// # Errors
///
/// A tick broke a law, or two versions came to different worlds.
pub fn race(
    versions: &mut [Box<dyn Contender>],
    warm_up: u64,
    ticks: u64,
) -> Result<(Vec<Outcome>, Option<u64>), RaceError> {
    let mut done = 0;
    let mut first = 0;
    let mut checksum = None;
    while done < warm_up + ticks {
        let count = done >= warm_up;
        let end = if count { warm_up + ticks } else { warm_up };
        let block = BLOCK.min(end - done);
        done += block;
        for turn in 0..versions.len() {
            let version = (first + turn) % versions.len();
            let version = &mut versions[version];
            version
                .run(block, count)
                .map_err(|violation| RaceError::Violation {
                    memory: version.name(),
                    violation,
                })?;
        }
        first += 1;
        checksum = agreed(versions, done)?;
    }
    let results = versions.iter().map(|version| version.result());
    Ok((results.collect(), checksum))
}

/// The checksum of all versions.
fn agreed(versions: &[Box<dyn Contender>], ticks: u64) -> Result<Option<u64>, RaceError> {
    let mut all = versions
        .iter()
        .map(|version| (version.name(), version.checksum()));
    let Some(one) = all.next() else {
        return Ok(None);
    };
    match all.find(|other| other.1 != one.1) {
        Some(other) => Err(RaceError::Differ { ticks, one, other }),
        None => Ok(Some(one.1)),
    }
}

/// What a tick is made of, and what the world's next `ticks` ones ask of their memory, after some that
/// are not counted.
///
/// # Errors
///
/// A tick broke a law.
///
/// # Panics
///
/// If no ticks are to be counted.
pub fn count(
    world: &mut World<impl Rules>,
    warm_up: u64,
    ticks: u64,
) -> Result<(Tally, Count), RaceError> {
    let mut memory = Counted::default();
    let mut go = |ticks| {
        let mut last = None;
        for _ in 0..ticks {
            let ticked = world.tick(&mut memory);
            let (tally, _) = ticked.map_err(|violation| RaceError::Violation {
                memory: "counted",
                violation,
            })?;
            last = Some(tally);
        }
        Ok((last, memory.count()))
    };
    let (_, before) = go(warm_up)?;
    let (last, after) = go(ticks)?;
    Ok((last.expect("ticks to count"), after - before))
}

#[cfg(test)]
mod tests {
    use super::{Contender, Outcome, RaceError, Version, Violation, race};
    use crate::tick::body::gas;
    use crate::tick::memory::Heap;
    use crate::tick::rules::Hard;
    use crate::tick::world::World;
    use bumpalo::Bump;

    fn world(seed: u64) -> World<Hard> {
        let (room, bodies) = gas(if cfg!(miri) { 2 } else { 16 }, seed);
        World::new(Hard { restitution: 1.0 }, room, bodies)
    }

    /// Writes down its turns.
    struct Turns(Version<Hard, Heap>, Vec<(u64, bool)>);

    impl Contender for Turns {
        fn name(&self) -> &'static str {
            "turns"
        }

        fn run(&mut self, ticks: u64, count: bool) -> Result<(), Violation> {
            self.1.push((ticks, count));
            self.0.run(ticks, count)
        }

        fn checksum(&self) -> u64 {
            self.0.checksum()
        }

        fn result(&self) -> Outcome {
            assert_eq!(self.1, [(32, false), (8, false), (32, true), (1, true)]);
            self.0.result()
        }
    }

    #[test]
    fn turns_are_blocks_and_the_warm_up_does_not_count() {
        let turns = Turns(Version::new("turns", world(1), Heap), Vec::new());
        let (results, checksum) = race(&mut [Box::new(turns)], 40, 33).expect("the laws are kept");
        assert_eq!(results[0].times.len(), 33);
        let mut alone = world(1);
        for _ in 0..73 {
            alone.tick(&mut Heap).expect("the laws are kept");
        }
        assert_eq!(checksum, Some(alone.checksum()));
    }

    #[test]
    fn worlds_that_differ_are_noticed() {
        let error = race(
            &mut [
                Box::new(Version::new("heap", world(1), Heap)),
                Box::new(Version::new("bumpalo", world(2), Bump::new())),
            ],
            0,
            3,
        )
        .expect_err("they started differently");
        assert!(matches!(error, RaceError::Differ { ticks: 3, .. }));
        let error = error.to_string();
        assert!(
            error.starts_with("tick 3: the worlds are not the same: 0x"),
            "{error}"
        );
        assert!(
            error.contains(" by heap, 0x") && error.ends_with(" by bumpalo"),
            "{error}"
        );
    }
}
