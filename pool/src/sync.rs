//! The only switch between `std` and loom.
//!
//! The rest of the crate names atomics, fences and epochs through this module, so that the models
//! (`--cfg loom`) run the very code that ships.

pub(crate) mod event;

#[cfg(not(loom))]
mod imp {
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence,
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

    /// A pointer that one thread at a time reads and writes, as [`OwnedU64`] is a number.
    #[derive(Debug)]
    pub(crate) struct OwnedPtr(AtomicPtr<u8>);

    impl OwnedPtr {
        pub(crate) const fn null() -> Self {
            Self(AtomicPtr::new(std::ptr::null_mut()))
        }

        #[inline(always)]
        pub(crate) fn get(&self) -> *mut u8 {
            self.0.load(Ordering::Relaxed)
        }

        #[inline(always)]
        pub(crate) fn set(&self, value: *mut u8) {
            self.0.store(value, Ordering::Relaxed);
        }
    }
}

#[cfg(loom)]
mod imp {
    pub(crate) use loom::hint::spin_loop;
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence,
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

    /// Checked as [`OwnedU64`] is.
    #[derive(Debug)]
    pub(crate) struct OwnedPtr(loom::cell::Cell<*mut u8>);

    impl OwnedPtr {
        pub(crate) fn null() -> Self {
            Self(loom::cell::Cell::new(std::ptr::null_mut()))
        }

        pub(crate) fn get(&self) -> *mut u8 {
            self.0.get()
        }

        pub(crate) fn set(&self, value: *mut u8) {
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

    /// The clock of retired objects: a second collector of our own, so that what a user's guards
    /// hold up, and the destructors that run when it is pinned, have nothing to do with the links.
    pub(crate) mod objects {
        #[cfg(not(loom))]
        mod imp {
            use crossbeam_epoch::{Collector, Guard, LocalHandle};
            use std::cell::RefCell;
            use std::mem::ManuallyDrop;
            use std::sync::OnceLock;
            use std::sync::atomic::{AtomicUsize, Ordering};

            static COLLECTOR: OnceLock<Collector> = OnceLock::new();
            static THREADS: AtomicUsize = AtomicUsize::new(0);

            std::thread_local! {
                static HANDLE: Participant = Participant::new();
                /// Takes its place once the thread's end has destroyed it, as long as the thread is
                /// pinned. It has no destructor.
                static LATE: RefCell<Option<ManuallyDrop<LocalHandle>>> =
                    const { RefCell::new(None) };
            }

            fn collector() -> &'static Collector {
                COLLECTOR.get_or_init(Collector::new)
            }

            /// A thread until its end.
            struct Participant(LocalHandle);

            impl Participant {
                fn new() -> Self {
                    // Relaxed: a count, which orders nothing.
                    THREADS.fetch_add(1, Ordering::Relaxed);
                    Self(collector().register())
                }
            }

            impl Drop for Participant {
                fn drop(&mut self) {
                    THREADS.fetch_sub(1, Ordering::Relaxed);
                }
            }

            /// Threads that were pinned once, and have not ended.
            pub(crate) fn threads() -> usize {
                THREADS.load(Ordering::Relaxed)
            }

            /// Threads and tasks that wait for a slot, which a retired object may have.
            static HUNGRY: AtomicUsize = AtomicUsize::new(0);

            /// Somebody who waits for a slot, as long as this lives.
            #[derive(Debug)]
            pub(crate) struct Hungry(());

            impl Hungry {
                pub(crate) fn new() -> Self {
                    // Relaxed: who looks too early is not the last to unpin, or is found by the
                    // attempt that comes after this.
                    HUNGRY.fetch_add(1, Ordering::Relaxed);
                    Self(())
                }
            }

            impl Drop for Hungry {
                fn drop(&mut self) {
                    HUNGRY.fetch_sub(1, Ordering::Relaxed);
                }
            }

            /// Whether somebody waits for a slot.
            #[inline]
            pub(crate) fn is_anybody_hungry() -> bool {
                HUNGRY.load(Ordering::Relaxed) != 0
            }

            /// Says when a thread past its end may be unpinned.
            #[derive(Debug)]
            pub(crate) struct Late(());

            /// Pins this thread, also while its thread-locals are being destroyed. What else is
            /// returned is to be dropped after the guard.
            #[inline]
            pub(crate) fn pin() -> (Guard, Option<Late>) {
                match HANDLE.try_with(|handle| handle.0.pin()) {
                    Ok(guard) => (guard, None),
                    Err(_) => pin_late(),
                }
            }

            /// A handle collects when it is pinned for the first time. A destructor that it runs
            /// then, and that pins, must find this handle and not make one more: else as many
            /// collections as there is garbage would run inside each other.
            #[cold]
            fn pin_late() -> (Guard, Option<Late>) {
                let pinned = LATE.try_with(|late| {
                    if late.borrow().is_none() {
                        *late.borrow_mut() = Some(ManuallyDrop::new(collector().register()));
                    }
                    late.borrow().as_ref().map(|handle| handle.pin())
                });
                match pinned {
                    Ok(Some(guard)) => (guard, Some(Late(()))),
                    // Where thread-locals without a destructor end too.
                    _ => (collector().register().pin(), None),
                }
            }

            impl Drop for Late {
                fn drop(&mut self) {
                    let unpinned = LATE.try_with(|late| {
                        let pinned = late
                            .borrow()
                            .as_ref()
                            .is_none_or(|handle| handle.is_pinned());
                        if pinned { None } else { late.take() }
                    });
                    // With it goes what was retired through it to the collector.
                    drop(unpinned.ok().flatten().map(ManuallyDrop::into_inner));
                }
            }
        }

        #[cfg(loom)]
        mod imp {
            #[derive(Debug)]
            pub(crate) struct Late(());

            #[derive(Debug)]
            pub(crate) struct Hungry(());

            impl Hungry {
                pub(crate) fn new() -> Self {
                    Self(())
                }
            }

            pub(crate) fn is_anybody_hungry() -> bool {
                false
            }

            pub(crate) fn pin() -> (crossbeam_epoch::Guard, Option<Late>) {
                (crossbeam_epoch::pin(), None)
            }
        }

        #[cfg(not(loom))]
        pub(crate) use imp::threads;
        pub(crate) use imp::{Hungry, Late, is_anybody_hungry, pin};
    }
}
