//! Which types of arenas are `Send`, `Sync`, `Unpin` and unwind-safe, and which are not.

use pool::{
    Arena, ArenaBox, ArenaConfig, ArenaFull, ArenaPool, ArenaStats, Checkpoint, NoDrop,
    PooledArena, RollbackError, Scope, ScopeGuard,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::Cell;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::marker::PhantomPinned;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::MutexGuard;

// One thread's at a time.
assert_impl_all!(Arena: Send, Unpin, UnwindSafe, RefUnwindSafe, Default, Debug);
assert_not_impl_any!(Arena: Sync, Clone, Copy);
assert_not_impl_any!(&Arena: Send);
assert_impl_all!(PooledArena<'static>: Send, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(PooledArena<'static>: Sync, Clone, Copy);

// One thread's.
assert_impl_all!(Scope<'static>: UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(Scope<'static>: Send, Sync, Clone, Copy, Default);
assert_not_impl_any!(&Scope<'static>: Send, Sync);
assert_impl_all!(ScopeGuard<'static>: Debug);
assert_not_impl_any!(ScopeGuard<'static>: Send, Sync, Clone, Copy);
assert_impl_all!(NoDrop<'static>: Clone, Copy, Debug);
assert_not_impl_any!(NoDrop<'static>: Send, Sync);

// As `Box<T>` is: the right column is what the left one must be.
assert_impl_all!(ArenaBox<'static, u64>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Box<u64>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(ArenaBox<'static, Rc<u64>>: Send, Sync);
assert_not_impl_any!(Box<Rc<u64>>: Send, Sync);
assert_impl_all!(ArenaBox<'static, Cell<u64>>: Send, UnwindSafe);
assert_not_impl_any!(ArenaBox<'static, Cell<u64>>: Sync, RefUnwindSafe);
assert_impl_all!(Box<Cell<u64>>: Send, UnwindSafe);
assert_not_impl_any!(Box<Cell<u64>>: Sync, RefUnwindSafe);
assert_impl_all!(ArenaBox<'static, MutexGuard<'static, u64>>: Sync);
assert_not_impl_any!(ArenaBox<'static, MutexGuard<'static, u64>>: Send);
assert_impl_all!(ArenaBox<'static, PhantomPinned>: Unpin);
assert_impl_all!(ArenaBox<'static, &'static mut u64>: RefUnwindSafe);
assert_not_impl_any!(ArenaBox<'static, &'static mut u64>: UnwindSafe);
assert_not_impl_any!(ArenaBox<'static, u64>: Copy, Clone);
assert_impl_all!(ArenaBox<'static, dyn Send>: Send);
assert_not_impl_any!(ArenaBox<'static, dyn Send>: Sync);

// Shared by all threads.
assert_impl_all!(ArenaPool: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Default, Debug);
assert_not_impl_any!(ArenaPool: Clone, Copy);

// An error that gives a value back.
assert_impl_all!(ArenaFull<u64>: Send, Sync, Copy, Eq, Unpin, UnwindSafe, RefUnwindSafe, Error);
assert_impl_all!(ArenaFull<Cell<u64>>: Send);
assert_not_impl_any!(ArenaFull<Cell<u64>>: Sync, RefUnwindSafe, Copy);
assert_not_impl_any!(ArenaFull<Rc<u64>>: Send, Sync, Copy);
assert_not_impl_any!(ArenaFull<PhantomPinned>: Unpin);
assert_not_impl_any!(ArenaFull<&'static mut u64>: UnwindSafe);

// Plain data.
assert_impl_all!(ArenaConfig: Send, Sync, Copy, Eq, Default, Debug, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(ArenaStats: Send, Sync, Copy, Eq, Default, Debug, Display, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Checkpoint: Send, Sync, Copy, Eq, Hash, Debug, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(RollbackError: Send, Sync, Copy, Eq, Hash, Debug, Display, Error, Unpin, UnwindSafe);

#[test]
fn sizes() {
    let word = size_of::<usize>();
    assert_eq!(size_of::<ArenaBox<'static, u64>>(), word);
    assert_eq!(size_of::<Option<ArenaBox<'static, [u64; 9]>>>(), word);
    assert_eq!(size_of::<ArenaBox<'static, [u64]>>(), 2 * word);
    assert_eq!(size_of::<Option<ArenaBox<'static, dyn Send>>>(), 2 * word);
    assert_eq!(size_of::<PooledArena<'static>>(), 2 * word);
}
