//! What a pool tells about itself.

#![forbid(unsafe_code)]

/// A pool's figures at one time, from [`Pool::stats`](crate::Pool::stats).
///
/// Taken while other threads allocate and free, the figures are read one after the other and need
/// not fit together; taken while they are quiet they are exact, [`high_water`](Stats::high_water)
/// apart. (A thread is quiet when it is joined; the end of a `thread::scope` comes before it has
/// handed its cache over.)
///
/// ```
/// use pool::{PoolBox, Pooled};
///
/// #[derive(Pooled)]
/// struct Order(u64);
///
/// let orders = [PoolBox::new(Order(1)), PoolBox::new(Order(2))];
/// let stats = Order::pool().stats();
/// assert_eq!((stats.live, stats.allocations, stats.frees), (2, 2, 0));
/// assert!((2..=2 + stats.magazine).contains(&stats.high_water));
/// # drop(orders);
/// ```
///
/// The hot path pays one instruction for all of them, at most: a magazine's length and its count of
/// allocations are one word, so that the addition that takes a slot counts it too; what is paid is
/// the cutting of the length out of the word. Frees are allocations less live objects; live objects
/// are the slots that are out of the depot less those in the threads' caches, whose lengths are
/// there to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Objects that the pool promises to hold.
    pub capacity: usize,
    /// Objects that are live.
    pub live: usize,
    /// The most objects that were live at one time, too high by at most a magazine a thread and too
    /// low by at most a magazine for each thread but one: it is looked at when a thread refills, not
    /// at every allocation. Of a pool that one thread uses it is never too low, and never goes down.
    pub high_water: usize,
    /// Objects allocated so far.
    pub allocations: u64,
    /// Objects freed so far.
    pub frees: u64,
    /// Times that a thread fetched free slots from the depot.
    pub refills: u64,
    /// Times that a thread handed free slots to the depot.
    pub flushes: u64,
    /// Bytes of address space reserved, in whole pages.
    pub bytes_reserved: usize,
    /// Bytes of it that were handed to threads, a magazine at a time, or prefaulted, and not given
    /// back since by [`Pool::trim`](crate::Pool::trim); in whole pages. What is resident is at most
    /// this: slots that wait in a cache for their first use are counted, but not touched.
    pub bytes_committed: usize,
    /// Threads that have a cache of this pool now.
    pub threads: usize,
    /// Free slots that a magazine holds; a thread keeps at most two magazines.
    pub magazine: usize,
}
