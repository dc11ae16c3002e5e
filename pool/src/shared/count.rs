//! What the word in a slot's header says of an object's owners and keys.
//!
//! ```text
//! 63 ...... 32   31    30      29 ......... 0
//!  generation   WEAK  parked   owners (strong)
//! ```
//!
//! - While a slot is free, or its object has a `PoolBox`, the lower half is zero; of a recycled type
//!   that parks an object in a free slot, but for the parked bit, which is not looked at here.
//! - `WEAK` says that somebody has, or had, a key to this object. Nobody but an owner sets it, and
//!   nobody comes to an object by a key without it.
//! - The end of an object that has `WEAK` clears it and begins a new generation. Keys to an object
//!   say its generation; so none fits what comes after it.
//! - The last generation is nobody's: a slot that comes to it is taken out of use.
//!
//! Who reads the word by a key may be late by any number of objects. Hence the rule that everything
//! below rests on: **if there are no owners, or there is one and no `WEAK`, nobody else changes the
//! word.** A clone takes an owner; an upgrade takes an owner and `WEAK`.

#![forbid(unsafe_code)]

use crate::sync::{AtomicU64, Ordering};
use std::io::Write;
use std::num::NonZeroU32;
use std::{io, process};

/// The bits that count owners. The bit above them is `slot::PARKED`.
pub(crate) const STRONG: u64 = (1 << 30) - 1;

/// Somebody made a key to the object.
const WEAK: u64 = 1 << 31;

/// Where the generation begins.
const GENERATION: u32 = 32;

/// The generation of slots that are out of use.
const USED_UP: u32 = u32::MAX;

/// Owners that are too many. Far enough below what the bits hold that as many threads as there can be
/// may find out at once.
const TOO_MANY: u64 = 1 << 29;

/// The word in a slot's header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count<'a>(&'a AtomicU64);

/// What becomes of a slot when the object in it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Fate {
    /// The next object may have it.
    Free,
    /// It has no generations left.
    UsedUp,
}

/// The word of the next generation, with nobody in it.
fn next(now: u64) -> (u64, Fate) {
    let generation = (now >> GENERATION) as u32 + 1; // a slot that is used up has no object
    let fate = match generation {
        USED_UP => Fate::UsedUp,
        _ => Fate::Free,
    };
    (u64::from(generation) << GENERATION, fate)
}

/// What a key to the object says. Never zero, so that a key has a niche.
fn key(now: u64) -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add((now >> GENERATION) as u32)
}

/// The lower half: who there is.
fn who(now: u64) -> u64 {
    now & u64::from(u32::MAX)
}

impl<'a> Count<'a> {
    #[inline(always)]
    pub(crate) fn new(word: &'a AtomicU64) -> Self {
        Self(word)
    }

    /// The object, which nobody shared, has its first owner.
    #[inline(always)]
    pub(crate) fn begin(self) {
        // Relaxed, both: the slot is ours, and so is the word. Who comes to the object without a key
        // gets an owner from us; who comes by a key pairs with what made the key.
        let now = self.0.load(Ordering::Relaxed);
        debug_assert_eq!(who(now), 0, "the object has owners");
        self.0.store(now + 1, Ordering::Relaxed);
    }

    /// A key to an object that is yet to be made. It does not fit before [`Count::be_born`].
    pub(crate) fn announce(self) -> NonZeroU32 {
        // Relaxed, both: as in `begin`; by this key there is nothing to be seen yet.
        let now = self.0.load(Ordering::Relaxed);
        debug_assert_eq!(who(now), 0, "the object has owners");
        self.0.store(now | WEAK, Ordering::Relaxed);
        key(now)
    }

    /// The object that was announced is made, and has its first owner.
    pub(crate) fn be_born(self) {
        // Relaxed: nobody changes the word of an object without owners.
        let now = self.0.load(Ordering::Relaxed);
        debug_assert_eq!(who(now), WEAK, "nothing was announced");
        // Release: pairs with the Acquire in `upgrade`, which shows the object.
        self.0.store(now + 1, Ordering::Release);
    }

    /// One owner more, for an owner.
    #[inline(always)]
    pub(crate) fn retain(self) {
        // Relaxed: the object is the caller's already, and who gets the new owner gets it from there.
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        if before & STRONG >= TOO_MANY {
            too_many();
        }
    }

    /// The number of owners.
    pub(crate) fn owners(self) -> usize {
        // Relaxed: it may be another one by the time that it is told.
        (self.0.load(Ordering::Relaxed) & STRONG) as usize
    }

    /// What a key to the object says, for an owner.
    #[inline]
    pub(crate) fn downgrade(self) -> NonZeroU32 {
        // Relaxed: the generation is the object's as long as it has owners. And if `WEAK` is there,
        // so is what it was released with, to all that come to see this value or a later one.
        let now = self.0.load(Ordering::Relaxed);
        if now & WEAK == 0 {
            // Release: pairs with the Acquire in `upgrade`. What comes after on this word are
            // read-modify-writes, as long as the object has keys: they carry it on.
            self.0.fetch_or(WEAK, Ordering::Release);
        }
        key(now)
    }

    /// One owner more, for who has a key; false if it does not fit.
    #[inline]
    pub(crate) fn upgrade(self, key: NonZeroU32) -> bool {
        let generation = key.get() - 1;
        // Relaxed: nothing is read by it but the word.
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            // `WEAK` is asked for too: a key may be forged, and without it whoever is the one owner
            // has the object for itself.
            let fits = (now >> GENERATION) as u32 == generation && now & WEAK != 0;
            if !fits || now & STRONG == 0 {
                return false;
            }
            if now & STRONG >= TOO_MANY {
                too_many();
            }
            // Acquire: pairs with the Release in `downgrade`, or in `be_born`, which shows the object.
            let swapped =
                self.0
                    .compare_exchange_weak(now, now + 1, Ordering::Acquire, Ordering::Relaxed);
            match swapped {
                Ok(_) => return true,
                Err(later) => now = later,
            }
        }
    }

    /// Whether the caller, an owner that makes no other meanwhile, is the only one and no key fits. As
    /// long as that is so, nobody else comes to the object.
    #[inline(always)]
    pub(crate) fn is_alone(self) -> bool {
        // Acquire: pairs with the Release in `leave` of those who were owners: what they did with the
        // object comes before what the caller does.
        who(self.0.load(Ordering::Acquire)) == 1
    }

    /// [`Count::leave`] for an owner that is alone, without a locked instruction; false if it is not
    /// alone, and nothing is changed then. True: the object is the caller's.
    #[inline(always)]
    pub(crate) fn leave_alone(self) -> bool {
        // Acquire: as in `is_alone`. The value may be an old one, but not older than what happened
        // before this. At that point in the word's history we were the one owner, and there was no
        // key. The next change would have to be by an owner, and that is us.
        let now = self.0.load(Ordering::Acquire);
        let alone = who(now) == 1;
        if alone {
            // Relaxed: so nothing is between the load and this, and nobody reads the object by it.
            self.0.store(now - 1, Ordering::Relaxed);
        }
        alone
    }

    /// One owner less. True if it was the last: the object is the caller's, who calls
    /// [`Count::end`] before anything else.
    #[inline(always)]
    pub(crate) fn leave(self) -> bool {
        // Release: pairs with the Acquire of the last one, in `end`, `claim` or `is_alone`.
        self.0.fetch_sub(1, Ordering::Release) & STRONG == 1
    }

    /// Shuts keys out of an object without owners. From here on the word is as the next object needs
    /// it.
    pub(crate) fn end(self) -> Fate {
        // Acquire: pairs with the Release in `leave`. It is a load and no fence, as the last owner's
        // `fetch_sub` need not acquire for all, and since ThreadSanitizer knows no fences.
        let now = self.0.load(Ordering::Acquire);
        debug_assert_eq!(now & STRONG, 0, "the object has owners");
        if now & WEAK == 0 {
            return Fate::Free;
        }
        let (next, fate) = next(now);
        // Relaxed: nobody else changes the word of an object without owners, and who comes by a key
        // turns back, whether it sees this or not.
        self.0.store(next, Ordering::Relaxed);
        fate
    }

    /// Takes the object from its one owner, the caller, and shuts keys out; `None` if there are other
    /// owners.
    pub(crate) fn claim(self) -> Option<Fate> {
        if self.leave_alone() {
            return Some(Fate::Free);
        }
        // Relaxed: nothing is read by it but the word.
        let now = self.0.load(Ordering::Relaxed);
        if who(now) != 1 | WEAK {
            return None;
        }
        let (next, fate) = next(now);
        // Acquire: as in `is_alone`. It fails if a key was upgraded meanwhile.
        self.0
            .compare_exchange(now, next, Ordering::Acquire, Ordering::Relaxed)
            .ok()
            .map(|_| fate)
    }

    /// Makes the caller alone, if it is the one owner: shuts keys out of the object. False if there are
    /// other owners, or if it [`Count::is_last`].
    pub(crate) fn be_alone(self) -> bool {
        if self.is_alone() {
            return true;
        }
        // Relaxed: nothing is read by it but the word.
        let now = self.0.load(Ordering::Relaxed);
        if who(now) != 1 | WEAK {
            return false;
        }
        match next(now) {
            (_, Fate::UsedUp) => false,
            // Acquire: as in `is_alone`. It fails if a key was upgraded meanwhile.
            (next, Fate::Free) => self
                .0
                .compare_exchange(now, next + 1, Ordering::Acquire, Ordering::Relaxed)
                .is_ok(),
        }
    }

    /// Whether there may be keys to the object, and it is the last for its slot: it cannot stay there
    /// without them.
    pub(crate) fn is_last(self) -> bool {
        // Relaxed: for an owner it stays true.
        let now = self.0.load(Ordering::Relaxed);
        now & WEAK != 0 && next(now).1 == Fate::UsedUp
    }
}

/// Ends the process: with some more owners the count would not be one any more, and objects would be
/// dropped that are in use.
#[cold]
fn too_many() -> ! {
    let text = "a PoolArc has more than 536,870,912 clones: they are forgotten (`mem::forget`), and \
                never dropped";
    if cfg!(test) {
        panic!("{text}");
    }
    // A standard error that is closed is no reason to go on.
    let _ = writeln!(io::stderr(), "{text}");
    process::abort()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    fn word(generation: u32, low: u64) -> AtomicU64 {
        AtomicU64::new(u64::from(generation) << GENERATION | low)
    }

    #[test]
    fn too_many_owners_are_refused_before_the_count_overflows() {
        for (owners, refused) in [(TOO_MANY - 1, false), (TOO_MANY, true), (STRONG - 1, true)] {
            let word = word(0, owners | WEAK);
            let upgraded = catch_unwind(|| Count::new(&word).upgrade(NonZeroU32::MIN));
            assert_eq!(upgraded.is_err(), refused, "{owners}");
            let word = tests::word(0, owners | WEAK);
            let retained = catch_unwind(|| Count::new(&word).retain());
            assert_eq!(retained.is_err(), refused, "{owners}");
            // What was counted nevertheless has not come to the bits above.
            assert_eq!(word.load(Ordering::Relaxed) & !STRONG, WEAK);
        }
    }

    #[test]
    fn a_key_fits_its_generation_and_no_other() {
        for generation in [0, 1, 7, u32::MAX - 1] {
            let word = word(generation, 1);
            let count = Count::new(&word);
            let would_be = NonZeroU32::new(generation + 1).unwrap();
            assert!(!count.upgrade(would_be), "none was made");
            let key = count.downgrade();
            assert_eq!((key, count.downgrade()), (would_be, would_be));
            for wrong in [
                generation.wrapping_sub(1),
                generation.wrapping_add(1),
                !generation,
            ] {
                let wrong = NonZeroU32::MIN.saturating_add(wrong);
                assert!(wrong == key || !count.upgrade(wrong));
            }
            assert!(count.upgrade(key));
            assert_eq!(count.owners(), 2);
            assert!(
                !count.leave_alone() && !count.leave() && !count.leave_alone() && count.leave()
            );
            let last = generation == u32::MAX - 1;
            assert_eq!(count.end(), if last { Fate::UsedUp } else { Fate::Free });
            assert!(!count.upgrade(key));
            assert_eq!(
                word.load(Ordering::Relaxed),
                u64::from(generation + 1) << GENERATION
            );
        }
    }

    #[test]
    fn generations_pass_for_keys_only() {
        let word = word(5, 0);
        let count = Count::new(&word);
        for _ in 0..3 {
            count.begin();
            count.retain();
            assert!(!count.leave_alone() && !count.leave() && count.leave_alone());
        }
        count.begin();
        assert_eq!(count.claim(), Some(Fate::Free));
        count.begin();
        assert!(count.is_alone() && count.be_alone() && !count.is_last());
        assert_eq!(word.load(Ordering::Relaxed), 5 << GENERATION | 1);
        let key = count.downgrade();
        assert!(!count.is_alone() && count.be_alone() && count.is_alone());
        assert_eq!(word.load(Ordering::Relaxed), 6 << GENERATION | 1);
        assert!(!count.upgrade(key));
        let _ = count.downgrade();
        count.retain();
        assert!(!count.be_alone() && count.claim().is_none());
        assert!(!count.leave());
        assert_eq!(count.claim(), Some(Fate::Free));
        assert_eq!(word.load(Ordering::Relaxed), 7 << GENERATION);
        let key = count.announce();
        assert!(!count.upgrade(key));
        count.be_born();
        assert!(count.upgrade(key));
    }
}
