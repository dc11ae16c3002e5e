//! All workloads, all subjects, one table.

use benches::options::{Options, Subjects};
use benches::roster::{LIMIT, OURS, Roster};
use benches::table::{self, number, table};
use benches::turns::Figures;
use benches::work::Workload;
use clap::Parser;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

#[derive(Parser)]
#[command(about = "Measures the pool beside its peers, in nanoseconds per order made and freed")]
struct Args {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    subjects: Subjects,
    /// Only this workload, or family of workloads; may be repeated.
    #[arg(long, value_parser = PossibleValuesParser::new(workload_names()))]
    workload: Vec<String>,
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
}

#[derive(Serialize)]
struct Report {
    rounds: u32,
    millis: u32,
    figures: Vec<Figures>,
    standings: Vec<Standing>,
    skipped: Vec<String>,
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
        rounds: args.options.rounds,
        millis: args.options.millis,
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
    args.options.say(&report, print);
}

fn measure(workload: Workload, args: &Args) -> Vec<Figures> {
    let roster = Roster::for_work(workload);
    let mut rows = roster.rows(workload);
    rows.retain(|row| args.subjects.wants(row));
    args.options.turns().measure(&workload.to_string(), rows)
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
        "Nanoseconds per order made and freed: median, least and most of {} rounds of {} ms.\n\n{}\n\n\
         The pool's median beside the limit's, and beside the best of the peers whose orders any thread \
         may free.\n",
        report.rounds,
        report.millis,
        table::figures(&report.figures)
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
    let mut table = table(headers, 2);
    for standing in &report.standings {
        let names = [&standing.workload, standing.best_peer.unwrap_or("-")].map(str::to_owned);
        let numbers = [
            Some(standing.pool),
            standing.limit,
            standing.best,
            standing.to_limit,
            standing.times_best,
        ];
        table.add_row(names.into_iter().chain(numbers.map(number)));
    }
    println!("{table}");
    table::print_notes("skipped", &report.skipped);
}
