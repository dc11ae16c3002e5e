//! Which node's memory a thread is served from, by where it runs.
//!
//! A *home* is a node that has memory; a *station* is a node that a thread may run on. Both are
//! counted from zero: homes among those with memory, stations among all.

#![forbid(unsafe_code)]

use super::Topology;

/// The ways from each station to all homes.
#[derive(Debug)]
pub(crate) struct Routes {
    topology: &'static Topology,
    /// The numbers of the homes, ascending; at least one.
    homes: Vec<u32>,
    /// By station, its own home.
    local: Vec<Option<u16>>,
    /// Station by station, all homes, nearest first.
    orders: Vec<u16>,
}

impl Routes {
    /// The ways on a machine. If no node has memory that may be used, the first counts as if it had.
    pub(crate) fn new(topology: &'static Topology) -> Self {
        let nodes = topology.nodes();
        let with_memory = |&station: &usize| nodes[station].memory != 0;
        let mut at = (0..nodes.len()).filter(with_memory).collect::<Vec<_>>();
        if at.is_empty() {
            at.push(0);
        }
        let mut local = vec![None; nodes.len()];
        for (home, &station) in at.iter().enumerate() {
            local[station] = Some(home as u16); // A topology has at most 1,024 nodes.
        }
        let mut orders = Vec::with_capacity(nodes.len() * at.len());
        for station in 0..nodes.len() {
            let start = orders.len();
            orders.extend(0..at.len() as u16);
            orders[start..].sort_by_key(|&home: &u16| {
                let home = at[usize::from(home)];
                // Of homes as far apart, the next ones in a ring: were it the first ones, all
                // stations' overflow would go to the same node.
                let ring = (home + nodes.len() - station) % nodes.len();
                let distance = topology.distance_at(station, home);
                (home != station, distance, ring)
            });
        }
        Self {
            topology,
            homes: at.iter().map(|&station| nodes[station].id).collect(),
            local,
            orders,
        }
    }

    /// The numbers of the nodes that have memory, ascending: at least one.
    pub(crate) fn homes(&self) -> &[u32] {
        &self.homes
    }

    /// How many nodes there are.
    pub(crate) fn stations(&self) -> usize {
        self.local.len()
    }

    /// The station that this thread is at.
    #[inline]
    pub(crate) fn station_now(&self) -> usize {
        self.topology.current_position()
    }

    /// The home that is the station's own node, if it has memory.
    pub(crate) fn local(&self, station: usize) -> Option<usize> {
        self.local[station].map(usize::from)
    }

    /// All homes: the station's own first, then by distance, nearest first.
    pub(crate) fn order(&self, station: usize) -> &[u16] {
        &self.orders[station * self.homes.len()..][..self.homes.len()]
    }

    /// The number of the station's node.
    pub(crate) fn station_id(&self, station: usize) -> u32 {
        self.topology.nodes()[station].id
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Mutex;

    fn routes(topology: Topology) -> Routes {
        // Kept, so that those who look for leaks find none.
        static KEPT: Mutex<Vec<&'static Topology>> = Mutex::new(Vec::new());
        let topology = &*Box::leak(Box::new(topology));
        KEPT.lock().unwrap().push(topology);
        Routes::new(topology)
    }

    /// `count` nodes, with holes in the numbers, all as far from one another.
    fn even(count: u32) -> Topology {
        let mut builder = Topology::builder();
        for n in 0..count {
            builder = builder.node(3 * n, [n], 1 << 30);
        }
        builder.build().unwrap()
    }

    #[test]
    fn of_homes_as_far_apart_the_next_in_the_ring_is_first() {
        for count in [1, 2, 4, 8] {
            let routes = routes(even(count));
            assert_eq!(routes.stations(), count as usize);
            assert_eq!(routes.homes().len(), count as usize);
            for station in 0..count {
                let ring = (station..count).chain(0..station).map(|home| home as u16);
                assert_eq!(routes.order(station as usize), ring.collect::<Vec<_>>());
                assert_eq!(routes.station_id(station as usize), 3 * station);
                assert_eq!(routes.local(station as usize), Some(station as usize));
            }
        }
    }

    #[test]
    fn stations_without_memory_have_no_home_of_their_own() {
        let topology = Topology::builder()
            .node(1, [0], 0)
            .node(2, [1], 1 << 30)
            .node(4, [2], 0)
            .node(9, [], 1 << 30)
            .distance(4, 9, 12)
            .build()
            .unwrap();
        let routes = routes(topology);
        assert_eq!(routes.homes(), [2, 9]);
        let local = (0..4).map(|station| routes.local(station));
        assert_eq!(local.collect::<Vec<_>>(), [None, Some(0), None, Some(1)]);
        let orders = (0..4).map(|station| routes.order(station).to_vec());
        assert_eq!(orders.collect::<Vec<_>>(), [[0, 1], [0, 1], [1, 0], [1, 0]]);
    }

    #[test]
    fn no_memory_anywhere_is_the_first_nodes() {
        let topology = Topology::builder()
            .node(5, [0], 0)
            .node(6, [1], 0)
            .build()
            .unwrap();
        let routes = routes(topology);
        assert_eq!(routes.homes(), [5]);
        assert_eq!((routes.local(0), routes.local(1)), (Some(0), None));
        assert_eq!((routes.order(0), routes.order(1)), (&[0][..], &[0][..]));
    }

    #[test]
    fn a_thread_is_at_the_station_of_its_node() {
        use crate::numa::pretend_node;
        let several = routes(even(4));
        let one = Topology::builder()
            .node(0, [0], 1 << 30)
            .node(1, [1], 0)
            .build()
            .unwrap();
        let one = routes(one);
        assert_eq!((several.station_now(), one.station_now()), (0, 0));
        pretend_node(Some(9));
        assert_eq!(several.station_now(), 3);
        pretend_node(Some(1)); // A hole in the one, without memory in the other.
        assert_eq!((several.station_now(), one.station_now()), (0, 1));
        pretend_node(None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }) })]
        #[test]
        fn every_order_has_all_homes_the_own_first_then_by_distance(
            memory in proptest::collection::vec(0_u64..3, 1..9),
            distances in proptest::collection::vec(1_u32..6, 81),
        ) {
            let mut builder = Topology::builder();
            for (n, &memory) in memory.iter().enumerate() {
                builder = builder.node(2 * n as u32, [n as u32], memory);
            }
            for (pair, &distance) in distances.iter().enumerate() {
                let (a, b) = (pair / 9, pair % 9);
                if a < memory.len() && b < memory.len() {
                    builder = builder.distance(2 * a as u32, 2 * b as u32, distance);
                }
            }
            let topology = builder.build().unwrap();
            let routes = routes(topology.clone());
            let homes = routes.homes();
            let with_memory = topology.nodes().iter().filter(|node| node.memory != 0);
            let with_memory = with_memory.map(|node| node.id).collect::<Vec<_>>();
            if with_memory.is_empty() {
                prop_assert_eq!(homes, [0]);
            } else {
                prop_assert_eq!(homes, with_memory);
            }
            for station in 0..routes.stations() {
                let mut order = routes.order(station);
                let mut all = order.to_vec();
                all.sort_unstable();
                prop_assert_eq!(all, (0..homes.len() as u16).collect::<Vec<_>>());
                let own = homes.iter().position(|&home| home == routes.station_id(station));
                prop_assert_eq!(routes.local(station), own);
                if let Some(own) = own {
                    prop_assert_eq!(usize::from(order[0]), own);
                    order = &order[1..];
                }
                let from = routes.station_id(station);
                let far = |home: &u16| topology.distance(from, homes[usize::from(*home)]).unwrap();
                prop_assert!(order.is_sorted_by_key(far), "{order:?} from {from} of\n{topology}");
            }
        }
    }
}
