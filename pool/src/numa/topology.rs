//! The nodes of a machine.

#![forbid(unsafe_code)]

use super::sysfs;
use super::{TopologyBuilder, TopologyError};
use crate::sys;
use std::cell::Cell;
use std::path::Path;
use std::sync::OnceLock;

/// The most nodes that a topology has. Linux counts as many.
pub(super) const MAX_NODES: usize = 1 << 10;
/// The largest number of a node, and of a processor.
pub(super) const MAX_ID: u32 = u16::MAX as u32;

/// A NUMA node: memory, and processors near to it. Either may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Node {
    /// The system's number for it. Numbers may have holes.
    pub id: u32,
    /// The processors of the node, by the system's numbers, ascending: those that were online when
    /// the topology was read. None: memory alone.
    pub cpus: Vec<u32>,
    /// Bytes of memory. Zero: processors alone, or memory that this process may not use.
    /// [`u64::MAX`]: the system does not say.
    pub memory: u64,
}

impl Node {
    pub(super) const fn new(id: u32, cpus: Vec<u32>, memory: u64) -> Self {
        Self { id, cpus, memory }
    }
}

/// The nodes of a machine, and how far apart they are.
///
/// Its `Display` is a table.
///
/// ```
/// use pool::numa::Topology;
///
/// let topology = Topology::this_machine();
/// println!("{topology}");
/// let here = topology.current_node();
/// assert!(topology.nodes().iter().any(|node| node.id == here));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    /// By ascending number; at least one, at most [`MAX_NODES`].
    nodes: Vec<Node>,
    /// Row by row, in the order of `nodes`.
    distances: Vec<u32>,
    /// The position in `nodes` of each processor's node, by the processor's number.
    of_cpu: Vec<Option<u16>>,
    /// The position of the first node that has processors, of the first node if none has.
    first: u16,
    this_system: bool,
}

impl Topology {
    /// This machine's nodes: read at the first call, and kept.
    ///
    /// On Linux these are the nodes in `/sys/devices/system/node` that have processors or memory. A
    /// node whose memory this process may not use (`Mems_allowed_list` in `/proc/self/status`; a
    /// cpuset, or a container) counts as having none. With the feature `hwloc`, hwloc is asked
    /// first.
    ///
    /// On other systems without the feature, and where something is missing or makes no sense, the
    /// machine is one node, number 0, with all processors.
    pub fn this_machine() -> &'static Self {
        static THIS: OnceLock<Topology> = OnceLock::new();
        THIS.get_or_init(|| {
            let read = Self::ask_hwloc().or_else(sysfs::this_machine);
            read.unwrap_or_else(|| Self::one_node(sysfs::online_cpus(), sysfs::memory()))
        })
    }

    #[cfg(feature = "hwloc")]
    fn ask_hwloc() -> Option<Self> {
        super::hwloc::this_machine()
    }

    #[cfg(not(feature = "hwloc"))]
    const fn ask_hwloc() -> Option<Self> {
        None
    }

    /// Reads a copy of Linux's `/sys/devices/system/node`, of whatever machine: `online`,
    /// `has_memory`, and `cpulist`, `meminfo` and `distance` of each node.
    ///
    /// All nodes count that have processors or memory, whatever this process may use.
    ///
    /// # Errors
    ///
    /// A file that is missing or says what cannot be, by its name.
    ///
    /// ```
    /// use pool::numa::{Topology, TopologyError};
    ///
    /// let error = Topology::from_sysfs("/no/such/folder").unwrap_err();
    /// assert!(matches!(error, TopologyError::Unreadable { .. }));
    /// assert!(error.to_string().starts_with("/no/such/folder"));
    /// ```
    pub fn from_sysfs(path: impl AsRef<Path>) -> Result<Self, TopologyError> {
        sysfs::from_folder(path.as_ref())
    }

    /// Reads a description of a machine as hwloc has them: `"package:2 numa:1 core:4 pu:2"`.
    ///
    /// Where several nodes are near to the same processors, the first has them, and the others have
    /// memory alone. hwloc knows no distances then: 10 for a node's own memory, 20 for another's.
    ///
    /// A description of many processors takes as much time and memory as they would.
    ///
    /// # Errors
    ///
    /// hwloc does not understand the description, or what it describes is more than is taken here.
    ///
    /// ```
    /// use pool::numa::Topology;
    ///
    /// let topology = Topology::from_synthetic("numa:4 core:2 pu:1")?;
    /// assert_eq!(topology.nodes().len(), 4);
    /// assert_eq!(topology.nodes()[3].cpus, [6, 7]);
    /// assert!(Topology::from_synthetic("four nodes, please").is_err());
    /// # Ok::<(), pool::numa::TopologyError>(())
    /// ```
    #[cfg(feature = "hwloc")]
    pub fn from_synthetic(description: &str) -> Result<Self, TopologyError> {
        super::hwloc::synthetic(description)
    }

    /// Begins to describe a machine that is not there.
    pub fn builder() -> TopologyBuilder {
        TopologyBuilder::default()
    }

    /// The nodes, by ascending number; at least one.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How far `to`'s memory is from `from`'s processors: 10 is local, 20 takes twice as long.
    /// `None` if either is not there.
    pub fn distance(&self, from: u32, to: u32) -> Option<u32> {
        Some(self.distance_at(self.position(from)?, self.position(to)?))
    }

    /// Whether this is the machine that the program runs on.
    pub fn is_this_system(&self) -> bool {
        self.this_system
    }

    /// The number of the node that this thread runs on, now: it may be another one as soon as this
    /// returns, unless the thread is tied to it ([`run_on`](super::run_on)).
    ///
    /// With one node nothing is asked. With several, the system says on which processor the thread
    /// runs (`getcpu`, on Linux without a system call, in a few nanoseconds). A processor that came
    /// online after the topology was read counts as one of the first node that has any, and so do all
    /// on a topology that is not this machine's.
    pub fn current_node(&self) -> u32 {
        self.nodes[self.current_position()].id
    }

    /// Where [`Topology::current_node`] is in [`Topology::nodes`].
    #[inline]
    pub(crate) fn current_position(&self) -> usize {
        if self.nodes.len() == 1 {
            return 0;
        }
        let position = if self.this_system {
            let cpu = sys::current_cpu();
            cpu.and_then(|cpu| self.of_cpu.get(cpu as usize).copied().flatten())
                .map(usize::from)
        } else {
            // No destructor takes it away, where thread-locals are native.
            let pretended = PRETENDED.try_with(Cell::get).ok().flatten();
            pretended.and_then(|id| self.position(id))
        };
        position.unwrap_or(usize::from(self.first))
    }

    /// Where the node with a number is in [`Topology::nodes`].
    pub(crate) fn position(&self, id: u32) -> Option<usize> {
        self.nodes.binary_search_by_key(&id, |node| node.id).ok()
    }

    /// [`Topology::distance`] by positions in [`Topology::nodes`], which are there.
    pub(crate) fn distance_at(&self, from: usize, to: usize) -> u32 {
        self.distances[from * self.nodes.len() + to]
    }

    /// The numbers of the nodes that are as wanted.
    pub(super) fn ids(&self, wanted: impl Fn(&Node) -> bool) -> Vec<u32> {
        let wanted = self.nodes.iter().filter(|node| wanted(node));
        wanted.map(|node| node.id).collect()
    }

    /// A machine whose memory is all the same.
    fn one_node(cpus: Vec<u32>, memory: u64) -> Self {
        Self {
            nodes: vec![Node::new(0, cpus, memory)],
            distances: vec![10],
            of_cpu: Vec::new(), // Nobody asks which of one.
            first: 0,
            this_system: true,
        }
    }

    /// Puts nodes together, if they are a machine's. `distance` is asked for pairs of numbers; what
    /// it does not know is 10 from a node to itself, and 20 to another.
    pub(super) fn assemble(
        mut nodes: Vec<Node>,
        distance: impl Fn(u32, u32) -> Option<u32>,
        this_system: bool,
    ) -> Result<Self, TopologyError> {
        nodes.sort_by_key(|node| node.id);
        nodes.iter_mut().for_each(|node| node.cpus.sort_unstable());
        let of_cpu = check(&nodes)?;
        let mut distances = Vec::with_capacity(nodes.len() * nodes.len());
        for from in nodes.iter().map(|node| node.id) {
            for to in nodes.iter().map(|node| node.id) {
                match distance(from, to) {
                    Some(0) => return Err(TopologyError::ZeroDistance { from, to }),
                    Some(distance) => distances.push(distance),
                    None => distances.push(if from == to { 10 } else { 20 }),
                }
            }
        }
        let first = nodes.iter().position(|node| !node.cpus.is_empty());
        Ok(Self {
            nodes,
            distances,
            of_cpu,
            first: first.unwrap_or(0) as u16, // Below `MAX_NODES`.
            this_system,
        })
    }
}

/// Checks sorted nodes, and makes the table of whose the processors are.
fn check(nodes: &[Node]) -> Result<Vec<Option<u16>>, TopologyError> {
    match nodes.len() {
        0 => return Err(TopologyError::NoNodes),
        1..=MAX_NODES => {}
        count => {
            return Err(TopologyError::TooManyNodes {
                count,
                max: MAX_NODES,
            });
        }
    }
    if let Some(pair) = nodes.windows(2).find(|pair| pair[0].id == pair[1].id) {
        return Err(TopologyError::NodeTwice { node: pair[0].id });
    }
    let mut of_cpu = Vec::new();
    for (position, node) in nodes.iter().enumerate() {
        let (id, max) = (node.id, MAX_ID);
        if id > max {
            return Err(TopologyError::NodeTooLarge { node: id, max });
        }
        if node.cpus.is_empty() && node.memory == 0 {
            return Err(TopologyError::EmptyNode { node: id });
        }
        for &cpu in &node.cpus {
            if cpu > max {
                return Err(TopologyError::CpuTooLarge { node: id, cpu, max });
            }
            if of_cpu.len() <= cpu as usize {
                of_cpu.resize(cpu as usize + 1, None);
            }
            if let Some(other) = of_cpu[cpu as usize].replace(position as u16) {
                let nodes = (nodes[usize::from(other)].id, id);
                return Err(TopologyError::CpuTwice { cpu, nodes });
            }
        }
    }
    Ok(of_cpu)
}

std::thread_local! {
    static PRETENDED: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Makes topologies that are not this machine's believe that this thread runs on a node.
#[doc(hidden)]
pub fn pretend_node(id: Option<u32>) {
    PRETENDED.set(id);
}
