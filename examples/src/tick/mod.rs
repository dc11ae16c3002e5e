//! Particles in a box, whose every tick is made of hundreds or thousands of small lists: `tick_arena`.
//!
//! Discs of different masses fly, bounce off the walls and off each other. A tick is a game's: a broad
//! phase finds who may touch, a narrow one who does, islands of touching bodies are found and answered,
//! events are recorded. All of its data goes with it. The same tick ([`step`]) takes memory from the
//! heap, from `bumpalo` or from the scopes of an arena ([`memory`]), and comes to the same bits.
//!
//! ```text
//! app → race → world → step → grid → contact → island → rules
//!         │      │       └→ memory: heap, bump, arena (or counted)
//!         │      └→ laws
//!         └→ report
//! ```
//!
//! Nothing here depends on the machine: chance is drawn from a seed, and floats meet only sums,
//! products, quotients and square roots, which are the same everywhere.

pub mod app;
pub mod body;
pub mod contact;
pub mod event;
pub mod grid;
pub mod island;
pub mod laws;
pub mod memory;
pub mod race;
pub mod report;
pub mod rules;
pub mod step;
pub mod vector;
pub mod world;
