//! Programs on one allocator after the other: see [`benches::programs`].

use benches::allocators::{MEASURES, OURS};
use benches::options::Subjects;
use benches::programs::{ALLOCATORS, Program, Sample};
use benches::standing::Standing;
use benches::table;
use benches::turns::Figures;
use clap::Parser;
use clap::builder::PossibleValuesParser;
use serde::Serialize;
use std::collections::BTreeMap;
use std::env::consts::EXE_SUFFIX;
use std::process::Command;

#[derive(Parser)]
#[command(
    about = "Measures programs, each in a process for each allocator",
    long_about = "Measures programs, each in a process for each allocator: `global_slab` and so on, \
                  which are where this program is. `cargo build --release -p benches` makes them."
)]
struct Args {
    #[command(flatten)]
    subjects: Subjects,
    /// Only this program; may be repeated.
    #[arg(long, value_parser = PossibleValuesParser::new(Program::names()))]
    program: Vec<String>,
    /// Processes of each program on each allocator.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How much there is to do, in parts of a hundred.
    #[arg(long, default_value_t = 100)]
    percent: u32,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// Figures of all programs, and where ours stands among them.
#[derive(Default, Serialize)]
struct Compared {
    figures: Vec<Figures>,
    standings: Vec<Standing>,
}

#[derive(Serialize)]
struct Report {
    rounds: u32,
    percent: u32,
    /// Milliseconds.
    time: Compared,
    /// MiB of resident memory, at most.
    peak: Compared,
    /// MiB of resident memory, when the program has ended.
    end: Compared,
    skipped: Vec<String>,
}

fn main() {
    let args = Args::parse();
    let mut report = Report {
        rounds: args.rounds,
        percent: args.percent,
        time: Compared::default(),
        peak: Compared::default(),
        end: Compared::default(),
        skipped: Vec::new(),
    };
    let asked = |name: &str| args.program.is_empty() || args.program.iter().any(|all| all == name);
    for name in Program::names().into_iter().filter(|name| asked(name)) {
        eprintln!("{name} ...");
        let turns = turns(&args, name, &mut report.skipped);
        report.time.add(name, &turns, |sample| Some(sample.millis));
        report.peak.add(name, &turns, |sample| sample.peak);
        report.end.add(name, &turns, |sample| sample.end);
    }
    if args.json {
        let json = serde_json::to_string_pretty(&report).expect("plain data");
        println!("{json}");
    } else {
        print(&report);
    }
}

/// An allocator, and how each round with it went.
type Turn = (&'static str, Vec<Sample>);

/// Runs a program by turns, on one allocator after the other.
fn turns(args: &Args, program: &str, skipped: &mut Vec<String>) -> Vec<Turn> {
    let wanted = ALLOCATORS.into_iter();
    let wanted = wanted.filter(|allocator| args.subjects.wants_name(allocator));
    let mut turns: Vec<Turn> = wanted.map(|allocator| (allocator, Vec::new())).collect();
    for _ in 0..args.rounds {
        turns.retain_mut(|(allocator, samples)| match run(args, program, allocator) {
            Ok(sample) => {
                samples.push(sample);
                true
            }
            Err(why) => {
                skipped.push(format!("{program}, {allocator}: {why}"));
                false
            }
        });
        if !turns.is_empty() {
            turns.rotate_left(1);
        }
    }
    turns.sort_by_key(|(allocator, _)| ALLOCATORS.iter().position(|other| other == allocator));
    let made = |(allocator, samples): &Turn| {
        let digests = samples.iter().map(|sample| (sample.digest, *allocator));
        digests.collect::<Vec<_>>()
    };
    let made: BTreeMap<u64, &str> = turns.iter().flat_map(made).collect();
    assert!(made.len() <= 1, "{program} made different things: {made:?}");
    turns
}

/// A process.
fn run(args: &Args, program: &str, allocator: &str) -> Result<Sample, String> {
    let this = std::env::current_exe().expect("this runs from somewhere");
    let path = this.with_file_name(format!("global_{allocator}{EXE_SUFFIX}"));
    let output = Command::new(&path)
        .arg(program)
        .args(["--percent", &args.percent.to_string()])
        .output()
        .map_err(|error| {
            let path = path.display();
            format!("{path}: {error} (`cargo build --release -p benches` makes it)")
        })?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {}", output.status, stderr.trim()));
    }
    Ok(serde_json::from_slice(&output.stdout).expect("a sample"))
}

impl Compared {
    /// What one figure of a program says of each allocator.
    fn add(&mut self, program: &str, turns: &[Turn], of: fn(&Sample) -> Option<f64>) {
        let figures = turns.iter().filter_map(|(allocator, samples)| {
            let rounds: Option<Vec<f64>> = samples.iter().map(of).collect();
            Some(Figures::new(program, allocator, rounds?))
        });
        let figures: Vec<_> = figures.collect();
        let standings = Standing::all(OURS, MEASURES, &figures);
        self.standings.extend(standings);
        self.figures.extend(figures);
    }

    fn print(&self, what: &str) {
        if !self.figures.is_empty() {
            println!(
                "\n{what}\n\n{}\n\nWhere `{OURS}` stands: its median over others'.\n\n{}",
                table::beside(&self.figures, OURS),
                Standing::table(&self.standings)
            );
        }
    }
}

fn print(report: &Report) {
    println!(
        "Programs, each on the allocator that it has installed: median, least and most of {} processes.",
        report.rounds
    );
    report.time.print("Milliseconds.");
    report.peak.print("MiB of resident memory, at most.");
    report
        .end
        .print("MiB of resident memory when the program has ended.");
    table::print_notes("skipped", &report.skipped);
}
