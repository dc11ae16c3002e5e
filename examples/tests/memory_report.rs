//! `memory_report`'s table, held against what the kernel's own files say.

#![cfg(not(miri))] // it runs the binary

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn memory_report(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_memory_report"));
    command.args(args).output().expect("the binary runs")
}

/// What it prints if all is well.
fn text(args: &[&str]) -> String {
    let output = memory_report(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stderr, "");
    String::from_utf8(output.stdout).expect("the report is UTF-8")
}

/// What was asked, and what the table says about it.
#[derive(Debug, Default)]
struct Pool {
    pages: String,
    required: bool,
    policy: String,
    lock: bool,
    parts: Vec<Part>,
    /// The last column of all lines, with single spaces.
    refused: String,
}

#[derive(Debug)]
struct Part {
    reserved: u64,
    /// KiB, pages, node.
    granted: Vec<(u64, String, Option<u32>)>,
    locked: u64,
}

impl Pool {
    fn kib(&self, wanted: impl Fn(&str) -> bool) -> u64 {
        let granted = self.parts.iter().flat_map(|part| &part.granted);
        let wanted = granted.filter(|(_, pages, _)| wanted(pages));
        wanted.map(|(kib, ..)| kib).sum()
    }
}

fn number(cell: &str) -> u64 {
    cell.replace(',', "").parse().expect("a number of KiB")
}

fn granted(cell: &str) -> (u64, String, Option<u32>) {
    let words: Vec<_> = cell.split(' ').collect();
    let node = match words[2..] {
        [] => None,
        ["on", node] => Some(node.parse().expect("a node")),
        _ => panic!("no memory: {cell}"),
    };
    (number(words[0]), words[1].to_owned(), node)
}

/// The table's pools. A line without an ask is the last one's next part; without a reservation it is
/// what did not fit the line above.
fn pools(text: &str) -> Vec<Pool> {
    let lines = text.lines().filter(|line| line.starts_with('|'));
    let mut pools: Vec<Pool> = Vec::new();
    for line in lines.skip(2) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        // Reasons have bars, too.
        let (asked, rest) = cells.split_at(4);
        let [reserved, there, locked] = rest[..3] else {
            panic!("no line of the table: {line}");
        };
        if !asked[0].is_empty() {
            pools.push(Pool {
                pages: asked[0].trim_end_matches(", locked").to_owned(),
                required: asked[1] == "yes",
                policy: asked[2].to_owned(),
                lock: asked[0].ends_with("locked"),
                ..Pool::default()
            });
        }
        let pool = pools.last_mut().expect("the first line is an ask");
        if !matches!(reserved, "" | "-") {
            pool.parts.push(Part {
                reserved: number(reserved),
                granted: Vec::new(),
                locked: number(locked),
            });
        }
        if !matches!(there, "" | "-") {
            let part = pool.parts.last_mut().expect("memory is of a part");
            part.granted.push(granted(there));
        }
        let reason = rest[3..].join(" | ");
        if reason != "-" {
            pool.refused += &(reason + " ");
        }
    }
    pools
}

fn pool<'a>(pools: &'a [Pool], pages: &str, required: bool) -> &'a Pool {
    let found = pools.iter().find(|pool| {
        pool.pages == pages && pool.required == required && pool.policy == "preferred" && !pool.lock
    });
    found.unwrap_or_else(|| panic!("no line for `{pages}`, required: {required}"))
}

/// What a file of the kernel's says, without the end of the line.
fn kernel(path: impl AsRef<Path>) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim_end().to_owned())
}

const NODES: &str = "/sys/devices/system/node";

/// The numbers of the nodes that the kernel has.
fn nodes() -> Option<Vec<u32>> {
    let folder = fs::read_dir(NODES).ok()?;
    let names = folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut nodes: Vec<_> = names
        .filter_map(|name| name.strip_prefix("node")?.parse().ok())
        .collect();
    nodes.sort_unstable();
    Some(nodes)
}

#[test]
fn the_topology_is_the_kernels() {
    let Some(nodes) = nodes() else {
        eprintln!("skipped: there is no {NODES} to compare with");
        return;
    };
    let text = text(&["--objects", "1000"]);
    let lines: Vec<_> = text.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 1 + nodes.len(), "{text}");
    for (node, line) in nodes.iter().zip(&lines[1..]) {
        let cpus = kernel(format!("{NODES}/node{node}/cpulist")).expect("each node has one");
        let cpus = if cpus.is_empty() { "none" } else { &cpus };
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words[..2], [&node.to_string(), cpus], "{text}");
    }
}

#[test]
fn every_size_and_policy_is_there_and_holds_its_objects() {
    const OBJECTS: u64 = 40_000;
    let net = OBJECTS * 64 / 1024;
    let text = text(&["--objects", &OBJECTS.to_string()]);
    let pools = pools(&text);
    let several = nodes().map_or(1, |nodes| nodes.len()) > 1;
    // Four sizes a policy; three that are required; one locked.
    assert_eq!(pools.len(), if several { 20 } else { 8 }, "{text}");
    for pool in &pools {
        if pool.parts.is_empty() {
            // Nothing was to be had, and all that is said is why.
            assert!(pool.required || pool.lock, "{pool:?}");
            assert!(pool.refused.len() > 100, "{pool:?}");
            continue;
        }
        let resident = pool.kib(|_| true);
        let reserved: u64 = pool.parts.iter().map(|part| part.reserved).sum();
        let known = cfg!(target_os = "linux");
        assert!((net..=reserved).contains(&resident) || !known, "{pool:?}");
        let locked: u64 = pool.parts.iter().map(|part| part.locked).sum();
        assert!(!pool.lock || !known || locked >= net, "{pool:?}");
        let Some(nodes) = nodes() else { continue };
        for (_, _, node) in pool.parts.iter().flat_map(|part| &part.granted) {
            assert!(nodes.contains(&node.expect("Linux says it")), "{pool:?}");
        }
    }
}

#[test]
fn huge_pages_are_granted_if_the_kernel_has_them_and_refused_if_not() {
    const POOL: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB";
    let free = || {
        kernel(format!("{POOL}/free_hugepages"))?
            .parse::<u64>()
            .ok()
    };
    let Some(before) = free() else {
        eprintln!("skipped: there is no {POOL} to compare with");
        return;
    };
    let text = text(&["--only-pages"]);
    let after = free().expect("it was there before");
    let pools = pools(&text);
    let (preferred, required) = (
        pool(&pools, "huge_2m", false),
        pool(&pools, "huge_2m", true),
    );
    let is_huge = |pages: &str| pages == "huge_2m";
    let all = |pool: &Pool| pool.kib(is_huge) >= 8192;
    // Others may take pages, or set some aside, meanwhile.
    match (before.min(after), before.max(after)) {
        (_, 0..4) => {
            assert!(required.parts.is_empty(), "{text}");
            let way_out = "it takes 4 free ones: set more aside";
            assert!(required.refused.contains(way_out), "{}", required.refused);
            assert!(!all(preferred), "{text}");
            assert!(preferred.refused.starts_with("mmap"), "{preferred:?}");
        }
        (64.., _) => assert!(all(preferred) && all(required), "{text}"),
        _ => eprintln!("skipped: there are {before} huge pages, and then {after}"),
    }
}

#[test]
fn transparent_pages_are_a_question_of_the_kernels_mode() {
    const MODE: &str = "/sys/kernel/mm/transparent_hugepage/enabled";
    let Some(mode) = kernel(MODE) else {
        eprintln!("skipped: there is no {MODE} to compare with");
        return;
    };
    let text = text(&["--only-pages"]);
    let pools = pools(&text);
    let (base, asked) = (
        pool(&pools, "base", false),
        pool(&pools, "transparent", false),
    );
    let transparent = |pool: &Pool| pool.kib(|pages| pages == "transparent");
    if mode.contains("[never]") {
        let granted: u64 = pools.iter().map(transparent).sum();
        assert_eq!(granted, 0, "{text}");
        assert!(asked.refused.contains("never"), "{text}");
    } else {
        // The kernel may have been short of them; then it is required ones that are refused.
        let required = pool(&pools, "transparent", true);
        assert!(
            required.parts.is_empty() || transparent(required) >= 8192,
            "{text}"
        );
    }
    if mode.contains("[madvise]") {
        assert_eq!(transparent(base), 0, "{text}");
    }
}

#[test]
fn only_pages_leaves_the_policies_out() {
    let pools = pools(&text(&["--only-pages", "--objects", "1"]));
    assert_eq!(pools.len(), 8);
    assert!(pools.iter().all(|pool| pool.policy == "preferred"));
}

#[test]
fn no_objects_are_refused_where_they_enter() {
    let output = memory_report(&["--objects", "0"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("--objects") && stderr.contains('0'),
        "{stderr}"
    );
}
