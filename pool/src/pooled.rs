//! The contract between a type and its pool.

#![allow(unsafe_code)]

use crate::cache::ThreadCache;
use crate::kind::Kind;
use crate::pool::Pool;
use crate::recycle::Recycle;
use crate::slot::Discard;
use crate::vacant::Vacant;
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
/// | `shared` | the slots have a header, for [`PoolArc`](crate::PoolArc) and [`PoolWeak`](crate::PoolWeak): 8 bytes a slot |
/// | `recycle` | free objects stay as they are, for [`Pool::take`](crate::Pool::take); the type implements [`Recycle`] |
/// | `on_full = "WORD"` | what to do when the capacity is in use: `"error"`, `"heap"` or `"wait"` ([`PoolConfig::on_full`](crate::PoolConfig::on_full)) |
/// | `scrub` | freed memory is overwritten with zeros ([`PoolConfig::scrub`](crate::PoolConfig::scrub)) |
/// | `for(TYPE, ...)` | of a generic type: the instantiations that have pools, one each |
/// | `crate = PATH` | where this crate is, if it is renamed or re-exported |
///
/// `shared` and `on_full = "heap"` exclude each other, as do `recycle` and `scrub`, and `numa =
/// "local_only"` and any `on_full` but `"error"`. Expressions see constants, and not the parameters of a
/// generic type; a list may name `'static` lifetimes.
///
/// # Safety
///
/// `pool` returns the same pool at every call, made by this crate's hidden constructor for statics
/// and used by no other type; `__cache` is the key that it was made with; `__KIND` says what the rest
/// does. The derive macro sees to it, if what its `crate` names is this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no pool",
    label = "this type has no pool",
    note = "derive `pool::Pooled` on it if it is a struct or an enum of your own, and wrap it in one \
            if it is not; a generic type lists the instantiations that have pools, \
            `#[pool(for(Message<u64>))]`; a `PoolBox` holds one concrete type: for a `dyn Trait` or a \
            slice, see `pool::erase!`",
    note = "a `pool::Pool` value holds objects of any one type, generic and borrowed ones too"
)]
pub unsafe trait Pooled: Sized + 'static {
    /// The type's pool. Its memory is reserved at the first allocation, or by
    /// [`Pool::init`](crate::Pool::init).
    fn pool() -> &'static Pool<Self>;

    #[doc(hidden)]
    fn __cache() -> &'static LocalKey<ThreadCache>;

    /// What the handles are compiled for.
    #[doc(hidden)]
    const __KIND: Kind = Kind::PLAIN;

    /// Drops the object that a free slot holds, if it may hold one.
    #[doc(hidden)]
    const __DISCARD: Option<Discard> = None;

    /// Ends an object's time with its owner, and gives its slot back.
    ///
    /// # Safety
    ///
    /// The slot is of this type's pool, holds a valid object, and is the caller's, who does not use it
    /// again.
    #[doc(hidden)]
    #[inline(always)]
    unsafe fn __end(slot: NonNull<Self>) {
        // SAFETY: by contract.
        unsafe { end(slot) };
    }
}

/// Drops an object, and gives its slot back, also if its destructor panics.
///
/// # Safety
///
/// As for [`Pooled::__end`].
#[inline(always)]
pub(crate) unsafe fn end<T: Pooled>(slot: NonNull<T>) {
    // SAFETY: the caller's, and empty once the object is dropped.
    let vacant = unsafe { Vacant::new(slot) };
    // SAFETY: by contract it holds an object that nobody else uses.
    unsafe { vacant.slot().drop_in_place() };
}

/// A type whose slots have a header, so that its objects can have several owners: derive
/// [`Pooled`](macro@crate::Pooled) with `#[pool(shared)]`. What [`PoolArc`](crate::PoolArc) asks for.
///
/// # Safety
///
/// `__KIND` says `shared`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot have several owners: its slots have no count of them",
    label = "not `shared`",
    note = "write `#[pool(shared)]` on the type, beside `#[derive(Pooled)]`"
)]
pub unsafe trait Shared: Pooled {}

/// A type for whose free slots one can wait: derive [`Pooled`](macro@crate::Pooled) with
/// `#[pool(on_full = "wait")]`.
///
/// # Safety
///
/// `__KIND` says `on_full = "wait"`.
#[diagnostic::on_unimplemented(
    message = "nobody can wait for a free slot of `{Self}`: those who free one tell nobody",
    label = "does not wait when full",
    note = "write `#[pool(on_full = \"wait\")]` on the type, beside `#[derive(Pooled)]`"
)]
pub unsafe trait Waits: Pooled {}

/// A type whose free objects stay as they are: derive [`Pooled`](macro@crate::Pooled) with
/// `#[pool(recycle)]`.
///
/// # Safety
///
/// `__KIND` says `recycle`, and `__DISCARD` and `__end` are those of recycled types.
#[diagnostic::on_unimplemented(
    message = "objects of `{Self}` are not recycled: there are none to be taken",
    label = "not `recycle`",
    note = "write `#[pool(recycle)]` on the type, beside `#[derive(Pooled)]`, and implement \
            `pool::Recycle` for it"
)]
pub unsafe trait Recycles:
    Pooled
    + Recycle
    + Send // the next owner may be on another thread,
    + Unpin // and gets it to be moved, even if the last one had pinned it
{
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

    const __KIND: Kind = T::__KIND;
    const __DISCARD: Option<Discard> = T::__DISCARD;
}
