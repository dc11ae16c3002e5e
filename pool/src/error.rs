//! The errors, and what they say.

#![forbid(unsafe_code)]

use crate::config::{OnFull, PageSize};
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::Location;
use std::time::Duration;

/// Why a pool could not be made, or could not have the memory that it was asked to have.
///
/// Its `Debug` says what its `Display` does, so that `unwrap` and a `main` that returns it do, too.
#[derive(Clone, Copy, PartialEq, Eq)]
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
        /// The call that was refused.
        call: &'static str,
        /// The system's error number, where it gives one.
        errno: Option<i32>,
    },
    /// The system refused to populate the pages.
    Prefault {
        /// Bytes that were to be populated.
        bytes: usize,
        /// The call that was refused.
        call: &'static str,
        /// The system's error number, where it gives one.
        errno: Option<i32>,
    },
    /// The system refused pages of the size that is required.
    Pages {
        /// The size.
        pages: PageSize,
        /// Bytes that were to be made of them.
        bytes: usize,
        /// The node that they were to be on, if there are several.
        node: Option<u32>,
        /// The call that was refused.
        call: &'static str,
        /// The system's error number, where it gives one.
        errno: Option<i32>,
    },
    /// The system refused memory of the node that it has to be on.
    Node {
        /// The node.
        node: u32,
        /// Bytes that were asked for.
        bytes: usize,
        /// The call that was refused.
        call: &'static str,
        /// The system's error number, where it gives one.
        errno: Option<i32>,
    },
    /// Memory has to be on the node that the thread runs on, which has none.
    NoMemoryOnNode {
        /// The node.
        node: u32,
    },
    /// The system refused memory.
    Commit {
        /// Bytes that were asked for.
        bytes: usize,
        /// The call that was refused.
        call: &'static str,
        /// The system's error number, where it gives one.
        errno: Option<i32>,
    },
    /// The system refused to lock memory.
    Lock {
        /// Bytes that were to be locked.
        bytes: usize,
        /// The call that was refused.
        call: &'static str,
        /// The system's error number, where it gives one.
        errno: Option<i32>,
        /// The limit on locked memory in bytes, soft and hard, where there is one.
        limit: Option<(u64, u64)>,
    },
    /// The pool is in use already: it was initialised by an earlier `init`, or by its first
    /// allocation.
    AlreadyInitialised {
        /// The capacity that it was initialised with.
        capacity: usize,
        /// How long ago that was.
        age: Duration,
        /// The call of [`Pool::init`](crate::Pool::init) or
        /// [`Pool::with_config`](crate::Pool::with_config) that did; `None` if it was the first use.
        by: Option<&'static Location<'static>>,
    },
    /// Memory has to be on the node that the thread runs on, and what is to be done when the pool is
    /// full cannot promise that.
    NotLocal {
        /// What is to be done.
        on_full: OnFull,
    },
    /// The configuration asks a type's own pool for what the type's handles are not compiled for.
    NotInAttributes {
        /// What has to be in `#[pool(...)]`.
        attribute: &'static str,
    },
}

/// Prints a system error the way the system does, if there is one.
struct Reason(Option<i32>);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(errno) => write!(f, "{}", io::Error::from_raw_os_error(errno)),
            None => f.write_str("no reason was given"),
        }
    }
}

/// Prints a limit, of which the largest number is none.
struct Limit(u64);

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            u64::MAX => f.write_str("unlimited"),
            bytes => write!(f, "{} KiB", bytes >> 10),
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
            Self::Reserve { bytes, call, errno } => write!(
                f,
                "{bytes} bytes of address space were refused by {call}: {}; ask for less, or raise the \
                 limit on address space (ulimit -v)",
                Reason(errno)
            ),
            Self::Prefault { bytes, call, errno } => write!(
                f,
                "{bytes} bytes of memory could not be populated by {call}: {}; ask for \
                 less, or prefault when the pool is made (in use, it takes Linux 5.14)",
                Reason(errno)
            ),
            Self::Pages {
                pages,
                bytes,
                node,
                call,
                errno,
            } => {
                write!(f, "{bytes} bytes of memory")?;
                if let Some(node) = node {
                    write!(f, " on node {node}")?;
                }
                write!(f, " are required to be on `{pages}` pages, ")?;
                match errno {
                    Some(_) => write!(f, "refused by {call}: {}; ", Reason(errno))?,
                    None => write!(f, "which cannot be: {call}; ")?,
                }
                match (pages.bytes(), node) {
                    // Nothing was refused that could be had with more pages set aside.
                    _ if errno.is_none() => f.write_str("ask for smaller pages")?,
                    (Some(size), None) => write!(
                        f,
                        "it takes {} free ones: set more aside (as root: sysctl \
                         vm.nr_hugepages=..., or echo ... > \
                         /sys/kernel/mm/hugepages/hugepages-{}kB/nr_hugepages)",
                        bytes.div_ceil(size),
                        size >> 10
                    )?,
                    (Some(size), Some(node)) => write!(
                        f,
                        "it takes {} free ones: set more aside there (as root: echo ... > \
                         /sys/devices/system/node/node{node}/hugepages/hugepages-{}kB/\
                         nr_hugepages)",
                        bytes.div_ceil(size),
                        size >> 10
                    )?,
                    (None, _) => f.write_str(
                        "let the kernel have them (as root: echo madvise > \
                         /sys/kernel/mm/transparent_hugepage/enabled)",
                    )?,
                }
                f.write_str(", or leave `pages_required` out")
            }
            Self::Node {
                node,
                bytes,
                call,
                errno,
            } => {
                let denied = errno.map(io::Error::from_raw_os_error);
                let denied = denied.is_some_and(|e| e.kind() == io::ErrorKind::PermissionDenied);
                let way_out = if denied {
                    "give the process CAP_SYS_NICE (a container may lack it)"
                } else {
                    "free memory there, or run the thread on another node"
                };
                write!(
                    f,
                    "{bytes} bytes of memory are to be on node {node} alone, refused by \
                     {call}: {}; {way_out}, or use the policy `preferred`",
                    Reason(errno)
                )
            }
            Self::NoMemoryOnNode { node } => write!(
                f,
                "this thread runs on node {node}, which has no memory, and the pool's policy is \
                 `local_only`: run it on another node, or use the policy `preferred`"
            ),
            Self::Commit { bytes, call, errno } => write!(
                f,
                "{bytes} bytes of memory were refused by {call}: {}; free memory, or ask \
                 for less",
                Reason(errno)
            ),
            Self::Lock {
                bytes,
                call,
                errno,
                limit,
            } => {
                write!(
                    f,
                    "{bytes} bytes of memory could not be locked by {call}: {}; ",
                    Reason(errno)
                )?;
                match limit {
                    None => f.write_str("raise the limit on locked memory")?,
                    Some((soft, hard)) => {
                        write!(
                            f,
                            "the limit on all memory that this process locks (RLIMIT_MEMLOCK) is \
                             {}: ",
                            Limit(soft)
                        )?;
                        if soft < hard {
                            write!(f, "raise it (ulimit -l, up to {})", Limit(hard))?;
                        } else {
                            f.write_str(
                                "have root raise it (LimitMEMLOCK= in systemd, ulimit -l)",
                            )?;
                        }
                    }
                }
                f.write_str(", give the process CAP_IPC_LOCK, or ask for less")
            }
            Self::AlreadyInitialised { capacity, age, by } => {
                write!(f, "the pool is in use already, since ")?;
                match by {
                    Some(place) => write!(f, "`init` was called at {place}")?,
                    None => f.write_str("its first use")?,
                }
                write!(
                    f,
                    " {age:.1?} ago, with a capacity of {capacity}: call `init` before that, and once"
                )
            }
            Self::NotLocal { on_full } => {
                let why = match on_full {
                    OnFull::Wait => "who waits gets the slot that comes free first",
                    _ => "the heap is on no node",
                };
                write!(
                    f,
                    "a pool's policy is `local_only`, and `{on_full}` is to be done when it is full, \
                     which gives memory of any node: {why}; use the policy `preferred`, or `error`"
                )
            }
            Self::NotInAttributes { attribute } => write!(
                f,
                "`{attribute}` is not in the type's attributes, and its handles are compiled \
                 without it: write `#[pool({attribute})]` on the type, or leave it out here"
            ),
        }
    }
}

impl fmt::Debug for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InitError({self})")
    }
}

impl Error for InitError {}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// What is said names the value, the reason and the way out.
    #[test]
    fn memory_that_is_refused_names_the_way_out() {
        let pages = |pages, node| InitError::Pages {
            pages,
            bytes: 5 << 20,
            node,
            call: "mmap(MAP_HUGETLB)",
            errno: Some(12),
        };
        let lock = |limit| InitError::Lock {
            bytes: 1 << 20,
            call: "mlock",
            errno: Some(12),
            limit,
        };
        let node = |errno| InitError::Node {
            node: 2,
            bytes: 4096,
            call: "mbind(MPOL_BIND)",
            errno: Some(errno),
        };
        let expected: [(InitError, &[&str]); 9] = [
            (
                pages(PageSize::Huge2M, None),
                &[
                    "5242880 bytes",
                    "`huge_2m`",
                    "by mmap(MAP_HUGETLB): ",
                    "3 free",
                    "vm.nr_hugepages",
                ],
            ),
            (
                pages(PageSize::Huge1G, None),
                &[
                    "1 free",
                    "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages",
                ],
            ),
            (
                pages(PageSize::Huge2M, Some(3)),
                &[
                    "on node 3",
                    "/sys/devices/system/node/node3/hugepages/hugepages-2048kB/nr_h",
                ],
            ),
            (
                pages(PageSize::Transparent, None),
                &[
                    "/sys/kernel/mm/transparent_hugepage/enabled",
                    "pages_required",
                ],
            ),
            (
                lock(Some((65536, 1 << 20))),
                &["RLIMIT_MEMLOCK", "is 64 KiB", "up to 1024 KiB"],
            ),
            (
                lock(Some((65536, 65536))),
                &["is 64 KiB", "root", "CAP_IPC_LOCK"],
            ),
            (lock(None), &["1048576 bytes", "by mlock: "]),
            (
                node(5),
                &[
                    "4096 bytes",
                    "node 2",
                    "by mbind(MPOL_BIND): ",
                    "`preferred`",
                    "free memory",
                ],
            ),
            (node(1), &["CAP_SYS_NICE"]),
        ];
        for (error, parts) in expected {
            if cfg!(windows) && matches!(error, InitError::Node { .. }) {
                continue; // Another system's errors have other numbers.
            }
            let said = error.to_string();
            for part in parts {
                assert!(said.contains(part), "`{part}` is not in: {said}");
            }
            // Words and numbers are apart, and nothing is said twice.
            assert!(!said.contains("  ") && !said.contains('\n'), "{said}");
        }
    }
}
