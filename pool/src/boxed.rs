//! [`PoolBox`]: one owner, one pointer.

#![allow(unsafe_code)]

use crate::forward::forward_to_object;
use crate::full::Full;
use crate::pooled::Pooled;
use crate::vacant::{Vacant, take};
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::UnwindSafe;
use std::pin::Pin;
use std::ptr::NonNull;

/// The owner of an object in its type's pool. When it is dropped, on whatever thread, the object is
/// dropped and its slot is free again.
///
/// It is what `Box<T>` is, with the pool in the place of the heap: one pointer wide,
/// `Option<PoolBox<T>>` too; `Send` and `Sync` as `Box<T>` is; it implements the traits that `Box`
/// implements, `Fn` and its kin and the coercion to `dyn Trait` excepted. Allocating and freeing are
/// O(1), a few nanoseconds, and take no lock; at most one operation in every
/// [`magazine`](crate::PoolConfig::magazine) visits the shared depot, and the pool's first use
/// reserves its memory.
///
/// ```
/// use pool::{PoolBox, Pooled};
///
/// #[derive(Debug, Pooled)]
/// #[pool(capacity = 1024)]
/// struct Message {
///     body: Vec<u8>,
/// }
///
/// let message = PoolBox::new(Message { body: b"35=D".to_vec() });
/// let length = std::thread::spawn(move || message.body.len()).join().unwrap();
/// assert_eq!((length, Message::pool().len()), (4, 0));
/// ```
///
/// `PoolBox` has associated functions and no methods, so that it hides none of the object's. What
/// `*boxed` does for a `Box`, moving the object out, is [`PoolBox::into_inner`].
///
/// A type's pool is one for the whole process: tests that count its objects get in each other's way
/// if they run in parallel; give such tests a [`Pool`](crate::Pool) value. A long list of boxes that
/// own each other is dropped recursively, as one of `Box`es is; take it apart in a loop.
pub struct PoolBox<T: Pooled> {
    /// A slot of `T`'s pool that holds a valid `T` and that this handle alone owns.
    slot: NonNull<T>,
    /// Invariant: a subtype has a pool of its own, where its slots go back to.
    owns: crate::slot::Owns<T>,
}

// SAFETY: it owns a `T` as `Box` does; the pool takes slots back from any thread.
unsafe impl<T: Pooled + Send> Send for PoolBox<T> {}
// SAFETY: shared, it gives out `&T` and nothing else.
unsafe impl<T: Pooled + Sync> Sync for PoolBox<T> {}
impl<T: Pooled> Unpin for PoolBox<T> {}
impl<T: Pooled + UnwindSafe> UnwindSafe for PoolBox<T> {}

impl<T: Pooled> PoolBox<T> {
    /// # Safety
    ///
    /// `slot` is of `T`'s pool, holds a valid `T`, and is owned by nobody else.
    #[inline(always)]
    pub(crate) unsafe fn from_slot(slot: NonNull<T>) -> Self {
        let owns = PhantomData;
        Self { slot, owns }
    }

    /// Writes the value, and makes its owner.
    #[inline(always)]
    pub(crate) fn fill(vacant: Vacant<T>, value: T) -> Self {
        let slot = vacant.keep();
        // SAFETY: the slot is ours, sized and aligned for a `T`, and holds none.
        unsafe { slot.write(value) };
        // SAFETY: now it holds one, and nobody else has it.
        unsafe { Self::from_slot(slot) }
    }

    /// Takes the handle apart without dropping the object.
    #[inline(always)]
    pub(crate) fn into_slot(this: Self) -> NonNull<T> {
        ManuallyDrop::new(this).slot
    }

    /// Moves `value` into the pool.
    ///
    /// # Panics
    ///
    /// Panics if the pool is full, or cannot be made. See [`PoolBox::try_new`].
    #[inline]
    #[track_caller]
    #[must_use]
    pub fn new(value: T) -> Self {
        match take::<T>() {
            Ok(vacant) => Self::fill(vacant, value),
            Err(refusal) => {
                drop(value);
                refusal.panic()
            }
        }
    }

    /// Moves `value` into the pool, if there is room.
    ///
    /// # Errors
    ///
    /// [`Full`] gives the value back, and says which type and which capacity.
    #[inline]
    pub fn try_new(value: T) -> Result<Self, Full<T>> {
        match take::<T>() {
            Ok(vacant) => Ok(Self::fill(vacant, value)),
            Err(refusal) => Err(refusal.with(value)),
        }
    }

    /// Calls `f` to build the object in its place in the pool.
    ///
    /// In optimised builds, where `f` is inlined, a struct expression's fields are written to the
    /// slot directly, and arrays that are filled with one byte (zeros, most often) are filled
    /// there: nothing large goes through the stack. It is an optimisation of the compiler's: what
    /// `f` fills in a loop, or gets from a function that is not inlined, it still copies. Where
    /// that matters, [`PoolBox::new_uninit`] leaves no choice.
    ///
    /// The slot is taken before `f` runs, and goes back if it panics.
    ///
    /// # Panics
    ///
    /// Panics if the pool is full, or cannot be made; `f` is not called then.
    #[inline]
    #[track_caller]
    #[must_use]
    pub fn new_with<F: FnOnce() -> T>(f: F) -> Self {
        match take::<T>() {
            Ok(vacant) => Self::fill_with(vacant, f),
            Err(refusal) => {
                drop(f);
                refusal.panic()
            }
        }
    }

    /// Calls `f` to build the object in its place in the pool, if there is room.
    ///
    /// # Errors
    ///
    /// [`Full`] gives `f` back, not called.
    #[inline]
    pub fn try_new_with<F: FnOnce() -> T>(f: F) -> Result<Self, Full<F>> {
        match take::<T>() {
            Ok(vacant) => Ok(Self::fill_with(vacant, f)),
            Err(refusal) => Err(refusal.with(f)),
        }
    }

    #[inline(always)]
    pub(crate) fn fill_with<F: FnOnce() -> T>(vacant: Vacant<T>, f: F) -> Self {
        // Apart from the guard against a panic in `f`, nothing stands between its result and the
        // slot, so that the compiler can let the one be the other.
        // SAFETY: the slot is ours, sized and aligned for a `T`, and holds none.
        unsafe { vacant.slot().write(f()) };
        let slot = vacant.keep();
        // SAFETY: now it holds one, and nobody else has it.
        unsafe { Self::from_slot(slot) }
    }

    /// Takes a slot and leaves it uninitialised, to be filled piece by piece; a value that is there
    /// already goes in without unsafe code, by `PoolBox::write`.
    ///
    /// ```
    /// # use pool::{PoolBox, Pooled};
    /// #[derive(Pooled)]
    /// struct Frame([u32; 1024]);
    ///
    /// let mut frame = PoolBox::<Frame>::new_uninit();
    /// let words = frame.as_mut_ptr().cast::<u32>();
    /// for n in 0..1024 {
    ///     // SAFETY: a word of the frame, which is ours.
    ///     unsafe { words.add(n).write(n as u32) };
    /// }
    /// // SAFETY: every word was written just above.
    /// let frame = unsafe { frame.assume_init() };
    /// assert_eq!(frame.0[1023], 1023);
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the pool is full, or cannot be made.
    #[inline]
    #[track_caller]
    #[must_use]
    pub fn new_uninit() -> PoolBox<MaybeUninit<T>> {
        match take::<T>() {
            // SAFETY: as in `try_new_uninit`.
            Ok(vacant) => unsafe { PoolBox::from_slot(vacant.keep().cast()) },
            Err(refusal) => refusal.panic(),
        }
    }

    /// Takes a slot and leaves it uninitialised, if there is room.
    ///
    /// # Errors
    ///
    /// [`Full`], with nothing in it.
    #[inline]
    pub fn try_new_uninit() -> Result<PoolBox<MaybeUninit<T>>, Full<()>> {
        match take::<T>() {
            // SAFETY: the slot is ours; a `MaybeUninit` need not be initialised, and its pool is
            // that of `T`.
            Ok(vacant) => Ok(unsafe { PoolBox::from_slot(vacant.keep().cast()) }),
            Err(refusal) => Err(refusal.with(())),
        }
    }

    /// Moves the object out, and gives its slot back.
    #[inline]
    pub fn into_inner(this: Self) -> T {
        // SAFETY: the slot is this handle's, and vacant once the object is moved out.
        let vacant = unsafe { Vacant::new(Self::into_slot(this)) };
        // SAFETY: the slot holds a `T`, which from here on is only in the result.
        unsafe { vacant.slot().read() }
    }

    /// Gives up ownership: the object lives until [`PoolBox::from_raw`] takes it back.
    ///
    /// ```
    /// # use pool::{PoolBox, Pooled};
    /// #[derive(Pooled)]
    /// struct Order(u64);
    ///
    /// let raw: *mut Order = PoolBox::into_raw(PoolBox::new(Order(1)));
    /// // SAFETY: it came from `into_raw`, and is taken back once.
    /// let order = unsafe { PoolBox::from_raw(raw) };
    /// assert_eq!(order.0, 1);
    /// ```
    #[inline]
    #[must_use = "the object is leaked if the pointer is lost"]
    pub fn into_raw(this: Self) -> *mut T {
        Self::into_slot(this).as_ptr()
    }

    /// Takes back an object that [`PoolBox::into_raw`] gave up.
    ///
    /// # Safety
    ///
    /// `raw` came from `into_raw` of a `PoolBox<T>`, or is the address of an object that
    /// [`PoolBox::leak`] leaked, and is taken back once. Nothing else uses the object from here on.
    #[inline]
    pub unsafe fn from_raw(raw: *mut T) -> Self {
        // SAFETY: it came from `into_raw`, so it is the address of a slot.
        let mut slot = unsafe { NonNull::new_unchecked(raw) };
        if const { T::__KIND.has_header() } {
            // A pointer from `leak` is good for the object, and not for the header behind it.
            slot = T::pool().whole(slot);
        }
        // SAFETY: by contract the slot holds a `T` that nobody else owns.
        unsafe { Self::from_slot(slot) }
    }

    /// Gives up ownership for a reference that is good for ever. The slot stays in use.
    #[inline]
    #[must_use = "the object is leaked if the reference is lost"]
    pub fn leak(this: Self) -> &'static mut T {
        let mut slot = Self::into_slot(this);
        // SAFETY: the slot holds a `T` that was owned by `this` alone and is never freed now; a
        // type pool's region is never unmapped.
        unsafe { slot.as_mut() }
    }

    /// Pins the object: it does not move until it is dropped.
    #[inline]
    pub fn into_pin(this: Self) -> Pin<Self> {
        // SAFETY: a `PoolBox` owns its object and never moves it: moving the handle does not, and
        // nothing takes the object out of a pinned handle.
        unsafe { Pin::new_unchecked(this) }
    }

    /// Moves `value` into the pool and pins it.
    ///
    /// # Panics
    ///
    /// Panics if the pool is full, or cannot be made.
    #[inline]
    #[track_caller]
    #[must_use]
    pub fn pin(value: T) -> Pin<Self> {
        Self::into_pin(Self::new(value))
    }

    /// The object's address, which does not change as long as it lives. Reading through it is good
    /// as long as no `&mut` to the object is used meanwhile.
    #[inline]
    #[must_use]
    pub fn as_ptr(this: &Self) -> *const T {
        this.slot.as_ptr()
    }

    /// The object's address, for writing.
    #[inline]
    #[must_use]
    pub fn as_mut_ptr(this: &mut Self) -> *mut T {
        this.slot.as_ptr()
    }
}

impl<T: Pooled> PoolBox<MaybeUninit<T>> {
    /// Says that the object was initialised.
    ///
    /// # Safety
    ///
    /// It was, as for [`MaybeUninit::assume_init`].
    #[inline]
    #[must_use]
    pub unsafe fn assume_init(self) -> PoolBox<T> {
        let slot = Self::into_slot(self).cast();
        // SAFETY: the slot is of `T`'s pool, and by contract holds a `T`.
        unsafe { PoolBox::from_slot(slot) }
    }

    /// Writes the object and makes it an initialised one.
    #[inline]
    #[must_use]
    pub fn write(mut this: Self, value: T) -> PoolBox<T> {
        (*this).write(value);
        // SAFETY: written just now.
        unsafe { this.assume_init() }
    }
}

forward_to_object!(PoolBox<T>, T: Pooled);

impl<T: Pooled> Drop for PoolBox<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this handle owns the object and ends here.
        unsafe { T::__end(self.slot) };
    }
}

/// # Panics
///
/// Panics if the pool is full, or cannot be made.
impl<T: Pooled + Default> Default for PoolBox<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new_with(T::default)
    }
}

/// # Panics
///
/// Panics if the pool is full, or cannot be made.
impl<T: Pooled> From<T> for PoolBox<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Pooled> From<PoolBox<T>> for Pin<PoolBox<T>> {
    fn from(boxed: PoolBox<T>) -> Self {
        PoolBox::into_pin(boxed)
    }
}

/// # Panics
///
/// Panics if the pool is full, or cannot be made.
impl<T: Pooled + Clone> Clone for PoolBox<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        Self::new_with(|| (**self).clone())
    }

    /// Clones into the object that is there; needs no slot.
    fn clone_from(&mut self, source: &Self) {
        (**self).clone_from(source);
    }
}
