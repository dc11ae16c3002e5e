//! Rounds of several threads that did not have a CPU each.
//!
//! On a machine that others use too, a thread waits for its CPU now and then. That is taken off the
//! figures of one thread. Where there are several it is more than time that is lost, for those that
//! wait are in nobody's way: such a round is taken again.

use std::ops::AddAssign;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How a round of several threads went.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attempt {
    /// How long it took, apart from waiting for CPUs.
    pub elapsed: Duration,
    /// How long the threads waited for CPUs, all together.
    pub waited: Duration,
}

impl Attempt {
    /// The most that are made for a round; the least disturbed one counts.
    const MOST: u32 = 8;

    fn is_undisturbed(&self) -> bool {
        self.waited * 20 <= self.elapsed
    }
}

/// One after the other.
impl AddAssign for Attempt {
    fn add_assign(&mut self, other: Self) {
        self.elapsed += other.elapsed;
        self.waited += other.waited;
    }
}

/// Runs whose threads took turns on too few CPUs, whatever was tried.
static DISTURBED: AtomicUsize = AtomicUsize::new(0);

/// Runs since the last call in which threads waited for each other or for other programs, however
/// often they were taken again: what the figures say of threads that meet is too little then.
pub fn take_disturbed() -> usize {
    // Relaxed: a count.
    DISTURBED.swap(0, Ordering::Relaxed)
}

/// Makes attempts till one is undisturbed, or there were enough; how long the least disturbed one took.
pub fn least_disturbed(mut attempt: impl FnMut() -> Attempt) -> Duration {
    let mut least = attempt();
    for _ in 1..Attempt::MOST {
        if least.is_undisturbed() {
            break;
        }
        let again = attempt();
        if again.waited < least.waited {
            least = again;
        }
    }
    if !least.is_undisturbed() {
        DISTURBED.fetch_add(1, Ordering::Relaxed);
    }
    least.elapsed
}
