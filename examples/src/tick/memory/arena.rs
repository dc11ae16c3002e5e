//! All of a tick is in a scope of an [`Arena`], and a part of it in a scope of that one.

use super::{Backing, Held, List, Memory, Part};
use allocator_api2_04::vec::Vec;
use pool::{Arena, Scope, ScopeGuard};
use std::fmt;

impl<'m> Memory<'m> for &'m Scope<'_> {
    type Slice<T: 'm> = &'m mut [T];
    type List<T: 'm> = Vec<T, Self>;
    type Text = &'m str;
    type Part = ScopeGuard<'m>;

    fn slice<T: 'm>(self, len: usize, f: impl FnMut(usize) -> T) -> &'m mut [T] {
        // Nothing in a tick has a destructor, as the compiler sees: slices may be of slices.
        self.no_drop().alloc_slice_fill_with(len, f)
    }

    fn list<T: 'm>(self, capacity: usize) -> Vec<T, Self> {
        Vec::with_capacity_in(capacity, self)
    }

    fn freeze<T: 'm>(list: Vec<T, Self>) -> &'m mut [T] {
        list.leak()
    }

    fn text(self, args: fmt::Arguments<'_>) -> &'m str {
        self.alloc_fmt(args)
    }

    fn part(self) -> ScopeGuard<'m> {
        self.scope_guard()
    }
}

impl<T> List<T> for Vec<T, &Scope<'_>> {
    fn push(&mut self, value: T) {
        Self::push(self, value);
    }

    fn capacity(&self) -> usize {
        Self::capacity(self)
    }
}

impl<'env> Part for ScopeGuard<'env> {
    type Memory<'g>
        = &'g Scope<'env>
    where
        Self: 'g;

    fn memory(&self) -> &Scope<'env> {
        self
    }
}

impl Backing for Arena {
    type Tick<'a> = ScopeGuard<'a>;

    fn tick(&mut self) -> ScopeGuard<'_> {
        self.scope_guard()
    }

    fn held(&self) -> Option<Held> {
        let stats = self.stats();
        Some(Held {
            reserved: stats.reserved,
            chunks: Some(stats.chunks),
            high_water: Some(stats.high_water),
            slack: Some(stats.slack),
        })
    }
}
