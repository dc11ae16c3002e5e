//! What must not change, whatever bodies do: how many there are, that they are in the room, their
//! momentum but for what the walls gave, and their kinetic energy but for what collisions used up.
//!
//! Floats are rounded, so momentum and energy may differ by as much as rounding can make of them. Let
//! ε be the distance from 1 to the next float, K the kinetic energy and M the mass of all. No body and
//! no set of them has more momentum than √(2MK), by Cauchy and Schwarz. A sum over n bodies, each
//! collision and each wall's impulse are off by a few ε of that; so the bound is `FEW` ε √(2MK) for
//! each of them, and likewise `FEW` ε K for the energy. With 20,000 bodies that is about 1 part in
//! 10^10, and a single wrong collision is 1 part in 10^5.

use super::body::{Body, Room};
use super::step::Tally;
use super::vector::Vector;
use std::error::Error;
use std::fmt;

/// Roundings of one body, collision or wall that may add up.
const FEW: f64 = 16.0;

/// What bodies have together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure {
    bodies: usize,
    mass: f64,
    momentum: Vector,
    energy: f64,
}

impl Measure {
    /// Adds all up.
    #[must_use]
    pub fn of(bodies: &[Body]) -> Self {
        let mut sum = Self {
            bodies: bodies.len(),
            mass: 0.0,
            momentum: Vector::default(),
            energy: 0.0,
        };
        for body in bodies {
            sum.mass += body.mass;
            sum.momentum += body.velocity * body.mass;
            sum.energy += 0.5 * body.mass * body.velocity.dot(body.velocity);
        }
        sum
    }
}

/// A law that was broken: when, what there should be, and what there is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Violation {
    /// The tick, counted from 1.
    pub tick: u64,
    /// What was broken.
    pub breach: Breach,
}

/// What was broken.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Breach {
    /// There are more bodies, or fewer.
    Count { expected: usize, found: usize },
    /// The grid has more bodies than there are, or fewer.
    InCells { expected: usize, found: usize },
    /// A body has left the room.
    Outside {
        body: usize,
        place: Vector,
        least: Vector,
        most: Vector,
    },
    /// Momentum came from nowhere.
    Momentum {
        expected: Vector,
        found: Vector,
        bound: f64,
    },
    /// Kinetic energy did.
    Energy {
        expected: f64,
        found: f64,
        bound: f64,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tick {}: ", self.tick)?;
        match self.breach {
            Breach::Count { expected, found } => write!(
                f,
                "the number of bodies is not kept: {expected} before, {found} after"
            ),
            Breach::InCells { expected, found } => write!(
                f,
                "the number of bodies is not kept: {expected} there are, {found} are in cells"
            ),
            Breach::Outside {
                body,
                place: Vector { x, y },
                least,
                most,
            } => write!(
                f,
                "body {body} is not in the room: its centre is at ({x}, {y}), and belongs between \
                 ({}, {}) and ({}, {})",
                least.x, least.y, most.x, most.y
            ),
            Breach::Momentum {
                expected,
                found,
                bound,
            } => write!(
                f,
                "momentum is not conserved: ({}, {}) before and from the walls, ({}, {}) after, \
                 more than {bound:e} apart",
                expected.x, expected.y, found.x, found.y
            ),
            Breach::Energy {
                expected,
                found,
                bound,
            } => write!(
                f,
                "kinetic energy is not conserved: {expected} before and less what collisions used \
                 up, {found} after, more than {bound:e} apart"
            ),
        }
    }
}

impl Error for Violation {}

/// Whether a tick kept all laws.
pub(super) fn check(
    tally: &Tally,
    room: Room,
    bodies: &[Body],
    before: &Measure,
    after: &Measure,
) -> Result<(), Breach> {
    if before.bodies != after.bodies {
        return Err(Breach::Count {
            expected: before.bodies,
            found: after.bodies,
        });
    }
    if tally.in_cells != after.bodies {
        return Err(Breach::InCells {
            expected: after.bodies,
            found: tally.in_cells,
        });
    }
    if let Some(body) = bodies.iter().position(|body| !room.holds(body)) {
        let Body { place, radius, .. } = bodies[body];
        let (least, most) = room.bounds(radius);
        return Err(Breach::Outside {
            body,
            place,
            least,
            most,
        });
    }
    let roundings = (before.bodies + tally.walls + tally.collisions) as f64;
    let part = FEW * f64::EPSILON * roundings;
    // What is not a number is not within a bound either.
    let within = |expected: f64, found: f64, bound: f64| (found - expected).abs() <= bound;

    let expected = before.momentum + tally.from_walls;
    let found = after.momentum;
    let bound = part * (2.0 * before.mass * before.energy).sqrt();
    if !(within(expected.x, found.x, bound) && within(expected.y, found.y, bound)) {
        return Err(Breach::Momentum {
            expected,
            found,
            bound,
        });
    }

    let expected = before.energy - tally.lost;
    let found = after.energy;
    let bound = part * before.energy;
    match within(expected, found, bound) {
        true => Ok(()),
        false => Err(Breach::Energy {
            expected,
            found,
            bound,
        }),
    }
}
