//! The narrow phase: which bodies touch, and where.

use super::body::Body;
use super::grid::Pair;
use super::vector::Vector;

/// Two bodies that touch; the first has the smaller number.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Contact {
    pub a: u32,
    pub b: u32,
    /// Of length 1, from the first to the second.
    pub normal: Vector,
}

/// Where the two of a pair touch, if they do.
#[must_use]
pub fn contact(bodies: &[Body], (a, b): Pair) -> Option<Contact> {
    let (one, other) = (&bodies[a as usize], &bodies[b as usize]);
    let apart = other.place - one.place;
    let square = apart.dot(apart);
    let reach = one.radius + other.radius;
    if square >= reach * reach {
        return None;
    }
    let normal = match square > 0.0 {
        true => apart * (1.0 / square.sqrt()),
        // They are in one place: any direction is as good.
        false => Vector::new(1.0, 0.0),
    };
    Some(Contact { a, b, normal })
}
