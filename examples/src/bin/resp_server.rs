//! Serves the Redis protocol. See `--help`, and the story of [`examples::resp`].

#![forbid(unsafe_code)]

use clap::Parser;
use examples::outcome::exit;
use examples::resp::server::run;
use examples::resp::settings::Args;
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    exit("resp_server", run(&Args::parse(), &mut io::stdout()))
}
