//! The errors, and what they say.

#![forbid(unsafe_code)]

use std::any::type_name;
use std::error::Error;
use std::fmt;

/// Why a pool could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InitError {
    /// The capacity is zero.
    ZeroCapacity,
    /// The magazine size is zero.
    ZeroMagazine,
    /// The magazine size is over the maximum.
    MagazineTooLarge {
        /// What was asked for, in slots.
        magazine: u32,
        /// The most that can be asked for.
        max: u32,
    },
    /// So many objects do not fit an address space.
    CapacityTooLarge {
        /// What was asked for, in objects.
        capacity: usize,
        /// Bytes of one object.
        object_size: usize,
    },
    /// The system refused the address space.
    Reserve {
        /// Bytes that were asked for.
        bytes: usize,
        /// The system's error number, where it gives one.
        errno: Option<i32>,
    },
    /// The system refused to populate the pages.
    Prefault {
        /// Bytes that were to be populated.
        bytes: usize,
        /// The system's error number, where it gives one.
        errno: Option<i32>,
    },
    /// The pool is in use already: it was initialised by an earlier `init`, or by its first
    /// allocation.
    AlreadyInitialised {
        /// The capacity that it was initialised with.
        capacity: usize,
    },
}

/// Prints a system error the way the system does, if there is one.
struct Reason(Option<i32>);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(errno) => write!(f, "{}", std::io::Error::from_raw_os_error(errno)),
            None => f.write_str("the allocator gave no reason"),
        }
    }
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ZeroCapacity => f.write_str("a pool's capacity is 0: ask for at least 1 object"),
            Self::ZeroMagazine => {
                f.write_str("a pool's magazine is 0: ask for at least 1 slot, or leave it out")
            }
            Self::MagazineTooLarge { magazine, max } => write!(
                f,
                "a pool's magazine is {magazine} slots: ask for at most {max}, or leave it out"
            ),
            Self::CapacityTooLarge {
                capacity,
                object_size,
            } => write!(
                f,
                "a pool's capacity of {capacity} objects of {object_size} bytes, and room for \
                 what threads cache, is more than an address space holds: ask for fewer"
            ),
            Self::Reserve { bytes, errno } => write!(
                f,
                "a pool's region of {bytes} bytes of address space was refused: {}; ask for a \
                 smaller capacity, or raise the limit on address space (ulimit -v)",
                Reason(errno)
            ),
            Self::Prefault { bytes, errno } => write!(
                f,
                "{bytes} bytes of a pool's memory could not be populated: {}; ask for a smaller \
                 capacity, or prefault when the pool is made (in use, it takes Linux 5.14)",
                Reason(errno)
            ),
            Self::AlreadyInitialised { capacity } => write!(
                f,
                "the pool is in use already, with a capacity of {capacity}: call `init` before \
                 its first allocation, and once"
            ),
        }
    }
}

impl Error for InitError {}

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// At least this many objects are live.
    Full { capacity: usize },
    /// The pool was not initialised before, and could not be.
    Init(InitError),
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
            Cause::Full { capacity } => write!(
                f,
                "the pool of `{name}` is full: its capacity of {capacity} objects is in use; drop \
                 some, or ask for a larger capacity (`#[pool(capacity = ...)]` or `Pool::init`)"
            ),
            Cause::Init(error) => write!(f, "the pool of `{name}` could not be made: {error}"),
        }
    }
}

impl<T> Full<T> {
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

    /// The capacity of the pool that is full; `None` if the pool could not be made at all, which
    /// [`Error::source`] then explains.
    pub const fn capacity(&self) -> Option<usize> {
        match self.refusal.cause {
            Cause::Full { capacity } => Some(capacity),
            Cause::Init(_) => None,
        }
    }
}

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Full")
            .field("type_name", &self.refusal.type_name)
            .field("cause", &self.refusal.cause)
            .finish_non_exhaustive()
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
            Cause::Full { .. } => None,
            Cause::Init(error) => Some(error),
        }
    }
}
