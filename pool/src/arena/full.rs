//! What an arena answers that has no memory to give.

#![forbid(unsafe_code)]

use super::config::ArenaConfig;
use crate::error::InitError;
use std::alloc::Layout;
use std::error::Error;
use std::fmt;

/// The answer of an arena that has no room for a value: it gives the value back; or the closure that was to
/// make it, which was not called.
///
/// ```
/// use pool::Arena;
///
/// let arena = Arena::with_limit(1 << 10);
/// let full = arena.try_alloc([7_u8; 2000]).unwrap_err();
/// assert!(full.to_string().contains("2000 bytes") && full.to_string().contains("limit of 1024 bytes"));
/// assert_eq!(full.into_inner()[0], 7);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ArenaFull<T = ()> {
    value: T,
    refusal: Refusal,
}

/// What there was no room for, and why.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    size: usize,
    cause: Cause,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The arena may not have so much more.
    Limit { limit: usize, taken: usize },
    /// No address space has so much.
    TooLarge,
    /// The system has no memory, or not such as it has to be.
    System(InitError),
    /// The global allocator has no memory for the arena's list of chunks.
    List,
}

impl Cause {
    /// Says that for this reason there is no room for so many bytes.
    pub(super) fn for_bytes(self, size: usize) -> Refusal {
        Refusal { size, cause: self }
    }
}

impl Refusal {
    /// The reason why no layout is as large as a number of items.
    pub(super) fn too_many<T>(len: usize) -> Self {
        Cause::TooLarge.for_bytes(len.saturating_mul(size_of::<T>()))
    }

    pub(super) fn with<V>(self, value: V) -> ArenaFull<V> {
        let refusal = self;
        ArenaFull { value, refusal }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn panic(self) -> ! {
        panic!("{self}")
    }

    /// Why an arena has not even a first chunk.
    pub(super) fn init_error(self, config: &ArenaConfig) -> InitError {
        match self.cause {
            Cause::System(error) => error,
            _ => InitError::Reserve {
                bytes: config.chunk.min(config.chunk_max),
                call: "the size of an address space",
                errno: None,
            },
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.size;
        match self.cause {
            Cause::Limit { limit, taken } => write!(
                f,
                "the arena has no room for {size} bytes: {taken} are taken, and its limit of {limit} \
                 bytes would be passed; end a scope or reset it earlier, or raise the limit \
                 (`Arena::with_limit`, `ArenaConfig::limit`)"
            ),
            Cause::TooLarge => write!(
                f,
                "the arena has no room for {size} bytes: no address space has; allocate less at once"
            ),
            Cause::System(error) => {
                write!(f, "the arena has no room for {size} bytes: {error}")
            }
            Cause::List => write!(
                f,
                "the arena has no room for {size} bytes: the global allocator has no memory for its list \
                 of chunks; free some"
            ),
        }
    }
}

impl<T> ArenaFull<T> {
    /// Panics with what this says, and drops the value.
    #[cold]
    #[track_caller]
    pub(super) fn panic(self) -> ! {
        let Self { value, refusal } = self;
        drop(value);
        refusal.panic()
    }

    /// Gives back the value that found no room, or the closure that was to make it.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The value that found no room.
    pub const fn get_ref(&self) -> &T {
        &self.value
    }

    /// Bytes that there was no room for, at least.
    pub const fn size(&self) -> usize {
        self.refusal.size
    }

    /// The limit that would have been passed; `None` if it was the system that refused memory, which
    /// [`Error::source`] then explains.
    pub const fn limit(&self) -> Option<usize> {
        match self.refusal.cause {
            Cause::Limit { limit, .. } => Some(limit),
            _ => None,
        }
    }
}

/// As its `Display`, so that `unwrap` says it, too.
impl<T> fmt::Debug for ArenaFull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArenaFull({})", self.refusal)
    }
}

impl<T> fmt::Display for ArenaFull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl<T> Error for ArenaFull<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.refusal.cause {
            Cause::System(error) => Some(error),
            _ => None,
        }
    }
}

/// The layout of so many items.
pub(super) fn layout_of<T>(len: usize) -> Result<Layout, Refusal> {
    Layout::array::<T>(len).map_err(|_| Refusal::too_many::<T>(len))
}
