//! Everything at once, after mimalloc's test `mstress`: threads make objects, most of them small and
//! some large, keep half, free the others at random, and swap some with objects of other threads. All
//! threads end, and new ones do the same again. All of each object is written, and read before it is
//! freed.

use super::block::Block;
use super::threads::together;
use crate::disturbed::Attempt;
use crate::process::timed;
use crate::subject::Allocator;
use crate::work::{Random, Round};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

/// Objects that a thread makes and may free, and as many that it keeps till its end.
const OBJECTS: u64 = 10_000;

/// Places where threads leave objects for each other.
const PLACES: usize = 1_000;

/// How often new threads come before what is left for them is freed.
const TURNS: u64 = 10;

/// An object: words, of which the first one says how many they are.
struct Object<A: Allocator>(Block<A>);

const COOKIE: u64 = 0x00c0_ffee_0dd5_eed5;

/// What is in a place of an object of so many words.
fn word(words: u64, place: u64) -> u64 {
    (words ^ COOKIE).wrapping_add(place << 32)
}

/// Half of all are of 8 words or less; one in 100 is 64 times as large as it would be, one in 5,000
/// 4,096 times: 2 MiB at most.
fn words(random: &mut Random) -> u64 {
    let most = 1 << (1 + random.below(6));
    let words = 1 + random.below(most);
    let times = match random.below(5_000) {
        0 => 4_096,
        1..=50 => 64,
        _ => 1,
    };
    u64::from(words * times)
}

impl<A: Allocator> Object<A> {
    fn new(words: u64) -> Self {
        let mut block = Block::new(words as usize * size_of::<u64>(), 0);
        block.fill(|place| word(words, place));
        Self(block)
    }

    /// Its end. All of it has to be as it was written.
    fn end(self) {
        let words = self.0.word() ^ COOKIE;
        // SAFETY: `new` wrote all.
        let kept = unsafe { self.0.holds(|place| word(words, place)) };
        assert!(kept, "an object was overwritten");
    }

    fn into_raw(self) -> *mut u64 {
        self.0.into_raw().as_ptr()
    }

    /// The owner of an object again, if there is one.
    ///
    /// # Safety
    ///
    /// Null, or what [`Self::into_raw`] gave, once.
    unsafe fn from_raw(memory: *mut u64) -> Option<Self> {
        let memory = NonNull::new(memory)?;
        // SAFETY: an object's first word is written, and it is ours alone, by contract.
        let words = unsafe { memory.read() } ^ COOKIE;
        let size = words as usize * size_of::<u64>();
        // SAFETY: by contract; its size is what it says, for nobody wrote to it.
        Some(Self(unsafe { Block::from_raw(memory, size) }))
    }
}

/// Where threads leave objects for each other. Null where there is none.
struct Places<A: Allocator> {
    places: Box<[AtomicPtr<u64>]>,
    of: PhantomData<fn() -> A>,
}

impl<A: Allocator> Places<A> {
    fn new() -> Self {
        let places = (0..PLACES).map(|_| AtomicPtr::default());
        Self {
            places: places.collect(),
            of: PhantomData,
        }
    }

    /// Leaves an object in a place, or none, and takes what is there.
    fn swap(&self, place: usize, object: Option<Object<A>>) -> Option<Object<A>> {
        let left = object.map_or(ptr::null_mut(), Object::into_raw);
        // AcqRel: what is left was written before, and is read by who takes it with the same.
        let taken = self.places[place].swap(left, Ordering::AcqRel);
        // SAFETY: all that is in a place was left there by this function, and whoever takes it has it
        // alone.
        unsafe { Object::from_raw(taken) }
    }

    /// Frees all that is left.
    fn clear(&self) {
        for place in 0..self.places.len() {
            if let Some(object) = self.swap(place, None) {
                object.end();
            }
        }
    }
}

impl<A: Allocator> Drop for Places<A> {
    fn drop(&mut self) {
        self.clear();
    }
}

pub(crate) struct Stress<A: Allocator> {
    threads: u64,
    places: Places<A>,
    /// How often threads were born.
    turn: u64,
}

impl<A: Allocator> Stress<A> {
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            threads: threads as u64,
            places: Places::new(),
            turn: 0,
        }
    }
}

impl<A: Allocator> Stress<A> {
    /// Threads live so often.
    pub(crate) fn attempt(&mut self, steps: u64) -> Attempt {
        let mut whole = Attempt::default();
        for _ in 0..steps {
            let first = self.turn * self.threads;
            self.turn += 1;
            let places = &self.places;
            whole += together((first..first + self.threads).map(|n| {
                move || {
                    live(n, places);
                    Duration::ZERO
                }
            }));
            if self.turn.is_multiple_of(TURNS) {
                let (elapsed, waited) = timed(|| places.clear());
                whole += Attempt { elapsed, waited };
            }
        }
        whole
    }
}

impl<A: Allocator> Round for Stress<A> {
    /// A step is a thread's life, of all threads.
    fn pairs(&self) -> u64 {
        self.threads * 2 * OBJECTS
    }

    fn run(&mut self, steps: u64) -> Duration {
        // Whoever is born waits for a moment: no reason to try again.
        self.attempt(steps).elapsed
    }
}

/// The `n`th thread's life.
fn live<A: Allocator>(n: u64, places: &Places<A>) {
    let random = &mut Random::nth(n);
    let mut passing = Vec::new();
    let mut kept = Vec::new();
    let (mut to_pass, mut to_keep) = (OBJECTS, OBJECTS);
    while to_pass > 0 || to_keep > 0 {
        let object = Object::new(words(random));
        if to_keep == 0 || (to_pass > 0 && random.below(2) == 0) {
            to_pass -= 1;
            passing.push(object);
        } else {
            to_keep -= 1;
            kept.push(object);
        }
        if !passing.is_empty() && random.below(3) > 0 {
            passing.swap_remove(any(random, passing.len())).end();
        }
        if !passing.is_empty() && random.below(4) == 0 {
            let index = any(random, passing.len());
            let object = passing.swap_remove(index);
            passing.extend(places.swap(any(random, PLACES), Some(object)));
        }
    }
    for object in kept.into_iter().chain(passing) {
        object.end();
    }
}

/// An index below a length.
fn any(random: &mut Random, length: usize) -> usize {
    let length = u32::try_from(length).expect("there are fewer");
    random.below(length) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::System;

    #[test]
    fn objects_are_of_all_sizes() {
        let random = &mut Random::new();
        let mut drawn: Vec<_> = (0..100_000).map(|_| words(random)).collect();
        drawn.sort_unstable();
        assert_eq!(drawn[0], 1);
        assert!(drawn[50_000] <= 16, "{}", drawn[50_000]);
        assert!(drawn[99_999] > 64 << 10 && drawn[99_999] <= 64 << 12);
    }

    #[test]
    fn an_object_goes_through_a_place_as_it_is() {
        let places = Places::<System>::new();
        assert!(places.swap(3, Some(Object::new(5))).is_none());
        assert!(places.swap(4, None).is_none());
        let object = places.swap(3, None).expect("it was left there");
        object.end();
        assert!(places.swap(3, Some(Object::new(1))).is_none());
    }

    #[test]
    #[should_panic = "an object was overwritten"]
    fn a_stray_write_is_seen() {
        let mut object = Object::<System>::new(5);
        object
            .0
            .fill(|place| word(5, place ^ u64::from(place == 4)));
        object.end();
    }
}
