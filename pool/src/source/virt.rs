//! The page source of Windows: `VirtualAlloc`.
//!
//! A span is reserved whole, and committed from its start upwards in growing steps: the system counts
//! what is committed against its limit at once. What is given back is no longer committed.
//!
//! Large pages are committed when they are reserved, and never given back; they take a privilege
//! (`SeLockMemoryPrivilege`). There is one size of them, of 2 MiB, and none that the system joins by
//! itself. A node can be preferred and not insisted on.

use super::tally::Tally;
use super::{ByteRange, PageSource, Refused, Span, Survey, Wish};
use crate::config::PageSize;
use crate::sys::windows::{self as sys, PAGE};
use std::alloc::Layout;
use std::sync::{Mutex, PoisonError};

/// Bytes to commit at a time, at first and at most.
const STEPS: (usize, usize) = (64 << 10, 1 << 20);

/// Bytes that are asked about at a time.
const WINDOW: usize = 16 << 20;

/// Memory from `VirtualAlloc`.
#[derive(Debug)]
pub(crate) struct Virtual {
    wish: Wish,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Bytes to commit next time.
    step: usize,
    /// What was refused and done without.
    refused: Vec<Refused>,
}

fn refused(call: &'static str, errno: Option<i32>) -> Refused {
    Refused { call, errno }
}

impl Virtual {
    pub(crate) fn new(wish: &Wish) -> Self {
        Self {
            wish: *wish,
            state: Mutex::new(State {
                step: STEPS.0,
                refused: Vec::new(),
            }),
        }
    }

    /// Does without something, or not.
    fn miss(&self, refused: Refused, required: bool) -> Result<(), Refused> {
        if required {
            return Err(refused);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.refused.contains(&refused) {
            state.refused.push(refused);
        }
        Ok(())
    }

    /// A span on large pages, if they are asked for and there are any.
    fn map_large(&self, layout: Layout) -> Result<Option<Span>, Refused> {
        let required = self.wish.required > 0;
        match self.wish.pages {
            PageSize::Base => return Ok(None),
            PageSize::Transparent => {
                let none = refused("joining pages to huge ones, on Windows", None);
                return self.miss(none, required).map(|()| None);
            }
            PageSize::Huge1G => {
                let none = refused("large pages of 1 GiB, on Windows", None);
                self.miss(none, required)?;
            }
            PageSize::Huge2M => (),
        }
        let Some(page) = sys::large_page() else {
            let none = refused("GetLargePageMinimum", None);
            return self.miss(none, required).map(|()| None);
        };
        let align = layout.align().max(page);
        let slack = align - page;
        let whole = layout
            .size()
            .checked_next_multiple_of(page)
            .and_then(|room| Some((room, room.checked_add(slack)?)));
        let Some((room, bytes)) = whole else {
            return Err(refused("VirtualAlloc", None));
        };
        match sys::reserve_large(bytes) {
            Ok(base) => {
                let skip = base.as_ptr().addr().wrapping_neg() % align;
                debug_assert!(skip <= slack);
                // SAFETY: at most the slack that was reserved before the size.
                let start = unsafe { base.add(skip) };
                Ok(Some(Span {
                    start,
                    layout,
                    room,
                    page,
                    outer: (base, bytes),
                }))
            }
            Err(errno) => {
                let none = refused("VirtualAlloc(MEM_LARGE_PAGES)", Some(errno));
                self.miss(none, required).map(|()| None)
            }
        }
    }
}

// SAFETY: the system gives fresh addresses that nothing else has, and fresh memory behind them when
// they are committed. `sys::populate`, `lock` and `decommit` are for the given range only.
unsafe impl PageSource for Virtual {
    fn map(&self, layout: Layout) -> Result<Span, Refused> {
        if let Some(span) = self.map_large(layout)? {
            return Ok(span);
        }
        // Pages that are never committed, before and behind: nobody may touch them.
        let guard = if cfg!(feature = "checked") { PAGE } else { 0 };
        let align = layout.align().max(PAGE);
        let room = layout.size().checked_next_multiple_of(PAGE);
        let (room, bytes) = room
            .and_then(|room| Some((room, room.checked_add(align - PAGE + 2 * guard)?)))
            .ok_or(refused("VirtualAlloc", None))?;
        let base = sys::reserve(bytes)
            .map_err(|errno| refused("VirtualAlloc(MEM_RESERVE)", Some(errno)))?;
        let skip = guard + (base.as_ptr().addr() + guard).wrapping_neg() % align;
        debug_assert!(skip + room + guard <= bytes);
        // SAFETY: within the reservation.
        let start = unsafe { base.add(skip) };
        Ok(Span {
            start,
            layout,
            room,
            page: PAGE,
            outer: (base, bytes),
        })
    }

    unsafe fn unmap(&self, span: Span) {
        // SAFETY: `map` reserved it, and by contract nobody uses it again.
        unsafe { sys::release(span.outer.0) };
    }

    unsafe fn commit(&self, span: &Span, range: ByteRange, limit: usize) -> Result<usize, Refused> {
        if self.wish.node.is_some() && self.wish.strict {
            return Err(refused("binding memory strictly, on Windows", None));
        }
        if span.page > PAGE {
            return Ok(limit); // Committed already.
        }
        if limit == range.offset {
            return Ok(limit); // Nothing is asked, and nothing may be added.
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let commit = |end| {
            let (first, bytes) = span.cover(ByteRange::between(range.offset, end), PAGE);
            sys::commit(first, bytes, self.wish.node)
        };
        let ahead = (range.offset + state.step)
            .max(range.end().next_multiple_of(PAGE))
            .min(limit);
        state.step = (state.step * 2).min(STEPS.1);
        if commit(ahead).is_ok() {
            return Ok(ahead);
        }
        // No more than what is needed.
        let end = range.end().next_multiple_of(PAGE).min(limit);
        commit(end).map_err(|errno| refused("VirtualAlloc(MEM_COMMIT)", Some(errno)))?;
        Ok(end)
    }

    fn populate(&self, span: &Span, range: ByteRange) -> Result<(), Refused> {
        let (first, bytes) = span.cover(range, PAGE);
        sys::populate(first, bytes).map_err(|errno| refused("ReadProcessMemory", Some(errno)))
    }

    fn lock(&self, span: &Span, range: ByteRange) -> Result<(), Refused> {
        if span.page > PAGE {
            return Ok(()); // Large pages always are.
        }
        let (first, bytes) = span.cover(range, PAGE);
        sys::lock(first, bytes).map_err(|errno| refused("VirtualLock", Some(errno)))
    }

    unsafe fn purge(&self, span: &Span, range: ByteRange) -> bool {
        if span.page > PAGE {
            return false;
        }
        // SAFETY: whole pages, whose bytes nobody uses, by contract.
        unsafe { sys::decommit(span.at(range.offset), range.len) }
    }

    fn page(&self) -> usize {
        PAGE
    }

    fn recommits(&self) -> bool {
        true
    }

    fn recommit(&self, span: &Span, range: ByteRange) -> Result<(), Refused> {
        if span.page > PAGE {
            return Ok(());
        }
        // What is committed already stays as it is.
        let (first, bytes) = span.cover(range, PAGE);
        sys::commit(first, bytes, self.wish.node)
            .map_err(|errno| refused("VirtualAlloc(MEM_COMMIT)", Some(errno)))
    }

    fn survey(&self, span: &Span, range: ByteRange) -> Survey {
        let (first, bytes) = span.cover(range, PAGE);
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut survey = Survey {
            refused: state.refused.clone(),
            ..Survey::default()
        };
        drop(state);
        let mut tally = Tally::default();
        for from in (0..bytes).step_by(WINDOW) {
            let pages = WINDOW.min(bytes - from) / PAGE;
            let found = match sys::resident(first.as_ptr().wrapping_add(from), pages) {
                Ok(found) => found,
                Err(errno) => {
                    survey
                        .refused
                        .push(refused("QueryWorkingSetEx", Some(errno)));
                    break;
                }
            };
            for page in found.into_iter().flatten() {
                let pages = if page.large {
                    PageSize::Huge2M
                } else {
                    PageSize::Base
                };
                tally.add(pages, Some(page.node), PAGE);
                if page.locked || page.large {
                    survey.locked += PAGE;
                }
            }
        }
        survey.granted = tally.finish();
        survey
    }
}
