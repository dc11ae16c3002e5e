//! One thread's free slots: two magazines, and the slow paths that keep them between empty and
//! full.
//!
//! The hot path sees only [`ThreadCache`]: a pointer to the *loaded* magazine. When it is empty (or
//! full) the slow path swaps it with the *previous* one; when both are, it exchanges one with the
//! depot. So after an exchange a thread has a magazine's worth of work either way before the next
//! one, and a workload that hovers at a boundary does not rattle (Bonwick & Adams, 2001).
//!
//! A cache is *fresh*, *live* or *dead*. Fresh and dead ones point at the magazine without room:
//! the hot path's own test leads to the slow path, and asks nothing more. A dead cache's thread is
//! past its end; each of its operations opens a cache for its own length. So do the operations of
//! threads beyond the number that a pool has caches for.

#![allow(unsafe_code)]

mod exchange;
mod extras;
mod loan;
mod local;
mod record;

use crate::depots::{Depots, Shortage};
use crate::slab::layout::{SPARE_CACHES, THREAD_CACHES};
use crate::stats::Stats;
use crate::sync::{AtomicPtr, AtomicUsize, Ordering, yield_now};
use std::ptr::{self, NonNull};

#[cfg(not(loom))]
pub(crate) use extras::{moves, note_move};
pub use local::ThreadCache;
pub(crate) use record::Record;

/// The caches of one pool over its depots.
#[derive(Debug)]
pub(crate) struct Caches {
    depots: Depots,
    /// All records ever made for this pool, linked by `Record::next`; only ever pushed to.
    records: AtomicPtr<Record>,
    high_water: AtomicUsize,
    /// Objects that wait until no reader sees them.
    retired: AtomicUsize,
    /// Unlike that of any other pool of the process, ever.
    id: u64,
    extras: extras::Extras,
}

// SAFETY: all of it is shared state made for many threads: atomics, the depots, and records whose
// non-atomic parts belong to the thread that claimed them.
unsafe impl Send for Caches {}
// SAFETY: as above.
unsafe impl Sync for Caches {}

impl Caches {
    pub(crate) fn new(depots: Depots, id: u64) -> Self {
        Self {
            records: AtomicPtr::new(ptr::null_mut()),
            high_water: AtomicUsize::new(0),
            retired: AtomicUsize::new(0),
            id,
            extras: extras::Extras::new(depots.setup()),
            depots,
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn capacity(&self) -> usize {
        self.depots.setup().plan.capacity
    }

    pub(crate) fn depots(&self) -> &Depots {
        &self.depots
    }

    /// Objects that are retired and not dropped yet.
    pub(crate) fn retired(&self) -> usize {
        self.retired.load(Ordering::Relaxed)
    }

    /// Counts an object as retired. How many there are then.
    pub(crate) fn note_retired(&self) -> usize {
        // Relaxed, here and below: a count, which orders nothing.
        self.retired.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts a retired object as dropped.
    pub(crate) fn note_dropped(&self) {
        self.retired.fetch_sub(1, Ordering::Relaxed);
    }

    /// Allocates when the loaded magazine is empty.
    ///
    /// `enroll` makes a fresh cache live, for as long as the thread lives; if it does not, the
    /// operation uses a cache of its own.
    pub(crate) fn allocate_slow(
        &self,
        cache: &ThreadCache,
        enroll: impl FnOnce(&Self),
    ) -> Result<NonNull<u8>, Shortage> {
        self.with_record(cache, enroll, |cache, record| {
            self.allocate_from(cache, record)
        })
    }

    /// Frees when the loaded magazine is full.
    pub(crate) fn free_slow(
        &self,
        cache: &ThreadCache,
        slot: NonNull<u8>,
        enroll: impl FnOnce(&Self),
    ) {
        self.with_record(cache, enroll, |cache, record| {
            self.free_to(cache, record, slot);
        });
    }

    /// Runs a slow path on a live cache: the given one, or one for the operation alone.
    ///
    /// The cache is suspended meanwhile, and live again afterwards. What panics in between (the
    /// hook for memory that is not to be had) leaves it suspended, and loses its slots.
    fn with_record<R>(
        &self,
        cache: &ThreadCache,
        enroll: impl FnOnce(&Self),
        operation: impl FnOnce(&ThreadCache, &Record) -> R,
    ) -> R {
        if cache.is_fresh() {
            enroll(self);
        }
        let Some(record) = cache.record() else {
            return self.with_spare(operation);
        };
        // SAFETY: a record outlives the live state of its cache.
        let result = operation(cache, unsafe { record.as_ref() });
        self.serve(cache);
        result
    }

    /// Remembers how many objects may be live before this thread's next refill, which leaves `out`
    /// slots out of the depot.
    ///
    /// This thread's objects can become as many as it has slots. Each of the other caches hides
    /// between none and two magazines: one each is the middle. So the mark is too high by at most a
    /// magazine a thread, too low by at most a magazine for each other thread, and with one thread
    /// never too low.
    fn note_high_water(&self, out: usize) {
        let others = self.depots.ledger().caches().saturating_sub(1);
        let estimate = out.saturating_sub(self.depots.magazine() as usize * others);
        // Relaxed: a figure for statistics.
        if estimate > self.high_water.load(Ordering::Relaxed) {
            self.high_water.fetch_max(estimate, Ordering::Relaxed);
        }
    }

    /// Opens a cache for the calling thread, unless the pool has none left for one: claims a record
    /// and gives it two empty magazines. [`ThreadCache::go_live`] then uses it.
    pub(crate) fn open(&self) -> Option<NonNull<Record>> {
        self.open_up_to(THREAD_CACHES)
    }

    fn open_up_to(&self, most: usize) -> Option<NonNull<Record>> {
        if !self.depots.ledger().open_cache(most) {
            return None;
        }
        let record = self.claim_record();
        // SAFETY: records are freed by whoever owns them last, and this one is ours now.
        let shared = unsafe { record.as_ref() };
        let station = self.depots.station();
        shared.station.set(station);
        shared.set_loaded(self.depots.empty_magazine(station));
        shared.set_previous(self.depots.empty_magazine(station));
        Some(record)
    }

    /// Hands what a cache holds to the depot. The record stays claimed.
    ///
    /// # Safety
    ///
    /// The calling thread claimed the record, and its cache is killed or not used any more.
    pub(crate) unsafe fn close(&self, record: NonNull<Record>) {
        // SAFETY: claimed by this thread, so it is there.
        let record = unsafe { record.as_ref() };
        // If it was in the record: whoever claims that next must not find it live.
        record.cache.reset();
        record.is_left.set(false);
        let (first, second, used) = record.take_magazines();
        let station = record.station.get();
        self.depots.note_use(station, used);
        // SAFETY: they were this cache's two, and now are ours.
        unsafe { self.depots.take_over(first, second, station) };
        self.depots.ledger().close_cache();
    }

    /// Runs one operation with a cache that is there for its length only.
    #[cold]
    fn with_spare<R>(&self, operation: impl FnOnce(&ThreadCache, &Record) -> R) -> R {
        let result = self.with_one_more(operation);
        self.serve_from_outside();
        result
    }

    /// [`Caches::with_spare`], which tells nobody of the slots that it gives back.
    fn with_one_more<R>(&self, operation: impl FnOnce(&ThreadCache, &Record) -> R) -> R {
        let cache = ThreadCache::fresh();
        let record = loop {
            match self.open_up_to(THREAD_CACHES + SPARE_CACHES) {
                Some(record) => break record,
                // Each holder has it for the length of one operation.
                None => yield_now(),
            }
        };
        // SAFETY: ours until it is released below.
        unsafe { cache.go_live(record) };
        // SAFETY: as above.
        let result = operation(&cache, unsafe { record.as_ref() });
        // SAFETY: the cache is on this stack and ends here.
        unsafe { self.close(record) };
        // SAFETY: ours until now, and not touched again.
        unsafe { Record::release(record) };
        result
    }

    /// A record that nobody else has: one that was released, or a new one.
    fn claim_record(&self) -> NonNull<Record> {
        // SAFETY: records stay until the pool's end, which has the pool to itself.
        let claim = |record: &NonNull<Record>| unsafe { record.as_ref() }.claim();
        if let Some(record) = self.records().find(claim) {
            return record;
        }
        let record = Record::new(self);
        // SAFETY: new, and not shared yet.
        let shared = unsafe { record.as_ref() };
        let mut head = self.records.load(Ordering::Relaxed);
        loop {
            shared.set_next(head);
            // Release: a walker that Acquires the head sees the record whole.
            match self.records.compare_exchange_weak(
                head,
                record.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return record,
                Err(now) => head = now,
            }
        }
    }

    fn records(&self) -> impl Iterator<Item = NonNull<Record>> {
        // Acquire: pairs with the Release of the push, for this record and all behind it.
        let mut next = self.records.load(Ordering::Acquire);
        std::iter::from_fn(move || {
            let record = NonNull::new(next)?;
            // SAFETY: records stay until the pool's end, which has the pool to itself.
            next = unsafe { record.as_ref() }.next();
            Some(record)
        })
    }

    /// The records, to be looked at.
    fn shared_records(&self) -> impl Iterator<Item = &Record> {
        // SAFETY: as in `records`.
        self.records().map(|record| unsafe { record.as_ref() })
    }

    /// Objects that are live: what is out, less what is cached. O(threads).
    pub(crate) fn live(&self) -> usize {
        let out = self.depots.ledger().out();
        let cached: usize = self.shared_records().map(Record::cached).sum();
        out.saturating_sub(cached)
    }

    pub(crate) fn stats(&self) -> Stats {
        let live = self.live();
        let mut stats = Stats {
            capacity: self.capacity(),
            live,
            // Not stored: a reading beside a closing cache may be too high.
            high_water: live.max(self.high_water.load(Ordering::Relaxed)),
            retired: self.retired(),
            threads: self.depots.ledger().caches(),
            magazine: self.depots.magazine() as usize,
            ..Stats::default()
        };
        self.depots.add_to(&mut stats);
        for record in self.shared_records() {
            record.add_to(&mut stats);
        }
        self.extras.add_to(&mut stats);
        stats.frees = stats.allocations.saturating_sub(stats.live as u64);
        stats
    }

    /// Ends the pool, first half: parts with the threads that have records of it, and waits for
    /// those that are just handing theirs over.
    ///
    /// # Safety
    ///
    /// No slot of the pool is used again, and no operation on it begins or goes on, the closing of
    /// a thread's cache excepted.
    pub(crate) unsafe fn abandon(&self) {
        // Acquire: pairs with the Release of the push, as in `records`.
        let mut next = self.records.swap(ptr::null_mut(), Ordering::Acquire);
        while let Some(record) = NonNull::new(next) {
            // SAFETY: not freed yet: that is for this walk, or for its thread once it is abandoned.
            next = unsafe { record.as_ref() }.next();
            // SAFETY: as above.
            let magazines: Vec<_> = unsafe { record.as_ref() }.magazines().collect();
            // SAFETY: a record of this pool, which ends once.
            if unsafe { Record::abandon(record) } {
                for magazine in magazines {
                    // SAFETY: its cache is not used again, by contract.
                    unsafe { magazine.free() };
                }
            } else {
                // SAFETY: nobody claimed it.
                unsafe { Record::free(record) };
            }
        }
    }

    /// Ends the pool, second half: frees magazines and region.
    ///
    /// # Safety
    ///
    /// As for [`Caches::abandon`], which was called. So nobody has a reference to this value.
    pub(crate) unsafe fn tear_down(self) {
        // SAFETY: by contract.
        unsafe { self.depots.tear_down() };
    }
}
