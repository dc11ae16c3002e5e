//! The orders that rest, as the stream needs to know them: which trades first, whose time is up,
//! and any one of them.

use super::draws::Draws;
use crate::message::Side;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

#[derive(Debug)]
struct Resting {
    side: Side,
    price: i64,
    size: u64,
    /// Its place in [`Market::ids`].
    place: usize,
}

/// The orders that rest.
#[derive(Debug, Default)]
pub(super) struct Market {
    orders: FxHashMap<u64, Resting>,
    /// Their ids, in no order.
    ids: Vec<u64>,
    /// By price, highest first, then by id, which is by age.
    bids: BTreeSet<(Reverse<i64>, u64)>,
    /// By price, then by id.
    asks: BTreeSet<(i64, u64)>,
    /// When orders are to be deleted, soonest first. Has those too that are gone already.
    ends: BinaryHeap<Reverse<(u64, u64)>>,
}

impl Market {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The number of orders on a side.
    pub(super) fn depth(&self, side: Side) -> usize {
        match side {
            Side::Buy => self.bids.len(),
            Side::Sell => self.asks.len(),
        }
    }

    /// The id and the price of the order that trades first.
    pub(super) fn best(&self, side: Side) -> Option<(u64, i64)> {
        match side {
            Side::Buy => self.bids.first().map(|&(Reverse(price), id)| (id, price)),
            Side::Sell => self.asks.first().map(|&(price, id)| (id, price)),
        }
    }

    /// What is left of an order that rests.
    pub(super) fn size(&self, id: u64) -> u64 {
        self.orders[&id].size
    }

    /// Any order, all alike.
    pub(super) fn any(&self, draws: &mut Draws) -> Option<u64> {
        let some = !self.ids.is_empty();
        some.then(|| self.ids[draws.below(self.ids.len() as u64) as usize])
    }

    /// An order whose time is up. It is named once.
    pub(super) fn due(&mut self, now: u64) -> Option<u64> {
        while let Some(end) = self.ends.peek_mut()
            && end.0.0 <= now
        {
            let Reverse((_, id)) = std::collections::binary_heap::PeekMut::pop(end);
            if self.orders.contains_key(&id) {
                return Some(id);
            }
        }
        None
    }

    /// A new order, whose id is over all before it.
    pub(super) fn add(&mut self, id: u64, side: Side, price: i64, size: u64, end: u64) {
        let place = self.ids.len();
        self.ids.push(id);
        let resting = Resting {
            side,
            price,
            size,
            place,
        };
        self.orders.insert(id, resting);
        match side {
            Side::Buy => self.bids.insert((Reverse(price), id)),
            Side::Sell => self.asks.insert((price, id)),
        };
        self.ends.push(Reverse((end, id)));
    }

    /// Takes `size` off an order that rests; nothing is left of it if that is all it has.
    pub(super) fn take(&mut self, id: u64, size: u64) {
        let resting = self.orders.get_mut(&id).expect("the order rests");
        resting.size = resting.size.saturating_sub(size);
        if resting.size > 0 {
            return;
        }
        let Resting {
            side, price, place, ..
        } = *resting;
        self.orders.remove(&id);
        self.ids.swap_remove(place);
        if let Some(moved) = self.ids.get(place) {
            let moved = self.orders.get_mut(moved).expect("the order rests");
            moved.place = place;
        }
        match side {
            Side::Buy => self.bids.remove(&(Reverse(price), id)),
            Side::Sell => self.asks.remove(&(price, id)),
        };
    }
}
