//! [`ArenaBox`]: the owner of a value in an arena.

#![allow(unsafe_code)]

use crate::erased::{Erase, Whole};
use crate::forward::forward_to_object;
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;

/// The owner of a value in an [`Arena`](crate::Arena) or a [`Scope`](crate::Scope), from
/// [`Scope::alloc_box`](crate::Scope::alloc_box). The value is dropped with it; its memory is free when the
/// scope ends, also if this is forgotten.
///
/// One pointer wide, if `T` has a size; `Option<ArenaBox<T>>` too. `Send` and `Sync` as `Box<T>` is.
/// [`erase!`](crate::erase) makes an `ArenaBox<dyn Trait>` of it, or one of a slice:
///
/// ```
/// use pool::{Arena, ArenaBox, erase};
///
/// Arena::new().scope(|s| {
///     let mut steps: Vec<ArenaBox<'_, dyn FnMut() -> i32>> = Vec::new();
///     let mut count = 0;
///     steps.push(erase!(s.alloc_box(|| 7), dyn FnMut() -> i32));
///     steps.push(erase!(s.alloc_box(move || { count += 1; count }), dyn FnMut() -> i32));
///     assert_eq!(steps.iter_mut().map(|step| step()).sum::<i32>(), 8);
/// });
/// ```
///
/// It cannot be pinned: a box that is forgotten leaves its memory to others without dropping the value.
pub struct ArenaBox<'s, T: ?Sized> {
    /// A valid `T` in memory that stays for `'s`, and that this alone owns.
    value: NonNull<T>,
    owns: PhantomData<T>,
    arena: PhantomData<&'s ()>,
}

// SAFETY: it owns a `T` as `Box` does, and touches nothing else of the arena.
unsafe impl<T: ?Sized + Send> Send for ArenaBox<'_, T> {}
// SAFETY: shared, it gives out `&T` and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for ArenaBox<'_, T> {}
impl<T: ?Sized> Unpin for ArenaBox<'_, T> {}
impl<T: ?Sized + UnwindSafe> UnwindSafe for ArenaBox<'_, T> {}
impl<T: ?Sized + RefUnwindSafe> RefUnwindSafe for ArenaBox<'_, T> {}

impl<'s, T: ?Sized> ArenaBox<'s, T> {
    /// `value` is a valid one, which is the caller's alone and stays where it is for `'s`.
    #[inline(always)]
    pub(super) fn new(value: NonNull<T>) -> Self {
        let (owns, arena) = (PhantomData, PhantomData);
        Self { value, owns, arena }
    }

    /// Gives up ownership for a reference that is good as long as the scope. The value is never dropped.
    #[inline]
    #[must_use = "the value is leaked if the reference is lost"]
    pub fn leak(this: Self) -> &'s mut T
    where
        T: 's,
    {
        let mut this = ManuallyDrop::new(this);
        // SAFETY: valid, and was owned by `this` alone.
        unsafe { this.value.as_mut() }
    }

    /// The value's address, which does not change as long as it lives.
    #[inline]
    #[must_use]
    pub fn as_ptr(this: &Self) -> *const T {
        this.value.as_ptr()
    }
}

impl<T> ArenaBox<'_, T> {
    /// Moves the value out.
    #[inline]
    pub fn into_inner(this: Self) -> T {
        let this = ManuallyDrop::new(this);
        // SAFETY: valid, and from here on only in the result.
        unsafe { this.value.read() }
    }
}

impl<T: ?Sized> Drop for ArenaBox<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this handle owns the value and ends here.
        unsafe { self.value.drop_in_place() };
    }
}

forward_to_object!(in value: ArenaBox<'_, T>, T: ?Sized);

impl<'a, T, I: ?Sized> IntoIterator for &'a ArenaBox<'_, I>
where
    &'a I: IntoIterator<Item = T>,
{
    type Item = T;
    type IntoIter = <&'a I as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        (**self).into_iter()
    }
}

// SAFETY: the same value in the same place, which its new owner drops.
unsafe impl<'s, T: ?Sized> Erase for ArenaBox<'s, T> {
    type Object = T;
    type Shown<U: ?Sized> = UnsafeCell<U>;
    type Erased<U: ?Sized> = ArenaBox<'s, U>;

    #[inline]
    fn erase<U: ?Sized>(
        self,
        coerce: impl for<'a> FnOnce(&'a Whole<UnsafeCell<T>>) -> &'a Whole<UnsafeCell<U>>,
    ) -> ArenaBox<'s, U> {
        // SAFETY: this handle's alone, and valid.
        let whole = unsafe { Whole::unique(self.value) };
        let value = coerce(whole).to_write();
        let _ = ManuallyDrop::new(self);
        ArenaBox::new(value)
    }
}
