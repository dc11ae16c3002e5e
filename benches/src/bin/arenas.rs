//! Arenas beside their peers: see [`benches::arenas`].

use benches::arenas::{Comparison, OURS};
use benches::options::{Options, Subjects};
use benches::standing::Standing;
use benches::table;
use benches::turns::Figures;
use clap::Parser;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

#[derive(Parser)]
#[command(about = "Measures arenas beside their peers, in nanoseconds an allocation")]
struct Args {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    subjects: Subjects,
    /// Only this workload; may be repeated.
    #[arg(long, value_parser = PossibleValuesParser::new(Comparison::ALL.iter().map(|all| all.name())))]
    workload: Vec<String>,
}

#[derive(Serialize)]
struct Report {
    rounds: u32,
    millis: u32,
    /// Nanoseconds an allocation, with its share of the tick's end; or a push, an entry, a scope.
    figures: Vec<Figures>,
    standings: Vec<Standing>,
}

fn main() {
    let args = Args::parse();
    let mut report = Report {
        rounds: args.options.rounds,
        millis: args.options.millis,
        figures: Vec::new(),
        standings: Vec::new(),
    };
    let wants = |name: &str| args.workload.is_empty() || args.workload.iter().any(|w| w == name);
    for comparison in Comparison::ALL.iter().filter(|all| wants(all.name())) {
        eprintln!("{comparison} ...");
        let mut rows = comparison.rows();
        rows.retain(|row| args.subjects.wants(row));
        let figures = args.options.turns().measure(comparison.name(), rows);
        let standings = Standing::all(OURS, comparison.measures, &figures);
        report.standings.extend(standings);
        report.figures.extend(figures);
    }
    args.options.say(&report, print);
}

fn print(report: &Report) {
    println!(
        "Nanoseconds an allocation, its share of the tick's end included; in `vec` a push, in `map` an \
         entry, in `nested` an inner scope of five values: median, least and most of {} rounds of {} ms.\
         \n\n{}\n\nThe pool's median over others', and what it should be at most.\n\n{}",
        report.rounds,
        report.millis,
        table::figures(&report.figures),
        Standing::table(&report.standings)
    );
}
