//! Whole programs, on the allocator that is installed.
//!
//! The executables `global_slab`, `global_glibc` and so on differ in that only: each runs the program
//! that it is told to, by [`main`], and says how long it took and how much memory. What a program
//! makes is the same whoever made room for it.

mod book;
mod json;
mod words;

use crate::allocators::{Larson, Stress};
use crate::process::{Resident, peak};
use crate::subject::Installed;
use clap::Parser;
use clap::builder::PossibleValuesParser;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Who has an executable, which is called `global_` and this.
pub const ALLOCATORS: [&str; 5] = ["slab", "glibc", "mimalloc", "snmalloc", "jemalloc"];

/// Threads of the programs that have several.
const THREADS: usize = 2;

/// A program.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    name: &'static str,
    /// What it does, for so many parts in a hundred of all that there is.
    run: fn(u32) -> Outcome,
}

/// What came out.
struct Outcome {
    /// Apart from what is prepared, and from waiting for CPUs.
    elapsed: Duration,
    /// All that was made, in one number.
    digest: u64,
}

impl Program {
    /// All of them.
    pub const ALL: [Self; 5] = [
        program("json", json::run),
        program("words", words::run),
        program("book", book::run),
        program("larson", larson),
        program("mstress", mstress),
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The names of all.
    #[must_use]
    pub fn names() -> [&'static str; 5] {
        Self::ALL.map(Self::name)
    }
}

const fn program(name: &'static str, run: fn(u32) -> Outcome) -> Program {
    Program { name, run }
}

/// So many parts in a hundred, one at least.
fn part(all: u64, percent: u32) -> u64 {
    (all * u64::from(percent) / 100).max(1)
}

fn mix(sum: u64, word: u64) -> u64 {
    (sum.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A text in one number.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0, |sum, byte| mix(sum, byte.into()))
}

/// See [`benches::allocators`](crate::allocators): the objects of 500 threads, one after the other, of
/// two at a time.
fn larson(percent: u32) -> Outcome {
    let mut larson = Larson::<Installed>::new(THREADS);
    let elapsed = larson.attempt(part(25_000_000, percent)).elapsed;
    Outcome {
        elapsed,
        digest: larson.sum(),
    }
}

/// As there: 200 threads, two at a time. All objects are looked at; there is no more to say of them.
fn mstress(percent: u32) -> Outcome {
    let mut stress = Stress::<Installed>::new(THREADS);
    let turns = part(100, percent);
    Outcome {
        elapsed: stress.attempt(turns).elapsed,
        digest: turns,
    }
}

/// What a program says at its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sample {
    /// Which one.
    pub program: String,
    /// On which allocator.
    pub allocator: String,
    /// How long it took, in milliseconds, apart from what was prepared.
    pub millis: f64,
    /// The most memory that the process had, in MiB; `None` where there is no `/proc`.
    pub peak: Option<f64>,
    /// What it has when the program has ended.
    pub end: Option<f64>,
    /// All that it made, in one number.
    pub digest: u64,
}

#[derive(Parser)]
struct Args {
    /// Which one.
    #[arg(value_parser = PossibleValuesParser::new(Program::names()))]
    program: String,
    /// How much there is to do, in parts of a hundred.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    percent: u32,
}

/// Runs the program that the arguments name, and says how it went in one line of JSON. The process has
/// the allocator of that name installed.
///
/// # Panics
///
/// The program was not done well.
pub fn main(allocator: &str) {
    let args = Args::parse();
    let program = Program::ALL
        .into_iter()
        .find(|all| all.name == args.program);
    let program = program.expect("clap knows them");
    let outcome = (program.run)(args.percent);
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    let sample = Sample {
        program: args.program,
        allocator: allocator.to_owned(),
        millis: outcome.elapsed.as_secs_f64() * 1e3,
        peak: peak().map(mib),
        end: Resident::now().map(|now| mib(now.bytes)),
        digest: outcome.digest,
    };
    println!("{}", serde_json::to_string(&sample).expect("plain data"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_make_the_same_every_time() {
        for program in Program::ALL {
            let once = (program.run)(1);
            assert!(!once.elapsed.is_zero(), "{}", program.name);
            assert_eq!((program.run)(1).digest, once.digest, "{}", program.name);
            // What there is to do is told by what was made.
            assert_ne!((program.run)(2).digest, once.digest, "{}", program.name);
        }
    }
}
