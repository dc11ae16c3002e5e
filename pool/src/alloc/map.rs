//! Which large block starts at an address: a table of two levels by the page's number, of which only what is
//! written to takes memory. To look something up waits for nobody.

#![allow(unsafe_code)]

use super::lock::{AnyLock, Lock};
use crate::source::block::{self, Errno};
use std::alloc::Layout;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// Addresses have so many bits; on larger ones there is no block.
const ADDRESS: u32 = if usize::BITS < 48 { usize::BITS } else { 48 };
/// The smallest page of any system.
const PAGE: u32 = 12;
/// The bits of a page's number that choose within a leaf.
const LEAF: u32 = 18;
const ROOTS: usize = 1 << (ADDRESS - PAGE - LEAF);

/// Zeros are an empty table.
pub(super) struct Map {
    /// All leaves, as a list that only grows.
    first: AtomicPtr<Leaf>,
    leaves: [AtomicPtr<Leaf>; ROOTS],
    /// Blocks that nobody has and that the system would not take back, and how many.
    shelf: Lock<Shelf>,
    shelved: AtomicUsize,
}

/// A list through the blocks' places.
struct Shelf(*const Place);

// SAFETY: places are shared, and live as long as the table.
unsafe impl Send for Shelf {}

/// Zeros are an empty leaf.
struct Leaf {
    next: AtomicPtr<Self>,
    places: [Place; 1 << LEAF],
}

/// What starts at a page.
struct Place {
    /// The next on the shelf; under its lock.
    next: AtomicPtr<Self>,
    /// Null if nothing does; written last.
    start: AtomicPtr<u8>,
    /// Bytes, with the logarithm of the alignment in the low bits, which a whole number of pages has free, and
    /// whether it is on the shelf.
    size: AtomicUsize,
    /// Bytes that are the user's.
    #[cfg(feature = "checked")]
    len: AtomicUsize,
}

/// Of a size: that the block is on the shelf.
const SHELVED: usize = 1 << (PAGE - 1);

/// A block that is mapped alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) start: NonNull<u8>,
    pub(super) layout: Layout,
}

/// Where a page's number is in the table.
fn place(address: usize) -> Option<(usize, usize)> {
    let page = address >> PAGE;
    let root = page >> LEAF;
    let is_page = address.is_multiple_of(1 << PAGE);
    (is_page && root < ROOTS).then_some((root, page & ((1 << LEAF) - 1)))
}

impl Place {
    /// The block that is there, live or not.
    fn entry(&self) -> Option<Entry> {
        let start = NonNull::new(self.start.load(Ordering::Acquire))?;
        let size = self.size.load(Ordering::Acquire) & !SHELVED;
        let mask = (1 << PAGE) - 1;
        let layout = Layout::from_size_align(size & !mask, 1 << (size & mask)).ok()?;
        Some(Entry { start, layout })
    }
}

impl Map {
    pub(super) fn insert(&self, start: NonNull<u8>, layout: Layout) -> Result<(), Errno> {
        let (root, at) = place(start.addr().get()).ok_or(None)?;
        let leaf = self.leaf(root)?;
        let place = &leaf.places[at];
        let align = layout.align().trailing_zeros() as usize;
        // Release, twice: `get` of a thread that was not told of the block may see one without the other.
        place.size.store(layout.size() | align, Ordering::Release);
        place.start.store(start.as_ptr(), Ordering::Release);
        Ok(())
    }

    /// Takes a block out of the table. Returns whether it was there.
    pub(super) fn remove(&self, start: NonNull<u8>) -> bool {
        let place = self.find(start.addr().get());
        let was = place.map(|place| place.start.swap(ptr::null_mut(), Ordering::AcqRel));
        was.is_some_and(|was| !was.is_null())
    }

    pub(super) fn get(&self, address: usize) -> Option<Entry> {
        let place = self.find(address)?;
        let is_live = place.size.load(Ordering::Acquire) & SHELVED == 0;
        place.entry().filter(|_| is_live)
    }

    /// Remembers a block that nobody has and that the system would not take back: some place, at least, has its
    /// address.
    pub(super) fn shelve(&self, entry: Entry) {
        if self.insert(entry.start, entry.layout).is_err() {
            return; // There is no memory to remember it. Its pages are given back; its addresses are lost.
        }
        if let Some(place) = self.find(entry.start.addr().get()) {
            let mut shelf = self.shelf.hold();
            place.size.fetch_or(SHELVED, Ordering::Release);
            place.next.store(shelf.0.cast_mut(), Ordering::Relaxed);
            shelf.0 = place;
            self.shelved.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes a block off the shelf, that which was put there last; one of a layout, if one is named. It is in the
    /// table no more.
    pub(super) fn unshelve(&self, layout: Option<Layout>) -> Option<Entry> {
        if self.shelved.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut shelf = self.shelf.hold();
        // SAFETY: places live as long as the table.
        let place = unsafe { shelf.0.as_ref() }?;
        let entry = place.entry()?;
        if layout.is_some_and(|layout| layout != entry.layout) {
            return None;
        }
        shelf.0 = place.next.load(Ordering::Relaxed);
        place.start.store(ptr::null_mut(), Ordering::Release);
        self.shelved.fetch_sub(1, Ordering::Relaxed);
        Some(entry)
    }

    pub(super) fn lock(&self) -> &dyn AnyLock {
        &self.shelf
    }

    #[cfg(feature = "checked")]
    pub(super) fn len(&self, address: usize) -> Option<&AtomicUsize> {
        self.find(address).map(|place| &place.len)
    }

    fn find(&self, address: usize) -> Option<&Place> {
        let (root, at) = place(address)?;
        // Acquire: the leaf's zeros.
        let leaf = self.leaves[root].load(Ordering::Acquire);
        // SAFETY: a leaf stays until the end of the table.
        let leaf = unsafe { leaf.as_ref() }?;
        Some(&leaf.places[at])
    }

    fn leaf(&self, root: usize) -> Result<&Leaf, Errno> {
        let found = self.leaves[root].load(Ordering::Acquire);
        let leaf = match NonNull::new(found) {
            Some(leaf) => leaf,
            None => {
                let new = block::map(block::layout_for::<Leaf>(0))?;
                // Release: its zeros. Acquire: those of who was first.
                let installed = self.leaves[root].compare_exchange(
                    ptr::null_mut(),
                    new.as_ptr().cast(),
                    Ordering::AcqRel,
                    Ordering::Acquire,
                );
                match installed {
                    Ok(_) => {
                        let new = new.cast();
                        self.list(new);
                        new
                    }
                    Err(first) => {
                        // SAFETY: mapped with this layout, and nobody has it.
                        unsafe { block::unmap(new, block::layout_for::<Leaf>(0)) };
                        NonNull::new(first).ok_or(None)?
                    }
                }
            }
        };
        // SAFETY: zeros are a leaf, which stays until the end of the table; only atomics change.
        Ok(unsafe { leaf.as_ref() })
    }

    /// Puts a new leaf on the list. Nothing is ever taken off it, so whatever is first may stay second.
    fn list(&self, leaf: NonNull<Leaf>) {
        // SAFETY: zeros are a leaf.
        let next = &unsafe { leaf.as_ref() }.next;
        let mut first = self.first.load(Ordering::Relaxed);
        loop {
            next.store(first, Ordering::Relaxed);
            let listed = self.first.compare_exchange_weak(
                first,
                leaf.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            );
            match listed {
                Ok(_) => return,
                Err(other) => first = other,
            }
        }
    }

    /// Gives the table back, and `live` blocks that are in it.
    ///
    /// # Safety
    ///
    /// Nobody uses the table again, or a block.
    pub(super) unsafe fn unmap(&self, live: usize) {
        let mut live = live + self.shelved.load(Ordering::Relaxed);
        let mut next = NonNull::new(self.first.load(Ordering::Acquire));
        while let Some(leaf) = next {
            // SAFETY: a leaf of the table.
            next = NonNull::new(unsafe { leaf.as_ref() }.next.load(Ordering::Acquire));
            // SAFETY: a leaf of the table.
            for place in unsafe { &leaf.as_ref().places } {
                if live == 0 {
                    break;
                }
                if let Some(entry) = place.entry() {
                    live -= 1;
                    // SAFETY: mapped with this layout; by contract nobody uses it.
                    unsafe { block::unmap(entry.start, entry.layout) };
                }
            }
            // SAFETY: mapped with this layout; by contract nobody uses it.
            unsafe { block::unmap(leaf.cast(), block::layout_for::<Leaf>(0)) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(pages: usize, align: usize) -> Layout {
        Layout::from_size_align(pages * block::page(), align).unwrap()
    }

    /// A table, in memory of its own, as an allocator's is.
    fn with_map(f: impl FnOnce(&Map)) {
        let whole = block::layout_for::<Map>(0);
        let memory = block::map(whole).unwrap();
        // SAFETY: zeros are an empty table.
        f(unsafe { memory.cast::<Map>().as_ref() });
        // SAFETY: mapped above, and not used again.
        unsafe { block::unmap(memory, whole) };
    }

    #[test]
    fn what_is_inserted_is_found_where_it_starts_until_it_is_removed() {
        with_map(|map| {
            let layout = layout(3, 1 << 16);
            let start = block::map(layout).unwrap();
            let address = start.addr().get();
            assert!(map.get(address).is_none());
            map.insert(start, layout).unwrap();
            let entry = map.get(address).unwrap();
            assert_eq!((entry.start, entry.layout), (start, layout));
            assert!(map.get(address + block::page()).is_none());
            assert!(map.get(address + 8).is_none());
            assert!(map.get(usize::MAX).is_none());
            assert!(map.remove(start));
            assert!(!map.remove(start), "only one of two takes it");
            assert!(map.get(address).is_none());
            map.insert(start, layout).unwrap();
            // SAFETY: one block is left, which goes with the table.
            unsafe { map.unmap(1) };
        });
    }

    #[test]
    fn a_shelf_gives_what_it_was_given_last_and_hides_it() {
        with_map(|map| {
            let (small, large) = (layout(1, block::page()), layout(2, block::page()));
            let blocks = [small, large, small].map(|layout| Entry {
                start: block::map(layout).unwrap(),
                layout,
            });
            blocks.iter().for_each(|entry| map.shelve(*entry));
            for entry in &blocks {
                assert!(map.get(entry.start.addr().get()).is_none());
            }
            assert!(map.unshelve(Some(large)).is_none(), "not on top");
            let top = map.unshelve(Some(small)).unwrap();
            assert_eq!((top.start, top.layout), (blocks[2].start, small));
            let next = map.unshelve(None).unwrap();
            assert_eq!((next.start, next.layout), (blocks[1].start, large));
            for entry in [top, next] {
                // SAFETY: off the shelf, and this test's.
                unsafe { block::unmap(entry.start, entry.layout) };
            }
            // SAFETY: what is on the shelf goes with the table.
            unsafe { map.unmap(0) };
        });
    }
}
