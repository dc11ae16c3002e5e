//! What an arena tells of itself.

#![forbid(unsafe_code)]

use std::fmt;

/// The figures of an arena, or of one scope. In bytes, `chunks` excepted. Once a guard was forgotten they may be
/// too low, until the next reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArenaStats {
    /// What is allocated now, with what aligning takes and what remembers destructors. Of a scope: in it,
    /// and in those in it.
    pub allocated: usize,
    /// The most that was allocated at one time, as was seen when a scope ended, at a reset or rollback,
    /// when a chunk was full, and now. Of a scope: in it.
    pub high_water: usize,
    /// The arena's chunks, in use or kept.
    pub chunks: usize,
    /// The address space of all chunks.
    pub reserved: usize,
    /// What is left at the ends of chunks that were too small for the next block: nobody has it until the
    /// scope ends that left it.
    pub slack: usize,
}

impl fmt::Display for ArenaStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} bytes allocated, {} at most, {} reserved in {} chunks, {} slack",
            self.allocated, self.high_water, self.reserved, self.chunks, self.slack
        )
    }
}
