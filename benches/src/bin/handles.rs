//! The handles beside their peers, each on the one small thing that it is for: see
//! [`benches::handles`].

use benches::disturbed::take_disturbed;
use benches::handles::{Comparison, OURS};
use benches::options::{Options, Subjects};
use benches::standing::Standing;
use benches::table;
use benches::turns::Figures;
use clap::Parser;
use clap::builder::PossibleValuesParser;
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Parser)]
#[command(about = "Measures the handles beside their peers, in nanoseconds a step of each thread")]
struct Args {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    subjects: Subjects,
    /// Only this workload, or this one on any number of threads; may be repeated.
    #[arg(long, value_parser = PossibleValuesParser::new(workload_names()))]
    workload: Vec<String>,
    /// Only what so many threads do; may be repeated.
    #[arg(long)]
    threads: Vec<usize>,
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

fn main() {
    let args = Args::parse();
    let mut report = Report {
        rounds: args.options.rounds,
        millis: args.options.millis,
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
        let standings = Standing::all(OURS, comparison.measures, &figures);
        report.standings.extend(standings);
        report.figures.extend(figures);
    }
    args.options.say(&report, print);
}

fn measure(comparison: Comparison, args: &Args) -> Vec<Figures> {
    let mut rows = comparison.rows();
    rows.retain(|row| args.subjects.wants(row));
    args.options.turns().measure(&comparison.to_string(), rows)
}

fn print(report: &Report) {
    println!(
        "Nanoseconds a step of each thread: median, least and most of {} rounds of {} ms.\n\n{}\n\n\
         The pool's median over others', and what it should be at most.\n\n{}",
        report.rounds,
        report.millis,
        table::figures(&report.figures),
        Standing::table(&report.standings)
    );
    table::print_notes("disturbed", &report.disturbed);
    table::print_notes("skipped", &report.skipped);
}
