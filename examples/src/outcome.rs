//! How a program ends: what it prints, and its exit code.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// Prints a text.
///
/// # Errors
///
/// Nobody listens, or the disk is full. (`print!` would panic.)
pub fn print(text: &str) -> Result<(), Box<dyn Error>> {
    let written = io::stdout().write_all(text.as_bytes());
    written.map_err(|error| format!("stdout: {error}").into())
}

/// The exit code of a program; says why it failed, if it did.
pub fn exit<E: Display>(program: &str, outcome: Result<(), E>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {error}");
            ExitCode::FAILURE
        }
    }
}
