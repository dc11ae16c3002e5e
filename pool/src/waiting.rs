//! Allocating from a pool that may be full for a while: see [`OnFull::Wait`](crate::OnFull::Wait).

#![allow(unsafe_code)]

use crate::boxed::PoolBox;
use crate::full::{Full, Refusal};
use crate::pool::{Pool, Taken};
use crate::pooled::{Pooled, Waits};
use crate::scoped::ScopedBox;
use crate::vacant::{Vacant, vacate};
use std::time::Duration;

impl<T: Pooled> PoolBox<T> {
    /// Moves `value` into the pool, and waits up to `timeout` for room; a timeout too long for a clock is
    /// none. The thread sleeps meanwhile. Who waits is served in the order in which they came, tasks
    /// ([`PoolBox::new_async`]) and threads alike; what a free slot costs more is in
    /// [`OnFull::Wait`](crate::OnFull::Wait).
    ///
    /// ```
    /// use pool::{PoolBox, Pooled};
    /// use std::time::Duration;
    ///
    /// #[derive(Debug, Pooled)]
    /// #[pool(capacity = 1, on_full = "wait")]
    /// struct Frame(u32);
    ///
    /// let first = PoolBox::new(Frame(1));
    /// let full = PoolBox::new_timeout(Frame(2), Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(full.into_inner().0, 2);
    ///
    /// let other = std::thread::spawn(|| PoolBox::new_timeout(Frame(3), Duration::MAX));
    /// drop(first);
    /// assert_eq!(other.join().unwrap().unwrap().0, 3);
    /// ```
    ///
    /// Not a semaphore: a pool whose capacity is in use may hold more for the sake of its threads' caches
    /// (see [`PoolConfig::capacity`](crate::PoolConfig::capacity)).
    ///
    /// What was [retired](PoolBox::retire) is collected for those who wait, by who unpins last.
    ///
    /// # Errors
    ///
    /// [`Full`] gives the value back: the pool stayed full; or at once, if it cannot be made, the system
    /// refuses memory, or its [`init`](Pool::init) chose `OnFull::Error`.
    pub fn new_timeout(value: T, timeout: Duration) -> Result<Self, Full<T>>
    where
        T: Waits,
    {
        match T::pool().wait(timeout) {
            Ok(taken) => Ok(Self::fill(vacant(taken), value)),
            Err(refusal) => Err(refusal.with(value)),
        }
    }

    /// Moves `value` into the pool, and waits for room: for any executor. Dropped before it is done, it
    /// gives its place in the queue to the next. (One that is forgotten, `mem::forget`, keeps its place, and
    /// the slot that it is given.)
    ///
    /// ```
    /// # use pool::{PoolBox, Pooled};
    /// # #[derive(Debug, Pooled)]
    /// # #[pool(capacity = 1, on_full = "wait")]
    /// # struct Frame(u32);
    /// async fn frame() -> PoolBox<Frame> {
    ///     PoolBox::new_async(Frame(1)).await
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// Panics where [`PoolBox::new`] would, for other reasons than that the pool is full. See
    /// [`PoolBox::try_new_async`].
    pub async fn new_async(value: T) -> Self
    where
        T: Waits,
    {
        match Self::try_new_async(value).await {
            Ok(boxed) => boxed,
            Err(full) => full.panic(),
        }
    }

    /// [`PoolBox::new_async`], without a panic.
    ///
    /// # Errors
    ///
    /// [`Full`] gives the value back, at once: the pool cannot be made, the system refuses memory, or its
    /// [`init`](Pool::init) chose `OnFull::Error` and it is full.
    pub async fn try_new_async(value: T) -> Result<Self, Full<T>>
    where
        T: Waits,
    {
        // Most often there is room, and a cache at hand.
        let full = match Self::try_new(value) {
            Ok(boxed) => return Ok(boxed),
            Err(full) => full,
        };
        if !full.time_heals() {
            return Err(full);
        }
        let value = full.into_inner();
        match T::pool().wait_async().await {
            Ok(taken) => Ok(Self::fill(vacant(taken), value)),
            Err(refusal) => Err(refusal.with(value)),
        }
    }
}

/// A slot that was waited for, with no object in it.
fn vacant<T: Pooled>(taken: Taken<T>) -> Vacant<T> {
    // SAFETY: of the type's pool, and handed to us.
    unsafe { vacate(taken.into_slot()) }
}

impl<T> Pool<T> {
    /// Moves `value` into the pool, and waits up to `timeout` for room, if the pool is configured with
    /// [`OnFull::Wait`](crate::OnFull::Wait).
    ///
    /// ```
    /// use pool::{OnFull, Pool, PoolConfig};
    /// use std::time::Duration;
    ///
    /// let pool = Pool::with_config(PoolConfig::new().capacity(1).on_full(OnFull::Wait))?;
    /// let first = pool.alloc(1);
    /// assert!(pool.alloc_timeout(2, Duration::from_millis(1)).is_err());
    /// drop(first);
    /// assert!(pool.alloc_timeout(3, Duration::from_millis(1)).is_ok());
    /// # Ok::<(), pool::InitError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`PoolBox::new_timeout`]; a pool that is not to be waited for answers at once.
    pub fn alloc_timeout(&self, value: T, timeout: Duration) -> Result<ScopedBox<'_, T>, Full<T>> {
        self.scoped(self.wait(timeout), value)
    }

    /// Moves `value` into the pool, and waits for room, if the pool is configured with
    /// [`OnFull::Wait`](crate::OnFull::Wait); see [`PoolBox::new_async`].
    ///
    /// # Errors
    ///
    /// As for [`PoolBox::try_new_async`]; a pool that is not to be waited for answers at once.
    pub async fn alloc_async(&self, value: T) -> Result<ScopedBox<'_, T>, Full<T>> {
        self.scoped(self.wait_async().await, value)
    }

    /// The owner of a value in a slot that was waited for.
    fn scoped(
        &self,
        taken: Result<Taken<T>, Refusal>,
        value: T,
    ) -> Result<ScopedBox<'_, T>, Full<T>> {
        match taken {
            Ok(taken) => Ok(ScopedBox::fill(self.vacate(taken), value)),
            Err(refusal) => Err(refusal.with(value)),
        }
    }
}
