//! Arenas and scopes, from outside.

mod checkpoints;
mod collections;
mod memory;
mod panics;
mod pooled;
mod programs;
mod scopes;
mod stats;
mod values;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};

/// The numbers of what was dropped, in order.
#[derive(Debug, Default)]
struct Log(RefCell<Vec<u32>>);

impl Log {
    fn new() -> Self {
        Self::default()
    }

    /// What was dropped since the last time.
    fn take(&self) -> Vec<u32> {
        self.0.take()
    }

    fn entry(&self, number: u32) -> Entry<'_> {
        Entry(self, number)
    }
}

/// A value that says when it is dropped.
#[derive(Debug)]
struct Entry<'log>(&'log Log, u32);

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.0.0.borrow_mut().push(self.1);
    }
}

/// Another type, of another size.
#[derive(Debug)]
#[expect(dead_code, reason = "dropped, not read")]
struct Long<'log>(Entry<'log>, [u8; 50]);

/// One whose destructor panics with its number, after it has said that it runs.
struct Bomb<'log>(Entry<'log>);

impl Drop for Bomb<'_> {
    fn drop(&mut self) {
        panic_any(self.0.1);
    }
}

/// The number that it panics with.
fn explodes<R>(f: impl FnOnce() -> R) -> u32 {
    let panic = catch_unwind(AssertUnwindSafe(f)).err().expect("it panics");
    *panic.downcast().expect("a number")
}

fn address<T: ?Sized>(value: &T) -> usize {
    std::ptr::from_ref(value).addr()
}
