//! What is measured: the workloads.
//!
//! Each is one generic function, compiled once a subject and not inlined, so that no subject's code
//! is shaped by another's. They begin and end with nothing in hand, the live orders of `replace`
//! apart, and what they do besides making and freeing is the same for all: build an order from a
//! counter, show the handle to the optimiser, and where several are live, store it and load it.
//! That is part of every figure; nothing is subtracted.

mod batch;
mod churn;
mod pipe;
mod replace;

pub use batch::Frees;
pub use replace::Random;

use crate::subject::Subject;
use std::fmt;
use std::num::NonZero;
use std::time::Duration;

/// What is to be done with orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// One order at a time: made, freed.
    Churn,
    /// Many made, then all freed in some order.
    Batch {
        /// How many.
        orders: usize,
        /// Which first.
        frees: Frees,
    },
    /// Many live; one chosen at random is replaced by a new one.
    Replace {
        /// How many.
        live: usize,
    },
    /// One thread makes, another frees; a ring is between them.
    Pipe {
        /// How many the ring holds.
        ring: usize,
    },
}

impl Workload {
    /// All of them, in the sizes that are measured.
    pub const ALL: [Self; 9] = [
        Self::Churn,
        Self::batch(1_024, Frees::Lifo),
        Self::batch(1_024, Frees::Fifo),
        Self::batch(1_024, Frees::Shuffled),
        Self::batch(16_384, Frees::Lifo),
        Self::batch(16_384, Frees::Fifo),
        Self::batch(16_384, Frees::Shuffled),
        Self::Replace { live: 100_000 },
        Self::Pipe { ring: 1_024 },
    ];

    const fn batch(orders: usize, frees: Frees) -> Self {
        Self::Batch { orders, frees }
    }

    /// The first word of its name, which all of its sizes share.
    #[must_use]
    pub const fn family(self) -> &'static str {
        match self {
            Self::Churn => "churn",
            Self::Batch { .. } => "batch",
            Self::Replace { .. } => "replace",
            Self::Pipe { .. } => "pipe",
        }
    }

    /// How many orders a subject should have room for: what is live at a time, and a little more
    /// for those that keep some aside.
    #[must_use]
    pub const fn room(self) -> usize {
        match self {
            Self::Churn => 1_024,
            Self::Batch { orders, .. } => orders,
            Self::Replace { live } => live + 1_024,
            Self::Pipe { ring } => ring + 1_024,
        }
    }

    /// The threads that it keeps busy.
    #[must_use]
    pub const fn threads(self) -> usize {
        match self {
            Self::Pipe { .. } => 2,
            _ => 1,
        }
    }

    /// Why it cannot be measured here, if it cannot: its threads would take turns on too few CPUs.
    #[must_use]
    pub fn obstacle(self) -> Option<String> {
        let cpus = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = self.threads();
        (cpus < threads).then(|| format!("{self} needs {threads} CPUs, and there is {cpus}"))
    }

    /// Prepares this workload for a subject. `None` for what only [`Workload::shared_round`] does.
    #[must_use]
    pub fn round<'a, S: Subject>(self, subject: &'a S) -> Option<Box<dyn Round + 'a>> {
        Some(match self {
            Self::Churn => Box::new(churn::Churn::new(subject)),
            Self::Batch { orders, frees } => Box::new(batch::Batch::new(subject, orders, frees)),
            Self::Replace { live } => Box::new(replace::Replace::new(subject, live)),
            Self::Pipe { .. } => return None,
        })
    }

    /// Prepares this workload for a subject whose orders may be freed by another thread.
    #[must_use]
    pub fn shared_round<'a, S>(self, subject: &'a S) -> Box<dyn Round + 'a>
    where
        S: Subject,
        S::Handle<'a>: Send,
        S::Sink<'a>: Send,
    {
        match self {
            Self::Pipe { ring } => Box::new(pipe::Pipe::new(subject, ring)),
            _ => self.round(subject).expect("all others are for one thread"),
        }
    }
}

/// As in the tables: `churn`, `batch-1024-lifo`.
impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.family())?;
        match self {
            Self::Batch { orders, frees } => write!(f, "-{orders}-{frees}"),
            _ => Ok(()),
        }
    }
}

/// A workload, prepared for a subject.
pub trait Round {
    /// Orders made and freed in a step.
    fn pairs(&self) -> u64 {
        1
    }

    /// Does `steps` steps, and says how long they took; preparations are not counted.
    fn run(&mut self, steps: u64) -> Duration;
}
