//! The pool at work: `order_book` replays a day of market messages into books of pooled orders.
//!
//! An exchange's feed is millions of small objects that are made and dropped in no particular
//! order, most of them soon and some of them hours later: what a pool is for. The same code runs on
//! [`PoolBox`](pool::PoolBox) and on `Box` ([`order::OrderBox`]), so that the two can be compared.
//!
//! ```text
//! lobster   reads messages from a file ─┐
//! generate  makes messages up ──────────┴→ replay → book → order (pooled or boxed)
//!                                            └→ report
//! ```
//!
//! `resp_server` ([`resp`]) serves the Redis protocol: its entries are pooled, its requests are in
//! arenas.
//!
//! `memory_report` ([`memory`]) asks a machine for pools of every kind, and tells what it gave.
//!
//! `tick_arena` ([`tick`]) moves particles in a box; the data of each tick is in scopes of an arena, or
//! elsewhere, to compare.

#![forbid(unsafe_code)]

pub mod app;
pub mod book;
pub mod generate;
pub mod lobster;
pub mod memory;
pub mod message;
pub mod order;
pub mod outcome;
pub mod replay;
pub mod report;
pub mod resp;
pub mod tick;

mod progress;
