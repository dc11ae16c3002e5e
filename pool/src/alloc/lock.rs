//! A lock that allocates nothing, is held for a bounded time, and can be let go of by a process's child.
//!
//! The standard library's would do on some systems; on others its first use allocates, which the global allocator
//! must not. And after a fork, whoever held it in the parent is not there: the handlers of
//! [`registry`](super::registry) take all locks before, and let go of them on both sides, without a guard.

use crate::sync::{AtomicU8, Ordering, spin_loop, yield_now};
#[cfg(not(loom))]
use std::cell::Cell;
use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};

/// Spins before a waiting thread lets others run, and yields before it sleeps: only who sleeps lets a thread of
/// a lower priority go on.
const SPINS: u32 = 64;
const YIELDS: u32 = 64;

/// Who has a lock: nobody, a guard, or a thread that forks.
const FREE: u8 = 0;
const HELD: u8 = 1;
const FORK: u8 = 2;

/// A value that one thread at a time may use. Zeros are a lock that nobody has.
pub(crate) struct Lock<T> {
    state: AtomicU8,
    value: UnsafeCell<T>,
}

// SAFETY: one thread at a time has the value.
unsafe impl<T: Send> Sync for Lock<T> {}

/// The right to use a lock's value, as long as this lives.
pub(crate) struct Held<'a, T> {
    lock: &'a Lock<T>,
    /// Whether it ends with this; else it is seized.
    is_taken: bool,
}

#[cfg(not(loom))]
std::thread_local! {
    /// Whether this thread forks, and has seized locks.
    static FORKS: Cell<bool> = const { Cell::new(false) };
}

#[cfg(not(loom))]
fn forks() -> bool {
    FORKS.get()
}

#[cfg(loom)]
fn forks() -> bool {
    false
}

/// Says whether this thread forks: then it passes what it has seized, for other handlers of the fork may allocate.
#[cfg(not(loom))]
pub(crate) fn set_forks(forks: bool) {
    FORKS.set(forks);
}

impl<T> Lock<T> {
    #[cfg(not(loom))]
    pub(crate) const fn new(value: T) -> Self {
        Self {
            state: AtomicU8::new(FREE),
            value: UnsafeCell::new(value),
        }
    }

    #[cfg(loom)]
    pub(crate) fn new(value: T) -> Self {
        Self {
            state: AtomicU8::new(FREE),
            value: UnsafeCell::new(value),
        }
    }

    pub(crate) fn hold(&self) -> Held<'_, T> {
        let is_taken = self.take(HELD);
        Held {
            lock: self,
            is_taken,
        }
    }

    /// Takes the lock, for a guard or for a fork. Returns whether it did: else this thread forks, and had it already.
    fn take(&self, state: u8) -> bool {
        let mut tries = 0;
        loop {
            // Acquire: what the last holder did, who let go with Release.
            let taken =
                self.state
                    .compare_exchange_weak(FREE, state, Ordering::Acquire, Ordering::Relaxed);
            match taken {
                Ok(_) => return true,
                Err(FORK) if forks() => return false,
                Err(_) => wait(tries),
            }
            tries = tries.saturating_add(1);
        }
    }

    /// The value, for who holds the lock without a guard.
    ///
    /// # Safety
    ///
    /// This thread has [seized](AnyLock::seize) it, and does not release it as long as the reference lives.
    #[cfg(not(loom))]
    pub(crate) unsafe fn peek(&self) -> &T {
        // SAFETY: by contract.
        unsafe { &*self.value.get() }
    }
}

/// A lock of whatever value, as a fork sees it.
pub(crate) trait AnyLock {
    /// Takes it, without a guard, for a thread that forks.
    fn seize(&self);

    /// Lets go of it, in that thread or in its copy in the child, if it was seized.
    fn release(&self);
}

impl<T> AnyLock for Lock<T> {
    fn seize(&self) {
        // It is not yet forking, as far as locks are concerned: it waits as others do.
        self.take(FORK);
    }

    fn release(&self) {
        // Only who forks is here, and nobody else changes what is seized.
        if self.state.load(Ordering::Relaxed) == FORK {
            self.state.store(FREE, Ordering::Release);
        }
    }
}

#[cold]
fn wait(tries: u32) {
    if tries < SPINS {
        spin_loop();
    } else if cfg!(loom) || tries < SPINS + YIELDS {
        yield_now();
    } else {
        std::thread::sleep(std::time::Duration::from_micros(50));
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this thread holds the lock as long as the guard lives, and lends the value with it. Or it has
        // seized the lock, and has no other guard: a fork's handlers run outside of all that takes one.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and the guard is borrowed for as long.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        if self.is_taken {
            self.lock.state.store(FREE, Ordering::Release);
        }
    }
}
