//! Memory on nodes, where there are several.

use super::kernel::{HugePool, MIB, Part};
use super::*;
use std::fs;

/// The nodes that have memory, or a word why there is nothing to see.
fn nodes() -> Vec<u32> {
    let text = fs::read_to_string("/sys/devices/system/node/has_memory").unwrap_or_default();
    let mut nodes = Vec::new();
    for range in text.trim().split(',').filter(|range| !range.is_empty()) {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        nodes.extend(from.parse::<u32>().unwrap()..=to.parse().unwrap());
    }
    if nodes.len() < 2 {
        eprintln!("skipped: this machine has one node");
        nodes.clear();
    }
    nodes
}

fn wish(node: u32, strict: bool, pages: PageSize) -> Wish {
    Wish {
        pages,
        required: 0,
        node: Some(node),
        strict,
    }
}

/// Pages of a part on each node, by `numa_maps`.
fn by_node(part: &Part) -> Vec<(u32, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    for line in part.numa_maps() {
        for word in line.split(' ') {
            let node = word.strip_prefix('N').and_then(|word| word.split_once('='));
            if let Some((node, count)) = node {
                *counts.entry(node.parse().unwrap()).or_insert(0) +=
                    count.parse::<usize>().unwrap();
            }
        }
    }
    counts.into_iter().collect()
}

/// Bytes of a part on a node.
fn on(part: &Part, node: u32) -> usize {
    let granted = part.survey().granted;
    let here = granted.iter().filter(|granted| granted.node == Some(node));
    here.map(|granted| granted.bytes).sum()
}

/// Bytes of memory that a node has free.
fn free(node: u32) -> usize {
    let path = format!("/sys/devices/system/node/node{node}/meminfo");
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find(|line| line.contains("MemFree")).unwrap();
    let kilobytes = line.split_ascii_whitespace().nth(3).unwrap();
    kilobytes.parse::<usize>().unwrap() * 1024
}

#[test]
fn bound_sources_keep_the_contract() {
    // It takes huge pages, if there are any: others count theirs meanwhile.
    let _pools = [2 * MIB, 512 * 2 * MIB].map(HugePool::alone);
    for pages in ALL_PAGES {
        // On any machine: what is not there is done without.
        keeps_its_contract(&*source(&Wish {
            pages,
            ..Wish::default()
        }));
        keeps_its_contract(&*source(&wish(0, false, pages)));
        keeps_its_contract(&*source(&wish(0, true, pages)));
        keeps_its_contract(&*source(&wish(77, false, pages)));
    }
}

#[test]
fn a_node_that_is_not_there_is_refused() {
    for node in [77, 5000] {
        let mut part = Part::new(&wish(node, false, PageSize::Base), MIB);
        part.grow(MIB).unwrap();
        let refused = part.survey().refused;
        assert_eq!(refused[0].call, "mbind(MPOL_PREFERRED)");
        let mut part = Part::new(&wish(node, true, PageSize::Base), MIB);
        let refused = part.grow(MIB).unwrap_err();
        assert_eq!(refused.call, "mbind(MPOL_PREFERRED)");
        assert!(refused.errno.is_some());
    }
}

#[test]
fn memory_is_on_the_node_that_was_asked_for() {
    for node in nodes() {
        for strict in [false, true] {
            let mut part = Part::new(&wish(node, strict, PageSize::Base), 4 * MIB);
            for to in [1, 300_000, 2 * MIB] {
                part.grow(to).unwrap();
            }
            let there = on(&part, node);
            let ahead = if strict { 256 << 10 } else { 0 };
            assert!(
                (2 * MIB..=2 * MIB + ahead).contains(&there),
                "{:?}",
                part.survey()
            );
            assert_eq!(part.on(PageSize::Base), there, "and nowhere else");
            assert_eq!(
                by_node(&part),
                [(node, there / 4096)],
                "{:#?}",
                part.numa_maps()
            );
            let policy = if strict { "bind" } else { "prefer" };
            let policy = format!(" {policy}:{node} ");
            let maps = part.numa_maps();
            assert!(maps.iter().any(|line| line.contains(&policy)), "{maps:?}");

            let gone = ByteRange::between(MIB, 2 * MIB);
            // SAFETY: ours, and not used.
            assert!(unsafe { part.source.purge(part.span(), gone) });
            assert_eq!(on(&part, node), there - MIB);
            // SAFETY: as before.
            let again = unsafe { part.source.commit(part.span(), gone, gone.end()) };
            assert_eq!(again, Ok(2 * MIB));
            let expected = if strict { there } else { there - MIB };
            assert_eq!(on(&part, node), expected, "strict memory is there at once");
        }
        let mut part = Part::new(&wish(node, true, PageSize::Transparent), 8 * MIB);
        part.grow(3 * MIB).unwrap();
        assert_eq!(on(&part, node), 4 * MIB, "{:?}", part.survey());
        if part.on(PageSize::Transparent) != 4 * MIB {
            eprintln!("no transparent huge pages at hand: {:?}", part.survey());
        }
    }
}

#[test]
fn huge_pages_of_a_node_run_out() {
    let nodes = nodes();
    let Some(&node) = nodes.last() else {
        return;
    };
    let each = 16;
    let Some(pool) = HugePool::with_free(2 * MIB, each * nodes.len()) else {
        return;
    };
    // More than the node has.
    let bytes = (each + 4) * 2 * MIB;
    let mut part = Part::new(&wish(node, false, PageSize::Huge2M), bytes);
    part.grow(bytes).unwrap();
    assert!(part.is_intact());
    assert_eq!(part.on(PageSize::Huge2M), bytes);
    assert_eq!(on(&part, node), each * 2 * MIB, "{:?}", part.survey());
    drop(part);
    assert_eq!((pool.free(), pool.promised()), (each * nodes.len(), 0));

    let mut part = Part::new(&wish(node, true, PageSize::Huge2M), bytes);
    part.grow(bytes).unwrap();
    assert!(part.is_intact());
    eprintln!("strict, {} pages of {each}: {:?}", each + 4, part.survey());
    assert_eq!(on(&part, node), bytes, "on this node, whatever the pages");
    assert!(part.on(PageSize::Huge2M) >= each * 2 * MIB);
    drop(part);
    assert_eq!(pool.promised(), 0);
    assert_eq!(pool.free(), pool.read("nr_hugepages"), "none is kept");
}

#[test]
fn a_full_node_is_an_error_and_not_the_end() {
    if std::env::var_os("POOL_TEST_GUEST").is_none() {
        eprintln!("skipped: filling a node is for a machine of its own");
        return;
    }
    let nodes = nodes();
    for pages in [PageSize::Base, PageSize::Transparent] {
        let Some(&node) = nodes.get(1) else {
            return;
        };
        let bytes = 1 << 30; // Twice what it has.
        let mut part = Part::new(&wish(node, true, pages), bytes);
        let mut to = 0;
        let refused = loop {
            to += MIB;
            assert!(to < bytes, "the node has less");
            if let Err(refused) = part.grow(to) {
                break refused;
            }
        };
        eprintln!("{pages}: refused behind {} MiB: {refused}", part.end / MIB);
        assert!(refused.errno.is_some());
        assert!(part.end > 256 * MIB, "the node has more");
        assert!(part.is_intact());
        let there = on(&part, node);
        let found = by_node(&part);
        assert!(
            found.iter().all(|&(here, _)| here == node),
            "{:?} {:#?}",
            part.survey(),
            part.numa_maps()
        );
        assert!(there >= part.end);
        // What was refused is not bound any more: to touch it would end some process.
        let maps = part.numa_maps();
        assert!(
            maps.iter().any(|line| line.contains(" prefer:")),
            "{maps:#?}"
        );
        // Again, and it is no worse.
        assert!(part.grow(to).is_err());
        // One that prefers the node goes on elsewhere.
        let mut other = Part::new(&wish(node, false, pages), 8 * MIB);
        other.grow(8 * MIB).unwrap();
        assert!(on(&other, node) < 8 * MIB, "{:?}", other.survey());
        drop((part, other));
        assert!(free(node) > 256 * MIB, "all was given back");
        let mut part = Part::new(&wish(node, true, pages), bytes);
        part.grow(64 * MIB).unwrap();
        assert_eq!(on(&part, node), 64 * MIB);

        // All at once.
        let mut part = Part::new(&wish(node, true, pages), bytes);
        assert!(part.grow(bytes - MIB).is_err());
        assert_eq!(part.survey().granted, [], "nothing is kept of what failed");
    }
}
