//! What a scope knows, and its slow paths: how it begins, gets more magazines, and ends.

#![allow(unsafe_code)]

use crate::cache::{Caches, Record};
use crate::depots::Shortage;
use crate::full::Refusal;
use crate::magazine::{Magazine, Word};
use crate::pool::Pool;
use crate::quiet::quietly;
use crate::thread;
use std::any::Any;
use std::mem::{self, needs_drop};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;

/// What a destructor panicked with.
type Panic = Box<dyn Any + Send>;

/// All that a scope knows, which its cells hold. The slow paths have a copy: a scope whose address nobody
/// gets to see is in registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) word: Word,
    pub(super) magazine: Magazine,
    /// Where magazines are lent from. `None`: slots are taken one by one, and noted in magazines.
    pub(super) record: Option<NonNull<Record>>,
    /// Entries of the magazines below that are taken.
    pub(super) below: usize,
    /// Entries without an object.
    pub(super) forgotten: usize,
}

impl State {
    /// Takes a slot where the word has none. If this panics (destructors in it may), the scope is to be
    /// what it was.
    #[cold]
    #[inline(never)]
    pub(super) fn take_slow<T>(&mut self, pool: &Pool<T>) -> Result<NonNull<T>, Refusal> {
        if self.magazine != Magazine::none() {
            let caches = pool.made().expect("it is, since the scope began");
            return self.more(pool, caches);
        }
        let caches = pool.caches()?;
        self.begin(pool, caches);
        // SAFETY: if the word has slots, the magazine was lent just now.
        if let Some((slot, word)) = unsafe { self.magazine.lend_slot(self.word) } {
            self.word = word;
            return Ok(slot.cast());
        }
        let begun = Begun { state: *self, pool };
        let taken = self.more(pool, caches);
        mem::forget(begun);
        taken
    }

    /// Begins to use a scope.
    #[inline]
    fn begin<T>(&mut self, pool: &Pool<T>, caches: &Caches) {
        let kind = caches.depots().setup().form.kind;
        let is_plain = !kind.looks_at_frees() && pool.discard().is_none();
        let lent = if is_plain { pool.lend(caches) } else { None };
        match lent {
            Some((record, magazine)) => {
                self.word = magazine.word();
                self.magazine = magazine;
                self.record = Some(record);
            }
            None => self.magazine = caches.list(None),
        }
    }

    /// Takes a slot when the magazine is used up.
    #[inline]
    fn more<T>(&mut self, pool: &Pool<T>, caches: &Caches) -> Result<NonNull<T>, Refusal> {
        match self.record {
            Some(record) => {
                // SAFETY: that is where its magazines come from; it has no slots.
                let mut take = || unsafe { self.lend(caches, record) };
                match take() {
                    Ok(slot) => Ok(slot.cast()),
                    Err(shortage) => pool.without_slot(caches, shortage, take),
                }
            }
            None => self.note(pool, caches),
        }
    }

    /// # Safety
    ///
    /// The state is that of a scope to which magazines of this record are lent, and has no slots.
    unsafe fn lend(
        &mut self,
        caches: &Caches,
        record: NonNull<Record>,
    ) -> Result<NonNull<u8>, Shortage> {
        let came = self.magazine.came();
        // SAFETY: the magazine was lent last, and its slots are used up.
        self.magazine = unsafe { caches.lend_more(record, self.magazine) }?;
        self.word = self.magazine.word();
        self.below += came;
        // SAFETY: lent to this scope; it is its word.
        let lent = unsafe { self.magazine.lend_slot(self.word) };
        let (slot, word) = lent.expect("a magazine that is lent has slots");
        self.word = word;
        Ok(slot)
    }

    /// Takes a slot from the pool, and notes it.
    fn note<T>(&mut self, pool: &Pool<T>, caches: &Caches) -> Result<NonNull<T>, Refusal> {
        // What may panic comes first.
        let vacant = pool.take_vacant()?;
        if self.magazine.is_empty() {
            self.below += self.magazine.came();
            self.magazine = caches.list(Some(self.magazine));
        }
        let slot = vacant.keep();
        // SAFETY: the scope's list, which has room.
        unsafe { self.magazine.note_slot(slot.cast()) };
        Ok(slot)
    }

    /// Ends a scope.
    #[inline(never)]
    pub(super) fn end<T>(self, pool: &Pool<T>) {
        if let Some(panic) = self.finish(pool) {
            resume_unwind(panic);
        }
    }

    /// Ends a scope. Returns what the first destructor that did so panicked with.
    fn finish<T>(self, pool: &Pool<T>) -> Option<Panic> {
        // SAFETY: the scope is over: its objects are nobody's.
        let panic = unsafe { self.drop_objects::<T>() };
        let caches = pool.made().expect("it is, since the scope began");
        match self.record {
            Some(record) => {
                let forgets = self.forgotten > 0;
                // SAFETY: lent to this scope, last of all; there are no objects any more.
                if unsafe { caches.take_back(record, self.magazine, forgets) } {
                    // SAFETY: the thread has left it to us, who do not use it again.
                    unsafe { thread::close(record) };
                }
            }
            None => {
                let mut slots = Newest::of(self.magazine);
                // SAFETY: the scope's, whose lists are there until all are asked for.
                while let Some(slot) = unsafe { slots.next() } {
                    // SAFETY: it was taken from this pool, and holds nothing any more.
                    unsafe { pool.put_slot(slot.cast()) };
                }
                // SAFETY: the scope's, and not used again.
                unsafe { caches.take_lists_back(self.magazine) };
            }
        }
        panic
    }

    /// # Safety
    ///
    /// The scope's objects are `T`s, and nobody uses them any more.
    #[inline]
    unsafe fn drop_objects<T>(self) -> Option<Panic> {
        let mut first = None;
        if needs_drop::<T>() {
            let mut slots = Newest::of(self.magazine);
            let mut drop_rest = || {
                // SAFETY: the scope's, whose magazines are there until the end.
                while let Some(slot) = unsafe { slots.next() } {
                    // SAFETY: by contract, and it comes once.
                    unsafe { slot.cast::<T>().drop_in_place() };
                }
            };
            while let Err(panic) = catch_unwind(AssertUnwindSafe(&mut drop_rest)) {
                match &first {
                    None => first = Some(panic),
                    // The panic hook has spoken.
                    Some(_) => quietly(|| drop(panic)),
                }
            }
        }
        first
    }
}

/// A scope that has just begun, without an object. Dropped, it has not.
struct Begun<'a, T> {
    state: State,
    pool: &'a Pool<T>,
}

impl<T> Drop for Begun<'_, T> {
    fn drop(&mut self) {
        self.state.finish(self.pool);
    }
}

/// The slots that a scope has taken, the newest first.
struct Newest {
    magazine: Magazine,
    index: usize,
    came: usize,
}

impl Newest {
    fn of(magazine: Magazine) -> Self {
        Self {
            magazine,
            index: magazine.len() as usize,
            came: magazine.came(),
        }
    }

    /// # Safety
    ///
    /// The magazines are a scope's, which is the caller's, and does not change.
    #[inline]
    unsafe fn next(&mut self) -> Option<NonNull<u8>> {
        loop {
            while self.index < self.came {
                let index = self.index;
                self.index += 1;
                // SAFETY: an entry that was taken.
                if let slot @ Some(_) = unsafe { self.magazine.lent_slot(index) } {
                    return slot;
                }
            }
            *self = Self::of(self.magazine.below()?);
        }
    }
}

/// Ends a scope whose user panicked.
#[cold]
#[inline(never)]
pub(super) fn end_by_panic<T>(
    pool: &Pool<T>,
    magazine: Magazine,
    record: Option<NonNull<Record>>,
    forgotten: usize,
) {
    if magazine == Magazine::none() {
        return;
    }
    let state = State {
        word: Word::EMPTY,
        magazine,
        record,
        below: 0,
        forgotten,
    };
    if let Some(panic) = state.finish(pool) {
        quietly(|| drop(panic));
    }
}
