//! The first million allocations: how long each takes, with and without `prefault`.
//!
//! A page that nobody touched is the system's affair at its first touch, and whoever allocates there
//! waits for it. Each round of each subject is a process of its own, in which everything is for the
//! first time, and the subjects take turns. What is measured is the time from one allocation to the
//! next: the allocation, writing the order and the handle, and one reading of the clock, which the
//! subject `clock` has alone.

use benches::Order;
use benches::aside::{PAGE, SetAside};
use benches::subject::{Glibc, Heap, Limit, Ours, Subject};
use benches::table::{number, table};
use benches::turns::median;
use clap::Parser;
use clap::builder::PossibleValuesParser;
use hdrhistogram::Histogram;
use mimalloc::MiMalloc;
use pool::{PageSize, Pooled};
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::process::Command;
use std::time::Instant;

#[derive(Parser)]
#[command(about = "Measures the first allocations of a process, each by itself, in nanoseconds")]
struct Args {
    /// Orders that are allocated.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    orders: u32,
    /// Rounds a subject.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Only this subject; may be repeated.
    #[arg(long, value_parser = PossibleValuesParser::new(SUBJECTS.map(|subject| subject.0)))]
    subject: Vec<String>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Take the one round that this process is for.
    #[arg(long, hide = true)]
    alone: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    Clock,
    Pool { pages: PageSize, prefault: bool },
    Mimalloc,
    Glibc,
}

const fn pool(pages: PageSize, prefault: bool) -> Kind {
    Kind::Pool { pages, prefault }
}

/// Pages of 2 MiB are taken when the pool is made: there is nothing left to prefault.
const SUBJECTS: [(&str, Kind); 8] = [
    ("clock", Kind::Clock),
    ("pool-base", pool(PageSize::Base, false)),
    ("pool-base-prefault", pool(PageSize::Base, true)),
    ("pool-transparent", pool(PageSize::Transparent, false)),
    (
        "pool-transparent-prefault",
        pool(PageSize::Transparent, true),
    ),
    ("pool-huge_2m", pool(PageSize::Huge2M, false)),
    ("mimalloc", Kind::Mimalloc),
    ("glibc", Kind::Glibc),
];

/// Nanoseconds of one process.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Sample {
    /// What came before the first allocation: making the pool.
    setup: f64,
    p50: f64,
    p99_9: f64,
    max: f64,
    /// Of all allocations together.
    total: f64,
}

#[derive(Serialize)]
struct Figures {
    subject: &'static str,
    median: Sample,
    /// One a round, in the order they were taken.
    rounds: Vec<Sample>,
}

#[derive(Serialize)]
struct Report {
    orders: u32,
    rounds: u32,
    figures: Vec<Figures>,
    skipped: Vec<String>,
}

fn main() {
    let args = Args::parse();
    if args.alone {
        let [name] = &args.subject[..] else {
            panic!("alone means one subject");
        };
        let (_, kind) = SUBJECTS
            .into_iter()
            .find(|(other, _)| other == name)
            .expect("clap knows them");
        let sample = kind.sample(args.orders);
        println!("{}", serde_json::to_string(&sample).expect("plain data"));
        return;
    }
    let report = measure(&args);
    if args.json {
        let json = serde_json::to_string_pretty(&report).expect("plain data");
        println!("{json}");
    } else {
        print(&report);
    }
}

fn measure(args: &Args) -> Report {
    let mut skipped = Vec::new();
    let bytes = args.orders as usize * size_of::<Order>();
    let aside = SetAside::new(bytes.div_ceil(PAGE));
    let wanted =
        |name: &str| args.subject.is_empty() || args.subject.iter().any(|only| only == name);
    let mut turns: Vec<(&str, Vec<Sample>)> = Vec::new();
    for (name, kind) in SUBJECTS {
        match (&aside, kind) {
            _ if !wanted(name) => {}
            (
                Err(why),
                Kind::Pool {
                    pages: PageSize::Huge2M,
                    ..
                },
            ) => {
                skipped.push(format!("{name}: {why}"));
            }
            _ => turns.push((name, Vec::new())),
        }
    }
    let order: Vec<_> = turns.iter().map(|(name, _)| *name).collect();
    for round in 0..args.rounds {
        eprintln!("round {} of {} ...", round + 1, args.rounds);
        turns.retain_mut(|(name, samples)| match alone(name, args.orders) {
            Ok(sample) => {
                samples.push(sample);
                true
            }
            Err(why) => {
                skipped.push(format!("{name}: {why}"));
                false
            }
        });
        if !turns.is_empty() {
            turns.rotate_left(1);
        }
    }
    turns.sort_by_key(|(name, _)| order.iter().position(|other| other == name));
    let figures = turns.into_iter().map(|(subject, rounds)| Figures {
        subject,
        median: Sample::median(&rounds),
        rounds,
    });
    Report {
        orders: args.orders,
        rounds: args.rounds,
        figures: figures.collect(),
        skipped,
    }
}

/// One round of one subject, in a process of its own.
fn alone(name: &str, orders: u32) -> Result<Sample, String> {
    let program = std::env::current_exe().expect("this runs from somewhere");
    let output = Command::new(program)
        .args(["--alone", "--subject", name])
        .args(["--orders", &orders.to_string()])
        .output()
        .expect("this runs, so it can again");
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {}", output.status, stderr.trim()));
    }
    Ok(serde_json::from_slice(&output.stdout).expect("a sample"))
}

impl Sample {
    /// Number by number.
    fn median(samples: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(&samples.iter().map(figure).collect::<Vec<_>>());
        Self {
            setup: of(|sample| sample.setup),
            p50: of(|sample| sample.p50),
            p99_9: of(|sample| sample.p99_9),
            max: of(|sample| sample.max),
            total: of(|sample| sample.total),
        }
    }
}

impl Kind {
    fn sample(self, orders: u32) -> Sample {
        let room = orders as usize;
        let start = Instant::now();
        let setup = || start.elapsed().as_secs_f64() * 1e9;
        match self {
            Self::Clock => {
                let limit = Limit::with_room(room);
                // Its list goes through all slots: they were touched.
                times(&limit, orders, setup())
            }
            Self::Pool { pages, prefault } => {
                let config = Order::pool().config().capacity(room).pages(pages);
                let required = pages == PageSize::Huge2M;
                let made = Order::pool().init(config.prefault(prefault).pages_required(required));
                if let Err(error) = made {
                    eprintln!("{error}");
                    std::process::exit(1);
                }
                times(&Ours::with_room(room), orders, setup())
            }
            Self::Mimalloc => times(&Heap::<MiMalloc>::with_room(room), orders, setup()),
            Self::Glibc => times(&Glibc::with_room(room), orders, setup()),
        }
    }
}

/// Memory that was touched, for so many of something.
fn touched<T>(count: usize) -> Vec<T> {
    let mut memory = Vec::with_capacity(count);
    // Shown to the optimiser, it cannot become memory that was zeroed without being touched.
    black_box(&mut memory);
    memory.spare_capacity_mut().fill_with(MaybeUninit::zeroed);
    black_box(&mut memory);
    memory
}

fn times<S: Subject>(subject: &S, orders: u32, setup: f64) -> Sample {
    let mut handles = touched(orders as usize);
    let mut times: Vec<u64> = touched(orders as usize);
    let start = Instant::now();
    let mut last = start;
    for n in 0..u64::from(orders) {
        handles.push(subject.make(Order::nth(n)));
        let now = Instant::now();
        times.push((now - last).as_nanos() as u64);
        last = now;
    }
    let total = (last - start).as_secs_f64() * 1e9;
    black_box(&mut handles);
    let mut histogram = Histogram::<u64>::new(3).expect("three digits are possible");
    times.iter().for_each(|&time| histogram += time);
    let sink = subject.sink();
    for (handle, n) in handles.into_iter().zip(0..) {
        // SAFETY: this subject's handle and sink.
        let order = unsafe { S::read(sink, &handle) };
        assert_eq!(order, Order::nth(n), "the orders are kept");
        // SAFETY: as above.
        unsafe { S::free(sink, handle) };
    }
    let quantile = |q| histogram.value_at_quantile(q) as f64;
    Sample {
        setup,
        p50: quantile(0.5),
        p99_9: quantile(0.999),
        max: histogram.max() as f64,
        total,
    }
}

fn print(report: &Report) {
    println!(
        "The first {} allocations of an order of 64 bytes, in nanoseconds, the clock's own included; \
         making the pool and all allocations together in milliseconds. Medians of {} processes.\n",
        report.orders, report.rounds
    );
    let mut table = table(["subject", "making", "p50", "p99.9", "max", "all"], 1);
    for figures in &report.figures {
        let Sample {
            setup,
            p50,
            p99_9,
            max,
            total,
        } = figures.median;
        let whole = |nanos: f64| format!("{nanos:.0}");
        let millis = |nanos: f64| number(Some(nanos / 1e6));
        table.add_row([
            figures.subject.to_owned(),
            millis(setup),
            whole(p50),
            whole(p99_9),
            whole(max),
            millis(total),
        ]);
    }
    println!("{table}");
    for skipped in &report.skipped {
        println!("\nskipped: {skipped}");
    }
}
