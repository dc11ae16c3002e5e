//! NUMA nodes: which there are, how far apart they are, and which one a thread runs on.
//!
//! A *node*, here and everywhere in this crate, is a NUMA node: memory, and the processors that are
//! near to it. A machine with one kind of memory is one node. On one with several, a processor reaches
//! its own node's memory sooner than another's; the *distance* says how much, with 10 for its own.
//! A node may have no processors (memory that is attached by other means) or no memory, and the
//! system's numbers of nodes may have holes.
//!
//! [`Topology::this_machine`] has the nodes of this machine. [`run_on`] ties a thread to one of them,
//! and [`spawn_on`] makes a thread that is.
//!
//! ```
//! use pool::numa::{self, Topology};
//!
//! let machine = Topology::this_machine();
//! for node in machine.nodes().iter().filter(|node| !node.cpus.is_empty()) {
//!     match numa::spawn_on(node.id, || println!("on {}", machine.current_node())) {
//!         Ok(thread) => thread.join().unwrap(),
//!         Err(error) => println!("{error}"),
//!     }
//! }
//! ```
//!
//! # Where it works
//!
//! On Linux the nodes are read from `/sys/devices/system/node`. On other systems, and where that folder
//! is missing, the machine is one node, number 0, with all processors. With the feature `hwloc`, hwloc
//! is asked first, which knows other systems too; that takes hwloc 2.8 or newer, to build and to run
//! (Debian: `libhwloc-dev`, `libudev-dev` and `pkg-config`). Threads are tied to nodes on Linux alone;
//! elsewhere [`run_on`] and [`spawn_on`] are an error that says so.
//!
//! # Machines that are not there
//!
//! [`Topology::builder`] describes any machine, [`Topology::from_sysfs`] reads a copy of another Linux
//! machine's folder.
#![cfg_attr(
    feature = "hwloc",
    doc = "[`Topology::from_synthetic`] reads hwloc's descriptions."
)]
//! Such a topology [is not this system's](Topology::is_this_system), and no thread is tied to its
//! nodes.

mod adaptive;
mod affinity;
mod builder;
mod display;
mod error;
#[cfg(feature = "hwloc")]
mod hwloc;
mod routes;
mod sysfs;
mod topology;
mod traffic;

#[cfg(all(test, not(loom)))]
mod tests;

pub use affinity::{RunOn, run_on, spawn_on};
pub use builder::TopologyBuilder;
pub use error::{AffinityError, TopologyError};
#[doc(hidden)]
pub use sysfs::topology_from_texts;
#[doc(hidden)]
pub use topology::pretend_node;
pub use topology::{Node, Topology};

pub(crate) use routes::Routes;
pub(crate) use traffic::{Origins, Traffic};

std::thread_local! {
    static MOVED: std::cell::Cell<fn()> = const { std::cell::Cell::new(|| ()) };
}

/// Has a function called when this thread was moved to other processors.
#[cfg(not(loom))]
pub(crate) fn when_moved(call: fn()) {
    let _ = MOVED.try_with(|moved| moved.set(call));
}

/// Called by a thread after its processors were changed: it may be on another node.
fn moved() {
    if let Ok(call) = MOVED.try_with(std::cell::Cell::get) {
        call();
    }
}
