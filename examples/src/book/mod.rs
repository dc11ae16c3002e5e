//! [`Book`]: the orders of one symbol that rest, by id and by price and time.
//!
//! The boxes of all orders are in one map by id, since that is how messages name them. The order of
//! trading is kept beside it, in names only: each side is a ladder of prices, each price a queue
//! whose links are ids in the orders themselves. Whatever a message names is found by hashing, and
//! unlinked in a time that does not depend on the length of its queue.

mod ladder;
#[cfg(test)]
mod tests;

use crate::message::{Event, Message, Side};
use crate::order::{Order, OrderBox};
use ladder::Ladder;
use rustc_hash::FxBuildHasher;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::error::Error;
use std::fmt;
use std::iter;

/// Room for so many orders is made at once: the map grows while nobody waits for it.
const ROOM: usize = 1 << 16;

/// The orders of one symbol that rest.
#[derive(Debug)]
pub struct Book<B> {
    /// Every order that rests, and no other. Each is in the queue of its level.
    orders: HashMap<u64, B, FxBuildHasher>,
    bids: Ladder,
    asks: Ladder,
    peak: usize,
    unknown: u64,
}

/// The best price of a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Top {
    /// In units of 1e-4 dollars.
    pub price: i64,
    /// The sum of all orders at that price; orders are of 64 bits, so the sum may need more.
    pub size: u128,
}

/// Why a book did not take a message. It is as it was before.
#[derive(Debug)]
pub enum Refusal<F> {
    /// A new order has the id of one that rests.
    Duplicate {
        /// The id.
        id: u64,
    },
    /// There is no room for one more order.
    Full(F),
}

impl<F: fmt::Display> fmt::Display for Refusal<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate { id } => write!(f, "an order of id {id} is resting already"),
            Self::Full(full) => full.fmt(f),
        }
    }
}

impl<F: Error + 'static> Error for Refusal<F> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Duplicate { .. } => None,
            Self::Full(full) => full.source(),
        }
    }
}

impl<B: OrderBox> Book<B> {
    /// A book without orders.
    #[must_use]
    pub fn new() -> Self {
        Self {
            orders: HashMap::with_capacity_and_hasher(ROOM, FxBuildHasher),
            bids: Ladder::new(Side::Buy),
            asks: Ladder::new(Side::Sell),
            peak: 0,
            unknown: 0,
        }
    }

    /// Does what a message says. A message about an order that does not rest is counted
    /// ([`Book::unknown`]) and changes nothing; so do hidden executions, crosses and halts.
    ///
    /// # Errors
    ///
    /// A new order has the id of one that rests: the feed has lost messages, or is not one symbol's,
    /// and whichever of the two were kept would be a guess. Or there is no room for it.
    #[inline]
    pub fn apply(&mut self, message: &Message) -> Result<(), Refusal<B::Full>> {
        match message.event {
            Event::New {
                id,
                side,
                price,
                size,
            } => self.add(Order {
                id,
                time: message.time,
                price,
                size,
                prev: id,
                next: id,
                side,
            })?,
            Event::Cancel { id, size } | Event::Execute { id, size } => self.reduce(id, size),
            Event::Delete { id } => self.reduce(id, u64::MAX),
            Event::Hidden | Event::Cross | Event::Halt => (),
        }
        Ok(())
    }

    fn add(&mut self, order: Order) -> Result<(), Refusal<B::Full>> {
        let Order {
            id,
            side,
            price,
            size,
            ..
        } = order;
        let Entry::Vacant(vacant) = self.orders.entry(id) else {
            return Err(Refusal::Duplicate { id });
        };
        let order = vacant.insert(B::try_new(order).map_err(Refusal::Full)?);
        let ladder = match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        if let Some(prev) = ladder.push(price, id, size) {
            order.prev = prev;
            self.order(prev).next = id;
        }
        self.peak = self.peak.max(self.orders.len());
        Ok(())
    }

    /// Takes `size` off an order, or all of it if it is smaller. What is left of it keeps its place.
    fn reduce(&mut self, id: u64, size: u64) {
        let Entry::Occupied(mut occupied) = self.orders.entry(id) else {
            self.unknown += 1;
            return;
        };
        let order = occupied.get_mut();
        if size < order.size {
            order.size -= size;
            let (side, price) = (order.side, order.price);
            self.ladder(side).reduce(price, size);
        } else {
            let order = occupied.remove();
            self.unlink(&order);
            // The box ends here, and its slot is free.
        }
    }

    /// Closes the gap that `order`, which is no longer in the map, leaves in its queue.
    fn unlink(&mut self, order: &Order) {
        self.ladder(order.side).remove(order);
        let Order { id, prev, next, .. } = *order;
        let (first, last) = (prev == id, next == id);
        if !first {
            self.order(prev).next = if last { prev } else { next };
        }
        if !last {
            self.order(next).prev = if first { next } else { prev };
        }
    }

    /// An order that another names, so that it rests.
    fn order(&mut self, id: u64) -> &mut Order {
        self.orders
            .get_mut(&id)
            .expect("queues name orders that rest")
    }

    fn ladder(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// The best price of a side, if any order rests on it.
    #[must_use]
    pub fn top(&self, side: Side) -> Option<Top> {
        match side {
            Side::Buy => self.bids.top(),
            Side::Sell => self.asks.top(),
        }
    }

    /// The orders of a side as they would trade: by price, then by time.
    pub fn queue(&self, side: Side) -> impl Iterator<Item = &Order> {
        let ladder = match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        };
        ladder.firsts().flat_map(|first| {
            iter::successors(Some(&*self.orders[&first]), |order| {
                (order.next != order.id).then(|| &*self.orders[&order.next])
            })
        })
    }

    /// How many orders rest.
    #[must_use]
    pub fn resting(&self) -> usize {
        self.orders.len()
    }

    /// The most orders that rested at one time.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.peak
    }

    /// How many messages named an order that did not rest.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.unknown
    }
}

impl<B: OrderBox> Default for Book<B> {
    fn default() -> Self {
        Self::new()
    }
}
