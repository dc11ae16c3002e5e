//! A server of the Redis protocol: entries in a pool, requests in arenas.
//!
//! ```text
//! server ──→ connection   a socket: what was read at one go is a batch
//!               ├ input       the bytes that were read
//!               └→ session    a batch, in an arena: bytes in, answers out
//!                    ├ frame, line   where requests begin and end; their arguments
//!                    ├→ commands     who answers them
//!                    │    └→ store → entry (pooled)
//!                    └ replies       the answers
//! ```
//!
//! A batch is answered without waiting for anything, so its arena is out for some microseconds, and
//! there are never more of them in use than threads. Whatever a client does, its connection holds no
//! more than a buffer of 16 KiB, or up to double of the request that it is sending, and what it has not
//! read of one batch's answers. [`session`] and what is below knows no sockets and no clock, so that all
//! of it can be tested without.

pub mod bytes;
pub mod commands;
pub mod connection;
pub mod entry;
pub mod frame;
pub mod glob;
pub mod input;
pub mod line;
pub mod replies;
pub mod server;
pub mod session;
pub mod settings;
pub mod store;

#[cfg(test)]
mod testing;
