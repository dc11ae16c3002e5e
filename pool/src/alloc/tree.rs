//! Sets of slabs, of which the one at the lowest address is found first: treaps (Aragon and Seidel's), whose
//! links are in the slabs' headers. A slab is in one set at a time, or in none. All operations take a time in
//! the order of the logarithm of the set's size, with the luck of a hash of the slabs' numbers.

#![forbid(unsafe_code)]

/// No slab: numbers begin at 1.
pub(super) const NONE: u32 = 0;

/// Where the links of a slab's number are.
pub(super) trait Links {
    /// The roots of the slabs below it, and above it.
    fn below(&self, slab: u32) -> (u32, u32);
    fn set_below(&self, slab: u32, links: (u32, u32));
}

/// A set: its root. Zero is the empty one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tree(u32);

/// The slab with the highest rank is the root. (The hash is Knuth's multiplicative one, with its bits mixed.)
fn rank(slab: u32) -> u32 {
    let hash = slab.wrapping_mul(0x9e37_79b1);
    (hash ^ (hash >> 15)).wrapping_mul(0x85eb_ca6b)
}

impl Tree {
    #[cfg(test)]
    pub(super) const EMPTY: Self = Self(NONE);

    #[cfg(test)]
    pub(super) fn is_empty(self) -> bool {
        self.0 == NONE
    }

    /// The slab with the lowest number.
    pub(super) fn first(self, links: &impl Links) -> Option<u32> {
        self.outermost(|slab| links.below(slab).0)
    }

    /// The slab with the highest number.
    pub(super) fn last(self, links: &impl Links) -> Option<u32> {
        self.outermost(|slab| links.below(slab).1)
    }

    fn outermost(self, next: impl Fn(u32) -> u32) -> Option<u32> {
        let mut slab = self.0;
        if slab == NONE {
            return None;
        }
        loop {
            match next(slab) {
                NONE => return Some(slab),
                below => slab = below,
            }
        }
    }

    /// Adds a slab that is in no set.
    pub(super) fn insert(&mut self, links: &impl Links, slab: u32) {
        self.0 = insert(links, self.0, slab);
    }

    /// Removes a slab that is in the set.
    pub(super) fn remove(&mut self, links: &impl Links, slab: u32) {
        self.0 = remove(links, self.0, slab);
    }
}

fn insert(links: &impl Links, root: u32, slab: u32) -> u32 {
    if root == NONE || rank(slab) > rank(root) {
        let sides = split(links, root, slab);
        links.set_below(slab, sides);
        return slab;
    }
    let (low, high) = links.below(root);
    let sides = if slab < root {
        (insert(links, low, slab), high)
    } else {
        (low, insert(links, high, slab))
    };
    links.set_below(root, sides);
    root
}

/// The slabs below a number, and those above.
fn split(links: &impl Links, root: u32, slab: u32) -> (u32, u32) {
    if root == NONE {
        return (NONE, NONE);
    }
    let (low, high) = links.below(root);
    if slab < root {
        let (below, above) = split(links, low, slab);
        links.set_below(root, (above, high));
        (below, root)
    } else {
        let (below, above) = split(links, high, slab);
        links.set_below(root, (low, below));
        (root, above)
    }
}

fn remove(links: &impl Links, root: u32, slab: u32) -> u32 {
    if root == NONE {
        return NONE; // It was not there.
    }
    let (low, high) = links.below(root);
    if slab == root {
        return join(links, low, high);
    }
    let sides = if slab < root {
        (remove(links, low, slab), high)
    } else {
        (low, remove(links, high, slab))
    };
    links.set_below(root, sides);
    root
}

/// One set of two, of which all of one are below all of the other.
fn join(links: &impl Links, below: u32, above: u32) -> u32 {
    if below == NONE {
        return above;
    }
    if above == NONE {
        return below;
    }
    if rank(below) > rank(above) {
        let (low, high) = links.below(below);
        let joined = join(links, high, above);
        links.set_below(below, (low, joined));
        below
    } else {
        let (low, high) = links.below(above);
        let joined = join(links, below, low);
        links.set_below(above, (joined, high));
        above
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;
    use std::collections::BTreeSet;

    struct Table(Vec<Cell<(u32, u32)>>);

    impl Links for Table {
        fn below(&self, slab: u32) -> (u32, u32) {
            self.0[slab as usize].get()
        }
        fn set_below(&self, slab: u32, links: (u32, u32)) {
            self.0[slab as usize].set(links);
        }
    }

    fn depth(links: &Table, root: u32) -> usize {
        if root == NONE {
            return 0;
        }
        let (low, high) = links.below(root);
        1 + depth(links, low).max(depth(links, high))
    }

    #[test]
    fn a_set_in_order_of_addresses_is_not_deep() {
        let count = if cfg!(miri) { 100 } else { 100_000 };
        let table = Table(vec![Cell::new((7, 7)); count as usize + 1]);
        let mut tree = Tree::EMPTY;
        (1..=count).for_each(|slab| tree.insert(&table, slab));
        assert!(depth(&table, tree.0) < 60);
        for slab in 1..=count {
            assert_eq!(tree.first(&table), Some(slab));
            tree.remove(&table, slab);
        }
        assert!(tree.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 4 } else { 256 },
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        /// Beside the standard library's set.
        #[test]
        fn a_set_is_a_set(steps in prop::collection::vec(1_u32..64, 0..200)) {
            let table = Table(vec![Cell::new((9, 9)); 64]);
            let mut tree = Tree::EMPTY;
            let mut model = BTreeSet::new();
            for slab in steps {
                if model.remove(&slab) {
                    tree.remove(&table, slab);
                } else {
                    model.insert(slab);
                    tree.insert(&table, slab);
                }
                prop_assert_eq!(tree.first(&table), model.first().copied());
                prop_assert_eq!(tree.last(&table), model.last().copied());
                prop_assert_eq!(tree.is_empty(), model.is_empty());
            }
        }
    }
}
