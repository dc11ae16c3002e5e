//! Arenas for requests: [`ArenaPool`] and [`PooledArena`].

#![allow(unsafe_code)]

use super::{Arena, ArenaConfig};
use crate::config::PoolConfig;
use crate::full::{Full, Refusal};
use crate::pool::Pool;
use crate::slot::{self, PARKED};
use crate::stats::Stats;
use crate::sync::Ordering;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;

/// Arenas that are kept between two uses: one for each request of a server, or for each task.
///
/// [`get`](ArenaPool::get) gives an arena in which nothing is allocated. When it is dropped, on whatever
/// thread, it is reset and goes back; the chunks that it has stay its own, so that the next request finds
/// memory that is there. It is a [`Pool`] of arenas, with its thread caches: the arena that a thread gave
/// back last is the one that it gets next.
///
/// ```
/// use pool::ArenaPool;
///
/// static ARENAS: ArenaPool = ArenaPool::new();
///
/// async fn answer(request: &str) -> usize {
///     let arena = ARENAS.get(); // `Send`: it may be held across `.await`
///     let words = arena.alloc_iter(request.split(' ').map(str::len));
///     std::future::ready(()).await;
///     words.iter().sum()
/// }
/// # fn is_send(_: impl Send) {}
/// # is_send(answer("GET key"));
/// ```
///
/// Each arena's memory is bounded by its configuration ([`ArenaConfig::limit`], [`ArenaConfig::keep`]); their
/// number by the most that were in use at one time, and what threads cache: eight each at most.
pub struct ArenaPool {
    /// Slots of recycled objects: a header says whether there is an arena in a free one.
    slots: Pool<Arena>,
    config: ArenaConfig,
}

// No code of the user's runs while it is between two states.
impl UnwindSafe for ArenaPool {}
impl RefUnwindSafe for ArenaPool {}

/// The most arenas that a pool has if nobody says.
const CAPACITY: usize = 1 << 16;

impl ArenaPool {
    /// A pool of arenas as [`Arena::new`] makes them.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_config(ArenaConfig::new())
    }

    /// A pool of arenas as they are asked to be. They are made, and take memory, as they are needed.
    #[must_use]
    pub const fn with_config(config: ArenaConfig) -> Self {
        Self::of(config, CAPACITY)
    }

    /// Of at most so many arenas in use at one time; 65,536 if this is not said. As for every pool it is a
    /// promise, beyond which threads that cache some may come: see [`PoolConfig::capacity`].
    #[must_use]
    pub const fn capacity(self, arenas: usize) -> Self {
        let config = self.config;
        // Nobody has used it. (A `const` function cannot drop it.)
        let _ = std::mem::ManuallyDrop::new(self);
        Self::of(config, arenas)
    }

    const fn of(config: ArenaConfig, capacity: usize) -> Self {
        // Few to a magazine: each may have memory that its thread does not use.
        let slots = PoolConfig::new().capacity(capacity).magazine(4);
        Self {
            slots: Pool::of_parked(slots),
            config,
        }
    }

    /// An arena in which nothing is allocated. O(1); a few nanoseconds, if there is one.
    ///
    /// # Panics
    ///
    /// Panics if as many arenas as the capacity are in use, or the system refuses memory for them.
    #[track_caller]
    pub fn get(&self) -> PooledArena<'_> {
        self.take().unwrap_or_else(|refusal| refusal.panic())
    }

    /// An arena in which nothing is allocated, if there may be one more.
    ///
    /// # Errors
    ///
    /// As many as the capacity are in use, or the system refuses memory for them.
    pub fn try_get(&self) -> Result<PooledArena<'_>, Full<()>> {
        self.take().map_err(|refusal| refusal.with(()))
    }

    #[inline]
    fn take(&self) -> Result<PooledArena<'_>, Refusal> {
        let slot = self.slots.take_slot()?;
        // SAFETY: a slot of a pool of parked objects has a header.
        let word = unsafe { slot::word(slot) };
        // Relaxed: who had the slot last handed it over with all that was written.
        let now = word.load(Ordering::Relaxed);
        if now & PARKED == 0 {
            // SAFETY: ours, and it holds nothing.
            unsafe { slot.write(Arena::of(self.config)) };
        } else {
            word.store(now & !PARKED, Ordering::Relaxed);
        }
        Ok(PooledArena { slot, pool: self })
    }

    /// How many arenas may be in use at one time.
    #[must_use]
    pub fn max_arenas(&self) -> usize {
        self.slots.capacity()
    }

    /// The figures of the pool: its objects are arenas, and slots for them. (The high-water mark counts what
    /// threads have cached, arenas that were never made included.) O(threads).
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.slots.stats()
    }

    /// Drops the arenas that nobody uses and no thread has cached, with their memory. O(arenas).
    pub fn trim(&self) {
        self.slots.discard_parked();
    }
}

impl Default for ArenaPool {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for ArenaPool {
    fn drop(&mut self) {
        // Nobody has an arena of it: who has one borrows the pool, or has forgotten it.
        for slot in self.slots.slots_ever_used() {
            // SAFETY: a slot of this pool; free, or what is in it was forgotten, and then it is not parked.
            unsafe { crate::recycle::vacate(slot) };
        }
    }
}

impl fmt::Debug for ArenaPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArenaPool")
            .field("stats", &self.stats())
            .finish()
    }
}

/// An [`Arena`] of an [`ArenaPool`]. When it is dropped, on whatever thread, the arena is reset and goes back.
///
/// `Send`: a task may hold it across `.await`. The values in it are those that an arena takes, `Send`, too. If
/// another arena is put in its place (`mem::swap`), that is the one that goes to the pool.
pub struct PooledArena<'pool> {
    /// A slot of `pool` with an arena in it, which is this handle's alone.
    slot: NonNull<Arena>,
    pool: &'pool ArenaPool,
}

// SAFETY: it owns an `Arena` as a `Box` does, which is `Send`; the pool takes slots back from any thread.
unsafe impl Send for PooledArena<'_> {}
impl UnwindSafe for PooledArena<'_> {}
impl RefUnwindSafe for PooledArena<'_> {}

impl Deref for PooledArena<'_> {
    type Target = Arena;

    #[inline]
    fn deref(&self) -> &Arena {
        // SAFETY: there is one, and it is this handle's.
        unsafe { self.slot.as_ref() }
    }
}

impl DerefMut for PooledArena<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Arena {
        // SAFETY: as above.
        unsafe { self.slot.as_mut() }
    }
}

impl Drop for PooledArena<'_> {
    #[inline]
    fn drop(&mut self) {
        /// The arena goes back when it is reset, also if a destructor panics: it is whole then.
        struct Park<'a, 'pool>(&'a PooledArena<'pool>);

        impl Drop for Park<'_, '_> {
            #[inline]
            fn drop(&mut self) {
                let PooledArena { slot, pool } = *self.0;
                // SAFETY: a slot of a pool of parked objects has a header.
                let word = unsafe { slot::word(slot) };
                word.store(word.load(Ordering::Relaxed) | PARKED, Ordering::Relaxed);
                // SAFETY: of that pool, and not used again; its header says that it holds an object.
                unsafe { pool.slots.put_slot(slot) };
            }
        }

        let mut slot = self.slot;
        let _park = Park(self);
        // SAFETY: this handle's, which ends here.
        unsafe { slot.as_mut() }.reset();
    }
}

impl fmt::Debug for PooledArena<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
