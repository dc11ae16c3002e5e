//! The sockets, the threads, and the end.

use super::connection;
use super::entry::Entry;
use super::settings::{Args, Facts};
use super::store::{Figures, Store};
use pool::{InitError, PoolConfig, Pooled, Stats};
use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
#[cfg(unix)]
use tokio::signal::unix;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How often entries are swept at which nobody looks, and how many at most: a sweep of so many takes
/// under a millisecond.
const SWEEP_EVERY: Duration = Duration::from_millis(100);
const SWEEP: usize = 1000;

/// How long nobody is let in when the system has no socket left.
const NO_SOCKETS: Duration = Duration::from_millis(100);

/// What all connections share.
#[derive(Debug)]
pub struct Shared {
    /// What was told and is counted.
    pub facts: Facts,
    /// Locked for a batch, whose requests are so answered with nobody else's between. With one thread
    /// nobody ever waits for it.
    store: Mutex<Store>,
}

impl Shared {
    /// The entries. A panic while they were locked has ended that connection; each of them is whole.
    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the server did not start.
#[derive(Debug)]
pub enum ServeError {
    /// The pool of entries cannot be made.
    Pool(InitError),
    /// The address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// The system refuses threads, signals, or sockets' notifications.
    System(io::Error),
    /// Standard output is gone.
    Output(io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(error) => write!(f, "--entries: {error}"),
            Self::Listen(address, error) => write!(f, "{address}: {error}"),
            Self::System(error) => error.fmt(f),
            Self::Output(error) => write!(f, "stdout: {error}"),
        }
    }
}

impl Error for ServeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Pool(error) => Some(error),
            Self::Listen(_, error) | Self::System(error) | Self::Output(error) => Some(error),
        }
    }
}

/// Serves until Ctrl-C, or its like, and says on `out` where it listens and what it has done.
///
/// # Errors
///
/// It cannot start.
pub fn run(args: &Args, out: &mut impl Write) -> Result<(), ServeError> {
    let entries = args.entries.get();
    let config = PoolConfig::new().capacity(entries);
    Entry::pool().init(config).map_err(ServeError::Pool)?;
    let runtime = runtime(args.threads).map_err(ServeError::System)?;
    let shared = runtime.block_on(async {
        let address = SocketAddr::new(args.bind, args.port);
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|error| ServeError::Listen(address, error))?;
        let address = listener.local_addr().map_err(ServeError::System)?;
        let mut stop = Stop::new().map_err(ServeError::System)?;
        let mut facts = Facts::new(args.clone());
        facts.port = address.port();
        let shared = Arc::new(Shared {
            facts,
            store: Mutex::new(Store::with_capacity(entries)),
        });
        let written = writeln!(out, "listening on {address}").and_then(|()| out.flush());
        written.map_err(ServeError::Output)?;
        tokio::spawn(sweep(Arc::clone(&shared)));
        tokio::spawn(accept(listener, Arc::clone(&shared)));
        stop.comes().await;
        Ok(shared)
    })?;
    // Connections end where they wait.
    drop(runtime);
    let summary = Summary::new(&shared);
    write!(out, "{summary}").map_err(ServeError::Output)
}

fn runtime(threads: u16) -> io::Result<Runtime> {
    let mut builder = match threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    if threads > 1 {
        builder.worker_threads(threads.into());
    }
    builder.enable_all().build()
}

async fn sweep(shared: Arc<Shared>) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        loop {
            let swept = {
                let mut store = shared.store();
                store.set_now(shared.facts.now());
                store.sweep(SWEEP)
            };
            if swept < SWEEP {
                break;
            }
            // There are more; the clients come first.
            tokio::task::yield_now().await;
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => welcome(stream, &shared),
            // It has gone already; or there are too many open files, which time will tell.
            Err(error) => {
                eprintln!("resp_server: accept: {error}");
                sleep(NO_SOCKETS).await;
            }
        }
    }
}

/// Clients at one time that are told that there are too many.
const TURNING_AWAY: u64 = 64;

fn welcome(stream: TcpStream, shared: &Arc<Shared>) {
    let facts = &shared.facts;
    let id = facts.connections.fetch_add(1, Relaxed) + 1;
    if let Some(client) = Counted::new(shared, |facts| &facts.clients, facts.args.max_clients.get())
    {
        tokio::spawn(async move {
            // The socket's errors are the client's affair: it has gone.
            let _ = connection::serve(stream, id.cast_signed(), &client.shared).await;
        });
        return;
    }
    facts.turned_away.fetch_add(1, Relaxed);
    // Should there be very many, not all hear why.
    if let Some(client) = Counted::new(shared, |facts| &facts.turning_away, TURNING_AWAY) {
        tokio::spawn(async move {
            let _ = connection::turn_away(stream).await;
            drop(client);
        });
    }
}

/// One of several at a time, until it goes, however it goes.
struct Counted {
    shared: Arc<Shared>,
    count: fn(&Facts) -> &AtomicU64,
}

impl Counted {
    /// One more, unless there are as many as there may be.
    fn new(shared: &Arc<Shared>, count: fn(&Facts) -> &AtomicU64, most: u64) -> Option<Self> {
        let before = count(&shared.facts).fetch_add(1, Relaxed);
        let counted = Self {
            shared: Arc::clone(shared),
            count,
        };
        (before < most).then_some(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.count)(&self.shared.facts).fetch_sub(1, Relaxed);
    }
}

/// What ends the server: Ctrl-C, and where there is such a thing, what `kill` sends.
struct Stop {
    #[cfg(unix)]
    signals: [unix::Signal; 2],
}

impl Stop {
    /// From now on they come here, and do not end the process by themselves; elsewhere than on Unix, from
    /// the first wait on.
    fn new() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            signals: [
                unix::signal(unix::SignalKind::interrupt())?,
                unix::signal(unix::SignalKind::terminate())?,
            ],
        })
    }

    #[cfg(unix)]
    async fn comes(&mut self) {
        let [interrupt, terminate] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn comes(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // Then it ends the process by itself.
            std::future::pending::<()>().await;
        }
    }
}

/// What the server has done, for people.
struct Summary {
    uptime: Duration,
    figures: [u64; 4],
    keys: usize,
    store: Figures,
    pool: Stats,
}

impl Summary {
    fn new(shared: &Shared) -> Self {
        let facts = &shared.facts;
        let store = shared.store();
        Self {
            uptime: facts.started.elapsed(),
            figures: [
                &facts.commands,
                &facts.connections,
                &facts.turned_away,
                &facts.arena_high_water,
            ]
            .map(Facts::read),
            keys: store.len(),
            store: store.figures(),
            pool: Entry::pool().stats(),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [commands, connections, turned_away, arena] = self.figures;
        let (store, pool) = (&self.store, &self.pool);
        writeln!(f, "stopped after {:.1} s", self.uptime.as_secs_f64())?;
        writeln!(
            f,
            "  requests     {commands} of {connections} clients; {turned_away} clients turned away"
        )?;
        writeln!(
            f,
            "  keys         {} now; {} expired, {} refused; {} hits, {} misses",
            self.keys, store.expired, store.refused, store.hits, store.misses
        )?;
        writeln!(
            f,
            "  pool         {} of {} entries, {} at most; {} made, {} dropped",
            pool.live, pool.capacity, pool.high_water, pool.allocations, pool.frees
        )?;
        writeln!(f, "  arenas       {arena} bytes at most in one batch")
    }
}
