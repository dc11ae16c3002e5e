//! What an arena remembers of values with destructors: a list of runs, newest first, in the memory beside
//! them. A run is values of one type that were allocated one after the other: they share a head, and one loop
//! drops them.

#![allow(unsafe_code)]

use super::piece::UNIT;
use std::any::TypeId;
use std::cell::Cell;
use std::marker::PhantomData;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::thread;

/// Of a run.
#[derive(Debug)]
pub(super) struct Head {
    older: *const Head,
    /// Drops the values, from the lowest up, and moves `lowest` before each. `None`: it is a mark.
    end: Option<unsafe fn(&Head)>,
    /// The type of the values, but for lifetimes.
    id: TypeId,
    /// The newest value: those of a run lie one below the other. (Of an array of values without a size, a
    /// number.)
    lowest: Cell<*mut u8>,
    /// Behind the oldest.
    top: *mut u8,
}

/// A value that begins a run.
#[repr(C)]
pub(super) struct First<T> {
    value: T,
    head: Head,
}

/// A place in the list, and no value.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Mark<P> {
    head: Head,
    /// Unlike that of any other mark of the arena, ever.
    pub(super) stamp: u64,
    pub(super) place: P,
}

/// From one value of a run to the next: what a block takes.
pub(super) const fn stride_of<T>() -> usize {
    let size = if size_of::<T>() == 0 {
        1
    } else {
        size_of::<T>()
    };
    let unit = if align_of::<T>() > UNIT {
        align_of::<T>()
    } else {
        UNIT
    };
    size.next_multiple_of(unit)
}

/// Tells a type from others, but not by its lifetimes, of which its destructor knows nothing. (The way is that
/// of the crate typeid.)
#[inline(always)]
fn id_of<T>() -> TypeId {
    trait Id {
        fn id(&self) -> TypeId
        where
            Self: 'static;
    }

    impl<T> Id for PhantomData<T> {
        #[inline(always)]
        fn id(&self) -> TypeId
        where
            Self: 'static,
        {
            TypeId::of::<T>()
        }
    }

    let phantom = PhantomData::<T>;
    let short: *const (dyn Id + '_) = &raw const phantom;
    // SAFETY: but for a lifetime the same type; what is called uses no value that could live shorter.
    let long = unsafe { mem::transmute::<*const (dyn Id + '_), *const (dyn Id + 'static)>(short) };
    // SAFETY: `phantom` is there.
    unsafe { &*long }.id()
}

/// Drops the values of a run, which lie as those of an array do, or as blocks.
///
/// # Safety
///
/// They are valid, of type `T`, and are used no more. If a destructor panics, this may be called again for the
/// others.
unsafe fn end<T, const ARRAY: bool>(run: &Head) {
    let stride = match ARRAY {
        true => size_of::<T>().max(1),
        false => stride_of::<T>(),
    };
    let (mut next, top) = (run.lowest.get(), run.top);
    while !ptr::eq(next, top) {
        let value = match ARRAY && size_of::<T>() == 0 {
            true => ptr::dangling_mut(),
            false => next.cast::<T>(),
        };
        next = next.wrapping_add(stride);
        run.lowest.set(next);
        // SAFETY: by contract; from now on it is none of the run's.
        unsafe { value.drop_in_place() };
    }
}

/// The list.
#[derive(Debug)]
pub(super) struct Entries {
    /// The newest. It and those behind it are in memory that is not given back as long as they are in the list.
    newest: Cell<*const Head>,
}

impl Entries {
    #[inline(always)]
    pub(super) const fn new() -> Self {
        Self {
            newest: Cell::new(ptr::null()),
        }
    }

    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.newest.get().is_null()
    }

    #[inline(always)]
    fn push(&self, at: NonNull<Head>, head: Head) {
        // SAFETY: a place for a head, say those who call.
        unsafe { at.write(head) };
        self.newest.set(at.as_ptr());
    }

    /// Whether a value of type `T` may join the newest run, that ends at an address: it is of that type, and
    /// lies below.
    #[inline(always)]
    pub(super) fn joins<T>(&self, end: usize) -> bool {
        // SAFETY: heads in the list are valid.
        let Some(newest) = (unsafe { self.newest.get().as_ref() }) else {
            return false;
        };
        newest.lowest.get().addr() == end && newest.id == id_of::<T>()
    }

    /// Has the newest run go on.
    ///
    /// # Safety
    ///
    /// [`Entries::joins`] says that `value` may, which was since written there; and as for [`Entries::begin`].
    #[inline(always)]
    pub(super) unsafe fn join<T>(&self, value: NonNull<T>) {
        // SAFETY: there is one.
        let newest = unsafe { &*self.newest.get() };
        newest.lowest.set(value.cast().as_ptr());
    }

    /// Begins a run with a value, to be dropped at the end.
    ///
    /// # Safety
    ///
    /// The value was written; it and its memory are the list's from then on, and it may be dropped where and
    /// when the list's owner drops it.
    #[inline(always)]
    pub(super) unsafe fn begin<T>(&self, first: NonNull<First<T>>) {
        let offset = mem::offset_of!(First<T>, head);
        // SAFETY: a field of what the pointer is good for.
        let head = unsafe { first.cast::<u8>().add(offset) }.cast();
        let lowest = first.cast::<u8>().as_ptr();
        self.push(
            head,
            Head {
                older: self.newest.get(),
                end: Some(end::<T, false>),
                id: id_of::<T>(),
                lowest: Cell::new(lowest),
                top: lowest.wrapping_add(stride_of::<T>()),
            },
        );
    }

    /// Has an array dropped at the end, its first item first.
    ///
    /// # Safety
    ///
    /// So many items are valid, and as for [`Entries::begin`]; `head` has a place for a head.
    pub(super) unsafe fn add_array<T>(&self, head: NonNull<Head>, first: NonNull<T>, len: usize) {
        let lowest = first.cast::<u8>().as_ptr();
        self.push(
            head,
            Head {
                older: self.newest.get(),
                end: Some(end::<T, true>),
                // Of nothing that can join: another would not lie as in an array.
                id: TypeId::of::<Self>(),
                lowest: Cell::new(lowest),
                top: lowest.wrapping_add(len * size_of::<T>().max(1)),
            },
        );
    }

    /// Puts a mark on top.
    ///
    /// # Safety
    ///
    /// The memory is the list's from now on.
    pub(super) unsafe fn mark<P>(&self, mark: NonNull<Mark<P>>, stamp: u64, place: P) {
        let head = Head {
            older: self.newest.get(),
            end: None,
            id: TypeId::of::<Self>(),
            lowest: Cell::new(ptr::null_mut()),
            top: ptr::null_mut(),
        };
        // SAFETY: by contract there is a place for it.
        unsafe { mark.write(Mark { head, stamp, place }) };
        self.newest.set(mark.cast().as_ptr());
    }

    /// The newest of the list, if that is a mark.
    ///
    /// # Safety
    ///
    /// As for [`Entries::marks`].
    pub(super) unsafe fn newest_mark<P: 'static>(&self) -> Option<NonNull<Mark<P>>> {
        let newest = NonNull::new(self.newest.get().cast_mut())?;
        // SAFETY: heads in the list are valid.
        let is_mark = unsafe { newest.as_ref() }.end.is_none();
        is_mark.then(|| newest.cast())
    }

    /// The marks of the list, newest first.
    ///
    /// # Safety
    ///
    /// All marks of this list have places of type `P`; it does not change meanwhile.
    pub(super) unsafe fn marks<P: 'static>(&self) -> impl Iterator<Item = NonNull<Mark<P>>> {
        let mut next = self.newest.get();
        std::iter::from_fn(move || {
            loop {
                let head = NonNull::new(next.cast_mut())?;
                // SAFETY: heads in the list are valid.
                let Head { older, end, .. } = unsafe { head.as_ref() };
                next = *older;
                if end.is_none() {
                    return Some(head.cast());
                }
            }
        })
    }

    /// Drops the values, newest first, down to a mark, which stays, or to the last. If a destructor panics the
    /// others are run all the same, and the first panic goes on, that of the code that is unwinding included.
    #[inline(always)]
    pub(super) fn end(&self, down_to: *const Head) {
        let newest = self.newest.get();
        if !ptr::eq(newest, down_to) {
            self.newest.set(down_to);
            end_list(newest, down_to);
        }
    }
}

/// What is left of a list, which is this one's alone, down to a mark.
struct Rest(*const Head, *const Head);

impl Rest {
    /// Drops the newest run. False: there is none.
    #[inline(always)]
    fn end_newest(&mut self) -> bool {
        if ptr::eq(self.0, self.1) {
            return false;
        }
        // SAFETY: heads in a list are valid, down to the mark, or the end.
        let head = unsafe { &*self.0 };
        if let Some(end) = head.end {
            // SAFETY: it was in the list until now, so its values were not dropped, those before a panic
            // excepted, of which it knows.
            unsafe { end(head) };
        }
        self.0 = head.older;
        true
    }

    #[cold]
    fn end_after_panic(&mut self) {
        // One panic goes on. The others were printed, and say no more.
        loop {
            let panic = match catch_unwind(AssertUnwindSafe(|| self.end_newest())) {
                Ok(true) => continue,
                Ok(false) => break,
                Err(panic) => panic,
            };
            if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
                mem::forget(another);
            }
        }
    }
}

impl Drop for Rest {
    #[inline]
    fn drop(&mut self) {
        if !ptr::eq(self.0, self.1) {
            self.end_after_panic();
        }
    }
}

#[inline(never)]
fn end_list(newest: *const Head, down_to: *const Head) {
    let mut rest = Rest(newest, down_to);
    if thread::panicking() {
        // A second panic that goes on would end the program.
        rest.end_after_panic();
    }
    while rest.end_newest() {}
}
