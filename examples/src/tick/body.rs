//! Bodies, the room that they are in, and where they start.

use super::vector::Vector;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// The largest radius; it decides how wide a cell is.
pub const WIDEST: f64 = 0.5;
/// The smallest radius.
pub const NARROWEST: f64 = 0.3;
/// How far bodies start from each other, from centre to centre. Discs then cover four tenths of the
/// room.
const SPACING: f64 = 1.125;

/// A disc. It does not turn.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Body {
    pub place: Vector,
    pub velocity: Vector,
    pub radius: f64,
    pub mass: f64,
}

impl Body {
    /// A disc is as heavy as it is large.
    #[must_use]
    pub fn new(place: Vector, velocity: Vector, radius: f64) -> Self {
        Self {
            place,
            velocity,
            radius,
            mass: radius * radius,
        }
    }
}

/// A box with walls at 0 and at its sides. No side is shorter than two of the widest bodies.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Room {
    pub width: f64,
    pub height: f64,
}

impl Room {
    /// The least and the greatest place of a body's centre.
    #[must_use]
    pub fn bounds(self, radius: f64) -> (Vector, Vector) {
        let most = Vector::new(self.width - radius, self.height - radius);
        (Vector::new(radius, radius), most)
    }

    /// Whether a body is inside. What is not a number is not.
    #[must_use]
    pub fn holds(self, body: &Body) -> bool {
        let (least, most) = self.bounds(body.radius);
        let Vector { x, y } = body.place;
        (least.x..=most.x).contains(&x) && (least.y..=most.y).contains(&y)
    }
}

/// So many bodies on a lattice, each a little off its place, that go everywhere; and their room.
/// None touches another one.
///
/// # Panics
///
/// If there are no bodies, or more than 2^32 - 1.
#[must_use]
pub fn gas(bodies: usize, seed: u64) -> (Room, Vec<Body>) {
    assert!(
        bodies > 0 && u32::try_from(bodies).is_ok(),
        "{bodies} bodies"
    );
    let mut draws = Xoshiro256PlusPlus::seed_from_u64(seed);
    let columns = bodies.isqrt() + usize::from(bodies.isqrt().pow(2) < bodies);
    let side = (columns as f64 * SPACING).max(4.0 * WIDEST);
    let room = Room {
        width: side,
        height: side,
    };
    let bodies = (0..bodies).map(|i| {
        let radius = between(&mut draws, NARROWEST, WIDEST);
        let free = SPACING / 2.0 - radius;
        let mut place =
            |cell: usize| (cell as f64 + 0.5) * SPACING + between(&mut draws, -free, free);
        let place = Vector::new(place(i % columns), place(i / columns));
        let mut part = || between(&mut draws, -1.0, 1.0);
        let velocity = Vector::new(part(), part());
        Body::new(place, velocity, radius)
    });
    let bodies = bodies.collect();
    (room, bodies)
}

/// A number from `least` up to `most`; 53 bits of it are drawn, so it is the same everywhere.
fn between(draws: &mut Xoshiro256PlusPlus, least: f64, most: f64) -> f64 {
    let unit = (draws.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    // The product can be rounded up to `most`, but not beyond it.
    (least + unit * (most - least)).min(most)
}

#[cfg(test)]
mod tests {
    use super::{NARROWEST, WIDEST, gas};

    #[test]
    fn a_gas_starts_inside_and_apart() {
        for (count, seed) in [(1, 0), (2, 1), (10, 2), (37, 3)] {
            let (room, bodies) = gas(count, seed);
            assert_eq!(bodies.len(), count);
            for (i, a) in bodies.iter().enumerate() {
                assert!(room.holds(a), "{a:?}");
                assert!((NARROWEST..=WIDEST).contains(&a.radius));
                for b in &bodies[..i] {
                    let apart = b.place - a.place;
                    assert!(apart.dot(apart).sqrt() > a.radius + b.radius);
                }
            }
        }
        assert_eq!(gas(9, 5), gas(9, 5));
        assert_ne!(gas(9, 5), gas(9, 6));
    }
}
