//! What types pay that say what is to be done when their pool is full, or that are scrubbed.

use super::{Comparison, Job, Makes, OURS, alone, beside, ids};
use crate::Order;
use crate::subject::Owned;
use mimalloc::MiMalloc;
use pool::{PoolBox, Pooled};
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ptr;

/// The row that the others are held against.
const PLAIN: &str = "plain";

pub(super) const HEAP_ROOM: Comparison = Comparison {
    family: "heap-room",
    threads: 1,
    measures: &[beside(PLAIN)],
    makers: |_| vec![boxes::<Overflowing>(OURS), boxes::<Order>(PLAIN)],
    expected: ids,
};

pub(super) const HEAP_BEYOND: Comparison = Comparison {
    family: "heap-beyond",
    measures: &[beside("glibc"), beside("mimalloc")],
    makers: beyond,
    ..HEAP_ROOM
};

pub(super) const WAIT_ROOM: Comparison = Comparison {
    family: "wait-room",
    makers: |_| vec![boxes::<Awaited>(OURS), boxes::<Order>(PLAIN)],
    ..HEAP_ROOM
};

pub(super) const SCRUB_64: Comparison = Comparison {
    family: "scrub-64",
    measures: &[beside(PLAIN), beside(BY_HAND)],
    makers: |_| {
        vec![
            boxes::<Secret>(OURS),
            boxes::<Order>(PLAIN),
            by_hand::<Order>(),
        ]
    },
    ..HEAP_ROOM
};

pub(super) const SCRUB_4096: Comparison = Comparison {
    family: "scrub-4096",
    makers: |_| {
        vec![
            boxes::<SecretPage>(OURS),
            boxes::<Page>(PLAIN),
            by_hand::<Page>(),
        ]
    },
    ..SCRUB_64
};

/// Zeros written by who drops the object: what is to be written anyway.
const BY_HAND: &str = "zeroed by hand";

/// Something with a number.
trait Numbered: Pooled {
    fn nth(n: u64) -> Self;
    fn number(&self) -> u64;
}

/// Pages of which only the beginning is written, so that freeing them is what costs.
const REST: usize = 4_096 - size_of::<u64>();

macro_rules! orders {
    ($($type:ident $capacity:literal $($attribute:ident $(= $value:literal)?),+;)+) => {
        $(
            #[derive(Pooled)]
            #[pool(capacity = $capacity, $($attribute $(= $value)?),+)]
            struct $type(Order);

            impl Numbered for $type {
                #[inline(always)]
                fn nth(n: u64) -> Self {
                    Self(Order::nth(n))
                }

                fn number(&self) -> u64 {
                    self.0.id
                }
            }
        )+
    };
}

orders! {
    Overflowing 65536 on_full = "heap";
    Overflown 64 on_full = "heap";
    Awaited 65536 on_full = "wait";
    Secret 65536 scrub;
}

impl Numbered for Order {
    #[inline(always)]
    fn nth(n: u64) -> Self {
        Self::nth(n)
    }

    fn number(&self) -> u64 {
        self.id
    }
}

#[derive(Pooled)]
#[pool(capacity = 1_024)]
struct Page {
    number: u64,
    _rest: MaybeUninit<[u8; REST]>,
}

#[derive(Pooled)]
#[pool(capacity = 1_024, scrub)]
struct SecretPage {
    number: u64,
    _rest: MaybeUninit<[u8; REST]>,
}

macro_rules! pages {
    ($($type:ident)+) => {
        $(
            impl Numbered for $type {
                #[inline(always)]
                fn nth(n: u64) -> Self {
                    Self {
                        number: n,
                        _rest: MaybeUninit::uninit(),
                    }
                }

                fn number(&self) -> u64 {
                    self.number
                }
            }
        )+
    };
}

pages! { Page SecretPage }

fn boxes<T: Numbered>(subject: &'static str) -> Box<dyn Job> {
    let makes = Makes {
        make: |n| PoolBox::new_with(|| T::nth(n)),
        read: |object: PoolBox<T>| Some(object.number()),
    };
    alone(subject, makes)
}

/// An object that is overwritten before it is freed.
struct Wiped<T: Numbered>(PoolBox<MaybeUninit<T>>);

impl<T: Numbered> Drop for Wiped<T> {
    #[inline(always)]
    fn drop(&mut self) {
        let object = self.0.as_mut_ptr();
        // SAFETY: it is there, and has nothing to drop.
        unsafe { ptr::write_bytes(object, 0, 1) };
        // The zeros are seen, so they are written.
        black_box(object);
    }
}

fn by_hand<T: Numbered>() -> Box<dyn Job> {
    const { assert!(!std::mem::needs_drop::<T>()) };
    let makes = Makes {
        make: |n| {
            let mut object = PoolBox::<T>::new_uninit();
            object.write(T::nth(n));
            Wiped(object)
        },
        // SAFETY: it was written when it was made.
        read: |object: Wiped<T>| Some(unsafe { object.0.assume_init_ref() }.number()),
    };
    alone(BY_HAND, makes)
}

/// With as many objects as there is room for, so that the others are on the heap.
fn beyond(_: usize) -> Vec<Box<dyn Job>> {
    let room = 0..Overflown::pool().capacity() as u64;
    let kept: Vec<_> = room.map(|n| PoolBox::new(Overflown::nth(n))).collect();
    let ours = Makes {
        make: move |n| {
            let _ = &kept;
            PoolBox::new_with(|| Overflown::nth(n))
        },
        read: |object: PoolBox<Overflown>| Some(object.number()),
    };
    let glibc = Makes {
        make: |n| Box::new(Order::nth(n)),
        read: |order: Box<Order>| Some(order.id),
    };
    let mimalloc = Makes {
        make: |n| Owned::<MiMalloc>::new(Order::nth(n)),
        // SAFETY: the handle owns an order that was written when it was made.
        read: |order: Owned<MiMalloc>| Some(unsafe { order.place().read() }.id),
    };
    vec![
        alone(OURS, ours),
        alone("glibc", glibc),
        alone("mimalloc", mimalloc),
    ]
}

#[cfg(test)]
pub(super) fn live() -> usize {
    [
        Overflowing::pool().len(),
        Overflown::pool().len(),
        Awaited::pool().len(),
        Secret::pool().len(),
        Page::pool().len(),
        SecretPage::pool().len(),
    ]
    .into_iter()
    .sum()
}
