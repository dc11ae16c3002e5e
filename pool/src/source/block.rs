//! Blocks of pages, for an allocator that others stand on: nothing here allocates, formats, panics or takes a
//! lock.
//!
//! A block is reserved and then opened in parts, or mapped open at once. There is no more to it than three
//! systems have in common: [`PageSource`](super::PageSource) is for those who want pages of a kind.

use std::alloc::Layout;
use std::ptr::NonNull;

/// What the system refused: its error number, where it gives one.
pub(crate) type Errno = Option<i32>;

/// Whether what was purged must be opened before it is used again.
pub(crate) const REOPENS: bool = cfg!(all(windows, not(miri)));

/// Whether a block grows by its page table, without a copy. (ThreadSanitizer does not see that the addresses have
/// another owner then.)
pub(crate) const GROWS: bool = cfg!(all(
    target_os = "linux",
    not(any(miri, crossbeam_sanitize_thread))
));

pub(crate) use imp::{map, open, page, physical, purge, reserve, resize, unmap};

/// The layout of a block that has room for a value of a type, or for so many bytes if that is more.
pub(crate) fn layout_for<T>(bytes: usize) -> Layout {
    let size = bytes.max(size_of::<T>()).next_multiple_of(page());
    // No type or table of ours is near what has no layout.
    Layout::from_size_align(size, page()).unwrap_or(Layout::new::<T>())
}

/// How much more than a block has to be mapped so that one of its alignment is in it.
#[cfg(all(any(unix, windows), not(miri)))]
fn with_slack(layout: Layout, granule: usize) -> Option<usize> {
    let slack = layout.align().saturating_sub(granule);
    let bytes = layout.size().checked_add(slack)?;
    (bytes <= isize::MAX as usize).then_some(bytes)
}

/// Bytes from an address to the next multiple of an alignment.
#[cfg(all(any(unix, windows), not(miri)))]
fn to_aligned(start: NonNull<u8>, align: usize) -> usize {
    start.addr().get().wrapping_neg() & (align - 1)
}

#[cfg(all(unix, not(miri)))]
mod imp {
    use super::{Errno, GROWS, to_aligned, with_slack};
    use crate::sys;
    use std::alloc::Layout;
    use std::ptr::NonNull;

    /// Bytes of a page, which the sizes of all blocks are multiples of.
    pub(crate) fn page() -> usize {
        sys::page_size()
    }

    /// Bytes of the machine's memory; zero if that is not known.
    pub(crate) fn physical() -> usize {
        sys::physical_bytes()
    }

    /// Addresses for a block, which nobody may touch before they are opened.
    pub(crate) fn reserve(layout: Layout) -> Result<NonNull<u8>, Errno> {
        aligned(layout, sys::reserve_closed)
    }

    /// A block whose bytes are zero.
    pub(crate) fn map(layout: Layout) -> Result<NonNull<u8>, Errno> {
        aligned(layout, sys::map)
    }

    fn aligned(
        layout: Layout,
        map: fn(usize) -> Result<NonNull<u8>, Errno>,
    ) -> Result<NonNull<u8>, Errno> {
        let bytes = with_slack(layout, page()).ok_or(None)?;
        let base = map(bytes)?;
        let before = to_aligned(base, layout.align());
        // SAFETY: within what was mapped: the slack has room for it.
        let start = unsafe { base.add(before) };
        let behind = bytes - before - layout.size();
        if before > 0 {
            // SAFETY: the pages before the block, which nobody has.
            unsafe { sys::unmap(base, before) };
        }
        if behind > 0 {
            // SAFETY: the end of the block is within what was mapped.
            let end = unsafe { start.add(layout.size()) };
            // SAFETY: the pages behind the block, which nobody has.
            unsafe { sys::unmap(end, behind) };
        }
        Ok(start)
    }

    /// Makes pages of a block usable; they are zero if they were not before.
    ///
    /// # Safety
    ///
    /// Whole pages of a block that was reserved.
    pub(crate) unsafe fn open(start: NonNull<u8>, bytes: usize) -> Result<(), Errno> {
        // SAFETY: pages of a mapping of ours, by contract.
        unsafe { sys::allow(start, bytes) }.map_err(Some)
    }

    /// Gives the memory behind pages back, and keeps the addresses. Returns whether it did.
    ///
    /// # Safety
    ///
    /// Whole pages of an open block, whose bytes nobody uses or counts on.
    pub(crate) unsafe fn purge(start: NonNull<u8>, bytes: usize) -> bool {
        // SAFETY: by contract.
        unsafe { sys::purge(start, bytes) }
    }

    /// Gives a block back. Returns whether the system took it: in the middle of a mapping it may have no
    /// room for two.
    ///
    /// # Safety
    ///
    /// A block of this layout, which nobody uses again if it is taken.
    pub(crate) unsafe fn unmap(start: NonNull<u8>, layout: Layout) -> bool {
        // SAFETY: by contract; its slack was given back before.
        unsafe { sys::unmap(start, layout.size()) }
    }

    /// Makes an open block larger or smaller, here or elsewhere, by its page table alone. What is new is zero.
    ///
    /// # Safety
    ///
    /// An open block of this layout; if there is no error it is not used again. `size` is in whole pages.
    pub(crate) unsafe fn resize(
        start: NonNull<u8>,
        layout: Layout,
        size: usize,
    ) -> Result<NonNull<u8>, Errno> {
        if size <= layout.size() {
            if size < layout.size() {
                // SAFETY: within the block.
                let end = unsafe { start.add(size) };
                // SAFETY: the block's last pages, which by contract nobody uses again.
                if !unsafe { sys::unmap(end, layout.size() - size) } {
                    return Err(None); // It stays as large.
                }
            }
            return Ok(start);
        }
        if !GROWS {
            return Err(None);
        }
        // Elsewhere it is aligned to a page and no more.
        let may_move = layout.align() <= page();
        // SAFETY: by contract.
        unsafe { sys::remap(start, layout.size(), size, may_move) }.map_err(Some)
    }
}

#[cfg(all(windows, not(miri)))]
mod imp {
    use super::{Errno, to_aligned, with_slack};
    use crate::sys::windows as sys;
    use std::alloc::Layout;
    use std::ptr::NonNull;

    /// What every reservation is aligned to.
    const GRANULE: usize = 64 << 10;

    /// How often to try for an aligned block while other threads take the addresses.
    const ATTEMPTS: usize = 16;

    pub(crate) fn page() -> usize {
        sys::PAGE
    }

    pub(crate) fn physical() -> usize {
        0
    }

    pub(crate) fn reserve(layout: Layout) -> Result<NonNull<u8>, Errno> {
        if layout.align() <= GRANULE {
            return sys::reserve(layout.size()).map_err(Some);
        }
        // A reservation is given back whole: see where one that is larger has room, and ask for that.
        let bytes = with_slack(layout, GRANULE).ok_or(None)?;
        let mut refused = None;
        for _ in 0..ATTEMPTS {
            let base = sys::reserve(bytes).map_err(Some)?;
            let wish = base.as_ptr().wrapping_add(to_aligned(base, layout.align()));
            // SAFETY: just reserved, and nobody has it.
            unsafe { sys::release(base) };
            match sys::reserve_at(wish, layout.size()) {
                Ok(start) => return Ok(start),
                Err(errno) => refused = Some(errno),
            }
        }
        Err(refused)
    }

    pub(crate) fn map(layout: Layout) -> Result<NonNull<u8>, Errno> {
        let start = reserve(layout)?;
        // SAFETY: all of the block that was just reserved.
        let opened = unsafe { open(start, layout.size()) };
        opened.map(|()| start).inspect_err(|_| {
            // SAFETY: nobody has it.
            unsafe { sys::release(start) };
        })
    }

    /// # Safety
    ///
    /// Whole pages of a block that was reserved.
    pub(crate) unsafe fn open(start: NonNull<u8>, bytes: usize) -> Result<(), Errno> {
        sys::commit(start, bytes, None).map_err(Some)
    }

    /// # Safety
    ///
    /// Whole pages of an open block, whose bytes nobody uses until they are opened again.
    pub(crate) unsafe fn purge(start: NonNull<u8>, bytes: usize) -> bool {
        // SAFETY: by contract.
        unsafe { sys::decommit(start, bytes) }
    }

    /// # Safety
    ///
    /// A block, which nobody uses again.
    pub(crate) unsafe fn unmap(start: NonNull<u8>, _: Layout) -> bool {
        // SAFETY: by contract.
        unsafe { sys::release(start) };
        true
    }

    /// # Safety
    ///
    /// An open block of this layout.
    pub(crate) unsafe fn resize(
        start: NonNull<u8>,
        layout: Layout,
        size: usize,
    ) -> Result<NonNull<u8>, Errno> {
        // A reservation does not grow; one that shrinks keeps its addresses.
        if size > layout.size() {
            return Err(None);
        }
        if size < layout.size() {
            // SAFETY: within the block.
            let end = unsafe { start.add(size) };
            // SAFETY: the block's last pages, which by contract nobody uses again.
            unsafe { sys::decommit(end, layout.size() - size) };
        }
        Ok(start)
    }
}

#[cfg(any(not(any(unix, windows)), miri))]
mod imp {
    use super::Errno;
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::ptr::NonNull;

    pub(crate) fn page() -> usize {
        4096
    }

    pub(crate) fn physical() -> usize {
        0
    }

    pub(crate) fn reserve(layout: Layout) -> Result<NonNull<u8>, Errno> {
        map(layout)
    }

    // Of the system's, because the global allocator may be what stands on this.
    pub(crate) fn map(layout: Layout) -> Result<NonNull<u8>, Errno> {
        // SAFETY: no block has a size of zero.
        NonNull::new(unsafe { System.alloc_zeroed(layout) }).ok_or(None)
    }

    /// # Safety
    ///
    /// Whole pages of a block that was reserved.
    #[allow(clippy::unnecessary_wraps, reason = "others may refuse")]
    pub(crate) unsafe fn open(_: NonNull<u8>, _: usize) -> Result<(), Errno> {
        Ok(())
    }

    /// # Safety
    ///
    /// Whole pages of an open block.
    pub(crate) unsafe fn purge(_: NonNull<u8>, _: usize) -> bool {
        false
    }

    /// # Safety
    ///
    /// A block of this layout, which nobody uses again.
    pub(crate) unsafe fn unmap(start: NonNull<u8>, layout: Layout) -> bool {
        // SAFETY: by contract.
        unsafe { System.dealloc(start.as_ptr(), layout) };
        true
    }

    /// # Safety
    ///
    /// An open block of this layout; if there is no error it is not used again.
    pub(crate) unsafe fn resize(
        start: NonNull<u8>,
        layout: Layout,
        size: usize,
    ) -> Result<NonNull<u8>, Errno> {
        // SAFETY: by contract.
        let resized = unsafe { System.realloc(start.as_ptr(), layout, size) };
        let resized = NonNull::new(resized).ok_or(None)?;
        if let Some(more) = size.checked_sub(layout.size()) {
            // SAFETY: within the block.
            let behind = unsafe { resized.add(layout.size()) };
            // SAFETY: as above.
            unsafe { behind.write_bytes(0, more) };
        }
        Ok(resized)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn layout(pages: usize, align: usize) -> Layout {
        Layout::from_size_align(pages * page(), align).unwrap()
    }

    #[test]
    fn a_block_is_aligned_zero_and_usable() {
        for align in [page(), 64 << 10, 4 << 20] {
            let layout = layout(3, align);
            let start = map(layout).unwrap();
            assert!(start.addr().get().is_multiple_of(align));
            // SAFETY: open, and ours.
            let bytes = unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), layout.size()) };
            assert!(bytes.iter().all(|byte| *byte == 0));
            bytes.fill(1);
            // SAFETY: not used again.
            unsafe { unmap(start, layout) };
        }
    }

    #[test]
    fn a_reserved_block_is_opened_in_parts_and_purged() {
        let layout = layout(8, 64 << 10);
        let start = reserve(layout).unwrap();
        // SAFETY: the first half.
        unsafe { open(start, layout.size() / 2) }.unwrap();
        // SAFETY: open, and ours.
        unsafe { start.write(7) };
        // SAFETY: a whole page, not used.
        let purged = unsafe { purge(start, page()) };
        if REOPENS {
            // SAFETY: as before.
            unsafe { open(start, page()) }.unwrap();
        }
        // SAFETY: open, and ours.
        let byte = unsafe { start.read() };
        assert_eq!(byte, if purged { 0 } else { 7 });
        // SAFETY: not used again.
        unsafe { unmap(start, layout) };
    }

    #[test]
    fn a_block_keeps_its_bytes_when_it_grows_and_shrinks() {
        for align in [page(), 1 << 20] {
            let small = layout(2, align);
            let start = map(small).unwrap();
            // SAFETY: open, and ours.
            unsafe { start.write_bytes(5, small.size()) };
            let large = layout(64, align);
            // SAFETY: an open block, not used again unless it stays.
            let grown = unsafe { resize(start, small, large.size()) };
            let (start, is) = match grown {
                Ok(start) => (start, large),
                Err(_) => (start, small), // not here, or not at this alignment
            };
            let expected = |at| u8::from(at < small.size()) * 5;
            // SAFETY: open, and ours.
            let bytes = unsafe { std::slice::from_raw_parts(start.as_ptr(), is.size()) };
            assert!(
                bytes
                    .iter()
                    .enumerate()
                    .all(|(at, byte)| *byte == expected(at))
            );
            let one = layout(1, align);
            // SAFETY: as before.
            let start = unsafe { resize(start, is, one.size()) }.unwrap();
            // SAFETY: open, and ours.
            assert_eq!(unsafe { start.read() }, 5);
            // SAFETY: not used again. (On Windows a block keeps its addresses.)
            unsafe { unmap(start, one) };
        }
    }

    #[test]
    fn what_no_address_space_has_is_refused() {
        let layout = Layout::from_size_align(isize::MAX as usize / page() * page(), page());
        assert!(cfg!(miri) || map(layout.unwrap()).is_err());
    }
}
