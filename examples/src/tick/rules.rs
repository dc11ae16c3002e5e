//! How bodies move and bounce.

use super::body::{Body, Room};
use super::vector::Vector;
use std::ops::RangeInclusive;

/// How long a tick is. A body goes less than a fifth of its own width in it, as long as nobody is much
/// faster than at the start.
const STEP: f64 = 0.1;

/// How bodies move and bounce. Tests break one, to see the laws notice.
pub trait Rules {
    /// Lets time pass. Tells `wall` of each impulse that a wall gave to a body.
    fn advance(&self, room: Room, bodies: &mut Vec<Body>, wall: impl FnMut(u32, Vector));

    /// Lets two bodies bounce off each other, unless they are parting already. The normal has length 1
    /// and leads from the first to the second.
    fn collide(&self, a: &mut Body, b: &mut Body, normal: Vector) -> Option<Bounce>;
}

/// What a collision did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounce {
    /// The impulse that each gave to the other.
    pub impulse: f64,
    /// The kinetic energy that is gone.
    pub lost: f64,
}

/// Hard discs.
#[derive(Debug, Clone, Copy)]
pub struct Hard {
    /// How fast two bodies part, in parts of how fast they met: from 0 to 1.
    pub restitution: f64,
}

impl Rules for Hard {
    fn advance(&self, room: Room, bodies: &mut Vec<Body>, mut wall: impl FnMut(u32, Vector)) {
        for (i, body) in bodies.iter_mut().enumerate() {
            body.place += body.velocity * STEP;
            let (least, most) = room.bounds(body.radius);
            let before = body.velocity;
            let (place, velocity) = (&mut body.place, &mut body.velocity);
            reflect(&mut place.x, &mut velocity.x, least.x..=most.x);
            reflect(&mut place.y, &mut velocity.y, least.y..=most.y);
            if body.velocity != before {
                wall(i as u32, (body.velocity - before) * body.mass);
            }
        }
    }

    fn collide(&self, a: &mut Body, b: &mut Body, normal: Vector) -> Option<Bounce> {
        let closing = (a.velocity - b.velocity).dot(normal);
        if closing <= 0.0 {
            return None;
        }
        let reduced = a.mass * b.mass / (a.mass + b.mass);
        let e = self.restitution;
        let impulse = (1.0 + e) * reduced * closing;
        a.velocity -= normal * (impulse / a.mass);
        b.velocity += normal * (impulse / b.mass);
        let lost = 0.5 * (1.0 - e * e) * reduced * closing * closing;
        Some(Bounce { impulse, lost })
    }
}

/// Mirrors what has gone through a wall. What is so fast that it would go through the other one too
/// stops there.
fn reflect(place: &mut f64, velocity: &mut f64, within: RangeInclusive<f64>) {
    let (&least, &most) = (within.start(), within.end());
    if *place < least {
        *place = (least + (least - *place)).min(most);
        *velocity = velocity.abs();
    } else if *place > most {
        *place = (most - (*place - most)).max(least);
        *velocity = -velocity.abs();
    }
}
