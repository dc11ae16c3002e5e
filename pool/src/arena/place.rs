//! Allocating: what the arena, scopes and the view without destructors have in common.

#![allow(unsafe_code)]

use super::bump::Place;
use super::chunk::End;
use super::entry::{First, Head, stride_of};
use super::full::{ArenaFull, Refusal, layout_of};
use super::piece::{UNIT, is_small};
use super::stats::ArenaStats;
use std::alloc::Layout;
use std::fmt::{self, Write};
use std::mem::{self, needs_drop};
use std::ptr::NonNull;

impl<'s> Place<'s> {
    /// A value, which is dropped at the end if it has a destructor.
    #[inline(always)]
    pub(super) fn value<T>(self, value: T) -> Result<&'s mut T, (Refusal, T)> {
        if const { needs_drop::<T>() }
            && let Some(mut room) = self.next_of_run::<T>()
        {
            // SAFETY: a block for a `T`, which nobody else has.
            unsafe { room.write(value) };
            // SAFETY: it may, and see `Place`.
            unsafe { self.held.entries.join(room) };
            // SAFETY: valid, and the caller's for `'s`.
            return Ok(unsafe { room.as_mut() });
        }
        match self.reserve::<T>() {
            Ok(room) => Ok(room.fill_with(|| value)),
            Err(refusal) => Err((refusal, value)),
        }
    }

    /// A block for a value that may join the newest run.
    #[inline(always)]
    fn next_of_run<T>(self) -> Option<NonNull<T>> {
        if !self.held.entries.joins::<T>(self.free.high()) {
            return None;
        }
        // Below a `T`, a stride away, a `T` is aligned.
        let stride = stride_of::<T>();
        Some(self.free.cut_high(stride, UNIT, is_small(stride))?.cast())
    }

    /// Room for a value, which is dropped at the end if it has a destructor.
    #[inline(always)]
    pub(super) fn reserve<T>(self) -> Result<Room<'s, T>, Refusal> {
        let value = if const { needs_drop::<T>() } {
            self.room_for::<First<T>>()?.cast()
        } else {
            self.room_for::<T>()?
        };
        Ok(Room { place: self, value })
    }

    /// What `f` makes, likewise.
    #[inline(always)]
    pub(super) fn value_with<T, F: FnOnce() -> T>(self, f: F) -> Result<&'s mut T, ArenaFull<F>> {
        match self.reserve::<T>() {
            Ok(room) => Ok(room.fill_with(f)),
            Err(refusal) => Err(refusal.with(f)),
        }
    }

    /// A value that nobody drops but who gets it.
    #[inline(always)]
    pub(super) fn owned<T>(self, value: T) -> Result<NonNull<T>, ArenaFull<T>> {
        match self.room_for::<T>() {
            Ok(room) => {
                // SAFETY: a block for a `T`, which nobody else has.
                unsafe { room.write(value) };
                Ok(room)
            }
            Err(refusal) => Err(refusal.with(value)),
        }
    }

    /// The figures since so much was allocated in the arena.
    pub(super) fn stats(self, before: usize) -> ArenaStats {
        let Self { free, held, chunks } = self;
        free.recover(held);
        let since = |allocated: usize| allocated.saturating_sub(before);
        ArenaStats {
            allocated: since(chunks.allocated(free.room())),
            high_water: since(free.peak(chunks)),
            ..chunks.stats()
        }
    }

    /// A block that the caller may do with as it likes.
    #[inline(always)]
    pub(super) fn block_of(self, layout: Layout, end: End) -> Result<NonNull<u8>, Refusal> {
        if layout.size() == 0 {
            return Ok(layout.dangling_ptr());
        }
        self.block(layout.size(), layout.align(), end)
    }

    #[inline(always)]
    pub(super) fn slice_copy<T: Copy>(self, items: &[T]) -> Result<&'s mut [T], Refusal> {
        let bytes = size_of_val(items);
        let first: NonNull<T> = match const { align_of::<T>() <= UNIT } {
            // A block of no size is one, too.
            true => self.block(bytes, align_of::<T>(), End::High)?,
            false => self.block_of(Layout::for_value(items), End::High)?,
        }
        .cast();
        // SAFETY: a block for as many, which nobody else has.
        unsafe { first.copy_from_nonoverlapping(NonNull::from(items).cast(), items.len()) };
        let mut slice = NonNull::slice_from_raw_parts(first, items.len());
        // SAFETY: valid, and the caller's for `'s`.
        Ok(unsafe { slice.as_mut() })
    }

    #[inline(always)]
    pub(super) fn text(self, text: &str) -> Result<&'s mut str, Refusal> {
        let bytes = self.slice_copy(text.as_bytes())?;
        // SAFETY: a copy of a `str`.
        Ok(unsafe { str::from_utf8_unchecked_mut(bytes) })
    }

    /// So many items, which `f` makes by their index.
    #[inline(always)]
    pub(super) fn slice_fill_with<T, F: FnMut(usize) -> T>(
        self,
        len: usize,
        mut f: F,
    ) -> Result<&'s mut [T], ArenaFull<F>> {
        let mut items = match Items::exactly(self, len) {
            Ok(items) => items,
            Err(refusal) => return Err(refusal.with(f)),
        };
        for index in 0..len {
            let item = f(index);
            // SAFETY: there is room for `len`.
            unsafe { items.push_within(item) };
        }
        Ok(items.keep())
    }

    #[inline(always)]
    pub(super) fn slice_clone<T: Clone>(self, from: &[T]) -> Result<&'s mut [T], Refusal> {
        let mut items = Items::exactly(self, from.len())?;
        for item in from {
            let item = item.clone();
            // SAFETY: there is room for as many.
            unsafe { items.push_within(item) };
        }
        Ok(items.keep())
    }

    /// As many items as an iterator has. What it allocates of the same arena meanwhile is in nobody's way.
    #[inline(always)]
    pub(super) fn items<T>(self, iter: impl Iterator<Item = T>) -> Result<&'s mut [T], Refusal> {
        // What the iterator says may be more than there is.
        let hinted = Items::growing(self, iter.size_hint().0);
        let mut items = hinted.or_else(|_| Items::growing(self, 0))?;
        for item in iter {
            items.push(item)?;
        }
        Ok(items.keep())
    }

    pub(super) fn formatted(self, arguments: fmt::Arguments<'_>) -> Result<&'s mut str, Refusal> {
        if let Some(text) = arguments.as_str() {
            return self.text(text);
        }
        /// Text that grows, and why it could not.
        struct Text<'s>(Items<'s, u8>, Option<Refusal>);

        impl Write for Text<'_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.extend(text.as_bytes()).map_err(|refusal| {
                    self.1 = Some(refusal);
                    fmt::Error
                })
            }
        }

        let mut text = Text(Items::growing(self, 0)?, None);
        let written = text.write_fmt(arguments);
        if let Some(refusal) = text.1 {
            return Err(refusal);
        }
        written.expect("a `Display` that fails without a writer's failure breaks its contract");
        // SAFETY: what `str`s were joined to.
        Ok(unsafe { str::from_utf8_unchecked_mut(text.0.keep()) })
    }
}

/// Room for one value, that of a [`First`] if it has a destructor.
pub(super) struct Room<'s, T> {
    place: Place<'s>,
    value: NonNull<T>,
}

impl<'s, T> Room<'s, T> {
    #[inline(always)]
    pub(super) fn fill_with(self, f: impl FnOnce() -> T) -> &'s mut T {
        let mut room = self.value;
        // SAFETY: a block for a `T`, which nobody else has.
        unsafe { room.write(f()) };
        if const { needs_drop::<T>() } {
            // SAFETY: valid from now on, the value of a `First`, and see `Place`.
            unsafe { self.place.held.entries.begin::<T>(room.cast()) };
        }
        // SAFETY: valid, and the caller's for `'s`.
        unsafe { room.as_mut() }
    }
}

/// Items that are being made, one behind the other. Those that are there are dropped with this.
struct Items<'s, T> {
    place: Place<'s>,
    /// Room for a head, if the items have destructors.
    head: Option<NonNull<Head>>,
    /// What the items are in.
    block: NonNull<u8>,
    layout: Layout,
    /// How many are there.
    len: usize,
    /// How many there is room for.
    room: usize,
    /// Whether the block is one of the low end, which may grow.
    grows: bool,
    items: std::marker::PhantomData<T>,
}

impl<'s, T> Items<'s, T> {
    #[inline(always)]
    fn exactly(place: Place<'s>, room: usize) -> Result<Self, Refusal> {
        Self::new(place, room, false)
    }

    #[inline(always)]
    fn growing(place: Place<'s>, room: usize) -> Result<Self, Refusal> {
        Self::new(place, room, true)
    }

    #[inline(always)]
    fn new(place: Place<'s>, room: usize, grows: bool) -> Result<Self, Refusal> {
        let layout = layout_of::<T>(room)?;
        let head = match const { needs_drop::<T>() } && (grows || room > 0) {
            true => Some(place.room_for::<Head>()?),
            false => None,
        };
        let end = if grows { End::Low } else { End::High };
        let block = place.block_of(layout, end)?;
        let items = std::marker::PhantomData;
        let room = if size_of::<T>() == 0 {
            usize::MAX
        } else {
            room
        };
        Ok(Self {
            place,
            head,
            block,
            layout,
            len: 0,
            room,
            grows,
            items,
        })
    }

    #[inline(always)]
    fn first(&self) -> NonNull<T> {
        self.block.cast()
    }

    /// # Safety
    ///
    /// There is room.
    #[inline(always)]
    unsafe fn push_within(&mut self, item: T) {
        // SAFETY: by contract within the block.
        let next = unsafe { self.first().add(self.len) };
        // SAFETY: as above, and it holds nothing yet.
        unsafe { next.write(item) };
        self.len += 1;
    }

    #[inline(always)]
    fn push(&mut self, item: T) -> Result<(), Refusal> {
        if self.len == self.room {
            self.grow(1)?;
        }
        // SAFETY: there is.
        unsafe { self.push_within(item) };
        Ok(())
    }

    /// Makes room for so many more, and in the end for twice as many.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, more: usize) -> Result<(), Refusal> {
        debug_assert!(self.grows);
        let Some(least) = self.len.checked_add(more) else {
            return Err(Refusal::too_many::<T>(usize::MAX));
        };
        let wanted = least
            .max(self.room.saturating_mul(2))
            .max(64 / size_of::<T>().clamp(1, 16));
        let resized = self.resize(wanted);
        // With a limit, less than wanted may be had.
        resized.or_else(|_| self.resize(least))
    }

    fn resize(&mut self, room: usize) -> Result<(), Refusal> {
        let layout = layout_of::<T>(room)?;
        self.block = if layout.size() == 0 {
            self.place.give_back(self.block, self.layout.size());
            layout.dangling_ptr()
        } else {
            // SAFETY: this block, which is this value's alone.
            unsafe { self.place.resize(self.block, self.layout, layout) }?
        };
        (self.layout, self.room) = (layout, room);
        Ok(())
    }

    /// The items, which are dropped at the scope's end if they have destructors.
    #[inline(always)]
    fn keep(self) -> &'s mut [T] {
        let mut this = mem::ManuallyDrop::new(self);
        if this.grows && this.len < this.room && size_of::<T>() > 0 {
            // To less, which cannot fail.
            let len = this.len;
            let shrunk = this.resize(len);
            debug_assert!(shrunk.is_ok());
        }
        let mut slice = NonNull::slice_from_raw_parts(this.first(), this.len);
        if let Some(head) = this.head
            && this.len > 0
        {
            let entries = &this.place.held.entries;
            // SAFETY: the items are valid from now on; room for a head; see `Place`.
            unsafe { entries.add_array(head, this.first(), this.len) };
        }
        // SAFETY: valid, and the caller's for `'s`.
        unsafe { slice.as_mut() }
    }
}

impl Items<'_, u8> {
    #[inline(always)]
    fn extend(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        if bytes.len() > self.room - self.len {
            self.grow(bytes.len())?;
        }
        // SAFETY: there is room for them.
        let next = unsafe { self.first().add(self.len) };
        // SAFETY: as above; what is written is nobody else's.
        unsafe { next.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
        self.len += bytes.len();
        Ok(())
    }
}

impl<T> Drop for Items<'_, T> {
    fn drop(&mut self) {
        let items = NonNull::slice_from_raw_parts(self.first(), self.len);
        // SAFETY: so many are valid, and nobody else's.
        unsafe { items.drop_in_place() };
        if self.grows {
            self.place.give_back(self.block, self.layout.size());
        }
    }
}
