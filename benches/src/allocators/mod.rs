//! Allocators of blocks of any size beside each other, in one process.
//!
//! Each is called by its `GlobalAlloc`, and none is installed: what the workloads keep besides blocks
//! is the system's. A step makes a block, writes to it, and frees one. A [`Comparison`] is compiled
//! once an allocator.

mod block;
mod churn;
mod larson;
mod stress;
mod threads;
#[cfg(test)]
mod watched;
mod xmalloc;

pub(crate) use larson::Larson;
pub(crate) use stress::Stress;

use crate::process::{Resident, peak};
use crate::standing::{Measure, OTHERS, beside};
use crate::subject::{Allocator, Slab};
use crate::turns::Row;
use crate::work::Round;
use block::{Drawn, Fixed};
use churn::{One, Window};
use mimalloc::MiMalloc;
use serde::{Deserialize, Serialize};
use snmalloc_rs::SnMalloc;
use std::alloc::System;
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZero;
use std::thread;
use tikv_jemallocator::Jemalloc;
use xmalloc::Xmalloc;

/// What our own row is called.
pub const OURS: &str = Slab::NAME;

/// Who [`OURS`] is held against. To compare only.
pub const MEASURES: &[Measure] = &[beside(OTHERS), beside(<MiMalloc as Allocator>::NAME)];

/// Blocks that are live in a window.
const WINDOW: u32 = 1_000;

/// A thing to do with blocks.
#[derive(Debug, Clone, Copy)]
pub struct Comparison {
    family: &'static str,
    /// Bytes of each block, where all are alike.
    size: Option<usize>,
    /// Whether any number of threads may do it; one does where not.
    threaded: bool,
    makers: [Maker; 5],
}

/// Prepares a workload for an allocator.
trait Work {
    /// For so many threads.
    fn ready<A: Allocator>(threads: usize) -> impl Round + 'static;
}

struct Alone<const WORDS: usize>;

impl<const WORDS: usize> Work for Alone<WORDS> {
    fn ready<A: Allocator>(_: usize) -> impl Round + 'static {
        One(Fixed::<A, WORDS>(PhantomData))
    }
}

struct Many<const WORDS: usize>;

impl<const WORDS: usize> Work for Many<WORDS> {
    fn ready<A: Allocator>(_: usize) -> impl Round + 'static {
        Window::new(Fixed::<A, WORDS>(PhantomData), WINDOW, 0)
    }
}

struct Mixed;

impl Work for Mixed {
    fn ready<A: Allocator>(_: usize) -> impl Round + 'static {
        Window::new(Drawn::<A>::new(8..=1_024, 0), WINDOW, 0)
    }
}

struct Servers;

impl Work for Servers {
    fn ready<A: Allocator>(threads: usize) -> impl Round + 'static {
        Larson::<A>::new(threads)
    }
}

struct Pipes;

impl Work for Pipes {
    fn ready<A: Allocator>(threads: usize) -> impl Round + 'static {
        Xmalloc::<A>::new(threads)
    }
}

struct Everything;

impl Work for Everything {
    fn ready<A: Allocator>(threads: usize) -> impl Round + 'static {
        Stress::<A>::new(threads)
    }
}

fn row<W: Work, A: Allocator>(threads: usize) -> Row<'static> {
    Row {
        subject: A::NAME,
        one_thread: false,
        round: Box::new(W::ready::<A>(threads)),
    }
}

/// One allocator, and how its row is made: it has blocks then.
type Maker = (&'static str, fn(usize) -> Row<'static>);

const fn by<W: Work, A: Allocator>() -> Maker {
    (A::NAME, row::<W, A>)
}

const fn by_all<W: Work>() -> [Maker; 5] {
    [
        by::<W, Slab>(),
        by::<W, System>(),
        by::<W, MiMalloc>(),
        by::<W, SnMalloc>(),
        by::<W, Jemalloc>(),
    ]
}

const fn one<const WORDS: usize>() -> Comparison {
    Comparison {
        family: "churn",
        size: Some(8 * WORDS),
        threaded: false,
        makers: by_all::<Alone<WORDS>>(),
    }
}

const fn many<const WORDS: usize>() -> Comparison {
    Comparison {
        family: "window",
        makers: by_all::<Many<WORDS>>(),
        ..one::<WORDS>()
    }
}

const fn threaded(family: &'static str, makers: [Maker; 5]) -> Comparison {
    Comparison {
        family,
        size: None,
        threaded: true,
        makers,
    }
}

impl Comparison {
    /// All of them.
    pub const ALL: &[Self] = &[
        one::<2>(),
        one::<8>(),
        one::<32>(),
        one::<128>(),
        one::<512>(),
        one::<4_096>(),
        many::<2>(),
        many::<8>(),
        many::<32>(),
        many::<128>(),
        many::<512>(),
        many::<4_096>(),
        Self {
            family: "mixed",
            size: None,
            threaded: false,
            makers: by_all::<Mixed>(),
        },
        threaded("larson", by_all::<Servers>()),
        threaded("xmalloc", by_all::<Pipes>()),
        threaded("mstress", by_all::<Everything>()),
    ];

    /// The first word of its name, which all of its sizes share.
    #[must_use]
    pub const fn family(self) -> &'static str {
        self.family
    }

    /// The threads that it keeps busy, of those that it may have.
    #[must_use]
    pub const fn threads(self, most: usize) -> usize {
        if self.threaded { most } else { 1 }
    }

    /// Those who are wanted, ready, with so many threads where there may be several.
    #[must_use]
    pub fn rows(self, threads: usize, wants: impl Fn(&str) -> bool) -> Vec<Row<'static>> {
        let makers = self.makers.iter().filter(|(subject, _)| wants(subject));
        makers.map(|(_, make)| make(threads)).collect()
    }

    /// Why it cannot be measured here, if it cannot: its threads would take turns on too few CPUs.
    #[must_use]
    pub fn obstacle(self, threads: usize) -> Option<String> {
        let cpus = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = self.threads(threads);
        (cpus < threads).then(|| format!("{self} needs {threads} CPUs, and there is {cpus}"))
    }

    /// How many steps are taken where memory is looked at: all of it is used again then, and again.
    /// `None` where memory is of no interest: it is what is live.
    #[must_use]
    pub fn steps_for_memory(self) -> Option<u64> {
        match self.family {
            "larson" => Some(10 * larson::LIFE),
            "xmalloc" => Some(2_000),
            "mstress" => Some(20),
            _ => None,
        }
    }
}

/// As in the tables: `churn-64`, `mixed`.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.family)?;
        match self.size {
            Some(size) => write!(f, "-{size}"),
            None => Ok(()),
        }
    }
}

/// Memory of a process that did one thing with one allocator, in bytes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Memory {
    /// The most at a time.
    pub peak: usize,
    /// When the threads had ended and all was freed.
    pub end: usize,
}

impl Memory {
    /// Does the work in this process, and looks. `None` where there is no `/proc`.
    #[must_use]
    pub fn of(mut row: Row<'_>, steps: u64) -> Option<Self> {
        row.round.run(steps);
        drop(row);
        Some(Self {
            peak: peak()?,
            end: Resident::now()?.bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::watched::watch;
    use super::*;
    use std::collections::BTreeSet;

    const STEPS: u64 = 3;

    /// Does some steps, and compares what was asked for: blocks that are there before, and those of the
    /// steps. Attempts may be repeated.
    fn asked<W: Work, A: Allocator>(before: u64, steps: u64) {
        let asked = watch::<A>(|| {
            let mut round = W::ready::<watched::Watched<A>>(2);
            assert!(!round.run(steps).is_zero());
            before + steps * round.pairs()
        });
        let (asked, expected) = asked;
        let more = (asked - before) / (expected - before);
        assert!((1..=8).contains(&more), "{}", A::NAME);
        assert_eq!((asked - before) % (expected - before), 0, "{}", A::NAME);
    }

    fn all_of<A: Allocator>() {
        asked::<Alone<1>, A>(0, STEPS);
        asked::<Alone<4_096>, A>(0, STEPS);
        asked::<Many<2>, A>(WINDOW.into(), STEPS);
        asked::<Many<4_096>, A>(WINDOW.into(), 2_000);
        asked::<Mixed, A>(WINDOW.into(), 2_000);
        asked::<Servers, A>(10_000, STEPS);
        asked::<Servers, A>(10_000, larson::LIFE + 1);
        asked::<Pipes, A>(0, 20);
        asked::<Everything, A>(0, STEPS);
    }

    #[test]
    fn slab() {
        all_of::<Slab>();
    }

    #[test]
    fn glibc() {
        all_of::<System>();
    }

    #[test]
    fn mimalloc() {
        all_of::<MiMalloc>();
    }

    #[test]
    fn snmalloc() {
        all_of::<SnMalloc>();
    }

    #[test]
    fn jemalloc() {
        all_of::<Jemalloc>();
    }

    #[test]
    fn all_have_a_row_of_their_own() {
        let mut names = BTreeSet::new();
        for comparison in Comparison::ALL {
            assert!(names.insert(comparison.to_string()), "{comparison} twice");
            let rows = comparison.rows(1, |_| true);
            let subjects: Vec<_> = rows.iter().map(|row| row.subject).collect();
            assert_eq!(subjects, crate::programs::ALLOCATORS, "{comparison}");
            let there = |measure: &Measure| {
                measure.subject == OTHERS || subjects.contains(&measure.subject)
            };
            assert!(MEASURES.iter().all(there), "{comparison}");
        }
    }
}
