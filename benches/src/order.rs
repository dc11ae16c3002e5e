//! What is allocated.

use pool::Pooled;

/// An order as a matching engine holds it: 64 bytes, one cache line, nothing to drop.
///
/// The pool's capacity is what the binary `resident` needs, and more than any workload does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pooled)]
#[pool(capacity = 1 << 20)]
pub struct Order {
    /// Its number.
    pub id: u64,
    /// In hundredths of a cent.
    pub price: i64,
    /// What was ordered.
    pub qty: u64,
    /// What is left of that.
    pub open: u64,
    /// Which side of the book it is on.
    pub side: Side,
    /// When it came in, in nanoseconds.
    pub time: u64,
    /// Whose it is.
    pub owner: u64,
    /// What it is for.
    pub instrument: u64,
}

const _: () = assert!(size_of::<Order>() == 64);

/// A side of the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Side {
    /// Bids.
    Buy,
    /// Offers.
    Sell,
}

impl Order {
    /// The `n`th order. All fields follow from `n`, by a few instructions that no subject is
    /// spared, so an order that was kept well can be told from one that was not.
    #[inline(always)]
    #[must_use]
    pub const fn nth(n: u64) -> Self {
        Self {
            id: n,
            price: 1_000_000 + n.cast_signed(),
            qty: n & 0xff,
            open: n & 0xff,
            side: if n & 1 == 0 { Side::Buy } else { Side::Sell },
            time: n << 4,
            owner: n & 0xffff,
            instrument: n >> 16,
        }
    }
}
