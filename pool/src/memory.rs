//! What a pool's memory was asked to be, and what the system says that it is.

#![forbid(unsafe_code)]

use crate::config::{NumaPolicy, PageSize};
use std::fmt;

/// A pool's memory, from [`Pool::memory`](crate::Pool::memory): asked and granted, region by region.
///
/// What was granted is read back from the system when it is asked for, and is not what a call said
/// when the memory was made. `Display` makes a table of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// One region for each node that the pool has memory on. Empty if the pool is not made yet.
    pub regions: Vec<Region>,
}

/// How far a [`Pool::prefault_with`](crate::Pool::prefault_with) has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes touched so far.
    pub done: usize,
    /// Bytes to be touched.
    pub total: usize,
}

/// The memory of a pool on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Region {
    /// The node that the memory was asked to be on; `None` on a machine with one node.
    pub node: Option<u32>,
    /// The policy that was asked for.
    pub policy: NumaPolicy,
    /// The pages that were asked for.
    pub pages: PageSize,
    /// Whether smaller pages are an error.
    pub pages_required: bool,
    /// Bytes of address space.
    pub bytes_reserved: usize,
    /// The memory that is there, by page size and node. What is not listed is not touched yet.
    pub granted: Vec<Granted>,
    /// Bytes that are locked in memory. Pages of a hugetlb pool (2 MiB, 1 GiB) always are: they are
    /// never swapped out.
    pub bytes_locked: usize,
    /// What the system refused and the pool does without: the call, and the reason.
    pub refused: Vec<String>,
}

/// Memory that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Granted {
    /// The pages that it is made of.
    pub pages: PageSize,
    /// The node that it is on; `None` if the system does not say.
    pub node: Option<u32>,
    /// Bytes of it that are resident.
    pub bytes: usize,
}

impl Memory {
    /// Bytes that are there.
    pub fn bytes_resident(&self) -> usize {
        self.regions.iter().map(Region::bytes_resident).sum()
    }

    /// Whether all that is there is as it was asked for: see [`Region::is_as_asked`].
    ///
    /// ```
    /// use pool::{PageSize, Pool, PoolConfig};
    ///
    /// let config = PoolConfig::new().capacity(1 << 10).pages(PageSize::Transparent).prefault(true);
    /// let pool = Pool::<[u64; 8]>::with_config(config)?;
    /// let memory = pool.memory();
    /// if !memory.is_as_asked() {
    ///     eprintln!("not all of the memory is as it should be:\n{memory}");
    /// }
    /// # Ok::<(), pool::InitError>(())
    /// ```
    pub fn is_as_asked(&self) -> bool {
        self.regions.iter().all(Region::is_as_asked)
    }
}

impl Region {
    /// Bytes that are there.
    pub fn bytes_resident(&self) -> usize {
        self.granted.iter().map(|granted| granted.bytes).sum()
    }

    /// Whether all that is there is on the pages that were asked for, or larger ones, and on the node,
    /// as far as the system says; and nothing was refused.
    pub fn is_as_asked(&self) -> bool {
        let on_node = |granted: &Granted| match (self.node, granted.node) {
            (Some(asked), Some(node)) => asked == node,
            _ => true,
        };
        let granted = |granted: &Granted| granted.pages >= self.pages && on_node(granted);
        self.refused.is_empty() && self.granted.iter().all(granted)
    }
}

/// The columns of the table: what stands above each.
const HEADS: [&str; 7] = [
    "node",
    "policy",
    "asked for",
    "reserved",
    "granted",
    "on node",
    "locked",
];

type Row = [String; HEADS.len()];

/// The lines of rows under their heads, names to the left and numbers to the right.
fn table(rows: &[Row]) -> Vec<String> {
    let heads: Row = HEADS.map(str::to_owned);
    let width = |column: usize| {
        let rows = [&heads].into_iter().chain(rows);
        rows.map(|row| row[column].len()).max().unwrap_or(0)
    };
    let widths: [usize; HEADS.len()] = std::array::from_fn(width);
    let line = |row: &Row| {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let cell = match column {
                3 | 4 | 6 => format!("{cell:>width$}  "),
                _ => format!("{cell:<width$}  "),
            };
            line.push_str(&cell);
        }
        line.trim_end().to_owned()
    };
    [&heads].into_iter().chain(rows).map(line).collect()
}

/// A size for people, exact if it is whole.
fn size(bytes: usize) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let mut unit = 0;
    let mut scale = 1_usize;
    while unit + 1 < UNITS.len() && bytes / scale >= 1024 {
        unit += 1;
        scale *= 1024;
    }
    if bytes.is_multiple_of(scale) {
        return format!("{} {}", bytes / scale, UNITS[unit]);
    }
    format!("{:.1} {}", bytes as f64 / scale as f64, UNITS[unit])
}

fn node(node: Option<u32>) -> String {
    node.map_or_else(|| "-".to_owned(), |node| node.to_string())
}

impl Region {
    /// A row for each kind of memory that is there, at least one.
    fn rows(&self) -> Vec<Row> {
        let granted: Vec<_> = if self.granted.is_empty() {
            vec![("nothing yet".to_owned(), String::new())]
        } else {
            let kind = |granted: &Granted| {
                let what = format!("{} {}", size(granted.bytes), granted.pages);
                (what, node(granted.node))
            };
            self.granted.iter().map(kind).collect()
        };
        let required = if self.pages_required {
            ", required"
        } else {
            ""
        };
        let mut rows = Vec::new();
        for (index, (what, on)) in granted.into_iter().enumerate() {
            rows.push(if index == 0 {
                [
                    node(self.node),
                    self.policy.to_string(),
                    format!("{}{required}", self.pages),
                    size(self.bytes_reserved),
                    what,
                    on,
                    size(self.bytes_locked),
                ]
            } else {
                let none = String::new;
                [none(), none(), none(), none(), what, on, none()]
            });
        }
        rows
    }

    /// A line for each thing that the system refused.
    fn refusals(&self) -> impl Iterator<Item = String> {
        self.refused.iter().map(|refused| match self.node {
            Some(node) => format!("node {node} does without: {refused}"),
            None => format!("does without: {refused}"),
        })
    }
}

/// The table of some regions, and a line for each refusal. No line end at its end.
fn write(regions: &[Region], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let rows: Vec<_> = regions.iter().flat_map(Region::rows).collect();
    let lines = table(&rows).into_iter();
    let refusals = regions.iter().flat_map(Region::refusals);
    let lines: Vec<_> = lines.chain(refusals).collect();
    f.write_str(&lines.join("\n"))
}

/// A table with a row for each kind of memory that is there, and a line for each refusal.
impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.regions {
            [] => f.write_str("no memory: the pool is not made yet"),
            regions => write(regions, f),
        }
    }
}

/// The table of [`Memory`], of this region alone.
impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(std::slice::from_ref(self), f)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_was_asked_and_what_was_granted() {
        let granted = |pages, node, bytes| Granted { pages, node, bytes };
        let region = Region {
            node: Some(1),
            policy: NumaPolicy::Preferred,
            pages: PageSize::Huge2M,
            pages_required: true,
            bytes_reserved: (64 << 20) + 1,
            granted: vec![
                granted(PageSize::Huge2M, Some(1), 6 << 20),
                granted(PageSize::Base, None, 4096 * 3),
            ],
            bytes_locked: 512,
            refused: vec!["mlock: no".to_owned()],
        };
        let untouched = Region {
            node: None,
            pages: PageSize::Base,
            pages_required: false,
            granted: Vec::new(),
            refused: Vec::new(),
            ..region.clone()
        };
        let memory = Memory {
            regions: vec![region, untouched],
        };
        let text = memory.to_string();
        let expected = [
            "node  policy     asked for          reserved        granted  on node  locked",
            "1     preferred  huge_2m, required  64.0 MiB  6 MiB huge_2m  1         512 B",
            "                                                12 KiB base  -",
            "-     preferred  base               64.0 MiB    nothing yet            512 B",
            "node 1 does without: mlock: no",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected, "{text}");
        let alone = memory.regions[1].to_string();
        assert_eq!(alone.lines().count(), 2, "{alone}");
    }

    #[test]
    fn sizes_are_exact_where_they_are_whole() {
        let texts = [0, 1023, 1024, 1536, 1 << 20, 5 << 30, 4 << 40].map(size);
        assert_eq!(
            texts,
            [
                "0 B", "1023 B", "1 KiB", "1.5 KiB", "1 MiB", "5 GiB", "4096 GiB"
            ]
        );
    }
}
