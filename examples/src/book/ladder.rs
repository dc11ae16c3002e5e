//! One side of a book: its prices, best first, and the two ends of each price's queue.

use super::Top;
use crate::message::Side;
use crate::order::Order;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The orders at one price, of which there is at least one.
#[derive(Debug)]
struct Level {
    /// The order that trades first.
    first: u64,
    /// The order that came last.
    last: u64,
    /// The sum of their sizes. 64 bits would do for one order, not for two.
    size: u128,
}

/// One side of a book.
#[derive(Debug)]
pub(super) struct Ladder {
    side: Side,
    /// By [`Ladder::rank`], so that the best is the first on either side.
    levels: BTreeMap<i64, Level>,
}

impl Ladder {
    pub(super) const fn new(side: Side) -> Self {
        let levels = BTreeMap::new();
        Self { side, levels }
    }

    /// Where a price stands among others; and the price that stands there, since it is its own
    /// inverse. `!` turns the order of numbers around, and unlike `-` has no number it fails for.
    const fn rank(&self, price: i64) -> i64 {
        match self.side {
            Side::Buy => !price,
            Side::Sell => price,
        }
    }

    /// Puts an order at the end of its price's queue. Returns the one that it now stands behind.
    pub(super) fn push(&mut self, price: i64, id: u64, size: u64) -> Option<u64> {
        let size = u128::from(size);
        match self.levels.entry(self.rank(price)) {
            Entry::Vacant(vacant) => {
                let (first, last) = (id, id);
                vacant.insert(Level { first, last, size });
                None
            }
            Entry::Occupied(mut occupied) => {
                let level = occupied.get_mut();
                level.size += size;
                Some(std::mem::replace(&mut level.last, id))
            }
        }
    }

    /// Takes `size` off a price's sum; what is left of the order keeps its place.
    pub(super) fn reduce(&mut self, price: i64, size: u64) {
        let level = self.levels.get_mut(&self.rank(price));
        level.expect("a resting order has a level").size -= u128::from(size);
    }

    /// Takes an order off its price, and the price away if it was the only one. Its neighbours'
    /// links are up to the caller.
    pub(super) fn remove(&mut self, order: &Order) {
        let Entry::Occupied(mut occupied) = self.levels.entry(self.rank(order.price)) else {
            unreachable!("a resting order has a level");
        };
        let level = occupied.get_mut();
        level.size -= u128::from(order.size);
        match (level.first == order.id, level.last == order.id) {
            (true, true) => drop(occupied.remove()),
            (true, false) => level.first = order.next,
            (false, true) => level.last = order.prev,
            (false, false) => (),
        }
    }

    /// The best price.
    pub(super) fn top(&self) -> Option<Top> {
        let (&rank, level) = self.levels.first_key_value()?;
        Some(Top {
            price: self.rank(rank),
            size: level.size,
        })
    }

    /// The first order of each price, best price first.
    pub(super) fn firsts(&self) -> impl Iterator<Item = u64> {
        self.levels.values().map(|level| level.first)
    }
}
