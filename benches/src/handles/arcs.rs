//! Shared owners: made and dropped, cloned and dropped.

use super::{Comparison, Job, Maker, Makes, OURS, alone, at_most, beside, ids, together};
use crate::Order;
use crate::subject::Allocator;
use mimalloc::MiMalloc;
use pool::{PoolArc, PoolBox, Pooled};
use std::alloc::{Layout, handle_alloc_error};
use std::hint::black_box;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

pub(super) const NEW: Comparison = Comparison {
    family: "arc-new",
    threads: 1,
    measures: &[
        at_most(1.5, "pool box"),
        beside("std"),
        beside("std on mimalloc"),
        beside("plurality"),
    ],
    makers: new,
    expected: ids,
};

pub(super) const CLONE: Comparison = Comparison {
    family: "arc-clone",
    threads: 1,
    measures: &[at_most(1.0, "std"), at_most(1.0, "plurality")],
    makers: clone,
    expected: |steps| vec![Some(ONE); steps as usize],
};

/// Cloned, kept for a while, dropped.
pub(super) const USE: Comparison = Comparison {
    family: "arc-use",
    makers: use_clone,
    ..CLONE
};

/// The order that is cloned.
const ONE: u64 = 7;

/// An order that may have several owners.
#[derive(Pooled)]
#[pool(capacity = 1 << 16, shared)]
pub(super) struct Common(pub(super) Order);

fn new(_: usize) -> Vec<Box<dyn Job>> {
    let ours = Makes {
        make: |n| PoolArc::new(Common(Order::nth(n))),
        read: |order: PoolArc<Common>| Some(order.0.id),
    };
    let unique = Makes {
        make: |n| PoolBox::new(Order::nth(n)),
        read: |order: PoolBox<Order>| Some(order.id),
    };
    let std = Makes {
        make: |n| Arc::new(Order::nth(n)),
        read: |order: Arc<Order>| Some(order.id),
    };
    let mimalloc = Makes {
        make: |n| Counted::<MiMalloc>::new(Order::nth(n)),
        read: |order: Counted<MiMalloc>| Some(order.get().id),
    };
    let pool = plurality::Pool::new();
    let plurality = Makes {
        make: move |n| pool.alloc_arc(Order::nth(n)),
        read: |order: plurality::Arc<Order>| Some(order.id),
    };
    vec![
        alone(OURS, ours),
        alone("pool box", unique),
        alone("std", std),
        alone("std on mimalloc", mimalloc),
        alone("plurality", plurality),
    ]
}

fn clone(threads: usize) -> Vec<Box<dyn Job>> {
    let (ours, std, plurality) = clones();
    vec![
        together(OURS, threads, ours),
        together("std", threads, std),
        together("plurality", threads, plurality),
    ]
}

fn use_clone(threads: usize) -> Vec<Box<dyn Job>> {
    let (ours, std, plurality) = clones();
    vec![
        together(OURS, threads, Used(ours)),
        together("std", threads, Used(std)),
        together("plurality", threads, Used(plurality)),
    ]
}

/// Who clones: the pool's, `std`'s, `plurality`'s.
fn clones() -> (impl Maker + Sync, impl Maker + Sync, impl Maker + Sync) {
    let order = PoolArc::new(Common(Order::nth(ONE)));
    let ours = Makes {
        make: move |_| PoolArc::clone(&order),
        read: |order: PoolArc<Common>| Some(order.0.id),
    };
    let order = Arc::new(Order::nth(ONE));
    let std = Makes {
        make: move |_| Arc::clone(&order),
        read: |order: Arc<Order>| Some(order.id),
    };
    // It outlives its pool.
    let order = plurality::Pool::new().alloc_arc(Order::nth(ONE));
    let plurality = Makes {
        make: move |_| plurality::Arc::clone(&order),
        read: |order: plurality::Arc<Order>| Some(order.id),
    };
    (ours, std, plurality)
}

/// Handles that are kept for a while: some 100 ns of what needs no memory.
struct Used<M>(M);

impl<M: Maker> Maker for Used<M> {
    type Desk = M::Desk;
    type Handle<'a> = M::Handle<'a>;

    fn desk(&self) -> M::Desk {
        self.0.desk()
    }

    #[inline(always)]
    fn make<'a>(&'a self, desk: &'a M::Desk, n: u64) -> M::Handle<'a> {
        self.0.make(desk, n)
    }

    #[inline(always)]
    fn call(&self, _: &mut M::Handle<'_>, n: u64) {
        let long = (0..100).fold(n, |product, _| black_box(product.wrapping_mul(n)));
        black_box(long);
    }

    fn read(&self, handle: M::Handle<'_>) -> Option<u64> {
        self.0.read(handle)
    }
}

/// What `std`'s `Arc` does when it is made and dropped, in memory of an allocator that is not the
/// global one: two counts and the order; the last owner gives up the count that all of them have
/// together, and who gives that up last frees.
struct Counted<A: Allocator> {
    counted: NonNull<Counts>,
    of: PhantomData<A>,
}

struct Counts {
    strong: AtomicUsize,
    weak: AtomicUsize,
    order: Order,
}

impl<A: Allocator> Counted<A> {
    #[inline(always)]
    fn new(order: Order) -> Self {
        let layout = Layout::new::<Counts>();
        // SAFETY: the size is not zero.
        let memory = unsafe { A::THE.alloc(layout) };
        let Some(counted) = NonNull::new(memory.cast::<Counts>()) else {
            handle_alloc_error(layout);
        };
        let counts = Counts {
            strong: AtomicUsize::new(1),
            weak: AtomicUsize::new(1),
            order,
        };
        // SAFETY: new memory of that layout.
        unsafe { counted.write(counts) };
        Self {
            counted,
            of: PhantomData,
        }
    }

    fn get(&self) -> &Order {
        &self.counts().order
    }

    #[inline(always)]
    fn counts(&self) -> &Counts {
        // SAFETY: `new` wrote it, and it is freed by the last owner's drop.
        unsafe { self.counted.as_ref() }
    }
}

impl<A: Allocator> Drop for Counted<A> {
    #[inline(always)]
    fn drop(&mut self) {
        // Release: what owners did with the order comes before its end. The fence is the partner.
        if self.counts().strong.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        fence(Ordering::Acquire);
        // As above, for the memory.
        if self.counts().weak.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        fence(Ordering::Acquire);
        let memory = self.counted.as_ptr().cast();
        // SAFETY: `new` got it from this allocator for this layout; nobody else is left to free it.
        unsafe { A::THE.dealloc(memory, Layout::new::<Counts>()) };
    }
}

#[cfg(test)]
pub(super) fn live() -> usize {
    Common::pool().len()
}
