//! The machine that is there, beside what its kernel says elsewhere; threads tied to its nodes, beside
//! what the kernel says of them.

#![forbid(unsafe_code)]

use super::*;
use crate::sys::CpuSet;

#[test]
fn this_machine_has_a_node_and_this_thread_is_on_it() {
    let topology = Topology::this_machine();
    assert!(topology.is_this_system());
    assert!(
        topology
            .nodes()
            .iter()
            .any(|node| !node.cpus.is_empty() && node.memory != 0)
    );
    assert!(topology.position(topology.current_node()).is_some());
    let ids = topology.ids(|_| true);
    assert!(ids.is_sorted_by(|a, b| a < b));
    println!("{topology}");
}

/// This thread's line in the kernel's report.
fn status(line: &str) -> String {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let found = status.lines().find_map(|text| text.strip_prefix(line));
    found
        .unwrap_or_else(|| panic!("no {line}"))
        .trim()
        .to_owned()
}

fn allowed() -> String {
    status("Cpus_allowed_list:")
}

/// This machine's nodes on which this process's threads may run, with the processors that they get.
fn to_run_on() -> Vec<(u32, Vec<u32>)> {
    // A thread that asks for all processors gets those of the cpuset.
    let ask = || {
        let all = (0..=MAX_ID).collect::<Vec<_>>();
        CpuSet::of(&all).tie_this_thread().unwrap();
        allowed()
    };
    let cpuset = std::thread::scope(|scope| scope.spawn(ask).join().unwrap());
    let cpuset = sysfs::id_list(cpuset.as_bytes()).unwrap();
    let usable = Topology::this_machine().nodes().iter().map(|node| {
        let mut cpus = node.cpus.clone();
        cpus.retain(|cpu| cpuset.contains(cpu));
        (node.id, cpus)
    });
    usable.filter(|(_, cpus)| !cpus.is_empty()).collect()
}

fn list(cpus: &[u32]) -> String {
    display::Ranges(cpus).to_string()
}

/// The node of the processor that the kernel says this thread runs on.
fn node_by_kernel() -> u32 {
    let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let cpu = fields.split_ascii_whitespace().nth(36).unwrap();
    node_of(cpu.parse().unwrap()).expect("a processor's folder links to its node")
}

/// The node that the processor's own folder links to.
fn node_of(cpu: u32) -> Option<u32> {
    let folder = fs::read_dir(format!("/sys/devices/system/cpu/cpu{cpu}")).ok()?;
    let names = folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names
        .filter_map(|name| name.strip_prefix("node")?.parse().ok())
        .next()
}

/// The memory of each node, as the sum of its zones.
#[cfg(all(target_os = "linux", not(miri)))]
fn memory_by_zones() -> BTreeMap<u32, u64> {
    let mut nodes = BTreeMap::new();
    let mut node = 0;
    for line in fs::read_to_string("/proc/zoneinfo")
        .unwrap_or_default()
        .lines()
    {
        let words = line.split([' ', ',']).filter(|word| !word.is_empty());
        match words.collect::<Vec<_>>()[..] {
            ["Node", id, "zone", _] => node = id.parse().unwrap(),
            ["managed", pages] => {
                let bytes = pages.parse::<u64>().unwrap() * crate::sys::page_size() as u64;
                *nodes.entry(node).or_default() += bytes;
            }
            _ => {}
        }
    }
    nodes
}

/// Whether the kernel tells what these tests compare with.
fn kernel_tells() -> bool {
    let tells = cfg!(target_os = "linux") && Path::new("/sys/devices/system/node/online").exists();
    if !tells {
        eprintln!("skipped: there is no /sys/devices/system/node");
    }
    tells
}

#[test]
#[cfg(all(target_os = "linux", not(miri)))]
fn this_machine_is_what_its_kernel_says_elsewhere() {
    if !kernel_tells() {
        return;
    }
    let topology = Topology::this_machine();
    for node in topology.nodes() {
        for &cpu in &node.cpus {
            assert_eq!(node_of(cpu), Some(node.id), "cpu {cpu}");
        }
    }
    let cpus = topology
        .nodes()
        .iter()
        .map(|node| node.cpus.len())
        .sum::<usize>();
    assert_eq!(cpus, sysfs::online_cpus().len());
    let zones = memory_by_zones();
    if zones.is_empty() {
        eprintln!("skipped: the nodes' memory: there is no /proc/zoneinfo");
    }
    for (node, bytes) in zones {
        let usable = sysfs::usable_memory().is_none_or(|usable| usable.contains(&node));
        let position = topology.position(node);
        let memory = position.map_or(0, |position| topology.nodes()[position].memory);
        assert_eq!(memory, if usable { bytes } else { 0 }, "node {node}");
    }
    // Whoever read it: the kernel's folder says the same.
    let read = sysfs::this_machine().expect("it is there");
    assert_eq!(&read, topology);
}

#[test]
#[cfg_attr(miri, ignore = "asks the kernel")]
fn a_thread_runs_on_its_node_until_the_guard_is_dropped() {
    if !kernel_tells() {
        return;
    }
    let before = allowed();
    for (node, cpus) in to_run_on() {
        let here = run_on(node).unwrap();
        assert_eq!(here.node(), node);
        assert_eq!((allowed(), node_by_kernel()), (list(&cpus), node));
        assert_eq!(Topology::this_machine().current_node(), node);
        drop(here);
        assert_eq!(allowed(), before);
    }
}

#[test]
#[cfg_attr(miri, ignore = "asks the kernel")]
fn nodes_to_which_no_thread_can_be_tied_are_errors() {
    if !kernel_tells() {
        return;
    }
    let (usable, before) = (to_run_on(), allowed());
    let nodes = Topology::this_machine().nodes().iter();
    for node in nodes.filter(|node| usable.iter().all(|usable| usable.0 != node.id)) {
        let error = run_on(node.id).unwrap_err();
        assert!(
            error.to_string().contains(&format!("node {}", node.id)),
            "{error}"
        );
        match error {
            AffinityError::NoCpus { .. } => assert!(node.cpus.is_empty()),
            AffinityError::Refused { .. } => assert!(!node.cpus.is_empty()),
            error => panic!("{error}"),
        }
        assert_eq!(spawn_on(node.id, || ()).unwrap_err(), error);
    }
    assert_eq!(allowed(), before);
}

#[test]
#[cfg_attr(miri, ignore = "asks the kernel")]
fn guards_within_guards_panics_and_forgotten_guards() {
    if !kernel_tells() {
        return;
    }
    let nodes = to_run_on();
    let ((first, first_cpus), (last, last_cpus)) = (&nodes[0], &nodes[nodes.len() - 1]);
    let on_first = || assert_eq!((allowed(), node_by_kernel()), (list(first_cpus), *first));
    let on_last = || assert_eq!((allowed(), node_by_kernel()), (list(last_cpus), *last));
    // A thread that was tied to less than a node gets that back.
    let before = CpuSet::of_this_thread().unwrap();
    let cpu = first_cpus[0];
    CpuSet::of(&[cpu]).tie_this_thread().unwrap();
    {
        let _outer = run_on(*first).unwrap();
        on_first();
        {
            let _inner = run_on(*last).unwrap();
            on_last();
        }
        on_first();
        let panicked = std::panic::catch_unwind(|| {
            let _inner = run_on(*last).unwrap();
            on_last();
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"on purpose"));
        on_first();
    }
    assert_eq!(allowed(), cpu.to_string());
    std::thread::scope(|scope| {
        let forget = || {
            std::mem::forget(run_on(*last).unwrap());
            on_last();
        };
        if std::env::var_os("POOL_TEST_SANITIZER").is_some() {
            eprintln!("skipped: a guard that is forgotten is a leak, as it should be");
            return;
        }
        scope.spawn(forget).join().unwrap();
    });
    assert_eq!(allowed(), cpu.to_string());
    before.tie_this_thread().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "asks the kernel")]
fn a_thread_is_on_its_node_before_it_begins() {
    if !kernel_tells() {
        return;
    }
    let before = CpuSet::of_this_thread().unwrap();
    for (node, cpus) in to_run_on() {
        // Threads of a thread that is tied to one processor are, too; but not these.
        CpuSet::of(&cpus[..1]).tie_this_thread().unwrap();
        let thread = spawn_on(node, || (node_by_kernel(), allowed())).unwrap();
        assert_eq!(thread.join().unwrap(), (node, list(&cpus)));
        assert_eq!(allowed(), cpus[0].to_string(), "the caller stays");
        before.tie_this_thread().unwrap();
        let thread = spawn_on(node, || std::panic::resume_unwind(Box::new(7_u8)));
        let panic = thread.unwrap().join().map(|(): ()| ()).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&7_u8));
    }
}

#[test]
fn where_threads_cannot_be_tied_an_error_says_so() {
    let error = spawn_on(54_321, || ()).unwrap_err();
    assert!(
        matches!(error, AffinityError::NoSuchNode { node: 54_321, .. }),
        "{error}"
    );
    if !cfg!(target_os = "linux") || cfg!(miri) {
        let error = run_on(0).unwrap_err();
        assert_eq!(error, AffinityError::Unsupported { node: 0 });
        assert_eq!(spawn_on(0, || ()).unwrap_err(), error);
        assert!(error.to_string().contains("Linux"), "{error}");
    }
}
