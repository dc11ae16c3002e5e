//! All workloads, all subjects, one table.
//!
//! The subjects take turns, round by round, and each round begins with another one, so that what
//! the machine does meanwhile falls on all of them. Each figure is the median of a subject's
//! rounds.

use benches::roster::{LIMIT, OURS, Roster, Row};
use benches::work::Workload;
use clap::Parser;
use clap::builder::PossibleValuesParser;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Measures the pool beside its peers, in nanoseconds per order made and freed")]
struct Args {
    /// Rounds a subject.
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u32).range(9..))]
    rounds: u32,
    /// Milliseconds a round.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..))]
    millis: u32,
    /// Only this workload, or family of workloads; may be repeated.
    #[arg(long, value_parser = PossibleValuesParser::new(workload_names()))]
    workload: Vec<String>,
    /// Only this subject; may be repeated.
    #[arg(long, value_parser = PossibleValuesParser::new(Roster::names()))]
    subject: Vec<String>,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// The workloads' names and their families', each once.
fn workload_names() -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for workload in Workload::ALL {
        for name in [workload.family().to_owned(), workload.to_string()] {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

impl Args {
    fn wants(&self, workload: Workload) -> bool {
        let name = workload.to_string();
        let asked = |asked: &String| *asked == name || *asked == workload.family();
        self.workload.is_empty() || self.workload.iter().any(asked)
    }

    fn wants_subject(&self, row: &Row<'_>) -> bool {
        self.subject.is_empty() || self.subject.iter().any(|name| name == row.subject)
    }
}

#[derive(Serialize)]
struct Report {
    rounds: u32,
    millis: u32,
    figures: Vec<Figures>,
    standings: Vec<Standing>,
    skipped: Vec<String>,
}

/// Nanoseconds per order made and freed.
#[derive(Serialize)]
struct Figures {
    workload: String,
    subject: &'static str,
    one_thread: bool,
    median: f64,
    min: f64,
    max: f64,
    /// One a round, in the order they were taken.
    rounds: Vec<f64>,
}

/// Where the pool stands in a workload. Ratios are of medians: its time over the limit's, and the
/// best peer's over its own. Subjects that one thread has to itself are no peers in this.
#[derive(Serialize)]
struct Standing {
    workload: String,
    pool: f64,
    limit: Option<f64>,
    to_limit: Option<f64>,
    best_peer: Option<&'static str>,
    best: Option<f64>,
    times_best: Option<f64>,
}

fn main() {
    let args = Args::parse();
    let mut report = Report {
        rounds: args.rounds,
        millis: args.millis,
        figures: Vec::new(),
        standings: Vec::new(),
        skipped: Vec::new(),
    };
    for workload in Workload::ALL {
        if !args.wants(workload) {
            continue;
        }
        if let Some(obstacle) = workload.obstacle() {
            report.skipped.push(obstacle);
            continue;
        }
        eprintln!("{workload} ...");
        let figures = measure(workload, &args);
        report.standings.extend(standing(workload, &figures));
        report.figures.extend(figures);
    }
    if args.json {
        let json = serde_json::to_string_pretty(&report).expect("plain data");
        println!("{json}");
    } else {
        print(&report);
    }
}

/// A subject's place in the turns.
struct Turn<'a> {
    row: Row<'a>,
    /// Steps that take about as long as a round should.
    steps: u64,
    rounds: Vec<f64>,
}

fn measure(workload: Workload, args: &Args) -> Vec<Figures> {
    let roster = Roster::for_work(workload);
    let rows = roster.rows(workload).into_iter();
    let length = Duration::from_millis(args.millis.into());
    let mut turns: Vec<_> = rows
        .filter(|row| args.wants_subject(row))
        .map(|row| Turn::new(row, length))
        .collect();
    for _ in 0..args.rounds {
        turns.iter_mut().for_each(Turn::take);
        if !turns.is_empty() {
            turns.rotate_left(1);
        }
    }
    turns.sort_by_key(|turn| {
        Roster::names()
            .iter()
            .position(|name| *name == turn.row.subject)
    });
    let name = workload.to_string();
    turns.into_iter().map(|turn| turn.figures(&name)).collect()
}

impl<'a> Turn<'a> {
    /// Warms the subject up, and finds how many steps fit a round.
    fn new(mut row: Row<'a>, length: Duration) -> Self {
        let mut steps = 1;
        let elapsed = loop {
            let elapsed = row.round.run(steps);
            if elapsed * 4 >= length {
                break elapsed;
            }
            steps *= 2;
        };
        let fitting = steps as f64 * length.as_secs_f64() / elapsed.as_secs_f64();
        Self {
            row,
            steps: (fitting as u64).max(1),
            rounds: Vec::new(),
        }
    }

    fn take(&mut self) {
        // The others have had the caches meanwhile.
        self.row.round.run(self.steps.div_ceil(16));
        let elapsed = self.row.round.run(self.steps);
        let pairs = self.steps * self.row.round.pairs();
        self.rounds.push(elapsed.as_secs_f64() * 1e9 / pairs as f64);
    }

    fn figures(self, workload: &str) -> Figures {
        let mut sorted = self.rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
            _ => sorted[middle],
        };
        Figures {
            workload: workload.to_owned(),
            subject: self.row.subject,
            one_thread: self.row.one_thread,
            median,
            min: sorted[0],
            max: sorted[sorted.len() - 1],
            rounds: self.rounds,
        }
    }
}

fn standing(workload: Workload, figures: &[Figures]) -> Option<Standing> {
    let of = |name| figures.iter().find(|figure| figure.subject == name);
    let pool = of(OURS)?.median;
    let limit = of(LIMIT).map(|figure| figure.median);
    let best = figures
        .iter()
        .filter(|figure| figure.subject != OURS && !figure.one_thread)
        .min_by(|a, b| a.median.total_cmp(&b.median));
    Some(Standing {
        workload: workload.to_string(),
        pool,
        limit,
        to_limit: limit.map(|limit| pool / limit),
        best_peer: best.map(|figure| figure.subject),
        best: best.map(|figure| figure.median),
        times_best: best.map(|figure| figure.median / pool),
    })
}

fn print(report: &Report) {
    println!(
        "Nanoseconds per order made and freed: median, least and most of {} rounds of {} ms.\n",
        report.rounds, report.millis
    );
    let mut table = table(["workload", "subject", "median", "min", "max"], 2);
    for figure in &report.figures {
        let numbers = [figure.median, figure.min, figure.max].map(|ns| format!("{ns:.2}"));
        let names = [figure.workload.clone(), figure.subject.to_owned()];
        table.add_row(names.into_iter().chain(numbers));
    }
    println!(
        "{table}\n\nThe pool's median beside the limit's, and beside the best of the peers whose orders any \
         thread may free.\n"
    );

    let headers = [
        "workload",
        "best peer",
        "pool",
        "limit",
        "best",
        "pool/limit",
        "best/pool",
    ];
    let mut table = self::table(headers, 2);
    for standing in &report.standings {
        let names = [&standing.workload, standing.best_peer.unwrap_or("-")].map(str::to_owned);
        let numbers = [
            Some(standing.pool),
            standing.limit,
            standing.best,
            standing.to_limit,
            standing.times_best,
        ];
        let numbers = numbers.map(|n| n.map_or_else(|| "-".to_owned(), |n| format!("{n:.2}")));
        table.add_row(names.into_iter().chain(numbers));
    }
    println!("{table}");
    for obstacle in &report.skipped {
        println!("\nskipped: {obstacle}");
    }
}

/// A table that can stand in a document, with `names` columns of names before those of numbers.
fn table<const N: usize>(headers: [&str; N], names: usize) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_header(headers);
    for column in table.column_iter_mut().skip(names) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
