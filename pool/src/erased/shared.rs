//! [`ErasedArc`]: several owners, each of which may see something else.

#![allow(unsafe_code)]

use super::{Erase, Origin, Whole};
use crate::forward::forward_reads_to_object;
use crate::pooled::Shared;
use crate::shared::PoolArc;
use crate::shared::count::Count;
use crate::slot::Form;
use crate::sync::AtomicU64;
use std::any::TypeId;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;

/// One of several owners of an object in some type's pool, seen as a `U`: a `dyn Trait`, a slice, any
/// part of it. When the last one is dropped, on whatever thread, the object is dropped and its slot is
/// free again.
///
/// [`erase!`](crate::erase) makes one of a [`PoolArc`], or [`PoolArc::map`] does. The owners of an
/// object may see different things, and others may be `PoolArc`s.
///
/// ```
/// use pool::{ErasedArc, PoolArc, Pooled};
///
/// #[derive(Pooled)]
/// #[pool(shared)]
/// struct Book {
///     bids: Vec<u64>,
///     name: String,
/// }
///
/// let book = PoolArc::new(Book { bids: vec![99, 98], name: "XLM".into() });
/// let bids: ErasedArc<[u64]> = PoolArc::map(PoolArc::clone(&book), |book| &book.bids[..]);
/// let name: ErasedArc<str> = PoolArc::map(book, |book| book.name.as_str());
/// assert_eq!((bids.len(), &*name, ErasedArc::strong_count(&bids)), (2, "XLM", 2));
/// ```
///
/// It costs four words if `U` has no size (what a `&U` is, the count, and what is to be known of the
/// type), three otherwise. Access and clones are what they are by an `Arc<U>`, and so is the drop of
/// one of several; the last one's is that of a `PoolArc`, called by a pointer.
///
/// `Send` and `Sync` exactly as `Arc<U>` is. It implements the traits that [`PoolArc`] implements. It has
/// associated functions and no methods, and gives nobody a `&mut`.
pub struct ErasedArc<U: ?Sized> {
    /// A valid `U`: in the object, or wherever a `&U` led to that is good for as long as there is a `U`.
    part: NonNull<U>,
    /// The header of a slot of the origin's type, which holds a valid object, of whose owners this is
    /// one. Good for all of the slot.
    word: NonNull<AtomicU64>,
    origin: &'static Origin,
    owns: PhantomData<U>,
}

// SAFETY: an owner gives out `&U` on its thread, or becomes a `PoolArc` there, and the last one drops
// the object there: all that it may, if `U` is both (see the module). The pool takes slots back from
// any thread.
unsafe impl<U: ?Sized + Send + Sync> Send for ErasedArc<U> {}
// SAFETY: shared, it gives out `&U`, and owners, with which as above.
unsafe impl<U: ?Sized + Send + Sync> Sync for ErasedArc<U> {}
impl<U: ?Sized> Unpin for ErasedArc<U> {}
impl<U: ?Sized + RefUnwindSafe> UnwindSafe for ErasedArc<U> {}

impl<T: Shared> PoolArc<T> {
    /// Makes this owner one that sees a part of the object, which `f` finds. If `f` panics, this owner
    /// is dropped.
    ///
    /// The object has to be `Send` and `Sync`, since the part's type cannot say whether it is.
    /// [`erase!`](crate::erase) does not ask for it, and sees the whole object.
    #[inline]
    pub fn map<U, F>(this: Self, f: F) -> ErasedArc<U>
    where
        T: Send + Sync,
        U: ?Sized,
        F: for<'a> FnOnce(&'a T) -> &'a U,
    {
        ErasedArc::map(ErasedArc::from(this), f)
    }
}

/// Where the header is in a slot of `T`.
const fn offset<T: Shared>() -> usize {
    match Form::new::<T>(T::__KIND, None).word {
        Some(offset) => offset,
        None => panic!("slots of a shared type have headers"),
    }
}

/// The slot that a header is in.
///
/// # Safety
///
/// It is in one of `T`'s slots, and the pointer is good for all of the slot. So is the result.
#[inline]
unsafe fn slot_of<T: Shared>(word: NonNull<u8>) -> NonNull<T> {
    // SAFETY: by contract it is so far into the slot.
    unsafe { word.sub(const { offset::<T>() }) }.cast()
}

impl<U: ?Sized> ErasedArc<U> {
    #[inline]
    fn count(&self) -> Count<'_> {
        // SAFETY: the header of a slot, which stays as long as its pool, and that as long as the
        // program. It is only ever used as an atomic.
        Count::new(unsafe { self.word.as_ref() })
    }

    /// The same object, seen as something else.
    ///
    /// # Safety
    ///
    /// `part` came from this handle's, by a `&` or as good as one, and what the module says is true of
    /// handles holds for `V`.
    #[inline]
    unsafe fn seen_as<V: ?Sized>(self, part: NonNull<V>) -> ErasedArc<V> {
        let this = ManuallyDrop::new(self);
        ErasedArc {
            part,
            word: this.word,
            origin: this.origin,
            owns: PhantomData,
        }
    }

    /// Makes this owner one that sees a part of what it sees now. If `f` panics, this owner is dropped.
    ///
    /// As for [`PoolArc::map`], what it sees now has to be `Send` and `Sync`.
    #[inline]
    pub fn map<V, F>(this: Self, f: F) -> ErasedArc<V>
    where
        U: Send + Sync,
        V: ?Sized,
        F: for<'a> FnOnce(&'a U) -> &'a V,
    {
        let part = NonNull::from(f(&*this));
        // SAFETY: `f` says that who shares the whole for as long as he likes may share this as long. By
        // `U` the object may have owners anywhere. This owner was not pinned, and there is no way to pin
        // it later but for what is `Unpin`.
        unsafe { this.seen_as(part) }
    }

    /// This owner as one of the object as it was made, whatever it sees now, if that is a `T`. O(1).
    ///
    /// # Errors
    ///
    /// Gives the handle back if it is not.
    #[inline]
    pub fn downcast<T: Shared>(this: Self) -> Result<PoolArc<T>, Self> {
        if !this.origin.is::<T>() {
            return Err(this);
        }
        let word = ManuallyDrop::new(this).word;
        // SAFETY: by its origin it is a slot of `T`, and the pointer is good for all of it.
        let slot = unsafe { slot_of::<T>(word.cast()) };
        // SAFETY: it holds a valid `T`, whose count has this handle in it.
        Ok(unsafe { PoolArc::from_slot(slot) })
    }

    /// Whether [`ErasedArc::downcast`] to a `T` succeeds.
    #[inline]
    #[must_use]
    pub fn is<T: Shared>(this: &Self) -> bool {
        this.origin.is::<T>()
    }

    /// The number of owners, whatever they see. Others may make and drop owners meanwhile.
    #[inline]
    #[must_use]
    pub fn strong_count(this: &Self) -> usize {
        this.count().owners()
    }

    /// Whether two own the same object, whatever they see of it.
    #[inline]
    #[must_use]
    pub fn ptr_eq<V: ?Sized>(this: &Self, other: &ErasedArc<V>) -> bool {
        this.word == other.word
    }

    /// The address of what the handle sees, which does not change as long as the object has owners.
    #[inline]
    #[must_use]
    pub fn as_ptr(this: &Self) -> *const U {
        this.part.as_ptr()
    }
}

forward_reads_to_object!(in part: ErasedArc<T>, T: ?Sized);

impl<U: ?Sized> Clone for ErasedArc<U> {
    /// One owner more, which sees the same. The process ends if there are more than 2<sup>29</sup>, which
    /// takes forgetting them.
    #[inline]
    fn clone(&self) -> Self {
        self.count().retain();
        Self { ..*self }
    }
}

impl<U: ?Sized> Drop for ErasedArc<U> {
    #[inline]
    fn drop(&mut self) {
        let count = self.count();
        if count.leave_alone() || count.leave() {
            // SAFETY: this was the last of the object's owners; if it was sent to this thread, the
            // object may be dropped on it.
            unsafe { (self.origin.end)(self.word.cast()) };
        }
    }
}

impl<T: Shared> From<PoolArc<T>> for ErasedArc<T> {
    #[inline]
    fn from(owner: PoolArc<T>) -> Self {
        /// # Safety
        ///
        /// It is the header of a slot of `T`, in a pointer that is good for all of the slot; the object
        /// in it is valid and has no owners any more, of whom the caller was the last.
        unsafe fn end<T: Shared>(word: NonNull<u8>) {
            // SAFETY: by contract.
            let slot = unsafe { slot_of::<T>(word) };
            // SAFETY: the header of that slot.
            let count = Count::new(unsafe { word.cast().as_ref() });
            // SAFETY: by contract.
            unsafe { PoolArc::end(slot, count) };
        }

        let slot = PoolArc::into_slot(owner);
        // SAFETY: a slot of a shared type is as long as that, and more.
        let word = unsafe { slot.cast::<u8>().add(const { offset::<T>() }) };
        Self {
            part: slot,
            word: word.cast(),
            origin: const {
                &Origin {
                    object: TypeId::of::<T>(),
                    end: end::<T>,
                }
            },
            owns: PhantomData,
        }
    }
}

// SAFETY: as below.
unsafe impl<T: Shared> Erase for PoolArc<T> {
    type Object = T;
    type Shown<U: ?Sized> = U;
    type Erased<U: ?Sized> = ErasedArc<U>;

    #[inline]
    fn erase<U: ?Sized>(
        self,
        coerce: impl for<'a> FnOnce(&'a Whole<T>) -> &'a Whole<U>,
    ) -> ErasedArc<U> {
        ErasedArc::from(self).erase(coerce)
    }
}

// SAFETY: the object stays in its slot, and neither handle moves it.
unsafe impl<T: ?Sized> Erase for ErasedArc<T> {
    type Object = T;
    type Shown<U: ?Sized> = U;
    type Erased<U: ?Sized> = ErasedArc<U>;

    #[inline]
    fn erase<U: ?Sized>(
        self,
        coerce: impl for<'a> FnOnce(&'a Whole<T>) -> &'a Whole<U>,
    ) -> ErasedArc<U> {
        // SAFETY: valid as long as `self`; all who have it only share it.
        let whole = unsafe { Whole::shared(self.part) };
        let part = coerce(whole).to_read();
        // SAFETY: what was shown can only be given back. It is the same object, whose type coerces to `U`:
        // as `Arc<T>` may become `Arc<U>`, what `U` says of threads and pins is true of it.
        unsafe { self.seen_as(part) }
    }
}
