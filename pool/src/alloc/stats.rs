//! What an allocator tells of itself.

#![forbid(unsafe_code)]

use super::classes::{self, CLASSES};
use std::fmt;

/// The figures of a [`SlabAlloc`](super::SlabAlloc), taken while others may allocate: each is what it was at
/// some moment of the call, and exact if nobody does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlabStats {
    /// Each size class, from the smallest to the largest.
    pub classes: [ClassStats; CLASSES],
    /// Blocks of more than the largest class.
    pub large: LargeStats,
    /// Bytes of empty slabs and freed large blocks whose memory is kept for the next that needs some.
    pub retained: usize,
    /// Bytes of address space that are reserved. Most of it costs nothing.
    pub reserved: usize,
    /// Threads that have a cache now.
    pub threads: usize,
}

/// The figures of one size class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassStats {
    /// Bytes of a slot.
    pub size: usize,
    /// Blocks that are allocated now.
    pub live: usize,
    /// Slots of all slabs of the class, in use or free.
    pub slots: usize,
    /// Slabs of the class.
    pub slabs: usize,
    /// Bytes that were asked for, of the blocks that are live.
    pub asked: usize,
    /// Free slots in the threads' caches.
    pub cached: usize,
    /// Free slots in the depot.
    pub parked: usize,
    /// Allocations so far that a thread's cache served.
    pub hits: u64,
    /// Allocations so far that needed a refill first.
    pub misses: u64,
}

/// The figures of blocks larger than any class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LargeStats {
    /// Blocks that are allocated now.
    pub live: usize,
    /// Bytes that were asked for, of the blocks that are live.
    pub asked: usize,
    /// Bytes that these have, in whole pages.
    pub given: usize,
    /// Allocations so far.
    pub allocations: u64,
}

impl ClassStats {
    /// What is live and what was a hit, of all slots out of the slabs and all allocations.
    pub(super) fn settle(&mut self) {
        self.live = self.live.saturating_sub(self.cached);
        self.hits = self.hits.saturating_sub(self.misses);
        // A thread may have freed what another one asked for, and that one not be seen yet.
        self.asked = if self.asked > isize::MAX as usize {
            0
        } else {
            self.asked
        };
    }

    /// Bytes of the slots of live blocks. What is more than [`asked`](Self::asked) is lost inside of slots:
    /// internal fragmentation.
    #[must_use]
    pub const fn given(&self) -> usize {
        self.live * self.size
    }

    /// Bytes of slots that nobody uses: external fragmentation, and what is cached.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.slots.saturating_sub(self.live) * self.size
    }

    /// The share of allocations that a thread's cache served; 1 if there was none.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        rate(self.hits, self.misses)
    }
}

impl SlabStats {
    /// Of an allocator that has nothing.
    pub(super) fn new() -> Self {
        Self {
            classes: std::array::from_fn(|number| ClassStats {
                size: classes::size(number),
                ..ClassStats::default()
            }),
            large: LargeStats::default(),
            retained: 0,
            reserved: 0,
            threads: 0,
        }
    }

    /// Blocks that are allocated now, of whatever size.
    #[must_use]
    pub fn live(&self) -> usize {
        self.sum(|class| class.live) + self.large.live
    }

    /// Bytes that were asked for, of all live blocks.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.sum(|class| class.asked) + self.large.asked
    }

    /// Bytes that these were given.
    #[must_use]
    pub fn given(&self) -> usize {
        self.sum(ClassStats::given) + self.large.given
    }

    /// Bytes of slots that nobody uses, and of what is [retained](Self::retained).
    #[must_use]
    pub fn held(&self) -> usize {
        self.sum(ClassStats::held) + self.retained
    }

    /// The share of allocations, of sizes that have a class, that a thread's cache served; 1 if there was
    /// none.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        let of = |what: fn(&ClassStats) -> u64| self.classes.iter().map(what).sum();
        rate(of(|class| class.hits), of(|class| class.misses))
    }

    fn sum(&self, what: fn(&ClassStats) -> usize) -> usize {
        self.classes.iter().map(what).sum()
    }
}

#[allow(clippy::cast_precision_loss, reason = "a share need not be exact")]
fn rate(hits: u64, misses: u64) -> f64 {
    if hits + misses == 0 {
        1.0
    } else {
        hits as f64 / (hits + misses) as f64
    }
}

/// A table of the classes that were used, and a line for the rest.
impl fmt::Display for SlabStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>7} {:>10} {:>10} {:>8} {:>12} {:>12} {:>12} {:>7}",
            "class", "live", "slots", "slabs", "asked", "given", "held", "hits"
        )?;
        let used = |class: &&ClassStats| class.slabs > 0 || class.hits + class.misses > 0;
        for class in self.classes.iter().filter(used) {
            writeln!(
                f,
                "{:>7} {:>10} {:>10} {:>8} {:>12} {:>12} {:>12} {:>6.2}%",
                class.size,
                class.live,
                class.slots,
                class.slabs,
                class.asked,
                class.given(),
                class.held(),
                class.hit_rate() * 100.0
            )?;
        }
        write!(
            f,
            "large: {} live, {} bytes asked, {} given; retained: {} bytes; threads: {}",
            self.large.live, self.large.asked, self.large.given, self.retained, self.threads
        )
    }
}
