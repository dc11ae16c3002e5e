//! What happens in a tick, as records.

use super::vector::Vector;
use std::fmt;

/// A record.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Event {
    /// A wall gave a body an impulse.
    Wall { body: u32, impulse: Vector },
    /// Two bodies gave each other an impulse, along the line between them.
    Collision { a: u32, b: u32, impulse: f64 },
    /// More than two bodies touch.
    Crowd {
        first: u32,
        bodies: u32,
        contacts: u32,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Wall { body, impulse } => {
                write!(f, "wall to {body}: {:.3}, {:.3}", impulse.x, impulse.y)
            }
            Self::Collision { a, b, impulse } => write!(f, "{a} to {b}: {impulse:.3}"),
            Self::Crowd {
                first,
                bodies,
                contacts,
            } => write!(
                f,
                "{bodies} bodies from {first} on touch at {contacts} points"
            ),
        }
    }
}

/// A number that depends on everything that was put into it, and on the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

impl Digest {
    /// The number.
    #[must_use]
    pub fn value(self) -> u64 {
        // The last product leaves its low bits to few of what came last.
        self.0 ^ (self.0 >> 32)
    }

    /// Puts a number in.
    pub fn number(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(0x2127_599b_f432_5c37);
    }

    /// Puts the bits of a float in.
    pub fn float(&mut self, number: f64) {
        self.number(number.to_bits());
    }

    /// Puts a vector in.
    pub fn vector(&mut self, vector: Vector) {
        self.float(vector.x);
        self.float(vector.y);
    }

    /// Puts a string in.
    pub fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        for part in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.number(u64::from_le_bytes(word));
        }
    }

    /// Puts a record in.
    pub fn event(&mut self, event: &Event) {
        match *event {
            Event::Wall { body, impulse } => {
                self.number(u64::from(body));
                self.vector(impulse);
            }
            Event::Collision { a, b, impulse } => {
                self.number(u64::from(a) << 32 | u64::from(b));
                self.float(impulse);
            }
            Event::Crowd {
                first,
                bodies,
                contacts,
            } => {
                self.number(u64::from(first));
                self.number(u64::from(bodies) << 32 | u64::from(contacts));
            }
        }
    }
}
