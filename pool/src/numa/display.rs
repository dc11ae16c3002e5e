//! How a topology is printed.

#![forbid(unsafe_code)]

use super::Topology;
use std::fmt;

/// Ascending numbers, as the system writes them: `0-3,8`.
pub(super) struct Ranges<'a>(pub(super) &'a [u32]);

impl fmt::Display for Ranges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let runs = self.0.chunk_by(|a, b| a.checked_add(1) == Some(*b));
        for (index, run) in runs.enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match run {
                [start, .., end] => write!(f, "{comma}{start}-{end}")?,
                _ => write!(f, "{comma}{}", run[0])?,
            }
        }
        Ok(())
    }
}

/// Bytes, in the largest unit that leaves a whole part.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const KIB: u64 = 1 << 10;
        const MIB: u64 = 1 << 20;
        const GIB: u64 = 1 << 30;
        match self.0 {
            0 => f.write_str("none"),
            u64::MAX => f.write_str("unknown"),
            bytes if bytes >= GIB => write!(f, "{:.1} GiB", bytes as f64 / GIB as f64),
            bytes if bytes >= MIB => write!(f, "{} MiB", bytes / MIB),
            bytes if bytes >= KIB => write!(f, "{} KiB", bytes / KIB),
            bytes => write!(f, "{bytes} B"),
        }
    }
}

/// A table: a line a node with its processors, its memory, and how far each node's memory is from
/// its processors.
///
/// ```
/// # use pool::numa::Topology;
/// let topology = Topology::builder().node(0, 0..4, 8 << 30).node(2, [], 512 << 20).build()?;
/// let table = "\
/// node  cpus  memory   to 0  to 2
///    0  0-3   8.0 GiB    10    20
///    2  none  512 MiB    20    10";
/// assert_eq!(topology.to_string(), table);
/// # Ok::<(), pool::numa::TopologyError>(())
/// ```
impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = self.nodes();
        let mut columns = vec![
            column("node", nodes.iter().map(|node| node.id.to_string())),
            column(
                "cpus",
                nodes.iter().map(|node| Ranges(&node.cpus).to_string()),
            ),
            column(
                "memory",
                nodes.iter().map(|node| Bytes(node.memory).to_string()),
            ),
        ];
        columns.extend(nodes.iter().enumerate().map(|(to, node)| {
            let distances = (0..nodes.len()).map(|from| self.distance_at(from, to).to_string());
            column(&format!("to {}", node.id), distances)
        }));
        for line in 0..=nodes.len() {
            f.write_str(if line == 0 { "" } else { "\n" })?;
            for (index, (width, cells)) in columns.iter().enumerate() {
                match index {
                    0 => write!(f, "{:>width$}", cells[line]),
                    1 | 2 => write!(f, "  {:width$}", cells[line]),
                    _ => write!(f, "  {:>width$}", cells[line]),
                }?;
            }
        }
        Ok(())
    }
}

/// A column of a table: its width, its heading and what stands below.
fn column(heading: &str, cells: impl Iterator<Item = String>) -> (usize, Vec<String>) {
    let cells = std::iter::once(heading.to_owned())
        .chain(cells)
        .collect::<Vec<_>>();
    (cells.iter().map(String::len).max().unwrap_or(0), cells)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_as_the_system_writes_them() {
        let text = |numbers: &[u32]| Ranges(numbers).to_string();
        assert_eq!(text(&[]), "none");
        assert_eq!(text(&[7]), "7");
        assert_eq!(text(&[0, 1, 2, 3, 8, 10, 11]), "0-3,8,10-11");
        assert_eq!(
            text(&[0, u32::MAX - 1, u32::MAX]),
            "0,4294967294-4294967295"
        );
    }

    #[test]
    fn bytes_have_a_unit() {
        let text = |bytes| Bytes(bytes).to_string();
        assert_eq!(text(0), "none");
        assert_eq!(text(u64::MAX), "unknown");
        assert_eq!(text(1023), "1023 B");
        assert_eq!(text(2048), "2 KiB");
        assert_eq!(text(512 << 20), "512 MiB");
        assert_eq!(text(7_956_692 << 10), "7.6 GiB");
    }

    #[test]
    fn columns_line_up_whatever_is_in_them() {
        let topology = Topology::builder()
            .node(0, (0..16).step_by(2), 1 << 40)
            .node(1000, [1, 3], 0)
            .distance(0, 1000, 12_345)
            .build()
            .unwrap();
        let table = topology.to_string();
        let lines = table.lines().collect::<Vec<_>>();
        assert_eq!(lines.len(), 3, "{table}");
        let column = |text| lines[0].find(text).unwrap();
        assert!(lines[1][column("cpus")..].starts_with("0,2,4,6,8,10,12,14  1024.0 GiB"));
        assert!(lines[2][column("cpus")..].starts_with("1,3 "));
        assert!(lines[2][column("memory")..].starts_with("none"));
        assert!(
            lines.iter().all(|line| line.len() == lines[0].len()),
            "{table}"
        );
    }
}
