//! Handles that do not say which type's pool their object is in: [`ErasedBox`] and [`ErasedArc`].
//!
//! Such a handle is seen as something that may have no size, a `dyn Trait` or a slice, and keeps what
//! its type does not tell: the slot, and the object's [`Origin`], by which it ends.
//!
//! There are two ways to one, and what makes each sound is not the same.
//!
//! - [`erase!`](crate::erase) has the compiler coerce the whole object, as it coerces a `Box<T>` to a
//!   `Box<dyn Trait>`. What the new type says of threads and of pinning is then true of the object:
//!   `dyn Trait + Send` is coerced to from what is `Send`. That nothing else comes out of the macro's
//!   closure than what went in, coerced, is seen to by [`Whole`], which nobody can make.
//! - `map` takes a part, and the part's type says nothing of the rest: a `[u8]` is `Send`, and the
//!   object that it is in, which is dropped with the handle, may hold an `Rc`; and it may have a
//!   destructor that moves the part. So `map` asks for an object that is `Send`, of an owner among
//!   others `Sync` too, and for a part that is `Unpin` if it can be pinned later.
//!
//! Hence what the rest rests on, for a handle that is seen as a `U`: *if `U` is `Send`, so is the
//! object; if `U` is both `Send` and `Sync`, and the handle shares the object, so is the object*; and
//! *what is pinned through the handle stays where it is until it is dropped, or does not mind*.

#![allow(unsafe_code)]

mod shared;
mod unique;

pub use {shared::ErasedArc, unique::ErasedBox};

use std::any::TypeId;
use std::cell::UnsafeCell;
use std::ops::Deref;
use std::pin::Pin;
use std::ptr::NonNull;

/// Sees an object as something that its type coerces to, which is checked by the compiler: a trait
/// that it implements, a slice if it is an array. The handle becomes an [`ErasedBox`] or an
/// [`ErasedArc`].
///
/// ```
/// use pool::{ErasedBox, PoolBox, Pooled, erase};
///
/// trait Shape {
///     fn area(&self) -> f64;
/// }
///
/// #[derive(Pooled)]
/// struct Square(f64);
///
/// #[derive(Pooled)]
/// struct Circle(f64);
///
/// impl Shape for Square {
///     fn area(&self) -> f64 {
///         self.0 * self.0
///     }
/// }
///
/// impl Shape for Circle {
///     fn area(&self) -> f64 {
///         3.0 * self.0 * self.0
///     }
/// }
///
/// let shapes: Vec<ErasedBox<dyn Shape + Send>> = vec![
///     erase!(PoolBox::new(Square(2.0)), dyn Shape + Send),
///     erase!(PoolBox::new(Circle(1.0)), dyn Shape + Send),
/// ];
/// assert_eq!(shapes.iter().map(|shape| shape.area()).sum::<f64>(), 7.0);
/// ```
///
/// (A `PoolBox` is not coerced by itself, as a `Box` is: "mismatched types" means that this macro is missing.
/// What an `async fn` returns has no name to derive on: write the future as a type of your own, or put its
/// `Pin<Box<dyn Future>>` into one.)
///
/// It takes a [`PoolBox`](crate::PoolBox), a [`PoolArc`](crate::PoolArc), one of the two that is erased
/// already, or a pinned one of any of these, which stays pinned. For a part of the object see
/// [`PoolBox::map`](crate::PoolBox::map) and [`PoolArc::map`](crate::PoolArc::map).
#[macro_export]
macro_rules! erase {
    ($handle:expr, $object:ty $(,)?) => {
        $crate::__private::erase::<_, $object>($handle, |whole| whole)
    };
}

/// An object of which nobody can take a part: all that safe code can do with a `&Whole<T>` is to pass it
/// on, or to have it coerced to a `&Whole<U>`. It is behind a `&` in both cases, so that nobody can
/// exchange two of them either; to be written it is in a cell.
#[repr(transparent)]
pub struct Whole<C: ?Sized>(C);

impl<U: ?Sized> Whole<U> {
    /// # Safety
    ///
    /// `object` points to a valid one, which for `'a` stays where it is and to which nobody has a `&mut`.
    unsafe fn shared<'a>(object: NonNull<U>) -> &'a Self {
        let whole = object.as_ptr() as *const Self;
        // SAFETY: by contract it may be shared; a `Whole` is transparent.
        unsafe { &*whole }
    }

    /// The object, to be read.
    fn to_read(&self) -> NonNull<U> {
        NonNull::from(&self.0)
    }
}

impl<U: ?Sized> Whole<UnsafeCell<U>> {
    /// # Safety
    ///
    /// `object` points to a valid one, which for `'a` is the caller's alone and stays where it is.
    pub(crate) unsafe fn unique<'a>(object: NonNull<U>) -> &'a Self {
        let whole = object.as_ptr() as *const Self;
        // SAFETY: by contract it may be read and written; both are transparent.
        unsafe { &*whole }
    }

    /// The object, to be read and written.
    pub(crate) fn to_write(&self) -> NonNull<U> {
        // SAFETY: it is inside of what a reference points to.
        unsafe { NonNull::new_unchecked(self.0.get()) }
    }
}

/// A handle that can be seen as something that its object's type coerces to.
///
/// # Safety
///
/// `Erased<U>` owns what `self` owned, in the same place, and is as good a pointer for `Pin`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be erased",
    label = "not a handle that can be erased",
    note = "a `PoolBox`, `PoolArc`, `ErasedBox` or `ErasedArc` can, pinned or not; it is moved: \
            `erase!(boxed, dyn Trait)`"
)]
pub unsafe trait Erase: Deref<Target = Self::Object> {
    /// What it owns.
    type Object: ?Sized;
    /// How a `U` is shown while it is coerced: in a cell, if the handle is to write it.
    type Shown<U: ?Sized>: ?Sized;
    /// The handle of something else.
    type Erased<U: ?Sized>: Deref<Target = U>;

    /// If `coerce` panics, the handle is dropped.
    fn erase<U: ?Sized>(
        self,
        coerce: impl for<'a> FnOnce(&'a Whole<Self::Shown<Self::Object>>) -> &'a Whole<Self::Shown<U>>,
    ) -> Self::Erased<U>;
}

/// What [`erase!`](crate::erase) calls.
#[inline]
pub fn erase<H: Erase, U: ?Sized>(
    handle: H,
    coerce: impl for<'a> FnOnce(&'a Whole<H::Shown<H::Object>>) -> &'a Whole<H::Shown<U>>,
) -> H::Erased<U> {
    handle.erase(coerce)
}

// SAFETY: what is pinned is moved neither by going to another handle of the same object, nor by that
// one, which is as good a pointer.
unsafe impl<H: Erase> Erase for Pin<H> {
    type Object = H::Object;
    type Shown<U: ?Sized> = H::Shown<U>;
    type Erased<U: ?Sized> = Pin<H::Erased<U>>;

    #[inline]
    fn erase<U: ?Sized>(
        self,
        coerce: impl for<'a> FnOnce(&'a Whole<H::Shown<H::Object>>) -> &'a Whole<H::Shown<U>>,
    ) -> Pin<H::Erased<U>> {
        // SAFETY: the object stays where it is: the handle is erased, or dropped if that panics.
        let handle = unsafe { Pin::into_inner_unchecked(self) };
        let erased = handle.erase(coerce);
        // SAFETY: the same object, which was pinned.
        unsafe { Pin::new_unchecked(erased) }
    }
}

/// Which type's pool a handle's object is in, and how it ends there. One a type and kind of handle.
#[derive(Debug)]
struct Origin {
    object: TypeId,
    /// Ends what the handle owned. To be called once, with what the handle has of its slot, and on a
    /// thread on which the object may be dropped.
    end: unsafe fn(NonNull<u8>),
}

impl Origin {
    /// Whether the object is a `T`.
    #[inline]
    fn is<T: 'static>(&self) -> bool {
        self.object == TypeId::of::<T>()
    }
}
