//! Replays market messages into a book of pooled orders. See `--help`, and the library's story.

#![forbid(unsafe_code)]

use clap::Parser;
use examples::app::{Args, run};
use examples::outcome::{exit, print};
use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    exit("order_book", answer(&Args::parse()))
}

fn answer(args: &Args) -> Result<(), Box<dyn Error>> {
    let report = run(args)?;
    print(&match args.json {
        true => serde_json::to_string_pretty(&report)? + "\n",
        false => report.to_string(),
    })
}
