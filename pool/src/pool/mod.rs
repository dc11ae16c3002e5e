//! [`Pool`]: wires handles to cache, depot and slab.
//!
//! One implementation serves the `static` pool of a type and a pool that is a value; they differ in
//! where a thread finds its cache. All that does not depend on the type is in [`RawPool`], once.

#![allow(unsafe_code)]

mod kinds;
mod raw;

use crate::cache::Caches;
use crate::config::PoolConfig;
use crate::depots::Shortage;
#[cfg(test)]
use crate::depots::Sources;
use crate::error::InitError;
use crate::full::{Cause, Refusal};
use crate::kind::Kind;
use crate::memory::{Memory, Progress};
use crate::pooled::Pooled;
use crate::recycle;
use crate::slab::layout::Plan;
use crate::slot::{Discard, Form};
use crate::stats::Stats;
use crate::thread::CacheKey;
pub(crate) use kinds::Taken;
use raw::{Made, RawPool};
use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;

/// A pool of objects of type `T`, of fixed capacity.
///
/// Types that derive [`Pooled`](macro@crate::Pooled) have a `static` one, [`Pooled::pool`]; its objects are
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
/// is a value, at its end, or taking memory that is bound to a node or on huge pages: the child could
/// wait for it for ever.
///
/// Pages of 2 MiB and 1 GiB that parent and child both have are copied when one writes to them, which
/// takes one more such page: the kernel kills the child if there is none.
///
/// # Locked processes
///
/// In a process that locks all its memory (`mlockall(MCL_FUTURE)`) a pool's whole region is there at
/// once: the capacity, three magazines for each of 1,040 threads, and on several nodes each as much.
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

// No code of the user's runs while a pool is between two states.
impl<T> UnwindSafe for Pool<T> {}
impl<T> RefUnwindSafe for Pool<T> {}

impl<T> Pool<T> {
    /// A pool that is made at its first use: for a `static`, and for a field.
    ///
    /// A type of another crate has no pool of its own; this is how to give it one:
    ///
    /// ```
    /// use pool::{Pool, PoolConfig, ScopedBox};
    /// use std::time::Duration;
    ///
    /// static DELAYS: Pool<Duration> = Pool::new(PoolConfig::new().capacity(1000));
    ///
    /// let delay: ScopedBox<'static, Duration> = DELAYS.alloc(Duration::from_micros(7));
    /// assert_eq!(delay.as_micros(), 7);
    /// ```
    ///
    /// A configuration that is refused is refused at the first use, and tried again at the next;
    /// [`Pool::with_config`] says so at once.
    pub const fn new(config: PoolConfig) -> Self {
        Self {
            raw: RawPool::new(config, Form::new::<T>(Kind::PLAIN, None), None),
            values: PhantomData,
        }
    }

    /// Makes a pool. O(1), unless memory is to be taken: `prefault`, `lock`, huge pages.
    ///
    /// # Errors
    ///
    /// The configuration is refused, with the value that is to blame; or the system refuses the
    /// address space, or memory that is to be taken, or pages or nodes that are required. The error's
    /// `Display` says what would help.
    #[track_caller]
    pub fn with_config(config: PoolConfig) -> Result<Self, InitError> {
        let pool = Self::new(config);
        pool.init(config)?;
        Ok(pool)
    }

    /// A pool whose free slots may hold an object, as the slot's header says.
    pub(crate) const fn of_parked(config: PoolConfig) -> Self {
        let form = Form::new::<T>(Kind::PLAIN.recycled(), Some(recycle::vacate_any::<T>));
        Self {
            raw: RawPool::new(config, form, None),
            values: PhantomData,
        }
    }

    /// A pool whose memory comes from other sources.
    #[cfg(test)]
    fn with_sources(config: PoolConfig, sources: Sources<'_>) -> Result<Self, InitError> {
        let pool = Self::new(config);
        let caches = raw::build(config, pool.raw.form, sources)?;
        assert!(
            pool.raw.made.set(Made::new(caches, None)).is_ok(),
            "a new pool"
        );
        Ok(pool)
    }

    /// A type's own pool, for a `static`; it is made at its first use.
    ///
    /// # Safety
    ///
    /// The pool is never dropped, and `key` is the key of a thread-local that no other pool uses.
    #[doc(hidden)]
    pub const unsafe fn for_static(config: PoolConfig, key: CacheKey) -> Self
    where
        T: Pooled,
    {
        let form = Form::new::<T>(T::__KIND, T::__DISCARD);
        let config = config.on_full(T::__KIND.on_full).scrub(T::__KIND.scrubbed);
        Self {
            raw: RawPool::new(config, form, Some(key)),
            values: PhantomData,
        }
    }

    /// Where a thread finds its cache, if this is a type's own pool.
    pub(crate) fn key(&self) -> Option<CacheKey> {
        self.raw.key
    }

    /// Drops what a free slot may hold, if the type is recycled.
    pub(crate) fn discard(&self) -> Option<Discard> {
        self.raw.form.discard
    }

    pub(crate) fn of_uninit(&self) -> &Pool<MaybeUninit<T>> {
        // SAFETY: both are transparent over `RawPool`, and slots of a `T` are slots of a
        // `MaybeUninit<T>`: size and alignment are the same.
        unsafe { &*std::ptr::from_ref(self).cast() }
    }

    /// What the pool was made of; or is to be made of at its first use, from the derive's attributes or
    /// from [`Pool::new`].
    pub fn config(&self) -> PoolConfig {
        self.made()
            .map_or(self.raw.config, |caches| caches.depots().setup().config)
    }

    /// Makes the pool now, of `config`; what that does not say is as the attributes say it, or what
    /// [`Pool::new`] was given.
    ///
    /// ```
    /// use pool::{Pool, PoolBox, PoolConfig, Pooled};
    ///
    /// #[derive(Pooled)]
    /// #[pool(capacity = 1024, cache_line, on_full = "heap")]
    /// struct Order(u64);
    ///
    /// let orders = std::env::var("ORDERS").map_or(2048, |n| n.parse().expect("a number"));
    /// Order::pool().init(PoolConfig::new().capacity(orders))?;
    /// assert_eq!(Order::pool().capacity(), orders);
    /// # Ok::<(), pool::InitError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Pool::with_config`]; and if the pool is in use already.
    #[track_caller]
    pub fn init(&self, config: PoolConfig) -> Result<(), InitError> {
        self.raw.make(config, Some(Location::caller())).map(drop)
    }

    /// The pool's caches, if it is made.
    pub(crate) fn made(&self) -> Option<&Caches> {
        self.raw.made.get().map(Made::caches)
    }

    /// The pool's caches; makes the pool if this is the first use.
    #[inline]
    pub(crate) fn caches(&self) -> Result<&Caches, Refusal> {
        let caches = self.raw.caches();
        caches.map_err(|error| Cause::Init(error).of::<T>())
    }

    /// What to say when there is no slot.
    pub(crate) fn refusal(&self, shortage: Shortage) -> Refusal {
        let capacity = self.capacity();
        let cause = match shortage {
            Shortage::Full => Cause::Full {
                capacity,
                retired: self.made().map_or(0, Caches::retired),
            },
            Shortage::Memory(error) => Cause::Memory(*error),
        };
        cause.of::<T>()
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
        self.made()
            .map_or(0, |caches| caches.live() + caches.overflow().live())
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
                magazine: Plan::new(&self.raw.config, self.raw.form, 1)
                    .map_or(0, |plan| plan.magazine as usize),
                ..Stats::default()
            },
        }
    }

    /// Touches the memory of `capacity` objects, so that their first use faults no page in. Objects
    /// that are live keep their values. Makes the pool if this is its first use: call it when the
    /// program starts, and the first allocation pays for nothing. O(capacity), on up to eight
    /// threads if it is more than 64 MiB.
    ///
    /// What several threads cache is beyond the capacity, and is not touched. On several nodes each
    /// has its share touched, the same for all; see [`NumaPolicy`](crate::NumaPolicy).
    ///
    /// # Errors
    ///
    /// As for [`Pool::with_config`], if this is the pool's first use; and if the system refuses:
    /// there is not so much memory, or the system has no call for it (Linux has since 5.14). The
    /// attribute and [`PoolConfig::prefault`] do without the call.
    pub fn prefault(&self) -> Result<(), InitError> {
        self.prefault_with(|_| ())
    }

    /// [`Pool::prefault`], which says on this thread how far it has come, every 32 MiB or so.
    ///
    /// ```
    /// use pool::{Pool, PoolConfig};
    ///
    /// let pool = Pool::<[u8; 4096]>::with_config(PoolConfig::new().capacity(1000))?;
    /// # if cfg!(target_os = "linux") {
    /// pool.prefault_with(|progress| println!("{} of {} bytes", progress.done, progress.total))?;
    /// # }
    /// # Ok::<(), pool::InitError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Pool::prefault`].
    pub fn prefault_with(&self, mut progress: impl FnMut(Progress)) -> Result<(), InitError> {
        let caches = self.raw.caches()?;
        caches.depots().prefault(&mut progress)
    }

    /// Locks the memory of `capacity` objects, so that it is never swapped out, and touches it. Makes
    /// the pool if this is its first use. O(capacity).
    ///
    /// # Errors
    ///
    /// As for [`Pool::with_config`], if this is the pool's first use; and if the system refuses, as
    /// it does when the limit on locked memory is reached, which the error then names.
    pub fn lock(&self) -> Result<(), InitError> {
        self.raw.caches()?.depots().lock()
    }

    /// What the pool's memory was asked to be, and what the system says that it is: the pages, the
    /// nodes, what is locked, what was refused. Empty before the first use. O(memory): it asks the
    /// system about every page.
    ///
    /// ```
    /// use pool::{PageSize, Pool, PoolConfig};
    ///
    /// let config = PoolConfig::new().capacity(1000).pages(PageSize::Transparent);
    /// let pool = Pool::<[u8; 4096]>::with_config(config)?;
    /// let boxes: Vec<_> = (0..1000).map(|_| pool.alloc([1; 4096])).collect();
    /// println!("{}", pool.memory());
    /// # drop(boxes);
    /// # Ok::<(), pool::InitError>(())
    /// ```
    #[must_use]
    pub fn memory(&self) -> Memory {
        self.made()
            .map_or_else(Memory::default, |caches| caches.depots().memory())
    }

    /// The node whose share of the pool's memory an object is in; `None` if the pool has memory on one
    /// node only, or if the object is not in this pool. O(1).
    ///
    /// The kernel may have put the memory itself elsewhere, if that node was short of it:
    /// [`Pool::memory`] tells.
    #[must_use]
    pub fn node_of(&self, object: &T) -> Option<u32> {
        let slot = NonNull::from(object).cast();
        self.made()?.depots().node_of(slot)
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
    /// It is whole pages on which every slot is free and in the depot. Pages that are locked, or of 2 MiB
    /// or 1 GiB, are kept; so is what was prefaulted and never used. What threads have cached,
    /// two magazines each, stays; so does what the pool uses for its bookkeeping, 8 bytes a free
    /// slot. The pages come back, zeroed by the system, as objects need them. While this runs,
    /// other threads may find the depot empty and use memory that was not used before; a thread
    /// waits if there is none such left. O(slots in use so far).
    ///
    /// Of a type that is recycled, the objects that are parked in the depot are dropped first; those in
    /// threads' caches stay. The memory of a [`shared`](crate::Shared) type stays on systems that do not
    /// let memory be read that was given back (Windows), and under
    /// [`NumaPolicy::LocalOnly`](crate::NumaPolicy::LocalOnly).
    ///
    /// # Panics
    ///
    /// Panics if the destructor of a parked object does, once all others are dropped; nothing is given
    /// back then.
    pub fn trim(&self) -> usize {
        self.discard_parked();
        self.made().map_or(0, |caches| caches.depots().trim())
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

#[cfg(test)]
mod tests;
