//! The heap, with everything counted that a tick asks of it.
//!
//! What is asked for is the same for every memory; so it is counted once, in ticks whose time is not
//! taken.

use super::{Backing, Heap, Held, List, Memory, Part};
use serde::Serialize;
use std::cell::Cell;
use std::fmt;
use std::ops::{AddAssign, Deref, DerefMut, Sub};

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Count {
    /// Slices, lists, strings, and lists that had to grow.
    pub allocations: u64,
    /// Their bytes; those of a list that grows are counted at every size.
    pub bytes: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.allocations += other.allocations;
        self.bytes += other.bytes;
    }
}

impl Sub for Count {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            allocations: self.allocations - before.allocations,
            bytes: self.bytes - before.bytes,
        }
    }
}

/// The global allocator, with a count of what is asked of it.
#[derive(Debug, Default)]
pub struct Counted(Cell<Count>);

impl Counted {
    /// What has been asked for.
    #[must_use]
    pub fn count(&self) -> Count {
        self.0.get()
    }
}

fn count<T>(at: &Cell<Count>, values: usize) {
    let bytes = (size_of::<T>() * values) as u64;
    // `Vec` asks for nothing then.
    if bytes > 0 {
        let mut count = at.get();
        count += Count {
            allocations: 1,
            bytes,
        };
        at.set(count);
    }
}

impl<'m> Memory<'m> for &'m Counted {
    type Slice<T: 'm> = Vec<T>;
    type List<T: 'm> = Growing<'m, T>;
    type Text = String;
    type Part = Self;

    fn slice<T: 'm>(self, len: usize, f: impl FnMut(usize) -> T) -> Vec<T> {
        count::<T>(&self.0, len);
        Heap.slice(len, f)
    }

    fn list<T: 'm>(self, capacity: usize) -> Growing<'m, T> {
        count::<T>(&self.0, capacity);
        Growing {
            list: Vec::with_capacity(capacity),
            count: &self.0,
        }
    }

    fn freeze<T: 'm>(list: Growing<'m, T>) -> Vec<T> {
        list.list
    }

    fn text(self, args: fmt::Arguments<'_>) -> String {
        let text = Heap.text(args);
        count::<u8>(&self.0, text.len());
        text
    }

    fn part(self) -> Self {
        self
    }
}

/// A list whose growth is counted.
#[derive(Debug)]
pub struct Growing<'m, T> {
    list: Vec<T>,
    count: &'m Cell<Count>,
}

impl<T> Deref for Growing<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.list
    }
}

impl<T> DerefMut for Growing<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.list
    }
}

impl<T> List<T> for Growing<'_, T> {
    fn push(&mut self, value: T) {
        let before = self.list.capacity();
        self.list.push(value);
        let after = self.list.capacity();
        if after > before {
            count::<T>(self.count, after);
        }
    }

    fn capacity(&self) -> usize {
        self.list.capacity()
    }
}

impl Part for &Counted {
    type Memory<'g>
        = &'g Counted
    where
        Self: 'g;

    fn memory(&self) -> &Counted {
        self
    }
}

impl Backing for Counted {
    type Tick<'a> = &'a Self;

    fn tick(&mut self) -> &Self {
        self
    }

    fn held(&self) -> Option<Held> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Backing, Count, Counted, List, Memory};

    #[test]
    fn what_is_asked_for_is_counted() {
        let mut counted = Counted::default();
        let memory = counted.tick();
        drop(memory.slice(3, |i| i as u32));
        drop(memory.slice(0, |i| i as u32));
        let mut list = memory.list::<u64>(2);
        for i in 0..3 {
            list.push(i);
        }
        assert_eq!(list.iter().sum::<u64>(), 3);
        assert_eq!(memory.part().text(format_args!("{}", 12)), "12");
        // Twelve bytes, sixteen, thirty-two (two became four), and two.
        let (allocations, bytes) = (4, 62);
        assert_eq!(counted.count(), Count { allocations, bytes });
    }
}
