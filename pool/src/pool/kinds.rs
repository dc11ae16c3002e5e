//! What pools do that are more than plain: when there is no slot, and when a slot is freed.

#![allow(unsafe_code)]

use super::Pool;
use crate::cache::Caches;
use crate::config::OnFull;
use crate::depots::{Depots, Shortage};
use crate::epoch;
use crate::full::{Cause, Refusal};
use crate::kind::Kind;
use crate::scrub;
use crate::wait::Ticket;
use std::cell::Cell;
use std::future;
use std::panic::resume_unwind;
use std::ptr::NonNull;
use std::task::Poll;
use std::time::{Duration, Instant};

/// How often an allocation collects retired objects whose slots others are faster to take.
const ATTEMPTS: usize = 4;

/// A slot that was taken as it is, and is its holder's, on whatever thread.
pub(crate) struct Taken<T>(pub(crate) NonNull<T>);

impl<T> Taken<T> {
    pub(crate) fn into_slot(self) -> NonNull<T> {
        self.0
    }
}

// SAFETY: a free slot holds nothing that could mind the thread, or what is recycled, which is `Send`.
unsafe impl<T> Send for Taken<T> {}

impl<T> Pool<T> {
    /// What is done when a thread's cache is empty and the depots have no slot: another attempt when
    /// objects that waited for nothing but a collection are dropped; then the heap's; or the reason
    /// that there is none.
    #[cold]
    pub(crate) fn without_slot(
        &self,
        caches: &Caches,
        mut shortage: Shortage,
        mut again: impl FnMut() -> Result<NonNull<u8>, Shortage>,
    ) -> Result<NonNull<T>, Refusal> {
        for _ in 0..ATTEMPTS {
            let waiting = caches.retired();
            if shortage != Shortage::Full || waiting == 0 {
                break;
            }
            epoch::collect(|| caches.retired());
            match again() {
                Ok(slot) => return Ok(slot.cast()),
                Err(still) => shortage = still,
            }
            if caches.retired() >= waiting {
                break;
            }
        }
        if shortage == Shortage::Full && caches.depots().setup().config.on_full == OnFull::Heap {
            let slot = caches.overflow().allocate(&self.raw.form);
            return slot.map(NonNull::cast).ok_or_else(|| Cause::Heap.of::<T>());
        }
        Err(self.refusal(shortage))
    }

    /// Does what there is to a free beyond putting the slot away, in pools of a kind that looks at
    /// frees. True: the slot has gone elsewhere.
    ///
    /// # Safety
    ///
    /// The slot came from this pool, is the caller's, and holds nothing that is used again, or an
    /// object that is parked. After `true` it is not the caller's any more.
    #[inline]
    pub(crate) unsafe fn look(&self, caches: &Caches, kind: Kind, slot: NonNull<T>) -> bool {
        if kind.scrubbed {
            // SAFETY: the caller's.
            unsafe { scrub::wipe(slot) };
        }
        if kind.overflows() && !caches.depots().holds(slot.cast()) {
            // SAFETY: a slot of this pool that is not in its region came from `without_slot`.
            unsafe { caches.overflow().free(slot.cast(), &self.raw.form) };
            return true;
        }
        match caches.waiters() {
            Some(waiters) if kind.waits() && waiters.any() => caches.pass_on(waiters, slot.cast()),
            _ => false,
        }
    }

    /// Whether a slot is in the pool's region, and not on the heap.
    pub(crate) fn holds(&self, slot: NonNull<T>) -> bool {
        self.made()
            .is_some_and(|caches| caches.depots().holds(slot.cast()))
    }

    /// The number of a slot of a `shared` type's pool.
    #[inline]
    pub(crate) fn number_of(&self, slot: NonNull<T>) -> u32 {
        let caches = self.made().expect("a pool that gave a slot was made");
        caches.depots().number(slot.cast())
    }

    /// The slot of a number, if it was ever handed out. The pointer is good for all of the slot.
    #[inline]
    pub(crate) fn slot_of(&self, number: u32) -> Option<NonNull<T>> {
        Some(self.made()?.depots().slot(number)?.cast())
    }

    /// All slots that were ever handed out. They may be in use.
    pub(crate) fn slots_ever_used(&self) -> impl Iterator<Item = NonNull<T>> {
        let depots = self.made().map(Caches::depots);
        depots
            .into_iter()
            .flat_map(Depots::slots_ever_used)
            .map(NonNull::cast)
    }

    /// A slot's address as the pool knows it, good for its header as well.
    pub(crate) fn whole(&self, slot: NonNull<T>) -> NonNull<T> {
        match self.made() {
            Some(caches) if caches.depots().holds(slot.cast()) => {
                caches.depots().whole(slot.cast()).cast()
            }
            _ => slot,
        }
    }

    /// Takes a slot out of use for ever.
    ///
    /// # Safety
    ///
    /// It is a slot of the region, is the caller's, and holds nothing that is used again.
    pub(crate) unsafe fn set_aside(&self, slot: NonNull<T>) {
        if self.raw.form.kind.scrubbed {
            // SAFETY: the caller's.
            unsafe { scrub::wipe(slot) };
        }
        let caches = self.made().expect("a pool that gave a slot was made");
        caches.set_aside();
    }

    /// Drops the objects that are parked in free slots of the depots.
    pub(crate) fn discard_parked(&self) {
        std::thread_local! {
            /// A destructor that trims again is none of those that this is for.
            static DISCARDING: Cell<bool> = const { Cell::new(false) };
        }

        /// Ends it.
        struct Discarding;

        impl Drop for Discarding {
            fn drop(&mut self) {
                DISCARDING.set(false);
            }
        }

        if let (Some(caches), Some(discard)) = (self.made(), self.raw.form.discard)
            && !DISCARDING.replace(true)
        {
            let _discarding = Discarding;
            // SAFETY: the one of this pool's type.
            let mut panics = unsafe { caches.discard_parked(discard) }.into_iter();
            if let Some(first) = panics.next() {
                drop(panics);
                resume_unwind(first);
            }
        }
    }

    /// Waits until there is a slot, as it is.
    pub(crate) fn wait(&self, timeout: Duration) -> Result<Taken<T>, Refusal> {
        let begun = Instant::now();
        let deadline = begun.checked_add(timeout);
        let refusal = match self.take_slot() {
            Ok(slot) => return Ok(Taken(slot)),
            Err(refusal) => refusal,
        };
        let capacity = self.capacity();
        let ticket = self.ticket(refusal)?;
        // Now that a free hands its slot over.
        match self.take_slot() {
            Ok(slot) => return Ok(Taken(slot)),
            Err(refusal) if !refusal.is_full() => return Err(refusal),
            Err(_) => (),
        }
        match ticket.wait(deadline) {
            Some(slot) => Ok(Taken(slot.cast())),
            None => Err(Cause::Waited { capacity, timeout }.of::<T>()),
        }
    }

    /// [`Pool::wait`], without a deadline, for a task.
    pub(crate) async fn wait_async(&self) -> Result<Taken<T>, Refusal> {
        let mut ticket = None;
        let taken = future::poll_fn(move |context| {
            loop {
                match &mut ticket {
                    None => {
                        let refusal = match self.take_slot() {
                            Ok(slot) => return Poll::Ready(Ok(Taken(slot))),
                            Err(refusal) => refusal,
                        };
                        ticket = Some(self.ticket(refusal)?);
                        match self.take_slot() {
                            Ok(slot) => {
                                ticket = None;
                                return Poll::Ready(Ok(Taken(slot)));
                            }
                            Err(refusal) if !refusal.is_full() => return Poll::Ready(Err(refusal)),
                            Err(_) => (),
                        }
                    }
                    Some(place) => {
                        return place.poll(context).map(|slot| Ok(Taken(slot.cast())));
                    }
                }
            }
        });
        taken.await
    }

    /// A place among those who wait, if the refusal is one that time can heal.
    fn ticket(&self, refusal: Refusal) -> Result<Ticket<'_>, Refusal> {
        let ticket = self
            .made()
            .filter(|_| refusal.is_full())
            .and_then(Ticket::new);
        ticket.ok_or(refusal)
    }
}
