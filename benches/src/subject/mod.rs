//! Who is measured: the pool, its peers, and the limit.
//!
//! Each is used as its documentation says it is used best, as far as it can stand in for the
//! pool: orders are moved in, owned by a handle, and freed one by one in any order. Where a subject
//! has a cheaper way that cannot do this, its file says so.

mod limit;
mod ours;

#[cfg(feature = "peers")]
mod allocators;
#[cfg(feature = "peers")]
mod pools;
#[cfg(feature = "peers")]
mod slabs;

pub use limit::{Limit, Taken};
pub use ours::Ours;

#[cfg(feature = "peers")]
pub use {
    allocators::{Allocator, Glibc, Heap, Installed, Owned, Slab},
    pools::{InfinityPool, ObjectPool, Opool, Orders, Plurality},
    slabs::{Held, NexusSlab, ShardedSlab},
};

use crate::Order;

/// Something that keeps orders.
///
/// Freeing needs no `Self`, but a [`Sink`](Subject::Sink): a subject that only one thread may
/// allocate from can still have its orders freed by another, if its handles and sinks are `Send`.
pub trait Subject: 'static {
    /// What it is called in the tables.
    const NAME: &'static str;

    /// Owns an order.
    type Handle<'a>;

    /// What [`Subject::free`] needs besides the handle; nothing, for handles that know.
    type Sink<'a>: Copy;

    /// One that can hold `orders` orders at a time.
    fn with_room(orders: usize) -> Self;

    /// Keeps an order.
    fn make(&self, order: Order) -> Self::Handle<'_>;

    /// Where its orders are freed.
    fn sink(&self) -> Self::Sink<'_>;

    /// What a thread does before it frees orders that another one makes.
    fn enter(_: Self::Sink<'_>) {}

    /// Frees an order.
    ///
    /// # Safety
    ///
    /// The handle and the sink are of the same subject.
    unsafe fn free<'a>(sink: Self::Sink<'a>, handle: Self::Handle<'a>);

    /// Reads an order. For tests; the workloads do not.
    ///
    /// # Safety
    ///
    /// The handle and the sink are of the same subject.
    unsafe fn read<'a>(sink: Self::Sink<'a>, handle: &Self::Handle<'a>) -> Order;
}
