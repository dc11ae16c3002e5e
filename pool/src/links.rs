//! Links, the stacks made of them, and the store that links come from and go back to.
//!
//! A [`Stack`] is Treiber's: one head word, popped and pushed by compare-and-swap. What makes its
//! pop safe is that a link that was on a stack is not pushed on it again while a thread that may
//! have read it as the head is still in its pop (the ABA problem). Epochs (Fraser's scheme, as
//! crossbeam-epoch implements it) say when that is so: every pop runs under a guard, and between
//! two stays on one stack a link passes a grace period, see [`LinkStore::retire`].
//!
//! Only links wait. The magazine that a link carries belongs to whoever popped the link, at once.
//!
//! Links are a process's, not a pool's: a pool that is dropped while links of it wait for their
//! grace period leaves nothing dangling. Their memory is never given back, so a late reader reads
//! a stale link at worst, never freed memory; there are as many as were on stacks or waiting at
//! one time, 16 bytes each.

#![allow(unsafe_code)]

use crate::magazine::Magazine;
use crate::sync::epoch::Guard;
use crate::sync::{AtomicPtr, Ordering};
use std::cell::Cell;
use std::ptr::{self, NonNull};

/// How many links are made at a time.
const CHUNK: usize = if cfg!(loom) { 1 } else { 64 };

/// What a stack is made of: a next pointer that late readers may still read, and a magazine.
#[derive(Debug)]
pub(crate) struct Link {
    next: AtomicPtr<Link>,
    /// Touched only by the link's owner: after it took the link from a store or popped it, and
    /// before it pushes it.
    magazine: Cell<Option<Magazine>>,
}

// SAFETY: `next` is atomic. `magazine` is accessed by the owner of the link only; ownership passes
// through the Release push and the Acquire pop of a stack. A magazine may be owned by any thread.
unsafe impl Sync for Link {}

/// A link that its holder owns: it is on no stack, and late readers touch only its `next`.
#[derive(Debug)]
pub(crate) struct OwnedLink(NonNull<Link>);

// SAFETY: a link is owned by one holder at a time, on whatever thread.
unsafe impl Send for OwnedLink {}

impl OwnedLink {
    fn link(&self) -> &Link {
        // SAFETY: links are never freed; all of a link is shared or interior-mutable.
        unsafe { self.0.as_ref() }
    }

    /// Puts `magazine` on the link, and takes off what was there.
    pub(crate) fn replace(&self, magazine: Option<Magazine>) -> Option<Magazine> {
        self.link().magazine.replace(magazine)
    }
}

/// A lock-free stack of links that carry magazines.
#[derive(Debug)]
pub(crate) struct Stack {
    head: AtomicPtr<Link>,
}

impl Stack {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self {
            head: AtomicPtr::new(ptr::null_mut()),
        }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            head: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Pushes a link.
    ///
    /// # Safety
    ///
    /// Since `link` was last on this stack, a grace period has passed: it came out of
    /// [`LinkStore::take`] since then.
    pub(crate) unsafe fn push(&self, link: OwnedLink) {
        let shared = link.link();
        // Relaxed: the value is only compared and stored, never followed.
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // Relaxed: published by the exchange below.
            shared.next.store(head, Ordering::Relaxed);
            // Release: whoever pops the link (Acquire, in `pop`) sees its `next`, its magazine and
            // the slots in it. A head that went away and came back is harmless here.
            match self.head.compare_exchange_weak(
                head,
                link.0.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Pops a link. `_guard` keeps the links that this call reads off this stack until it is done.
    pub(crate) fn pop(&self, _guard: &Guard) -> Option<OwnedLink> {
        // Acquire: pairs with the Release in `push`, so that `next` and the magazine are seen.
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            let link = NonNull::new(head)?;
            // SAFETY: links are never freed. Another thread may pop this one meanwhile and store
            // another `next`, which is why `next` is atomic; then the exchange below fails, since
            // while we are pinned the link does not come back to this stack.
            let next = unsafe { link.as_ref() }.next.load(Ordering::Relaxed);
            // Acquire on success is for the case that the head was re-read by a failed exchange;
            // the failure ordering is Acquire for the same reason as the load above.
            match self
                .head
                .compare_exchange_weak(head, next, Ordering::Acquire, Ordering::Acquire)
            {
                Ok(_) => return Some(OwnedLink(link)),
                Err(now) => head = now,
            }
        }
    }
}

/// The links that are on no stack of a depot, free to be taken.
#[derive(Debug)]
pub(crate) struct LinkStore {
    free: Stack,
}

impl LinkStore {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self { free: Stack::new() }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self { free: Stack::new() }
    }

    /// The store that all pools of the process share.
    #[cfg(not(loom))]
    pub(crate) fn global() -> &'static Self {
        static LINKS: LinkStore = LinkStore::new();
        &LINKS
    }

    /// Takes a link that carries nothing and may be pushed on any stack.
    pub(crate) fn take(&self, guard: &Guard) -> OwnedLink {
        if let Some(link) = self.free.pop(guard) {
            return link;
        }
        let chunk = (0..CHUNK)
            .map(|_| Link {
                next: AtomicPtr::new(ptr::null_mut()),
                magazine: Cell::new(None),
            })
            .collect::<Vec<_>>();
        let mut links = Vec::leak(chunk).iter().map(|link| OwnedLink(link.into()));
        let first = links.next().expect("a chunk has links");
        for link in links {
            // SAFETY: a link that was never on a stack.
            unsafe { self.free.push(link) };
        }
        first
    }

    /// Hands `link` back to the store once no thread that is pinned now is pinned any more.
    pub(crate) fn retire(&'static self, link: OwnedLink, guard: &Guard) {
        debug_assert!(link.link().magazine.get().is_none(), "a link still carries");
        let push = move || {
            // SAFETY: this runs after a grace period that began when `link` had left its stack.
            // It was not on the store's own stack in between: it was taken from there earlier.
            unsafe { self.free.push(link) }
        };
        // SAFETY: the closure may run on another thread and any time later: what it holds is a
        // `'static` store that is `Sync`, and a link that is never freed.
        unsafe { guard.defer_unchecked(push) };
    }
}

#[cfg(all(test, loom))]
impl OwnedLink {
    pub(crate) fn address(&self) -> usize {
        self.0.addr().get()
    }
}
