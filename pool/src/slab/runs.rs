//! A set of slots, and the runs in it: which slots are free, for a trim.

#![forbid(unsafe_code)]

use std::ops::Range;

const WORD: usize = u64::BITS as usize;

/// A set of numbers below a bound, a bit each.
#[derive(Debug)]
pub(crate) struct SlotSet(Vec<u64>);

impl SlotSet {
    /// An empty set of numbers below `bound`.
    pub(crate) fn new(bound: usize) -> Self {
        Self(vec![0; bound.div_ceil(WORD)])
    }

    /// Adds a number, which is below the bound.
    pub(crate) fn insert(&mut self, number: usize) {
        self.0[number / WORD] |= 1 << (number % WORD);
    }

    pub(crate) fn contains(&self, number: usize) -> bool {
        self.count_in(&(number..number + 1)) == 1
    }

    /// How many members are in a range.
    pub(crate) fn count_in(&self, range: &Range<usize>) -> usize {
        let (mut count, mut index) = (0, range.start);
        while index < range.end {
            // As many as are left of this word.
            let bits = (WORD - index % WORD).min(range.end - index);
            let word = self
                .0
                .get(index / WORD)
                .map_or(0, |word| word >> (index % WORD));
            let mask = u64::MAX >> (WORD - bits);
            count += (word & mask).count_ones() as usize;
            index += bits;
        }
        count
    }

    /// The largest run of consecutive members that ends below `end`, the highest one first.
    fn run_below(&self, end: usize) -> Option<Range<usize>> {
        let last = self.last_below(end, |word| word)?;
        let start = self.last_below(last, |word| !word).map_or(0, |gap| gap + 1);
        Some(start..last + 1)
    }

    /// The highest number below `end` whose bit is set in what `look` makes of the words.
    fn last_below(&self, end: usize, look: impl Fn(u64) -> u64) -> Option<usize> {
        let mut index = end / WORD;
        // Only the bits below `end` count in its word.
        let mut mask = (1_u64 << (end % WORD)) - 1;
        loop {
            let word = self.0.get(index).map_or(0, |&word| look(word)) & mask;
            if word != 0 {
                return Some(index * WORD + word.ilog2() as usize);
            }
            index = index.checked_sub(1)?;
            mask = u64::MAX;
        }
    }

    /// The runs of consecutive members, from the highest down.
    pub(crate) fn runs(&self) -> impl Iterator<Item = Range<usize>> {
        let mut end = self.0.len() * WORD;
        std::iter::from_fn(move || {
            let run = self.run_below(end)?;
            end = run.start;
            Some(run)
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 256 })
        })]
        #[test]
        fn the_runs_are_those_of_a_sorted_set(
            numbers in prop::collection::btree_set(0_usize..300, 0..250),
            from in 0_usize..320,
            to in 0_usize..320,
        ) {
            let mut set = SlotSet::new(300);
            numbers.iter().for_each(|&number| set.insert(number));
            let runs: Vec<_> = set.runs().collect();
            prop_assert!(runs.windows(2).all(|pair| pair[1].end < pair[0].start), "apart, going down");
            let (low, high) = (from.min(to), from.max(to));
            prop_assert_eq!(set.count_in(&(low..high)), numbers.range(low..high).count());
            let members: BTreeSet<_> = runs.into_iter().flatten().collect();
            prop_assert_eq!(members, numbers);
        }
    }
}
