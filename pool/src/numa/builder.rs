//! Describes a machine that is not there.

#![forbid(unsafe_code)]

use super::{Node, Topology, TopologyError};
use std::collections::HashMap;

/// Builds a [`Topology`] that no machine has: for tests.
///
/// ```
/// use pool::numa::Topology;
///
/// let topology = Topology::builder()
///     .node(0, 0..4, 8 << 30)
///     .node(2, 4..8, 8 << 30)
///     .node(5, [], 64 << 30) // memory alone
///     .distance(2, 5, 15)
///     .build()?;
/// assert_eq!(topology.distance(5, 2), Some(15));
/// assert_eq!(topology.distance(0, 2), Some(20));
/// # Ok::<(), pool::numa::TopologyError>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a description does nothing until it is built"]
pub struct TopologyBuilder {
    nodes: Vec<Node>,
    distances: Vec<(u32, u32, u32)>,
}

impl TopologyBuilder {
    /// Adds a node: its number, the numbers of its processors, and its bytes of memory.
    pub fn node(mut self, id: u32, cpus: impl IntoIterator<Item = u32>, memory: u64) -> Self {
        let cpus = cpus.into_iter().collect();
        self.nodes.push(Node::new(id, cpus, memory));
        self
    }

    /// Says how far two nodes are apart, both ways. If nothing is said it is 20, and 10 from a node
    /// to itself; of two words about the same nodes, the last counts.
    pub fn distance(mut self, a: u32, b: u32, distance: u32) -> Self {
        self.distances.push((a, b, distance));
        self
    }

    /// The machine.
    ///
    /// # Errors
    ///
    /// There is no node, or more than 1,024; a node is there twice, or a processor is; a number is
    /// over 65,535; a node has neither processors nor memory; a distance is zero, or names a node
    /// that is not there.
    ///
    /// ```
    /// use pool::numa::{Topology, TopologyError};
    ///
    /// let error = Topology::builder().node(3, [0], 0).node(3, [1], 0).build().unwrap_err();
    /// assert_eq!(error, TopologyError::NodeTwice { node: 3 });
    /// assert!(error.to_string().contains("node 3"));
    /// ```
    pub fn build(self) -> Result<Topology, TopologyError> {
        let Self { nodes, distances } = self;
        let mut ids = nodes.iter().map(|node| node.id).collect::<Vec<_>>();
        ids.sort_unstable();
        let mut said = HashMap::new();
        for (a, b, distance) in distances {
            for node in [a, b] {
                if ids.binary_search(&node).is_err() {
                    return Err(TopologyError::NoSuchNode { node, nodes: ids });
                }
            }
            said.insert((a, b), distance);
            said.insert((b, a), distance);
        }
        Topology::assemble(nodes, |from, to| said.get(&(from, to)).copied(), false)
    }
}
