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

/// A trait that puts methods on everything, by the names that an expansion calls.
pub trait Everywhere: ::core::marker::Sized {
    /// Not the library's.
    fn capacity(self, _: usize) {}
    /// Not the library's.
    fn pool() {}
}

impl<T> Everywhere for T {}

/// A type that is called as the library's own.
#[derive(::core::fmt::Debug, Pooled)]
#[pool(crate = ::memory, capacity = POOL, magazine = 4, prefault, cache_line)]
pub struct Pool(pub u64);

const POOL: usize = __POOL + CACHE;
const __POOL: usize = 3;
const CACHE: usize = 4;

#[cfg(test)]
mod tests {
    use super::{Pool, Pooled};
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
}
