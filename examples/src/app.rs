//! What `order_book` does with its arguments, short of printing.

use crate::book::Book;
use crate::generate::{DEFAULT_MESSAGES, DEFAULT_SEED, Stream};
use crate::lobster::{ReadError, Reader};
use crate::order::{Order, OrderBox};
use crate::progress;
use crate::replay::replay;
use crate::report::Report;
use clap::{Parser, ValueEnum};
use pool::PoolBox;
use std::error::Error;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Replays market messages into an order book whose orders live in a pool, and says how fast.
///
/// The messages are those of a LOBSTER message file, time,type,id,size,price,direction, or a
/// generated stream if no file is named.
#[derive(Debug, Parser)]
#[command(name = "order_book", version, after_long_help = GENERATED)]
pub struct Args {
    /// A LOBSTER message file; without one, a stream is generated
    #[arg(value_name = "MESSAGES.csv")]
    pub file: Option<PathBuf>,

    /// Where orders live: in their type's pool, or each in a box of the global allocator
    #[arg(long, value_enum, default_value_t = Alloc::Pool)]
    pub alloc: Alloc,

    /// Messages to replay [default: all of the file, or 5000000 generated ones]
    #[arg(long, value_name = "N")]
    pub messages: Option<u64>,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

const GENERATED: &str = "\
The generated stream is the same at every run. Of its messages about 46% are new orders, 42% \
deletions, 6% partial cancellations, 5% executions and 1% hidden executions; 1 in 1000 names an \
order that never rested. A fair price walks at random. Most orders come near it, at distances that \
fall off geometrically, and go soon; one in six rests deep, at a distance and for a life of a power \
law, so that some 20,000 to 27,000 orders rest from the first million messages on (never more than \
60,000). Trades sweep the best orders of a side. Messages come in bursts of about 50.

A message of type 2, 3 or 4 whose order does not rest is counted as unknown and changes nothing. A \
new order whose id rests already is an error: the file has lost messages or mixes symbols. Errors \
name the line and the field; the exit status is 1.";

/// Where orders live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Alloc {
    /// In the pool of their type.
    Pool,
    /// Each in a box of the global allocator.
    Box,
}

/// Why there is no report: where the messages came from, and what went wrong.
#[derive(Debug)]
pub struct RunError {
    source_name: String,
    cause: Box<dyn Error>,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source_name, self.cause)
    }
}

impl Error for RunError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}

/// Replays what `args` ask for.
///
/// # Errors
///
/// The file cannot be read or is malformed, or there is no room for all orders.
pub fn run(args: &Args) -> Result<Report, RunError> {
    match args.alloc {
        Alloc::Pool => run_with::<PoolBox<Order>>(args),
        Alloc::Box => run_with::<Box<Order>>(args),
    }
}

fn run_with<B: OrderBox>(args: &Args) -> Result<Report, RunError> {
    let (source_name, result) = match &args.file {
        Some(path) => (
            path.display().to_string(),
            of_file::<B>(path, args.messages),
        ),
        None => {
            let messages = args.messages.unwrap_or(DEFAULT_MESSAGES);
            ("the generated stream".to_owned(), generated::<B>(messages))
        }
    };
    match result {
        Ok(report) => Ok(report.of(&source_name)),
        Err(cause) => Err(RunError { source_name, cause }),
    }
}

fn of_file<B: OrderBox>(path: &Path, messages: Option<u64>) -> Result<Report, Box<dyn Error>> {
    let file = File::open(path)?;
    let bytes = file.metadata().ok().filter(|file| file.is_file());
    let bar = progress::of_file(bytes.map(|file| file.len()));
    let read = Reader::new(bar.wrap_read(file)).take(at_most(messages));
    let mut book = Book::<B>::new();
    let result = replay(&mut book, read, |_| ());
    bar.finish_and_clear();
    Ok(Report::new(&book, &result?))
}

fn generated<B: OrderBox>(messages: u64) -> Result<Report, Box<dyn Error>> {
    let bar = progress::of_messages(messages);
    let made = Stream::new(DEFAULT_SEED).take(at_most(Some(messages)));
    let mut book = Book::<B>::new();
    let result = replay(&mut book, made.map(Ok::<_, ReadError>), |done| {
        bar.inc(done)
    });
    bar.finish_and_clear();
    Ok(Report::new(&book, &result?))
}

/// More than fits a `usize` never come.
fn at_most(messages: Option<u64>) -> usize {
    messages.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX))
}
