//! The arena, from inside: what it does when the system refuses.

mod faults;

pub(super) use faults::watched;
