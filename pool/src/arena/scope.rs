//! Scopes: what is allocated in one is released at its end.

#![allow(unsafe_code)]

use super::boxed::ArenaBox;
use super::bump::{Free, Held, Open, Place};
use super::chunk::{End, Piece};
use super::chunks::Chunks;
use super::face::{alloc_bytes, alloc_values};
use super::full::ArenaFull;
use super::no_drop::NoDrop;
use super::stats::ArenaStats;
use std::alloc::Layout;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;

/// Memory that is released when the scope ends: from [`Arena::scope`](crate::Arena::scope),
/// [`Scope::scope`], or a [`ScopeGuard`].
///
/// It is seen by reference, `&'s Scope<'env>`. What it allocates is good for `'s` and no longer, so that no
/// reference leaves the scope. `'env` is longer: values with destructors may borrow what is there for `'env`,
/// since their destructors are run when `'s` is over. Values without one may borrow from the scope itself, see
/// [`no_drop`](Scope::no_drop), and so may what an [`ArenaBox`] owns.
///
/// Neither `Send` nor `Sync`: a scope is one thread's.
pub struct Scope<'env> {
    free: Free,
    /// What it holds, beside it: there as long as this can be seen.
    held: Cell<NonNull<Held>>,
    chunks: &'env Chunks,
    /// What was allocated in the arena when it began.
    before: usize,
    /// Neither longer nor shorter: values of the scope borrow for no less, and it ends within.
    env: PhantomData<Cell<&'env ()>>,
}

// No code of the user's runs while an arena is between two states.
impl UnwindSafe for Scope<'_> {}
impl RefUnwindSafe for Scope<'_> {}

impl<'env> Scope<'env> {
    #[inline(always)]
    fn new(free: Free, held: &Held, chunks: &'env Chunks, before: usize) -> Self {
        Self {
            free,
            held: Cell::new(NonNull::from(held)),
            chunks,
            before,
            env: PhantomData,
        }
    }

    /// Begins a scope in a place, has it seen, and ends it.
    #[inline(always)]
    pub(super) fn run<R>(parent: Place<'env>, is_top: bool, f: impl FnOnce(&Self) -> R) -> R {
        let (open, start) = Open::begin(parent);
        let before = parent.chunks.allocated(start.room());
        let scope = Self::new(Free::on(start), &open.held, parent.chunks, before);
        // If this panics, or a destructor does, `open` is dropped.
        let result = f(&scope);
        open.end(start, &scope.free, parent.free, parent.chunks, is_top);
        mem::forget(open);
        result
    }

    #[inline(always)]
    pub(super) fn place(&self) -> Place<'_> {
        Place {
            free: &self.free,
            // SAFETY: beside this, in the same function or in the guard, which is borrowed.
            held: unsafe { self.held.get().as_ref() },
            chunks: self.chunks,
        }
    }

    #[inline(always)]
    #[expect(clippy::extra_unused_type_parameters, reason = "`NoDrop` looks at it")]
    fn place_of<T: 'env>(&self) -> Place<'_> {
        self.place()
    }

    /// The figures of this scope; of `chunks`, `reserved` and `slack` the arena's. Exact as long as the
    /// arena's other scopes are around this one, and not beside it. O(chunks).
    #[must_use]
    pub fn stats(&self) -> ArenaStats {
        self.place().stats(self.before)
    }

    alloc_values! {
        ['s] &'s Self, 's, ['env],
        "It is dropped when the scope ends."
    }

    alloc_bytes! { false }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("stats", &self.stats())
            .finish()
    }
}

/// A [`Scope`] that ends when this is dropped: from [`Arena::scope_guard`](crate::Arena::scope_guard) or
/// [`Scope::scope_guard`].
pub struct ScopeGuard<'env> {
    /// Its `held` is set when it is shown: this may be moved in between.
    scope: Scope<'env>,
    open: ManuallyDrop<Open<'env>>,
    start: Piece,
    /// Of what it was begun in.
    parent: &'env Free,
    /// Whether that is the arena itself.
    is_top: bool,
}

impl<'env> ScopeGuard<'env> {
    #[inline(always)]
    pub(super) fn begin(parent: Place<'env>, is_top: bool) -> Self {
        let (open, start) = Open::begin(parent);
        let before = parent.chunks.allocated(start.room());
        Self {
            scope: Scope::new(Free::on(start), &open.held, parent.chunks, before),
            open: ManuallyDrop::new(open),
            start,
            parent: parent.free,
            is_top,
        }
    }

    /// Drops the values first.
    #[cold]
    #[inline(never)]
    fn end_with_values(&mut self) {
        // SAFETY: not used again.
        let open = unsafe { ManuallyDrop::take(&mut self.open) };
        // If a destructor panics, `open` is dropped.
        let Scope { free, chunks, .. } = &self.scope;
        open.end(self.start, free, self.parent, chunks, self.is_top);
        mem::forget(open);
    }
}

impl<'env> Deref for ScopeGuard<'env> {
    type Target = Scope<'env>;

    #[inline(always)]
    fn deref(&self) -> &Scope<'env> {
        self.scope.held.set(NonNull::from(&self.open.held));
        &self.scope
    }
}

impl Drop for ScopeGuard<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.open.held.entries.is_empty() {
            let Scope { free, chunks, .. } = &self.scope;
            self.open
                .end(self.start, free, self.parent, chunks, self.is_top);
        } else {
            self.end_with_values();
        }
    }
}

impl fmt::Debug for ScopeGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
