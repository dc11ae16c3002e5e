//! The pool.

use super::Subject;
use crate::Order;
use pool::{PoolBox, Pooled};

/// [`PoolBox`], from [`Order`]'s own pool. All of these are one.
#[derive(Debug)]
pub struct Ours;

impl Subject for Ours {
    const NAME: &'static str = "pool";
    type Handle<'a> = PoolBox<Order>;
    type Sink<'a> = ();

    fn with_room(orders: usize) -> Self {
        assert!(orders <= Order::pool().capacity());
        Self
    }

    #[inline(always)]
    fn make(&self, order: Order) -> PoolBox<Order> {
        PoolBox::new(order)
    }

    fn sink(&self) {}

    #[inline(always)]
    unsafe fn free((): (), handle: PoolBox<Order>) {
        drop(handle);
    }

    unsafe fn read((): (), handle: &PoolBox<Order>) -> Order {
        **handle
    }
}
