//! Slots whose generations come to their end, which from outside would take hours.

#![allow(unsafe_code)]

use super::{PoolArc, PoolWeak};
use crate::boxed::PoolBox;
use crate::pooled::Shared;
use crate::slot;
use crate::sync::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The last generation that an object can have.
const LAST: u32 = u32::MAX - 1;

/// A type with a pool of its own, whose objects are counted by what they hold.
macro_rules! pooled {
    ($name:ident, $capacity:literal) => {
        #[derive(Clone, pool_derive::Pooled)]
        #[pool(crate = crate, shared, capacity = $capacity)]
        struct $name(#[allow(dead_code, reason = "it counts")] Arc<()>);
    };
}

/// An owner of an object in a slot that has come to `generation`.
fn aged<T: Shared>(value: T, generation: u32) -> PoolArc<T> {
    let slot = PoolBox::into_slot(PoolBox::new(value));
    // SAFETY: a slot of a shared type.
    let word = unsafe { slot::word(slot) };
    word.store(u64::from(generation) << 32, Ordering::Relaxed);
    // SAFETY: taken apart just now.
    PoolArc::from(unsafe { PoolBox::from_slot(slot) })
}

fn used_up<T: Shared>() -> usize {
    T::pool().stats().used_up
}

/// That no object comes to `address` any more, and that there is room for as many as ever.
fn is_out_of_use<T: Shared + Clone>(address: *const T, value: &T) {
    assert_eq!((used_up::<T>(), T::pool().len()), (1, 0));
    let boxes: Vec<_> = std::iter::from_fn(|| PoolBox::try_new(value.clone()).ok()).collect();
    assert_eq!(boxes.len(), T::pool().capacity());
    assert!(boxes.iter().all(|boxed| PoolBox::as_ptr(boxed) != address));
}

#[test]
fn a_slot_goes_out_of_use_with_its_last_object() {
    pooled!(Object, 4);
    let tally = Arc::new(());
    let before = aged(Object(tally.clone()), LAST - 1);
    let (old, address) = (PoolArc::downgrade(&before), PoolArc::as_ptr(&before));
    drop(before);
    let owner = PoolArc::new(Object(tally.clone()));
    assert_eq!((PoolArc::as_ptr(&owner), used_up::<Object>()), (address, 0));
    let key = PoolArc::downgrade(&owner);
    assert_eq!(key.to_bits() >> 32, u64::from(u32::MAX));
    assert!(old.upgrade().is_none() && key.upgrade().is_some());
    assert_eq!(PoolWeak::from_bits(key.to_bits()), Some(key));
    let other = owner.clone();
    drop(owner);
    assert_eq!((Arc::strong_count(&tally), used_up::<Object>()), (2, 0));
    drop(other);
    assert_eq!(Arc::strong_count(&tally), 1, "dropped once");
    assert!(key.upgrade().is_none());
    is_out_of_use(address, &Object(tally));
}

#[test]
fn a_slot_stays_in_use_if_its_last_object_has_no_keys() {
    pooled!(Object, 4);
    let tally = Arc::new(());
    let mut owner = aged(Object(tally.clone()), LAST);
    assert!(PoolArc::get_mut(&mut owner).is_some());
    let boxed = PoolArc::try_into_box(owner).ok().unwrap();
    let address = PoolBox::as_ptr(&boxed);
    drop(PoolArc::from(boxed).clone());
    assert_eq!((Arc::strong_count(&tally), used_up::<Object>()), (1, 0));
    let again = PoolArc::new(Object(tally));
    assert_eq!(PoolArc::as_ptr(&again), address);
}

#[test]
fn a_panic_in_the_destructor_of_the_last_object() {
    #[derive(pool_derive::Pooled)]
    #[pool(crate = crate, shared, capacity = 4)]
    struct Object(Option<Arc<()>>);

    impl Clone for Object {
        fn clone(&self) -> Self {
            Self(None)
        }
    }

    impl Drop for Object {
        fn drop(&mut self) {
            assert!(self.0.is_none(), "the destructor's");
        }
    }

    let tally = Arc::new(());
    let owner = aged(Object(Some(tally.clone())), LAST);
    let (key, address) = (PoolArc::downgrade(&owner), PoolArc::as_ptr(&owner));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(owner))).is_err());
    assert_eq!(Arc::strong_count(&tally), 1);
    assert!(key.upgrade().is_none());
    is_out_of_use(address, &Object(None));
}

#[test]
fn the_last_object_can_be_moved_out() {
    pooled!(Object, 4);
    let tally = Arc::new(());
    let owner = aged(Object(tally.clone()), LAST);
    let (key, address) = (PoolArc::downgrade(&owner), PoolArc::as_ptr(&owner));
    let owner = PoolArc::try_unwrap(owner).map_err(drop);
    assert_eq!(Arc::strong_count(&tally), 2);
    assert!(key.upgrade().is_none());
    is_out_of_use(address, &owner.unwrap());

    pooled!(Another, 4);
    let owner = aged(Another(tally.clone()), LAST);
    let (key, address) = (PoolArc::downgrade(&owner), PoolArc::as_ptr(&owner));
    assert!(PoolArc::into_inner(owner.clone()).is_none());
    let inner = PoolArc::into_inner(owner).unwrap();
    assert_eq!(Arc::strong_count(&tally), 2);
    assert!(key.upgrade().is_none());
    is_out_of_use(address, &inner);
}

#[test]
fn the_last_object_moves_when_it_becomes_a_box() {
    pooled!(Object, 4);
    let tally = Arc::new(());
    let owner = aged(Object(tally.clone()), LAST);
    let (key, address) = (PoolArc::downgrade(&owner), PoolArc::as_ptr(&owner));
    let other = owner.clone();
    let owner = PoolArc::try_into_box(owner).err().expect("another owner");
    assert_eq!((PoolArc::strong_count(&owner), used_up::<Object>()), (2, 0));
    drop(other);
    let boxed = PoolArc::try_into_box(owner).ok().expect("the only owner");
    assert!(PoolBox::as_ptr(&boxed) != address && key.upgrade().is_none());
    assert_eq!((Arc::strong_count(&tally), used_up::<Object>()), (2, 1));
    drop(boxed);
    assert_eq!(Arc::strong_count(&tally), 1);
    is_out_of_use(address, &Object(tally));
}

#[test]
fn the_last_object_stays_an_arc_if_it_cannot_move() {
    pooled!(Object, 1);
    let tally = Arc::new(());
    let owner = aged(Object(tally.clone()), LAST);
    let (key, address) = (PoolArc::downgrade(&owner), PoolArc::as_ptr(&owner));
    let mut owner = PoolArc::try_into_box(owner).err().unwrap();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        PoolArc::make_mut(&mut owner);
    }));
    assert!(outcome.is_err(), "full");
    assert_eq!(PoolArc::as_ptr(&owner), address);
    let again = key.upgrade().expect("nothing has changed");
    assert!(PoolArc::ptr_eq(&owner, &again) && PoolArc::strong_count(&owner) == 2);
    drop((again, owner));
    is_out_of_use(address, &Object(tally));
}

#[test]
fn the_last_object_moves_when_it_is_made_unique() {
    pooled!(Object, 4);
    let tally = Arc::new(());
    let mut owner = aged(Object(tally.clone()), LAST);
    let (key, address) = (PoolArc::downgrade(&owner), PoolArc::as_ptr(&owner));
    let other = owner.clone();
    PoolArc::make_mut(&mut owner);
    assert_eq!(Arc::strong_count(&tally), 3, "cloned");
    assert_eq!(PoolArc::as_ptr(&other), address);
    owner = other;
    let moved: *const Object = PoolArc::make_mut(&mut owner);
    assert_eq!(Arc::strong_count(&tally), 2, "moved");
    assert!(moved != address && key.upgrade().is_none());
    let new = PoolArc::downgrade(&owner);
    assert!(new.upgrade().is_some());
    drop(owner);
    is_out_of_use(address, &Object(tally));
}

#[test]
fn a_generation_passes_when_an_object_is_made_unique() {
    pooled!(Object, 4);
    let tally = Arc::new(());
    let mut owner = aged(Object(tally.clone()), LAST - 1);
    let (key, address) = (PoolArc::downgrade(&owner), PoolArc::as_ptr(&owner));
    assert!(PoolArc::get_mut(&mut owner).is_none());
    PoolArc::make_mut(&mut owner);
    assert_eq!(PoolArc::as_ptr(&owner), address, "not moved");
    assert!(key.upgrade().is_none() && PoolArc::get_mut(&mut owner).is_some());
    let last = PoolArc::downgrade(&owner);
    assert!(last.upgrade().is_some() && last != key);
    drop(owner);
    is_out_of_use(address, &Object(tally));
}

#[test]
fn a_last_object_that_is_never_made() {
    pooled!(Object, 4);
    let tally = Arc::new(());
    let address = PoolArc::as_ptr(&aged(Object(tally.clone()), LAST));
    let mut key = PoolWeak::new();
    let make = |me: &PoolWeak<Object>| {
        key = *me;
        panic!("the constructor's");
    };
    assert!(catch_unwind(AssertUnwindSafe(|| PoolArc::new_cyclic(make))).is_err());
    assert!(key != PoolWeak::new() && key.upgrade().is_none());
    is_out_of_use(address, &Object(tally));
}
