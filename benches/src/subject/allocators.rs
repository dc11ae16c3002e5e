//! General allocators: the system's, through `Box`, and such as are called by their
//! `GlobalAlloc` with a constant layout, as `Box` calls the one that is installed.

use super::Subject;
use crate::Order;
use pool::SlabAlloc;
use std::alloc::{self, GlobalAlloc, Layout, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::NonNull;

/// `Box`, which is `malloc` and `free`: a program installs another allocator or it measures this, never
/// both.
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

/// Our own, one for the whole process.
static SLAB: SlabAlloc = SlabAlloc::new();

/// [`SlabAlloc`], as the others are called.
#[derive(Debug, Clone, Copy)]
pub struct Slab;

// SAFETY: each call is passed on to one allocator, which keeps the contract.
unsafe impl GlobalAlloc for Slab {
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by contract.
        unsafe { SLAB.alloc(layout) }
    }

    #[inline(always)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: by contract, a block of `SLAB`.
        unsafe { SLAB.dealloc(block, layout) };
    }

    #[inline(always)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by contract.
        unsafe { SLAB.alloc_zeroed(layout) }
    }

    #[inline(always)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: by contract, a block of `SLAB`.
        unsafe { SLAB.realloc(block, layout, size) }
    }
}

impl Allocator for Slab {
    const NAME: &'static str = "slab";
    const THE: Self = Self;
}

/// Whatever the program has installed.
#[derive(Debug, Clone, Copy)]
pub struct Installed;

// SAFETY: each call is passed on to one allocator, which keeps the contract.
unsafe impl GlobalAlloc for Installed {
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by contract.
        unsafe { alloc::alloc(layout) }
    }

    #[inline(always)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: by contract, a block of it.
        unsafe { alloc::dealloc(block, layout) };
    }
}

impl Allocator for Installed {
    const NAME: &'static str = "installed";
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
