//! One tick, written once for every memory.
//!
//! ```text
//! tick        events, contacts, labels ───────────────────────────────┐
//!   ├─ scope    cells, a list of pairs for each: the broad phase      │
//!   │             └→ contacts: the narrow phase                       │
//!   └─ scope    islands, two lists for each                           │
//!                 └→ impulses, events                                 ↓
//!                                         a label for some events, the digest
//! ```

use super::body::{Body, Room};
use super::contact::contact;
use super::event::{Digest, Event};
use super::grid::Grid;
use super::island::islands;
use super::memory::{List, Memory, Part};
use super::rules::Rules;
use super::vector::Vector;

/// One in so many events gets a label.
const LABELLED: usize = 16;

/// An island of more bodies is a crowd.
const CROWD: usize = 2;

/// The most that there was of everything so far, and a little more: room is taken for so much, before a part
/// of the tick begins that adds to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    events: usize,
    contacts: usize,
}

impl Expected {
    /// For a first tick.
    pub(super) fn of(bodies: usize) -> Self {
        let most = bodies / 6;
        Self {
            events: most,
            contacts: most,
        }
    }

    pub(super) fn learn(&mut self, tally: &Tally) {
        let more = |last: usize| last + last / 8;
        self.events = self.events.max(more(tally.events));
        self.contacts = self.contacts.max(more(tally.contacts));
    }
}

/// What a tick did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tally {
    /// What the walls gave to all bodies together.
    pub from_walls: Vector,
    /// How often a wall gave something.
    pub walls: usize,
    /// The kinetic energy that collisions have used up.
    pub lost: f64,
    /// Collisions.
    pub collisions: usize,
    /// Bodies that were in some cell.
    pub in_cells: usize,
    /// Pairs that the broad phase found.
    pub pairs: usize,
    /// Pairs that touch.
    pub contacts: usize,
    /// Islands.
    pub islands: usize,
    /// Records.
    pub events: usize,
    /// A number that depends on all events and on their labels.
    pub digest: u64,
}

/// Moves everything on by one tick.
pub(super) fn step<'m, M: Memory<'m>>(
    memory: M,
    rules: &impl Rules,
    room: Room,
    bodies: &mut Vec<Body>,
    number: u64,
    expected: Expected,
) -> Tally {
    let mut from_walls = Vector::default();
    let mut events = memory.list(expected.events);
    rules.advance(room, bodies, |body, impulse| {
        from_walls += impulse;
        events.push(Event::Wall { body, impulse });
    });
    let walls = events.len();

    let mut contacts = memory.list(expected.contacts);
    let (in_cells, pairs) = {
        let part = memory.part();
        let scratch = part.memory();
        let grid = Grid::new(scratch, room, bodies);
        let cells = grid.pairs(scratch);
        let found = cells.iter().flat_map(|pairs| pairs.iter());
        for contact in found.filter_map(|&pair| contact(bodies, pair)) {
            contacts.push(contact);
        }
        (grid.bodies(), cells.iter().map(|pairs| pairs.len()).sum())
    };

    let (mut lost, mut collisions) = (0.0, 0);
    let islands = {
        let part = memory.part();
        let scratch = part.memory();
        let islands = islands(scratch, bodies.len(), &contacts);
        for island in islands.iter() {
            for contact in island.contacts.iter() {
                let pair = [contact.a as usize, contact.b as usize];
                let [a, b] = bodies.get_disjoint_mut(pair).expect("two bodies");
                let Some(bounce) = rules.collide(a, b, contact.normal) else {
                    continue;
                };
                lost += bounce.lost;
                collisions += 1;
                events.push(Event::Collision {
                    a: contact.a,
                    b: contact.b,
                    impulse: bounce.impulse,
                });
            }
            if island.bodies.len() > CROWD {
                events.push(Event::Crowd {
                    first: island.bodies[0],
                    bodies: island.bodies.len() as u32,
                    contacts: island.contacts.len() as u32,
                });
            }
        }
        islands.len()
    };

    let labels = memory.slice(events.len().div_ceil(LABELLED), |i| {
        let event = &events[i * LABELLED];
        memory.text(format_args!("{number}/{i}: {event}"))
    });
    let mut digest = Digest::default();
    for event in events.iter() {
        digest.event(event);
    }
    for label in labels.iter() {
        digest.text(label);
    }
    Tally {
        from_walls,
        walls,
        lost,
        collisions,
        in_cells,
        pairs,
        contacts: contacts.len(),
        islands,
        events: events.len(),
        digest: digest.value(),
    }
}
