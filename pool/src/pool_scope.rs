//! [`PoolScope`]: many objects of a pool that end together.
//!
//! A scope is lent its thread's previous magazine, and then others from the depot, whole
//! ([`cache`](crate::cache)). To allocate is to take the next entry of a magazine, and to leave it where
//! it is: at the end each magazine's length is set back, and that frees all of its slots at once.
//!
//! Where there is more to a free than that (see [`Kind`](crate::kind::Kind)), where free slots hold
//! objects, and where the previous magazine is not to be had (it is lent already, or the thread has no
//! cache), a scope takes slots one by one, as a [`ScopedBox`](crate::ScopedBox) does, and notes them in
//! magazines that are lists.

#![allow(unsafe_code)]

mod state;

use crate::cache::Record;
use crate::full::{Full, Refusal};
use crate::magazine::{Magazine, Word};
use crate::pool::Pool;
use state::{State, end_by_panic};
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;

impl<T> Pool<T> {
    /// Runs `f` with a scope: objects of this pool that are dropped, the newest first, when `f` is over,
    /// also by a panic.
    ///
    /// ```
    /// use pool::{Full, Pooled};
    ///
    /// #[derive(Pooled)]
    /// #[pool(capacity = 1024)]
    /// struct Order { price: i64, qty: u32 }
    ///
    /// let total = Order::pool().scope(|s| {
    ///     let bid: &mut Order = s.alloc(Order { price: 100_00, qty: 5 })?;
    ///     let ask = s.alloc(Order { price: 101_00, qty: 7 })?;
    ///     bid.qty += ask.qty;
    ///     Ok::<_, Full<Order>>(bid.qty)
    /// })?;
    /// assert_eq!((total, Order::pool().len()), (12, 0));
    /// # Ok::<(), Full<Order>>(())
    /// ```
    ///
    /// A scope allocates as fast as a thread-local, a test and a store are, and frees all at once: nothing
    /// is done for each object, but its destructor, if it has one. A thousand objects cost about half of
    /// what a thousand [`PoolBox`](crate::PoolBox)es do.
    ///
    /// That is so for one scope of a pool at a time on a thread. What is allocated in a scope within it, in
    /// a pool with [`scrub`](crate::PoolConfig::scrub), of a type that is
    /// [recycled](crate::Recycle) (whose objects a scope drops for good), under
    /// [`NumaPolicy::LocalOnly`](crate::NumaPolicy::LocalOnly), or with an
    /// [`on_full`](crate::PoolConfig::on_full) other than an error, costs as much as a box.
    ///
    /// # Panics
    ///
    /// Panics if `f` does, or the destructor of an object; the others are dropped all the same, and the
    /// first panic goes on.
    #[inline]
    pub fn scope<R>(&self, f: impl for<'s> FnOnce(&'s PoolScope<'_, T>) -> R) -> R {
        let scope = PoolScope::new(self);
        let result = f(&scope);
        // Not its drop, which is for a panic in `f`.
        let state = scope.state();
        mem::forget(scope);
        if state.magazine != Magazine::none() {
            state.end(self);
        }
        result
    }
}

/// Objects of one pool that end together: what [`Pool::scope`] gives.
///
/// Neither `Send` nor `Sync`: a scope is one thread's. The references that it gives are good until it ends,
/// and `T` is fixed before it begins: so no object refers to another one of the same scope, and they may
/// have destructors.
///
/// The objects count as [live](crate::Stats::live), and the pool is never full as long as fewer than its
/// capacity are. Boxes that are made beside an open scope cannot have the free slots of its magazine, and get
/// others: so up to a magazine more than the capacity may be live
/// ([`PoolConfig::capacity`](crate::PoolConfig::capacity)).
pub struct PoolScope<'env, T> {
    pool: &'env Pool<T>,
    /// That of the magazine, if slots may be taken out of it; otherwise that of one without slots.
    word: Cell<Word>,
    /// The one without room, before a slot was asked for.
    magazine: Cell<Magazine>,
    record: Cell<Option<NonNull<Record>>>,
    below: Cell<usize>,
    forgotten: Cell<usize>,
    /// Values go in, for good: a scope of a subtype is another one. And it is its thread's.
    values: PhantomData<*mut T>,
}

// No code of the user's runs while a scope is between two states.
impl<T> UnwindSafe for PoolScope<'_, T> {}
impl<T> RefUnwindSafe for PoolScope<'_, T> {}

impl<'env, T> PoolScope<'env, T> {
    #[inline(always)]
    fn new(pool: &'env Pool<T>) -> Self {
        Self {
            pool,
            word: Cell::new(Word::EMPTY),
            magazine: Cell::new(Magazine::none()),
            record: Cell::new(None),
            below: Cell::new(0),
            forgotten: Cell::new(0),
            values: PhantomData,
        }
    }

    #[inline(always)]
    fn state(&self) -> State {
        State {
            word: self.word.get(),
            magazine: self.magazine.get(),
            record: self.record.get(),
            below: self.below.get(),
            forgotten: self.forgotten.get(),
        }
    }

    #[inline(always)]
    fn set(&self, state: State) {
        self.word.set(state.word);
        self.magazine.set(state.magazine);
        self.record.set(state.record);
        self.below.set(state.below);
    }

    /// A slot with nothing in it, which from here on is an object to be dropped: the caller writes one.
    #[inline(always)]
    fn take(&self) -> Result<NonNull<T>, Refusal> {
        // SAFETY: if the word has slots it is that of the magazine, which is lent to this scope.
        match unsafe { self.magazine.get().lend_slot(self.word.get()) } {
            Some((slot, word)) => {
                self.word.set(word);
                Ok(slot.cast())
            }
            None => {
                let mut state = self.state();
                let taken = state.take_slow(self.pool);
                self.set(state);
                taken
            }
        }
    }

    /// Moves `value` into the pool, until the scope ends. O(1): a test, a load and a store, and at most once
    /// in every [`magazine`](crate::PoolConfig::magazine) a visit to the depot.
    ///
    /// # Errors
    ///
    /// [`Full`] gives the value back: the pool is full, or cannot be made.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "another slot at each call")]
    pub fn alloc(&self, value: T) -> Result<&mut T, Full<T>> {
        match self.take() {
            Ok(mut slot) => {
                // SAFETY: the slot is this scope's and vacant, sized and aligned for a `T`.
                unsafe { slot.write(value) };
                // SAFETY: it holds an object to which nobody else has a reference; the scope, which is
                // borrowed for as long as the result, uses it at its end.
                Ok(unsafe { slot.as_mut() })
            }
            Err(refusal) => Err(refusal.with(value)),
        }
    }

    /// Calls `f` to build the object in its place in the pool; see
    /// [`PoolBox::new_with`](crate::PoolBox::new_with). O(1), but for `f`.
    ///
    /// ```
    /// # use pool::{Full, Pool, PoolConfig};
    /// let pages = Pool::<[u8; 4096]>::with_config(PoolConfig::new().capacity(8))?;
    /// let sum = pages.scope(|s| s.alloc_with(|| [1; 4096]).map(|page| page.len()));
    /// assert_eq!(sum.ok(), Some(4096));
    /// # Ok::<(), pool::InitError>(())
    /// ```
    ///
    /// The slot is taken before `f` runs, and goes back if it panics.
    ///
    /// # Errors
    ///
    /// [`Full`] gives `f` back, not called.
    ///
    /// # Panics
    ///
    /// Panics if `f` does.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "another slot at each call")]
    pub fn alloc_with<F: FnOnce() -> T>(&self, f: F) -> Result<&mut T, Full<F>> {
        match self.take() {
            Ok(mut slot) => {
                let unfilled = Unfilled {
                    scope: self,
                    slot,
                    magazine: self.magazine.get(),
                    index: self.magazine.get().len() as usize,
                };
                // SAFETY: the slot is this scope's and vacant, sized and aligned for a `T`.
                unsafe { slot.write(f()) };
                mem::forget(unfilled);
                // SAFETY: as in `alloc`.
                Ok(unsafe { slot.as_mut() })
            }
            Err(refusal) => Err(refusal.with(f)),
        }
    }

    /// The number of objects that the scope has, with the one that is being built. O(1).
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.below.get() + self.magazine.get().taken() - self.forgotten.get()
    }

    /// Whether the scope has no object.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Drop for PoolScope<'_, T> {
    /// What used the scope panicked.
    #[inline(always)]
    fn drop(&mut self) {
        // Not more than a call: so the compiler has it where the panic is, and needs no address.
        let (record, forgotten) = (self.record.get(), self.forgotten.get());
        end_by_panic(self.pool, self.magazine.get(), record, forgotten);
    }
}

impl<T> fmt::Debug for PoolScope<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolScope")
            .field("type", &std::any::type_name::<T>())
            .field("len", &self.len())
            .finish()
    }
}

/// An entry whose object is being built. Dropped, it has none, and the slot goes back to the pool.
struct Unfilled<'a, 'env, T> {
    scope: &'a PoolScope<'env, T>,
    slot: NonNull<T>,
    magazine: Magazine,
    index: usize,
}

impl<T> Drop for Unfilled<'_, '_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.scope.forgotten.set(self.scope.forgotten.get() + 1);
        // SAFETY: of the entry that the scope took for this slot, in a magazine that it has.
        unsafe { self.magazine.forget_slot(self.index) };
        // SAFETY: taken from that pool, and now of no scope.
        unsafe { put(self.scope.pool, self.slot) };
    }
}

/// Puts a slot back.
///
/// # Safety
///
/// As for [`Pool::put_slot`].
#[cold]
#[inline(never)]
unsafe fn put<T>(pool: &Pool<T>, slot: NonNull<T>) {
    // SAFETY: by contract.
    unsafe { pool.put_slot(slot) };
}
