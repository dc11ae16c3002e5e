//! What hwloc says about nodes. It is asked for nothing else: it binds nothing here.

#![forbid(unsafe_code)]

use super::sysfs;
use super::{Node, Topology, TopologyError};
use hwlocality::Topology as Hwloc;
use hwlocality::object::TopologyObject;
use hwlocality::object::attributes::ObjectAttributes;
use hwlocality::object::distance::DistancesKind;
use hwlocality::object::types::ObjectType;
use hwlocality::topology::builder::BuildFlags;
use std::collections::{HashMap, HashSet};
use std::fmt::Display;

/// This machine's nodes, as far as this process may use them; `None` if hwloc does not know.
pub(super) fn this_machine() -> Option<Topology> {
    if cfg!(miri) {
        return None; // It calls no C.
    }
    // All of the machine: what is usable, this asks for itself.
    let builder = Hwloc::builder()
        .with_flags(BuildFlags::INCLUDE_DISALLOWED)
        .ok()?;
    let hwloc = builder.build().ok()?;
    // The environment may have hwloc read something else (HWLOC_SYNTHETIC, HWLOC_XMLFILE).
    if !hwloc.is_this_system() {
        return None;
    }
    let allowed = hwloc.allowed_nodeset();
    let usable = sysfs::usable_memory();
    let may_use = |object: &TopologyObject, id: u32| {
        let in_hwloc = object.nodeset().is_none_or(|nodes| allowed.includes(nodes));
        in_hwloc
            && usable
                .as_ref()
                .is_none_or(|usable| usable.binary_search(&id).is_ok())
    };
    let (nodes, shared) = nodes(&hwloc, may_use).ok()?;
    // hwloc gives a node without processors those that are nearest. The kernel knows whose they are.
    if shared {
        return None;
    }
    let distances = distances(&hwloc);
    Topology::assemble(nodes, |from, to| distances.get(&(from, to)).copied(), true).ok()
}

/// A machine from its description.
pub(super) fn synthetic(description: &str) -> Result<Topology, TopologyError> {
    let what = format!("the description {description:?}");
    let builder = Hwloc::builder().from_synthetic(description);
    let builder = builder.map_err(|error| refused(&what, &error))?;
    let hwloc = builder.build().map_err(|error| refused(&what, &error))?;
    other(&hwloc, &what)
}

/// A machine that is not this one.
fn other(hwloc: &Hwloc, what: &str) -> Result<Topology, TopologyError> {
    let (nodes, _) = nodes(hwloc, |_, _| true).map_err(|reason| refused(what, &reason))?;
    let distances = distances(hwloc);
    Topology::assemble(nodes, |from, to| distances.get(&(from, to)).copied(), false)
}

fn refused(what: &str, reason: &dyn Display) -> TopologyError {
    TopologyError::Hwloc {
        what: what.to_owned(),
        reason: reason.to_string(),
    }
}

/// The nodes that have anything, and whether hwloc names a processor for more than one: the first
/// has it then.
fn nodes(
    hwloc: &Hwloc,
    may_use: impl Fn(&TopologyObject, u32) -> bool,
) -> Result<(Vec<Node>, bool), &'static str> {
    let mut objects = Vec::new();
    for object in hwloc.objects_with_type(ObjectType::NUMANode) {
        let id = number(object).ok_or("a node has no number")?;
        objects.push((id, object));
    }
    objects.sort_by_key(|&(id, _)| id);
    let (mut taken, mut shared) = (HashSet::new(), false);
    let mut nodes = Vec::new();
    for (id, object) in objects {
        let mut cpus = Vec::new();
        for cpu in object.cpuset().iter().flat_map(|cpus| cpus.iter_set()) {
            let cpu = u32::try_from(usize::from(cpu)).or(Err("a cpu's number is too large"))?;
            if taken.insert(cpu) {
                cpus.push(cpu);
            } else {
                shared = true;
            }
        }
        let memory = match object.attributes() {
            Some(ObjectAttributes::NUMANode(node)) if may_use(object, id) => {
                node.local_memory().map_or(0, u64::from)
            }
            _ => 0,
        };
        if !cpus.is_empty() || memory != 0 {
            nodes.push(Node::new(id, cpus, memory));
        }
    }
    Ok((nodes, shared))
}

/// How far nodes are apart, as far as hwloc knows.
fn distances(hwloc: &Hwloc) -> HashMap<(u32, u32), u32> {
    let kind = Some(DistancesKind::MEANS_LATENCY);
    let matrices = hwloc.distances_with_type(kind, ObjectType::NUMANode);
    let matrices = matrices.unwrap_or_default();
    let values = matrices
        .first()
        .into_iter()
        .flat_map(|matrix| matrix.object_distances());
    let known = values.filter_map(|((from, to), value)| {
        let value = u32::try_from(value).ok().filter(|&value| value != 0)?;
        Some(((number(from?)?, number(to?)?), value))
    });
    known.collect()
}

fn number(object: &TopologyObject) -> Option<u32> {
    object
        .os_index()
        .and_then(|index| u32::try_from(index).ok())
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests {
    use super::*;
    use hwlocality::topology::export::xml::XMLExportFlags;
    use std::process::Command;

    fn shown(topology: &Topology) -> Vec<(u32, Vec<u32>, u64)> {
        let nodes = topology.nodes().iter();
        nodes
            .map(|node| (node.id, node.cpus.clone(), node.memory >> 20))
            .collect()
    }

    #[test]
    fn one_two_four_and_eight_nodes_with_and_without_holes() {
        for count in [1, 2, 4, 8] {
            for every in [1, 3] {
                let ids = (0..count).map(|n| every * n).collect::<Vec<_>>();
                let indexes = ids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
                let text = format!("numa:{count}(indexes={indexes} memory=2147483648) core:2 pu:1");
                let topology = synthetic(&text).unwrap();
                assert!(!topology.is_this_system());
                let node = |n| (every * n, vec![2 * n, 2 * n + 1], 2048);
                assert_eq!(
                    shown(&topology),
                    (0..count).map(node).collect::<Vec<_>>(),
                    "{text}"
                );
                // hwloc has no distances then.
                for (from, to) in ids.iter().flat_map(|a| ids.iter().map(move |b| (*a, *b))) {
                    let wanted = if from == to { 10 } else { 20 };
                    assert_eq!(topology.distance(from, to), Some(wanted));
                }
                // As our own builder has it.
                let mut builder = Topology::builder();
                for n in 0..count {
                    builder = builder.node(every * n, [2 * n, 2 * n + 1], 2 << 30);
                }
                assert_eq!(builder.build().unwrap(), topology);
            }
        }
    }

    #[test]
    fn nodes_without_memory_and_nodes_without_processors() {
        let text = "package:2 [numa] [numa(memory=3145728)] core:2 pu:1";
        let nodes = shown(&synthetic(text).unwrap());
        let [first, second] = [vec![0, 1], vec![2, 3]];
        let wanted = [
            (0, first, 0),
            (1, vec![], 3),
            (2, second, 0),
            (3, vec![], 3),
        ];
        assert_eq!(nodes, wanted);
        // Without both, which a second node beside the first is: none.
        let nodes = shown(&synthetic("[numa] [numa] pu:2").unwrap());
        assert_eq!(nodes, [(0, vec![0, 1], 0)]);
    }

    #[test]
    fn processors_keep_the_systems_numbers() {
        let nodes = shown(&synthetic("numa:2 pu:2(indexes=7,6,3,2)").unwrap());
        assert_eq!(nodes, [(0, vec![6, 7], 1024), (1, vec![2, 3], 1024)]);
    }

    #[test]
    fn what_hwloc_does_not_understand_is_an_error_that_quotes_it() {
        for text in ["", "four nodes, please", "numa:0 pu:1", "numa:2\0pu:1"] {
            let error = synthetic(text).unwrap_err();
            assert!(matches!(error, TopologyError::Hwloc { .. }), "{error}");
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
        let error = synthetic("numa:1025 pu:1").unwrap_err();
        assert!(
            matches!(error, TopologyError::TooManyNodes { count: 1025, .. }),
            "{error}"
        );
    }

    #[test]
    fn distances_are_hwlocs_where_it_has_them() {
        let plain = Hwloc::builder()
            .from_synthetic("numa:2(indexes=4,1) pu:1")
            .unwrap();
        let plain = plain.build().unwrap();
        let plain = plain.export_xml(XMLExportFlags::default()).unwrap();
        let distances = r#"<distances2 type="NUMANode" nbobjs="2" kind="5" name="NUMALatency" indexing="os">
    <indexes length="4">1 4 </indexes>
    <u64values length="12">10 31 32 11 </u64values>
  </distances2>
</topology>"#;
        let text = plain.as_str().replace("</topology>", distances);
        let hwloc = Hwloc::builder().from_xml(&text).unwrap().build().unwrap();
        let topology = other(&hwloc, "the XML").unwrap();
        let far = |from, to| topology.distance(from, to).unwrap();
        assert_eq!(
            [far(1, 1), far(1, 4), far(4, 1), far(4, 4)],
            [10, 31, 32, 11]
        );
    }

    #[test]
    fn this_machine_is_read_unless_the_kernel_knows_better() {
        let hwloc = this_machine();
        let Some(kernel) = sysfs::this_machine() else {
            eprintln!("skipped: there is nothing to compare with");
            return;
        };
        match hwloc {
            Some(hwloc) => assert_eq!(hwloc, kernel),
            None => assert!(kernel.nodes().iter().any(|node| node.cpus.is_empty())),
        }
    }

    /// Run by the test below, with another machine in hwloc's environment.
    #[test]
    fn another_machine_in_the_environment() {
        if std::env::var_os("HWLOC_SYNTHETIC").is_some() {
            assert_eq!(this_machine(), None);
            assert_ne!(Topology::this_machine().nodes().len(), 7);
            assert!(Topology::this_machine().is_this_system());
        }
    }

    #[test]
    fn another_machine_in_the_environment_is_not_this_one() {
        let child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "numa::hwloc::tests::another_machine_in_the_environment",
            ])
            .env("HWLOC_SYNTHETIC", "numa:7 pu:2")
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&child.stdout);
        assert!(
            child.status.success() && output.contains("1 passed"),
            "{output}"
        );
    }
}
