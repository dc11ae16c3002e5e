//! What the allocator's types are, and are not.

use pool::{AllocError, ClassStats, LargeStats, SlabAlloc, SlabStats};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::alloc::GlobalAlloc;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::panic::{RefUnwindSafe, UnwindSafe};

// Shared by all threads. A copy of it would be a second owner of its memory.
assert_impl_all!(SlabAlloc: Send, Sync, Unpin, Default, Debug);
assert_impl_all!(SlabAlloc: GlobalAlloc, allocator_api2_04::alloc::Allocator);
assert_impl_all!(&SlabAlloc: Send, Sync, allocator_api2_04::alloc::Allocator);
assert_not_impl_any!(SlabAlloc: Clone, Copy);

// Plain data.
assert_impl_all!(SlabStats: Send, Sync, Clone, Eq, Debug, Display, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(ClassStats: Send, Sync, Copy, Eq, Default, Debug, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(LargeStats: Send, Sync, Copy, Eq, Default, Debug, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(AllocError: Send, Sync, Copy, Eq, Hash, Debug, Display, Error, Unpin, UnwindSafe, RefUnwindSafe);

/// In a static, without anything that runs before `main`.
static IN_A_STATIC: SlabAlloc = SlabAlloc::with_retain(1 << 20);

#[test]
fn they_are_made_without_memory() {
    for allocator in [&IN_A_STATIC, &SlabAlloc::default()] {
        let stats = allocator.stats();
        assert_eq!((stats.live(), stats.given(), stats.held()), (0, 0, 0));
        assert_eq!((stats.reserved, stats.threads), (0, 0));
        assert_eq!(allocator.trim(), 0);
    }
}
