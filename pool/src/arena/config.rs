//! What an arena is asked to be.

#![forbid(unsafe_code)]

use crate::config::{NumaPolicy, PageSize};

/// What an arena is asked to be: for [`Arena::with_config`](crate::Arena::with_config) and
/// [`ArenaPool::with_config`](crate::ArenaPool::with_config).
///
/// ```
/// use pool::{Arena, ArenaConfig, PageSize};
///
/// let config = ArenaConfig::new().chunk(1 << 20).pages(PageSize::Transparent).limit(64 << 20);
/// let arena = Arena::with_config(config)?;
/// assert_eq!(*arena.alloc(7), 7);
/// # Ok::<(), pool::InitError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a configuration does nothing until an arena is made of it"]
pub struct ArenaConfig {
    pub(super) chunk: usize,
    pub(super) chunk_max: usize,
    pub(super) limit: usize,
    pub(super) keep: usize,
    pub(super) pages: PageSize,
    pub(super) pages_required: bool,
    pub(super) numa: NumaPolicy,
    pub(super) prefault: bool,
    pub(super) lock: bool,
}

impl ArenaConfig {
    /// The defaults: chunks from 64 KiB to 16 MiB, no limit, all kept, base pages of the node that the
    /// thread runs on, nothing prefaulted or locked.
    pub const fn new() -> Self {
        Self {
            chunk: 64 << 10,
            chunk_max: 16 << 20,
            limit: usize::MAX,
            keep: usize::MAX,
            pages: PageSize::Base,
            pages_required: false,
            numa: NumaPolicy::Preferred,
            prefault: false,
            lock: false,
        }
    }

    /// Bytes of the first chunk; each further one is twice as large, up to
    /// [`chunk_max`](ArenaConfig::chunk_max). Rounded up to whole pages. A chunk takes address space; its
    /// pages are memory when they are touched.
    pub const fn chunk(mut self, bytes: usize) -> Self {
        self.chunk = bytes;
        self
    }

    /// Bytes of the largest chunk. What is larger than it has a chunk of its own size.
    pub const fn chunk_max(mut self, bytes: usize) -> Self {
        self.chunk_max = bytes;
        self
    }

    /// The most bytes that may be allocated at one time, with what aligning takes (every block takes a multiple
    /// of 8), and 48 bytes for a value or slice with a destructor; values of one type that are allocated one
    /// after the other share them. Past it, an error.
    ///
    /// An arena whose limit is at most [`chunk_max`](ArenaConfig::chunk_max) has one chunk, and every byte
    /// of the limit can be had. With several, what is left at the end of one counts as well.
    pub const fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// The most bytes of chunks that [`Arena::reset`](crate::Arena::reset) keeps, so that one large request
    /// does not hold its memory for ever. What is beyond goes back to the system, the largest chunks first.
    pub const fn keep(mut self, bytes: usize) -> Self {
        self.keep = bytes;
        self
    }

    /// The pages to ask the system for, see [`PoolConfig::pages`](crate::PoolConfig::pages). Chunks are
    /// whole ones.
    pub const fn pages(mut self, pages: PageSize) -> Self {
        self.pages = pages;
        self
    }

    /// Whether smaller pages are an error, when a chunk is made.
    pub const fn pages_required(mut self, required: bool) -> Self {
        self.pages_required = required;
        self
    }

    /// Which node's memory a chunk is, on a machine with several: under
    /// [`NumaPolicy::LocalOnly`] and the others by default that of the thread that needs it, under
    /// [`NumaPolicy::Interleaved`] the nodes' in turn. `LocalOnly` makes what cannot be had there an error.
    pub const fn numa(mut self, policy: NumaPolicy) -> Self {
        self.numa = policy;
        self
    }

    /// Whether a chunk is touched when it is made, so that no page fault comes later.
    pub const fn prefault(mut self, prefault: bool) -> Self {
        self.prefault = prefault;
        self
    }

    /// Whether a chunk is locked in memory (`mlock`), which touches it, too. A refusal is an error.
    pub const fn lock(mut self, lock: bool) -> Self {
        self.lock = lock;
        self
    }
}

impl Default for ArenaConfig {
    fn default() -> Self {
        Self::new()
    }
}
