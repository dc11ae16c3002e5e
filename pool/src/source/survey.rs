//! What the system says about a range of addresses.
//!
//! Three answers are put together. `/proc/self/smaps` knows of each mapping whether its pages are of a
//! hugetlb pool, whether it is locked, and how much of it is on transparent huge pages. `move_pages`
//! knows the node of a page. `PAGEMAP_SCAN` knows which pages are there, and which are huge; on kernels
//! before 6.7 the other two, and `mincore`, have to do. A mapping may reach beyond the range, since the
//! kernel joins adjacent ones; so a mapping's sums are taken as no more than what single pages bear out.

#![forbid(unsafe_code)]

use super::smaps::{self, Mapping};
use super::tally::Tally;
use super::{Refused, Survey, bytes_of};
use crate::config::PageSize;
use crate::sys;

/// Bytes that are asked about at a time.
const WINDOW: usize = 64 << 20;

/// Describes a range of whole pages.
///
/// Takes time in proportion to what is there; before Linux 6.7, to the whole range.
pub(super) fn survey(start: *mut u8, bytes: usize) -> Survey {
    let mut survey = Survey::default();
    let base = sys::page_size();
    let range = start.addr()..start.addr() + bytes;
    let mappings = match sys::smaps() {
        Ok(text) => smaps::parse(&text),
        Err(errno) => {
            if !sys::not_supported(errno) {
                survey.refused.push(Refused {
                    call: "reading /proc/self/smaps",
                    errno: Some(errno),
                });
            }
            // All that can be said is what is there.
            vec![Mapping {
                range: range.clone(),
                page: base,
                ..Mapping::default()
            }]
        }
    };
    let mut tally = Tally::default();
    for mapping in &mappings {
        let from = mapping.range.start.max(range.start);
        let to = mapping.range.end.min(range.end);
        if from >= to {
            continue;
        }
        let first = start.wrapping_add(from - range.start);
        let there = if mapping.page > base {
            hugetlb(&mut tally, first, to - from, mapping.page)
        } else {
            ordinary(&mut tally, first, to - from, mapping.transparent)
        };
        // The pages of a hugetlb pool are never swapped out, and the kernel marks none as locked.
        if mapping.locked || mapping.page > base {
            survey.locked += there;
        }
    }
    survey.granted = tally.finish();
    survey
}

/// Adds memory of a hugetlb pool; returns how much there is.
fn hugetlb(tally: &mut Tally, first: *mut u8, bytes: usize, page: usize) -> usize {
    let pages = if page >= bytes_of(PageSize::Huge1G) {
        PageSize::Huge1G
    } else {
        PageSize::Huge2M
    };
    let pieces = pieces(first, bytes, page);
    let nodes = nodes(&pieces);
    let mut there = 0;
    for (&(address, len), node) in pieces.iter().zip(nodes) {
        // One base page tells for all of them.
        if sys::in_core(address, 1).is_ok_and(|found| found[0]) {
            tally.add(pages, node, len);
            there += len;
        }
    }
    there
}

/// Adds memory on base and transparent huge pages; returns how much there is.
fn ordinary(tally: &mut Tally, first: *mut u8, bytes: usize, transparent: usize) -> usize {
    match sys::resident_runs(first, bytes) {
        Ok(runs) => by_runs(tally, first, &runs),
        Err(_) => by_pages(tally, first, bytes, transparent),
    }
}

/// Adds runs of pages that are there, of which the kernel said which are huge.
fn by_runs(tally: &mut Tally, first: *mut u8, runs: &[sys::Run]) -> usize {
    for run in runs {
        let pages = if run.huge {
            PageSize::Transparent
        } else {
            PageSize::Base
        };
        for from in run.range.clone().step_by(WINDOW) {
            let bytes = WINDOW.min(run.range.end - from);
            let pieces = pieces(first.wrapping_add(from), bytes, bytes_of(pages));
            for (&(_, len), node) in pieces.iter().zip(nodes(&pieces)) {
                tally.add(pages, node, len);
            }
        }
    }
    runs.iter().map(|run| run.range.len()).sum()
}

/// Asks about each page whether it is there; so many bytes are on transparent huge pages.
pub(super) fn by_pages(
    tally: &mut Tally,
    first: *mut u8,
    bytes: usize,
    transparent: usize,
) -> usize {
    let base = bytes_of(PageSize::Base);
    let huge = bytes_of(PageSize::Transparent);
    let mut joined = transparent;
    let mut there = 0;
    let mut from = 0;
    while from < bytes {
        // Windows end at huge pages.
        let address = first.wrapping_add(from);
        let to = bytes.min((address.addr() / WINDOW + 1) * WINDOW - first.addr());
        let pieces = pieces(address, to - from, base);
        let addresses: Vec<_> = pieces.iter().map(|&(address, _)| address).collect();
        let found: Vec<Option<Option<u32>>> = match sys::nodes(&addresses) {
            Ok(nodes) => nodes.into_iter().map(|node| node.map(Some)).collect(),
            Err(_) => sys::in_core(address, pieces.len())
                .unwrap_or_default()
                .into_iter()
                .map(|there| there.then_some(None))
                .collect(),
        };
        there += found.iter().flatten().count() * base;
        joined = tally.add_base(address.addr(), base, &found, huge, joined);
        from = to;
    }
    there
}

/// The pages of so many bytes that a range of memory is on: where each starts or the range does, and
/// how much of it is in the range.
fn pieces(first: *mut u8, bytes: usize, page: usize) -> Vec<(*mut u8, usize)> {
    let mut pieces = Vec::with_capacity(bytes / page + 2);
    let mut offset = 0;
    while offset < bytes {
        let within = (first.addr() + offset) % page;
        let len = (page - within).min(bytes - offset);
        pieces.push((first.wrapping_add(offset), len));
        offset += len;
    }
    pieces
}

/// The node of each piece, as far as the system says.
fn nodes(pieces: &[(*mut u8, usize)]) -> Vec<Option<u32>> {
    let addresses: Vec<_> = pieces.iter().map(|&(address, _)| address).collect();
    sys::nodes(&addresses).unwrap_or_else(|_| vec![None; pieces.len()])
}
