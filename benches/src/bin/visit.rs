//! How long it takes to reach an order among many that are live, by the pages that they are on.
//!
//! The same visits everywhere: all orders once, in one shuffled sequence, and then again. *Chase*:
//! each order says where the next one is, so a visit waits for the one before. *Sum*: the addresses
//! come from a list, so that several visits are under way at the same time. What differs is where the
//! orders are: in a pool on base, transparent or 2 MiB pages, each in a box of mimalloc's, or in a
//! plain `Vec`, the limit on base pages.
//!
//! Pages of 2 MiB are set aside for the time, if this may (as root), and given back.

use benches::aside::{PAGE, SetAside};
use benches::options::Options;
use benches::process::Resident;
use benches::subject::Owned;
use benches::table::{beside, print_notes, table};
use benches::turns::{Figures, Row};
use benches::work::{Random, Round};
use clap::Parser;
use mimalloc::MiMalloc;
use pool::{PageSize, Pool, PoolConfig};
use serde::Serialize;
use std::hint::black_box;
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

#[derive(Parser)]
#[command(about = "Measures visits of random live orders, in nanoseconds a visit, by page size")]
struct Args {
    /// How many orders are live; may be repeated.
    #[arg(long, default_values_t = [1_000_000, 4_000_000], value_parser = clap::value_parser!(u32).range(2..))]
    orders: Vec<u32>,
    #[command(flatten)]
    options: Options,
}

#[derive(Serialize)]
struct Report {
    rounds: u32,
    millis: u32,
    /// Nanoseconds a visit.
    figures: Vec<Figures>,
    memory: Vec<Memory>,
    skipped: Vec<String>,
}

/// What a subject's orders made the process grow by, in bytes: of all, and on huge pages. The lists
/// of handles are in it.
#[derive(Serialize)]
struct Memory {
    orders: u32,
    subject: &'static str,
    resident: usize,
    huge: usize,
}

/// An order that knows another one: 64 bytes, a cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Visited {
    next: *const Visited,
    qty: u64,
    _rest: [u64; 6],
}

const _: () = assert!(size_of::<Visited>() == 64);

impl Visited {
    const fn nth(n: u64) -> Self {
        Self {
            next: ptr::null(),
            qty: n,
            _rest: [n; 6],
        }
    }
}

fn main() {
    let args = Args::parse();
    let mut report = Report {
        rounds: args.options.rounds,
        millis: args.options.millis,
        figures: Vec::new(),
        memory: Vec::new(),
        skipped: Vec::new(),
    };
    for &orders in &args.orders {
        eprintln!("{orders} orders ...");
        measure(orders, &args, &mut report);
    }
    args.options.say(&report, print);
}

/// What the others are held against: nothing between the visitor and base pages.
const LIMIT: &str = "vec";

const POOLS: [(&str, PageSize); 3] = [
    ("pool, base", PageSize::Base),
    ("pool, transparent", PageSize::Transparent),
    ("pool, huge_2m", PageSize::Huge2M),
];

fn measure(count: u32, args: &Args, report: &mut Report) {
    let aside = SetAside::new((count as usize * size_of::<Visited>()).div_ceil(PAGE));
    let pools = POOLS.map(|(subject, pages)| {
        let config = PoolConfig::new().capacity(count as usize).pages(pages);
        // With fewer of them than they need, the orders would be on both.
        let config = config.pages_required(pages == PageSize::Huge2M);
        (subject, pages, Pool::<Visited>::new(config))
    });
    let mut vec = Vec::new();
    let mut all = Vec::new();
    for (subject, pages, pool) in &pools {
        let before = Resident::now();
        let made = match &aside {
            Err(why) if *pages == PageSize::Huge2M => Err(why.clone()),
            _ => pool.init(pool.config()).map_err(|error| error.to_string()),
        };
        if let Err(why) = made {
            report
                .skipped
                .push(format!("{subject}, {count} orders: {why}"));
            continue;
        }
        all.push(Orders::new(subject, before, count, |order| {
            let mut order = pool.alloc(order);
            let place = NonNull::from(&mut *order);
            (order, place)
        }));
    }
    all.push(Orders::new("mimalloc", Resident::now(), count, |order| {
        let order = Owned::<MiMalloc, _>::new(order);
        let place = order.place();
        (order, place)
    }));
    let before = Resident::now();
    vec.resize(count as usize, Visited::nth(0));
    let mut places = vec.iter_mut();
    all.push(Orders::new(LIMIT, before, count, |order| {
        let place = places.next().expect("as many as orders");
        *place = order;
        ((), NonNull::from(place))
    }));

    for orders in &all {
        report.memory.extend(orders.grown.map(|grown| Memory {
            orders: count,
            subject: orders.subject,
            resident: grown.bytes,
            huge: grown.huge,
        }));
    }
    let turns = args.options.turns();
    for way in [Way::Chase, Way::Sum] {
        let row = |orders| Row {
            subject: Orders::subject(orders),
            one_thread: true,
            round: Box::new(Visit::new(orders, way)),
        };
        let name = format!("{}-{count}", way.name());
        let figures = turns.measure(&name, all.iter().map(row).collect());
        report.figures.extend(figures);
    }
}

/// Orders that are live, and the sequence in which they are visited.
struct Orders<'a> {
    subject: &'static str,
    /// What the process has grown by.
    grown: Option<Resident>,
    /// Linked in this order, the last one to the first.
    places: Vec<NonNull<Visited>>,
    _kept: Box<dyn Keep + 'a>,
}

/// Something that is only to be kept.
trait Keep {}
impl<T> Keep for T {}

impl<'a> Orders<'a> {
    /// `make` makes an order's handle, and says where the order is as long as there is the handle,
    /// which nobody else reaches it by.
    fn new<H: 'a>(
        subject: &'static str,
        before: Option<Resident>,
        count: u32,
        mut make: impl FnMut(Visited) -> (H, NonNull<Visited>),
    ) -> Self {
        let orders = (0..u64::from(count)).map(|n| make(Visited::nth(n)));
        let (kept, mut places): (Vec<H>, Vec<_>) = orders.unzip();
        let grown = Resident::now().zip(before);
        let grown = grown.map(|(now, before)| now.since(before));
        Random::shuffle(&mut places);
        for (n, place) in places.iter().enumerate() {
            let next = places[(n + 1) % places.len()].as_ptr();
            // SAFETY: an order that is kept, and that nobody refers to.
            unsafe { (*place.as_ptr()).next = next };
        }
        Self {
            subject,
            grown,
            places,
            _kept: Box::new(kept),
        }
    }

    const fn subject(&self) -> &'static str {
        self.subject
    }
}

/// How the orders are reached.
#[derive(Clone, Copy)]
enum Way {
    /// From one to the next.
    Chase,
    /// By a list.
    Sum,
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Chase => "chase",
            Self::Sum => "sum",
        }
    }
}

struct Visit<'a> {
    orders: &'a Orders<'a>,
    way: Way,
    /// The place in the sequence that is next.
    at: usize,
}

impl<'a> Visit<'a> {
    /// Visits all once, and looks whether it did.
    fn new(orders: &'a Orders<'a>, way: Way) -> Self {
        let all = orders.places.len();
        let expected = all as u64 * (all as u64 - 1) / 2;
        let (last, sum) = match way {
            Way::Chase => chase(orders, 0, all),
            Way::Sum => (orders.places[0], sum(orders, 0..all)),
        };
        assert_eq!(
            (last, sum),
            (orders.places[0], expected),
            "each was visited once"
        );
        Self { orders, way, at: 0 }
    }
}

impl Round for Visit<'_> {
    fn run(&mut self, steps: u64) -> Duration {
        let (orders, all) = (self.orders, self.orders.places.len());
        let steps = usize::try_from(steps).expect("steps fit");
        let start = Instant::now();
        match self.way {
            Way::Chase => {
                black_box(chase(orders, self.at, steps));
            }
            Way::Sum => {
                let (mut from, mut left) = (self.at, steps);
                while left > 0 {
                    let run = left.min(all - from);
                    black_box(sum(orders, from..from + run));
                    (from, left) = (0, left - run);
                }
            }
        }
        let elapsed = start.elapsed();
        self.at = (self.at + steps) % all;
        elapsed
    }
}

/// Goes so many orders on from a place in the sequence. Says where that is, and what the orders on the
/// way add up to.
#[inline(never)]
fn chase(orders: &Orders<'_>, at: usize, count: usize) -> (NonNull<Visited>, u64) {
    let (mut place, mut sum) = (orders.places[at].as_ptr().cast_const(), 0_u64);
    for _ in 0..count {
        // SAFETY: `Orders::new` linked the orders in a ring. They are kept while they are borrowed, and
        // nobody writes to them.
        let order = unsafe { &*place };
        sum = sum.wrapping_add(order.qty);
        place = order.next;
    }
    let place = NonNull::new(place.cast_mut()).expect("the orders are linked in a ring");
    (place, sum)
}

/// What the orders at some places of the sequence add up to.
#[inline(never)]
fn sum(orders: &Orders<'_>, places: Range<usize>) -> u64 {
    let mut sum = 0_u64;
    for place in &orders.places[places] {
        // SAFETY: orders that are kept while they are borrowed, and nobody writes to them.
        sum = sum.wrapping_add(unsafe { place.as_ref() }.qty);
    }
    sum
}

fn print(report: &Report) {
    println!(
        "Nanoseconds a visit of a random live order of 64 bytes: median, least and most of {} rounds \
         of {} ms.\n\n{}\n\nWhat the orders, and the list of their handles, take, in MiB.\n",
        report.rounds,
        report.millis,
        beside(&report.figures, LIMIT)
    );
    let mut table = table(["orders", "subject", "resident", "on huge pages"], 2);
    for memory in &report.memory {
        let names = [memory.orders.to_string(), memory.subject.to_owned()];
        let numbers = [memory.resident, memory.huge];
        let numbers = numbers.map(|bytes| (bytes >> 20).to_string());
        table.add_row(names.into_iter().chain(numbers));
    }
    println!("{table}");
    print_notes("skipped", &report.skipped);
}
