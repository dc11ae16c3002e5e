//! What a pool turned out to be.

use super::Ask;
use pool::{InitError, Memory, PageSize, Region};

/// An ask, and what came of it.
#[derive(Debug)]
pub struct Outcome {
    /// What was asked for.
    pub ask: Ask,
    /// What there is, or why there is nothing.
    pub answer: Result<Answer, InitError>,
}

/// What there is, while objects are live on every node.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The memory, a part a node.
    pub parts: Vec<Part>,
    /// The threads, one a node.
    pub users: Vec<User>,
}

/// The memory of a pool on one node: a [`pool::Region`] without what was asked.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// The node that the memory was asked to be on; `None` on a machine with one.
    pub node: Option<u32>,
    /// Bytes of address space.
    pub reserved: usize,
    /// The memory that is there.
    pub granted: Vec<Piece>,
    /// Bytes that are locked.
    pub locked: usize,
    /// What was refused and done without.
    pub refused: Vec<String>,
}

/// Memory of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    /// The pages that it is made of.
    pub pages: PageSize,
    /// The node that it is on, if the system says.
    pub node: Option<u32>,
    /// How much.
    pub bytes: usize,
}

/// What a thread had of a pool.
#[derive(Debug, Clone, Default)]
pub struct User {
    /// The node that it was tied to, if it was.
    pub node: Option<u32>,
    /// The objects that it has.
    pub objects: usize,
    /// How many of them are in another node's part of the pool.
    pub elsewhere: usize,
    /// Why it has no more, if it wanted more.
    pub refused: Option<String>,
}

impl From<&Region> for Part {
    fn from(region: &Region) -> Self {
        let piece = |granted: &pool::Granted| Piece {
            pages: granted.pages,
            node: granted.node,
            bytes: granted.bytes,
        };
        Self {
            node: region.node,
            reserved: region.bytes_reserved,
            granted: region.granted.iter().map(piece).collect(),
            locked: region.bytes_locked,
            refused: region.refused.clone(),
        }
    }
}

impl Answer {
    /// What a pool's memory is, and who uses it.
    #[must_use]
    pub fn new(memory: &Memory, users: Vec<User>) -> Self {
        Self {
            parts: memory.regions.iter().map(Part::from).collect(),
            users,
        }
    }

    /// The memory that is there.
    pub fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.parts.iter().flat_map(|part| &part.granted)
    }

    /// Bytes that are there, of some pages.
    #[must_use]
    pub fn bytes(&self, wanted: impl Fn(PageSize) -> bool) -> usize {
        let pieces = self.pieces().filter(|piece| wanted(piece.pages));
        pieces.map(|piece| piece.bytes).sum()
    }

    /// Bytes that are locked.
    #[must_use]
    pub fn locked(&self) -> usize {
        self.parts.iter().map(|part| part.locked).sum()
    }
}
