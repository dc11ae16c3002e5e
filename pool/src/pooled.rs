//! The contract between a type and its pool, and the hot path that rests on it.

#![allow(unsafe_code)]

use crate::cache::ThreadCache;
use crate::full::Refusal;
use crate::pool::Pool;
use crate::thread;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::thread::LocalKey;

/// A type that has a pool of its own. Derive it:
///
/// ```
/// use pool::{PoolBox, Pooled};
///
/// #[derive(Pooled)]
/// #[pool(capacity = 1 << 20)]
/// struct Order {
///     id: u64,
///     price: i64,
///     qty: u32,
/// }
///
/// let mut order = PoolBox::new(Order { id: 1, price: 100_00, qty: 5 });
/// order.qty += 1;
/// assert_eq!(Order::pool().len(), 1);
/// drop(order);
/// assert_eq!(Order::pool().len(), 0);
/// ```
///
/// The derive declares a `static` pool and a thread-local cache; nothing else has to be set up.
/// Attributes, all inside `#[pool(...)]` and all optional:
///
/// | attribute | meaning |
/// |---|---|
/// | `capacity = EXPR` | objects that the pool promises to hold: a constant expression, a `usize`, which names the type by its name and not by `Self`; 65,536 if left out ([`PoolConfig::capacity`](crate::PoolConfig::capacity)) |
/// | `magazine = EXPR` | free slots that a thread moves at a time: likewise, a `u32` from 1 to 65,535 ([`PoolConfig::magazine`](crate::PoolConfig::magazine)) |
/// | `prefault` | touch the memory of all objects when the pool is made, which its first use or [`Pool::prefault`](crate::Pool::prefault) does ([`PoolConfig::prefault`](crate::PoolConfig::prefault)) |
/// | `cache_line` | no two objects on one cache line ([`PoolConfig::cache_line`](crate::PoolConfig::cache_line)) |
/// | `pages = "WORD"` | pages of that size, or the next smaller ones that are to be had: `"base"`, `"transparent"`, `"huge_2m"` or `"huge_1g"` ([`PoolConfig::pages`](crate::PoolConfig::pages)) |
/// | `pages_required` | smaller pages than those are an error ([`PoolConfig::pages_required`](crate::PoolConfig::pages_required)) |
/// | `lock` | lock the memory of all objects when the pool is made, so that it is never swapped out ([`PoolConfig::lock`](crate::PoolConfig::lock)) |
/// | `numa = "WORD"` | which node's memory a thread is served from: `"local_only"`, `"preferred"`, `"interleaved"` or `"adaptive"` ([`PoolConfig::numa`](crate::PoolConfig::numa)) |
/// | `crate = PATH` | where this crate is, if it is renamed or re-exported |
///
/// # Safety
///
/// `pool` returns the same pool at every call, made by this crate's hidden constructor for statics
/// and used by no other type; `__cache` is the key that it was made with. The derive macro sees to
/// both, if what its `crate` names is this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no pool",
    label = "this type has no pool",
    note = "derive `pool::Pooled` on it if it is a struct or an enum of your own, and wrap it in one \
            if it is not; a `PoolBox` holds one concrete type: no `dyn Trait` and no slice",
    note = "a `pool::Pool` value holds objects of any one type, generic and borrowed ones too"
)]
pub unsafe trait Pooled: Sized + 'static {
    /// The type's pool. Its memory is reserved at the first allocation, or by
    /// [`Pool::init`](crate::Pool::init).
    fn pool() -> &'static Pool<Self>;

    #[doc(hidden)]
    fn __cache() -> &'static LocalKey<ThreadCache>;
}

#[diagnostic::do_not_recommend]
// SAFETY: the pool of `T`, which deals in raw slots, and its cache; see `Pool::of_uninit`.
unsafe impl<T: Pooled> Pooled for MaybeUninit<T> {
    fn pool() -> &'static Pool<Self> {
        T::pool().of_uninit()
    }

    #[inline(always)]
    fn __cache() -> &'static LocalKey<ThreadCache> {
        T::__cache()
    }
}

/// A slot of a type's own pool. The hot path: a thread-local, a test of a length, a load.
#[inline(always)]
pub(crate) fn take<T: Pooled>() -> Result<NonNull<T>, Refusal> {
    thread::with_local(T::__cache(), |cache| match cache.allocate() {
        Some(slot) => Ok(slot.cast()),
        None => take_slow(cache),
    })
}

#[cold]
#[inline(never)]
fn take_slow<T: Pooled>(cache: &ThreadCache) -> Result<NonNull<T>, Refusal> {
    let pool = T::pool();
    let caches = pool.caches()?;
    caches
        .allocate_slow(cache, |caches| thread::enroll(caches, cache, T::__cache))
        .map(NonNull::cast)
        .map_err(|shortage| pool.refusal(shortage))
}

/// Puts a slot back into the type's own pool. The hot path: as for [`take`], with a store.
///
/// # Safety
///
/// The slot came from [`take`] for a type with the same pool, and is not used again.
#[inline(always)]
pub(crate) unsafe fn put<T: Pooled>(slot: NonNull<T>) {
    thread::with_local(T::__cache(), |cache| {
        if !cache.free(slot.cast()) {
            put_slow::<T>(cache, slot);
        }
    });
}

#[cold]
#[inline(never)]
fn put_slow<T: Pooled>(cache: &ThreadCache, slot: NonNull<T>) {
    let caches = T::pool().made().expect("a pool that gave a slot was made");
    caches.free_slow(cache, slot.cast(), |caches| {
        thread::enroll(caches, cache, T::__cache);
    });
}
