//! Arenas beside their peers, on what arenas are for.
//!
//! A step of these is a tick: all that a request allocates, and its end. Where boxes stand in for
//! an arena, they are kept in an array that is there before, and freed at the end. What differs
//! within a [`Comparison`] is who does it, a [`Job`].

mod drops;
mod face;
mod grow;
mod heap;
mod nested;
mod ours;
mod peers;
mod requests;
mod small;
mod typed;
mod watch;

use crate::process::timed;
use crate::standing::{Measure, at_most, beside};
use crate::turns::Row;
use crate::work::Round;
use bump_scope::Bump;
use bump_scope::alloc::Global;
use face::{Work, emptied};
use heap::Heap;
use mimalloc::MiMalloc;
use peers::Down;
use std::alloc::System;
use std::fmt;
use std::time::Duration;
use watch::{Noted, Shown, Watch};

pub use watch::Answer;

/// What our own row is called in each comparison.
pub const OURS: &str = "pool";

/// What `bump-scope` is called with the settings that are the fastest for small objects.
const LEAN: &str = "bump-scope, down 8";

/// What an arena is to be, beside the others.
const NO_SLOWER: &[Measure] = &[
    at_most(1.0, "bumpalo"),
    at_most(1.0, "bump-scope"),
    at_most(1.0, LEAN),
    beside("mimalloc"),
];

/// A thing to do, and who does it.
#[derive(Debug, Clone, Copy)]
pub struct Comparison {
    name: &'static str,
    /// Who the pool is held against.
    pub measures: &'static [Measure],
    jobs: fn() -> Vec<Box<dyn Job>>,
    /// Whether all that a tick shows is live till its end.
    all_live: bool,
}

impl Comparison {
    /// All of them.
    pub const ALL: &[Self] = &[
        small::OF_16,
        small::OF_64,
        small::OF_256,
        small::UNALIGNED,
        small::TICK,
        small::WORDS,
        small::STRS,
        grow::ONE,
        grow::TWO,
        grow::BESIDE,
        grow::MAP,
        drops::SAME,
        nested::INLINED,
        nested::CALLED,
        drops::BOXES,
        typed::ORDERS,
        requests::REQUESTS,
    ];

    /// As in the tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// All who do it, ready.
    #[must_use]
    pub fn jobs(self) -> Vec<Box<dyn Job>> {
        (self.jobs)()
    }

    /// The same, for who measures.
    #[must_use]
    pub fn rows(self) -> Vec<Row<'static>> {
        let jobs = self.jobs().into_iter();
        jobs.map(|job| Row {
            subject: job.subject(),
            one_thread: true,
            round: job,
        })
        .collect()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What is done again and again.
trait Tick: 'static {
    /// What its time is divided by: what it allocates, or pushes.
    const STEPS: u64;

    /// Once.
    fn tick(&mut self, watch: &mut impl Watch);
}

/// Somebody's ticks, ready to be measured and to be watched.
pub trait Job: Round {
    /// Who.
    fn subject(&self) -> &'static str;

    /// Does one tick, and looks what was where.
    ///
    /// # Panics
    ///
    /// Something is not where it may be.
    fn answer(&mut self, comparison: Comparison) -> Answer;
}

struct Ticks<T> {
    subject: &'static str,
    tick: T,
}

fn job(subject: &'static str, tick: impl Tick) -> Box<dyn Job> {
    Box::new(Ticks { subject, tick })
}

/// The loop that is measured, compiled once a job.
#[inline(never)]
fn ticks<T: Tick>(tick: &mut T, count: u64) {
    for _ in 0..count {
        tick.tick(&mut Shown);
    }
}

impl<T: Tick> Round for Ticks<T> {
    fn pairs(&self) -> u64 {
        T::STEPS
    }

    fn run(&mut self, steps: u64) -> Duration {
        timed(|| ticks(&mut self.tick, steps)).0
    }
}

impl<T: Tick> Job for Ticks<T> {
    fn subject(&self) -> &'static str {
        self.subject
    }

    fn answer(&mut self, comparison: Comparison) -> Answer {
        let mut noted = Noted::new(comparison.all_live);
        self.tick.tick(&mut noted);
        noted.answer
    }
}

/// The pool, its peers, and boxes.
fn emptied_by_all<W: Work>() -> Vec<Box<dyn Job>> {
    let mut jobs = ours::emptied_by_ours::<W>();
    jobs.extend([
        emptied::<bumpalo::Bump, W>("bumpalo"),
        emptied::<Bump, W>("bump-scope"),
        emptied::<Bump<Global, Down>, W>(LEAN),
        emptied::<Heap<MiMalloc>, W>("mimalloc"),
        emptied::<Heap<System>, W>("glibc"),
    ]);
    jobs
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// One test, for what is counted is the process's.
    #[test]
    fn all_do_the_same_work() {
        let mut names = BTreeSet::new();
        for comparison in Comparison::ALL {
            assert!(names.insert(comparison.name), "{comparison} is there twice");
            let mut subjects = BTreeSet::new();
            let mut found = None;
            for mut job in comparison.jobs() {
                let subject = job.subject();
                assert!(
                    subjects.insert(subject),
                    "{comparison}: {subject} is there twice"
                );
                assert!(!job.run(2).is_zero(), "{comparison}: {subject}");
                // Memory that was used before is as good.
                for _ in 0..2 {
                    let dropped = drops::dropped();
                    let answer = job.answer(*comparison);
                    let dropped = drops::dropped() - dropped;
                    let said = (job.pairs(), answer, dropped);
                    assert_ne!(answer.seen, 0, "{comparison}: {subject}");
                    assert_eq!(said, *found.get_or_insert(said), "{comparison}: {subject}");
                }
            }
            let there = |measure: &Measure| subjects.contains(measure.subject);
            assert!(comparison.measures.iter().all(there), "{comparison}");
            assert!(subjects.contains(OURS), "{comparison}");
        }
    }
}
