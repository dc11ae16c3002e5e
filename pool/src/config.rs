//! What a pool is asked to be.

#![forbid(unsafe_code)]

/// How many objects a pool holds if nobody says: 65,536.
pub const DEFAULT_CAPACITY: usize = 1 << 16;

/// What a pool is asked to be: the builder form of the `#[pool(...)]` attributes.
///
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a configuration does nothing until a pool is made of it"]
pub struct PoolConfig {
    pub(crate) capacity: usize,
    pub(crate) magazine: Option<u32>,
    pub(crate) prefault: bool,
    pub(crate) cache_line: bool,
}

impl PoolConfig {
    /// The defaults: a capacity of [`DEFAULT_CAPACITY`], nothing prefaulted, slots as wide as the
    /// type, and magazines sized by the pool (see [`PoolConfig::magazine`]).
    pub const fn new() -> Self {
        Self {
            capacity: DEFAULT_CAPACITY,
            magazine: None,
            prefault: false,
            cache_line: false,
        }
    }

    /// The number of objects that the pool promises to hold.
    ///
    /// The pool never says "full" while fewer are live. With `t` threads using it at the same time,
    /// up to `capacity + 2 * magazine * (t - 1)` may be live, since what idle threads keep in their
    /// magazines cannot be known at once; with one thread the capacity is exact.
    pub const fn capacity(mut self, objects: usize) -> Self {
        self.capacity = objects;
        self
    }

    /// The number of free slots in a magazine, 1 to 65,535. A thread keeps at most two magazines.
    ///
    /// A larger magazine visits the shared depot less often, lets a thread keep more free memory,
    /// and reserves more address space (three magazines for each of 1,040 caches). The default is as many objects as make 16 KiB, at least 2 and at most 256 (16 in
    /// builds with debug assertions), but not over a sixteenth of the capacity, and at least 1.
    pub const fn magazine(mut self, slots: u32) -> Self {
        self.magazine = Some(slots);
        self
    }

    /// Whether to touch the memory of `capacity` objects when the pool is made, so that their first
    /// use faults no page in. What several threads cache is beyond the capacity, and is not touched.
    pub const fn prefault(mut self, prefault: bool) -> Self {
        self.prefault = prefault;
        self
    }

    /// Whether each slot starts on a cache line (64 bytes) of its own, so that two objects that
    /// two threads write never share one.
    pub const fn cache_line(mut self, cache_line: bool) -> Self {
        self.cache_line = cache_line;
        self
    }
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self::new()
    }
}
