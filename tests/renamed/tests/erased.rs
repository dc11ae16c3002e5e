//! `erase!` in the harshest crate, as the derive.

#![no_implicit_prelude]
#![forbid(unsafe_code)]
#![deny(warnings, clippy::all)]

use ::memory::{ErasedArc, ErasedBox, PoolArc, PoolBox, Pooled};
use ::std::assert_eq;
use ::std::fmt::Debug;
use ::std::marker::{Send, Sync};

/// Not the library's.
#[expect(dead_code, reason = "an expansion might have wanted it")]
struct Whole;

#[derive(Debug, Pooled)]
#[pool(crate = ::memory, shared)]
struct Order(u64);

#[test]
fn works() {
    let plain = PoolBox::new(Order(7));
    assert_eq!(plain.0, 7);
    let boxed: ErasedBox<dyn Debug + Send> = ::memory::erase!(plain, dyn Debug + Send);
    assert_eq!(::std::format!("{boxed:?}"), "Order(7)");
    let owner: ErasedArc<dyn Debug + Send + Sync> =
        ::memory::erase!(PoolArc::new(Order(8)), dyn Debug + Send + Sync);
    assert_eq!(::std::format!("{owner:?}"), "Order(8)");
    assert_eq!(<Order as Pooled>::pool().len(), 2);
}
