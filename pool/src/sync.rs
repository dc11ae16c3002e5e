//! The only switch between `std` and loom.
//!
//! The rest of the crate names atomics, fences and epochs through this module, so that the models
//! (`--cfg loom`) run the very code that ships.

#[cfg(not(loom))]
mod imp {
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering,
    };
    pub(crate) use std::thread::yield_now;

    /// A number that one thread at a time writes, and that any thread may read for statistics.
    ///
    /// Relaxed loads and stores are plain `mov`s: this costs what a `Cell` costs. The hand-over
    /// from one writer to the next is ordered by whatever handed over the thing it belongs to.
    #[derive(Debug)]
    pub(crate) struct OwnedU64(AtomicU64);

    impl OwnedU64 {
        pub(crate) const fn new(value: u64) -> Self {
            Self(AtomicU64::new(value))
        }

        #[inline(always)]
        pub(crate) fn get(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        #[inline(always)]
        pub(crate) fn set(&self, value: u64) {
            self.0.store(value, Ordering::Relaxed);
        }
    }
}

#[cfg(loom)]
mod imp {
    pub(crate) use loom::hint::spin_loop;
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering,
    };
    pub(crate) use loom::thread::yield_now;

    /// Under loom an owned number is a checked cell: a second owner is reported as a data race,
    /// which is how the models see that no magazine ever has two owners.
    #[derive(Debug)]
    pub(crate) struct OwnedU64(loom::cell::Cell<u64>);

    impl OwnedU64 {
        pub(crate) fn new(value: u64) -> Self {
            Self(loom::cell::Cell::new(value))
        }

        pub(crate) fn get(&self) -> u64 {
            self.0.get()
        }

        pub(crate) fn set(&self, value: u64) {
            self.0.set(value);
        }
    }
}

pub(crate) use imp::*;

/// The depot's reclamation clock: a collector of our own.
///
/// Not crossbeam's default one, for two reasons. A guard that a user holds for long must not keep
/// the depot's links waiting; and pinning may run whatever garbage other crates gave to the
/// default collector, inside our refill.
pub(crate) mod epoch {
    pub(crate) use crossbeam_epoch::Guard;

    #[cfg(not(loom))]
    mod imp {
        use super::Guard;
        use crossbeam_epoch::{Collector, LocalHandle};
        use std::sync::OnceLock;

        static COLLECTOR: OnceLock<Collector> = OnceLock::new();

        std::thread_local! {
            static HANDLE: LocalHandle = collector().register();
        }

        fn collector() -> &'static Collector {
            COLLECTOR.get_or_init(Collector::new)
        }

        /// Pins this thread, also while its thread-locals are being destroyed.
        pub(crate) fn pin() -> Guard {
            HANDLE
                .try_with(LocalHandle::pin)
                .unwrap_or_else(|_| collector().register().pin())
        }
    }

    #[cfg(loom)]
    mod imp {
        /// Loom rebuilds crossbeam's default collector for every execution; ours would outlive it.
        pub(crate) fn pin() -> super::Guard {
            crossbeam_epoch::pin()
        }
    }

    pub(crate) use imp::pin;
}
