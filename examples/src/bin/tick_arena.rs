//! Moves particles whose every tick lives in scopes of an arena. See `--help`, and the story of
//! [`examples::tick`].

#![forbid(unsafe_code)]

use clap::Parser;
use examples::tick::app::{Args, run};
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    match answer(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tick_arena: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer(args: &Args) -> Result<(), Box<dyn Error>> {
    let report = run(args)?;
    let text = match args.json {
        true => serde_json::to_string_pretty(&report)? + "\n",
        false => report.to_string(),
    };
    // `print!` would panic if nobody listens.
    let written = io::stdout().write_all(text.as_bytes());
    written.map_err(|error| format!("stdout: {error}").into())
}
