//! Types of every shape, and what else a type may ask of its slots.

use super::counted;
use pool::{PoolArc, PoolBox, PoolWeak, Pooled, Recycle};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use tests::Census;

/// Owners and keys of as many objects as the pool holds.
fn exercise<T: pool::Shared>(make: impl Fn() -> T, aligned_to: usize) {
    for _ in 0..3 {
        let mut owners: Vec<_> = std::iter::from_fn(|| PoolArc::try_new(make()).ok()).collect();
        assert_eq!(owners.len(), T::pool().capacity());
        let addresses: HashSet<_> = owners
            .iter()
            .map(|owner| PoolArc::as_ptr(owner).addr())
            .collect();
        assert_eq!(addresses.len(), owners.len());
        assert!(addresses.iter().all(|address| address % aligned_to == 0));
        let keys: Vec<_> = owners.iter().map(PoolArc::downgrade).collect();
        for (owner, key) in owners.iter().zip(&keys) {
            assert!(PoolArc::ptr_eq(owner, &key.upgrade().unwrap()));
            assert_eq!(PoolArc::strong_count(owner), 1);
        }
        let kept = owners.pop().unwrap();
        drop(owners);
        assert_eq!(keys.iter().filter(|key| key.upgrade().is_some()).count(), 1);
        let boxed = PoolArc::try_into_box(kept).ok().unwrap();
        assert!(keys.iter().all(|key| key.upgrade().is_none()));
        drop(PoolArc::try_unwrap(PoolArc::from(boxed)));
        assert_eq!(T::pool().len(), 0);
    }
}

#[test]
fn shapes() {
    #[derive(Pooled)]
    #[pool(shared, capacity = 5)]
    struct Nothing;

    #[derive(Pooled)]
    #[pool(shared, capacity = 5)]
    #[repr(align(64))]
    struct NothingAligned;

    #[derive(Pooled)]
    #[pool(shared, capacity = 5)]
    struct Byte(#[expect(dead_code, reason = "it takes room")] u8);

    #[derive(Pooled)]
    #[pool(shared, capacity = 5)]
    #[repr(align(256))]
    struct Aligned(#[expect(dead_code, reason = "it takes room")] u8);

    #[derive(Pooled)]
    #[pool(shared, capacity = 5, cache_line)]
    struct Line(#[expect(dead_code, reason = "it takes room")] [u8; 3]);

    exercise(|| Nothing, 1);
    exercise(|| NothingAligned, 64);
    exercise(|| Byte(1), 1);
    exercise(|| Aligned(1), 256);
    exercise(|| Line([1; 3]), 64);
}

#[test]
fn recycled_objects_have_owners_again() {
    static MADE: AtomicUsize = AtomicUsize::new(0);

    #[derive(Debug, Pooled)]
    #[pool(shared, recycle, capacity = 4)]
    struct Reply {
        body: Vec<u8>,
    }

    impl Default for Reply {
        fn default() -> Self {
            MADE.fetch_add(1, SeqCst);
            Self { body: Vec::new() }
        }
    }

    impl Recycle for Reply {
        fn recycle(&mut self) {
            assert!(self.body != b"panic", "as asked");
            self.body.clear();
        }
    }

    let mut keys = Vec::new();
    let none_fits = |keys: &[PoolWeak<Reply>]| keys.iter().all(|key| key.upgrade().is_none());
    for round in 0..10_usize {
        let mut boxed = Reply::pool().take();
        assert!(boxed.body.is_empty() && (round == 0 || boxed.body.capacity() >= 100));
        boxed.body.resize(100, 7);
        let owner = PoolArc::from(boxed);
        assert!(none_fits(&keys));
        keys.push(PoolArc::downgrade(&owner));
        let other = owner.clone();
        drop(owner);
        assert_eq!(keys[round].upgrade().unwrap().body.len(), 100);
        drop(other);
        assert!(none_fits(&keys));
    }
    assert_eq!(MADE.load(SeqCst), 1);
    // What is moved out is not parked; and a new object takes the place of one that is.
    let owner = PoolArc::from(Reply::pool().take());
    keys.push(PoolArc::downgrade(&owner));
    assert!(PoolArc::try_unwrap(owner).unwrap().body.capacity() >= 100);
    drop(PoolArc::from(Reply::pool().take()));
    assert_eq!(MADE.load(SeqCst), 2);
    let body = b"panic".to_vec();
    let owner = PoolArc::new_cyclic(|me| {
        keys.push(*me);
        Reply { body }
    });
    assert!(catch_unwind(AssertUnwindSafe(|| drop(owner))).is_err());
    assert!(none_fits(&keys));
    assert!(Reply::pool().take().body.is_empty());
    assert_eq!(MADE.load(SeqCst), 3);
    assert_eq!(Reply::pool().len(), 0);
    drop(PoolArc::new(Reply { body: Vec::new() }));
    Reply::pool().trim(); // drops what is in the depot
    assert!(none_fits(&keys));
}

#[test]
fn scrubbed_slots_keep_their_generations() {
    counted!(Object, 2, scrub);
    let census = Census::new();
    let mut keys = Vec::new();
    for number in 0..20 {
        let owner = PoolArc::new(Object::new(number, &census));
        assert!(
            keys.iter()
                .all(|key: &PoolWeak<Object>| key.upgrade().is_none())
        );
        keys.push(PoolArc::downgrade(&owner));
        assert_eq!(keys.last().unwrap().upgrade().unwrap().number, number);
        match number % 3 {
            0 => drop(owner),
            1 => drop(PoolArc::into_inner(owner)),
            _ => drop(PoolArc::try_into_box(owner)),
        }
    }
    assert!(keys.iter().all(|key| key.upgrade().is_none()));
    assert_eq!((census.alive(), Object::pool().len()), (0, 0));
}

#[test]
fn boxes_of_a_shared_type_are_as_ever() {
    counted!(Object, 2);
    let census = Census::new();
    let mut first = PoolBox::new(Object::new(1, &census));
    first.number = 2;
    let uninit = PoolBox::<Object>::new_uninit();
    let second = PoolBox::write(uninit, Object::new(3, &census));
    let addresses = [PoolBox::as_ptr(&first), PoolBox::as_ptr(&second)];
    let arcs = [PoolArc::from(first), PoolArc::from(second)];
    assert_eq!([0, 1].map(|n| PoolArc::as_ptr(&arcs[n])), addresses);
    let boxes = arcs.map(|arc| PoolArc::try_into_box(arc).unwrap());
    assert_eq!([0, 1].map(|n| PoolBox::as_ptr(&boxes[n])), addresses);
    assert_eq!(
        boxes.map(PoolBox::into_inner).map(|object| object.number),
        [2, 3]
    );
    assert_eq!((census.alive(), Object::pool().len()), (0, 0));
}
