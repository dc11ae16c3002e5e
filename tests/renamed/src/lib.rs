//! The derive's output in the harshest crate: a renamed dependency, no unsafe code, no prelude, and
//! types and constants of its own by the names that an expansion might have wanted.

#![no_implicit_prelude]
#![forbid(unsafe_code)]
#![deny(warnings, clippy::all)]

use ::memory::Pooled;

/// Not the standard one.
#[derive(::core::fmt::Debug)]
pub struct Result;

/// Not the standard one.
#[derive(::core::fmt::Debug)]
pub enum Option {
    /// Not the standard one.
    None,
}

/// Not the library's.
#[derive(::core::fmt::Debug)]
pub struct PoolConfig;

/// Not the library's.
#[derive(::core::fmt::Debug)]
pub struct PageSize;

/// Not the library's.
#[derive(::core::fmt::Debug)]
pub struct NumaPolicy;

/// A trait that puts methods on everything, by the names that an expansion calls.
pub trait Everywhere: ::core::marker::Sized {
    /// Not the library's.
    fn capacity(self, _: usize) {}
    /// Not the library's.
    fn pages(self, _: PageSize) {}
    /// Not the library's.
    fn pages_required(self, _: bool) {}
    /// Not the library's.
    fn lock(self, _: bool) {}
    /// Not the library's.
    fn numa(self, _: NumaPolicy) {}
    /// Not the library's.
    fn pool() {}
}

impl<T> Everywhere for T {}

/// A type that is called as the library's own.
#[derive(::core::fmt::Debug, Pooled)]
#[pool(crate = ::memory, capacity = POOL, magazine = 4, prefault, cache_line)]
pub struct Pool(pub u64);

/// A type whose pool asks the system for what it may not have: nothing is made of it here.
#[derive(::core::fmt::Debug, Pooled)]
#[pool(crate = ::memory, pages = "huge_1g", pages_required, lock, numa = "local_only")]
pub struct Demanding(pub u64);

const POOL: usize = __POOL + CACHE;
const __POOL: usize = 3;
const CACHE: usize = 4;

#[cfg(test)]
mod tests {
    use super::{Demanding, Pool, Pooled};
    use ::memory::PoolBox;
    use ::std::{assert, assert_eq, convert::Into};

    #[test]
    fn works() {
        let boxed: PoolBox<Pool> = Pool(7).into();
        assert_eq!(boxed.0, 7);
        assert_eq!(<Pool as Pooled>::pool().capacity(), 7);
        assert!(!<Pool as Pooled>::pool().is_empty());
        assert_eq!(::std::mem::size_of::<PoolBox<Pool>>(), 8);
    }

    #[test]
    fn asks_the_system() {
        let by_hand = ::memory::PoolConfig::new()
            .pages(::memory::PageSize::Huge1G)
            .pages_required(true)
            .lock(true)
            .numa(::memory::NumaPolicy::LocalOnly);
        assert_eq!(<Demanding as Pooled>::pool().config(), by_hand);
    }
}
