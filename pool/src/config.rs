//! What a pool is asked to be.

#![forbid(unsafe_code)]

/// How many objects a pool holds if nobody says: 65,536.
pub const DEFAULT_CAPACITY: usize = 1 << 16;

use crate::numa::Topology;
use std::fmt;

/// The pages that a pool's memory is to be made of.
///
/// What is asked for is preferred: what the system does not have falls back to the next smaller size,
/// unless [`PoolConfig::pages_required`] says otherwise. They are in order, smallest first. Windows has
/// base and 2 MiB pages. What was granted,
/// [`Pool::memory`](crate::Pool::memory) tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PageSize {
    /// What the system gives if nobody asks for more: `"base"`.
    #[default]
    Base,
    /// Base pages that the kernel joins to huge ones where it can (Linux, `madvise`):
    /// `"transparent"`.
    Transparent,
    /// Pages of 2 MiB from the pool that the administrator set aside: `"huge_2m"`.
    Huge2M,
    /// Pages of 1 GiB from the pool that the administrator set aside: `"huge_1g"`.
    Huge1G,
}

impl PageSize {
    /// The name, as in `#[pool(pages = "...")]`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Transparent => "transparent",
            Self::Huge2M => "huge_2m",
            Self::Huge1G => "huge_1g",
        }
    }

    /// Bytes of one of the pages that are set aside; the others' size is the system's affair.
    pub const fn bytes(self) -> Option<usize> {
        match self {
            Self::Base | Self::Transparent => None,
            Self::Huge2M => Some(2 << 20),
            Self::Huge1G => Some(1 << 30),
        }
    }
}

impl fmt::Display for PageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which NUMA node's memory a thread is served from. On a machine with one node all are the same.
///
/// `Preferred` is right unless you know better. `Adaptive` is for objects that one node makes and
/// another one uses up; `Interleaved` for such as all nodes use alike; `LocalOnly` for threads that had
/// rather have no memory than another node's.
///
/// A thread's node is looked at when it exchanges a magazine with the pool: a thread that moves is
/// noticed then, and one that [`numa::run_on`](crate::numa::run_on) moves, at once. What a thread
/// frees it may be given again, whatever node it is on, `LocalOnly` excepted.
///
/// Where the system does not let a process say where its memory is to be (a container without
/// `CAP_SYS_NICE`), the policies still say which share of the pool a thread is served from, and
/// [`Pool::memory`](crate::Pool::memory) says what was refused; `LocalOnly` is an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NumaPolicy {
    /// The memory of the node that the thread runs on, and never another's: `"local_only"`. What
    /// cannot be had there is refused, with an error that names the node. Each node may come to have
    /// memory for the whole capacity. Objects are looked at when they are freed, which costs a call.
    LocalOnly,
    /// The node that the thread runs on, then the others by distance: `"preferred"`.
    #[default]
    Preferred,
    /// The nodes in turn, a magazine from each: `"interleaved"`.
    Interleaved,
    /// As `Preferred` to begin with. The pool measures which node frees what which node allocates,
    /// and serves a node from the one on which its objects end: `"adaptive"`. On more than 256 nodes it
    /// stays as it begins.
    Adaptive,
}

impl NumaPolicy {
    /// The name, as in `#[pool(numa = "...")]`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LocalOnly => "local_only",
            Self::Preferred => "preferred",
            Self::Interleaved => "interleaved",
            Self::Adaptive => "adaptive",
        }
    }
}

impl fmt::Display for NumaPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a pool does when as many objects as its capacity are live.
///
/// A type says it in its attributes, `#[pool(on_full = "...")]`, since its handles are compiled for it:
/// [`Pool::init`](crate::Pool::init) may choose `Error` in place of what they say, and nothing else. A
/// pool that is a value may be any. [`NumaPolicy::LocalOnly`] excludes the others than `Error`, which do
/// not know of nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnFull {
    /// Give the value back: `"error"`.
    #[default]
    Error,
    /// Put the object on the heap, and count it ([`Stats::heap`](crate::Stats::heap)): `"heap"`. The
    /// handle is the same, and looks at the address when it is dropped.
    Heap,
    /// Have who wants to wait until an object is freed: `"wait"`.
    /// [`PoolBox::new_timeout`](crate::PoolBox::new_timeout) and
    /// [`PoolBox::new_async`](crate::PoolBox::new_async) wait; `new` and `try_new` do not. It is no
    /// semaphore: with `t` threads up to `capacity + 2 * magazine * (t - 1)` objects are live before
    /// anybody waits.
    Wait,
}

impl OnFull {
    /// The name, as in `#[pool(on_full = "...")]`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Heap => "heap",
            Self::Wait => "wait",
        }
    }
}

impl fmt::Display for OnFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a pool is asked to be: the builder form of the `#[pool(...)]` attributes.
///
/// What is not said is the default, and to [`Pool::init`](crate::Pool::init) what the attributes say.
/// Nothing is checked here; a value that cannot be is refused, by name, where a pool is made of
/// the configuration: [`Pool::with_config`](crate::Pool::with_config) and
/// [`Pool::init`](crate::Pool::init).
///
/// ```
/// use pool::{Pool, PoolConfig};
///
/// let config = PoolConfig::new().capacity(1000).cache_line(true);
/// let pool = Pool::<[u8; 40]>::with_config(config)?;
/// assert_eq!(pool.capacity(), 1000);
/// # Ok::<(), pool::InitError>(())
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use = "a configuration does nothing until a pool is made of it"]
pub struct PoolConfig {
    pub(crate) capacity: usize,
    pub(crate) magazine: Option<u32>,
    pub(crate) prefault: bool,
    pub(crate) cache_line: bool,
    pub(crate) pages: PageSize,
    pub(crate) pages_required: bool,
    pub(crate) lock: bool,
    pub(crate) numa: NumaPolicy,
    pub(crate) on_full: OnFull,
    pub(crate) scrub: bool,
    /// `None`: this machine's.
    pub(crate) topology: Option<&'static Topology>,
    /// What was said, and is not a default.
    said: Said,
}

/// Which of a configuration's methods were called: a bit each.
#[derive(Debug, Clone, Copy)]
struct Said(u16);

impl Said {
    const NOTHING: Self = Self(0);
    const CAPACITY: u16 = 1;
    const MAGAZINE: u16 = 1 << 1;
    const PREFAULT: u16 = 1 << 2;
    const CACHE_LINE: u16 = 1 << 3;
    const PAGES: u16 = 1 << 4;
    const PAGES_REQUIRED: u16 = 1 << 5;
    const LOCK: u16 = 1 << 6;
    const NUMA: u16 = 1 << 7;
    const ON_FULL: u16 = 1 << 8;
    const SCRUB: u16 = 1 << 9;
    const TOPOLOGY: u16 = 1 << 10;
}

/// Two are equal that ask for the same, be it said or left out.
impl PartialEq for PoolConfig {
    fn eq(&self, other: &Self) -> bool {
        let asked = |c: &Self| {
            let memory = (c.prefault, c.cache_line, c.pages, c.pages_required, c.lock);
            (c.capacity, c.magazine, memory, c.numa, c.on_full, c.scrub)
        };
        asked(self) == asked(other) && self.topology == other.topology
    }
}

impl Eq for PoolConfig {}

impl PoolConfig {
    /// The defaults: a capacity of [`DEFAULT_CAPACITY`], nothing prefaulted or locked, slots as
    /// wide as the type, magazines sized by the pool (see [`PoolConfig::magazine`]), base pages, and
    /// the node that a thread runs on first.
    pub const fn new() -> Self {
        Self {
            capacity: DEFAULT_CAPACITY,
            magazine: None,
            prefault: false,
            cache_line: false,
            pages: PageSize::Base,
            pages_required: false,
            lock: false,
            numa: NumaPolicy::Preferred,
            on_full: OnFull::Error,
            scrub: false,
            topology: None,
            said: Said::NOTHING,
        }
    }

    /// This, and where it says nothing, what `other` says.
    pub(crate) const fn or(self, other: Self) -> Self {
        let mut both = other;
        both.said.0 |= self.said.0;
        let said = self.said.0;
        if said & Said::CAPACITY != 0 {
            both.capacity = self.capacity;
        }
        if said & Said::MAGAZINE != 0 {
            both.magazine = self.magazine;
        }
        if said & Said::PREFAULT != 0 {
            both.prefault = self.prefault;
        }
        if said & Said::CACHE_LINE != 0 {
            both.cache_line = self.cache_line;
        }
        if said & Said::PAGES != 0 {
            both.pages = self.pages;
        }
        if said & Said::PAGES_REQUIRED != 0 {
            both.pages_required = self.pages_required;
        }
        if said & Said::LOCK != 0 {
            both.lock = self.lock;
        }
        if said & Said::NUMA != 0 {
            both.numa = self.numa;
        }
        if said & Said::ON_FULL != 0 {
            both.on_full = self.on_full;
        }
        if said & Said::SCRUB != 0 {
            both.scrub = self.scrub;
        }
        if said & Said::TOPOLOGY != 0 {
            both.topology = self.topology;
        }
        both
    }

    /// The number of objects that the pool promises to hold.
    ///
    /// The pool never says "full" while fewer are live. With `t` threads using it at the same time,
    /// up to `capacity + 2 * magazine * (t - 1)` may be live, since what idle threads keep in their
    /// magazines cannot be known at once; with one thread the capacity is exact. Boxes that a thread makes
    /// beside an open [scope](crate::Pool::scope) may make it a magazine more.
    pub const fn capacity(mut self, objects: usize) -> Self {
        self.capacity = objects;
        self.said.0 |= Said::CAPACITY;
        self
    }

    /// The number of free slots in a magazine, 1 to 65,535. A thread keeps at most two magazines.
    ///
    /// A larger magazine visits the shared depot less often, lets a thread keep more free memory,
    /// and reserves more address space (three magazines for each of 1,040 caches). The default is as many objects as make 16 KiB, at least 2 and at most 256 (16 in
    /// builds with debug assertions), but not over a sixteenth of the capacity, and at least 1.
    pub const fn magazine(mut self, slots: u32) -> Self {
        self.magazine = Some(slots);
        self.said.0 |= Said::MAGAZINE;
        self
    }

    /// Whether to touch the memory of `capacity` objects when the pool is made, so that their first
    /// use faults no page in. What several threads cache is beyond the capacity, and is not touched.
    pub const fn prefault(mut self, prefault: bool) -> Self {
        self.prefault = prefault;
        self.said.0 |= Said::PREFAULT;
        self
    }

    /// Whether each slot starts on a cache line (64 bytes) of its own, so that two objects that
    /// two threads write never share one.
    pub const fn cache_line(mut self, cache_line: bool) -> Self {
        self.cache_line = cache_line;
        self.said.0 |= Said::CACHE_LINE;
        self
    }

    /// The pages to ask the system for. What cannot be had falls back: 1 GiB to 2 MiB, to
    /// transparent, to base; see [`PoolConfig::pages_required`].
    ///
    /// Transparent pages may have the kernel look for memory, and move others' out of the way, at the
    /// first touch: with [`PoolConfig::prefault`] that is when the pool is made.
    ///
    /// Pages of 2 MiB and 1 GiB are taken, for the whole capacity, when the pool is made; what threads
    /// cache beyond it takes more as it is needed, of at most 2 MiB. On several nodes each has an
    /// equal share of the capacity, and a node whose share is used up goes on with the others'; a
    /// huge page of another node is taken before small ones of the right one, but not under
    /// [`NumaPolicy::LocalOnly`].
    pub const fn pages(mut self, pages: PageSize) -> Self {
        self.pages = pages;
        self.said.0 |= Said::PAGES;
        self
    }

    /// Whether smaller pages than those asked for are an error, when the pool is made: transparent ones
    /// are touched for that, as by [`PoolConfig::prefault`]. (Base pages are always to be had.) What threads cache beyond the capacity may be on smaller pages all the same.
    pub const fn pages_required(mut self, required: bool) -> Self {
        self.pages_required = required;
        self.said.0 |= Said::PAGES_REQUIRED;
        self
    }

    /// Whether to lock the memory of `capacity` objects when the pool is made, so that it is never
    /// swapped out (`mlock`). It is touched by that, as by [`PoolConfig::prefault`], and
    /// [`Pool::trim`](crate::Pool::trim) does not give it back. A refusal is an error. What several
    /// threads cache is beyond the capacity, and is not locked.
    pub const fn lock(mut self, lock: bool) -> Self {
        self.lock = lock;
        self.said.0 |= Said::LOCK;
        self
    }

    /// Which node's memory a thread is served from, on a machine with several.
    pub const fn numa(mut self, policy: NumaPolicy) -> Self {
        self.numa = policy;
        self.said.0 |= Said::NUMA;
        self
    }

    /// What to do when as many objects as the capacity are live. See [`OnFull`] for what a type's
    /// attributes have to say.
    pub const fn on_full(mut self, on_full: OnFull) -> Self {
        self.on_full = on_full;
        self.said.0 |= Said::ON_FULL;
        self
    }

    /// Whether to overwrite the memory of an object with zeros when it is freed, in a way that the
    /// optimiser cannot leave out, so that nothing of a value is there for who has the slot next. A type
    /// whose attributes say so is scrubbed whatever is said here; one whose attributes do not say so
    /// cannot be.
    pub const fn scrub(mut self, scrub: bool) -> Self {
        self.scrub = scrub;
        self.said.0 |= Said::SCRUB;
        self
    }

    /// Another topology than this machine's: for tests. Memory is then bound to no node.
    #[doc(hidden)]
    pub const fn topology(mut self, topology: &'static Topology) -> Self {
        self.topology = Some(topology);
        self.said.0 |= Said::TOPOLOGY;
        self
    }
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self::new()
    }
}
