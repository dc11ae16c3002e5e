//! What Linux says about its nodes, in text.
//!
//! The parsers take any bytes, in time and memory in proportion to them, and say of what cannot be
//! which file says it.

#![forbid(unsafe_code)]

use super::topology::{MAX_ID, MAX_NODES};
use super::{Node, Topology, TopologyError};
use crate::sys;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The longest file that is read: far more than the kernel writes about a thousand nodes.
const MAX_FILE: u64 = 1 << 20;

/// This machine's nodes, as far as this process may use them; `None` on other systems, and where
/// something is missing or makes no sense.
pub(super) fn this_machine() -> Option<Topology> {
    let folder = Path::new(sys::FILES?.nodes);
    let read = |name: &str| file(&folder.join(name));
    read_nodes(folder, read, usable_memory().as_deref(), true).ok()
}

/// The nodes whose memory this process may use; `None` if nobody says.
pub(super) fn usable_memory() -> Option<Vec<u32>> {
    mems_allowed(&file(Path::new(sys::FILES?.status)).ok()?)
}

/// A copy of a machine's `/sys/devices/system/node`.
pub(super) fn from_folder(folder: &Path) -> Result<Topology, TopologyError> {
    read_nodes(folder, |name| file(&folder.join(name)), None, false)
}

/// A topology from texts by the names of their files, and this process's `status`: for fuzzing.
#[doc(hidden)]
pub fn topology_from_texts(
    text: impl Fn(&str) -> Option<Vec<u8>>,
    status: Option<&[u8]>,
) -> Result<Topology, TopologyError> {
    let read = |name: &str| text(name).ok_or_else(|| io::ErrorKind::NotFound.into());
    let allowed = status.and_then(mems_allowed);
    read_nodes(Path::new(""), read, allowed.as_deref(), false)
}

/// The processors that are online.
pub(super) fn online_cpus() -> Vec<u32> {
    let text = sys::FILES.and_then(|files| file(Path::new(files.cpus)).ok());
    let listed = text.and_then(|text| id_list(&text)).unwrap_or_default();
    if !listed.is_empty() {
        return listed;
    }
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    (0..=MAX_ID).take(count).collect()
}

/// The machine's bytes of memory; [`u64::MAX`] if they are not known.
pub(super) fn memory() -> u64 {
    let text = sys::FILES.and_then(|files| file(Path::new(files.meminfo)).ok());
    text.and_then(|text| mem_total(&text)).unwrap_or(u64::MAX)
}

fn file(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let length = File::open(path)?
        .take(MAX_FILE + 1)
        .read_to_end(&mut text)?;
    if length as u64 > MAX_FILE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}

/// The nodes that `read` gives the files of, by their names in `folder`. `allowed`: the nodes whose
/// memory may be used, if not all.
fn read_nodes(
    folder: &Path,
    read: impl Fn(&str) -> io::Result<Vec<u8>>,
    allowed: Option<&[u32]>,
    this_system: bool,
) -> Result<Topology, TopologyError> {
    let text = |name: &str| {
        read(name).map_err(|error| TopologyError::Unreadable {
            path: folder.join(name),
            kind: error.kind(),
        })
    };
    let malformed = |name: &str, text: &[u8], wanted| TopologyError::Malformed {
        path: folder.join(name),
        text: excerpt(text),
        wanted,
    };
    let ids = |name: &str| {
        let text = text(name)?;
        let wanted = "ascending numbers up to 65535 and ranges of them, with commas between";
        id_list(&text).ok_or_else(|| malformed(name, &text, wanted))
    };

    let online = ids("online")?;
    if online.len() > MAX_NODES {
        return Err(TopologyError::TooManyNodes {
            count: online.len(),
            max: MAX_NODES,
        });
    }
    let with_memory = ids("has_memory")?;
    let mut nodes = Vec::new();
    let mut rows = Vec::new();
    for &id in &online {
        let cpus = ids(&format!("node{id}/cpulist"))?;
        let usable = allowed.is_none_or(|allowed| allowed.binary_search(&id).is_ok());
        let memory = if usable && with_memory.binary_search(&id).is_ok() {
            let name = format!("node{id}/meminfo");
            let text = text(&name)?;
            let wanted = "a line with `MemTotal:`, a number, and `kB`";
            mem_total(&text).ok_or_else(|| malformed(&name, &text, wanted))?
        } else {
            0
        };
        let name = format!("node{id}/distance");
        let text = text(&name)?;
        let wanted = "a number for each node that is online";
        let row = distances(&text).filter(|row| row.len() == online.len());
        rows.push(row.ok_or_else(|| malformed(&name, &text, wanted))?);
        if !cpus.is_empty() || memory != 0 {
            nodes.push(Node::new(id, cpus, memory));
        }
    }
    let position = |id| online.binary_search(&id).ok();
    let distance = |from, to| Some(rows[position(from)?][position(to)?]);
    Topology::assemble(nodes, distance, this_system)
}

/// A list of numbers as the kernel writes sets: `0-3,8`. It may be empty.
pub(super) fn id_list(text: &[u8]) -> Option<Vec<u32>> {
    let text = str::from_utf8(text).ok()?.trim();
    let mut ids = Vec::new();
    if text.is_empty() {
        return Some(ids);
    }
    for range in text.split(',') {
        let (start, end) = match range.split_once('-') {
            Some((start, end)) => (number(start)?, number(end)?),
            None => (number(range)?, number(range)?),
        };
        // What ascends is no longer than the largest number.
        let ascends = ids.last().is_none_or(|&last| last < start);
        if !ascends || start > end || end > MAX_ID {
            return None;
        }
        ids.extend(start..=end);
    }
    Some(ids)
}

/// A row of distances: `10 20 20 30`.
fn distances(text: &[u8]) -> Option<Vec<u32>> {
    let text = str::from_utf8(text).ok()?;
    text.split_ascii_whitespace().map(number).collect()
}

/// The bytes of a line `MemTotal: 1234 kB`, behind whatever.
fn mem_total(text: &[u8]) -> Option<u64> {
    let text = str::from_utf8(text).ok()?;
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        words.by_ref().find(|&word| word == "MemTotal:")?;
        let kib = digits(words.next()?)?.parse::<u64>().ok()?;
        (words.next() == Some("kB")).then(|| kib.checked_mul(1024))?
    })
}

/// The nodes of the line `Mems_allowed_list:`, if it is there and a list.
fn mems_allowed(status: &[u8]) -> Option<Vec<u32>> {
    let mut lines = status.split(|&byte| byte == b'\n');
    id_list(lines.find_map(|line| line.strip_prefix(b"Mems_allowed_list:"))?)
}

fn number(text: &str) -> Option<u32> {
    digits(text)?.parse().ok()
}

/// Digits alone: no sign, which `parse` would take.
fn digits(text: &str) -> Option<&str> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(text)
}

/// The beginning of a text, for an error.
fn excerpt(text: &[u8]) -> String {
    const LENGTH: usize = 60;
    let text = String::from_utf8_lossy(&text[..text.len().min(4 * LENGTH)]);
    let text = text.trim();
    let cut = text.char_indices().nth(LENGTH).map(|(at, _)| &text[..at]);
    cut.map_or_else(|| text.to_owned(), |cut| format!("{cut}..."))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    const CASES: u32 = if cfg!(miri) { 8 } else { 512 };

    /// A set of numbers, as the kernel's documentation has it: consecutive ones as ranges.
    fn as_list(ids: &[u32]) -> String {
        let mut text = String::new();
        let mut ids = ids.iter().copied().peekable();
        while let Some(start) = ids.next() {
            let mut end = start;
            while ids.next_if_eq(&(end + 1)).is_some() {
                end += 1;
            }
            let range = if start == end {
                start.to_string()
            } else {
                format!("{start}-{end}")
            };
            text = if text.is_empty() {
                range
            } else {
                format!("{text},{range}")
            };
        }
        text + "\n"
    }

    #[test]
    fn lists_are_ascending_numbers_and_ranges() {
        assert_eq!(id_list(b"0-3,8,10-11\n"), Some(vec![0, 1, 2, 3, 8, 10, 11]));
        assert_eq!(id_list(b"\n"), Some(vec![]));
        assert_eq!(id_list(b""), Some(vec![]));
        assert_eq!(id_list(b"65535"), Some(vec![65_535]));
        let wrong: [&[u8]; 12] = [
            b"65536",
            b"0-4294967295",
            b"99999999999999999999",
            b"3-1",
            b"1,1",
            b"0-3,2",
            b"1,",
            b"-1",
            b"+1",
            b"0-",
            b"0x1",
            b"\xff",
        ];
        for text in wrong {
            assert_eq!(id_list(text), None, "{:?}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn memory_is_the_line_that_says_so() {
        let text = b"Node 0 MemFree:   5 kB\nNode 0 MemTotal:        7956692 kB\n";
        assert_eq!(mem_total(text), Some(7_956_692 * 1024));
        assert_eq!(mem_total(b"MemTotal: 8 kB"), Some(8192));
        for wrong in [
            "",
            "MemTotal:",
            "MemTotal: 8",
            "MemTotal: 8 MB",
            "MemTotal: -8 kB",
        ] {
            assert_eq!(mem_total(wrong.as_bytes()), None, "{wrong:?}");
        }
        let too_much = format!("MemTotal: {} kB", u64::MAX);
        assert_eq!(mem_total(too_much.as_bytes()), None);
    }

    #[test]
    fn the_status_may_say_which_memory_is_allowed() {
        let status = b"Name:\tx\nMems_allowed:\tf\nMems_allowed_list:\t0,2-3\nx:\t1\n";
        assert_eq!(mems_allowed(status), Some(vec![0, 2, 3]));
        assert_eq!(mems_allowed(b"Name:\tMems_allowed_list:\t0\n"), None);
        assert_eq!(mems_allowed(b"Mems_allowed_list:\tall\n"), None);
    }

    #[test]
    fn excerpts_are_short_and_cut_between_characters() {
        assert_eq!(excerpt(b" 1,1\n"), "1,1");
        assert_eq!(
            excerpt("\u{e9}".repeat(500).as_bytes()),
            "\u{e9}".repeat(60) + "..."
        );
        assert!(excerpt(&[0xff; 500]).chars().count() < 70);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) })]

        #[test]
        fn any_set_is_read_as_it_was_written(ids in btree_set(prop_oneof![0_u32..40, 0..=MAX_ID], 0..40)) {
            let ids = ids.into_iter().collect::<Vec<_>>();
            prop_assert_eq!(id_list(as_list(&ids).as_bytes()), Some(ids));
        }

        #[test]
        fn any_text_is_a_set_or_none(text in "[0-9,\\- \n]{0,30}|[0-9]{1,3}-[0-9]{1,6}(,[0-9]{1,5}){0,4}") {
            if let Some(ids) = id_list(text.as_bytes()) {
                prop_assert!(ids.is_sorted_by(|a, b| a < b));
                prop_assert_eq!(id_list(as_list(&ids).as_bytes()), Some(ids));
            }
        }

        #[test]
        fn any_bytes_are_read_to_the_end(bytes in vec(any::<u8>(), 0..200)) {
            let _ = (id_list(&bytes), distances(&bytes), mem_total(&bytes), mems_allowed(&bytes));
            let error = topology_from_texts(|_| Some(bytes.clone()), Some(&bytes));
            if let Err(TopologyError::Malformed { text, .. }) = error {
                prop_assert!(text.chars().count() < 70);
            }
        }

        #[test]
        fn rows_are_numbers(row in vec(any::<u32>(), 0..20)) {
            let text = row.iter().map(u32::to_string).collect::<Vec<_>>().join(" ") + "\n";
            prop_assert_eq!(distances(text.as_bytes()), Some(row));
        }
    }
}
