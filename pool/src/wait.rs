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
//! The event wakes tasks under a lock of its own, and what a waker does is its executor's affair. So
//! what the event wakes is a [`Relay`] of ours, which notes the task's waker; it is woken when the lock
//! is free ([`wake_noted`]), and no slot of this thread is on its way. Nor is a waker cloned or dropped
//! under the lock.

use crate::cache::Caches;
use crate::quiet::quietly;
use crate::sync::epoch::objects::Hungry;
use crate::sync::event::{Event, Listener};
use crate::sync::{AtomicU64, AtomicUsize, Ordering, fence};
use std::mem;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

/// Who waits for a slot of one pool.
#[derive(Debug)]
pub(crate) struct Waiters {
    /// First come, first served.
    event: Event<Handed>,
    waiting: AtomicUsize,
    arrived: AtomicU64,
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

/// What the event has in the place of a task's waker.
#[derive(Debug, Default)]
struct Relay(Mutex<Option<Waker>>);

impl Relay {
    /// Takes the waker of the task that waits, or of none; gives back the one that it had.
    fn set(&self, waker: Option<Waker>) -> Option<Waker> {
        mem::replace(&mut *self.lock(), waker)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        if let Some(waker) = self.set(None) {
            noted::add(waker);
        }
    }
}

/// Wakes the tasks whose turn has come, unless that is what this thread does already: then that goes on
/// with these, so that wakers which poll do not pile up.
pub(crate) fn wake_noted() {
    after(|| ());
}

/// Runs `f`, and wakes the tasks whose turn comes in it afterwards.
pub(crate) fn after<R>(f: impl FnOnce() -> R) -> R {
    let outermost = noted::begin();
    let result = f();
    if outermost {
        while let Some(waker) = noted::next_or_end() {
            quietly(|| waker.wake());
        }
    }
    result
}

/// The wakers that this thread has to wake.
#[cfg(not(loom))]
mod noted {
    use std::cell::{Cell, RefCell};
    use std::collections::VecDeque;
    use std::task::Waker;

    std::thread_local! {
        static NOTED: RefCell<VecDeque<Waker>> = const { RefCell::new(VecDeque::new()) };
        /// Whether somebody on this thread's stack is going to wake them.
        static TAKEN: Cell<bool> = const { Cell::new(false) };
    }

    pub(super) fn add(waker: Waker) {
        let mut waker = Some(waker);
        let _ = NOTED.try_with(|noted| noted.borrow_mut().extend(waker.take()));
        // At the very end of a thread there is nobody to do it later.
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// True: the caller is to wake them.
    pub(super) fn begin() -> bool {
        !TAKEN.try_with(|taken| taken.replace(true)).unwrap_or(true)
    }

    pub(super) fn next_or_end() -> Option<Waker> {
        let next = NOTED.try_with(|noted| noted.borrow_mut().pop_front());
        let next = next.ok().flatten();
        if next.is_none() {
            let _ = TAKEN.try_with(|taken| taken.set(false));
        }
        next
    }
}

/// Models sleep, and have no wakers.
#[cfg(loom)]
mod noted {
    use std::task::Waker;

    pub(super) fn add(_: Waker) {}

    pub(super) fn begin() -> bool {
        false
    }

    pub(super) fn next_or_end() -> Option<Waker> {
        None
    }
}

impl Waiters {
    pub(crate) fn new() -> Self {
        Self {
            event: Event::new(),
            waiting: AtomicUsize::new(0),
            arrived: AtomicU64::new(0),
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

    /// How many ever came.
    fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }

    /// Hands a free slot to the first who waits. False: nobody does, and the slot is the caller's
    /// still.
    fn give(&self, slot: Free) -> bool {
        let mut handed = Some(Handed {
            slot: Some(slot),
            aside: Arc::clone(&self.aside),
        });
        let tag = || handed.take().expect("one is told");
        self.event.give(tag);
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
        wake_noted();
        given
    }

    /// Hands slots over as long as somebody waits and `next` has some; what nobody takes goes to `rest`.
    #[cold]
    pub(crate) fn hand_over(
        &self,
        waiters: &Waiters,
        mut next: impl FnMut() -> Option<NonNull<u8>>,
        rest: impl Fn(NonNull<u8>),
    ) {
        loop {
            let seen = waiters.arrived();
            if !waiters.any() {
                break;
            }
            let Some(slot) = next() else { break };
            let given = waiters.give(Free(slot));
            self.settle(waiters);
            if !given {
                rest(slot);
                fence(Ordering::SeqCst); // with the one in `Ticket::new`
                if waiters.arrived() == seen {
                    break; // Nobody came who could have missed it.
                }
            }
        }
        wake_noted();
    }

    /// Looks whether somebody waits, after the ledger was changed in his favour.
    pub(crate) fn waiters_after_change(&self) -> Option<&Waiters> {
        let waiters = self.waiters()?;
        fence(Ordering::SeqCst); // with the one in `Ticket::new`
        waiters.any().then_some(waiters)
    }

    /// Deals with slots that were laid aside.
    fn settle(&self, waiters: &Waiters) {
        while let Some(slot) = waiters.aside.pop() {
            if !(waiters.any() && waiters.give(slot)) {
                self.put_back(slot.0);
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
    relay: Arc<Relay>,
    /// Objects that wait for a collection alone are collected for it.
    _hungry: Hungry,
}

impl<'a> Ticket<'a> {
    /// Takes a place at the end. The caller then tries to allocate once more before it waits. `None`:
    /// the pool is not one to wait for.
    pub(crate) fn new(caches: &'a Caches) -> Option<Self> {
        let waiters = caches.waiters()?;
        let listener = Some(waiters.event.listen());
        // In the queue first: who is counted is behind nobody that comes later.
        waiters.waiting.fetch_add(1, Ordering::Relaxed);
        waiters.arrived.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst); // with those in `waiters_after_change` and `hand_over`
        Some(Self {
            caches,
            waiters,
            listener,
            relay: Arc::default(),
            _hungry: Hungry::new(),
        })
    }

    /// Sleeps until there is a slot, or until `deadline`; without one, for ever.
    pub(crate) fn wait(mut self, deadline: Option<Instant>) -> Option<NonNull<u8>> {
        let listener = self.listener.take().expect("a ticket is used once");
        Some(listener.wait(deadline)?.take()?.0)
    }

    /// Asks whether there is a slot.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<NonNull<u8>> {
        let before = self.relay.set(Some(context.waker().clone()));
        drop(before);
        let relay = Waker::from(Arc::clone(&self.relay));
        let listener = self.listener.as_mut().expect("not asked again");
        let handed = listener.poll(&mut Context::from_waker(&relay));
        handed.map(|handed| {
            self.listener = None;
            handed.take().expect("a slot was handed over").0
        })
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let waker = self.relay.set(None);
        quietly(|| drop(waker));
        // If it was told, the next one is told in its place.
        drop(self.listener.take());
        self.waiters.waiting.fetch_sub(1, Ordering::Relaxed);
        self.caches.settle(self.waiters);
        wake_noted();
    }
}
