//! Typed object pools for people who count nanoseconds.
//!
//! `#[derive(Pooled)]` gives a type its own `static` pool of fixed capacity. [`PoolBox`] owns an
//! object in it: one pointer wide, made and dropped in a few nanoseconds, on any thread.
//!
//! ```
//! use pool::{PoolBox, Pooled};
//!
//! #[derive(Pooled)]
//! #[pool(capacity = 1 << 20)]
//! struct Order { id: u64, price: i64, qty: u32 }
//!
//! let mut order = PoolBox::new(Order { id: 1, price: 100_00, qty: 5 }); // panics when full
//! order.qty += 1;
//! let other = PoolBox::try_new(Order { id: 2, price: 99_00, qty: 7 });  // gives the value back
//! assert!(other.is_ok());
//! drop(order); // drops the value, returns the slot
//! assert_eq!(Order::pool().stats().live, 1);
//! ```
//!
//! # What happens
//!
//! A pool reserves one range of addresses for all it may ever hold; pages cost nothing until they
//! are touched (on Unix and Windows; elsewhere the memory comes from the heap, whose affair that is).
//! Each thread keeps two *magazines* of free slots (Bonwick's), and making or dropping a `PoolBox` takes one from there or puts one there: a thread-local, a test of a length, a load
//! or store of a pointer; no lock, no read-modify-write instruction, no system call. Every magazine
//! or so, a thread exchanges one with the shared *depot*, whose lock-free stacks rest on epoch-based
//! reclamation (Fraser's, as crossbeam-epoch implements it).
//!
//! # How full is full
//!
//! A pool of capacity `n` never says "full" while fewer than `n` objects are live, wherever free
//! slots are cached. What idle threads have cached cannot be known at once, so up to
//! `n + 2 * magazine * (threads - 1)` objects may be live, for threads that use the pool at the same
//! time, and that bounds the memory. A pool that one thread uses holds exactly `n`.
//!
//! # Threads that come and go
//!
//! A thread's end hands its free slots to the depot. Objects outlive the thread that made them.
//! Objects that are dropped later still, by other thread-locals' destructors, go to the depot one
//! by one. Up to 1,024 threads (128 on systems other than Linux) have a cache of one pool at the
//! same time; more threads work too, slower.
//!
//! # Handles
//!
//! [`PoolBox`] has one owner, [`PoolArc`] several, and [`PoolWeak`] is a key to what has; [`PoolAtomic`]
//! is a cell for lock-free structures, read under an [`epoch`] guard. [`ErasedBox`] and [`ErasedArc`]
//! own an object of whatever type as a `dyn Trait` or a slice, made by [`erase!`]. What is
//! [recycled](Recycle) stays as it is for the next owner. [`OnFull`] says what a full pool does: an
//! error, the heap, or [a wait](PoolBox::new_timeout). A type says in its attributes what it wants of
//! these ([the table](trait@Pooled)), and pays for nothing else.
//!
//! # Arenas
//!
//! What ends together needs no slots: an [`Arena`] gives the memory of a request, or of a tick, by a
//! subtraction and a test, and releases all of it in one step. A [`Scope`] is a part of it that ends
//! earlier, nested as you like; values with destructors are dropped at its end. [`ArenaPool`] keeps
//! an arena for each request; [`Pool::scope`] does with typed slots what a scope does with bytes.
//!
//! # Variable sizes
//!
//! [`SlabAlloc`] has the same layers for each of 46 size classes: an allocator for collections, or for the whole program
//! as its `#[global_allocator]`.
//!
//! # Pages and nodes
//!
//! [`PoolConfig::pages`] asks for huge pages, [`PoolConfig::prefault`] and [`PoolConfig::lock`] for
//! memory that is there and stays, [`PoolConfig::numa`] says which NUMA node's memory a thread is
//! served from: by default its own, then the others by distance. Pages that the system does not have
//! are done without, or an error that says why and what would help, as you like; [`Pool::memory`]
//! tells what was really granted.
//!
//! # Features
//!
//! - `hwloc`: nodes are read with hwloc, which has to be installed; see [`numa`].
//! - `checked`: pages that nobody may touch before and behind each pool's memory; what runs over its
//!   ends ends the program (SIGSEGV). Within it, one object may still run into the next. [`SlabAlloc`] looks
//!   for misuse, which ends the program with a message.
//! - `allocator-api2-02` and `allocator-api2-04`: `&Arena`, `&Scope` and [`SlabAlloc`] are allocators for collections
//!   of that version: `allocator_api2`'s `Vec` and `Box`, hashbrown's maps and sets (they ask for 0.2).
//! - `serde`: [`PoolBox`] and [`PoolArc`] are serialised as their object, and deserialised as one: a
//!   pool that is full is an error. [`ScopedBox`], [`ErasedBox`] and [`ErasedArc`] are serialised.
//! - `stable_deref_trait`: all of these are `StableDeref`, and the two that are cloned
//!   `CloneStableDeref`.
//!
//! # Where unsafe code is
//!
//! `unsafe` is denied in this crate, and allowed in the modules that say so at their top: the
//! handles, what they forward and what says that they are stable, epoch, pooled, vacant, slot, pool, scrub, overflow, thread, cache,
//! depots, depot, links, magazine, slab, source, sys, zeros, the arena and the allocator but for their arithmetic and plain data. Configuration, errors, statistics, the word
//! that counts owners, the ledger, leave, the layout arithmetic, the sets of slots, and what is known of
//! nodes forbid it.

#![deny(unsafe_code)]
#![cfg_attr(loom, allow(dead_code, unused_imports, unreachable_pub, missing_docs))]

mod alloc;
#[cfg(all(
    not(loom),
    any(feature = "allocator-api2-02", feature = "allocator-api2-04")
))]
mod allocators;
mod cache;
mod config;
mod depot;
mod depots;
mod error;
mod full;
mod kind;
mod ledger;
mod links;
mod magazine;
mod memory;
pub mod numa;
mod overflow;
mod quiet;
mod quota;
mod setup;
mod shared;
mod slab;
mod slot;
mod source;
mod stats;
mod sync;
mod sys;
mod wait;
mod zeros;

#[cfg(not(loom))]
mod arena;
#[cfg(any(test, not(loom)))]
mod atomic;
#[cfg(not(loom))]
mod boxed;
#[cfg(any(test, not(loom)))]
pub mod epoch;
#[cfg(not(loom))]
mod erased;
#[cfg(not(loom))]
mod forward;
#[cfg(not(loom))]
mod pool;
#[cfg(not(loom))]
mod pool_scope;
#[cfg(not(loom))]
mod pooled;
#[cfg(not(loom))]
mod recycle;
#[cfg(not(loom))]
mod scoped;
#[cfg(not(loom))]
mod scrub;
#[cfg(all(feature = "serde", not(loom)))]
mod serde;
#[cfg(all(feature = "stable_deref_trait", not(loom)))]
mod stable;
#[cfg(not(loom))]
mod thread;
#[cfg(not(loom))]
mod vacant;
#[cfg(not(loom))]
mod waiting;

#[cfg(all(test, loom))]
mod models;
// What is modelled above the handles.
#[cfg(all(test, loom))]
extern crate self as pool;
#[cfg(all(test, loom))]
use models::{heap as boxed, heap as pooled};
#[cfg(all(test, loom))]
pub use {atomic::PoolAtomic, boxed::PoolBox};

pub use config::{DEFAULT_CAPACITY, NumaPolicy, OnFull, PageSize, PoolConfig};
pub use error::InitError;
pub use full::Full;
pub use memory::{Granted, Memory, Progress, Region};
pub use stats::{Decision, NodeStats, Stats};

#[cfg(not(loom))]
pub use {
    alloc::{AllocError, ClassStats, LargeStats, SlabAlloc, SlabStats},
    arena::{
        Arena, ArenaBox, ArenaConfig, ArenaFull, ArenaPool, ArenaStats, Checkpoint, NoDrop,
        PooledArena, RollbackError, Scope, ScopeGuard,
    },
    atomic::{CompareExchangeError, PoolAtomic},
    boxed::PoolBox,
    erased::{ErasedArc, ErasedBox},
    pool::Pool,
    pool_derive::Pooled,
    pool_scope::PoolScope,
    pooled::{Pooled, Recycles, Shared, Waits},
    recycle::Recycle,
    scoped::ScopedBox,
    shared::{PoolArc, PoolWeak},
};

/// What the derive macro's output names. Not for anybody else.
#[doc(hidden)]
#[cfg(not(loom))]
pub mod __private {
    pub use crate::cache::ThreadCache;
    pub use crate::erased::{Erase, Whole, erase};
    pub use crate::kind::Kind;
    pub use crate::recycle::{discard, recycle};
    pub use crate::slab::layout::{MAX_MAGAZINE, max_capacity};
    pub use crate::slot::Discard;
    pub use crate::{NumaPolicy, OnFull, PageSize, Pool, PoolConfig, Pooled};
    pub use crate::{Recycle, Recycles, Shared, Waits};
    pub use std::thread::LocalKey;
}

/// Runs the README's example.
#[doc = include_str!("../../README.md")]
#[cfg(all(doctest, not(loom)))]
pub struct Readme;
