//! The owners and the keys of an object, and the next object in its slot, beside variants that are
//! broken.
//!
//! The object is a cell that loom watches: who comes to it after its end, or does not see it made,
//! races with who ends it or makes it.

#![allow(unsafe_code)]

use super::{explore, is_seen_to_fail};
use crate::shared::count::{Count, Fate, STRONG};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use loom::thread;
use std::num::NonZeroU32;

/// What loom says of an object that is read by one thread and written by another.
const RACE: &str = "Causality violation";
const OTHER: &str = "a key came to another object";

/// What of the protocol the variants break.
trait Rules: Send + Sync + 'static {
    fn leave_alone(count: Count<'_>, _word: &AtomicU64) -> bool {
        count.leave_alone()
    }

    fn leave(count: Count<'_>, _word: &AtomicU64) -> bool {
        count.leave()
    }

    fn end(count: Count<'_>, _word: &AtomicU64) -> Fate {
        count.end()
    }

    fn downgrade(count: Count<'_>, _word: &AtomicU64) -> NonZeroU32 {
        count.downgrade()
    }

    fn upgrade(count: Count<'_>, _word: &AtomicU64, key: NonZeroU32) -> bool {
        count.upgrade(key)
    }
}

/// The rules as they are.
struct Ours;

impl Rules for Ours {}

struct Slot<R> {
    word: AtomicU64,
    object: UnsafeCell<u64>,
    /// Objects that were taken out.
    taken: AtomicUsize,
    rules: std::marker::PhantomData<R>,
}

// SAFETY: loom looks at every access to the object.
unsafe impl<R: Rules> Sync for Slot<R> {}

impl<R: Rules> Slot<R> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            word: AtomicU64::new(0),
            object: UnsafeCell::new(0),
            taken: AtomicUsize::new(0),
            rules: std::marker::PhantomData,
        })
    }

    fn count(&self) -> Count<'_> {
        Count::new(&self.word)
    }

    /// Writes an object, or nothing, for who has it alone.
    fn write(&self, value: u64) {
        // SAFETY: loom tells if somebody else is at it.
        self.object.with_mut(|object| unsafe { *object = value });
    }

    fn read(&self) -> u64 {
        // SAFETY: loom tells if somebody else writes it.
        self.object.with(|object| unsafe { *object })
    }

    /// An object with one owner.
    fn make(&self, value: u64) {
        self.write(value);
        self.count().begin();
    }

    fn downgrade(&self) -> NonZeroU32 {
        R::downgrade(self.count(), &self.word)
    }

    /// Drops an owner. True if the object was ended.
    fn release(&self) -> bool {
        let (count, word) = (self.count(), &self.word);
        let last = R::leave_alone(count, word)
            || R::leave(count, word) && R::end(count, word) == Fate::Free;
        if last {
            self.write(0);
        }
        last
    }

    /// Drops an owner; who ends the object makes another in its slot, with a key, and ends that.
    fn release_and_reuse(&self) {
        if self.release() {
            self.make(2);
            let _ = self.downgrade();
            self.release();
        }
    }

    /// Tries a key to object 1.
    fn look(&self, key: NonZeroU32) {
        if R::upgrade(self.count(), &self.word, key) {
            assert_eq!(self.read(), 1, "{OTHER}");
            self.release_and_reuse();
        }
    }
}

/// An upgrade against the last drop, against the next object in the slot, against its end.
fn keys_against_ends<R: Rules>() {
    let slot = Slot::<R>::new();
    slot.make(1);
    let key = slot.downgrade();
    let other = {
        let slot = Arc::clone(&slot);
        thread::spawn(move || slot.look(key))
    };
    slot.release_and_reuse();
    other.join().expect("the other thread");
    assert_eq!(slot.count().owners(), 0);
}

/// An owner and its clone on two threads, each of which looks, clones and drops; who is last reuses.
fn clones_against_drops<R: Rules>() {
    let slot = Slot::<R>::new();
    slot.make(1);
    slot.count().retain();
    let body = |slot: &Slot<R>| {
        slot.count().retain();
        assert_eq!(slot.read(), 1, "{OTHER}");
        assert!(!slot.release(), "there is an owner still");
        slot.release_and_reuse();
    };
    let other = {
        let slot = Arc::clone(&slot);
        thread::spawn(move || body(&slot))
    };
    body(&slot);
    other.join().expect("the other thread");
    assert_eq!(slot.count().owners(), 0);
}

/// A key that comes to another thread by an atomic that orders nothing.
fn keys_that_are_published<R: Rules>() {
    let (slot, mail) = (Slot::<R>::new(), Arc::new(AtomicUsize::new(0)));
    let other = {
        let (slot, mail) = (Arc::clone(&slot), Arc::clone(&mail));
        thread::spawn(move || {
            if let Some(key) = NonZeroU32::new(mail.load(Ordering::Relaxed) as u32) {
                slot.look(key);
            }
        })
    };
    slot.make(1);
    mail.store(slot.downgrade().get() as usize, Ordering::Relaxed);
    slot.release_and_reuse();
    other.join().expect("the other thread");
    assert_eq!(slot.count().owners(), 0);
}

/// As above, of an object that is made after its key.
fn keys_before_their_object() {
    let (slot, mail) = (Slot::<Ours>::new(), Arc::new(AtomicUsize::new(0)));
    let other = {
        let (slot, mail) = (Arc::clone(&slot), Arc::clone(&mail));
        thread::spawn(move || {
            if let Some(key) = NonZeroU32::new(mail.load(Ordering::Relaxed) as u32) {
                slot.look(key);
            }
        })
    };
    let key = slot.count().announce();
    mail.store(key.get() as usize, Ordering::Relaxed);
    slot.write(1);
    slot.count().be_born();
    slot.release_and_reuse();
    other.join().expect("the other thread");
    assert_eq!(slot.count().owners(), 0);
}

/// A key that nobody made, against an owner that writes since it is alone.
fn forged_keys<R: Rules>() {
    let slot = Slot::<R>::new();
    slot.make(1);
    let other = {
        let slot = Arc::clone(&slot);
        thread::spawn(move || slot.look(NonZeroU32::MIN))
    };
    if slot.count().is_alone() {
        slot.write(1);
    }
    slot.release();
    other.join().expect("the other thread");
}

/// Two owners and a key; each owner takes the object out if it is the last, by the way that `take`
/// says. Once it is taken.
fn raced(take: fn(&Slot<Ours>) -> bool, at_least: usize) {
    let slot = Slot::<Ours>::new();
    slot.make(1);
    slot.count().retain();
    let key = slot.downgrade();
    let body = move |slot: &Slot<Ours>| {
        if take(slot) {
            assert_eq!(slot.read(), 1, "{OTHER}");
            slot.write(0);
            slot.taken.fetch_add(1, Ordering::Relaxed);
        }
    };
    let other = {
        let slot = Arc::clone(&slot);
        thread::spawn(move || body(&slot))
    };
    body(&slot);
    other.join().expect("the other thread");
    assert!(!slot.count().upgrade(key), "the object is gone");
    let taken = slot.taken.load(Ordering::Relaxed);
    assert!((at_least..=1).contains(&taken), "taken {taken} times");
}

/// `PoolArc::into_inner`.
fn into_inner(slot: &Slot<Ours>) -> bool {
    let count = slot.count();
    count.leave_alone() || count.leave() && count.end() == Fate::Free
}

/// `PoolArc::try_unwrap`, and a drop if it fails.
fn try_unwrap(slot: &Slot<Ours>) -> bool {
    if slot.count().claim().is_some() {
        return true;
    }
    slot.release();
    false
}

/// An owner that wants the object for itself, against an upgrade.
fn alone_against_keys() {
    let slot = Slot::<Ours>::new();
    slot.make(1);
    let key = slot.downgrade();
    let other = {
        let slot = Arc::clone(&slot);
        thread::spawn(move || {
            if slot.count().upgrade(key) {
                assert_eq!(slot.read(), 1, "{OTHER}");
                slot.release();
            }
        })
    };
    if slot.count().be_alone() {
        slot.write(3);
        assert!(!slot.count().upgrade(key), "the key was shut out");
    }
    slot.release();
    other.join().expect("the other thread");
    assert_eq!(slot.count().owners(), 0);
}

const PREEMPTIONS: usize = 3;

#[test]
fn keys_do_not_outlive_their_object() {
    explore(PREEMPTIONS, keys_against_ends::<Ours>);
}

#[test]
fn the_last_of_several_owners_ends_the_object() {
    explore(PREEMPTIONS, clones_against_drops::<Ours>);
}

#[test]
fn who_comes_by_a_key_sees_the_object() {
    explore(PREEMPTIONS, keys_that_are_published::<Ours>);
    explore(PREEMPTIONS, keys_before_their_object);
}

#[test]
fn forged_keys_do_not_disturb_who_is_alone() {
    explore(PREEMPTIONS, forged_keys::<Ours>);
}

#[test]
fn one_of_racing_owners_takes_the_object() {
    explore(PREEMPTIONS, || raced(into_inner, 1));
    explore(PREEMPTIONS, || raced(try_unwrap, 0));
}

#[test]
fn who_is_alone_after_keys_is_alone() {
    explore(PREEMPTIONS, alone_against_keys);
}

/// The next object has the generation of the last.
struct NoGenerations;

impl Rules for NoGenerations {
    fn end(_: Count<'_>, word: &AtomicU64) -> Fate {
        let now = word.load(Ordering::Acquire);
        word.store(now >> 32 << 32, Ordering::Relaxed);
        Fate::Free
    }
}

/// One owner takes the short way, also if there are keys.
struct BlindToKeys;

impl Rules for BlindToKeys {
    fn leave_alone(count: Count<'_>, word: &AtomicU64) -> bool {
        let now = word.load(Ordering::Acquire);
        let alone = now & STRONG == 1;
        if alone {
            word.store(now - 1, Ordering::Relaxed);
            let _ = count.end();
        }
        alone
    }
}

/// Owners leave without a word of what they did.
struct LeaveRelaxed;

impl Rules for LeaveRelaxed {
    fn leave(_: Count<'_>, word: &AtomicU64) -> bool {
        word.fetch_sub(1, Ordering::Relaxed) & STRONG == 1
    }
}

/// The last owner does not look at what the others did.
struct EndRelaxed;

impl Rules for EndRelaxed {
    fn leave_alone(_: Count<'_>, word: &AtomicU64) -> bool {
        let now = word.load(Ordering::Relaxed);
        let alone = now as u32 == 1;
        if alone {
            word.store(now - 1, Ordering::Relaxed);
        }
        alone
    }
}

/// Keys are made without the object.
struct DowngradeRelaxed;

impl Rules for DowngradeRelaxed {
    fn downgrade(count: Count<'_>, word: &AtomicU64) -> NonZeroU32 {
        word.fetch_or(1 << 31, Ordering::Relaxed);
        count.downgrade()
    }
}

/// Keys fit without a look at the object.
struct UpgradeRelaxed;

impl Rules for UpgradeRelaxed {
    fn upgrade(_: Count<'_>, word: &AtomicU64, key: NonZeroU32) -> bool {
        let fits = |now: u64| {
            let generation = (now >> 32) as u32 == key.get() - 1;
            (generation && now & (1 << 31) != 0 && now & STRONG > 0).then(|| now + 1)
        };
        word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .is_ok()
    }
}

/// Keys fit objects of which none was made.
struct UpgradeForged;

impl Rules for UpgradeForged {
    fn upgrade(_: Count<'_>, word: &AtomicU64, key: NonZeroU32) -> bool {
        let fits = |now: u64| {
            let generation = (now >> 32) as u32 == key.get() - 1;
            (generation && now & STRONG > 0).then(|| now + 1)
        };
        word.fetch_update(Ordering::Acquire, Ordering::Relaxed, fits)
            .is_ok()
    }
}

#[test]
#[ignore = "broken on purpose: run by the test below"]
fn no_generations() {
    explore(PREEMPTIONS, keys_against_ends::<NoGenerations>);
}

#[test]
#[ignore = "broken on purpose: run by the test below"]
fn blind_to_keys() {
    explore(PREEMPTIONS, keys_against_ends::<BlindToKeys>);
}

#[test]
#[ignore = "broken on purpose: run by the test below"]
fn leave_relaxed() {
    explore(PREEMPTIONS, clones_against_drops::<LeaveRelaxed>);
}

#[test]
#[ignore = "broken on purpose: run by the test below"]
fn end_relaxed() {
    explore(PREEMPTIONS, clones_against_drops::<EndRelaxed>);
}

#[test]
#[ignore = "broken on purpose: run by the test below"]
fn downgrade_relaxed() {
    explore(PREEMPTIONS, keys_that_are_published::<DowngradeRelaxed>);
}

#[test]
#[ignore = "broken on purpose: run by the test below"]
fn upgrade_relaxed() {
    explore(PREEMPTIONS, keys_that_are_published::<UpgradeRelaxed>);
}

#[test]
#[ignore = "broken on purpose: run by the test below"]
fn upgrade_forged() {
    explore(PREEMPTIONS, forged_keys::<UpgradeForged>);
}

#[test]
fn each_rule_is_seen_to_be_needed() {
    is_seen_to_fail("shared::no_generations", OTHER);
    is_seen_to_fail("shared::blind_to_keys", RACE);
    is_seen_to_fail("shared::leave_relaxed", RACE);
    is_seen_to_fail("shared::end_relaxed", RACE);
    is_seen_to_fail("shared::downgrade_relaxed", RACE);
    is_seen_to_fail("shared::upgrade_relaxed", RACE);
    is_seen_to_fail("shared::upgrade_forged", RACE);
}
