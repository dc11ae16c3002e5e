//! Bodies, their room and their rules, which go on tick by tick, and never without the laws' checks.

use super::body::{Body, Room};
use super::event::Digest;
use super::laws::{Measure, Violation, check};
use super::memory::{Backing, Part};
use super::rules::Rules;
use super::step::{Expected, Tally, step};
use std::time::{Duration, Instant};

/// Bodies, their room and their rules.
#[derive(Debug, Clone)]
pub struct World<R> {
    rules: R,
    room: Room,
    bodies: Vec<Body>,
    /// What the bodies had after the last tick.
    measure: Measure,
    expected: Expected,
    ticks: u64,
    /// Of all ticks' events.
    digest: Digest,
}

impl<R: Rules> World<R> {
    /// A world before its first tick.
    #[must_use]
    pub fn new(rules: R, room: Room, bodies: Vec<Body>) -> Self {
        Self {
            rules,
            room,
            measure: Measure::of(&bodies),
            expected: Expected::of(bodies.len()),
            bodies,
            ticks: 0,
            digest: Digest::default(),
        }
    }

    /// Goes on by one tick, with memory of `backing`; then checks the laws. The time is that of the
    /// tick with its memory's taking and giving back, without the checks.
    ///
    /// # Errors
    ///
    /// The tick broke a law.
    pub fn tick(&mut self, backing: &mut impl Backing) -> Result<(Tally, Duration), Violation> {
        self.ticks += 1;
        let (room, number, expected) = (self.room, self.ticks, self.expected);
        let (rules, bodies) = (&self.rules, &mut self.bodies);
        let start = Instant::now();
        let part = backing.tick();
        let tally = step(part.memory(), rules, room, bodies, number, expected);
        drop(part);
        let elapsed = start.elapsed();

        let after = Measure::of(&self.bodies);
        check(&tally, room, &self.bodies, &self.measure, &after).map_err(|breach| Violation {
            tick: number,
            breach,
        })?;
        self.measure = after;
        self.expected.learn(&tally);
        self.digest.number(tally.digest);
        Ok((tally, elapsed))
    }

    /// A number that depends on every bit of every body, and on every event there was.
    #[must_use]
    pub fn checksum(&self) -> u64 {
        let mut digest = self.digest;
        for body in &self.bodies {
            digest.vector(body.place);
            digest.vector(body.velocity);
            digest.float(body.radius);
            digest.float(body.mass);
        }
        digest.value()
    }

    /// The bodies.
    #[must_use]
    pub fn bodies(&self) -> &[Body] {
        &self.bodies
    }
}
