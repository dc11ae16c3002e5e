//! Asks this machine for memory of every kind, and shows what it gave. See `--help`, and the story of
//! [`examples::memory`].

#![forbid(unsafe_code)]

use clap::Parser;
use examples::memory::{Args, run};
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let report = run(&Args::parse());
    // `print!` would panic if nobody listens.
    if let Err(error) = io::stdout().write_all(report.to_string().as_bytes()) {
        eprintln!("memory_report: stdout: {error}");
        return ExitCode::FAILURE;
    }
    let contradictions = report.contradictions();
    for contradiction in &contradictions {
        eprintln!("memory_report: {contradiction}");
    }
    match contradictions.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
