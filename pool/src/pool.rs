//! [`Pool`]: wires handles to cache, depot and slab.
//!
//! One implementation serves the `static` pool of a type and a pool that is a value; they differ in
//! where a thread finds its cache. All that does not depend on the type is in [`RawPool`], once.

#![allow(unsafe_code)]

use crate::cache::Caches;
use crate::config::PoolConfig;
use crate::depot::Depot;
use crate::error::{Cause, InitError, Refusal};
use crate::links::LinkStore;
use crate::slab::layout::Plan;
use crate::stats::Stats;
use crate::thread::CacheKey;
use std::alloc::Layout;
use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// A pool of objects of type `T`, of fixed capacity.
///
/// Types that derive [`Pooled`](crate::Pooled) have a `static` one, [`Pooled::pool`](crate::Pooled::pool); its objects are
/// [`PoolBox`](crate::PoolBox)es. A pool can be a value as well, for generic code, tests, or a
/// capacity known only at run time; its objects are [`ScopedBox`](crate::ScopedBox)es, which borrow it:
///
/// ```
/// use pool::{Pool, PoolConfig};
///
/// let pool = Pool::<String>::with_config(PoolConfig::new().capacity(100))?;
/// let mut name = pool.alloc("AAPL".to_owned());
/// name.push_str(".O");
/// assert_eq!((name.as_str(), pool.len()), ("AAPL.O", 1));
/// # Ok::<(), pool::InitError>(())
/// ```
///
/// Its address space is reserved at once, `capacity` and what threads may cache; memory is used as
/// objects are. A pool that is dropped gives all back. Objects that were leaked from it
/// (`mem::forget`) are not dropped.
///
/// A thread that uses more than some 32 pools that are values, in turn, finds its caches of them in
/// time linear in their number.
///
/// # Fork
///
/// In the child of a `fork`, allocating and freeing work. Free slots that other threads of the
/// parent had cached stay out of circulation there, and add to the room beyond the capacity as
/// before; if one of those threads was inside a refill or flush, the bookkeeping that each exchange
/// with the depot needs (some 50 bytes) is not reused in the child from then on. At the time of the
/// fork no other thread may be in a pool's first use, in [`Pool::trim`], in the drop of a pool that
/// is a value, or at its end: the child could wait for it for ever.
///
/// # Signals and allocators
///
/// Not for signal handlers: one that interrupts an allocation could see a cache half changed. Not
/// for use inside a global allocator: making a pool, and exchanges with the depot, may allocate.
#[repr(transparent)]
pub struct Pool<T> {
    raw: RawPool,
    /// Neither owns nor gives out a `T` by itself: it is as shareable as raw memory.
    values: PhantomData<fn() -> T>,
}

/// A pool of slots.
struct RawPool {
    config: PoolConfig,
    /// Where a thread finds its cache, if the pool is a type's own.
    key: Option<CacheKey>,
    /// Set once, under `making`.
    made: OnceLock<Made>,
    making: Mutex<()>,
}

/// A pool's caches, on the heap. Not a `Box`: records point to them while the pool is moved.
struct Made(NonNull<Caches>);

// SAFETY: it owns its caches as a `Box` would, and those may be sent and shared.
unsafe impl Send for Made {}
// SAFETY: as above.
unsafe impl Sync for Made {}

impl Made {
    fn new(caches: Caches) -> Self {
        Self(NonNull::from(Box::leak(Box::new(caches))))
    }

    fn caches(&self) -> &Caches {
        // SAFETY: made by `new`, freed by the pool's drop alone.
        unsafe { self.0.as_ref() }
    }
}

impl RawPool {
    const fn new(config: PoolConfig, key: Option<CacheKey>) -> Self {
        Self {
            config,
            key,
            made: OnceLock::new(),
            making: Mutex::new(()),
        }
    }

    /// The pool's caches; made of its own configuration if this is the first use.
    #[inline]
    fn caches(&self, layout: Layout) -> Result<&Caches, InitError> {
        match self.made.get() {
            Some(made) => Ok(made.caches()),
            None => self.make(self.config, layout, false),
        }
    }

    #[cold]
    fn make(&self, config: PoolConfig, layout: Layout, only: bool) -> Result<&Caches, InitError> {
        // No user code runs under this lock (but for an allocator's, see the crate), so a poisoned
        // one says nothing.
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(caches) = self.made.get().map(Made::caches) {
            let capacity = caches.capacity();
            return match only {
                true => Err(InitError::AlreadyInitialised { capacity }),
                false => Ok(caches),
            };
        }
        let plan = Plan::new(&config, layout)?;
        let mut depot = Depot::new(&plan, LinkStore::global())?;
        if config.prefault {
            depot.slab_mut().prefault_fresh(plan.capacity);
        }
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let caches = Caches::new(&plan, depot, NEXT.fetch_add(1, Ordering::Relaxed));
        Ok(self.made.get_or_init(|| Made::new(caches)).caches())
    }
}

impl Drop for RawPool {
    fn drop(&mut self) {
        let Some(made) = self.made.take() else { return };
        // SAFETY: every handle borrows the pool, and none is left; who has the pool for itself runs
        // no operation on it. Leaked objects are never used again: what borrows of them there were
        // ended with the pool's.
        unsafe { made.caches().abandon() };
        // SAFETY: made as a box. Threads that were ending have let go of it by now.
        let caches = unsafe { Box::from_raw(made.0.as_ptr()) };
        // SAFETY: as above.
        unsafe { caches.tear_down() };
    }
}

// No code of the user's runs while a pool is between two states.
impl<T> UnwindSafe for Pool<T> {}
impl<T> RefUnwindSafe for Pool<T> {}

impl<T> Pool<T> {
    /// A pool that is made at its first use: for a `static`, and for a field.
    ///
    /// A generic type has no pool of its own; this is how to give an instantiation one:
    ///
    /// ```
    /// use pool::{Pool, PoolConfig, ScopedBox};
    ///
    /// struct Message<T>(T);
    /// static TICKS: Pool<Message<u64>> = Pool::new(PoolConfig::new().capacity(1000));
    ///
    /// let tick: ScopedBox<'static, Message<u64>> = TICKS.alloc(Message(7));
    /// assert_eq!(tick.0, 7);
    /// ```
    ///
    /// A configuration that is refused is refused at the first use; [`Pool::with_config`] says so at
    /// once.
    pub const fn new(config: PoolConfig) -> Self {
        Self {
            raw: RawPool::new(config, None),
            values: PhantomData,
        }
    }

    /// Makes a pool. O(1), but for `prefault`.
    ///
    /// # Errors
    ///
    /// The configuration is refused, with the value that is to blame, or the system refuses the
    /// address space.
    pub fn with_config(config: PoolConfig) -> Result<Self, InitError> {
        let pool = Self::new(config);
        pool.init(config)?;
        Ok(pool)
    }

    /// A type's own pool, for a `static`; it is made at its first use.
    ///
    /// # Safety
    ///
    /// The pool is never dropped, and `key` is the key of a thread-local that no other pool uses.
    #[doc(hidden)]
    pub const unsafe fn for_static(config: PoolConfig, key: CacheKey) -> Self {
        Self {
            raw: RawPool::new(config, Some(key)),
            values: PhantomData,
        }
    }

    /// Where a thread finds its cache, if this is a type's own pool.
    pub(crate) fn key(&self) -> Option<CacheKey> {
        self.raw.key
    }

    pub(crate) fn of_uninit(&self) -> &Pool<MaybeUninit<T>> {
        // SAFETY: both are transparent over `RawPool`, and slots of a `T` are slots of a
        // `MaybeUninit<T>`: size and alignment are the same.
        unsafe { &*std::ptr::from_ref(self).cast() }
    }

    /// What the pool is to be made of at its first use: its own configuration, from the derive's
    /// attributes or from [`Pool::new`].
    pub const fn config(&self) -> PoolConfig {
        self.raw.config
    }

    /// Makes the pool now, of `config` and not of its own configuration. Begin with
    /// [`Pool::config`] to change one thing and keep the others:
    ///
    /// ```
    /// use pool::{PoolBox, Pooled};
    ///
    /// #[derive(Pooled)]
    /// #[pool(capacity = 1024, cache_line)]
    /// struct Order(u64);
    ///
    /// let orders = std::env::var("ORDERS").map_or(2048, |n| n.parse().expect("a number"));
    /// Order::pool().init(Order::pool().config().capacity(orders))?;
    /// assert_eq!(Order::pool().capacity(), orders);
    /// # Ok::<(), pool::InitError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Pool::with_config`]; and if the pool is in use already.
    pub fn init(&self, config: PoolConfig) -> Result<(), InitError> {
        self.raw.make(config, Layout::new::<T>(), true).map(drop)
    }

    /// The pool's caches, if it is made.
    pub(crate) fn made(&self) -> Option<&Caches> {
        self.raw.made.get().map(Made::caches)
    }

    /// The pool's caches; makes the pool if this is the first use.
    #[inline]
    pub(crate) fn caches(&self) -> Result<&Caches, Refusal> {
        let caches = self.raw.caches(Layout::new::<T>());
        caches.map_err(|error| Cause::Init(error).of::<T>())
    }

    /// What to say when there is no slot.
    pub(crate) fn full(&self) -> Refusal {
        let capacity = self.capacity();
        Cause::Full { capacity }.of::<T>()
    }

    /// The number of objects that the pool promises to hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.made()
            .map_or(self.raw.config.capacity, Caches::capacity)
    }

    /// The number of objects that are live. Exact when the threads that use the pool are quiet.
    /// O(threads).
    #[must_use]
    pub fn len(&self) -> usize {
        self.made().map_or(0, Caches::live)
    }

    /// Whether no object is live.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pool's figures. O(threads).
    #[must_use]
    pub fn stats(&self) -> Stats {
        match self.made() {
            Some(caches) => caches.stats(),
            None => Stats {
                capacity: self.capacity(),
                magazine: Plan::new(&self.raw.config, Layout::new::<T>())
                    .map_or(0, |plan| plan.magazine as usize),
                ..Stats::default()
            },
        }
    }

    /// Touches the memory of `capacity` objects, so that their first use faults no page in. Objects
    /// that are live keep their values. Makes the pool if this is its first use: call it when the
    /// program starts, and the first allocation pays for nothing. O(capacity).
    ///
    /// What several threads cache is beyond the capacity, and is not touched.
    ///
    /// # Errors
    ///
    /// As for [`Pool::with_config`], if this is the pool's first use; and if the system refuses:
    /// there is not so much memory, or the system has no call for it (Linux has since 5.14). The
    /// attribute and [`PoolConfig::prefault`] do without the call.
    pub fn prefault(&self) -> Result<(), InitError> {
        let caches = self.raw.caches(Layout::new::<T>())?;
        caches.depot().slab().prefault(caches.capacity())
    }

    /// Gives memory on which no object is live back to the system, and says about how many bytes.
    ///
    /// ```
    /// use pool::{Pool, PoolConfig};
    ///
    /// let pool = Pool::<[u8; 4096]>::with_config(PoolConfig::new().capacity(1000))?;
    /// let burst: Vec<_> = (0..1000).map(|_| pool.alloc([0; 4096])).collect();
    /// drop(burst);
    /// let bytes = pool.trim();
    /// # if cfg!(all(target_os = "linux", not(miri))) {
    /// assert!(bytes > 900 * 4096);
    /// # }
    /// # Ok::<(), pool::InitError>(())
    /// ```
    ///
    /// It is whole pages on which every slot is free and in the depot. What threads have cached,
    /// two magazines each, stays; so does what the pool uses for its bookkeeping, 8 bytes a free
    /// slot. The pages come back, zeroed by the system, as objects need them. While this runs,
    /// other threads may find the depot empty and use memory that was not used before; a thread
    /// waits if there is none such left. O(slots in use so far).
    pub fn trim(&self) -> usize {
        self.made().map_or(0, |caches| caches.depot().trim())
    }
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("type", &std::any::type_name::<T>())
            .field("stats", &self.stats())
            .finish()
    }
}
