//! Threads, and how long they take. What it takes to start one and to end it is part of that:
//! allocators do something then.

use crate::disturbed::Attempt;
use crate::process::{timed, waited};
use std::thread;
use std::time::{Duration, Instant};

/// A thread's whole life, its last destructor included: what it left, and how long it waited for a CPU.
pub(super) fn life<V: Send>(work: impl FnOnce() -> V + Send) -> (V, Duration) {
    thread::scope(|scope| {
        let born = scope.spawn(|| (work(), waited()));
        // (The scope alone waits for the work only.)
        born.join().expect("work does not panic")
    })
}

/// How a thread's work went, by the clock that all of them look at.
struct Took {
    /// When it was done.
    end: Duration,
    /// How long the thread waited for a CPU since it was born, and others on its behalf.
    waited: Duration,
}

/// Threads that work at the same time, from before the first one's birth to after the last one's end.
/// Each says how long others waited for CPUs on its behalf.
pub(super) fn together<W>(works: impl IntoIterator<Item = W>) -> Attempt
where
    W: FnOnce() -> Duration + Send,
{
    let start = Instant::now();
    let took = |work: W| {
        let others = work();
        Took {
            waited: waited() + others,
            end: start.elapsed(),
        }
    };
    let mut all: Vec<Took> = Vec::new();
    let (whole, waited) = timed(|| {
        thread::scope(|scope| {
            let born = works.into_iter().map(|work| scope.spawn(|| took(work)));
            let born: Vec<_> = born.collect();
            let said = born.into_iter().map(|born| born.join());
            all.extend(said.map(|said| said.expect("work does not panic")));
        });
    });
    let most = |of: fn(&Took) -> Duration| all.iter().map(of).max().unwrap_or_default();
    // What is done after all work: the threads' destructors.
    let after = whole.saturating_sub(most(|took| took.end));
    Attempt {
        elapsed: most(|took| took.end.saturating_sub(took.waited)) + after,
        waited: waited + all.iter().map(|took| took.waited).sum::<Duration>(),
    }
}
