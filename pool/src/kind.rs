//! What a type wants of its slots. It is compiled into the type's handles, so that types that want
//! nothing pay for nothing.

#![forbid(unsafe_code)]

use crate::config::{OnFull, PoolConfig};
use crate::error::InitError;

/// The attributes that handles are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    pub(crate) shared: bool,
    pub(crate) recycled: bool,
    pub(crate) scrubbed: bool,
    pub(crate) on_full: OnFull,
}

impl Kind {
    /// A type that wants nothing.
    pub const PLAIN: Self = Self {
        shared: false,
        recycled: false,
        scrubbed: false,
        on_full: OnFull::Error,
    };

    /// Slots have a header with a count of owners and a generation: `shared`.
    pub const fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Free slots may hold an object: `recycle`.
    pub const fn recycled(mut self) -> Self {
        self.recycled = true;
        self
    }

    /// Free slots hold zeros: `scrub`.
    pub const fn scrubbed(mut self) -> Self {
        self.scrubbed = true;
        self
    }

    /// What is done when the pool is full: `on_full`.
    pub const fn on_full(mut self, on_full: OnFull) -> Self {
        self.on_full = on_full;
        self
    }

    /// The kind of a pool that is a value: what its configuration says.
    pub(crate) const fn of(config: &PoolConfig) -> Self {
        let kind = Self::PLAIN.on_full(config.on_full);
        if config.scrub { kind.scrubbed() } else { kind }
    }

    /// Whether slots have a header.
    pub(crate) const fn has_header(self) -> bool {
        self.shared || self.recycled
    }

    /// Whether an object may be on the heap.
    pub(crate) const fn overflows(self) -> bool {
        matches!(self.on_full, OnFull::Heap)
    }

    /// Whether somebody may wait for a free slot.
    pub(crate) const fn waits(self) -> bool {
        matches!(self.on_full, OnFull::Wait)
    }

    /// Whether there is more to a free than to put the slot away.
    pub(crate) const fn looks_at_frees(self) -> bool {
        self.scrubbed || self.overflows() || self.waits()
    }

    /// Refuses what handles of this kind are not compiled for.
    pub(crate) fn check(self, config: &PoolConfig) -> Result<(), InitError> {
        let on_full = config.on_full;
        let attribute = match on_full {
            _ if config.scrub && !self.scrubbed => "scrub",
            OnFull::Error => return Ok(()),
            _ if on_full == self.on_full => return Ok(()),
            OnFull::Heap => "on_full = \"heap\"",
            OnFull::Wait => "on_full = \"wait\"",
        };
        Err(InitError::NotInAttributes { attribute })
    }
}
