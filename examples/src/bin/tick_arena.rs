//! Moves particles whose every tick lives in scopes of an arena. See `--help`, and the story of
//! [`examples::tick`].

#![forbid(unsafe_code)]

use clap::Parser;
use examples::outcome::{exit, print};
use examples::tick::app::{Args, run};
use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    exit("tick_arena", answer(&Args::parse()))
}

fn answer(args: &Args) -> Result<(), Box<dyn Error>> {
    let report = run(args)?;
    print(&match args.json {
        true => serde_json::to_string_pretty(&report)? + "\n",
        false => report.to_string(),
    })
}
