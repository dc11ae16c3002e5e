//! Waiting for a free slot: see [`OnFull::Wait`](crate::OnFull).
//!
//! Who waits is in the queue of an `event_listener::Event`, and on a count that every free looks at.
//! While the count is not zero, a free hands its slot to the first of the queue, and no slot goes into
//! a cache.
//!
//! # Why nobody sleeps while fewer objects than the capacity are live
//!
//! A free that looked at the count just before somebody came puts its slot into its thread's cache all
//! the same, and tells nobody. That does no harm: who waits was told "full" after it came, which the
//! ledger says only if as many objects as the capacity are live *even if all other threads' caches
//! hold all they can* (see [`ledger`](crate::ledger)). So before fewer are live, one of those frees
//! finds its cache full, and hands slots to the depot; and whoever does that looks at the count
//! afterwards. There the two meet: he changes the ledger and then reads the count, who comes changes
//! the count and then reads the ledger, each with a sequentially consistent fence in between, so that
//! one of them sees the other.
//!
//! # User code
//!
//! The event wakes tasks, and drops wakers, under a lock of its own. What such code frees or asks for
//! here, on the same thread, must not take that lock again: [`Waiters::is_calling`] tells, and the slot
//! is laid aside until the call is over.

use crate::cache::Caches;
use crate::sync::event::{Event, Listener};
use crate::sync::{AtomicU64, AtomicUsize, Ordering, fence};
use std::cell::RefCell;
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

/// Who waits for a slot of one pool.
#[derive(Debug)]
pub(crate) struct Waiters {
    /// First come, first served.
    event: Event<Handed>,
    waiting: AtomicUsize,
    aside: Arc<Aside>,
    /// Slots that went from one owner to the next, and by no cache, which counts allocations.
    handed: AtomicU64,
}

/// Slots that are nobody's until a call of the event is over.
#[derive(Debug, Default)]
struct Aside(Mutex<Vec<Free>>);

/// A free slot.
#[derive(Debug, Clone, Copy)]
struct Free(NonNull<u8>);

// SAFETY: whoever has it owns the slot; a thread is as good as another.
#[allow(unsafe_code)]
unsafe impl Send for Free {}

/// A slot on its way to who waits. If that one leaves, it is laid aside.
#[derive(Debug)]
pub(crate) struct Handed {
    slot: Option<Free>,
    aside: Arc<Aside>,
}

impl Handed {
    fn take(mut self) -> Option<Free> {
        self.slot.take()
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.aside.push(slot);
        }
    }
}

impl Aside {
    fn push(&self, slot: Free) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(slot);
    }

    fn pop(&self) -> Option<Free> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

#[cfg(not(loom))]
std::thread_local! {
    /// The addresses of those whose events this thread is calling.
    static CALLS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

#[cfg(loom)]
loom::thread_local! {
    static CALLS: RefCell<Vec<usize>> = RefCell::new(Vec::new());
}

impl Waiters {
    pub(crate) fn new() -> Self {
        Self {
            event: Event::new(),
            waiting: AtomicUsize::new(0),
            aside: Arc::default(),
            handed: AtomicU64::new(0),
        }
    }

    /// Whether somebody waits. Relaxed: see the module for what happens to who looks too early.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) != 0
    }

    /// How many wait.
    pub(crate) fn count(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Slots that went from one owner to the next.
    pub(crate) fn handed(&self) -> u64 {
        self.handed.load(Ordering::Relaxed)
    }

    /// Calls the event, which may run wakers' code.
    fn call<R>(&self, f: impl FnOnce(&Event<Handed>) -> R) -> R {
        struct Leave;

        impl Drop for Leave {
            fn drop(&mut self) {
                let _ = CALLS.try_with(|calls| calls.borrow_mut().pop());
            }
        }

        let address = ptr::from_ref(self).addr();
        let entered = CALLS.try_with(|calls| calls.borrow_mut().push(address));
        let _leave = entered.is_ok().then_some(Leave);
        f(&self.event)
    }

    /// Whether this thread is in a call of this event.
    fn is_calling(&self) -> bool {
        let address = ptr::from_ref(self).addr();
        let calls = CALLS.try_with(|calls| calls.borrow().contains(&address));
        calls.unwrap_or(false)
    }

    /// Hands a free slot to the first who waits. False: nobody does, and the slot is the caller's
    /// still.
    fn give(&self, slot: Free) -> bool {
        if self.is_calling() {
            self.aside.push(slot);
            return true;
        }
        let mut handed = Some(Handed {
            slot: Some(slot),
            aside: Arc::clone(&self.aside),
        });
        let tag = || handed.take().expect("one is told");
        self.call(|event| event.give(tag));
        match handed {
            Some(handed) => handed.take().is_none(),
            None => true,
        }
    }
}

impl Caches {
    /// Hands a slot that its owner frees to the first who waits. False: nobody does.
    #[cold]
    pub(crate) fn pass_on(&self, waiters: &Waiters, slot: NonNull<u8>) -> bool {
        let given = waiters.give(Free(slot));
        if given {
            // Relaxed: a figure for statistics.
            waiters.handed.fetch_add(1, Ordering::Relaxed);
        }
        self.settle(waiters);
        given
    }

    /// Hands slots over as long as somebody waits and `next` has some; what nobody takes goes to `rest`.
    #[cold]
    pub(crate) fn hand_over(
        &self,
        waiters: &Waiters,
        mut next: impl FnMut() -> Option<NonNull<u8>>,
        rest: impl FnOnce(NonNull<u8>),
    ) {
        while waiters.any()
            && let Some(slot) = next()
        {
            let given = waiters.give(Free(slot));
            self.settle(waiters);
            if !given {
                return rest(slot);
            }
        }
    }

    /// Looks whether somebody waits, after the ledger was changed in his favour.
    pub(crate) fn waiters_after_change(&self) -> Option<&Waiters> {
        let waiters = self.waiters()?;
        fence(Ordering::SeqCst); // with the one in `Ticket::new`
        waiters.any().then_some(waiters)
    }

    /// Deals with slots that were laid aside.
    fn settle(&self, waiters: &Waiters) {
        if waiters.is_calling() {
            return; // the outer call does
        }
        while let Some(slot) = waiters.aside.pop() {
            if !(waiters.any() && waiters.give(slot)) {
                self.free_by_itself(slot.0);
            }
        }
    }
}

/// A place in the queue.
#[derive(Debug)]
pub(crate) struct Ticket<'a> {
    caches: &'a Caches,
    waiters: &'a Waiters,
    listener: Option<Listener<Handed>>,
}

impl<'a> Ticket<'a> {
    /// Takes a place at the end. The caller then tries to allocate once more before it waits. `None`:
    /// the pool is not one to wait for, or this is a waker's code that is run by a free.
    pub(crate) fn new(caches: &'a Caches) -> Option<Self> {
        let waiters = caches.waiters()?;
        if waiters.is_calling() {
            return None;
        }
        waiters.waiting.fetch_add(1, Ordering::Relaxed);
        let listener = Some(waiters.call(Event::listen));
        fence(Ordering::SeqCst); // with the one in `waiters_after_change`
        Some(Self {
            caches,
            waiters,
            listener,
        })
    }

    /// Sleeps until there is a slot, or until `deadline`; without one, for ever.
    pub(crate) fn wait(mut self, deadline: Option<Instant>) -> Option<NonNull<u8>> {
        let listener = self.listener.take().expect("a ticket is used once");
        let handed = self.waiters.call(|_| listener.wait(deadline));
        Some(handed?.take()?.0)
    }

    /// Asks whether there is a slot.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<NonNull<u8>> {
        let waiters = self.waiters;
        let listener = self.listener.as_mut().expect("not asked again");
        let handed = waiters.call(|_| listener.poll(context));
        self.caches.settle(waiters);
        handed.map(|handed| {
            self.listener = None;
            handed.take().expect("a slot was handed over").0
        })
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let listener = self.listener.take();
        // If it was told, the next one is told in its place.
        self.waiters.call(|_| drop(listener));
        self.waiters.waiting.fetch_sub(1, Ordering::Relaxed);
        self.caches.settle(self.waiters);
    }
}
