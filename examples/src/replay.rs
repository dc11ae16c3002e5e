//! Feeds messages to a book and takes the time of each.
//!
//! Messages are read or made a batch at a time, and only then applied: the book has the caches for
//! itself meanwhile. Within a batch the clock is read once a message, after it, so an interval has
//! one message and one reading; [`clock_cost`] says what that is. The intervals are sorted into the
//! histogram between batches.

use crate::book::{Book, Refusal};
use crate::lobster::ReadError;
use crate::message::Numbered;
use crate::order::OrderBox;
use hdrhistogram::Histogram;
use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

/// The longest interval that is told from longer ones, in nanoseconds: an hour.
const LONGEST: u64 = 3_600_000_000_000;

/// Messages in a batch: few enough for a second-level cache.
const BATCH: usize = 1 << 13;

/// How long a replay took.
#[derive(Debug)]
pub struct Timing {
    /// Messages applied.
    pub messages: u64,
    /// The time it took to apply them, and nothing else.
    pub elapsed: Duration,
    /// Nanoseconds a message, with one reading of the clock.
    pub latency: Histogram<u64>,
}

/// Why a replay ended early.
#[derive(Debug)]
pub enum ReplayError<F> {
    /// The next message could not be read.
    Read(ReadError),
    /// The book refused a message.
    Refused {
        /// The message's line.
        line: u64,
        /// Why.
        refusal: Refusal<F>,
    },
}

impl<F: fmt::Display> fmt::Display for ReplayError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Refused { line, refusal } => match refusal {
                Refusal::Duplicate { .. } => write!(f, "line {line}, field `id`: {refusal}"),
                Refusal::Full(full) => write!(f, "line {line}: {full}"),
            },
        }
    }
}

impl<F: Error + 'static> Error for ReplayError<F> {}

/// Applies all `messages` to `book`; calls `after_batch` now and then with the number of messages
/// applied since, while the clock does not run.
///
/// # Errors
///
/// A message could not be read, or the book refused it. The messages before it were applied; up to a
/// batch of them were not if it could not be read.
pub fn replay<B: OrderBox>(
    book: &mut Book<B>,
    mut messages: impl Iterator<Item = Result<Numbered, ReadError>>,
    mut after_batch: impl FnMut(u64),
) -> Result<Timing, ReplayError<B::Full>> {
    let mut timing = Timing {
        messages: 0,
        elapsed: Duration::ZERO,
        latency: Histogram::new_with_max(LONGEST, 3).expect("these bounds are good"),
    };
    let mut batch: Vec<Numbered> = Vec::with_capacity(BATCH);
    let mut intervals: Vec<Duration> = Vec::with_capacity(BATCH);
    loop {
        batch.clear();
        for message in messages.by_ref().take(BATCH) {
            batch.push(message.map_err(ReplayError::Read)?);
        }
        if batch.is_empty() {
            return Ok(timing);
        }
        intervals.clear();
        let start = Instant::now();
        let mut before = start;
        for &Numbered { line, ref message } in &batch {
            book.apply(message)
                .map_err(|refusal| ReplayError::Refused { line, refusal })?;
            let now = Instant::now();
            intervals.push(now - before);
            before = now;
        }
        timing.elapsed += before - start;
        timing.messages += batch.len() as u64;
        for interval in &intervals {
            let nanoseconds = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
            timing.latency.saturating_record(nanoseconds);
        }
        after_batch(batch.len() as u64);
    }
}

/// What one reading of the clock costs in nanoseconds: the median of many.
#[must_use]
pub fn clock_cost() -> u64 {
    const READINGS: usize = 10_001;
    let mut before = Instant::now();
    let mut costs: Vec<u128> = (0..READINGS)
        .map(|_| {
            let now = Instant::now();
            let cost = (now - before).as_nanos();
            before = now;
            cost
        })
        .collect();
    let (_, median, _) = costs.select_nth_unstable(READINGS / 2);
    u64::try_from(*median).unwrap_or(u64::MAX)
}
