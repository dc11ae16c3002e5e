//! Blocks of any size, for collections and as the global allocator.
//!
//! The layers are those of a typed pool, once for each of 46 size [`classes`]: a thread's [`cache`] of free slots;
//! a [`depot`] where threads exchange them; and slabs, of which each [`class`] has those with free slots in order
//! of how full they are, and [`pages`] those that are empty, carved from [`regions`]. What is larger than
//! any class is mapped alone ([`large`]).
//!
//! What a global allocator stands on must not allocate, so nothing here does: not the reclamation, of which
//! there is none (see [`depot`]), not a lock ([`lock`]), no thread-local, no message. It starts by itself when it
//! is first used, be that before `main`; a thread's end hands its cache over, and what its thread-locals' destructors
//! free later goes to the slabs ([`registry`]).

#![allow(unsafe_code)]

pub(crate) mod classes;
pub(crate) mod depot;
pub(crate) mod lock;

#[cfg(not(loom))]
mod cache;
#[cfg(all(feature = "checked", not(loom)))]
mod checked;
#[cfg(not(loom))]
mod class;
#[cfg(all(
    not(loom),
    any(feature = "allocator-api2-02", feature = "allocator-api2-04")
))]
mod collections;
#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod face;
#[cfg(not(loom))]
mod header;
#[cfg(not(loom))]
mod heap;
#[cfg(not(loom))]
mod large;
#[cfg(not(loom))]
mod map;
#[cfg(not(loom))]
mod pages;
#[cfg(not(loom))]
mod regions;
#[cfg(not(loom))]
mod registry;
#[cfg(not(loom))]
mod site;
#[cfg(not(loom))]
mod slow;
#[cfg(not(loom))]
mod state;
#[cfg(not(loom))]
mod stats;
#[cfg(not(loom))]
mod tree;

#[cfg(not(loom))]
pub use {
    error::AllocError,
    face::SlabAlloc,
    stats::{ClassStats, LargeStats, SlabStats},
};

#[cfg(all(test, not(loom)))]
mod tests;
