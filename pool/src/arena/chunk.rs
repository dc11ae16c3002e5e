//! A chunk, and pieces of it.

#![allow(unsafe_code)]

use super::config::ArenaConfig;
use super::full::Cause;
use super::piece::{LOWEST, UNIT, cut_high, cut_low};
use crate::config::{NumaPolicy, PageSize};
use crate::error::InitError;
use crate::source::{self, ByteRange, PageSource, Refused, Span, Wish};
use std::alloc::Layout;
use std::num::NonZero;
use std::ptr::NonNull;

/// The number of a chunk; [`NONE`] is none's.
pub(super) type Number = u32;

/// No chunk: below the lowest, and of who has none.
pub(super) const NONE: Number = 0;

/// Which end of a piece a block is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Low,
    High,
}

/// A free piece of a chunk: what is bumped through. Multiples of [`UNIT`], both, and at least [`LOWEST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its first byte, with the right to reach all of the chunk.
    pub(super) low: NonNull<u8>,
    /// The byte behind its last, likewise.
    pub(super) high: NonNull<u8>,
}

impl Piece {
    /// Of no chunk.
    pub(super) const NONE: Self = {
        let nowhere = NonNull::without_provenance(NonZero::new(LOWEST).unwrap());
        Self {
            low: nowhere,
            high: nowhere,
        }
    };

    /// Its bytes.
    #[inline(always)]
    pub(super) fn room(self) -> usize {
        self.high.as_ptr().addr() - self.low.as_ptr().addr()
    }

    /// Cuts a block off the high end, see [`cut_high`]. The rest ends where it starts.
    #[inline(always)]
    pub(super) fn cut_high(self, size: usize, align: usize, small: bool) -> Option<NonNull<u8>> {
        let (low, high) = (self.low.as_ptr().addr(), self.high.as_ptr().addr());
        let block = cut_high(low, high, size, align, small)?;
        // SAFETY: in the piece, as that says.
        Some(unsafe { self.at(block) })
    }

    /// Cuts a block off the low end. Returns it, and where the rest starts.
    #[inline(always)]
    pub(super) fn cut_low(self, size: usize, align: usize) -> Option<(NonNull<u8>, NonNull<u8>)> {
        let (low, high) = (self.low.as_ptr().addr(), self.high.as_ptr().addr());
        let (block, rest) = cut_low(low, high, size, align)?;
        // SAFETY: in the piece, as that says.
        let block = unsafe { self.at(block) };
        // SAFETY: as above, or behind it.
        Some((block, unsafe { self.at(rest) }))
    }

    /// Cuts a block off one end. Returns it, and the rest.
    pub(super) fn cut(self, size: usize, align: usize, end: End) -> Option<(NonNull<u8>, Self)> {
        match end {
            End::High => {
                let high = self.cut_high(size, align, false)?;
                Some((high, Self { high, ..self }))
            }
            End::Low => {
                let (block, low) = self.cut_low(size, align)?;
                Some((block, Self { low, ..self }))
            }
        }
    }

    /// The byte at an address in the piece, or behind it.
    ///
    /// # Safety
    ///
    /// It is that.
    #[inline(always)]
    unsafe fn at(self, address: usize) -> NonNull<u8> {
        let back = self.high.as_ptr().addr() - address;
        // SAFETY: by contract within the piece.
        unsafe { self.high.sub(back) }
    }
}

#[derive(Debug)]
pub(super) struct Chunk {
    span: Span,
    source: Box<dyn PageSource>,
    /// All that can be allocated of it.
    pub(super) whole: Piece,
    /// The next of the stack that it is in.
    pub(super) below: Number,
    /// Bytes of what was free before in which a block found no room, or that came back too late: nobody has
    /// them until this is given up.
    pub(super) left: usize,
}

impl Chunk {
    /// Maps memory for a chunk. `wanted` bytes of it can be allocated, or as many more as there are, but no
    /// more than `most`.
    pub(super) fn map(
        config: &ArenaConfig,
        wanted: usize,
        most: usize,
        node: Option<u32>,
    ) -> Result<Self, Cause> {
        let granule = source::granule(config.pages).max(source::bytes_of(PageSize::Base));
        // The first unit is nobody's: so no block ends where another chunk's first one starts.
        let bytes = wanted
            .checked_add(UNIT)
            .and_then(|bytes| bytes.checked_next_multiple_of(granule))
            .ok_or(Cause::TooLarge)?;
        let layout = Layout::from_size_align(bytes, granule).map_err(|_| Cause::TooLarge)?;
        let wish = Wish {
            pages: config.pages,
            required: if config.pages_required { bytes } else { 0 },
            node,
            strict: config.numa == NumaPolicy::LocalOnly,
        };
        let source = source::source(&wish);
        #[cfg(all(test, not(loom)))]
        let source = super::tests::watched(source);
        let span = source.map(layout).map_err(|Refused { call, errno }| {
            Cause::System(InitError::Reserve { bytes, call, errno })
        })?;
        // SAFETY: at most the end of what was mapped.
        let low = unsafe { span.start.add(UNIT) };
        assert!(low.as_ptr().addr() >= LOWEST, "a page that no system maps");
        // SAFETY: as above.
        let high = unsafe { low.add((bytes - UNIT).min(most)) };
        let chunk = Self {
            whole: Piece { low, high },
            span,
            source,
            below: NONE,
            left: 0,
        };
        match chunk.make_usable(config, &wish) {
            Ok(()) => Ok(chunk),
            Err(error) => {
                chunk.unmap();
                Err(Cause::System(error))
            }
        }
    }

    /// Bytes of address space.
    pub(super) fn bytes(&self) -> usize {
        self.span.layout.size()
    }

    /// Has the memory be there, as far as it is asked to.
    fn make_usable(&self, config: &ArenaConfig, wish: &Wish) -> Result<(), InitError> {
        let bytes = self.bytes();
        let all = ByteRange {
            offset: 0,
            len: bytes,
        };
        let required = config.pages_required.then_some(config.pages);
        let refused = |why: Refused| why.of_memory(bytes, required, wish.node, wish.strict);
        // SAFETY: all of the span, which nobody uses yet.
        unsafe { self.source.commit(&self.span, all, bytes) }.map_err(refused)?;
        if config.prefault {
            match self.source.populate(&self.span, all) {
                // There is no call for it here, or not yet.
                Err(refused) if source::cannot_populate(refused.errno) => {
                    // SAFETY: committed, and nobody uses it yet.
                    unsafe { self.span.touch(all) };
                }
                other => other.map_err(refused)?,
            }
        }
        if config.lock {
            let locked = self.source.lock(&self.span, all);
            locked.map_err(|refused| refused.of_lock(bytes))?;
        }
        Ok(())
    }

    pub(super) fn unmap(self) {
        // SAFETY: its own span. It is new, or nobody has it, or the arena ends, which borrows nothing out.
        unsafe { self.source.unmap(self.span) };
    }
}
