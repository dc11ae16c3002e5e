//! The broad phase: a grid of cells tells which bodies may touch.
//!
//! Bodies are sorted into cells by counting, so their order is always the same. A cell is wider than
//! any body, so a body can touch those of its own cell and of the eight around it. Each cell asks half
//! of them, and makes a list of its own of the pairs it finds, as if each were a job of its own.

use super::body::{Body, Room, WIDEST};
use super::memory::{List, Memory};
use super::vector::Vector;
use std::ops::RangeInclusive;

/// How wide a cell is: three or four bodies are in one.
const CELL: f64 = 4.0 * WIDEST;

/// Two bodies that may touch; the first has the smaller number.
pub type Pair = (u32, u32);

/// What the grid knows of a body: bodies of one cell lie side by side.
#[derive(Debug, Clone, Copy)]
struct Placed {
    place: Vector,
    radius: f64,
    body: u32,
}

impl Placed {
    /// Whether the squares around both overlap.
    fn near(&self, other: &Self) -> bool {
        let reach = self.radius + other.radius;
        let apart = other.place - self.place;
        // Both are always asked: which of them says no cannot be foreseen.
        (apart.x.abs() < reach) & (apart.y.abs() < reach)
    }

    fn pair(&self, other: &Self) -> Pair {
        (self.body.min(other.body), self.body.max(other.body))
    }
}

/// Bodies in their cells.
pub struct Grid<'m, M: Memory<'m>> {
    columns: usize,
    rows: usize,
    /// Where each cell begins in `placed`, and where the last one ends.
    starts: M::Slice<u32>,
    placed: M::Slice<Placed>,
}

impl<'m, M: Memory<'m>> Grid<'m, M> {
    /// Sorts bodies into cells.
    pub fn new(memory: M, room: Room, bodies: &[Body]) -> Self {
        let cells = |side: f64| (side / CELL) as usize + 1;
        let (columns, rows) = (cells(room.width), cells(room.height));
        // What is outside of the room is in a cell at its edge.
        let at = |along: f64, cells: usize| ((along / CELL) as usize).min(cells - 1);
        let cell = |body: &Body| at(body.place.y, rows) * columns + at(body.place.x, columns);

        // Counted at the cell after its own, so that the sums are the cells' starts.
        let mut starts = memory.slice(columns * rows + 1, |_| 0_u32);
        let cells = memory.slice(bodies.len(), |i| {
            let cell = cell(&bodies[i]);
            starts[cell + 1] += 1;
            cell as u32
        });
        let mut sum = 0;
        for start in starts.iter_mut() {
            sum += *start;
            *start = sum;
        }
        let mut next = memory.slice(columns * rows, |cell| starts[cell]);
        let mut order = memory.slice(bodies.len(), |_| 0_u32);
        for (body, &cell) in cells.iter().enumerate() {
            let next = &mut next[cell as usize];
            order[*next as usize] = body as u32;
            *next += 1;
        }
        let placed = memory.slice(bodies.len(), |i| {
            let body = &bodies[order[i] as usize];
            Placed {
                place: body.place,
                radius: body.radius,
                body: order[i],
            }
        });
        Self {
            columns,
            rows,
            starts,
            placed,
        }
    }

    /// The pairs of each cell.
    pub fn pairs(&self, memory: M) -> M::Slice<M::Slice<Pair>> {
        memory.slice(self.columns * self.rows, |cell| {
            let mut pairs = memory.list(0);
            self.pairs_of(cell, |pair| pairs.push(pair));
            M::freeze(pairs)
        })
    }

    /// Bodies that are in some cell, each as often as it is.
    pub fn bodies(&self) -> usize {
        let cells = 0..self.columns * self.rows;
        cells.map(|cell| self.of(cell..=cell).len()).sum()
    }

    /// Cells side by side, as a range, have their bodies side by side too.
    fn of(&self, cells: RangeInclusive<usize>) -> &[Placed] {
        let (start, end) = (self.starts[*cells.start()], self.starts[cells.end() + 1]);
        &self.placed[start as usize..end as usize]
    }

    /// Pairs within a cell, and with those that come after it: the one at its right, and three of the
    /// next row.
    fn pairs_of(&self, cell: usize, mut found: impl FnMut(Pair)) {
        let column = cell % self.columns;
        let left = cell - usize::from(column > 0);
        let right = cell + usize::from(column + 1 < self.columns);
        let ahead = self.of(cell..=right);
        let below = match cell + self.columns < self.columns * self.rows {
            true => self.of(left + self.columns..=right + self.columns),
            false => &[],
        };
        for (i, a) in self.of(cell..=cell).iter().enumerate() {
            for b in ahead[i + 1..].iter().chain(below).filter(|b| a.near(b)) {
                found(a.pair(b));
            }
        }
    }
}
