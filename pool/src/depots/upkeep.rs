//! The memory of a pool's depots: taking it, touching it, locking it, giving it back, and what the
//! system says about it.

use super::Depots;
use crate::depot::Depot;
use crate::error::InitError;
use crate::memory::{Memory, Progress, Region};
use crate::setup::Setup;
use crate::slab::Slab;
use crate::source::{self, ByteRange, Refused};
use crate::stats::Stats;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

/// Bytes that are populated at a time.
const CHUNK: usize = 32 << 20;
/// Threads that populate together, at most.
const POPULATORS: usize = 8;

/// Reserves a region, and makes its parts.
pub(super) fn map(setup: &Setup, sources: super::Sources<'_>) -> Result<Vec<Slab>, InitError> {
    let plan = &setup.plan;
    let layout = plan.region();
    let mut sources = (0..plan.parts)
        .map(|home| sources(&setup.wish(home)))
        .peekable();
    let first = sources.peek().expect("a pool has a home");
    let span = first.map(layout).map_err(|refused| InitError::Reserve {
        bytes: layout.size(),
        call: refused.call,
        errno: refused.errno,
    })?;
    let span = Arc::new(span);
    let slabs: Vec<_> = sources
        .enumerate()
        .map(|(home, source)| Slab::new(plan, source, Arc::clone(&span), home))
        .collect();
    drop(span);
    for (home, slab) in slabs.iter().enumerate() {
        let bytes = setup.eager_bytes(home);
        if let Err(refused) = slab.grow(bytes) {
            let error = setup.refusal(refused, home, bytes);
            // SAFETY: no slot was carved.
            unsafe { unmap(slabs) };
            return Err(error);
        }
        if bytes > 0 {
            slab.note_prefaulted(setup.share(home));
        }
    }
    Ok(slabs)
}

/// Gives a region back.
///
/// # Safety
///
/// The slabs are all parts of one region, and no slot of them is used again.
unsafe fn unmap(slabs: impl IntoIterator<Item = Slab>) {
    let (sources, mut spans): (Vec<_>, Vec<_>) = slabs.into_iter().map(Slab::into_parts).unzip();
    let span = spans.pop().expect("a region has a part");
    drop(spans);
    let span = Arc::into_inner(span).expect("the slabs had all of them");
    // SAFETY: by contract nobody uses it again, and all sources of a pool are of a kind.
    unsafe { sources[0].unmap(span) };
}

impl Depots {
    /// Touches and locks the memory of the capacity, if the configuration says so. For a pool that
    /// nobody has used.
    pub(crate) fn prepare(&mut self) -> Result<(), InitError> {
        let config = self.setup.config;
        if config.prefault {
            match self.prefault(&mut |_| ()) {
                // There is no call for it here, or not yet (Linux has it since 5.14).
                Err(InitError::Prefault { errno, .. }) if source::cannot_populate(errno) => {
                    self.touch()?;
                }
                other => other?,
            }
        }
        if config.lock {
            self.lock()?;
        }
        Ok(())
    }

    /// [`Depots::prefault`] by hand, for a pool that nobody has used.
    fn touch(&mut self) -> Result<(), InitError> {
        for (home, depot) in self.homes.iter_mut().enumerate() {
            let range = commit_share(&self.setup, home, depot)?;
            depot.slab_mut().touch(range);
            depot.slab().note_prefaulted(self.setup.share(home));
        }
        Ok(())
    }

    /// Touches the memory of the capacity: of each home's share.
    pub(crate) fn prefault(&self, progress: &mut dyn FnMut(Progress)) -> Result<(), InitError> {
        let mut chunks = Vec::new();
        for (home, depot) in self.homes.iter().enumerate() {
            let range = commit_share(&self.setup, home, depot)?;
            let end = range.offset + range.len;
            chunks.extend((range.offset..end).step_by(CHUNK).map(|offset| Chunk {
                slab: depot.slab(),
                range: ByteRange {
                    offset,
                    len: CHUNK.min(end - offset),
                },
            }));
        }
        self.set_aside();
        populate(&chunks, progress)?;
        for (home, depot) in self.homes.iter().enumerate() {
            depot.slab().note_prefaulted(self.setup.share(home));
        }
        Ok(())
    }

    /// Gives each home leave for its share of the capacity, whose memory is to be taken: it counts,
    /// whether slots of it are in use or not.
    fn set_aside(&self) {
        if self.setup.is_strict() {
            return; // Each home has leave for all.
        }
        for (home, depot) in self.homes.iter().enumerate() {
            let has = depot.warm() + depot.quota().left();
            let lacks = self.setup.share(home).saturating_sub(has);
            if lacks > 0 {
                depot.quota().give(self.common.take(lacks));
            }
        }
        self.eager.store(true, Ordering::Relaxed);
    }

    /// Locks the memory of the capacity: of each home's share.
    pub(crate) fn lock(&self) -> Result<(), InitError> {
        self.set_aside();
        for (home, depot) in self.homes.iter().enumerate() {
            let range = commit_share(&self.setup, home, depot)?;
            let locked = depot.slab().lock(range);
            locked.map_err(|refused| refused.of_lock(range.len))?;
            depot.slab().note_prefaulted(self.setup.share(home));
        }
        Ok(())
    }

    /// Gives memory on which all slots are in their depot back to the system. Returns how many
    /// bytes that were.
    pub(crate) fn trim(&self) -> usize {
        let own = self.setup.is_strict() || self.is_eager();
        let mut bytes = 0;
        for depot in &self.homes {
            let trimmed = depot.trim();
            let quota = if own { depot.quota() } else { &self.common };
            quota.give(trimmed.cold);
            bytes += trimmed.bytes;
        }
        bytes
    }

    /// Calls `visit` with each free slot that is in the depots now, and with what comes to be there
    /// meanwhile, if it does not come too fast. Up to a magazine at a time is out of its depot, and
    /// counted as out: for who has an open cache with nothing in it. No lock is held.
    pub(crate) fn visit_free(&self, visit: &mut dyn FnMut(NonNull<u8>)) {
        for depot in &self.homes {
            let most = depot.slab().carved() / self.magazine() as usize + self.ledger.caches();
            let mut reserve = |most| {
                let reserved = self.ledger.reserve(most).slots;
                if reserved < most {
                    self.ledger.give_back(reserved);
                }
                (reserved == most).then_some(reserved)
            };
            depot.visit(
                2 * most + 2,
                &mut reserve,
                &|slots| self.ledger.give_back(slots),
                visit,
            );
        }
    }

    /// What was asked of the system, and what it says that there is.
    pub(crate) fn memory(&self) -> Memory {
        let config = &self.setup.config;
        let region = |(home, depot): (usize, &Depot)| {
            let survey = depot.slab().survey();
            Region {
                node: self.setup.node(home),
                policy: config.numa,
                pages: config.pages,
                pages_required: config.pages_required,
                bytes_reserved: depot.slab().bytes(),
                granted: survey.granted,
                bytes_locked: survey.locked,
                refused: survey.refused.iter().map(Refused::to_string).collect(),
            }
        };
        Memory {
            regions: self.homes.iter().enumerate().map(region).collect(),
        }
    }

    /// Adds the memory's figures to a pool's.
    pub(crate) fn add_to(&self, stats: &mut Stats) {
        for depot in &self.homes {
            stats.bytes_reserved += depot.slab().bytes();
            stats.bytes_committed += depot.slab().committed();
        }
        if let Some(traffic) = &self.traffic {
            traffic.add_to(&self.setup.routes, stats);
            for (home, depot) in self.homes.iter().enumerate() {
                let id = self.setup.routes.homes()[home];
                let node = stats.nodes.iter_mut().find(|node| node.node == id);
                if let Some(node) = node {
                    node.bytes_committed = depot.slab().committed();
                    node.quota = depot.quota().left() + depot.warm();
                }
            }
        }
    }

    /// Asserts that there is leave for just those slots that have no memory. For one thread alone.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn audit(&self) {
        let homes = self.homes.iter();
        let own: usize = homes.clone().map(|depot| depot.quota().left()).sum();
        let warm: usize = homes.map(Depot::warm).sum();
        let granted: usize = (0..self.homes.len())
            .map(|home| self.setup.quota(home))
            .sum();
        let all = granted + self.setup.common_quota();
        assert_eq!(
            own + self.common.left() + warm,
            all,
            "leave was lost, or made"
        );
    }

    /// Frees what the depots own: magazines and region.
    ///
    /// # Safety
    ///
    /// No slot and no magazine of the pool is used again.
    pub(crate) unsafe fn tear_down(self) {
        // SAFETY: by contract.
        let tear_down = |depot: Depot| unsafe { depot.tear_down() };
        let slabs: Vec<_> = self.homes.into_iter().map(tear_down).collect();
        // SAFETY: they are all parts of this pool's region, and by contract no slot is used again.
        unsafe { unmap(slabs) };
    }
}

/// Commits the memory of a home's share.
fn commit_share(setup: &Setup, home: usize, depot: &Depot) -> Result<ByteRange, InitError> {
    let slots = setup.share(home);
    let range = depot.slab().commit(slots);
    range.map_err(|refused| setup.refusal(refused, home, slots * setup.plan.stride))
}

/// Something to populate.
struct Chunk<'a> {
    slab: &'a Slab,
    range: ByteRange,
}

/// Populates all chunks: on several threads, if it is much. `progress` is called on this one.
fn populate(chunks: &[Chunk<'_>], progress: &mut dyn FnMut(Progress)) -> Result<(), InitError> {
    let total = chunks.iter().map(|chunk| chunk.range.len).sum();
    let work = |chunk: &Chunk<'_>| match chunk.slab.populate(chunk.range) {
        Ok(()) => Ok(chunk.range.len),
        Err(refused) => Err(InitError::Prefault {
            bytes: total,
            call: refused.call,
            errno: refused.errno,
        }),
    };
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(POPULATORS).min(chunks.len() / 2);
    thread::scope(|scope| {
        // Whatever ends this closure, a panic in `progress` too, ends the others.
        let _stop = OnDrop(|| stop.store(true, Ordering::Relaxed));
        let (done, news) = mpsc::channel();
        let worker = || {
            let done = done.clone();
            let (next, stop, work) = (&next, &stop, &work);
            move || {
                while !stop.load(Ordering::Relaxed)
                    && let Some(chunk) = chunks.get(next.fetch_add(1, Ordering::Relaxed))
                    && done.send(work(chunk)).is_ok()
                {}
            }
        };
        let spawn = |_: &usize| {
            let builder = thread::Builder::new().name("pool prefault".to_owned());
            builder.spawn_scoped(scope, worker()).is_ok()
        };
        // Alone, this thread does it itself.
        let wanted = if threads > 1 { threads } else { 0 };
        let helpers = (0..wanted).take_while(spawn).count();
        let mut report = Progress { done: 0, total };
        let mut note = |result: Result<usize, InitError>| {
            report.done += result?;
            progress(report);
            Ok(())
        };
        if helpers == 0 {
            return chunks.iter().try_for_each(|chunk| note(work(chunk)));
        }
        drop(done);
        news.iter().try_for_each(note)
    })
}

/// Runs something at the end of a scope.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
