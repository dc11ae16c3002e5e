//! Shared owners, keys, atomic slots and guards: on which threads they may be, and what size they are.

use pool::epoch::Guard;
use pool::{CompareExchangeError, PoolArc, PoolAtomic, PoolBox, PoolWeak, Pooled};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::{Cell, UnsafeCell};
use std::error::Error;
use std::fmt::{Debug, Pointer};
use std::hash::Hash;
use std::marker::PhantomPinned;
use std::ops::DerefMut;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::atomic::AtomicPtr;
use std::sync::{Arc, MutexGuard, Weak};

#[derive(Pooled)]
#[pool(shared)]
struct Plain(#[expect(dead_code, reason = "only its type counts")] u64);

#[derive(Pooled)]
#[pool(shared)]
struct Neither(#[expect(dead_code, reason = "only its type counts")] Rc<u64>);

#[derive(Pooled)]
#[pool(shared)]
struct SendOnly(#[expect(dead_code, reason = "only its type counts")] Cell<u64>);

#[derive(Pooled)]
#[pool(shared)]
struct SyncOnly(#[expect(dead_code, reason = "only its type counts")] MutexGuard<'static, u64>);

#[derive(Pooled)]
#[pool(shared)]
struct Pinned(PhantomPinned);

#[derive(Pooled)]
#[pool(shared)]
struct Unsafe(#[expect(dead_code, reason = "only its type counts")] UnsafeCell<u64>);

#[derive(Pooled)]
#[pool(shared)]
struct Exclusive(#[expect(dead_code, reason = "only its type counts")] &'static mut u64);

// As `Arc` is: the lower row is what the upper one must be.
assert_impl_all!(PoolArc<Plain>: Send, Sync, Clone, Unpin, UnwindSafe, RefUnwindSafe, Pointer);
assert_impl_all!(Arc<Plain>: Send, Sync, Clone, Unpin, UnwindSafe, RefUnwindSafe, Pointer);
assert_not_impl_any!(PoolArc<Plain>: Copy, DerefMut);
assert_not_impl_any!(Arc<Plain>: Copy, DerefMut);
assert_not_impl_any!(PoolArc<Neither>: Send, Sync);
assert_not_impl_any!(Arc<Neither>: Send, Sync);
assert_not_impl_any!(PoolArc<SendOnly>: Send, Sync);
assert_not_impl_any!(Arc<SendOnly>: Send, Sync);
assert_not_impl_any!(PoolArc<SyncOnly>: Send, Sync);
assert_not_impl_any!(Arc<SyncOnly>: Send, Sync);
assert_impl_all!(PoolArc<Pinned>: Send, Sync, Unpin);
assert_impl_all!(Arc<Pinned>: Send, Sync, Unpin);
assert_not_impl_any!(PoolArc<Unsafe>: Send, Sync, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(Arc<Unsafe>: Send, Sync, UnwindSafe, RefUnwindSafe);
assert_impl_all!(PoolArc<Exclusive>: Send, Sync, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Arc<Exclusive>: Send, Sync, UnwindSafe, RefUnwindSafe);

// As `Weak` is on threads, and a key beyond that, whatever it is the key of.
assert_impl_all!(PoolWeak<Plain>: Send, Sync, Copy, Ord, Hash, Default, Debug, Unpin);
assert_impl_all!(Weak<Plain>: Send, Sync, Clone, Default, Debug, Unpin);
assert_not_impl_any!(PoolWeak<Neither>: Send, Sync);
assert_not_impl_any!(Weak<Neither>: Send, Sync);
assert_not_impl_any!(PoolWeak<SendOnly>: Send, Sync);
assert_not_impl_any!(Weak<SendOnly>: Send, Sync);
assert_not_impl_any!(PoolWeak<SyncOnly>: Send, Sync);
assert_not_impl_any!(Weak<SyncOnly>: Send, Sync);
assert_impl_all!(PoolWeak<Neither>: Copy, Ord, Hash, Default, Debug, Unpin);
assert_impl_all!(PoolWeak<Pinned>: Unpin);
assert_impl_all!(Weak<Pinned>: Unpin);
assert_not_impl_any!(PoolWeak<Unsafe>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(Weak<Unsafe>: UnwindSafe, RefUnwindSafe);

// An atomic slot shares what it holds with whoever reads it, and drops it wherever it is replaced.
assert_impl_all!(PoolAtomic<Plain>: Send, Sync, Default, Debug, From<PoolBox<Plain>>);
assert_impl_all!(AtomicPtr<Plain>: Send, Sync, Default, Debug);
assert_not_impl_any!(PoolAtomic<Plain>: Clone, Copy);
assert_not_impl_any!(PoolAtomic<Neither>: Send, Sync);
assert_not_impl_any!(PoolAtomic<SendOnly>: Send, Sync);
assert_not_impl_any!(PoolAtomic<SyncOnly>: Send, Sync);
assert_impl_all!(PoolAtomic<Pinned>: Send, Sync, Unpin);
assert_impl_all!(AtomicPtr<Pinned>: Send, Sync, Unpin);
assert_impl_all!(PoolAtomic<Plain>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(AtomicPtr<Plain>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(PoolAtomic<Unsafe>: RefUnwindSafe);
assert_not_impl_any!(PoolAtomic<Exclusive>: UnwindSafe);

assert_impl_all!(CompareExchangeError<'static, Plain>: Send, Sync, Debug, Unpin, UnwindSafe, Error);
assert_impl_all!(CompareExchangeError<'static, Neither>: Debug, Error);
assert_not_impl_any!(CompareExchangeError<'static, Neither>: Send, Sync);
assert_not_impl_any!(CompareExchangeError<'static, SendOnly>: Send, Sync);
assert_not_impl_any!(CompareExchangeError<'static, SyncOnly>: Send);

// A guard is of the thread that it pins.
assert_impl_all!(Guard: Debug);
assert_not_impl_any!(Guard: Send, Sync, Clone, Copy);

#[test]
fn sizes() {
    let word = size_of::<usize>();
    assert_eq!(size_of::<PoolArc<Plain>>(), size_of::<Arc<Plain>>());
    assert_eq!(size_of::<Option<PoolArc<Plain>>>(), word);
    assert_eq!(size_of::<PoolWeak<Plain>>(), 8);
    assert_eq!(size_of::<Option<PoolWeak<Plain>>>(), 8);
    assert_eq!(
        size_of::<PoolAtomic<Plain>>(),
        size_of::<AtomicPtr<Plain>>()
    );
}
