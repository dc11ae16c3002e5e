//! General allocators: the system's, through `Box`, and three that are called by their
//! `GlobalAlloc` with a constant layout, as `Box` calls the one that is installed.

use super::Subject;
use crate::Order;
use std::alloc::{GlobalAlloc, Layout, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::NonNull;

/// `Box`, which here is `malloc` and `free`.
#[derive(Debug)]
pub struct Glibc;

impl Subject for Glibc {
    const NAME: &'static str = "glibc";
    type Handle<'a> = Box<Order>;
    type Sink<'a> = ();

    fn with_room(_: usize) -> Self {
        Self
    }

    #[inline(always)]
    fn make(&self, order: Order) -> Box<Order> {
        Box::new(order)
    }

    fn sink(&self) {}

    #[inline(always)]
    unsafe fn free((): (), handle: Box<Order>) {
        drop(handle);
    }

    unsafe fn read((): (), handle: &Box<Order>) -> Order {
        **handle
    }
}

/// An allocator that has no state of its own.
pub trait Allocator: GlobalAlloc + 'static {
    /// What it is called.
    const NAME: &'static str;
    /// It.
    const THE: Self;
}

impl Allocator for mimalloc::MiMalloc {
    const NAME: &'static str = "mimalloc";
    const THE: Self = Self;
}

impl Allocator for snmalloc_rs::SnMalloc {
    const NAME: &'static str = "snmalloc";
    const THE: Self = Self;
}

impl Allocator for tikv_jemallocator::Jemalloc {
    const NAME: &'static str = "jemalloc";
    const THE: Self = Self;
}

/// An allocator as a subject.
#[derive(Debug)]
pub struct Heap<A>(PhantomData<A>);

/// A `Box` of that allocator, for what has nothing to drop.
#[derive(Debug)]
pub struct Owned<A: Allocator, T: Copy = Order> {
    order: NonNull<T>,
    of: PhantomData<A>,
}

// SAFETY: it owns an order, which is `Send`, in memory that any thread may free.
unsafe impl<A: Allocator, T: Copy + Send> Send for Owned<A, T> {}

impl<A: Allocator, T: Copy> Owned<A, T> {
    /// Moves a value into memory of the allocator.
    #[inline(always)]
    #[must_use]
    pub fn new(order: T) -> Self {
        const { assert!(size_of::<T>() > 0) };
        let layout = Layout::new::<T>();
        // SAFETY: the size is not zero.
        let memory = unsafe { A::THE.alloc(layout) };
        let Some(place) = NonNull::new(memory.cast::<T>()) else {
            handle_alloc_error(layout);
        };
        // SAFETY: new memory of that layout.
        unsafe { place.write(order) };
        Self {
            order: place,
            of: PhantomData,
        }
    }

    /// Where it is.
    #[must_use]
    pub const fn place(&self) -> NonNull<T> {
        self.order
    }
}

impl<A: Allocator, T: Copy> Drop for Owned<A, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: `new` got it from this allocator for this layout; nobody else frees it.
        unsafe { A::THE.dealloc(self.order.as_ptr().cast(), Layout::new::<T>()) };
    }
}

impl<A: Allocator> Subject for Heap<A> {
    const NAME: &'static str = A::NAME;
    type Handle<'a> = Owned<A>;
    type Sink<'a> = ();

    fn with_room(_: usize) -> Self {
        Self(PhantomData)
    }

    #[inline(always)]
    fn make(&self, order: Order) -> Owned<A> {
        Owned::new(order)
    }

    fn sink(&self) {}

    #[inline(always)]
    unsafe fn free((): (), handle: Owned<A>) {
        drop(handle);
    }

    unsafe fn read((): (), handle: &Owned<A>) -> Order {
        // SAFETY: the handle owns an order that `make` wrote.
        unsafe { handle.order.read() }
    }
}
