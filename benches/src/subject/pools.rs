//! Pools whose handles give the order back when they are dropped.

use super::Subject;
use crate::Order;

/// `plurality`: one thread allocates, any thread may drop.
///
/// The handle is its `Box`, which can do that. Its `Alloc` is cheaper, but cannot leave the thread.
#[derive(Debug)]
pub struct Plurality(plurality::Pool<Order>);

impl Subject for Plurality {
    const NAME: &'static str = "plurality";
    type Handle<'a> = plurality::Box<Order>;
    type Sink<'a> = ();

    fn with_room(_: usize) -> Self {
        Self(plurality::Pool::new())
    }

    #[inline(always)]
    fn make(&self, order: Order) -> plurality::Box<Order> {
        self.0.alloc_box(order)
    }

    fn sink(&self) {}

    #[inline(always)]
    unsafe fn free((): (), handle: plurality::Box<Order>) {
        drop(handle);
    }

    unsafe fn read((): (), handle: &plurality::Box<Order>) -> Order {
        **handle
    }
}

/// `infinity_pool`'s thread-safe pool of one type, and its unique handle.
#[derive(Debug)]
pub struct InfinityPool(infinity_pool::PinnedPool<Order>);

impl Subject for InfinityPool {
    const NAME: &'static str = "infinity_pool";
    type Handle<'a> = infinity_pool::PooledMut<Order>;
    type Sink<'a> = ();

    fn with_room(orders: usize) -> Self {
        let pool = infinity_pool::PinnedPool::new();
        pool.reserve(orders);
        Self(pool)
    }

    #[inline(always)]
    fn make(&self, order: Order) -> infinity_pool::PooledMut<Order> {
        self.0.insert(order)
    }

    fn sink(&self) {}

    #[inline(always)]
    unsafe fn free((): (), handle: infinity_pool::PooledMut<Order>) {
        drop(handle);
    }

    unsafe fn read((): (), handle: &infinity_pool::PooledMut<Order>) -> Order {
        **handle
    }
}

/// `opool`'s thread-safe pool. It hands out used orders, which are overwritten; they are in the
/// guard, and move with it.
#[derive(Debug)]
pub struct Opool(opool::Pool<Orders, Order>);

/// What `opool` asks for orders when it has none.
#[derive(Debug)]
pub struct Orders;

impl opool::PoolAllocator<Order> for Orders {
    #[inline(always)]
    fn allocate(&self) -> Order {
        Order::nth(0)
    }
}

impl Subject for Opool {
    const NAME: &'static str = "opool";
    type Handle<'a> = opool::RefGuard<'a, Orders, Order>;
    type Sink<'a> = ();

    fn with_room(orders: usize) -> Self {
        Self(opool::Pool::new_prefilled(orders, Orders))
    }

    #[inline(always)]
    fn make(&self, order: Order) -> opool::RefGuard<'_, Orders, Order> {
        let mut guard = self.0.get();
        *guard = order;
        guard
    }

    fn sink(&self) {}

    #[inline(always)]
    unsafe fn free<'a>((): (), handle: opool::RefGuard<'a, Orders, Order>) {
        drop(handle);
    }

    unsafe fn read<'a>((): (), handle: &opool::RefGuard<'a, Orders, Order>) -> Order {
        **handle
    }
}

/// `object-pool`: a locked stack of used orders, which are overwritten; they are in the handle,
/// and move with it.
pub struct ObjectPool(object_pool::Pool<Order>);

impl Subject for ObjectPool {
    const NAME: &'static str = "object-pool";
    type Handle<'a> = object_pool::Reusable<'a, Order>;
    type Sink<'a> = ();

    fn with_room(orders: usize) -> Self {
        Self(object_pool::Pool::new(orders, || Order::nth(0)))
    }

    #[inline(always)]
    fn make(&self, order: Order) -> object_pool::Reusable<'_, Order> {
        let mut handle = self.0.pull(|| Order::nth(0));
        *handle = order;
        handle
    }

    fn sink(&self) {}

    #[inline(always)]
    unsafe fn free<'a>((): (), handle: object_pool::Reusable<'a, Order>) {
        drop(handle);
    }

    unsafe fn read<'a>((): (), handle: &object_pool::Reusable<'a, Order>) -> Order {
        **handle
    }
}
