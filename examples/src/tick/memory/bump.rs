//! All of a tick is in one `Bump` of the crate `bumpalo`, which is reset behind it.
//!
//! It has no scopes: what a part of a tick needs for itself stays until the tick's end.

use super::{Backing, Held, List, Memory, Part};
use bumpalo::Bump;
use bumpalo::collections::Vec;
use std::fmt;

impl<'m> Memory<'m> for &'m Bump {
    type Slice<T: 'm> = &'m mut [T];
    type List<T: 'm> = Vec<'m, T>;
    type Text = &'m str;
    type Part = Self;

    fn slice<T: 'm>(self, len: usize, f: impl FnMut(usize) -> T) -> &'m mut [T] {
        self.alloc_slice_fill_with(len, f)
    }

    fn list<T: 'm>(self, capacity: usize) -> Vec<'m, T> {
        Vec::with_capacity_in(capacity, self)
    }

    fn freeze<T: 'm>(list: Vec<'m, T>) -> &'m mut [T] {
        list.into_bump_slice_mut()
    }

    fn text(self, args: fmt::Arguments<'_>) -> &'m str {
        bumpalo::format!(in self, "{}", args).into_bump_str()
    }

    fn part(self) -> Self {
        self
    }
}

impl<T> List<T> for Vec<'_, T> {
    fn push(&mut self, value: T) {
        Self::push(self, value);
    }

    fn capacity(&self) -> usize {
        Self::capacity(self)
    }
}

impl Part for &Bump {
    type Memory<'g>
        = &'g Bump
    where
        Self: 'g;

    fn memory(&self) -> &Bump {
        self
    }
}

/// A tick, behind which its `Bump` is reset.
#[derive(Debug)]
pub struct BumpTick<'a>(&'a mut Bump);

impl Part for BumpTick<'_> {
    type Memory<'g>
        = &'g Bump
    where
        Self: 'g;

    fn memory(&self) -> &Bump {
        self.0
    }
}

impl Drop for BumpTick<'_> {
    fn drop(&mut self) {
        self.0.reset();
    }
}

impl Backing for Bump {
    type Tick<'a> = BumpTick<'a>;

    fn tick(&mut self) -> BumpTick<'_> {
        BumpTick(self)
    }

    fn held(&self) -> Option<Held> {
        Some(Held {
            reserved: self.allocated_bytes(),
            chunks: None,
            high_water: None,
            slack: None,
        })
    }
}
