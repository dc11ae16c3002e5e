//! Several owners of one object, and keys to it.
//!
//! A slot of a `shared` type has a header of one word behind the object. While the object has
//! [`PoolArc`]s the word counts them. The count of weak ones that `std` keeps beside it is a
//! generation here: a [`PoolWeak`] is not an owner of anything, it is the slot's number and the
//! generation that the slot was in. What ends an object of which there may be keys begins the next
//! generation, and no key fits any more. So keys cost nothing to copy and nothing to drop, and the
//! slot of an object that is gone is free at once, whatever keys there are.
//!
//! The word's protocol is in [`count`], which has no unsafe code and which the models run.

#[cfg(not(loom))]
mod arc;
pub(crate) mod count;
#[cfg(not(loom))]
mod cyclic;
#[cfg(not(loom))]
mod unique;
#[cfg(not(loom))]
mod weak;

#[cfg(not(loom))]
pub use {arc::PoolArc, weak::PoolWeak};

#[cfg(all(test, not(loom)))]
mod tests;
