//! What `memory_report` says of its pools, held against what the process has grown by. One test, in a
//! process of its own: nothing else may come and go meanwhile.

#![cfg(not(miri))] // it asks the kernel

use examples::memory::{Ask, held};
use pool::numa::Topology;
use pool::{PageSize, ScopedBox};
use std::fs;

const OBJECTS: usize = 1 << 18; // 16 MiB
/// Bytes that a pool's bookkeeping, the threads' stacks and the allocator may take.
const SLACK: usize = 1 << 20;

/// Bytes of this process, as the kernel adds them up for all of it.
#[derive(Debug, Clone, Copy)]
struct Process {
    /// Those on pages that were set aside are not in it.
    resident: usize,
    transparent: usize,
    set_aside: usize,
    locked: usize,
}

impl Process {
    fn now() -> Option<Self> {
        let rollup = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
        let bytes = |name: &str| {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: usize = line.trim_end_matches("kB").trim().parse().ok()?;
            Some(kib * 1024)
        };
        Some(Self {
            resident: bytes("Rss:")?,
            transparent: bytes("AnonHugePages:")?,
            set_aside: bytes("Private_Hugetlb:")? + bytes("Shared_Hugetlb:")?,
            locked: bytes("Locked:")?,
        })
    }
}

/// Huge pages that are set aside for the test, and given back after it.
struct SetAside(usize);

impl SetAside {
    const FILE: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";

    fn count() -> Option<usize> {
        fs::read_to_string(Self::FILE).ok()?.trim().parse().ok()
    }

    fn new(wanted: usize) -> Option<Self> {
        let before = Self::count()?;
        fs::write(Self::FILE, (before + wanted).to_string()).ok()?;
        // The kernel sets aside what it can.
        let added = Self::count()?.saturating_sub(before).min(wanted);
        Some(Self(added))
    }
}

impl Drop for SetAside {
    fn drop(&mut self) {
        // What others have set aside meanwhile stays.
        if let Some(count) = Self::count().filter(|_| self.0 > 0) {
            let _ = fs::write(Self::FILE, count.saturating_sub(self.0).to_string());
        }
    }
}

#[test]
fn the_process_has_grown_by_what_was_granted() {
    if Process::now().is_none() {
        eprintln!("skipped: there is no /proc/self/smaps_rollup to compare with");
        return;
    }
    let machine = Topology::this_machine();
    let set_aside = SetAside::new(OBJECTS * 64 / (2 << 20) + machine.nodes().len());
    if set_aside.is_none() {
        eprintln!("skipped in part: no huge pages can be set aside (that takes root)");
    }
    let always = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    let always = always.is_ok_and(|mode| mode.contains("[always]"));
    let places = held::places(machine, &mut Vec::new());
    let mut pages_seen = Vec::new();
    for ask in Ask::all(machine, false) {
        let before = Process::now().expect("it was there");
        let held = match ask.hold(OBJECTS, &places) {
            Ok(held) => held,
            Err(error) => {
                eprintln!("skipped in part: {error}");
                continue;
            }
        };
        let after = Process::now().expect("it was there");
        let answer = held.answer();
        let grown = |of: fn(&Process) -> usize| of(&after).saturating_sub(of(&before));
        let is_set_aside = |pages: PageSize| pages.bytes().is_some();

        let set_aside = answer.bytes(is_set_aside);
        assert_eq!(grown(|process| process.set_aside), set_aside, "{ask:?}");
        let transparent = answer.bytes(|pages| pages == PageSize::Transparent);
        let grown_transparent = grown(|process| process.transparent);
        if !always {
            assert_eq!(grown_transparent, transparent, "{ask:?}");
        }
        // Pages that were set aside are locked to the pool, and not in the kernel's count.
        let locked = grown(|process| process.locked) + set_aside;
        assert_eq!(locked, answer.locked(), "{ask:?}");

        // The handles are in memory that the allocator may have had from the last pool's.
        let handles = OBJECTS * size_of::<ScopedBox<'_, u64>>();
        let ordinary = answer.bytes(|pages| !is_set_aside(pages));
        let resident = grown(|process| process.resident);
        assert!(
            (ordinary.saturating_sub(SLACK)..ordinary + handles + SLACK).contains(&resident),
            "{ask:?}: grown by {resident} bytes, of which the pool's are {ordinary}"
        );
        assert!(answer.bytes(|_| true) >= OBJECTS * 64, "{ask:?}");
        pages_seen.extend(answer.pieces().map(|piece| piece.pages));
    }
    assert!(pages_seen.contains(&PageSize::Base));
    for pages in [PageSize::Transparent, PageSize::Huge2M, PageSize::Huge1G] {
        if !pages_seen.contains(&pages) {
            eprintln!("skipped in part: there were no `{pages}` pages");
        }
    }
}
