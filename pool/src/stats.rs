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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Objects that the pool promises to hold.
    pub capacity: usize,
    /// Objects that are live, those on the heap and those that wait for readers included.
    pub live: usize,
    /// Objects that are live on the heap, because the pool was full when they were made:
    /// [`OnFull::Heap`](crate::OnFull::Heap).
    pub heap: usize,
    /// Objects that were made on the heap so far.
    pub heap_allocations: u64,
    /// Objects that were retired and are not dropped yet, since a reader may see them:
    /// [`PoolBox::retire`](crate::PoolBox::retire). They count as live.
    pub retired: usize,
    /// Threads and tasks that wait for a free slot: [`OnFull::Wait`](crate::OnFull::Wait).
    pub waiting: usize,
    /// Slots that are not used any more because their generations are used up:
    /// [`PoolWeak`](crate::PoolWeak).
    pub used_up: usize,
    /// The most objects that were live at one time, too high by at most a magazine a thread (two, where
    /// a [scope](crate::Pool::scope) was open beside boxes) and too
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
    /// What passes between nodes: one entry a node, by ascending number. Empty on a machine with one
    /// node.
    pub nodes: Vec<NodeStats>,
    /// What the policy `adaptive` decided, the last 64 times at most, the newest last.
    pub decisions: Vec<Decision>,
}

/// A node's share in what a pool does.
///
/// The columns of the matrices are nodes, in the order of [`Stats::nodes`]. They count slots that go
/// through a depot, a magazine at a time: what a thread frees and allocates again by itself is in
/// none of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeStats {
    /// The system's number for the node.
    pub node: u32,
    /// The node whose memory serves the threads of this one first, if the policy is `adaptive`.
    pub served_by: Option<u32>,
    /// Slots that have the node's memory, and such as are set aside for the node alone: its share of
    /// what was taken when the pool was made, or all that it has addresses for under `local_only`.
    pub quota: usize,
    /// Bytes of the node's memory in use, as in [`Stats::bytes_committed`].
    pub bytes_committed: usize,
    /// Slots that threads of this node took, by the node that the slots are of.
    pub refills: Vec<u64>,
    /// Slots that threads of this node gave back, by the node that the slots are of.
    pub frees: Vec<u64>,
    /// Objects that threads of this node allocated, by the node on which they ended; what is longer
    /// ago counts less (half, every 16 refills). Those that are live, or went through no depot, count
    /// as ended on this node. Empty unless the policy is `adaptive`.
    pub ended: Vec<u64>,
}

/// The policy `adaptive` serves a node from another one from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// The node whose threads this is about.
    pub node: u32,
    /// The node that served them first until then.
    pub from: u32,
    /// The node that serves them first from then on.
    pub to: u32,
    /// When: in the node's windows of 16 refills.
    pub window: u64,
    /// Of a hundred objects that the node's threads allocated, how many ended on the node `to`.
    pub percent: u8,
}
