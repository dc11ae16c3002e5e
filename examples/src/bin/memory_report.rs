//! Asks this machine for memory of every kind, and shows what it gave. See `--help`, and the story of
//! [`examples::memory`].

#![forbid(unsafe_code)]

use clap::Parser;
use examples::memory::{Args, run};
use examples::outcome::print;
use std::process::ExitCode;

fn main() -> ExitCode {
    let report = run(&Args::parse());
    if let Err(error) = print(&report.to_string()) {
        eprintln!("memory_report: {error}");
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
