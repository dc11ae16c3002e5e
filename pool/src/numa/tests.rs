//! Machines that are not there.

#![forbid(unsafe_code)]

mod here;

use super::topology::{MAX_ID, MAX_NODES};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The files of a machine, in a folder that is gone afterwards.
struct Tree(PathBuf);

impl Tree {
    fn new(files: &BTreeMap<String, String>) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("pool-nodes-{}-{count}", std::process::id());
        let tree = Self(std::env::temp_dir().join(name));
        for (name, text) in files {
            let path = tree.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        tree
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A machine of nodes with these numbers, processors and KiB, and how far apart they are.
type Machine = (Vec<(u32, Vec<u32>, u64)>, Vec<Vec<u32>>);

/// What the kernel would write about it, every number by itself.
fn files((nodes, distances): &Machine) -> BTreeMap<String, String> {
    let list = |ids: &[u32]| {
        let ids = ids.iter().map(u32::to_string).collect::<Vec<_>>();
        ids.join(",") + "\n"
    };
    let ids = nodes.iter().map(|node| node.0).collect::<Vec<_>>();
    let with_memory = nodes.iter().filter(|node| node.2 != 0).map(|node| node.0);
    let with_memory = with_memory.collect::<Vec<_>>();
    let mut files = BTreeMap::new();
    files.insert("online".to_owned(), list(&ids));
    files.insert("has_memory".to_owned(), list(&with_memory));
    for ((id, cpus, kib), row) in nodes.iter().zip(distances) {
        let row = row.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        let meminfo = format!("Node {id} MemTotal:  {kib:>12} kB\nNode {id} MemFree:  1 kB\n");
        files.insert(format!("node{id}/cpulist"), list(cpus));
        files.insert(format!("node{id}/meminfo"), meminfo);
        files.insert(format!("node{id}/distance"), row + "\n");
    }
    files
}

fn built((nodes, distances): &Machine) -> Result<Topology, TopologyError> {
    let mut builder = Topology::builder();
    for (id, cpus, kib) in nodes {
        builder = builder.node(*id, cpus.iter().copied(), kib * 1024);
    }
    for (from, row) in nodes.iter().zip(distances) {
        for (to, &distance) in nodes.iter().zip(row) {
            builder = builder.distance(from.0, to.0, distance);
        }
    }
    builder.build()
}

/// `count` nodes of two processors each; `every`th numbers; the farther, the more so.
fn plain(count: u32, every: u32) -> Machine {
    let node = |n| (every * n, vec![2 * n, 2 * n + 1], 1024 * u64::from(n + 1));
    let distance = |a: u32, b: u32| 10 + 5 * a.abs_diff(b);
    let row = |a| (0..count).map(|b| distance(a, b)).collect();
    (
        (0..count).map(node).collect(),
        (0..count).map(row).collect(),
    )
}

fn check_plain(topology: &Topology, count: u32, every: u32) {
    assert!(!topology.is_this_system());
    assert_eq!(topology.nodes().len(), count as usize);
    for (n, node) in (0..).zip(topology.nodes()) {
        assert_eq!(
            (node.id, &node.cpus[..]),
            (every * n, &[2 * n, 2 * n + 1][..])
        );
        assert_eq!(node.memory, u64::from(n + 1) << 20);
        for m in 0..count {
            let distance = topology.distance(every * n, every * m);
            assert_eq!(distance, Some(10 + 5 * n.abs_diff(m)));
        }
    }
    assert_eq!(topology.distance(0, every * count), None);
}

#[test]
fn one_two_four_and_eight_nodes_with_and_without_holes() {
    let counts: &[u32] = if cfg!(miri) { &[1, 4] } else { &[1, 2, 4, 8] };
    for &count in counts {
        for every in [1, 3] {
            let machine = plain(count, every);
            check_plain(&built(&machine).unwrap(), count, every);
            let texts = files(&machine);
            let read = |name: &str| texts.get(name).map(|text| text.clone().into_bytes());
            check_plain(&topology_from_texts(read, None).unwrap(), count, every);
            if !cfg!(miri) {
                let tree = Tree::new(&texts);
                check_plain(&Topology::from_sysfs(&tree.0).unwrap(), count, every);
            }
        }
    }
}

#[test]
fn nodes_without_processors_or_without_memory_count_and_those_without_both_do_not() {
    let (mut nodes, distances) = plain(4, 2);
    nodes[0].1.clear();
    nodes[1].2 = 0;
    nodes[2] = (4, vec![], 0);
    let machine = (nodes, distances);
    let error = built(&machine).unwrap_err();
    assert_eq!(error, TopologyError::EmptyNode { node: 4 });
    let texts = files(&machine);
    let read = |name: &str| texts.get(name).map(|text| text.clone().into_bytes());
    let topology = topology_from_texts(read, None).unwrap();
    let seen = topology
        .nodes()
        .iter()
        .map(|node| (node.id, node.cpus.len(), node.memory >> 20));
    assert_eq!(seen.collect::<Vec<_>>(), [(0, 0, 1), (2, 2, 0), (6, 2, 4)]);
    // The columns are those of the nodes that are left.
    assert_eq!(topology.distance(0, 6), Some(25));
    assert_eq!(topology.distance(6, 2), Some(20));
    assert_eq!(topology.current_node(), 2, "the first with processors");
}

#[test]
fn memory_that_is_not_allowed_is_none() {
    let texts = files(&plain(4, 1));
    let read = |name: &str| texts.get(name).map(|text| text.clone().into_bytes());
    let memory = |status: &[u8]| {
        let topology = topology_from_texts(read, Some(status)).unwrap();
        let memory = topology.nodes().iter().map(|node| node.memory >> 20);
        memory.collect::<Vec<_>>()
    };
    assert_eq!(memory(b"Mems_allowed_list:\t1,3\n"), [0, 2, 0, 4]);
    assert_eq!(memory(b"Mems_allowed_list:\t\n"), [0, 0, 0, 0]);
    // Nobody says, or nobody knows what.
    assert_eq!(memory(b"Name:\tx\n"), [1, 2, 3, 4]);
    assert_eq!(memory(b"Mems_allowed_list:\tnone\n"), [1, 2, 3, 4]);
}

#[test]
fn a_machine_that_cannot_be_is_refused_by_name() {
    let built = |nodes: &[(u32, &[u32], u64)], distances: &[(u32, u32, u32)]| {
        let mut builder = Topology::builder();
        for &(id, cpus, memory) in nodes {
            builder = builder.node(id, cpus.iter().copied(), memory);
        }
        for &(a, b, distance) in distances {
            builder = builder.distance(a, b, distance);
        }
        builder.build()
    };
    let refused = |nodes: &[(u32, &[u32], u64)], distances: &[(u32, u32, u32)], texts: &[&str]| {
        let error = built(nodes, distances).unwrap_err();
        let text = error.to_string();
        for part in texts {
            assert!(text.contains(part), "{text}");
        }
        error
    };
    assert_eq!(refused(&[], &[], &["no node"]), TopologyError::NoNodes);
    let twice = refused(&[(7, &[0], 1), (7, &[1], 1)], &[], &["node 7", "twice"]);
    assert_eq!(twice, TopologyError::NodeTwice { node: 7 });
    let twice = refused(
        &[(0, &[4], 1), (1, &[5, 4], 1)],
        &[],
        &["cpu 4", "node 0", "node 1"],
    );
    assert_eq!(
        twice,
        TopologyError::CpuTwice {
            cpu: 4,
            nodes: (0, 1)
        }
    );
    let twice = refused(&[(3, &[4, 4], 1)], &[], &["node 3", "cpu 4"]);
    assert_eq!(
        twice,
        TopologyError::CpuTwice {
            cpu: 4,
            nodes: (3, 3)
        }
    );
    let empty = refused(&[(3, &[], 0)], &[], &["node 3", "neither"]);
    assert_eq!(empty, TopologyError::EmptyNode { node: 3 });
    let (two, far) = ([(0, &[0][..], 1), (1, &[1][..], 1)], u32::MAX);
    let zero = refused(&two, &[(0, 1, 0)], &["node 0", "node 1", "is 0"]);
    assert_eq!(zero, TopologyError::ZeroDistance { from: 0, to: 1 });
    refused(&two, &[(0, 1, 30), (1, 1, 0)], &["from node 1 to node 1"]);
    let unknown = refused(&two, &[(0, 9, 30)], &["node 9", "0-1"]);
    assert_eq!(
        unknown,
        TopologyError::NoSuchNode {
            node: 9,
            nodes: vec![0, 1]
        }
    );
    refused(&[(far, &[0], 1)], &[], &["4294967295", "65535"]);
    refused(&[(0, &[far], 1)], &[], &["node 0", "4294967295", "65535"]);
    let most = MAX_NODES as u32;
    let many = (0..=most).map(|id| (id, &[][..], 1)).collect::<Vec<_>>();
    if !cfg!(miri) {
        built(&many[1..], &[]).expect("as many nodes as there may be");
        built(&[(MAX_ID, &[MAX_ID], 1)], &[]).expect("the largest numbers");
    }
    refused(&many, &[], &["1025", "1024"]);
    // Any order will do.
    let topology = built(&[(9, &[5, 3], 1), (1, &[4, 0], 1)], &[]).unwrap();
    let nodes = topology
        .nodes()
        .iter()
        .map(|node| (node.id, &node.cpus[..]));
    assert_eq!(nodes.collect::<Vec<_>>(), [(1, &[0, 4][..]), (9, &[3, 5])]);
    assert_eq!(topology.position(9), Some(1));
    // The last word counts, and both ways.
    let topology = built(&two, &[(0, 1, 30), (1, 0, far)]).unwrap();
    assert_eq!(
        (topology.distance(0, 1), topology.distance(1, 0)),
        (Some(far), Some(far))
    );
}

#[test]
fn a_tree_that_makes_no_sense_names_the_file_and_what_it_says() {
    let good = files(&plain(2, 2));
    let with = |name: &str, text: Option<&str>| {
        let mut texts = good.clone();
        match text {
            Some(text) => texts.insert(name.to_owned(), text.to_owned()),
            None => texts.remove(name),
        };
        topology_from_texts(
            |name| texts.get(name).map(|text| text.clone().into_bytes()),
            None,
        )
    };
    with("node2/uevent", Some("")).expect("what is not read does not matter");
    for name in good.keys() {
        let error = with(name, None).unwrap_err();
        assert!(matches!(error, TopologyError::Unreadable { .. }), "{error}");
        assert!(error.to_string().starts_with(name), "{error}");
        let error = with(name, Some("0 and 1")).unwrap_err();
        assert!(matches!(error, TopologyError::Malformed { .. }), "{error}");
        assert!(
            error
                .to_string()
                .starts_with(&format!("{name} says \"0 and 1\"")),
            "{error}"
        );
    }
    let error = with("node2/distance", Some("20 10 20\n"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("a number for each node"), "{error}");
    let error = with("node2/distance", Some("0 10\n")).unwrap_err();
    assert_eq!(error, TopologyError::ZeroDistance { from: 2, to: 0 });
    let error = with("node2/cpulist", Some("0-3\n")).unwrap_err();
    assert_eq!(
        error,
        TopologyError::CpuTwice {
            cpu: 0,
            nodes: (0, 2)
        }
    );
    assert_eq!(
        with("online", Some("\n")).unwrap_err(),
        TopologyError::NoNodes
    );
    let error = with("online", Some("0-5000\n")).unwrap_err();
    assert_eq!(
        error,
        TopologyError::TooManyNodes {
            count: 5001,
            max: 1024
        }
    );
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn files_that_are_folders_or_too_long_are_errors() {
    let mut texts = files(&plain(1, 1));
    texts.insert("online".to_owned(), "0".repeat(2 << 20));
    let tree = Tree::new(&texts);
    let error = Topology::from_sysfs(&tree.0).unwrap_err();
    let path = tree.0.join("online");
    let kind = std::io::ErrorKind::FileTooLarge;
    assert_eq!(
        error,
        TopologyError::Unreadable {
            path: path.clone(),
            kind
        }
    );
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = Topology::from_sysfs(&tree.0).unwrap_err();
    assert!(
        matches!(&error, TopologyError::Unreadable { path: at, .. } if *at == path),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }) })]

    /// The builder and the reading of text agree, on whatever machine.
    #[test]
    fn what_is_built_is_what_is_read(
        nodes in vec((1_u32..4, 0_u32..4, 0_u64..5), 1..9),
        distances in vec(0_u32..50, 81),
    ) {
        let (mut id, mut cpu) = (0, 0);
        let nodes = nodes.into_iter().map(|(step, cpus, kib)| {
            id += step;
            cpu += cpus;
            (id, (cpu - cpus..cpu).collect(), kib)
        }).collect::<Vec<_>>();
        let distance = |a: usize, b: usize| distances[9 * a.min(b) + a.max(b)];
        let row = |a| (0..nodes.len()).map(|b| distance(a, b)).collect();
        let machine = (nodes.clone(), (0..nodes.len()).map(row).collect::<Vec<_>>());
        let texts = files(&machine);
        let read = topology_from_texts(|name| texts.get(name).map(|text| text.clone().into_bytes()), None);
        match built(&machine) {
            Ok(topology) => prop_assert_eq!(read.unwrap(), topology),
            Err(TopologyError::EmptyNode { node }) => {
                let left = read.map(|topology| topology.position(node));
                prop_assert!(!matches!(left, Ok(Some(_))), "an empty node was read");
            }
            Err(error) => prop_assert_eq!(read.unwrap_err(), error),
        }
    }
}

#[test]
fn threads_are_where_they_pretend_to_be_on_machines_that_are_not_there() {
    let (mut nodes, distances) = plain(4, 2);
    nodes[0].1.clear();
    let topology = built(&(nodes, distances)).unwrap();
    assert_eq!(topology.current_node(), 2, "the first with processors");
    pretend_node(Some(6));
    assert_eq!(topology.current_node(), 6);
    let elsewhere = std::thread::scope(|scope| scope.spawn(|| topology.current_node()).join());
    assert_eq!(elsewhere.unwrap(), 2);
    pretend_node(Some(5));
    assert_eq!(topology.current_node(), 2, "a node that is not there");
    pretend_node(None);
    let memory = Topology::builder()
        .node(3, [], 1)
        .node(4, [], 1)
        .build()
        .unwrap();
    assert_eq!(memory.current_node(), 3, "no processors anywhere");
}

#[test]
fn processors_that_came_later_are_the_first_nodes_that_has_any() {
    // This machine's, to its word; but it has none of these processors.
    let far = if cfg!(miri) { 60 } else { 60_000 };
    let nodes = vec![
        Node::new(1, vec![], 1),
        Node::new(3, vec![far], 1),
        Node::new(5, vec![far + 1], 1),
    ];
    let topology = Topology::assemble(nodes, |_, _| None, true).unwrap();
    assert_eq!(topology.current_node(), 3);
}
