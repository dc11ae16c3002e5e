//! What the programs that measure in turns are asked.

use crate::turns::{Row, Turns};
use clap::Args;
use serde::Serialize;
use std::time::Duration;

/// How long each subject is measured, and how the figures are said.
#[derive(Debug, Args)]
pub struct Options {
    /// Rounds a subject.
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Milliseconds a round.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..))]
    pub millis: u32,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

impl Options {
    /// As they are taken.
    #[must_use]
    pub fn turns(&self) -> Turns {
        Turns {
            rounds: self.rounds,
            length: Duration::from_millis(self.millis.into()),
        }
    }

    /// Says all that was found, as JSON or as `print` does.
    ///
    /// # Panics
    ///
    /// It is not plain data.
    pub fn say<R: Serialize>(&self, report: &R, print: impl FnOnce(&R)) {
        if self.json {
            let json = serde_json::to_string_pretty(report).expect("plain data");
            println!("{json}");
        } else {
            print(report);
        }
    }
}

/// Which subjects take part.
#[derive(Debug, Args)]
pub struct Subjects {
    /// Only this subject; may be repeated.
    #[arg(long)]
    subject: Vec<String>,
}

impl Subjects {
    /// Whether that one does.
    #[must_use]
    pub fn wants(&self, row: &Row<'_>) -> bool {
        self.wants_name(row.subject)
    }

    /// Whether the one of that name does.
    #[must_use]
    pub fn wants_name(&self, subject: &str) -> bool {
        self.subject.is_empty() || self.subject.iter().any(|name| name == subject)
    }
}
