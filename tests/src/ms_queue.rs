//! The queue of Michael and Scott (*Simple, fast, and practical non-blocking and blocking concurrent
//! queue algorithms*, 1996), of pooled nodes.
//!
//! It names nothing but what the pool offers to everybody, so that the pool's models run it too.

#![allow(unsafe_code)]

use super::Value;
use pool::{PoolAtomic, PoolBox, epoch};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr;

/// A value and the node behind it. The first node of a queue has no value any more.
#[cfg_attr(not(loom), derive(pool::Pooled), pool(capacity = 4096, magazine = 8))]
pub struct Node {
    value: MaybeUninit<Value>,
    /// An alias until this node is the first: it owns nothing. Null, then set once.
    next: ManuallyDrop<PoolAtomic<Node>>,
}

// SAFETY: those who share a node use its `next` alone; the value is for the one who makes it the
// first node.
unsafe impl Sync for Node {}

/// A queue that any number of threads use.
pub struct Queue {
    /// Owns the first node, and so every node behind. Never null.
    head: PoolAtomic<Node>,
    /// An alias of the last node or of one before it, but of none that was retired.
    tail: ManuallyDrop<PoolAtomic<Node>>,
}

impl Node {
    fn new(value: MaybeUninit<Value>) -> Self {
        Self {
            value,
            next: ManuallyDrop::new(PoolAtomic::null()),
        }
    }
}

impl Queue {
    /// An empty queue.
    ///
    /// # Panics
    ///
    /// Panics if the pool of nodes is full.
    pub fn new() -> Self {
        let queue = Self {
            head: PoolAtomic::null(),
            tail: ManuallyDrop::new(PoolAtomic::null()),
        };
        let first = PoolBox::into_raw(PoolBox::new(Node::new(MaybeUninit::uninit())));
        // SAFETY: the head is its owner.
        unsafe { queue.head.store_ptr(first) };
        // SAFETY: an alias in a `ManuallyDrop`, which nobody takes for an owner.
        unsafe { queue.tail.store_ptr(first) };
        queue
    }

    /// Puts a value at the end.
    ///
    /// # Errors
    ///
    /// The pool of nodes is full: gives the value back.
    pub fn push(&self, value: Value) -> Result<(), Value> {
        let node = PoolBox::try_new(Node::new(MaybeUninit::new(value))).map_err(|full| {
            // SAFETY: written just above.
            unsafe { full.into_inner().value.assume_init() }
        })?;
        let node = PoolBox::into_raw(node);
        let guard = epoch::pin();
        loop {
            let tail = self.tail.load_ptr(&guard);
            // SAFETY: not retired when it was read, so there as long as the guard.
            let last = unsafe { &*tail };
            // SAFETY: an alias in a `ManuallyDrop`, which only `drop` takes for an owner: when all
            // nodes are its own.
            let next = match unsafe {
                last.next
                    .compare_exchange_ptr(ptr::null_mut(), node, &guard)
            } {
                Ok(()) => node,
                Err(next) => next,
            };
            // Whoever appended it, the tail is behind, unless others have moved it on.
            // SAFETY: an alias, as above; it is not retired, since the tail is not past it.
            let _ = unsafe { self.tail.compare_exchange_ptr(tail, next, &guard) };
            if next == node {
                return Ok(());
            }
        }
    }

    /// Takes the value that is first.
    pub fn pop(&self) -> Option<Value> {
        let guard = epoch::pin();
        let mut head = self.head.load_ptr(&guard);
        loop {
            // SAFETY: not retired when it was read, so there as long as the guard.
            let first = unsafe { &*head };
            let next = first.next.load_ptr(&guard);
            // A head is moved on only if there is a next one, and that is never unset: so the node
            // was the only one just now.
            // SAFETY: behind the head when that was read, so not retired before we were pinned.
            let second = unsafe { next.as_ref() }?;
            // SAFETY: the head owned what is behind through the first node; now it does so itself.
            match unsafe { self.head.compare_exchange_ptr(head, next, &guard) } {
                Ok(()) => {
                    // It is not retired while the tail is at it. Before it, the tail is not: whoever
                    // appended `next` had read there this node.
                    if self.tail.load_ptr(&guard) == head {
                        // SAFETY: an alias; that node is not retired, since the tail is not past it.
                        let _ = unsafe { self.tail.compare_exchange_ptr(head, next, &guard) };
                    }
                    // SAFETY: this one value is ours, who moved the head here; it was there before
                    // the node was appended.
                    let value = unsafe { second.value.assume_init_read() };
                    // SAFETY: it came from `into_raw`, and nobody reaches it any more who is not
                    // pinned now.
                    unsafe { PoolBox::retire_raw(head, &guard) };
                    return Some(value);
                }
                Err(now) => head = now,
            }
        }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let first = self.head.take();
        let mut next = first.and_then(|mut first| first.next.take());
        while let Some(mut node) = next {
            next = node.next.take();
            // SAFETY: not the first node, so its value was not moved out; and the node ends here.
            unsafe { node.value.assume_init_drop() };
        }
    }
}
