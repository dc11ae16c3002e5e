//! Helpers of the tests, and structures that are built on the pool.

#![deny(unsafe_code)]

pub mod arena_programs;
pub mod blocks;
pub mod ms_queue;
mod resident;
pub mod slab_traces;
pub mod treiber;

pub use resident::resident;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::thread::ScopedJoinHandle;

/// `full` where the tests run natively, `small` under Miri, which is a thousand times slower. What is built for
/// a sanitizer, which is ten times slower, makes do with half.
pub const fn scaled(full: usize, small: usize) -> usize {
    let half = full / 2;
    if cfg!(miri) {
        small
    } else if option_env!("POOL_TEST_SANITIZER").is_none() {
        full
    } else if half > small {
        half
    } else {
        small
    }
}

/// Waits for threads to the end of their thread-locals. The end of a scope does not: it waits for the
/// closures alone.
pub fn join_all<T>(handles: Vec<ScopedJoinHandle<'_, T>>) -> Vec<T> {
    let join = |handle: ScopedJoinHandle<'_, T>| handle.join().expect("a thread panicked");
    handles.into_iter().map(join).collect()
}

/// Counts how many values are alive, by their construction and their drops.
#[derive(Debug, Clone, Default)]
pub struct Census(Arc<AtomicIsize>);

impl Census {
    /// A census of nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// A value that counts as long as it is not dropped.
    pub fn member(&self) -> Member {
        self.0.fetch_add(1, Ordering::SeqCst);
        Member(self.clone())
    }

    /// Values made and not dropped. Negative if one was dropped twice.
    pub fn alive(&self) -> isize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A value in a [`Census`].
#[derive(Debug)]
pub struct Member(Census);

impl Clone for Member {
    fn clone(&self) -> Self {
        self.0.member()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What the structures hold: a number, and perhaps somebody who counts.
#[derive(Debug)]
pub struct Value {
    /// Tells it from others.
    pub number: u64,
    /// Counts as long as the value is not dropped.
    pub member: Option<Member>,
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self {
            number,
            member: None,
        }
    }
}

/// Numbers that look random and are the same every time (Marsaglia's xorshift).
#[derive(Debug)]
pub struct Dice(Cell<u64>);

impl Dice {
    /// Dice that start from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Cell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1))
    }

    /// A number below `bound`, which is not zero.
    pub fn below(&self, bound: usize) -> usize {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.set(x);
        (x >> 11) as usize % bound
    }
}
