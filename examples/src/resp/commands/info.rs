//! `INFO`: what the server tells of itself.

use super::Call;
use crate::resp::entry::Entry;
use crate::resp::session::ARENAS;
use crate::resp::settings::Facts;
use crate::resp::store;
use pool::{Pooled, Stats};
use std::fmt;

/// `INFO`, and `INFO` of some sections.
pub(super) fn info(call: &mut Call<'_, '_>) {
    let wanted = &call.args[1..];
    let info = Info {
        wanted,
        facts: call.facts,
        uptime: call.facts.started.elapsed().as_secs(),
        pool: Entry::pool().stats(),
        arenas: ARENAS.stats(),
        store: call.store.figures(),
        keys: call.store.len(),
        expiring: call.store.expiring(),
        figures: [
            &call.facts.connections,
            &call.facts.clients,
            &call.facts.turned_away,
            &call.facts.commands,
            &call.facts.arena_high_water,
        ]
        .map(Facts::read),
    };
    call.replies.text(&info);
}

/// All figures, taken once: they are written out twice, and must be the same.
struct Info<'i> {
    wanted: &'i [&'i [u8]],
    facts: &'i Facts,
    uptime: u64,
    pool: Stats,
    arenas: Stats,
    store: store::Figures,
    keys: usize,
    expiring: usize,
    figures: [u64; 5],
}

impl Info<'_> {
    fn section(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        lines: &[(&str, &dyn fmt::Display)],
    ) -> fmt::Result {
        let is = |wanted: &&[u8]| {
            let all: [&[u8]; 4] = [name.as_bytes(), b"all", b"everything", b"default"];
            all.iter().any(|all| wanted.eq_ignore_ascii_case(all))
        };
        if !self.wanted.is_empty() && !self.wanted.iter().any(is) {
            return Ok(());
        }
        write!(f, "# {name}\r\n")?;
        for (key, value) in lines {
            write!(f, "{key}:{value}\r\n")?;
        }
        f.write_str("\r\n")
    }
}

impl fmt::Display for Info<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [
            connections,
            clients,
            turned_away,
            commands,
            arena_high_water,
        ] = self.figures;
        let (pool, arenas, store) = (&self.pool, &self.arenas, &self.store);
        let args = &self.facts.args;
        self.section(
            f,
            "Server",
            &[
                ("server_name", &"resp_server"),
                // That of which the commands are, for clients that ask.
                ("redis_version", &"7.0.0"),
                ("redis_mode", &"standalone"),
                ("process_id", &std::process::id()),
                ("tcp_port", &self.facts.port),
                ("threads", &args.threads),
                ("uptime_in_seconds", &self.uptime),
            ],
        )?;
        self.section(
            f,
            "Clients",
            &[
                ("connected_clients", &clients),
                ("maxclients", &args.max_clients),
            ],
        )?;
        self.section(
            f,
            "Stats",
            &[
                ("total_connections_received", &connections),
                ("rejected_connections", &turned_away),
                ("total_commands_processed", &commands),
                ("expired_keys", &store.expired),
                ("keyspace_hits", &store.hits),
                ("keyspace_misses", &store.misses),
                ("refused_keys", &store.refused),
            ],
        )?;
        self.section(
            f,
            "Pool",
            &[
                ("pool_capacity", &pool.capacity),
                ("pool_live", &pool.live),
                ("pool_high_water", &pool.high_water),
                ("pool_allocations", &pool.allocations),
                ("pool_frees", &pool.frees),
                ("pool_refills", &pool.refills),
                ("pool_flushes", &pool.flushes),
                ("pool_bytes_committed", &pool.bytes_committed),
                ("pool_bytes_reserved", &pool.bytes_reserved),
                ("pool_threads", &pool.threads),
            ],
        )?;
        self.section(
            f,
            "Arenas",
            &[
                ("arenas_high_water", &arenas.high_water),
                ("arenas_in_use", &arenas.live),
                ("arena_batches", &arenas.allocations),
                ("arena_high_water_bytes", &arena_high_water),
            ],
        )?;
        // A database without keys has no line, as redis has it.
        let (keys, expires) = (self.keys, self.expiring);
        let line = format_args!("keys={keys},expires={expires}").to_string();
        let lines: [(&str, &dyn fmt::Display); 1] = [("db0", &line)];
        self.section(f, "Keyspace", &lines[usize::from(keys == 0)..])
    }
}
