//! Slabs by number, and by address.
//!
//! A region is one reservation: slabs, and behind them their headers. The first is as large as the machine's memory
//! allows many times over, so that there is hardly ever a second one, unless the system refuses that much; then they
//! are a quarter of what there is, so that no more is reserved than that beyond what is needed. What is not carved
//! yet is not open: it costs nothing, is not counted by the system as promised memory, and is not filled by who locks
//! all of his.

#![allow(unsafe_code)]

#[cfg(feature = "checked")]
use super::checked::Marks;
use super::classes::SLAB;
use super::header::Header;
use crate::source::block::{self, Errno};
use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// The most regions, and the bits of a slab's number that say where in its region it is.
const REGIONS: usize = 256;
const BITS: u32 = 24;

/// The most slabs of a region: numbers begin at 1.
const MOST: usize = (1 << BITS) - 1;

/// Bytes of slabs of the smallest region, unless less than that is refused as well.
const SMALL: usize = if cfg!(miri) { SLAB * 4 } else { 16 << 20 };

/// Bytes of the first region's slabs if nobody says how much memory there is: 64 GiB, or what has so many addresses.
const UNKNOWN: usize = if usize::BITS < 64 {
    1 << 30
} else {
    1 << (36 % usize::BITS)
};

/// Slabs that are opened at a time, at first and at most.
const STEPS: (usize, usize) = (16, 256);

/// All regions. Zeros are none.
pub(super) struct Regions {
    count: AtomicUsize,
    list: [Region; REGIONS],
}

struct Region {
    start: AtomicPtr<u8>,
    headers: AtomicPtr<Header>,
    #[cfg(feature = "checked")]
    marks: AtomicPtr<Marks>,
    /// Slabs that there is room for.
    slabs: AtomicUsize,
    /// Slabs that are carved: they and their headers may be touched.
    carved: AtomicUsize,
}

/// Where the next slab is carved; whose lock is the pages'. Zeros are the beginning.
pub(super) struct Carver {
    /// Slabs of the last region that are open.
    opened: usize,
    /// Bytes of its headers that are open, and of its marks.
    headers: usize,
    #[cfg(feature = "checked")]
    marks: usize,
    /// Slabs to open next time.
    step: usize,
    /// Bytes of the next region's slabs; zero before the first.
    next: usize,
    /// Bytes that are reserved.
    pub(super) reserved: usize,
}

/// What a region has room for, as offsets.
struct Plan {
    headers: usize,
    #[cfg(feature = "checked")]
    marks: usize,
    layout: Layout,
}

impl Plan {
    fn new(slabs: usize) -> Option<Self> {
        let headers = slabs.checked_mul(SLAB)?;
        let end = headers.checked_add(slabs.checked_mul(size_of::<Header>())?)?;
        let end = end.checked_next_multiple_of(block::page())?;
        #[cfg(feature = "checked")]
        let marks = end;
        #[cfg(feature = "checked")]
        let end = end.checked_add(slabs.checked_mul(size_of::<Marks>())?)?;
        let end = end.checked_next_multiple_of(block::page())?;
        Some(Self {
            headers,
            #[cfg(feature = "checked")]
            marks,
            layout: Layout::from_size_align(end, SLAB).ok()?,
        })
    }
}

/// Bytes of the first region's slabs, on a machine of so much memory; zero is an unknown one.
fn wish(physical: usize) -> usize {
    // Addresses are not memory: four times what there is will not do for less.
    match physical.checked_next_power_of_two() {
        _ if physical == 0 => UNKNOWN,
        Some(memory) => memory.saturating_mul(4),
        None => usize::MAX,
    }
}

impl Carver {
    /// Begins with a small region: it is one of many.
    pub(super) fn begin_small(&mut self) {
        self.next = SMALL;
    }
}

impl Regions {
    /// The region of a slab, and where it is there.
    fn place(&self, slab: u32) -> (&Region, usize) {
        // A number that was given out is in bounds; the masks say so to the compiler.
        let region = &self.list[(slab >> BITS) as usize % REGIONS];
        (region, (slab as usize & MOST) - 1)
    }

    /// A carved slab's header.
    pub(super) fn header(&self, slab: u32) -> &Header {
        let (region, at) = self.place(slab);
        debug_assert!(at < region.carved.load(Ordering::Relaxed));
        let headers = region.headers.load(Ordering::Relaxed);
        // SAFETY: one of the region's headers.
        let header = unsafe { headers.add(at) };
        // SAFETY: open since the slab was carved; zeros are a header, and only atomics change. The
        // region lives as long as this.
        unsafe { &*header }
    }

    /// The marks of a carved slab's slots.
    #[cfg(feature = "checked")]
    pub(super) fn marks(&self, slab: u32) -> &Marks {
        let (region, at) = self.place(slab);
        // SAFETY: one of the region's.
        let marks = unsafe { region.marks.load(Ordering::Relaxed).add(at) };
        // SAFETY: as for `header`.
        unsafe { &*marks }
    }

    /// A carved slab's first byte.
    pub(super) fn start(&self, slab: u32) -> NonNull<u8> {
        let (region, at) = self.place(slab);
        let start = region.start.load(Ordering::Relaxed);
        // SAFETY: one of the region's slabs.
        let start = unsafe { start.add(at * SLAB) };
        // SAFETY: within an allocation, hence not null.
        unsafe { NonNull::new_unchecked(start) }
    }

    /// The carved slab that an address is in, and how many bytes behind its start.
    pub(super) fn find(&self, address: usize) -> Option<(u32, usize)> {
        // Acquire: the region's fields, which were set before.
        let count = self.count.load(Ordering::Acquire);
        for (index, region) in self.list.iter().take(count).enumerate() {
            let start = region.start.load(Ordering::Relaxed).addr();
            let offset = address.wrapping_sub(start);
            // Acquire: that its header is open.
            if offset / SLAB < region.carved.load(Ordering::Acquire) {
                let at = (offset / SLAB) as u32 + 1;
                return Some(((index as u32) << BITS | at, offset % SLAB));
            }
        }
        None
    }

    /// A slab that nobody had before. Its bytes, and those of its header, are zero.
    pub(super) fn carve(&self, carver: &mut Carver) -> Result<u32, Errno> {
        loop {
            let count = self.count.load(Ordering::Relaxed);
            if let Some(region) = count.checked_sub(1).and_then(|last| self.list.get(last)) {
                let at = region.carved.load(Ordering::Relaxed);
                if at < region.slabs.load(Ordering::Relaxed) {
                    if at == carver.opened {
                        open_more(region, carver)?;
                    }
                    region.carved.store(at + 1, Ordering::Release);
                    return Ok((count as u32 - 1) << BITS | (at as u32 + 1));
                }
            }
            self.add(carver)?;
        }
    }

    fn add(&self, carver: &mut Carver) -> Result<(), Errno> {
        let count = self.count.load(Ordering::Relaxed);
        let region = self.list.get(count).ok_or(None)?;
        let wish = match carver.next {
            0 if cfg!(miri) => SMALL,
            0 => wish(block::physical()),
            next => next,
        };
        let mut slabs = (wish / SLAB).clamp(1, MOST);
        let (start, plan) = loop {
            let refused = match Plan::new(slabs) {
                None => None,
                Some(plan) => match block::reserve(plan.layout) {
                    Ok(start) => break (start, plan),
                    Err(errno) => errno,
                },
            };
            // No more than needed where addresses are rare.
            slabs = if slabs > SMALL / SLAB && carver.next == 0 {
                SMALL / SLAB
            } else if slabs > STEPS.0 || (count == 0 && slabs > 1) {
                slabs / 2 // Not too small: there are only so many regions.
            } else {
                return Err(refused);
            };
        };
        carver.reserved += plan.layout.size();
        carver.next = (carver.reserved / 4).max(SMALL);
        (carver.opened, carver.headers, carver.step) = (0, 0, STEPS.0);
        // SAFETY: the headers are behind the slabs.
        let headers = unsafe { start.add(plan.headers) };
        #[cfg(feature = "checked")]
        {
            // SAFETY: the marks are behind the headers.
            let marks = unsafe { start.add(plan.marks) };
            region.marks.store(marks.as_ptr().cast(), Ordering::Relaxed);
            carver.marks = 0;
        }
        region.start.store(start.as_ptr(), Ordering::Relaxed);
        region
            .headers
            .store(headers.as_ptr().cast(), Ordering::Relaxed);
        region.slabs.store(slabs, Ordering::Relaxed);
        // Release: for `find`.
        self.count.store(count + 1, Ordering::Release);
        Ok(())
    }

    /// Gives all regions back.
    ///
    /// # Safety
    ///
    /// Nobody uses a slab again, or a header.
    pub(super) unsafe fn unmap(&self) {
        for region in self.list.iter().take(self.count.load(Ordering::Acquire)) {
            let start = NonNull::new(region.start.load(Ordering::Relaxed));
            let plan = Plan::new(region.slabs.load(Ordering::Relaxed));
            if let (Some(start), Some(plan)) = (start, plan) {
                // SAFETY: reserved with this layout; by contract.
                unsafe { block::unmap(start, plan.layout) };
            }
        }
    }
}

/// Opens slabs behind those that are, and their headers.
fn open_more(region: &Region, carver: &mut Carver) -> Result<(), Errno> {
    let left = region.slabs.load(Ordering::Relaxed) - carver.opened;
    let opened = open(region, carver, carver.step.min(left));
    carver.step = (carver.step * 2).min(STEPS.1);
    // No more than needed, if that is refused.
    opened.or_else(|_| open(region, carver, 1))
}

fn open(region: &Region, carver: &mut Carver, slabs: usize) -> Result<(), Errno> {
    let headers = (carver.opened + slabs) * size_of::<Header>();
    let headers = headers.next_multiple_of(block::page());
    if headers > carver.headers {
        let first = region.headers.load(Ordering::Relaxed).cast::<u8>();
        open_at(first, carver.headers, headers - carver.headers)?;
        carver.headers = headers;
    }
    #[cfg(feature = "checked")]
    {
        let marks = (carver.opened + slabs) * size_of::<Marks>();
        let marks = marks.next_multiple_of(block::page());
        let first = region.marks.load(Ordering::Relaxed).cast::<u8>();
        open_at(first, carver.marks, marks - carver.marks)?;
        carver.marks = marks;
    }
    let first = region.start.load(Ordering::Relaxed);
    open_at(first, carver.opened * SLAB, slabs * SLAB)?;
    carver.opened += slabs;
    Ok(())
}

/// Opens bytes of a region: whole pages.
fn open_at(first: *mut u8, offset: usize, bytes: usize) -> Result<(), Errno> {
    // SAFETY: within the region.
    let start = unsafe { first.add(offset) };
    let start = NonNull::new(start).ok_or(None)?;
    // SAFETY: whole pages: slabs and headers begin at one, and both lengths are multiples.
    unsafe { block::open(start, bytes) }
}
