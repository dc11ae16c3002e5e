//! What can be wrong with a description of a machine, and with a wish to run on a node.

#![forbid(unsafe_code)]

use super::display::Ranges;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a description is not one of a machine's nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopologyError {
    /// There is no node.
    NoNodes,
    /// There are more nodes than are counted here.
    TooManyNodes {
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// A node's number is too large.
    NodeTooLarge {
        /// The node's number.
        node: u32,
        /// The largest that is taken.
        max: u32,
    },
    /// A processor's number is too large.
    CpuTooLarge {
        /// The node that it is said to be of.
        node: u32,
        /// The processor's number.
        cpu: u32,
        /// The largest that is taken.
        max: u32,
    },
    /// Two nodes have the same number.
    NodeTwice {
        /// The node's number.
        node: u32,
    },
    /// One processor is named twice.
    CpuTwice {
        /// The processor's number.
        cpu: u32,
        /// The nodes that name it; one twice, if they are the same.
        nodes: (u32, u32),
    },
    /// A node has neither processors nor memory.
    EmptyNode {
        /// The node's number.
        node: u32,
    },
    /// A distance is zero.
    ZeroDistance {
        /// The node that it is measured from.
        from: u32,
        /// The node that it is measured to.
        to: u32,
    },
    /// A distance names a node that is not there.
    NoSuchNode {
        /// The number of the node.
        node: u32,
        /// The nodes that there are.
        nodes: Vec<u32>,
    },
    /// A file could not be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        kind: io::ErrorKind,
    },
    /// A file says what cannot be.
    Malformed {
        /// The file.
        path: PathBuf,
        /// What stands there, cut short if it is long.
        text: String,
        /// What should.
        wanted: &'static str,
    },
    /// hwloc refused.
    Hwloc {
        /// What it was asked to read.
        what: String,
        /// What it says.
        reason: String,
    },
}

impl fmt::Display for TopologyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNodes => f.write_str("a topology has no node: give it at least one"),
            Self::TooManyNodes { count, max } => {
                write!(f, "a topology has {count} nodes: at most {max} are taken")
            }
            Self::NodeTooLarge { node, max } => {
                write!(
                    f,
                    "a node has the number {node}: the largest taken is {max}"
                )
            }
            Self::CpuTooLarge { node, cpu, max } => write!(
                f,
                "node {node} has a cpu with the number {cpu}: the largest taken is {max}"
            ),
            Self::NodeTwice { node } => {
                write!(f, "node {node} is there twice: numbers are unique")
            }
            Self::CpuTwice {
                cpu,
                nodes: (one, two),
            } if one == two => write!(f, "node {one} names cpu {cpu} twice: once is enough"),
            Self::CpuTwice {
                cpu,
                nodes: (one, two),
            } => write!(
                f,
                "cpu {cpu} is of node {one} and of node {two}: a cpu is of one node"
            ),
            Self::EmptyNode { node } => write!(
                f,
                "node {node} has neither cpus nor memory: give it either, or leave it out"
            ),
            Self::ZeroDistance { from, to } => write!(
                f,
                "the distance from node {from} to node {to} is 0: local is 10, and more is farther"
            ),
            Self::NoSuchNode { node, nodes } => write!(
                f,
                "a distance names node {node}, which is not there: there are {}",
                Ranges(nodes)
            ),
            Self::Unreadable { path, kind } => {
                write!(f, "{} cannot be read: {kind}", path.display())
            }
            Self::Malformed { path, text, wanted } => {
                write!(f, "{} says {text:?}: wanted {wanted}", path.display())
            }
            Self::Hwloc { what, reason } => write!(f, "hwloc cannot read {what}: {reason}"),
        }
    }
}

impl Error for TopologyError {}

/// Why a thread does not run on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AffinityError {
    /// There is no such node.
    NoSuchNode {
        /// The number that was asked for.
        node: u32,
        /// The nodes that there are.
        nodes: Vec<u32>,
    },
    /// The node has memory alone.
    NoCpus {
        /// The node.
        node: u32,
        /// The nodes that have processors.
        with_cpus: Vec<u32>,
    },
    /// This system does not tie threads to processors, or it is not known here how.
    Unsupported {
        /// The node that was asked for.
        node: u32,
    },
    /// The system refused.
    Refused {
        /// The node that was asked for.
        node: u32,
        /// Its processors.
        cpus: Vec<u32>,
        /// The system's name of the call.
        call: &'static str,
        /// The system's error number.
        errno: i32,
    },
    /// The thread that was to run on the node could not be made.
    Spawn {
        /// The node that was asked for.
        node: u32,
        /// The system's error number, where it gives one.
        errno: Option<i32>,
    },
}

impl fmt::Display for AffinityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = |errno| io::Error::from_raw_os_error(errno);
        match self {
            Self::NoSuchNode { node, nodes } => write!(
                f,
                "there is no node {node} to run on: ask for one of {}",
                Ranges(nodes)
            ),
            Self::NoCpus { node, with_cpus } => write!(
                f,
                "node {node} has no cpus to run on: ask for one of {}",
                Ranges(with_cpus)
            ),
            Self::Unsupported { node } => write!(
                f,
                "a thread cannot be tied to node {node}: that takes Linux; let the thread run \
                 where the system puts it"
            ),
            Self::Refused {
                node,
                cpus,
                call,
                errno,
            } => write!(
                f,
                "a thread cannot be tied to node {node}, cpus {}: {call}: {}; if a cpuset or a \
                 container keeps this process off all of them, add one \
                 (Cpus_allowed_list in /proc/self/status says which it has), or ask for another node",
                Ranges(cpus),
                reason(*errno)
            ),
            Self::Spawn { node, errno } => {
                write!(f, "a thread on node {node} could not be made: ")?;
                match errno {
                    Some(errno) => reason(*errno).fmt(f),
                    None => f.write_str("the system gave no reason"),
                }?;
                f.write_str("; raise the limit on threads (ulimit -u, pids.max), or make fewer")
            }
        }
    }
}

impl Error for AffinityError {}
