//! The handles beside their peers, each on the one small thing that it is for: see
//! [`benches::handles`].

use benches::handles::{Comparison, OURS, take_disturbed};
use benches::table::{number, table};
use benches::turns::{Figures, Row, Turns};
use clap::Parser;
use clap::builder::PossibleValuesParser;
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Measures the handles beside their peers, in nanoseconds a step of each thread")]
struct Args {
    /// Rounds a subject.
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Milliseconds a round.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..))]
    millis: u32,
    /// Only this workload, or this one on any number of threads; may be repeated.
    #[arg(long, value_parser = PossibleValuesParser::new(workload_names()))]
    workload: Vec<String>,
    /// Only what so many threads do; may be repeated.
    #[arg(long)]
    threads: Vec<usize>,
    /// Only this subject; may be repeated.
    #[arg(long)]
    subject: Vec<String>,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// The workloads' names and their families', each once.
fn workload_names() -> BTreeSet<String> {
    let names = |comparison: &Comparison| [comparison.family().to_owned(), comparison.to_string()];
    Comparison::ALL.iter().flat_map(names).collect()
}

impl Args {
    fn wants(&self, comparison: Comparison) -> bool {
        let name = comparison.to_string();
        let asked = |asked: &String| *asked == name || *asked == comparison.family();
        (self.workload.is_empty() || self.workload.iter().any(asked))
            && (self.threads.is_empty() || self.threads.contains(&comparison.threads))
    }

    fn wants_subject(&self, row: &Row<'_>) -> bool {
        self.subject.is_empty() || self.subject.iter().any(|name| name == row.subject)
    }
}

#[derive(Serialize)]
struct Report {
    rounds: u32,
    millis: u32,
    /// Nanoseconds a step of each thread.
    figures: Vec<Figures>,
    standings: Vec<Standing>,
    disturbed: Vec<String>,
    skipped: Vec<String>,
}

/// Where the pool stands beside another subject. The ratio is of medians: its time over theirs.
#[derive(Serialize)]
struct Standing {
    workload: String,
    beside: &'static str,
    pool: f64,
    other: f64,
    ratio: f64,
    at_most: Option<f64>,
}

fn main() {
    let args = Args::parse();
    let mut report = Report {
        rounds: args.rounds,
        millis: args.millis,
        figures: Vec::new(),
        standings: Vec::new(),
        disturbed: Vec::new(),
        skipped: Vec::new(),
    };
    for &comparison in Comparison::ALL {
        if !args.wants(comparison) {
            continue;
        }
        if let Some(obstacle) = comparison.obstacle() {
            report.skipped.push(obstacle);
            continue;
        }
        eprintln!("{comparison} ...");
        let figures = measure(comparison, &args);
        match take_disturbed() {
            0 => {}
            runs => report.disturbed.push(format!(
                "{comparison}: in {runs} runs the threads did not have a CPU each"
            )),
        }
        report.standings.extend(standings(comparison, &figures));
        report.figures.extend(figures);
    }
    if args.json {
        let json = serde_json::to_string_pretty(&report).expect("plain data");
        println!("{json}");
    } else {
        print(&report);
    }
}

fn measure(comparison: Comparison, args: &Args) -> Vec<Figures> {
    let mut rows = comparison.rows();
    rows.retain(|row| args.wants_subject(row));
    let turns = Turns {
        rounds: args.rounds,
        length: Duration::from_millis(args.millis.into()),
    };
    turns.measure(&comparison.to_string(), rows)
}

fn standings(comparison: Comparison, figures: &[Figures]) -> Vec<Standing> {
    let of = |name| {
        let figure = figures.iter().find(|figure| figure.subject == name)?;
        Some(figure.median)
    };
    let measures = comparison.measures.iter();
    let standings = measures.filter_map(|measure| {
        let (pool, other) = of(OURS).zip(of(measure.subject))?;
        Some(Standing {
            workload: comparison.to_string(),
            beside: measure.subject,
            pool,
            other,
            ratio: pool / other,
            at_most: measure.at_most,
        })
    });
    standings.collect()
}

fn print(report: &Report) {
    println!(
        "Nanoseconds a step of each thread: median, least and most of {} rounds of {} ms.\n",
        report.rounds, report.millis
    );
    let mut figures = table(["workload", "subject", "median", "min", "max"], 2);
    for figure in &report.figures {
        let numbers = [figure.median, figure.min, figure.max].map(|ns| number(Some(ns)));
        let names = [figure.workload.clone(), figure.subject.to_owned()];
        figures.add_row(names.into_iter().chain(numbers));
    }
    println!("{figures}\n\nThe pool's median over others', and what it should be at most.\n");
    let headers = [
        "workload",
        "beside",
        "pool",
        "other",
        "pool/other",
        "at most",
    ];
    let mut standings = table(headers, 2);
    for standing in &report.standings {
        let names = [standing.workload.clone(), standing.beside.to_owned()];
        let numbers = [
            Some(standing.pool),
            Some(standing.other),
            Some(standing.ratio),
            standing.at_most,
        ];
        standings.add_row(names.into_iter().chain(numbers.map(number)));
    }
    println!("{standings}");
    for disturbed in &report.disturbed {
        println!("\ndisturbed: {disturbed}");
    }
    for obstacle in &report.skipped {
        println!("\nskipped: {obstacle}");
    }
}
