//! Serves the Redis protocol. See `--help`, and the story of [`examples::resp`].

#![forbid(unsafe_code)]

use clap::Parser;
use examples::resp::server::run;
use examples::resp::settings::Args;
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(&Args::parse(), &mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("resp_server: {error}");
            ExitCode::FAILURE
        }
    }
}
