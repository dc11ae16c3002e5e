//! Ties threads to nodes.

#![forbid(unsafe_code)]

use super::{AffinityError, Topology};
use crate::sys::CpuSet;
use std::fmt;
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::thread::{self, JoinHandle};

/// Ties this thread to a node's processors, until the guard is dropped.
///
/// When this returns, the thread runs on the node. The guard's drop gives it back the processors that
/// it had before; those it then runs on are the system's choice. Guards within guards are to be
/// dropped in the reverse order, as scopes do. A guard that is forgotten leaves the thread tied.
///
/// The thread gets all processors of the node that its cpuset has, also if it was tied to fewer, or
/// others, before. Threads that it makes meanwhile are tied as it is.
///
/// Two system calls, and a move of the thread if it runs elsewhere; so does the drop.
///
/// # Errors
///
/// There is no such node; it has no processors; the system refuses, or does not tie threads to
/// processors (anything but Linux).
///
/// ```
/// use pool::numa::{self, AffinityError, Topology};
///
/// let nodes = Topology::this_machine().nodes();
/// let node = nodes.iter().find(|node| !node.cpus.is_empty()).expect("this runs somewhere");
/// match numa::run_on(node.id) {
///     Ok(_here) => assert_eq!(Topology::this_machine().current_node(), node.id),
///     Err(error) => eprintln!("skipped: {error}"),
/// }
/// let error = numa::run_on(12_345).unwrap_err();
/// assert!(matches!(error, AffinityError::NoSuchNode { node: 12_345, .. }));
/// ```
///
/// The guard stays on its thread:
///
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// send(pool::numa::run_on(0));
/// ```
pub fn run_on(node: u32) -> Result<RunOn, AffinityError> {
    tie(cpus(Topology::this_machine(), node)?, node)
}

/// Ties this thread to the processors of a node.
fn tie(cpus: &[u32], node: u32) -> Result<RunOn, AffinityError> {
    let refused = |call| {
        move |errno: Option<i32>| match errno {
            Some(errno) => AffinityError::Refused {
                node,
                cpus: cpus.to_vec(),
                call,
                errno,
            },
            None => AffinityError::Unsupported { node },
        }
    };
    let previous = CpuSet::of_this_thread().map_err(refused("sched_getaffinity"))?;
    let set = CpuSet::of(cpus);
    set.tie_this_thread()
        .map_err(refused("sched_setaffinity"))?;
    super::moved();
    Ok(RunOn {
        node,
        previous,
        of_this_thread: PhantomData,
    })
}

/// The processors to run on.
fn cpus(topology: &Topology, node: u32) -> Result<&[u32], AffinityError> {
    let Some(position) = topology.position(node) else {
        let nodes = topology.ids(|_| true);
        return Err(AffinityError::NoSuchNode { node, nodes });
    };
    match &topology.nodes()[position].cpus[..] {
        [] => Err(AffinityError::NoCpus {
            node,
            with_cpus: topology.ids(|node| !node.cpus.is_empty()),
        }),
        cpus => Ok(cpus),
    }
}

/// A thread that is tied to a node, from [`run_on`]; its drop unties it.
#[must_use = "dropping this unties the thread at once"]
pub struct RunOn {
    node: u32,
    previous: CpuSet,
    /// What is undone is undone to the thread that drops this.
    of_this_thread: PhantomData<*const ()>,
}

impl RunOn {
    /// The node's number.
    pub fn node(&self) -> u32 {
        self.node
    }
}

impl Drop for RunOn {
    fn drop(&mut self) {
        // Refused if a cpuset took all those processors away meanwhile; then the thread stays.
        let _ = self.previous.tie_this_thread();
        super::moved();
    }
}

impl fmt::Debug for RunOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = &self.node;
        f.debug_struct("RunOn")
            .field("node", node)
            .finish_non_exhaustive()
    }
}

/// Makes a thread that is tied to a node before `f` begins, and until it ends.
///
/// What the system sets up for the thread, its stack above all, is touched on the node already. The
/// calling thread stays where it is: another one, which is tied first, makes the thread.
///
/// # Errors
///
/// Those of [`run_on`], and a thread that cannot be made.
///
/// ```
/// use pool::numa::{self, Topology};
///
/// let here = Topology::this_machine().current_node();
/// match numa::spawn_on(here, || Topology::this_machine().current_node()) {
///     Ok(thread) => assert_eq!(thread.join().unwrap(), here),
///     Err(error) => eprintln!("skipped: {error}"),
/// }
/// ```
pub fn spawn_on<T, F>(node: u32, f: F) -> Result<JoinHandle<T>, AffinityError>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    cpus(Topology::this_machine(), node)?;
    let failed = move |error: std::io::Error| AffinityError::Spawn {
        node,
        errno: error.raw_os_error(),
    };
    // A thread begins on the processors of the one that makes it. So a refusal comes before there is
    // a thread that would have to end without a `T`, and the caller is not moved.
    let maker = thread::Builder::new().spawn(move || {
        let _here = run_on(node)?;
        thread::Builder::new().spawn(f).map_err(failed)
    });
    let made = maker.map_err(failed)?.join();
    made.unwrap_or_else(|panic| resume_unwind(panic))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_node_and_the_way_out() {
        let topology = Topology::builder()
            .node(0, [0], 1 << 30)
            .node(2, [], 1 << 30)
            .node(3, [1], 0)
            .build()
            .unwrap();
        assert_eq!(cpus(&topology, 3), Ok(&[1][..]));
        let error = cpus(&topology, 1).unwrap_err().to_string();
        assert_eq!(error, "there is no node 1 to run on: ask for one of 0,2-3");
        let error = cpus(&topology, 2).unwrap_err().to_string();
        assert_eq!(error, "node 2 has no cpus to run on: ask for one of 0,3");
    }

    #[test]
    fn what_the_system_refuses_says_why() {
        // No machine here has them.
        let error = tie(&[60_000, 60_001], 7).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("node 7"), "{text}");
        if cfg!(all(target_os = "linux", not(miri))) {
            assert!(matches!(error, AffinityError::Refused { node: 7, .. }));
            assert!(
                text.contains("cpus 60000-60001: sched_setaffinity: Invalid"),
                "{text}"
            );
            assert!(text.contains("container"), "{text}");
        } else {
            assert_eq!(error, AffinityError::Unsupported { node: 7 });
        }
        let spawn = AffinityError::Spawn {
            node: 7,
            errno: None,
        };
        assert!(spawn.to_string().contains("node 7"));
    }
}
