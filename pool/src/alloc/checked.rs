//! The feature `checked`: misuse is seen, and ends the program with a message.
//!
//! Each slot has a *mark* apart from it, which says whether it is live, and where it was allocated and freed. Behind a
//! block's bytes lies a pattern, and a freed slot is filled with another one; both are looked at when the slot is
//! freed or given out again, and when its slab is. Nothing here allocates.

use super::classes::{self, MAX_SLOTS};
use super::heap::Place;
use super::large;
use super::regions::Regions;
use super::site::Site;
use super::state::State;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::panic::Location;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, Ordering::Relaxed};

/// The bytes behind a block, and those of a freed one.
const BEHIND: u8 = 0xc5;
const FREED: u8 = 0xde;

/// How many bytes behind a large block have the pattern, at most.
const GUARD: usize = 64;

/// What is known of a slot. Zeros are one that was never given out, or whose memory the system had since.
pub(super) struct Mark {
    taken: AtomicPtr<Location<'static>>,
    freed: AtomicPtr<Location<'static>>,
    /// Bytes that are the user's.
    len: AtomicU32,
    state: AtomicU8,
}

const LIVE: u8 = 1;
const DEAD: u8 = 2;

/// The marks of a slab.
pub(super) type Marks = [Mark; MAX_SLOTS];

fn set(place: &AtomicPtr<Location<'static>>, site: Site) {
    let location = site.place.map_or(ptr::null(), ptr::from_ref);
    place.store(location.cast_mut(), Relaxed);
}

fn get(place: &AtomicPtr<Location<'static>>) -> Site {
    Site {
        // SAFETY: from `set`, or null.
        place: unsafe { place.load(Relaxed).as_ref() },
    }
}

/// What is wrong with a block, for the message.
struct Wrong {
    what: &'static str,
    block: usize,
    /// Bytes of the class, or of the large block.
    class: Option<usize>,
    taken: Site,
    freed: Site,
    now: Site,
}

/// Text of a bounded length: the rest is left out.
struct Text {
    bytes: [u8; 1024],
    len: usize,
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        let len = text.len().min(room.len());
        room[..len].copy_from_slice(&text.as_bytes()[..len]);
        self.len += len;
        Ok(())
    }
}

impl Wrong {
    /// Ends the program.
    #[cold]
    fn end(&self) -> ! {
        let mut text = Text {
            bytes: [0; 1024],
            len: 0,
        };
        // It cannot fail, and if it did there would be nobody to tell.
        let _ = self.tell(&mut text);
        let _ = std::io::stderr().write_all(&text.bytes[..text.len]);
        std::process::abort()
    }

    fn tell(&self, text: &mut Text) -> fmt::Result {
        write!(
            text,
            "pool::SlabAlloc: {}: block {:#x}",
            self.what, self.block
        )?;
        if let Some(class) = self.class {
            write!(text, " of {class} bytes")?;
        }
        for (what, site) in [
            ("allocated", self.taken),
            ("freed", self.freed),
            ("seen", self.now),
        ] {
            if let Some(place) = site.place {
                write!(text, "; {what} at {place}")?;
            }
        }
        text.write_str("\n")
    }
}

/// Whether all bytes from one on are a pattern.
///
/// # Safety
///
/// The bytes may be read, and nobody who does no wrong writes to them.
unsafe fn is_all(block: NonNull<u8>, from: usize, to: usize, pattern: u8) -> bool {
    (from..to).all(|at| {
        // SAFETY: within the block, by contract.
        let byte = unsafe { block.add(at) };
        // SAFETY: as above. Volatile, for who does wrong may be writing.
        unsafe { byte.read_volatile() == pattern }
    })
}

/// Fills bytes of a block with a pattern.
///
/// # Safety
///
/// Nobody else uses the bytes.
unsafe fn fill(block: NonNull<u8>, from: usize, to: usize, pattern: u8) {
    // SAFETY: within the block, by contract.
    let first = unsafe { block.add(from) };
    // SAFETY: as above.
    unsafe { first.write_bytes(pattern, to - from) };
}

impl State {
    /// A block of `size` bytes is given out.
    pub(super) fn watch_get(&self, block: NonNull<u8>, size: usize, site: Site) {
        let address = block.addr().get();
        let Some((slab, offset)) = self.pages.regions().find(address) else {
            if let Some(entry) = self.large.find(address) {
                self.large.set_len(address, size);
                let end = entry.layout.size().min(size + GUARD);
                // SAFETY: a new block, which nobody has yet.
                unsafe { fill(block, size, end, BEHIND) };
            }
            return;
        };
        let Some(class) = self.pages.regions().header(slab).class() else {
            return;
        };
        let mark = &self.pages.regions().marks(slab)[classes::slot_at(class, offset)];
        let bytes = classes::size(class);
        // SAFETY: a new block, which nobody has yet.
        if mark.state.load(Relaxed) == DEAD && !unsafe { is_all(block, 0, bytes, FREED) } {
            let wrong = Wrong {
                what: "written after free",
                block: address,
                class: Some(bytes),
                taken: get(&mark.taken),
                freed: get(&mark.freed),
                now: site,
            };
            wrong.end();
        }
        mark.len.store(size as u32, Relaxed);
        mark.state.store(LIVE, Relaxed);
        set(&mark.taken, site);
        // SAFETY: as above.
        unsafe { fill(block, size, bytes, BEHIND) };
    }

    /// A block is freed, or looked at before it is made larger or smaller (then it stays live).
    pub(super) fn watch_put(
        &self,
        block: NonNull<u8>,
        size: usize,
        align: usize,
        site: Site,
        frees: bool,
    ) {
        let address = block.addr().get();
        let mut wrong = Wrong {
            what: "foreign block (no live block of this allocator starts there)",
            block: address,
            class: None,
            taken: Site::UNKNOWN,
            freed: Site::UNKNOWN,
            now: site,
        };
        let asked = Place::of(size, align);
        let Some((slab, offset)) = self.pages.regions().find(address) else {
            let Some(entry) = self.large.find(address) else {
                wrong.end()
            };
            let given = entry.layout.size();
            wrong.class = Some(given);
            let wish = large::layout(size + super::heap::TAIL, align);
            if asked != Place::Alone || wish.is_none_or(|wish| wish.size() != given) {
                wrong.what = "wrong size (the layout is another block's)";
                wrong.end();
            }
            let len = self.large.len(address);
            // SAFETY: a live block, and behind its bytes nobody writes.
            if !unsafe { is_all(block, len, given.min(len + GUARD), BEHIND) } {
                wrong.what = "overflow (bytes behind the block were written to)";
                wrong.end();
            }
            return;
        };
        let Some(class) = self.pages.regions().header(slab).class() else {
            wrong.what = "double free or foreign block (its slab is empty)";
            wrong.end()
        };
        let bytes = classes::size(class);
        wrong.class = Some(bytes);
        if !offset.is_multiple_of(bytes) || offset / bytes >= classes::slots(class) {
            wrong.what = "foreign block (an address within a block)";
            wrong.end();
        }
        let mark = &self.pages.regions().marks(slab)[offset / bytes];
        (wrong.taken, wrong.freed) = (get(&mark.taken), get(&mark.freed));
        let state = mark.state.load(Relaxed);
        if state == DEAD {
            wrong.what = "double free";
            wrong.end();
        }
        wrong.freed = Site::UNKNOWN;
        if state != LIVE {
            wrong.end();
        }
        if asked != Place::Class(classes::index_of(class)) {
            wrong.what = "wrong size (the layout is of another class)";
            wrong.end();
        }
        let len = mark.len.load(Relaxed) as usize;
        // SAFETY: a live block, and behind its bytes nobody writes.
        if !unsafe { is_all(block, len, bytes, BEHIND) } {
            wrong.what = "overflow (bytes behind the block were written to)";
            wrong.end();
        }
        // Two threads may free it at once.
        if frees && mark.state.swap(DEAD, Relaxed) != LIVE {
            wrong.what = "double free";
            wrong.freed = get(&mark.freed);
            wrong.end();
        }
        if frees {
            set(&mark.freed, site);
            // SAFETY: freed now, and not given out yet.
            unsafe { fill(block, 0, bytes, FREED) };
        }
    }

    /// Bytes of the live block in a slot that are the user's.
    pub(super) fn len_of(&self, slab: u32, slot: usize) -> Option<usize> {
        let mark = self.pages.regions().marks(slab).get(slot)?;
        (mark.state.load(Relaxed) == LIVE).then(|| mark.len.load(Relaxed) as usize)
    }

    /// A block is not from here: nothing is.
    pub(super) fn is_foreign(block: NonNull<u8>, site: Site) -> ! {
        let wrong = Wrong {
            what: "double free or foreign block (no live block of this allocator starts there)",
            block: block.addr().get(),
            class: None,
            taken: Site::UNKNOWN,
            freed: Site::UNKNOWN,
            now: site,
        };
        wrong.end()
    }
}

impl Regions {
    /// An empty slab is given to another class, or its memory to the system: that nobody wrote to it is looked at, and
    /// its slots' past is forgotten.
    pub(super) fn forget(&self, slab: u32) {
        let Some(class) = self.header(slab).last_class() else {
            return;
        };
        let bytes = classes::size(class);
        for (slot, mark) in self.marks(slab)[..classes::slots(class)].iter().enumerate() {
            // SAFETY: within the slab.
            let block = unsafe { self.start(slab).add(slot * bytes) };
            // SAFETY: a free slot of a slab that nobody has.
            let is_whole =
                mark.state.load(Relaxed) != DEAD || unsafe { is_all(block, 0, bytes, FREED) };
            if !is_whole {
                let wrong = Wrong {
                    what: "written after free (its slab was empty)",
                    block: block.addr().get(),
                    class: Some(bytes),
                    taken: get(&mark.taken),
                    freed: get(&mark.freed),
                    now: Site::UNKNOWN,
                };
                wrong.end();
            }
            mark.state.store(0, Relaxed);
        }
    }
}
