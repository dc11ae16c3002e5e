//! What the machine allows.
//!
//! A list threaded through the free slots, for one thread, in memory that was touched before: to
//! take is to load the head and its next, to give back is two stores. Little that hands out memory
//! for orders and takes it back in any order does less. It is no peer, for it can do nothing else:
//! one thread, no statistics, and a stray write to a freed order breaks it.

use super::Subject;
use crate::Order;
use std::cell::{Cell, UnsafeCell};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

/// A bare free list.
#[derive(Debug)]
pub struct Limit {
    /// The first free slot. A free slot holds the address of the next one, or null.
    head: Cell<*mut Order>,
    /// Where the slots are. A `Vec` claims no exclusive access to them when it is moved.
    _slots: Vec<UnsafeCell<MaybeUninit<Order>>>,
}

/// A slot that holds an order. Not freed when it is dropped.
#[derive(Debug)]
pub struct Taken<'a> {
    order: NonNull<Order>,
    of: PhantomData<&'a Limit>,
}

impl Subject for Limit {
    const NAME: &'static str = "limit";
    type Handle<'a> = Taken<'a>;
    type Sink<'a> = &'a Self;

    fn with_room(orders: usize) -> Self {
        let slots: Vec<_> = (0..orders)
            .map(|_| UnsafeCell::new(MaybeUninit::uninit()))
            .collect();
        let mut head = ptr::null_mut();
        for slot in slots.iter().rev() {
            let slot = slot.get().cast::<Order>();
            // SAFETY: an order's place is large enough for a pointer, and aligned for one.
            unsafe { slot.cast::<*mut Order>().write(head) };
            head = slot;
        }
        Self {
            head: Cell::new(head),
            _slots: slots,
        }
    }

    #[inline(always)]
    fn make(&self, order: Order) -> Taken<'_> {
        let slot = NonNull::new(self.head.get()).expect("room for the workload");
        // SAFETY: the head is a free slot, and a free slot holds an address. No other thread has
        // the list: it is not `Sync`.
        self.head.set(unsafe { slot.cast::<*mut Order>().read() });
        // SAFETY: off the list, the slot is ours alone.
        unsafe { slot.write(order) };
        Taken {
            order: slot,
            of: PhantomData,
        }
    }

    #[inline(always)]
    fn sink(&self) -> &Self {
        self
    }

    #[inline(always)]
    unsafe fn free<'a>(sink: &'a Self, handle: Taken<'a>) {
        let slot = handle.order;
        let next = sink.head.replace(slot.as_ptr());
        // SAFETY: a slot of this list by contract, which nobody else has: handles are not copied.
        unsafe { slot.cast::<*mut Order>().write(next) };
    }

    unsafe fn read<'a>(_: &'a Self, handle: &Taken<'a>) -> Order {
        // SAFETY: `make` wrote it, and the handle is still there.
        unsafe { handle.order.read() }
    }
}
