//! [`ErasedBox`]: one owner, seen as something else.

#![allow(unsafe_code)]

use super::{Erase, Origin, Whole};
use crate::boxed::PoolBox;
use crate::forward::forward_to_object;
use crate::pooled::Pooled;
use std::any::TypeId;
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::UnwindSafe;
use std::pin::Pin;
use std::ptr::NonNull;

/// The owner of an object in some type's pool, seen as a `U`: a `dyn Trait`, a slice, any part of it.
/// When it is dropped, on whatever thread, the object is dropped and its slot is free again.
///
/// [`erase!`](crate::erase) makes one of a [`PoolBox`], or [`PoolBox::map`] does.
///
/// ```
/// use pool::{ErasedBox, PoolBox, Pooled};
///
/// #[derive(Pooled)]
/// #[pool(capacity = 1024)]
/// struct Packet {
///     length: usize,
///     bytes: [u8; 1500],
/// }
///
/// let packet = PoolBox::new(Packet { length: 3, bytes: [7; 1500] });
/// let payload: ErasedBox<[u8]> = PoolBox::map(packet, |packet| &mut packet.bytes[..packet.length]);
/// assert_eq!(*payload, [7, 7, 7]);
/// assert_eq!(Packet::pool().len(), 1);
/// drop(payload);
/// assert_eq!(Packet::pool().len(), 0);
/// ```
///
/// It costs four words if `U` has no size (what a `&mut U` is, the slot, and what is to be known of
/// the type), three otherwise. Access is what it is by a `Box<U>`. The drop is that of a `PoolBox`,
/// called by a pointer, as a `Box<dyn Trait>` calls the destructor. A `PoolBox` pays nothing for it.
///
/// `Send` and `Sync` exactly as `Box<U>` is: an `ErasedBox<dyn Shape>` is neither, an
/// `ErasedBox<dyn Shape + Send>` is `Send`. It implements the traits that [`PoolBox`] implements; one of
/// a `dyn Fn` is called by `(*erased)()`. Like `PoolBox` it has associated functions and no methods.
pub struct ErasedBox<U: ?Sized> {
    /// A valid `U`, which this handle has for itself: in the object, or wherever a `&mut U` led to that
    /// is good for as long as there is a `U`.
    part: NonNull<U>,
    /// A slot of the origin's type that holds a valid object, which this handle alone owns. Used once
    /// more when it ends, and not before: what is written through `part` is not seen coming from here.
    slot: NonNull<u8>,
    origin: &'static Origin,
    /// Invariant: the part is behind a `&mut` of the object, whose own type does not change. If a part
    /// that is a `&'static str` could be taken for any `&str`, the object would be dropped with that.
    sees: PhantomData<*mut U>,
}

// SAFETY: it gives out what a `&mut U` does, and drops the object, which may be on another thread if
// `U` is `Send` (see the module). The pool takes slots back from any thread.
unsafe impl<U: ?Sized + Send> Send for ErasedBox<U> {}
// SAFETY: shared, it gives out `&U` and nothing else.
unsafe impl<U: ?Sized + Sync> Sync for ErasedBox<U> {}
impl<U: ?Sized> Unpin for ErasedBox<U> {}
impl<U: ?Sized + UnwindSafe> UnwindSafe for ErasedBox<U> {}

impl<T: Pooled> PoolBox<T> {
    /// Sees the object as a part of it, which `f` finds. If `f` panics, the object is dropped.
    ///
    /// The object has to be `Send`, since the part's type cannot say whether it is; and the part
    /// `Unpin`, as all are that do not ask to be pinned (a `dyn Trait + Unpin`, not a `dyn Trait`), since
    /// the object's destructor may move it. [`erase!`](crate::erase) asks for neither, and sees the
    /// whole object. To see a part as a `dyn Trait`, do one and then the other:
    ///
    /// ```
    /// use pool::{ErasedBox, PoolBox, Pooled, erase};
    /// use std::fmt::Display;
    ///
    /// #[derive(Pooled)]
    /// struct Order {
    ///     id: u64,
    /// }
    ///
    /// let id: ErasedBox<u64> = PoolBox::map(PoolBox::new(Order { id: 7 }), |order| &mut order.id);
    /// let text: ErasedBox<dyn Display + Send> = erase!(id, dyn Display + Send);
    /// assert_eq!(text.to_string(), "7");
    /// ```
    #[inline]
    pub fn map<U, F>(this: Self, f: F) -> ErasedBox<U>
    where
        T: Send,
        U: ?Sized + Unpin,
        F: for<'a> FnOnce(&'a mut T) -> &'a mut U,
    {
        ErasedBox::map(ErasedBox::from(this), f)
    }
}

impl<U: ?Sized> ErasedBox<U> {
    /// The same object, seen as something else.
    ///
    /// # Safety
    ///
    /// `part` came from this handle's, by a `&mut` or as good as one, and what the module says is
    /// true of handles holds for `V`.
    #[inline]
    unsafe fn seen_as<V: ?Sized>(self, part: NonNull<V>) -> ErasedBox<V> {
        let this = ManuallyDrop::new(self);
        ErasedBox {
            part,
            slot: this.slot,
            origin: this.origin,
            sees: PhantomData,
        }
    }

    /// Sees the object as a part of what it is seen as now. If `f` panics, the object is dropped.
    ///
    /// As for [`PoolBox::map`], what it is seen as has to be `Send`, and the part `Unpin`.
    #[inline]
    pub fn map<V, F>(mut this: Self, f: F) -> ErasedBox<V>
    where
        U: Send,
        V: ?Sized + Unpin,
        F: for<'a> FnOnce(&'a mut U) -> &'a mut V,
    {
        let part = NonNull::from(f(&mut *this));
        // SAFETY: `f` says that who has the whole for as long as he likes may have this as long. By
        // `U` being `Send` the object may be dropped anywhere; a `V` does not mind being moved.
        unsafe { this.seen_as(part) }
    }

    /// The object as what it was made as, whatever it is seen as now, if that is a `T`. O(1).
    ///
    /// ```
    /// use pool::{ErasedBox, PoolBox, Pooled};
    ///
    /// #[derive(Pooled)]
    /// struct Buffer([u8; 64]);
    ///
    /// let bytes: ErasedBox<[u8]> = PoolBox::map(PoolBox::new(Buffer([1; 64])), |buffer| &mut buffer.0[..]);
    /// let buffer: PoolBox<Buffer> = ErasedBox::downcast(bytes).unwrap();
    /// assert_eq!(buffer.0, [1; 64]);
    /// ```
    ///
    /// # Errors
    ///
    /// Gives the handle back if it is not.
    #[inline]
    pub fn downcast<T: Pooled>(this: Self) -> Result<PoolBox<T>, Self> {
        if !this.origin.is::<T>() {
            return Err(this);
        }
        let slot = ManuallyDrop::new(this).slot.cast();
        // SAFETY: by its origin the slot is of `T`'s pool and holds a `T`. It was this handle's alone,
        // and its part is not used again.
        Ok(unsafe { PoolBox::from_slot(slot) })
    }

    /// Whether [`ErasedBox::downcast`] to a `T` succeeds.
    #[inline]
    #[must_use]
    pub fn is<T: Pooled>(this: &Self) -> bool {
        this.origin.is::<T>()
    }

    /// Gives up ownership for a reference that is good for ever. The slot stays in use, and the object
    /// is not dropped.
    #[inline]
    #[must_use = "the object is leaked if the reference is lost"]
    pub fn leak<'a>(this: Self) -> &'a mut U
    where
        U: 'a,
    {
        let mut this = ManuallyDrop::new(this);
        // SAFETY: the part was this handle's alone. It is good as long as its object, which is never
        // freed now, in a region that is never unmapped; or as long as there is a `U`.
        unsafe { this.part.as_mut() }
    }

    /// Pins what the handle sees: it does not move until it is dropped.
    #[inline]
    pub fn into_pin(this: Self) -> Pin<Self> {
        // SAFETY: the handle never moves its object, and nothing takes it out of a pinned one. `U` is
        // all of the object, or a part that does not mind.
        unsafe { Pin::new_unchecked(this) }
    }

    /// The address of what the handle sees. Reading through it is good as long as no `&mut` to it is
    /// used meanwhile.
    #[inline]
    #[must_use]
    pub fn as_ptr(this: &Self) -> *const U {
        this.part.as_ptr()
    }

    /// The address of what the handle sees, for writing.
    #[inline]
    #[must_use]
    pub fn as_mut_ptr(this: &mut Self) -> *mut U {
        this.part.as_ptr()
    }
}

forward_to_object!(in part: ErasedBox<T>, T: ?Sized);

impl<U: ?Sized> Drop for ErasedBox<U> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this handle owns the object and ends here; if it was sent to this thread, the object
        // may be dropped on it.
        unsafe { (self.origin.end)(self.slot) };
    }
}

impl<T: Pooled> From<PoolBox<T>> for ErasedBox<T> {
    #[inline]
    fn from(boxed: PoolBox<T>) -> Self {
        /// # Safety
        ///
        /// The slot is of the pool of `T`, holds a valid one, and is the caller's, who does not use it
        /// again.
        unsafe fn end<T: Pooled>(slot: NonNull<u8>) {
            // SAFETY: by contract.
            unsafe { T::__end(slot.cast()) };
        }

        let slot = PoolBox::into_slot(boxed);
        Self {
            part: slot,
            slot: slot.cast(),
            origin: const {
                &Origin {
                    object: TypeId::of::<T>(),
                    end: end::<T>,
                }
            },
            sees: PhantomData,
        }
    }
}

impl<U: ?Sized> From<ErasedBox<U>> for Pin<ErasedBox<U>> {
    fn from(erased: ErasedBox<U>) -> Self {
        ErasedBox::into_pin(erased)
    }
}

// SAFETY: as below.
unsafe impl<T: Pooled> Erase for PoolBox<T> {
    type Object = T;
    type Shown<U: ?Sized> = UnsafeCell<U>;
    type Erased<U: ?Sized> = ErasedBox<U>;

    #[inline]
    fn erase<U: ?Sized>(
        self,
        coerce: impl for<'a> FnOnce(&'a Whole<UnsafeCell<T>>) -> &'a Whole<UnsafeCell<U>>,
    ) -> ErasedBox<U> {
        ErasedBox::from(self).erase(coerce)
    }
}

// SAFETY: the object stays in its slot, and neither handle moves it.
unsafe impl<T: ?Sized> Erase for ErasedBox<T> {
    type Object = T;
    type Shown<U: ?Sized> = UnsafeCell<U>;
    type Erased<U: ?Sized> = ErasedBox<U>;

    #[inline]
    fn erase<U: ?Sized>(
        self,
        coerce: impl for<'a> FnOnce(&'a Whole<UnsafeCell<T>>) -> &'a Whole<UnsafeCell<U>>,
    ) -> ErasedBox<U> {
        // SAFETY: valid as long as `self`, which nobody uses meanwhile.
        let whole = unsafe { Whole::unique(self.part) };
        let part = coerce(whole).to_write();
        // SAFETY: what was shown can only be given back. It is the same object, whose type coerces to `U`:
        // as `Box<T>` may become `Box<U>`, what `U` says of threads and pins is true of it.
        unsafe { self.seen_as(part) }
    }
}
