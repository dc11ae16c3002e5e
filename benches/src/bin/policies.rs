//! What each NUMA policy costs, beside none.
//!
//! The same loops as `compare`'s, on pools of types that differ in policy and machine only. On this
//! machine's own nodes, which is where it shows that one node costs nothing; and on machines of two
//! and four nodes that are made up: there the memory is the same for all, and what is measured is what
//! the pool does to keep nodes apart. What it gains by that, only a real machine of several nodes can
//! show.
//!
//! - `churn`, `batch`: one thread, on the first node of those that are made up.
//! - `pipe-near`: two threads, both on the first node; `pipe-far`: who frees is on the last.

use benches::Order;
use benches::subject::Subject;
use benches::table::beside;
use benches::turns::{Figures, Row, Turns};
use benches::work::{Frees, Workload};
use clap::Parser;
use pool::numa::{Topology, pretend_node};
use pool::{NodeStats, NumaPolicy, PoolBox, Pooled};
use serde::Serialize;
use std::marker::PhantomData;
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Measures what NUMA policies cost, in nanoseconds per order made and freed")]
struct Args {
    /// Rounds a policy.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Milliseconds a round.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..))]
    millis: u32,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    rounds: u32,
    millis: u32,
    figures: Vec<Figures>,
    traffic: Vec<Traffic>,
    skipped: Vec<String>,
}

/// What a pool did between nodes, all workloads together: whether what is measured happens.
#[derive(Serialize)]
struct Traffic {
    subject: &'static str,
    /// How many it tells apart; none, if there is one.
    nodes: usize,
    /// Slots that threads of the last node gave back.
    far: u64,
    /// Slots that threads took from memory of another node than theirs.
    remote: u64,
}

/// A machine's nodes.
#[derive(Clone, Copy)]
enum Machine {
    /// This one's.
    Own,
    /// So many, which are made up.
    Of(u32),
}

/// A type whose pool is of one policy on one machine.
trait Placed: Pooled + Send {
    const NAME: &'static str;
    const MACHINE: Machine;
    const POLICY: NumaPolicy;

    fn of(order: Order) -> Self;
    fn order(&self) -> Order;
}

/// Types like [`Order`], each with a pool; and `$each`, which calls a function for all of them.
macro_rules! placed {
    ($each:ident: $($type:ident $name:literal $machine:expr, $policy:ident;)+) => {
        $(
            #[derive(Pooled)]
            #[pool(capacity = 1 << 16)]
            struct $type(Order);

            impl Placed for $type {
                const NAME: &'static str = $name;
                const MACHINE: Machine = $machine;
                const POLICY: NumaPolicy = NumaPolicy::$policy;

                #[inline(always)]
                fn of(order: Order) -> Self {
                    Self(order)
                }

                fn order(&self) -> Order {
                    self.0
                }
            }
        )+

        macro_rules! $each {
            ($function:ident $arguments:tt) => { vec![$($function::<$type> $arguments),+] };
        }
    };
}

placed! { each:
    Plain "plain" Machine::Own, Preferred;
    OwnPreferred "own nodes, preferred" Machine::Own, Preferred;
    OwnLocalOnly "own nodes, local_only" Machine::Own, LocalOnly;
    OwnInterleaved "own nodes, interleaved" Machine::Own, Interleaved;
    OwnAdaptive "own nodes, adaptive" Machine::Own, Adaptive;
    TwoPreferred "2 nodes, preferred" Machine::Of(2), Preferred;
    TwoLocalOnly "2 nodes, local_only" Machine::Of(2), LocalOnly;
    TwoInterleaved "2 nodes, interleaved" Machine::Of(2), Interleaved;
    TwoAdaptive "2 nodes, adaptive" Machine::Of(2), Adaptive;
    FourPreferred "4 nodes, preferred" Machine::Of(4), Preferred;
    FourLocalOnly "4 nodes, local_only" Machine::Of(4), LocalOnly;
    FourInterleaved "4 nodes, interleaved" Machine::Of(4), Interleaved;
    FourAdaptive "4 nodes, adaptive" Machine::Of(4), Adaptive;
}

/// The pool of a type as a subject, and the node on which its orders are freed by another thread.
struct Pool<T> {
    frees_on: Option<u32>,
    of: PhantomData<fn() -> T>,
}

impl<T: Placed> Subject for Pool<T> {
    const NAME: &'static str = T::NAME;
    type Handle<'a> = PoolBox<T>;
    type Sink<'a> = Option<u32>;

    fn with_room(orders: usize) -> Self {
        assert!(orders <= T::pool().capacity());
        Self {
            frees_on: None,
            of: PhantomData,
        }
    }

    #[inline(always)]
    fn make(&self, order: Order) -> PoolBox<T> {
        PoolBox::new(T::of(order))
    }

    fn sink(&self) -> Option<u32> {
        self.frees_on
    }

    fn enter(node: Option<u32>) {
        pretend_node(node);
    }

    #[inline(always)]
    unsafe fn free(_: Option<u32>, handle: PoolBox<T>) {
        drop(handle);
    }

    unsafe fn read(_: Option<u32>, handle: &PoolBox<T>) -> Order {
        handle.order()
    }
}

/// Makes the pool of a type.
fn make<T: Placed>() {
    let config = T::pool().config().numa(T::POLICY);
    let config = match T::MACHINE {
        Machine::Own => config,
        Machine::Of(nodes) => config.topology(made_up(nodes)),
    };
    let made = T::pool().init(config);
    made.unwrap_or_else(|error| panic!("{}: {error}", T::NAME));
}

/// A machine with so many nodes, each as far from any other.
fn made_up(nodes: u32) -> &'static Topology {
    let builder = (0..nodes).fold(Topology::builder(), |builder, node| {
        builder.node(node, [node], 1 << 30)
    });
    Box::leak(Box::new(builder.build().expect("a machine as any other")))
}

/// Where the threads are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// All on the first node.
    Near,
    /// Who frees is on the last node.
    Far,
}

const BATCH: Workload = Workload::Batch {
    orders: 1_024,
    frees: Frees::Lifo,
};
const PIPE: Workload = Workload::Pipe { ring: 1_024 };

const WORKLOADS: [(&str, Workload, Place); 4] = [
    ("churn", Workload::Churn, Place::Near),
    ("batch-1024-lifo", BATCH, Place::Near),
    ("pipe-near", PIPE, Place::Near),
    ("pipe-far", PIPE, Place::Far),
];

fn main() {
    let args = Args::parse();
    let _: Vec<()> = each!(make());
    pretend_node(Some(0));
    let mut report = Report {
        rounds: args.rounds,
        millis: args.millis,
        figures: Vec::new(),
        traffic: Vec::new(),
        skipped: Vec::new(),
    };
    let turns = Turns {
        rounds: args.rounds,
        length: Duration::from_millis(args.millis.into()),
    };
    for (name, workload, place) in WORKLOADS {
        if let Some(obstacle) = workload.obstacle() {
            report.skipped.push(obstacle);
            continue;
        }
        eprintln!("{name} ...");
        let rows = each!(row(workload, place));
        report.figures.extend(turns.measure(name, rows));
    }
    report.traffic = each!(traffic());
    if args.json {
        let json = serde_json::to_string_pretty(&report).expect("plain data");
        println!("{json}");
        return;
    }
    println!(
        "Nanoseconds per order made and freed: median, least and most of {} rounds of {} ms. There are \
         {} nodes here; machines of 2 and 4 are made up.\n\n{}",
        report.rounds,
        report.millis,
        Topology::this_machine().nodes().len(),
        beside(&report.figures, Plain::NAME)
    );
    for obstacle in &report.skipped {
        println!("\nskipped: {obstacle}");
    }
}

/// A pool for a workload. It is leaked: a few bytes.
fn row<T: Placed>(workload: Workload, place: Place) -> Row<'static> {
    let mut subject = Pool::<T>::with_room(workload.room());
    subject.frees_on = match (place, T::MACHINE) {
        (Place::Far, Machine::Of(nodes)) => Some(nodes - 1),
        _ => Some(0),
    };
    let subject = Box::leak(Box::new(subject));
    Row {
        subject: T::NAME,
        one_thread: false,
        round: workload.shared_round(subject),
    }
}

fn traffic<T: Placed>() -> Traffic {
    let nodes = T::pool().stats().nodes;
    let remote = |(n, node): (usize, &NodeStats)| {
        let all: u64 = node.refills.iter().sum();
        all - node.refills[n]
    };
    Traffic {
        subject: T::NAME,
        nodes: nodes.len(),
        far: nodes.last().map_or(0, |last| last.frees.iter().sum()),
        remote: nodes.iter().enumerate().map(remote).sum(),
    }
}
