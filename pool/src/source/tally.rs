//! Adds up what memory there is, by page size and node.

#![forbid(unsafe_code)]

use crate::config::PageSize;
use crate::memory::Granted;

/// What there is so far.
#[derive(Debug, Default)]
pub(super) struct Tally(Vec<Granted>);

impl Tally {
    pub(super) fn add(&mut self, pages: PageSize, node: Option<u32>, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let same = |granted: &&mut Granted| granted.pages == pages && granted.node == node;
        match self.0.iter_mut().find(same) {
            Some(granted) => granted.bytes += bytes,
            None => self.0.push(Granted { pages, node, bytes }),
        }
    }

    /// Adds base pages, whose first is at an address: for each its node, if it is there at all. So
    /// many bytes of them are joined to huge pages of `huge` bytes; the kernel does not say which.
    /// Returns how many of those bytes were found no place for.
    ///
    /// A huge page is on one node, and all of it is there. If more ranges are like that than are
    /// joined, those at low addresses are taken.
    #[cfg_attr(windows, allow(dead_code, reason = "the system says it page by page"))]
    pub(super) fn add_base(
        &mut self,
        address: usize,
        page: usize,
        nodes: &[Option<Option<u32>>],
        huge: usize,
        mut joined: usize,
    ) -> usize {
        let count = huge / page;
        let mut index = 0;
        while index < nodes.len() {
            let aligned = (address + index * page).is_multiple_of(huge);
            let together = nodes.get(index..index + count).filter(|_| aligned);
            if joined >= huge
                && let Some(nodes) = together
                && let Some(node) = nodes[0]
                && nodes.iter().all(|&other| other == Some(node))
            {
                self.add(PageSize::Transparent, node, huge);
                joined -= huge;
                index += count;
                continue;
            }
            if let Some(node) = nodes[index] {
                self.add(PageSize::Base, node, page);
            }
            index += 1;
        }
        joined
    }

    /// What there is in all, the largest pages first.
    pub(super) fn finish(mut self) -> Vec<Granted> {
        let rank = |pages| match pages {
            PageSize::Huge1G => 0,
            PageSize::Huge2M => 1,
            PageSize::Transparent => 2,
            PageSize::Base => 3,
        };
        self.0
            .sort_by_key(|granted| (rank(granted.pages), granted.node));
        self.0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const PAGE: usize = 4;
    const HUGE: usize = 16;

    /// Quarters of huge pages: what is joined is joined whole, on one node.
    fn quarters() -> impl Strategy<Value = Vec<(Option<Option<u32>>, bool)>> {
        let node = || prop_oneof![Just(None), (0_u32..3).prop_map(Some)];
        let one = prop_oneof![
            node().prop_map(|node| vec![(Some(node), true); 4]),
            prop::collection::vec((prop::option::of(node()), Just(false)), 4),
        ];
        prop::collection::vec(one, 0..20).prop_map(|all| all.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 256 })
        })]
        #[test]
        fn nothing_is_lost_and_nothing_is_moved_to_another_node(
            pages in quarters(), skip in 0_usize..4,
        ) {
            let cut = &pages[skip.min(pages.len())..];
            let nodes: Vec<_> = cut.iter().map(|&(node, _)| node).collect();
            // Of a huge page that is cut off, the kernel still counts the whole.
            let joined = pages.iter().filter(|(_, joined)| *joined).count() * PAGE;
            let mut tally = Tally::default();
            let left = tally.add_base(1024 + skip * PAGE, PAGE, &nodes, HUGE, joined);
            let found = tally.finish();

            let mut model = BTreeMap::new();
            for node in nodes.iter().flatten() {
                *model.entry(*node).or_insert(0) += PAGE;
            }
            let mut by_node = BTreeMap::new();
            for granted in &found {
                *by_node.entry(granted.node).or_insert(0) += granted.bytes;
            }
            prop_assert_eq!(by_node, model);
            let transparent: usize = found.iter()
                .filter(|granted| granted.pages == PageSize::Transparent)
                .map(|granted| granted.bytes).sum();
            prop_assert_eq!(transparent + left, joined);
            prop_assert!(left <= if skip == 0 { 0 } else { HUGE }, "{left} left of {joined}");
            let mut sorted = found.clone();
            sorted.sort_by_key(|granted| (granted.pages == PageSize::Base, granted.node));
            prop_assert_eq!(sorted, found);
        }
    }

    #[test]
    fn without_joined_pages_all_is_base() {
        let mut tally = Tally::default();
        assert_eq!(tally.add_base(0, PAGE, &[Some(Some(1)); 8], HUGE, 0), 0);
        let found = tally.finish();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].pages, found[0].bytes), (PageSize::Base, 32));
    }
}
