//! Each slice is a `Vec` of the global allocator.

use super::{Backing, Held, List, Memory, Part};
use std::fmt;

/// The global allocator.
#[derive(Debug, Clone, Copy, Default)]
pub struct Heap;

impl<'m> Memory<'m> for Heap {
    type Slice<T: 'm> = Vec<T>;
    type List<T: 'm> = Vec<T>;
    type Text = String;
    type Part = Self;

    fn slice<T: 'm>(self, len: usize, f: impl FnMut(usize) -> T) -> Vec<T> {
        (0..len).map(f).collect()
    }

    fn list<T: 'm>(self, capacity: usize) -> Vec<T> {
        Vec::with_capacity(capacity)
    }

    fn freeze<T: 'm>(list: Vec<T>) -> Vec<T> {
        list
    }

    fn text(self, args: fmt::Arguments<'_>) -> String {
        fmt::format(args)
    }

    fn part(self) -> Self {
        self
    }
}

impl<T> List<T> for Vec<T> {
    fn push(&mut self, value: T) {
        Self::push(self, value);
    }

    fn capacity(&self) -> usize {
        Self::capacity(self)
    }
}

impl Part for Heap {
    type Memory<'g> = Self;

    fn memory(&self) -> Self {
        *self
    }
}

impl Backing for Heap {
    type Tick<'a> = Self;

    fn tick(&mut self) -> Self {
        *self
    }

    fn held(&self) -> Option<Held> {
        None
    }
}
