//! Owners of what is seen as something else: on which threads they may be, and what size they are.

use pool::{ErasedArc, ErasedBox};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::any::Any;
use std::cell::Cell;
use std::marker::PhantomPinned;
use std::ops::DerefMut;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::Arc;

// As `Box` and `Arc` of the same: the lower row is what the upper one must be.
assert_impl_all!(ErasedBox<dyn Any + Send>: Send, Unpin, DerefMut);
assert_not_impl_any!(ErasedBox<dyn Any + Send>: Sync, UnwindSafe, RefUnwindSafe, Clone);
assert_impl_all!(Box<dyn Any + Send>: Send, Unpin, DerefMut);
assert_not_impl_any!(Box<dyn Any + Send>: Sync, UnwindSafe, RefUnwindSafe, Clone);
assert_impl_all!(ErasedBox<dyn Any + Send + Sync>: Send, Sync);
assert_impl_all!(Box<dyn Any + Send + Sync>: Send, Sync);
assert_not_impl_any!(ErasedBox<dyn Any>: Send, Sync);
assert_not_impl_any!(Box<dyn Any>: Send, Sync);
assert_impl_all!(ErasedBox<dyn Any + UnwindSafe + RefUnwindSafe>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(Box<dyn Any + UnwindSafe + RefUnwindSafe>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(ErasedBox<Cell<u64>>: Sync);
assert_not_impl_any!(Box<Cell<u64>>: Sync);
assert_not_impl_any!(ErasedBox<[Rc<u8>]>: Send, Sync);
assert_not_impl_any!(Box<[Rc<u8>]>: Send, Sync);
assert_impl_all!(ErasedBox<PhantomPinned>: Unpin);
assert_impl_all!(Box<PhantomPinned>: Unpin);

assert_impl_all!(ErasedArc<dyn Any + Send + Sync>: Send, Sync, Clone, Unpin);
assert_impl_all!(Arc<dyn Any + Send + Sync>: Send, Sync, Clone, Unpin);
assert_not_impl_any!(ErasedArc<dyn Any + Send>: Send, Sync, DerefMut, UnwindSafe);
assert_not_impl_any!(Arc<dyn Any + Send>: Send, Sync, DerefMut, UnwindSafe);
assert_not_impl_any!(ErasedArc<dyn Any + Sync>: Send, Sync);
assert_not_impl_any!(Arc<dyn Any + Sync>: Send, Sync);
assert_not_impl_any!(ErasedArc<Cell<u64>>: Send, Sync);
assert_not_impl_any!(Arc<Cell<u64>>: Send, Sync);
assert_impl_all!(ErasedArc<PhantomPinned>: Unpin);
assert_impl_all!(Arc<PhantomPinned>: Unpin);

#[test]
fn sizes() {
    let word = size_of::<usize>();
    assert_eq!(size_of::<ErasedBox<dyn Any>>(), 4 * word);
    assert_eq!(size_of::<Option<ErasedBox<str>>>(), 4 * word);
}
