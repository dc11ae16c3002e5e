//! Slabs, which take a handle or a key back by a call.

use super::Subject;
use crate::Order;
use std::marker::PhantomData;

/// `nexus-slab`'s slab of fixed capacity. For one thread: its handles are not `Send`.
#[derive(Debug)]
pub struct NexusSlab(nexus_slab::bounded::Slab<Order>);

/// Its handle, and that it must not outlive the slab.
#[derive(Debug)]
pub struct Held<'a> {
    slot: nexus_slab::Slot<Order>,
    of: PhantomData<&'a NexusSlab>,
}

impl Subject for NexusSlab {
    const NAME: &'static str = "nexus-slab";
    type Handle<'a> = Held<'a>;
    type Sink<'a> = &'a Self;

    fn with_room(orders: usize) -> Self {
        // SAFETY: slots stay on their thread and do not outlive the slab, by the type `Held`. They
        // go back to the slab that they came from, by the contract of `Subject::free`.
        Self(unsafe { nexus_slab::bounded::Slab::with_capacity(orders) })
    }

    #[inline(always)]
    fn make(&self, order: Order) -> Held<'_> {
        Held {
            slot: self.0.alloc(order),
            of: PhantomData,
        }
    }

    #[inline(always)]
    fn sink(&self) -> &Self {
        self
    }

    #[inline(always)]
    unsafe fn free<'a>(sink: &'a Self, handle: Held<'a>) {
        sink.0.free(handle.slot);
    }

    unsafe fn read<'a>(_: &'a Self, handle: &Held<'a>) -> Order {
        *handle.slot
    }
}

/// `sharded-slab`'s slab. The handle is a key.
#[derive(Debug)]
pub struct ShardedSlab(sharded_slab::Slab<Order>);

impl Subject for ShardedSlab {
    const NAME: &'static str = "sharded-slab";
    type Handle<'a> = usize;
    type Sink<'a> = &'a Self;

    fn with_room(_: usize) -> Self {
        Self(sharded_slab::Slab::new())
    }

    #[inline(always)]
    fn make(&self, order: Order) -> usize {
        self.0.insert(order).expect("room for the workload")
    }

    #[inline(always)]
    fn sink(&self) -> &Self {
        self
    }

    #[inline(always)]
    unsafe fn free(sink: &Self, handle: usize) {
        let removed = sink.0.remove(handle);
        debug_assert!(removed);
    }

    unsafe fn read(sink: &Self, handle: &usize) -> Order {
        *sink.0.get(*handle).expect("a key that was not removed")
    }
}
