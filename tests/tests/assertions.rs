//! Which public types are `Send`, `Sync`, `Unpin` and unwind-safe, and which are not.

use pool::numa::{AffinityError, Node, RunOn, Topology, TopologyBuilder, TopologyError};
use pool::{
    Decision, Full, Granted, InitError, Memory, NodeStats, NumaPolicy, OnFull, PageSize, Pool,
    PoolBox, PoolConfig, Pooled, Progress, Recycle, Region, ScopedBox, Stats,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::{Cell, UnsafeCell};
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::marker::PhantomPinned;
use std::mem::MaybeUninit;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::MutexGuard;
use std::sync::mpsc::SendError;

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

// What else the attributes ask for changes nothing of it.
#[derive(Default, Pooled)]
#[pool(recycle, shared, on_full = "wait")]
struct Reused(#[expect(dead_code, reason = "only its type counts")] Cell<u64>);

impl Recycle for Reused {
    fn recycle(&mut self) {}
}

#[derive(Pooled)]
#[pool(scrub, on_full = "heap")]
struct Wiped(#[expect(dead_code, reason = "only its type counts")] Rc<u64>);

#[derive(Pooled)]
#[pool(for(Generic<u64>, Generic<Rc<u64>>, Generic<PhantomPinned>))]
struct Generic<T>(T);

assert_impl_all!(PoolBox<Reused>: Send, Unpin, UnwindSafe);
assert_not_impl_any!(PoolBox<Reused>: Sync, RefUnwindSafe);
assert_impl_all!(Box<Reused>: Send, Unpin, UnwindSafe);
assert_not_impl_any!(Box<Reused>: Sync, RefUnwindSafe);
assert_impl_all!(PoolBox<Wiped>: Unpin, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(PoolBox<Wiped>: Send, Sync);
assert_impl_all!(Box<Wiped>: Unpin, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(Box<Wiped>: Send, Sync);
assert_impl_all!(PoolBox<Generic<u64>>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(PoolBox<Generic<PhantomPinned>>: Send, Sync, Unpin);
assert_not_impl_any!(PoolBox<Generic<Rc<u64>>>: Send, Sync);

// Not initialised yet, and of the same threads.
assert_impl_all!(PoolBox<MaybeUninit<Plain>>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Box<MaybeUninit<Plain>>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(PoolBox<MaybeUninit<Neither>>: Send, Sync);
assert_not_impl_any!(Box<MaybeUninit<Neither>>: Send, Sync);

// A `Box` that borrows its heap: the upper row is what the lower one must be.
assert_impl_all!(ScopedBox<'static, u64>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Box<u64>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(ScopedBox<'static, Rc<u64>>: Send, Sync);
assert_not_impl_any!(Box<Rc<u64>>: Send, Sync);
assert_impl_all!(ScopedBox<'static, Cell<u64>>: Send, UnwindSafe);
assert_not_impl_any!(ScopedBox<'static, Cell<u64>>: Sync, RefUnwindSafe);
assert_impl_all!(Box<Cell<u64>>: Send, UnwindSafe);
assert_not_impl_any!(Box<Cell<u64>>: Sync, RefUnwindSafe);
assert_impl_all!(ScopedBox<'static, MutexGuard<'static, u64>>: Sync);
assert_not_impl_any!(ScopedBox<'static, MutexGuard<'static, u64>>: Send);
assert_impl_all!(Box<MutexGuard<'static, u64>>: Sync);
assert_not_impl_any!(Box<MutexGuard<'static, u64>>: Send);
assert_impl_all!(ScopedBox<'static, PhantomPinned>: Unpin);
assert_impl_all!(Box<PhantomPinned>: Unpin);
assert_impl_all!(ScopedBox<'static, &'static mut u64>: RefUnwindSafe);
assert_not_impl_any!(ScopedBox<'static, &'static mut u64>: UnwindSafe);
assert_impl_all!(Box<&'static mut u64>: RefUnwindSafe);
assert_not_impl_any!(Box<&'static mut u64>: UnwindSafe);

// A pool holds no values of its own, only room: it is shared whatever the type.
assert_impl_all!(Pool<u64>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Pool<Rc<u64>>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Pool<Cell<u64>>: Send, Sync, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Pool<MutexGuard<'static, u64>>: Send, Sync);
assert_impl_all!(Pool<PhantomPinned>: Unpin);
assert_not_impl_any!(Pool<u64>: Clone, Copy);

// Errors that give a value back.
assert_impl_all!(Full<u64>: Send, Sync, Copy, Unpin, UnwindSafe, RefUnwindSafe, std::error::Error);
assert_impl_all!(SendError<u64>: Send, Sync, Copy, Unpin, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(Full<Rc<u64>>: Send, Sync, Copy);
assert_not_impl_any!(SendError<Rc<u64>>: Send, Sync, Copy);
assert_impl_all!(Full<Cell<u64>>: Send);
assert_not_impl_any!(Full<Cell<u64>>: Sync, RefUnwindSafe);
assert_impl_all!(SendError<Cell<u64>>: Send);
assert_not_impl_any!(SendError<Cell<u64>>: Sync, RefUnwindSafe);
assert_not_impl_any!(Full<PhantomPinned>: Unpin);
assert_not_impl_any!(Full<&'static mut u64>: UnwindSafe);
assert_impl_all!(InitError: Send, Sync, Copy, Eq, Unpin, UnwindSafe, RefUnwindSafe, std::error::Error);

// What is asked, and what was granted: plain data.
assert_impl_all!(PoolConfig: Send, Sync, Copy, Eq, Default, Debug, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(PageSize: Send, Sync, Copy, Eq, Hash, Default, Debug, Display, Unpin, UnwindSafe);
assert_impl_all!(NumaPolicy: Send, Sync, Copy, Eq, Hash, Default, Debug, Display, Unpin, UnwindSafe);
assert_impl_all!(OnFull: Send, Sync, Copy, Eq, Hash, Default, Debug, Display, Unpin, UnwindSafe);
assert_impl_all!(Granted: Send, Sync, Copy, Eq, Hash, Debug, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Region: Send, Sync, Clone, Eq, Debug, Display, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Memory: Send, Sync, Clone, Eq, Default, Debug, Display, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Progress: Send, Sync, Copy, Eq, Debug, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Stats: Send, Sync, Clone, Eq, Debug, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(NodeStats: Send, Sync, Clone, Eq, Debug, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Decision: Send, Sync, Copy, Eq, Debug, Unpin, UnwindSafe, RefUnwindSafe);

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
    // Whatever they hold, and whatever its type asks for.
    assert_eq!(size_of::<PoolBox<Reused>>(), word);
    assert_eq!(size_of::<Option<PoolBox<Wiped>>>(), word);
    assert_eq!(size_of::<PoolBox<Generic<u64>>>(), word);
    assert_eq!(size_of::<PoolBox<MaybeUninit<Plain>>>(), word);
    assert_eq!(size_of::<ScopedBox<'static, [u64; 100]>>(), 2 * word);
    // Words of an attribute.
    assert_eq!(size_of::<(PageSize, NumaPolicy, OnFull)>(), 3);
    assert_eq!(size_of::<Option<OnFull>>(), 1);
}
