//! Treiber's stack (*Systems programming: coping with parallelism*, 1986), of pooled nodes.
//!
//! It names nothing but what the pool offers to everybody, so that the pool's models run it too.

#![allow(unsafe_code)]

use super::Value;
use pool::{PoolAtomic, PoolBox, epoch};
use std::mem::ManuallyDrop;
use std::ptr;

/// A value and the node below it.
#[cfg_attr(not(loom), derive(pool::Pooled), pool(capacity = 4096, magazine = 8))]
pub struct Node {
    /// Moved out by whoever pops the node.
    value: ManuallyDrop<Value>,
    /// An alias until the node below is the head: it owns nothing.
    pub(crate) next: ManuallyDrop<PoolAtomic<Node>>,
}

// SAFETY: those who share a node use its `next` alone; the value is for the one who popped it.
unsafe impl Sync for Node {}

/// A stack that any number of threads use.
pub struct Stack {
    /// Owns its node, and so every node below.
    pub(crate) head: PoolAtomic<Node>,
}

impl Stack {
    /// An empty stack.
    pub fn new() -> Self {
        Self {
            head: PoolAtomic::null(),
        }
    }

    /// Puts a value on top.
    ///
    /// # Errors
    ///
    /// The pool of nodes is full: gives the value back.
    pub fn push(&self, value: Value) -> Result<(), Value> {
        let node = PoolBox::try_new(Node {
            value: ManuallyDrop::new(value),
            next: ManuallyDrop::new(PoolAtomic::null()),
        });
        let node = node.map_err(|full| ManuallyDrop::into_inner(full.into_inner().value))?;
        let node = PoolBox::into_raw(node);
        let guard = epoch::pin();
        let mut head = self.head.load_ptr(&guard);
        loop {
            // SAFETY: ours until it is pushed.
            let shared = unsafe { &*node };
            // SAFETY: an alias in a `ManuallyDrop`, which only `drop` takes for an owner: when all
            // nodes are its own.
            unsafe { shared.next.store_ptr(head) };
            // SAFETY: the node is ours, and with it the head owns what is below.
            match unsafe { self.head.compare_exchange_ptr(head, node, &guard) } {
                Ok(()) => return Ok(()),
                Err(now) => head = now,
            }
        }
    }

    /// Takes the value that is on top.
    pub fn pop(&self) -> Option<Value> {
        let guard = epoch::pin();
        let mut head = self.head.load_ptr(&guard);
        loop {
            // SAFETY: null, or a node that is retired at the earliest after the guard.
            let node = unsafe { head.as_ref() }?;
            let next = node.next.load_ptr(&guard);
            // SAFETY: the head owned what is below through the node; now it does so itself. No node
            // is pushed twice under our guard, so that the one below is still the same.
            match unsafe { self.head.compare_exchange_ptr(head, next, &guard) } {
                // SAFETY: popped by us, once.
                Ok(()) => return Some(unsafe { take(head, &guard) }),
                Err(now) => head = now,
            }
        }
    }
}

/// Moves the value out of a node that was popped, and retires the node.
///
/// # Safety
///
/// The caller popped it, and does not use it again.
pub(crate) unsafe fn take(node: *mut Node, guard: &epoch::Guard) -> Value {
    // SAFETY: the caller's, and not retired yet.
    let popped = unsafe { &*node };
    // SAFETY: popped once, so it is there and moved once.
    let value = unsafe { ptr::read(&popped.value) };
    // SAFETY: it came from `into_raw`, and nobody reaches it any more who is not pinned now.
    unsafe { PoolBox::retire_raw(node, guard) };
    ManuallyDrop::into_inner(value)
}

impl Default for Stack {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let mut next = self.head.take();
        while let Some(mut node) = next {
            next = node.next.take();
            // SAFETY: on the stack, so it was not moved out; and the node ends here.
            unsafe { ManuallyDrop::drop(&mut node.value) };
        }
    }
}
