//! Memory on huge pages.
//!
//! *Transparent* ones are asked for with a word (`MADV_HUGEPAGE`) before the first touch. Whether the
//! kernel has one at hand turns out at each touch; where it must, it is looked up.
//!
//! Those of the *hugetlb* pools, of 2 MiB and 1 GiB, are promised when they are mapped, and may still
//! fail at the first touch, with a signal that ends the process. And a mapping that is placed over
//! another one leaves a hole if it fails. So a block of huge pages is mapped aside, where nobody
//! knows it; bound and populated there by the source below; and when all its pages are there it is
//! moved over its place in the region, in one step.
//!
//! What fails falls back, for the rest of the part and for good: from 1 GiB to 2 MiB to transparent to
//! base. Pages of 1 GiB are for what the first commit asks for: later ones are refills, which must
//! not wait until so much is zeroed.

use super::{ByteRange, PageSource, Refused, Span, Survey, Wish, bytes_of};
use crate::config::PageSize;
use crate::sys;
use std::alloc::Layout;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of huge pages that are mapped in one block at most, unless one page is more. Each block is a
/// mapping of its own, of which the kernel allows 65,530.
const BLOCK: usize = 256 << 20;

/// Memory of another source, on huge pages.
#[derive(Debug)]
pub(crate) struct Paged<S> {
    inner: S,
    pages: PageSize,
    required: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Where the part starts: where the first commit did.
    start: Option<usize>,
    /// Below it, pages may be as large as asked.
    eager: usize,
    /// All of the part below it is committed.
    end: usize,
    /// What is tried next.
    pages: PageSize,
    /// Bytes to map in one block. It shrinks when blocks fail.
    block: usize,
    /// Below it, the kernel was told to join pages.
    advised: usize,
    /// The ranges on hugetlb pages, ascending and apart.
    huge: Vec<Range<usize>>,
    /// What was refused and done without.
    refused: Vec<Refused>,
}

impl<S: PageSource> Paged<S> {
    pub(crate) fn new(inner: S, wish: &Wish) -> Self {
        Self {
            inner,
            pages: wish.pages,
            required: wish.required,
            state: Mutex::new(State {
                start: None,
                eager: 0,
                end: 0,
                pages: wish.pages,
                block: BLOCK,
                advised: 0,
                huge: Vec::new(),
                refused: Vec::new(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What of a range is not on pages of a hugetlb pool, which come first in a part. Those are there,
    /// stay there, and must not be cut by what is below.
    fn beside_huge(&self, range: ByteRange) -> Option<ByteRange> {
        let huge = self.state().huge.last().map_or(0, |huge| huge.end);
        let start = huge.clamp(range.offset, range.end());
        let beside = ByteRange::between(start, range.end());
        (beside.len > 0).then_some(beside)
    }

    /// Commits from the end of what is committed on, up to `to` or beyond.
    ///
    /// # Safety
    ///
    /// As of [`PageSource::commit`].
    unsafe fn grow(
        &self,
        state: &mut State,
        span: &Span,
        to: usize,
        limit: usize,
    ) -> Result<(), Refused> {
        // The last part may use what the span has behind it.
        let room = if limit >= span.layout.size() {
            span.room
        } else {
            limit
        };
        let required = state.start.unwrap_or(0).saturating_add(self.required);
        while state.end < to {
            let from = state.end;
            let gigantic = state.pages == PageSize::Huge1G && from < state.eager.max(required);
            let tried = match state.pages {
                // SAFETY: as the caller says.
                PageSize::Huge1G | PageSize::Huge2M => unsafe {
                    let pages = if gigantic {
                        PageSize::Huge1G
                    } else {
                        PageSize::Huge2M
                    };
                    self.hugetlb(state, span, to, room, pages)
                },
                PageSize::Transparent => advise(state, span, room),
                PageSize::Base => Ok(()),
            };
            match tried {
                Ok(()) if state.end > from => (),
                Ok(()) => {
                    let range = ByteRange::between(from, to);
                    // SAFETY: as the caller says. To be refused this is no matter of page sizes.
                    let end = unsafe { self.inner.commit(span, range, room) }?;
                    if from < required && state.pages == PageSize::Transparent {
                        self.insist(span, ByteRange::between(from, required.min(end)))?;
                    }
                    state.end = end;
                }
                Err(refused) if from < required => return Err(refused),
                Err(refused) => {
                    state.refused.push(refused);
                    state.pages = match state.pages {
                        PageSize::Huge1G if gigantic => PageSize::Huge2M,
                        PageSize::Huge1G | PageSize::Huge2M => PageSize::Transparent,
                        PageSize::Transparent | PageSize::Base => PageSize::Base,
                    };
                    state.block = BLOCK;
                }
            }
            state.end = state.end.min(limit);
        }
        Ok(())
    }

    /// Touches a range that must be on transparent huge pages, and looks whether it is.
    fn insist(&self, span: &Span, range: ByteRange) -> Result<(), Refused> {
        let huge = bytes_of(PageSize::Transparent);
        let end = range.end().next_multiple_of(huge).min(span.room);
        let range = ByteRange::between(range.offset / huge * huge, end);
        self.inner.populate(span, range)?;
        let (first, bytes) = span.cover(range, span.page);
        let mut errno = None;
        // The kernel may be short of something for a moment.
        for _ in 0..4 {
            let granted = self.inner.survey(span, range).granted;
            let joined = granted
                .iter()
                .filter(|granted| granted.pages == PageSize::Transparent);
            if joined.map(|granted| granted.bytes).sum::<usize>() == range.len {
                return Ok(());
            }
            errno = sys::collapse(first, bytes).err();
        }
        Err(Refused {
            call: "madvise(MADV_COLLAPSE)",
            errno,
        })
    }

    /// Commits a block on pages of a hugetlb pool, or none.
    ///
    /// # Safety
    ///
    /// As of [`PageSource::commit`].
    unsafe fn hugetlb(
        &self,
        state: &mut State,
        span: &Span,
        to: usize,
        room: usize,
        pages: PageSize,
    ) -> Result<(), Refused> {
        let page = bytes_of(pages);
        let from = state.end;
        let fits = (room - from) / page * page;
        if fits == 0 || !span.at(from).as_ptr().addr().is_multiple_of(page) {
            return Err(Refused {
                call: "fitting a huge page into what is left of the region",
                errno: None,
            });
        }
        let lacks = match pages {
            PageSize::Huge1G if !sys::has_huge(page) => Some("this kernel has no pages of 1 GiB"),
            _ if !sys::has_huge(page) => Some("this kernel has no pages of 2 MiB"),
            _ if !sys::huge_pages_move() => Some("to move huge pages takes Linux 5.16"),
            _ => None,
        };
        if let Some(call) = lacks {
            return Err(Refused { call, errno: None });
        }
        // Of 1 GiB no more than what was asked for first.
        let to = match pages {
            PageSize::Huge1G => to.min(state.eager.max(from + 1)),
            _ => to,
        };
        let wanted = (to - from).next_multiple_of(page).min(fits);
        let mut bytes = wanted.min(state.block / page * page).max(page);
        loop {
            // SAFETY: as the caller says; the block is within `room` and free of huge pages.
            match unsafe { self.block(span, from, bytes, page, pages) } {
                Ok(()) => break,
                Err(refused) if bytes == page => return Err(refused),
                Err(_) => {
                    bytes = (bytes / 2).next_multiple_of(page);
                    state.block = bytes;
                }
            }
        }
        let end = from + bytes;
        match state.huge.last_mut() {
            Some(last) if last.end == from => last.end = end,
            _ => state.huge.push(from..end),
        }
        state.end = end;
        Ok(())
    }

    /// Puts a block of huge pages at an offset, populated, or changes nothing.
    ///
    /// # Safety
    ///
    /// The block is within the span, and nobody uses its bytes.
    unsafe fn block(
        &self,
        span: &Span,
        offset: usize,
        bytes: usize,
        page: usize,
        pages: PageSize,
    ) -> Result<(), Refused> {
        let memory = sys::hugetlb(page, bytes).map_err(|errno| Refused {
            call: match pages {
                PageSize::Huge1G => "mmap(MAP_HUGETLB | MAP_HUGE_1GB)",
                _ => "mmap(MAP_HUGETLB | MAP_HUGE_2MB)",
            },
            errno: Some(errno),
        })?;
        let aside = Span {
            start: memory,
            layout: Layout::from_size_align(bytes, page).expect("whole pages of the region"),
            room: bytes,
            page,
            outer: (memory, bytes),
        };
        let all = ByteRange::between(0, bytes);
        // SAFETY: nobody but us knows the block.
        let ready = unsafe { self.inner.commit(&aside, all, bytes) }
            .and_then(|_| self.inner.populate(&aside, all));
        let moved = ready.and_then(|()| {
            let place = span.at(offset);
            // SAFETY: both are ours, of that length, and nobody uses a byte of either.
            unsafe { sys::move_over(memory, place, bytes) }.map_err(|errno| {
                // SAFETY: as before.
                unsafe { sys::restore(place, bytes) };
                Refused {
                    call: "mremap",
                    errno: Some(errno),
                }
            })
        });
        if moved.is_err() {
            // SAFETY: mapped above, not moved, and nobody has it.
            unsafe { sys::release(memory, bytes) };
        }
        moved
    }
}

/// Tells the kernel to use transparent huge pages from the end of what is committed on.
fn advise(state: &mut State, span: &Span, end: usize) -> Result<(), Refused> {
    if state.advised >= end {
        return Ok(());
    }
    let (first, bytes) = span.cover(ByteRange::between(state.end, end), span.page);
    sys::advise_huge(first, bytes).map_err(|errno| Refused {
        call: "madvise(MADV_HUGEPAGE)",
        errno: Some(errno),
    })?;
    if sys::transparent_is_off() {
        return Err(Refused {
            call: "/sys/kernel/mm/transparent_hugepage/enabled is `never`",
            errno: None,
        });
    }
    state.advised = end;
    Ok(())
}

// SAFETY: what the inner source gives, with blocks replaced by fresh memory before they are committed
// for the first time, when by contract nobody uses them.
unsafe impl<S: PageSource> PageSource for Paged<S> {
    fn map(&self, layout: Layout) -> Result<Span, Refused> {
        let page = bytes_of(self.pages);
        // Whole huge pages, so that one fits even if the region is smaller.
        let whole = Layout::from_size_align(layout.size(), layout.align().max(page))
            .ok()
            .filter(|whole| whole.size() <= isize::MAX as usize - whole.align())
            .map(|whole| whole.pad_to_align())
            .ok_or(Refused {
                call: "mmap",
                errno: None,
            })?;
        let span = self.inner.map(whole)?;
        Ok(Span { layout, ..span })
    }

    unsafe fn unmap(&self, span: Span) {
        // SAFETY: as the caller says.
        unsafe { self.inner.unmap(span) }
    }

    unsafe fn commit(&self, span: &Span, range: ByteRange, limit: usize) -> Result<usize, Refused> {
        let mut state = self.state();
        let first = state.start.is_none();
        if first {
            state.start = Some(range.offset);
            state.end = range.offset;
            state.eager = range.end();
        }
        if range.end() <= state.end && !first {
            return Ok(state.end);
        }
        // SAFETY: as the caller says.
        unsafe { self.grow(&mut state, span, range.end(), limit) }?;
        Ok(state.end)
    }

    fn populate(&self, span: &Span, range: ByteRange) -> Result<(), Refused> {
        let Some(range) = self.beside_huge(range) else {
            return Ok(());
        };
        self.inner.populate(span, range)?;
        if self.state().pages == PageSize::Transparent {
            // What was touched before huge pages were at hand. No matter if they are not yet.
            let (first, bytes) = span.cover(range, span.page);
            let _ = sys::collapse(first, bytes);
        }
        Ok(())
    }

    fn lock(&self, span: &Span, range: ByteRange) -> Result<(), Refused> {
        match self.beside_huge(range) {
            Some(range) => self.inner.lock(span, range),
            None => Ok(()),
        }
    }

    unsafe fn purge(&self, span: &Span, range: ByteRange) -> bool {
        let on_huge = |huge: &Range<usize>| huge.start < range.end() && range.offset < huge.end;
        if self.state().huge.iter().any(on_huge) {
            return false;
        }
        // SAFETY: as the caller says.
        unsafe { self.inner.purge(span, range) }
    }

    fn purgeable(&self, range: ByteRange) -> usize {
        self.beside_huge(range)
            .map_or(range.end(), |range| self.inner.purgeable(range))
    }

    fn page(&self) -> usize {
        // No parts of a huge page: to purge one would split it.
        bytes_of(PageSize::Transparent).max(self.inner.page())
    }

    fn recommits(&self) -> bool {
        self.inner.recommits()
    }

    fn recommit(&self, span: &Span, range: ByteRange) -> Result<(), Refused> {
        match self.beside_huge(range) {
            Some(range) => self.inner.recommit(span, range),
            None => Ok(()),
        }
    }

    fn survey(&self, span: &Span, range: ByteRange) -> Survey {
        let mut survey = self.inner.survey(span, range);
        survey.refused.extend_from_slice(&self.state().refused);
        survey
    }
}
