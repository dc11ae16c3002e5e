//! The pool beside its peers, on the same work.
//!
//! Everybody gets the same [`Order`]s to keep, through one trait, [`subject::Subject`], and the
//! same [`work`] to do, which is generic over it. So what differs between two figures of one
//! workload is the subject, and nothing of the harness.
//!
//! - `cargo bench -p benches` measures with criterion, a workload at a time.
//! - `compare` takes the subjects in turns, round by round, and prints one table: drifts of the
//!   machine hit all of them alike. For figures that are to be quoted.
//! - `visit` measures how long random orders among many live ones take to reach, by page size.
//! - `first_touch` measures the first million allocations, with and without `prefault`.
//! - `policies` measures what each NUMA policy costs, on this machine's nodes and on made-up ones.
//! - `handles` measures each kind of handle beside its peers, on the one small thing that it is for.
//! - `arenas` measures arenas beside their peers, a tick at a time: what is allocated, and its end.
//! - `allocators` measures allocators of blocks of any size beside each other, in one process.
//! - `programs` measures whole programs, each on the allocator that it has installed: it runs
//!   `global_slab`, `global_glibc` and so on by turns.
//! - `resident` measures the memory that a million orders use.
//! - `hotpath` is for an instruction counter; `ci/hotpath.sh` runs it.
//!
//! The feature `peers`, on by default, brings the peers. The last two binaries do without.

pub mod aside;
mod order;
pub mod process;
pub mod subject;
pub mod work;

#[cfg(feature = "peers")]
pub mod allocators;
#[cfg(feature = "peers")]
pub mod arenas;
#[cfg(test)]
mod checked;
#[cfg(feature = "peers")]
pub mod disturbed;
#[cfg(feature = "peers")]
pub mod handles;
#[cfg(feature = "peers")]
pub mod options;
#[cfg(feature = "peers")]
pub mod programs;
#[cfg(feature = "peers")]
pub mod roster;
#[cfg(feature = "peers")]
pub mod standing;
#[cfg(feature = "peers")]
pub mod table;
#[cfg(feature = "peers")]
pub mod turns;

pub use order::{Order, Side};
