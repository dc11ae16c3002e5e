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

/// Not the library's.
#[derive(::core::fmt::Debug)]
pub struct Kind;

/// Not the library's.
#[derive(::core::fmt::Debug)]
pub struct OnFull;

/// Not the library's.
#[derive(::core::fmt::Debug)]
pub struct ThreadCache;

/// Not the standard one.
pub trait Send {}

/// Not the standard one.
pub trait Sized {}

/// Not the library's.
pub trait Recycle {
    /// Not the library's.
    fn recycle(&mut self) {}
}

impl<T> Recycle for T {}

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
    fn prefault(self, _: bool) {}
    /// Not the library's.
    fn cache_line(self, _: bool) {}
    /// Not the library's.
    fn magazine(self, _: u32) {}
    /// Not the library's.
    fn shared(self) {}
    /// Not the library's.
    fn recycled(self) {}
    /// Not the library's.
    fn scrubbed(self) {}
    /// Not the library's.
    fn scrub(self, _: bool) {}
    /// Not the library's.
    fn on_full(self, _: OnFull) {}
    /// Not the library's.
    fn pool() {}
    /// Not the library's.
    fn for_static() {}
    /// Not the library's.
    #[expect(clippy::new_ret_no_self, reason = "it is only in the way")]
    fn new() {}
    /// Not the library's.
    fn __cache() {}
    /// Not the library's.
    fn __end() {}
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

/// A generic type, whose lists name this crate's types. What they are called, others are called too.
#[derive(::core::fmt::Debug, Pooled)]
#[pool(crate = ::memory, capacity = POOL, shared, recycle, on_full = "wait")]
#[pool(for(Generic<u64, 1>, Generic<Generic<u64, 1>, POOL>), for(Generic<Option, 2>))]
pub struct Generic<T, const __POOL: usize = 1>
where
    T: ::core::fmt::Debug,
{
    /// What there is of it.
    pub some: ::core::option::Option<T>,
}

impl<T: ::core::fmt::Debug, const N: usize> ::core::default::Default for Generic<T, N> {
    fn default() -> Self {
        let some = ::core::option::Option::None;
        Self { some }
    }
}

impl<T: ::core::fmt::Debug, const N: usize> ::memory::Recycle for Generic<T, N> {
    fn recycle(&mut self) {
        self.some = ::core::option::Option::None;
    }
}

/// A type that is called as what the derive declares, with what else there is to say.
#[derive(::core::fmt::Debug, Pooled)]
#[pool(crate = ::memory, scrub, on_full = "heap")]
pub struct __CACHE(pub u64);

const POOL: usize = __POOL + CACHE;
const __POOL: usize = 3;
const CACHE: usize = 4;

#[cfg(test)]
mod tests {
    use super::{__CACHE, Demanding, Generic, Option, Pool, Pooled};
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

    #[test]
    fn instantiations() {
        fn asked<T: ::memory::Shared + ::memory::Waits + ::memory::Recycles>() {}

        asked::<Generic<u64, 1>>();
        asked::<Generic<Option, 2>>();
        let inner = Generic::<u64, 1> {
            some: ::core::option::Option::Some(7),
        };
        let outer = Generic::<_, 7> {
            some: ::core::option::Option::Some(inner),
        };
        let boxed = PoolBox::new(outer);
        assert!(boxed.some.is_some());
        assert_eq!(<Generic<u64, 1> as Pooled>::pool().capacity(), 7);
        assert!(<Generic<u64, 1> as Pooled>::pool().is_empty());
        assert_eq!(<Generic<Generic<u64, 1>, 7> as Pooled>::pool().len(), 1);
        ::std::mem::drop(boxed);
        assert!(<Generic<Generic<u64, 1>, 7> as Pooled>::pool().is_empty());
    }

    #[test]
    fn scrubbed_and_on_the_heap() {
        let by_hand = ::memory::PoolConfig::new()
            .on_full(::memory::OnFull::Heap)
            .scrub(true);
        assert_eq!(<__CACHE as Pooled>::pool().config(), by_hand);
        assert_eq!(PoolBox::new(__CACHE(7)).0, 7);
    }
}
