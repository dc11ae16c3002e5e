//! Several owners of an object, and keys to it.

mod kinds;
mod model;
mod threads;

use pool::{Full, PoolArc, PoolBox, PoolWeak, Pooled};
use static_assertions::assert_impl_all;
use std::borrow::Borrow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashSet};
use std::error::Error;
use std::fmt::{self, Debug, Display, Pointer};
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use tests::{Census, Member, scaled};

/// A type for one test alone, whose objects a census counts.
macro_rules! counted {
    ($name:ident, $capacity:expr $(, $attribute:ident)*) => {
        #[derive(Debug, Clone, Pooled)]
        #[pool(shared, capacity = $capacity $(, $attribute)*)]
        struct $name {
            #[allow(dead_code, reason = "not all tests tell them apart")]
            number: u64,
            #[allow(dead_code, reason = "it counts")]
            member: tests::Member,
        }

        impl $name {
            #[allow(dead_code)]
            fn new(number: u64, census: &tests::Census) -> Self {
                let member = census.member();
                Self { number, member }
            }
        }
    };
}
use counted;

#[test]
fn keys_fit_no_later_object_of_their_slot() {
    counted!(Object, 2);
    let census = Census::new();
    let rounds = scaled(10_000, 30);
    let mut keys = Vec::new();
    let mut addresses = HashSet::new();
    for number in 0..rounds as u64 {
        let owner = PoolArc::new(Object::new(number, &census));
        addresses.insert(PoolArc::as_ptr(&owner).addr());
        let key = PoolArc::downgrade(&owner);
        assert_eq!(key.upgrade().unwrap().number, number);
        keys.push(key);
    }
    assert_eq!((addresses.len(), census.alive()), (1, 0));
    let owner = PoolArc::new(Object::new(0, &census));
    let own = PoolArc::downgrade(&owner);
    assert!(keys.iter().all(|key| key.upgrade().is_none()));
    assert!(own.upgrade().is_some());
    // All different, by every measure.
    assert_eq!(keys.iter().copied().collect::<HashSet<_>>().len(), rounds);
    assert_eq!(keys.iter().copied().collect::<BTreeSet<_>>().len(), rounds);
    let bits: HashSet<u64> = keys.iter().map(|key| key.to_bits()).collect();
    assert_eq!(bits.len(), rounds);
    assert!(!keys.contains(&own));
    for key in keys {
        let again = PoolWeak::from_bits(key.to_bits());
        assert_eq!(again, Some(key));
        assert_eq!(again.cmp(&Some(own)), key.to_bits().cmp(&own.to_bits()));
    }
}

#[test]
fn keys_survive_what_trim_gives_back() {
    counted!(Object, scaled(4096, 64));
    let census = Census::new();
    let mut keys = Vec::new();
    for _ in 0..3 {
        let make = |number| PoolArc::new(Object::new(number, &census));
        let owners: Vec<_> = (0..scaled(4096, 64) as u64).map(make).collect();
        assert!(keys.iter().all(|key: &PoolWeak<_>| key.upgrade().is_none()));
        keys.extend(owners.iter().map(PoolArc::downgrade));
        drop(owners);
        Object::pool().trim();
        assert!(keys.iter().all(|key| key.upgrade().is_none()));
    }
    assert_eq!(census.alive(), 0);
}

#[test]
fn any_bits_are_safe() {
    counted!(Object, 8);
    let census = Census::new();
    let owner = PoolArc::new(Object::new(7, &census));
    let made_up =
        |number: u64, generation: u64| PoolWeak::<Object>::from_bits(generation << 32 | number);
    let numbers = [0, 1, 7, 1 << 16, 1 << 31, u64::from(u32::MAX)];
    let generations = [1, 2, 3, 1 << 31, u64::from(u32::MAX)];
    for number in numbers {
        assert!(made_up(number, 0).is_none());
        for generation in generations {
            // There are no keys yet: nothing fits, the right one included.
            assert!(made_up(number, generation).unwrap().upgrade().is_none());
        }
    }
    let bits = PoolArc::downgrade(&owner).to_bits();
    let key = made_up(bits & u64::from(u32::MAX), bits >> 32).unwrap();
    assert!(PoolArc::ptr_eq(&owner, &key.upgrade().unwrap()));
    let nothing = PoolWeak::<Object>::new();
    assert!(nothing.upgrade().is_none() && nothing == PoolWeak::default());
    assert_eq!(PoolWeak::from_bits(nothing.to_bits()), Some(nothing));
    assert!(format!("{key:?}").starts_with("PoolWeak { number: "));
}

#[test]
fn a_key_to_nothing_asks_for_no_pool() {
    counted!(Object, 8);
    const NOTHING: PoolWeak<Object> = PoolWeak::new();
    assert!(NOTHING.upgrade().is_none());
    assert!(
        PoolWeak::<Object>::from_bits(1 << 32)
            .unwrap()
            .upgrade()
            .is_none()
    );
    assert_eq!(Object::pool().stats().bytes_reserved, 0);
}

#[test]
fn a_full_pool_gives_back_what_it_was_given() {
    counted!(Object, 2);
    let census = Census::new();
    let _first = PoolArc::new(Object::new(1, &census));
    let second = PoolArc::pin(Object::new(2, &census));
    let full = PoolArc::try_new(Object::new(3, &census)).unwrap_err();
    assert_eq!((full.capacity(), full.into_inner().number), (Some(2), 3));
    let full = PoolArc::try_new_with(|| Object::new(4, &census))
        .map(drop)
        .unwrap_err();
    assert_eq!(full.into_inner()().number, 4);
    let make = |_: &PoolWeak<Object>| Object::new(5, &census);
    let full = PoolArc::try_new_cyclic(make).map(drop).unwrap_err();
    assert_eq!(full.into_inner()(&PoolWeak::new()).number, 5);
    assert!(catch_unwind(AssertUnwindSafe(|| PoolArc::new_cyclic(make))).is_err());
    assert!(
        catch_unwind(AssertUnwindSafe(|| PoolArc::new_with(|| make(
            &PoolWeak::new()
        ))))
        .is_err()
    );
    assert!(catch_unwind(AssertUnwindSafe(|| PoolArc::from(make(&PoolWeak::new())))).is_err());
    assert_eq!(census.alive(), 2);
    // A clone takes a slot, and leaves all as it was if there is none.
    let mut third = _first.clone();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        PoolArc::make_mut(&mut third).number = 9
    }));
    assert!(outcome.is_err());
    assert_eq!((third.number, PoolArc::strong_count(&third)), (1, 2));
    drop(second);
    PoolArc::make_mut(&mut third).number = 9;
    assert_eq!((_first.number, third.number, census.alive()), (1, 9, 2));
}

#[test]
fn a_panic_while_an_object_is_cloned_changes_nothing() {
    #[derive(Pooled)]
    #[pool(shared, capacity = 4)]
    struct Object(u64);

    impl Clone for Object {
        fn clone(&self) -> Self {
            panic!("the clone's")
        }
    }

    let mut owner = PoolArc::new(Object(1));
    let other = owner.clone();
    let outcome = catch_unwind(AssertUnwindSafe(|| PoolArc::make_mut(&mut owner).0 = 2));
    assert!(outcome.is_err() && PoolArc::ptr_eq(&owner, &other));
    assert_eq!(
        (owner.0, PoolArc::strong_count(&owner), Object::pool().len()),
        (1, 2, 1)
    );
    drop(other);
    let key = PoolArc::downgrade(&owner);
    PoolArc::make_mut(&mut owner).0 = 2; // no clone: there is but a key
    assert_eq!(
        (owner.0, key.upgrade().is_none(), Object::pool().len()),
        (2, true, 1)
    );
}

#[test]
fn an_object_that_is_not_made_yet() {
    #[derive(Pooled)]
    #[pool(shared, capacity = 4)]
    struct Node {
        me: PoolWeak<Node>,
        #[expect(dead_code, reason = "it counts")]
        member: Member,
    }

    let census = Census::new();
    let seen = Cell::new(PoolWeak::new());
    let make = |me: &PoolWeak<Node>| {
        seen.set(*me);
        assert!(me.upgrade().is_none(), "not yet");
        let bits = PoolWeak::<Node>::from_bits(me.to_bits()).unwrap();
        assert!(bits.upgrade().is_none(), "not yet");
        let member = census.member();
        Node { me: *me, member }
    };
    let node = PoolArc::new_cyclic(make);
    assert!(PoolArc::ptr_eq(&node, &node.me.upgrade().unwrap()));
    assert_eq!(
        (node.me, PoolArc::downgrade(&node)),
        (seen.get(), seen.get())
    );
    let other = PoolArc::try_new_cyclic(make).ok().unwrap();
    assert_ne!(node.me, other.me);
    let key = other.me;
    drop(other);
    assert!(key.upgrade().is_none() && node.me.upgrade().is_some());

    let panics = |me: &PoolWeak<Node>| -> Node {
        let _made = make(me);
        panic!("the constructor's")
    };
    for _ in 0..10 {
        let outcome = catch_unwind(AssertUnwindSafe(|| PoolArc::new_cyclic(panics)));
        assert!(outcome.is_err() && seen.get().upgrade().is_none());
        assert_eq!((census.alive(), Node::pool().len()), (1, 1));
        let next = PoolArc::new_cyclic(make); // in the same slot
        assert!(next.me.upgrade().is_some());
        assert_eq!(census.alive(), 2);
    }
}

#[test]
fn destructors_that_come_back() {
    thread_local! {
        static ENDED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    }

    #[derive(Pooled)]
    #[pool(shared, capacity = 16)]
    struct Node {
        number: u64,
        me: PoolWeak<Node>,
        next: Option<PoolArc<Node>>,
    }

    impl Drop for Node {
        fn drop(&mut self) {
            assert!(self.me.upgrade().is_none(), "it is being dropped");
            ENDED.with_borrow_mut(|ended| ended.push(self.number));
            let again = PoolArc::new(Second(self.number));
            assert_eq!(again.0, self.number);
        }
    }

    #[derive(Pooled)]
    #[pool(shared, capacity = 1)]
    struct Second(u64);

    let mut next = None;
    let mut keys = Vec::new();
    for number in 0..8 {
        let node = PoolArc::new_cyclic(|me| Node {
            number,
            me: *me,
            next,
        });
        keys.push(node.me);
        next = Some(node);
    }
    let third = keys[3].upgrade().unwrap();
    drop(next);
    assert_eq!(ENDED.take(), [7, 6, 5, 4]);
    assert!(third.next.is_some() && PoolArc::strong_count(&third) == 1);
    drop(third);
    assert_eq!(ENDED.take(), [3, 2, 1, 0]);
    assert_eq!((Node::pool().len(), Second::pool().len()), (0, 0));
    assert!(keys.iter().all(|key| key.upgrade().is_none()));
}

#[test]
fn a_panic_in_a_destructor_gives_the_slot_back() {
    #[derive(Pooled)]
    #[pool(shared, capacity = 1)]
    struct Object(Cell<bool>);

    impl Drop for Object {
        fn drop(&mut self) {
            assert!(!self.0.get(), "the destructor's");
        }
    }

    for keyed in [false, true, true] {
        for owners in 1..4 {
            let first = PoolArc::new(Object(Cell::new(true)));
            let key = keyed.then(|| PoolArc::downgrade(&first));
            let clones = vec![first; owners];
            let outcome = catch_unwind(AssertUnwindSafe(|| drop(clones)));
            assert!(outcome.is_err());
            assert!(key.is_none_or(|key| key.upgrade().is_none()));
            assert_eq!(Object::pool().len(), 0);
        }
    }
    drop(PoolArc::new(Object(Cell::new(false))));
}

#[test]
fn raw_pointers() {
    counted!(Object, 8);
    let census = Census::new();
    let owner = PoolArc::new(Object::new(1, &census));
    let raws = [PoolArc::into_raw(owner.clone()), PoolArc::into_raw(owner)];
    assert_eq!(raws[0], raws[1]);
    // SAFETY: it has an owner.
    let through: &Object = unsafe { &*raws[0] };
    // SAFETY: each came from `into_raw`, and is taken back once.
    let first = unsafe { PoolArc::from_raw(through) };
    assert_eq!((first.number, PoolArc::strong_count(&first)), (1, 2));
    let key = PoolArc::downgrade(&first);
    drop(first);
    assert_eq!(key.upgrade().unwrap().number, 1);
    // SAFETY: as above.
    drop(unsafe { PoolArc::from_raw(raws[1]) });
    assert_eq!((census.alive(), key.upgrade().is_none()), (0, true));

    // Boxes that were references meanwhile.
    let leaked = PoolBox::leak(PoolBox::new(Object::new(2, &census)));
    leaked.number += 1;
    // SAFETY: it was leaked just now, and the reference ends here.
    let owner = PoolArc::from(unsafe { PoolBox::from_raw(leaked) });
    assert_eq!((owner.number, owner.clone().number), (3, 3));
    let key = PoolArc::downgrade(&owner);
    let boxed = PoolArc::try_into_box(owner).unwrap();
    assert!(key.upgrade().is_none() && boxed.number == 3);
}

#[test]
fn what_the_object_can_do() {
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Pooled)]
    #[pool(shared, capacity = 16)]
    struct Price(i64);

    impl Display for Price {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{} ct", self.0)
        }
    }

    impl Error for Price {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&fmt::Error)
        }
    }

    assert_impl_all!(PoolArc<Price>: Clone, Debug, Display, Pointer, Eq, Ord, Hash, Default, Error);
    let (a, b) = (PoolArc::new(Price(1)), PoolArc::from(Price(2)));
    assert!(a < b && a != b && a == PoolArc::new(Price(1)) && a.max(b.clone()) == b);
    assert_eq!(*PoolArc::<Price>::default(), Price(0));
    assert_eq!(
        (format!("{b:?}"), format!("{b}")),
        ("Price(2)".into(), "2 ct".into())
    );
    assert_eq!(format!("{b:p}"), format!("{:p}", PoolArc::as_ptr(&b)));
    assert_eq!(AsRef::<Price>::as_ref(&b), Borrow::<Price>::borrow(&b));
    assert!(b.source().is_some());
    let set: HashSet<_> = [b.clone(), b.clone(), PoolArc::new(Price(2))].into();
    assert!(set.len() == 1 && set.contains(&Price(2)));
    let pinned: Pin<PoolArc<Price>> = PoolArc::pin(Price(5));
    assert_eq!(pinned.clone().0, 5);
    let full: Result<PoolArc<Price>, Full<Price>> = PoolArc::try_new(Price(6));
    assert_eq!(full.unwrap().0, 6);
    assert_eq!(PoolArc::unwrap_or_clone(b.clone()), Price(2));
    drop(set);
    assert_eq!(
        (PoolArc::strong_count(&b), PoolArc::unwrap_or_clone(b)),
        (1, Price(2))
    );
}
