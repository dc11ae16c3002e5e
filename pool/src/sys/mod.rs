//! System calls, and instructions that not every processor has. The only place that knows the
//! target.
//!
//! `unix` has what all Unix systems have, `linux` what only Linux has, `elsewhere` the answers of a
//! Unix system that is not Linux: that there is no such thing. Above this module nobody asks which
//! system it is; a call that the system does not have is refused like any other.

#![allow(unsafe_code)]

mod cpu;
#[cfg(all(unix, not(target_os = "linux"), not(miri)))]
mod elsewhere;
#[cfg(all(target_os = "linux", not(miri)))]
mod linux;
#[cfg(all(unix, not(miri)))]
mod unix;
#[cfg(all(windows, not(miri)))]
pub(crate) mod windows;

#[cfg(all(unix, not(target_os = "linux"), not(miri)))]
use elsewhere as system;
#[cfg(all(target_os = "linux", not(miri)))]
use linux as system;

pub(crate) use cpu::{CpuSet, FILES, current_cpu};

#[cfg(all(unix, not(miri)))]
pub(crate) use system::{
    advise_huge, bind, collapse, has_huge, huge_pages_move, hugetlb, move_over, name, nodes,
    populate, purge, resident_runs, restore, smaps, transparent_is_off,
};
#[cfg(all(unix, not(miri)))]
pub(crate) use unix::{
    cannot_populate, forbid, in_core, lock, lock_limit, not_supported, page_size, release, reserve,
};

#[cfg(all(unix, not(miri), not(loom)))]
pub(crate) use {
    system::remap,
    unix::{allow, at_fork, map, physical_bytes, reserve_closed, unmap},
};

/// The most memory that this process may lock, in bytes: what it is held to, and what it may raise
/// that to without privileges. `None` if the system does not say.
#[cfg(not(all(unix, not(miri))))]
pub(crate) fn lock_limit() -> Option<(u64, u64)> {
    None
}

/// Whether an errno of populating says that the system has no call for it.
#[cfg(not(all(unix, not(miri))))]
pub(crate) fn cannot_populate(_: i32) -> bool {
    true
}

/// Nothing forks here.
#[cfg(all(not(all(unix, not(miri))), not(loom)))]
pub(crate) fn at_fork(_: extern "C" fn(), _: extern "C" fn()) {}

/// How strongly memory is bound to a node.
#[cfg(all(unix, not(miri)))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    /// The node first, then others by distance.
    Preferred,
    /// The node alone. Pages that are on another one are moved, or it is an error.
    Only,
}

/// Consecutive pages that are in memory.
#[cfg(all(unix, not(miri)))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// Bytes from where the question began.
    pub(crate) range: std::ops::Range<usize>,
    /// Whether the kernel maps them as huge pages, of either kind.
    pub(crate) huge: bool,
}

/// Asks the processor for a cache line that will be written. A hint: it touches no memory.
#[inline]
pub(crate) fn prefetch(address: std::ptr::NonNull<u8>) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
        // SAFETY: a prefetch faults on no address, and every x86-64 has the instruction.
        unsafe { _mm_prefetch::<_MM_HINT_ET0>(address.as_ptr().cast_const().cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}
