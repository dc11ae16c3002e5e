//! Checkpoints: places to go back to.

#![allow(unsafe_code)]

use super::Arena;
use super::chunk::Piece;
use super::chunks::Account;
use super::entry::Mark;
use super::full::ArenaFull;
use std::error::Error;
use std::fmt;

/// A place in an [`Arena`], from [`Arena::checkpoint`], to which [`Arena::rollback`] goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "it is for `Arena::rollback`"]
pub struct Checkpoint {
    arena: u64,
    stamp: u64,
}

/// Why an [`Arena`] did not go back to a [`Checkpoint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RollbackError {
    /// It is a place in another arena.
    OtherArena,
    /// The place is gone: a rollback to an earlier one, or a reset, has passed it.
    RolledPast,
}

impl fmt::Display for RollbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherArena => {
                "the checkpoint is of another arena: roll that one back, or take one of this"
            }
            Self::RolledPast => {
                "the checkpoint was rolled past: a rollback to an earlier one, or a reset, came after it; \
                 take a new one"
            }
        })
    }
}

impl Error for RollbackError {}

/// What was free then, and what the chunks were.
type Then = (Piece, Account);

impl Arena {
    /// Marks a place to go back to. It takes some 100 bytes of the arena, if anything was allocated since the
    /// last one.
    ///
    /// ```
    /// use pool::Arena;
    ///
    /// let mut arena = Arena::new();
    /// arena.alloc(1);
    /// let before = arena.checkpoint();
    /// arena.alloc_slice_copy(&[7; 1000]);
    /// arena.rollback(before)?;
    /// assert!(arena.stats().allocated < 200);
    /// # Ok::<(), pool::RollbackError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if there is no memory.
    #[track_caller]
    pub fn checkpoint(&self) -> Checkpoint {
        self.try_checkpoint().unwrap_or_else(|full| full.panic())
    }

    /// Marks a place to go back to, if there is room for it.
    ///
    /// # Errors
    ///
    /// There is no room.
    pub fn try_checkpoint(&self) -> Result<Checkpoint, ArenaFull> {
        let arena = self.chunks.id();
        if let Some(stamp) = self.stamp_here() {
            return Ok(Checkpoint { arena, stamp });
        }
        let room = self.place().room_for::<Mark<Then>>();
        let mark = room.map_err(|refusal| refusal.with(()))?;
        let stamp = self.stamps.get();
        self.stamps.set(stamp + 1);
        // SAFETY: a block for it, which nobody else has.
        unsafe { self.held.entries.mark(mark, stamp, self.now()) };
        Ok(Checkpoint { arena, stamp })
    }

    fn now(&self) -> Then {
        (self.free.piece(), self.chunks.account(&self.held))
    }

    /// The newest mark's, if nothing was allocated since.
    fn stamp_here(&self) -> Option<u64> {
        // SAFETY: all marks of arenas have such places.
        let mark = unsafe { self.held.entries.newest_mark::<Then>() }?;
        // SAFETY: marks in the list are valid.
        let Mark { stamp, place, .. } = unsafe { mark.as_ref() };
        let (piece, account) = place;
        let same = *piece == self.free.piece() && account.is_of(&self.held);
        same.then_some(*stamp)
    }

    /// Goes back to a checkpoint: what was allocated since is released, values with destructors dropped,
    /// newest first. The checkpoint is good for another time.
    ///
    /// No reference into the arena can be alive: this asks for the arena itself. What was allocated before
    /// stays; what has to be used afterwards is better allocated around a [`Scope`](crate::Scope), in which
    /// all older references can be used.
    ///
    /// O(destructors and checkpoints since then), and O(chunks) if there are new ones.
    ///
    /// # Errors
    ///
    /// The checkpoint is another arena's, or was rolled past. Nothing is changed then.
    ///
    /// # Panics
    ///
    /// Panics if a destructor does: the others are run all the same.
    pub fn rollback(&mut self, to: Checkpoint) -> Result<(), RollbackError> {
        if to.arena != self.chunks.id() {
            return Err(RollbackError::OtherArena);
        }
        // SAFETY: all marks of arenas have such places; the list is not changed meanwhile.
        let mut marks = unsafe { self.held.entries.marks::<Then>() };
        // SAFETY: marks in the list are valid.
        let mark = marks.find(|mark| unsafe { mark.as_ref() }.stamp == to.stamp);
        drop(marks);
        let mark = mark.ok_or(RollbackError::RolledPast)?;
        // SAFETY: as above.
        let (piece, account) = unsafe { mark.as_ref() }.place;
        self.free.note_peak(self.free.peak(&self.chunks));
        self.release(mark.cast().as_ptr(), |arena| {
            arena.chunks.restore(&arena.held, account);
            arena.free.restart(&arena.held, piece);
        });
        Ok(())
    }
}
