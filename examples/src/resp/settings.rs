//! What the server was told when it started, and what it counts.

use super::frame::Limits;
use clap::Parser;
use pool::Arena;
use std::net::IpAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// A server of the Redis protocol (RESP2) whose entries live in a pool, and whose requests live in
/// arenas.
///
/// Stop it with Ctrl-C.
#[derive(Debug, Clone, Parser)]
#[command(name = "resp_server", version, after_long_help = STORY)]
pub struct Args {
    /// The port; 0 for one that is free
    #[arg(long, value_name = "PORT", default_value_t = 6379)]
    pub port: u16,

    /// The address; it has no passwords, so beware of others than the loopback's
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub bind: IpAddr,

    /// Entries that the pool holds; a full server refuses new ones
    #[arg(long, value_name = "N", default_value = "1048576")]
    pub entries: NonZeroUsize,

    /// Threads; one serves all clients without ever waiting for a lock
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: u16,

    /// Clients at one time; those beyond are told, and hung up on
    #[arg(long, value_name = "N", default_value = "10000")]
    pub max_clients: NonZeroU64,

    /// Bytes of a request, and so of a key or a value
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20,
        value_parser = clap::value_parser!(u32).range(64..=Limits::MAX_FRAME as i64))]
    pub max_frame: u32,

    /// Arguments of a request, its command included
    #[arg(long, value_name = "N", default_value_t = 1 << 16, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_args: u32,

    /// Bytes of an answer; a larger one is an error instead
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20,
        value_parser = clap::value_parser!(u32).range(1 << 16..))]
    pub max_reply: u32,
}

const STORY: &str = "\
Commands: PING, ECHO, SET (EX, PX, NX, XX, KEEPTTL), GET, DEL, INCR, MSET, MGET, EXISTS, EXPIRE, TTL, \
DBSIZE, FLUSHALL, SELECT 0, CONFIG GET, COMMAND, INFO, CLIENT, QUIT. Lines of words do as requests too, \
so that a terminal will do as a client.

A key of up to 22 bytes and a value of up to 30 are in the pooled entry, 64 bytes in all; longer ones \
are on the heap. When the pool is full, entries that have expired make room; if there are none, new \
keys are refused with -OOM, and old ones may still be written.

What was read from a client at one go is answered at one go: arguments and answers are in an arena, \
which is reset then and kept for the next client. Nothing is reserved for what a client only says that \
it will send, and a client that does not read its answers is not served until it does. A request that \
is none gets an error that says why, and the connection is closed.

The exit status is 1 if the server cannot start.";

impl Args {
    /// What a request may be at most.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        Limits {
            frame: self.max_frame as usize,
            args: self.max_args as usize,
        }
    }
}

/// What commands may tell of the server.
#[derive(Debug)]
pub struct Facts {
    /// What it was told.
    pub args: Args,
    /// The port that it listens on.
    pub port: u16,
    /// When it started.
    pub started: Instant,
    /// Connections so far.
    pub connections: AtomicU64,
    /// Those that are open.
    pub clients: AtomicU64,
    /// Those that were one too many.
    pub turned_away: AtomicU64,
    /// Those that are being told so.
    pub turning_away: AtomicU64,
    /// Requests that were answered.
    pub commands: AtomicU64,
    /// Bytes that an arena had in use at most.
    pub arena_high_water: AtomicU64,
}

impl Facts {
    /// A server that starts now.
    #[must_use]
    pub fn new(args: Args) -> Self {
        let none = || AtomicU64::new(0);
        Self {
            port: args.port,
            args,
            started: Instant::now(),
            connections: none(),
            clients: none(),
            turned_away: none(),
            turning_away: none(),
            commands: none(),
            arena_high_water: none(),
        }
    }

    /// Milliseconds since the start: the clock by which entries expire.
    #[must_use]
    pub fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Notes what a batch has allocated.
    pub fn note_arena(&self, arena: &Arena) {
        let allocated = arena.stats().allocated as u64;
        // Seldom a maximum, and then an exchange.
        if allocated > self.arena_high_water.load(Relaxed) {
            self.arena_high_water.fetch_max(allocated, Relaxed);
        }
    }

    /// A figure, which need not fit the others.
    #[must_use]
    pub fn read(figure: &AtomicU64) -> u64 {
        figure.load(Relaxed)
    }
}
