//! The pooled object: an order that rests in a book, and the two ways to own one.

use crate::message::Side;
use pool::{Full, PoolBox, Pooled, Stats};
use std::convert::Infallible;
use std::error::Error;
use std::ops::DerefMut;

/// An order that rests in a book.
///
/// Orders of one price form a queue; each knows the one before it and the one after it by id, and
/// the ends of the queue name themselves. That way every number can be an id, and a link is
/// 8 bytes.
#[derive(Debug, Pooled)]
#[pool(capacity = 1 << 20)]
pub struct Order {
    /// Its name in the feed.
    pub id: u64,
    /// When it came, in nanoseconds after midnight.
    pub time: u64,
    /// What it asks or bids, in units of 1e-4 dollars.
    pub price: i64,
    /// What is left of it; never 0 while it rests.
    pub size: u64,
    /// The order before it in its level's queue; itself if it is the first.
    pub(crate) prev: u64,
    /// The order after it in its level's queue; itself if it is the last.
    pub(crate) next: u64,
    /// The side that it rests on.
    pub side: Side,
}

// One cache line at most.
const _: () = assert!(size_of::<Order>() <= 64);

/// An owner of an order: what the book needs of `PoolBox` and of `Box`.
pub trait OrderBox: DerefMut<Target = Order> + Sized {
    /// Why there may be no room for one more order.
    type Full: Error + Send + Sync + 'static;

    /// Moves an order to where it will rest.
    ///
    /// # Errors
    ///
    /// There is no room.
    fn try_new(order: Order) -> Result<Self, Self::Full>;

    /// The figures of the pool that orders rest in, if it is a pool.
    fn stats() -> Option<Stats>;
}

impl OrderBox for PoolBox<Order> {
    type Full = Full<Order>;

    #[inline]
    fn try_new(order: Order) -> Result<Self, Self::Full> {
        Self::try_new(order)
    }

    fn stats() -> Option<Stats> {
        Some(Order::pool().stats())
    }
}

impl OrderBox for Box<Order> {
    type Full = Infallible;

    #[inline]
    fn try_new(order: Order) -> Result<Self, Self::Full> {
        Ok(Self::new(order))
    }

    fn stats() -> Option<Stats> {
        None
    }
}
