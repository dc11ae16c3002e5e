//! Which public types are `Send`, `Sync`, `Unpin` and unwind-safe, and which are not.

use pool::numa::{AffinityError, Node, RunOn, Topology, TopologyBuilder, TopologyError};
use pool::{
    Full, Granted, InitError, Memory, NumaPolicy, PageSize, Pool, PoolBox, PoolConfig, Pooled,
    Region, ScopedBox, Stats,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::{Cell, UnsafeCell};
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::marker::PhantomPinned;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::MutexGuard;

#[derive(Pooled)]
struct Plain(#[expect(dead_code, reason = "only its type counts")] u64);

#[derive(Pooled)]
struct Neither(#[expect(dead_code, reason = "only its type counts")] Rc<u64>);

#[derive(Pooled)]
struct SendOnly(#[expect(dead_code, reason = "only its type counts")] Cell<u64>);

#[derive(Pooled)]
struct SyncOnly(#[expect(dead_code, reason = "only its type counts")] MutexGuard<'static, u64>);

#[derive(Pooled)]
struct Pinned(PhantomPinned);

#[derive(Pooled)]
struct Unsafe(#[expect(dead_code, reason = "only its type counts")] UnsafeCell<u64>);

#[derive(Pooled)]
struct Exclusive(#[expect(dead_code, reason = "only its type counts")] &'static mut u64);

// As `Box<T>` is: the right column is what the left one must be.
assert_impl_all!(PoolBox<Plain>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Box<Plain>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);

assert_not_impl_any!(PoolBox<Neither>: Send, Sync);
assert_not_impl_any!(Box<Neither>: Send, Sync);

assert_impl_all!(PoolBox<SendOnly>: Send);
assert_not_impl_any!(PoolBox<SendOnly>: Sync);
assert_impl_all!(Box<SendOnly>: Send);
assert_not_impl_any!(Box<SendOnly>: Sync);

assert_impl_all!(PoolBox<SyncOnly>: Sync);
assert_not_impl_any!(PoolBox<SyncOnly>: Send);
assert_impl_all!(Box<SyncOnly>: Sync);
assert_not_impl_any!(Box<SyncOnly>: Send);

assert_impl_all!(PoolBox<Pinned>: Unpin);
assert_impl_all!(Box<Pinned>: Unpin);

assert_impl_all!(PoolBox<Unsafe>: UnwindSafe);
assert_not_impl_any!(PoolBox<Unsafe>: RefUnwindSafe);
assert_impl_all!(Box<Unsafe>: UnwindSafe);
assert_not_impl_any!(Box<Unsafe>: RefUnwindSafe);

assert_impl_all!(PoolBox<Exclusive>: RefUnwindSafe);
assert_not_impl_any!(PoolBox<Exclusive>: UnwindSafe);
assert_impl_all!(Box<Exclusive>: RefUnwindSafe);
assert_not_impl_any!(Box<Exclusive>: UnwindSafe);

assert_impl_all!(ScopedBox<'static, u64>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(ScopedBox<'static, &'static mut u64>: UnwindSafe);
assert_not_impl_any!(ScopedBox<'static, Rc<u64>>: Send, Sync);
assert_impl_all!(ScopedBox<'static, Cell<u64>>: Send);
assert_not_impl_any!(ScopedBox<'static, Cell<u64>>: Sync);
assert_not_impl_any!(ScopedBox<'static, MutexGuard<'static, u64>>: Send);
assert_impl_all!(ScopedBox<'static, PhantomPinned>: Unpin);

// A pool holds no values of its own, only room: it is shared whatever the type.
assert_impl_all!(Pool<u64>: Send, Sync, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Pool<Rc<u64>>: Send, Sync);

assert_impl_all!(Full<u64>: Send, Sync, Copy, std::error::Error);
assert_not_impl_any!(Full<Rc<u64>>: Send, Sync);
assert_impl_all!(PoolConfig: Send, Sync, Copy, Eq);
assert_impl_all!(Stats: Send, Sync, Clone, Eq);
assert_impl_all!(InitError: Send, Sync, Copy, Eq, std::error::Error);

// What is asked, and what was granted: plain data.
assert_impl_all!(PageSize: Send, Sync, Copy, Eq, Hash, Default, Debug, Display, UnwindSafe);
assert_impl_all!(NumaPolicy: Send, Sync, Copy, Eq, Hash, Default, Debug, Display, UnwindSafe);
assert_impl_all!(Granted: Send, Sync, Copy, Eq, Hash, Debug, UnwindSafe);
assert_impl_all!(Region: Send, Sync, Clone, Eq, Debug, Display, Unpin, UnwindSafe);
assert_impl_all!(Memory: Send, Sync, Clone, Eq, Default, Debug, Display, Unpin, UnwindSafe);

// A topology is shared by all threads, once read.
assert_impl_all!(Topology: Send, Sync, Clone, Eq, Debug, Display, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Node: Send, Sync, Clone, Eq, Debug, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(TopologyBuilder: Send, Sync, Clone, Default, Debug);

// A guard of the thread that made it.
assert_not_impl_any!(RunOn: Send, Sync, Copy, Clone);
assert_impl_all!(TopologyError: Send, Sync, Eq, std::error::Error);
assert_impl_all!(AffinityError: Send, Sync, Eq, std::error::Error);

// One owner: no copies.
assert_not_impl_any!(PoolBox<Plain>: Copy, Clone);
assert_not_impl_any!(ScopedBox<'static, u64>: Copy, Clone);

#[test]
fn sizes() {
    let word = size_of::<usize>();
    assert_eq!(size_of::<PoolBox<Plain>>(), word);
    assert_eq!(size_of::<Option<PoolBox<Plain>>>(), word);
    assert_eq!(size_of::<ScopedBox<'static, u64>>(), 2 * word);
    assert_eq!(size_of::<Option<ScopedBox<'static, u64>>>(), 2 * word);
}
