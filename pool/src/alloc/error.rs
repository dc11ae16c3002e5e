//! What an allocator refuses, and why.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt;
use std::io;

/// Why [`SlabAlloc::allocate`](super::SlabAlloc::allocate) gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AllocError {
    /// A block of no bytes was asked for.
    Zero {
        /// The alignment that was asked for.
        align: usize,
    },
    /// The size, rounded up to its alignment, is more than `isize::MAX`: no address space has a place for it.
    TooLarge {
        /// The size that was asked for, in bytes.
        size: usize,
        /// The alignment that was asked for.
        align: usize,
    },
    /// The alignment is not a power of two.
    BadAlign {
        /// The size that was asked for, in bytes.
        size: usize,
        /// The alignment that was asked for.
        align: usize,
    },
    /// The system gives no more memory.
    OutOfMemory {
        /// The size that was asked for, in bytes.
        size: usize,
        /// The alignment that was asked for.
        align: usize,
        /// The system's error number, where it gives one.
        errno: Option<i32>,
    },
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Zero { align } => write!(
                f,
                "a block of 0 bytes (alignment {align}) was asked for: ask for 1 byte at least, or for none"
            ),
            Self::TooLarge { size, align } => write!(
                f,
                "a block of {size} bytes, aligned to {align}, was asked for: the most is {} bytes, alignment \
                 included; ask for less",
                isize::MAX
            ),
            Self::BadAlign { size, align } => write!(
                f,
                "an alignment of {align} was asked for, for {size} bytes: it has to be a power of two, as {} is",
                align
                    .checked_next_power_of_two()
                    .unwrap_or(1 << (usize::BITS - 1))
            ),
            Self::OutOfMemory { size, align, errno } => {
                write!(
                    f,
                    "the system has no memory for {size} bytes, aligned to {align}"
                )?;
                if let Some(errno) = errno {
                    write!(f, " ({})", io::Error::from_raw_os_error(errno))?;
                }
                f.write_str(
                    ": free blocks, call `trim`, or raise the limit (ulimit -v, the container's, vm.overcommit_memory)",
                )
            }
        }
    }
}

impl Error for AllocError {}
