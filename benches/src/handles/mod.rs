//! The handles beside their peers, each on the one small thing that it is for.
//!
//! A step is the same everywhere: a handle is made, or had by a key, is shown to the optimiser, and
//! is dropped. What differs within a [`Comparison`] is who makes it, a [`Maker`]. Steps of several
//! threads are taken at the same time, by all of them on the same maker.

mod arcs;
mod atomics;
mod buffers;
mod erased;
mod full;
mod job;
mod weaks;

pub use job::{Job, Maker};

use crate::standing::{Measure, at_most, beside};
use crate::turns::Row;
use job::{Makes, alone, together};
use std::fmt;
use std::num::NonZero;
use std::thread;

/// What our own row is called in each comparison.
pub const OURS: &str = "pool";

/// A thing to do, and who does it.
#[derive(Debug, Clone, Copy)]
pub struct Comparison {
    family: &'static str,
    /// The threads that it keeps busy.
    pub threads: usize,
    /// Who the pool is held against.
    pub measures: &'static [Measure],
    /// All who do it, for so many threads.
    makers: fn(usize) -> Vec<Box<dyn Job>>,
    /// What a thread's first so many handles lead to.
    expected: fn(u64) -> Vec<Option<u64>>,
}

impl Comparison {
    /// All of them.
    pub const ALL: &[Self] = &[
        arcs::NEW,
        arcs::CLONE,
        arcs::CLONE.on_two(),
        arcs::USE,
        arcs::USE.on_two(),
        weaks::HIT_ONE,
        weaks::HIT_ONE.on_two(),
        weaks::HIT_MANY,
        weaks::HIT_MANY.on_two(),
        weaks::MISS_ONE,
        weaks::MISS_ONE.on_two(),
        weaks::MISS_MANY,
        weaks::MISS_MANY.on_two(),
        atomics::LOAD,
        atomics::PIN,
        atomics::REPLACE,
        atomics::REPLACE.on_two(),
        buffers::VEC,
        buffers::VEC.on_two(),
        buffers::ARRAY,
        buffers::ARRAY.on_two(),
        full::HEAP_ROOM,
        full::HEAP_BEYOND,
        full::WAIT_ROOM,
        full::SCRUB_64,
        full::SCRUB_4096,
        erased::CALL,
        erased::CLONE,
    ];

    const fn on_two(mut self) -> Self {
        self.threads = 2;
        self
    }

    /// Its name without the threads.
    #[must_use]
    pub const fn family(self) -> &'static str {
        self.family
    }

    /// All who do it, ready.
    #[must_use]
    pub fn jobs(self) -> Vec<Box<dyn Job>> {
        (self.makers)(self.threads)
    }

    /// The same, for who measures.
    #[must_use]
    pub fn rows(self) -> Vec<Row<'static>> {
        let jobs = self.jobs().into_iter();
        jobs.map(|job| Row {
            subject: job.subject(),
            one_thread: false,
            round: job,
        })
        .collect()
    }

    /// What each of them answers.
    #[must_use]
    pub fn expected(self, steps: u64) -> Vec<Vec<Option<u64>>> {
        vec![(self.expected)(steps); self.threads]
    }

    /// Why it cannot be measured here, if it cannot: its threads would take turns on too few CPUs.
    #[must_use]
    pub fn obstacle(self) -> Option<String> {
        let cpus = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = self.threads;
        (cpus < threads).then(|| format!("{self} needs {threads} CPUs, and there is {cpus}"))
    }
}

/// As in the tables: `arc-clone`, and of two threads `arc-clone-2t`.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.family)?;
        match self.threads {
            1 => Ok(()),
            threads => write!(f, "-{threads}t"),
        }
    }
}

/// The `n`th handle leads to the `n`th order.
fn ids(steps: u64) -> Vec<Option<u64>> {
    (0..steps).map(Some).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// More than there are keys, so that they are used again.
    const STEPS: u64 = 2_500;

    /// One test, for the counts of live objects are the process's.
    #[test]
    fn all_lead_where_they_should_and_keep_nothing() {
        let mut names = BTreeSet::new();
        for comparison in Comparison::ALL {
            assert!(
                names.insert(comparison.to_string()),
                "{comparison} is there twice"
            );
            let expected = comparison.expected(STEPS);
            let mut subjects = BTreeSet::new();
            for mut job in comparison.jobs() {
                let subject = job.subject();
                assert!(
                    subjects.insert(subject),
                    "{comparison}: {subject} is there twice"
                );
                assert_eq!(job.answers(STEPS), expected, "{comparison}: {subject}");
                assert!(!job.run(STEPS).is_zero(), "{comparison}: {subject}");
                // Nothing was used up.
                assert_eq!(job.answers(STEPS), expected, "{comparison}: {subject}");
            }
            assert!(subjects.contains(OURS), "{comparison}");
            let there = |measure: &Measure| subjects.contains(measure.subject);
            assert!(comparison.measures.iter().all(there), "{comparison}");
            assert_eq!(arcs::live() + full::live(), 0, "{comparison} kept some");
        }
    }
}
