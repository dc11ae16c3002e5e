//! Allocators beside each other: see [`benches::allocators`].

use benches::allocators::{Comparison, MEASURES, Memory, OURS};
use benches::disturbed::take_disturbed;
use benches::options::{Options, Subjects};
use benches::standing::Standing;
use benches::table::{self, number, table};
use benches::turns::{Figures, Row};
use clap::Parser;
use clap::builder::PossibleValuesParser;
use serde::Serialize;
use std::collections::BTreeSet;
use std::process::Command;

#[derive(Parser)]
#[command(about = "Measures allocators beside each other, in nanoseconds per block made and freed")]
struct Args {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    subjects: Subjects,
    /// Only this workload, or family of workloads; may be repeated.
    #[arg(long, value_parser = PossibleValuesParser::new(workload_names()))]
    workload: Vec<String>,
    /// Threads of the workloads that have several.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    threads: u32,
    /// Look at memory so many times, each time in a process for each allocator.
    #[arg(long, default_value_t = 3)]
    memory: u32,
    /// Do the one thing that this process is for, so many steps of it.
    #[arg(long, hide = true)]
    alone: Option<u64>,
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
        self.workload.is_empty() || self.workload.iter().any(asked)
    }

    fn rows(&self, comparison: Comparison) -> Vec<Row<'static>> {
        let wants = |subject: &str| self.subjects.wants_name(subject);
        comparison.rows(self.threads as usize, wants)
    }
}

#[derive(Serialize)]
struct Report {
    rounds: u32,
    millis: u32,
    threads: u32,
    /// Nanoseconds per block made and freed; of several threads, of all their blocks together.
    figures: Vec<Figures>,
    standings: Vec<Standing>,
    /// MiB, of processes that do one thing.
    peak: Vec<Figures>,
    end: Vec<Figures>,
    disturbed: Vec<String>,
    skipped: Vec<String>,
}

fn main() {
    let args = Args::parse();
    let mut report = Report {
        rounds: args.options.rounds,
        millis: args.options.millis,
        threads: args.threads,
        figures: Vec::new(),
        standings: Vec::new(),
        peak: Vec::new(),
        end: Vec::new(),
        disturbed: Vec::new(),
        skipped: Vec::new(),
    };
    let wanted = Comparison::ALL.iter().filter(|all| args.wants(**all));
    if let Some(steps) = args.alone {
        for comparison in wanted {
            for row in args.rows(*comparison) {
                let memory = serde_json::to_string(&Memory::of(row, steps)).expect("plain data");
                println!("{memory}");
            }
        }
        return;
    }
    for &comparison in wanted {
        if let Some(obstacle) = comparison.obstacle(args.threads as usize) {
            report.skipped.push(obstacle);
            continue;
        }
        eprintln!("{comparison} ...");
        let name = comparison.to_string();
        let figures = args.options.turns().measure(&name, args.rows(comparison));
        match take_disturbed() {
            0 => {}
            runs => report.disturbed.push(format!(
                "{comparison}: in {runs} runs the threads did not have a CPU each"
            )),
        }
        let standings = Standing::all(OURS, MEASURES, &figures);
        report.standings.extend(standings);
        if let Some(steps) = comparison.steps_for_memory() {
            look(&args, &name, steps, &figures, &mut report);
        }
        report.figures.extend(figures);
    }
    args.options.say(&report, print);
}

/// Looks at the memory that a workload takes, in processes of its own.
fn look(args: &Args, name: &str, steps: u64, figures: &[Figures], report: &mut Report) {
    for subject in figures.iter().map(|figure| figure.subject) {
        let looks = (0..args.memory).map(|_| alone(args, name, subject, steps));
        let memories: Vec<_> = match looks.collect::<Result<Option<_>, _>>() {
            Ok(memories) => memories.unwrap_or_default(),
            Err(why) => {
                report.skipped.push(format!("{name}, {subject}: {why}"));
                continue;
            }
        };
        if memories.is_empty() {
            continue;
        }
        let mib = |bytes: fn(&Memory) -> usize| {
            let all = memories.iter().map(|memory| bytes(memory) as f64);
            let all = all.map(|bytes| bytes / f64::from(1 << 20));
            Figures::new(name, subject, all.collect())
        };
        report.peak.push(mib(|memory| memory.peak));
        report.end.push(mib(|memory| memory.end));
    }
}

/// What a process says that does one thing.
fn alone(args: &Args, name: &str, subject: &str, steps: u64) -> Result<Option<Memory>, String> {
    let program = std::env::current_exe().expect("this runs from somewhere");
    let output = Command::new(program)
        .args(["--alone", &steps.to_string()])
        .args(["--workload", name, "--subject", subject])
        .args(["--threads", &args.threads.to_string()])
        .output()
        .expect("this runs, so it can again");
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {}", output.status, stderr.trim()));
    }
    Ok(serde_json::from_slice(&output.stdout).expect("memory, or nothing"))
}

fn print(report: &Report) {
    println!(
        "Nanoseconds per block made and freed; with {} threads, of all their blocks together: median, \
         least and most of {} rounds of {} ms.\n\n{}\n\nWhere `{OURS}` stands: its median over others'.\
         \n\n{}",
        report.threads,
        report.rounds,
        report.millis,
        table::beside(&report.figures, OURS),
        Standing::table(&report.standings)
    );
    if !report.peak.is_empty() {
        let mut table = table(["workload", "subject", "most, MiB", "at the end, MiB"], 2);
        for (peak, end) in report.peak.iter().zip(&report.end) {
            let names = [peak.workload.clone(), peak.subject.to_owned()];
            let numbers = [peak.median, end.median].map(|mib| number(Some(mib)));
            table.add_row(names.into_iter().chain(numbers));
        }
        println!(
            "\nResident memory of a process that does nothing else, at most and when all was freed.\n\n\
             {table}"
        );
    }
    table::print_notes("disturbed", &report.disturbed);
    table::print_notes("skipped", &report.skipped);
}
