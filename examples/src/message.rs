//! What a feed says: one message, one event of the book.
//!
//! A message has only what the book needs of it. What a file says beyond that, such as the price
//! in the deletion of an order that the book knows, is checked when it is read and not kept.

/// The two sides of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Bids: orders to buy, direction 1.
    Buy,
    /// Asks: orders to sell, direction -1.
    Sell,
}

impl Side {
    /// The side that trades with this one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// What happened. Prices are in units of 1e-4 dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// Type 1: a new order rests.
    New {
        /// The order's name in all later messages.
        id: u64,
        /// The side that it rests on.
        side: Side,
        /// The price that it rests at.
        price: i64,
        /// What it offers, at least 1.
        size: u64,
    },
    /// Type 2: an order is made smaller.
    Cancel {
        /// The order.
        id: u64,
        /// How much of it goes.
        size: u64,
    },
    /// Type 3: an order goes.
    Delete {
        /// The order.
        id: u64,
    },
    /// Type 4: an order trades.
    Execute {
        /// The order.
        id: u64,
        /// How much of it trades.
        size: u64,
    },
    /// Type 5: an order that the book never showed trades.
    Hidden,
    /// Type 6: the sum of an auction's trades; each of them has a message of its own.
    Cross,
    /// Type 7: trading halts, or goes on.
    Halt,
}

/// An event and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Message {
    /// Nanoseconds after midnight.
    pub time: u64,
    /// What happened.
    pub event: Event,
}

/// A message and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbered {
    /// The message's line in its file, or the line it would have in one. The first is 1.
    pub line: u64,
    /// The message.
    pub message: Message,
}
