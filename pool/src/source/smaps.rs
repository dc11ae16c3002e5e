//! Reads `/proc/self/smaps`, the kernel's description of a process's mappings.

#![forbid(unsafe_code)]

use std::ops::Range;

/// One mapping, as far as it matters here. Sizes are bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mapping {
    /// The addresses.
    pub(super) range: Range<usize>,
    /// Bytes of a page: more than the system's for mappings of a hugetlb pool.
    pub(super) page: usize,
    /// Memory on transparent huge pages.
    pub(super) transparent: usize,
    /// Whether it is locked.
    pub(super) locked: bool,
}

/// The mappings that a text describes, in its order. What it does not understand it passes over.
pub(super) fn parse(text: &str) -> Vec<Mapping> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in text.lines() {
        if let Some(range) = addresses(line) {
            mappings.push(Mapping {
                range,
                ..Mapping::default()
            });
        } else if let (Some(mapping), Some((key, value))) =
            (mappings.last_mut(), line.split_once(':'))
        {
            match key {
                "KernelPageSize" => mapping.page = kilobytes(value),
                "AnonHugePages" => mapping.transparent = kilobytes(value),
                "VmFlags" => mapping.locked = value.split_ascii_whitespace().any(|f| f == "lo"),
                _ => (),
            }
        }
    }
    mappings
}

/// The addresses at the start of a mapping's first line.
fn addresses(line: &str) -> Option<Range<usize>> {
    let (range, _) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let number = |digits| usize::from_str_radix(digits, 16).ok();
    let range = number(start)?..number(end)?;
    (range.start < range.end).then_some(range)
}

/// Bytes of a value in kB; zero if it is none.
fn kilobytes(value: &str) -> usize {
    value
        .trim()
        .strip_suffix("kB")
        .and_then(|number| number.trim().parse::<usize>().ok())
        .and_then(|number| number.checked_mul(1024))
        .unwrap_or(0)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write;

    fn mapping() -> impl Strategy<Value = Mapping> {
        let page = prop_oneof![Just(4_usize), Just(2048), Just(1 << 20)];
        (any::<u32>(), 1_u32.., page, 0_usize..1 << 20, any::<bool>()).prop_map(
            |(start, len, page, transparent, locked)| Mapping {
                range: start as usize * 4096..(start as usize + len as usize) * 4096,
                page: page * 1024,
                transparent: transparent * 1024,
                locked,
            },
        )
    }

    fn print(mappings: &[Mapping]) -> String {
        let mut text = String::new();
        for (index, mapping) in mappings.iter().enumerate() {
            let Range { start, end } = mapping.range;
            let name = ["", "[heap]", "[anon:pool-3]", "/tmp/a b: c"][index % 4];
            writeln!(text, "{start:x}-{end:x} rw-p 00000000 00:00 0    {name}").unwrap();
            writeln!(text, "Size:          {:>8} kB", (end - start) / 1024).unwrap();
            writeln!(text, "KernelPageSize:{:>8} kB", mapping.page / 1024).unwrap();
            writeln!(text, "MMUPageSize:   {:>8} kB", 4).unwrap();
            writeln!(text, "AnonHugePages: {:>8} kB", mapping.transparent / 1024).unwrap();
            writeln!(text, "THPeligible:           1").unwrap();
            let locked = if mapping.locked { " lo" } else { "" };
            writeln!(text, "VmFlags: rd wr mr mw me{locked} nr").unwrap();
        }
        text
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn what_was_printed_is_read(mappings in prop::collection::vec(mapping(), 0..20)) {
            prop_assert_eq!(parse(&print(&mappings)), mappings);
        }

        #[test]
        fn any_text_is_read(
            lines in prop::collection::vec("([0-9a-f]{1,20}-[0-9a-f]{1,20} )?[A-Za-z]{0,14}:? *[0-9]{0,30} ?(kB)?", 0..20),
        ) {
            for mapping in parse(&lines.join("\n")) {
                prop_assert!(mapping.range.start < mapping.range.end);
            }
        }
    }
}
