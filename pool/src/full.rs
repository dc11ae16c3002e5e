//! What a pool answers that has no slot to give.

#![forbid(unsafe_code)]

use crate::error::InitError;
use std::any::type_name;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The answer of a pool that has no room: it gives the value back.
///
/// It names the type and the capacity.
///
/// ```
/// use pool::{PoolBox, Pooled};
///
/// #[derive(Debug, PartialEq, Pooled)]
/// #[pool(capacity = 1)]
/// struct Order(u64);
///
/// let first = PoolBox::new(Order(1));
/// let full = PoolBox::try_new(Order(2)).unwrap_err();
/// assert!(full.to_string().contains("Order") && full.to_string().contains("capacity of 1"));
/// assert_eq!(full.into_inner(), Order(2));
/// # drop(first);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Full<T> {
    value: T,
    refusal: Refusal,
}

/// Which pool had no slot, and why.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The type that the pool holds.
    type_name: &'static str,
    cause: Cause,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// At least this many objects are live, of which some wait for readers.
    Full { capacity: usize, retired: usize },
    /// The pool was not initialised before, and could not be.
    Init(InitError),
    /// That, for as long as somebody waited.
    Waited { capacity: usize, timeout: Duration },
    /// The system refused memory for more objects.
    Memory(InitError),
    /// The pool is full, and so is the heap.
    Heap,
}

impl Cause {
    /// Says of which type's pool this is true.
    pub(crate) fn of<T>(self) -> Refusal {
        Refusal {
            type_name: type_name::<T>(),
            cause: self,
        }
    }
}

impl Refusal {
    /// An error that gives `value` back.
    pub(crate) fn with<V>(self, value: V) -> Full<V> {
        let refusal = self;
        Full { value, refusal }
    }

    /// Whether a slot may come free.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self.cause, Cause::Full { .. })
    }

    #[cold]
    #[track_caller]
    pub(crate) fn panic(self) -> ! {
        panic!("{self}")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.type_name;
        match self.cause {
            Cause::Full { capacity, retired } => {
                write!(
                    f,
                    "the pool of `{name}` is full: its capacity of {capacity} objects is in use; "
                )?;
                if retired > 0 {
                    write!(
                        f,
                        "{retired} are retired and wait for readers that are pinned: allocate before \
                         you pin, and unpin oftener; "
                    )?;
                }
                f.write_str(
                    "drop some, or ask for a larger capacity (`#[pool(capacity = ...)]` or \
                     `Pool::init`)",
                )
            }
            Cause::Waited { capacity, timeout } => write!(
                f,
                "the pool of `{name}` stayed full for {timeout:?}: its capacity of {capacity} objects \
                 is in use; drop some, wait longer, or ask for a larger capacity \
                 (`#[pool(capacity = ...)]` or `Pool::init`)"
            ),
            Cause::Heap => write!(
                f,
                "the pool of `{name}` is full, and the global allocator has no memory: free some"
            ),
            Cause::Init(error) => write!(f, "the pool of `{name}` could not be made: {error}"),
            Cause::Memory(error) => write!(f, "the pool of `{name}` has no memory: {error}"),
        }
    }
}

impl<T> Full<T> {
    /// Panics with what this says, and drops the value.
    #[track_caller]
    pub(crate) fn panic(self) -> ! {
        let Self { value, refusal } = self;
        drop(value);
        refusal.panic()
    }

    /// Whether there may be room some time later.
    pub(crate) fn time_heals(&self) -> bool {
        self.refusal.is_full()
    }

    /// Gives back the value that found no room.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The value that found no room.
    pub const fn get_ref(&self) -> &T {
        &self.value
    }

    /// The name of the type that the pool holds.
    pub const fn type_name(&self) -> &'static str {
        self.refusal.type_name
    }

    /// The capacity of the pool that is full; `None` if the pool could not be made at all, or the
    /// system refused memory, which [`Error::source`] then explains.
    pub const fn capacity(&self) -> Option<usize> {
        match self.refusal.cause {
            Cause::Full { capacity, .. } | Cause::Waited { capacity, .. } => Some(capacity),
            Cause::Init(_) | Cause::Memory(_) | Cause::Heap => None,
        }
    }
}

/// As its `Display`, so that `unwrap` says it, too.
impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Full({})", self.refusal)
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl<T> Error for Full<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.refusal.cause {
            Cause::Full { .. } | Cause::Waited { .. } | Cause::Heap => None,
            Cause::Init(error) | Cause::Memory(error) => Some(error),
        }
    }
}
