//! Any bytes as Linux's files about its nodes, and a process's status: a machine that makes sense, or
//! an error that names the file. A line `== NAME` begins a file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pool::numa::{Topology, TopologyError, topology_from_texts};
use std::collections::HashMap;

/// The files in the input.
fn files(input: &[u8]) -> HashMap<String, Vec<u8>> {
    let mut files = HashMap::new();
    let mut name = String::new();
    for line in input.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_prefix(b"== ") {
            Some(file) => name = String::from_utf8_lossy(file).trim().to_owned(),
            None => files
                .entry(name.clone())
                .or_insert_with(Vec::new)
                .extend_from_slice(line),
        }
    }
    files
}

fuzz_target!(|input: &[u8]| {
    let files = files(input);
    let status = files.get("status").map(Vec::as_slice);
    match topology_from_texts(|name| files.get(name).cloned(), status) {
        Ok(topology) => check(&topology),
        Err(TopologyError::Malformed { path, text, .. }) => {
            assert!(files.contains_key(path.to_str().unwrap()));
            assert!(text.chars().count() <= 63, "an excerpt");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

fn check(topology: &Topology) {
    let nodes = topology.nodes();
    assert!(!nodes.is_empty() && nodes.is_sorted_by(|a, b| a.id < b.id));
    let mut cpus = Vec::new();
    for node in nodes {
        assert!(!node.cpus.is_empty() || node.memory != 0);
        assert!(node.cpus.is_sorted_by(|a, b| a < b));
        cpus.extend_from_slice(&node.cpus);
        for other in nodes {
            assert!(
                topology
                    .distance(node.id, other.id)
                    .is_some_and(|distance| distance != 0)
            );
        }
    }
    let count = cpus.len();
    cpus.sort_unstable();
    cpus.dedup();
    assert_eq!(cpus.len(), count, "a cpu of two nodes");
    assert!(!topology.is_this_system());
    assert!(nodes.iter().any(|node| node.id == topology.current_node()));
    assert_eq!(topology.to_string().lines().count(), nodes.len() + 1);
}
