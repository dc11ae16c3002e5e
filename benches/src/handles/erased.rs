//! Objects of which the owner knows a trait only: made, called, dropped; cloned, dropped.

use super::arcs::Common;
use super::{Comparison, Maker, Makes, OURS, alone, beside};
use crate::Order;
use crate::subject::Allocator;
use mimalloc::MiMalloc;
use pool::{ErasedArc, PoolArc, PoolBox};
use std::alloc::{Layout, handle_alloc_error};
use std::hint::black_box;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

pub(super) const CALL: Comparison = Comparison {
    family: "erased",
    threads: 1,
    measures: &[
        beside("pool box, not erased"),
        beside("box on glibc"),
        beside("box on mimalloc"),
    ],
    makers: |_| {
        let ours = Called(|n| pool::erase!(PoolBox::new(Order::nth(n)), dyn Priced));
        let glibc = Called(|n| Box::new(Order::nth(n)) as Box<dyn Priced>);
        let mimalloc = Called(|n| Unsized::<MiMalloc>::new(Order::nth(n)));
        let known = Called(|n| PoolBox::new(Order::nth(n)));
        vec![
            alone(OURS, ours),
            alone("box on glibc", glibc),
            alone("box on mimalloc", mimalloc),
            alone("pool box, not erased", known),
        ]
    },
    expected: |steps| (0..steps).map(|n| Some(worth(&Order::nth(n)))).collect(),
};

pub(super) const CLONE: Comparison = Comparison {
    family: "erased-clone",
    threads: 1,
    measures: &[beside("std")],
    makers: |_| {
        let order = pool::erase!(PoolArc::new(Common(Order::nth(ONE))), dyn Priced);
        let ours = Makes {
            make: move |_| ErasedArc::clone(&order),
            read: |order: ErasedArc<dyn Priced>| Some(order.worth()),
        };
        let order: Arc<dyn Priced> = Arc::new(Order::nth(ONE));
        let std = Makes {
            make: move |_| Arc::clone(&order),
            read: |order: Arc<dyn Priced>| Some(order.worth()),
        };
        vec![alone(OURS, ours), alone("std", std)]
    },
    expected: |steps| vec![Some(worth(&Order::nth(ONE))); steps as usize],
};

/// The order that is cloned.
const ONE: u64 = 7;

/// What is left to say of an order whose type is forgotten.
trait Priced {
    fn worth(&self) -> u64;
}

const fn worth(order: &Order) -> u64 {
    order.price.cast_unsigned().wrapping_mul(order.qty)
}

impl Priced for Order {
    #[inline(never)]
    fn worth(&self) -> u64 {
        worth(self)
    }
}

impl Priced for Common {
    fn worth(&self) -> u64 {
        worth(&self.0)
    }
}

/// Makes handles, and calls what they own before it is dropped.
struct Called<F>(F);

impl<F, H> Maker for Called<F>
where
    F: Fn(u64) -> H + 'static,
    H: Deref<Target: Priced> + 'static,
{
    type Desk = ();
    type Handle<'a> = H;

    fn desk(&self) {}

    #[inline(always)]
    fn make<'a>(&'a self, (): &'a (), n: u64) -> H {
        (self.0)(n)
    }

    #[inline(always)]
    fn call(&self, handle: &mut H, _: u64) {
        black_box(handle.worth());
    }

    fn read(&self, handle: H) -> Option<u64> {
        Some(handle.worth())
    }
}

/// A `Box<dyn Priced>` in memory of an allocator that is not the global one.
struct Unsized<A: Allocator> {
    object: NonNull<dyn Priced>,
    of: PhantomData<A>,
}

impl<A: Allocator> Unsized<A> {
    #[inline(always)]
    fn new(order: Order) -> Self {
        let layout = Layout::new::<Order>();
        // SAFETY: the size is not zero.
        let memory = unsafe { A::THE.alloc(layout) };
        let Some(place) = NonNull::new(memory.cast::<Order>()) else {
            handle_alloc_error(layout);
        };
        // SAFETY: new memory of that layout.
        unsafe { place.write(order) };
        Self {
            object: place,
            of: PhantomData,
        }
    }
}

impl<A: Allocator> Deref for Unsized<A> {
    type Target = dyn Priced;

    #[inline(always)]
    fn deref(&self) -> &(dyn Priced + 'static) {
        // SAFETY: `new` wrote it, and it is this handle's.
        unsafe { self.object.as_ref() }
    }
}

impl<A: Allocator> Drop for Unsized<A> {
    #[inline(always)]
    fn drop(&mut self) {
        let layout = Layout::for_value(&**self);
        // SAFETY: this handle's, which ends here.
        unsafe { self.object.drop_in_place() };
        // SAFETY: `new` got it from this allocator for this layout; nobody else frees it.
        unsafe { A::THE.dealloc(self.object.as_ptr().cast(), layout) };
    }
}
