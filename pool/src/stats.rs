//! What a pool tells about itself.

#![forbid(unsafe_code)]

/// A pool's figures at one time, from [`Pool::stats`](crate::Pool::stats).
///
/// Taken while other threads allocate and free, the figures are read one after the other and need
/// not fit together; taken while they are quiet they are exact, [`high_water`](Stats::high_water)
/// apart.
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
    /// The most objects that were live at one time, too high or too low by at most a magazine a
    /// thread: it is looked at when a thread refills, not at every allocation.
    pub high_water: usize,
    /// Objects allocated so far.
    pub allocations: u64,
    /// Objects freed so far.
    pub frees: u64,
    /// Times that a thread fetched free slots from the depot.
    pub refills: u64,
    /// Times that a thread handed free slots to the depot.
    pub flushes: u64,
    /// Bytes of address space reserved.
    pub bytes_reserved: usize,
    /// Bytes of it that were touched or prefaulted, and not given back since by
    /// [`Pool::trim`](crate::Pool::trim); rounded up to pages.
    pub bytes_committed: usize,
    /// Threads that have a cache of this pool.
    pub threads: usize,
    /// Free slots that a magazine holds; a thread keeps at most two magazines.
    pub magazine: usize,
}
