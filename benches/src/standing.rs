//! Where the pool stands beside another subject.

use crate::table::{number, table};
use crate::turns::Figures;
use comfy_table::Table;
use serde::Serialize;

/// Who the pool is held against: a peer, or another handle of its own.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// Who.
    pub subject: &'static str,
    /// What the pool's time over theirs should be at most, if something is wanted of it.
    pub at_most: Option<f64>,
}

/// Something is wanted of the pool beside it.
#[must_use]
pub const fn at_most(ratio: f64, subject: &'static str) -> Measure {
    let at_most = Some(ratio);
    Measure { subject, at_most }
}

/// To compare only.
#[must_use]
pub const fn beside(subject: &'static str) -> Measure {
    let at_most = None;
    Measure { subject, at_most }
}

/// Where it stands in a workload. The ratio is of medians: its time over theirs.
#[derive(Debug, Serialize)]
pub struct Standing {
    workload: String,
    beside: &'static str,
    pool: f64,
    other: f64,
    ratio: f64,
    at_most: Option<f64>,
}

impl Standing {
    /// All that the figures of one workload say; nothing of who was not measured.
    #[must_use]
    pub fn all(ours: &str, measures: &[Measure], figures: &[Figures]) -> Vec<Self> {
        let of = |name| figures.iter().find(|figure| figure.subject == name);
        let standings = measures.iter().filter_map(|measure| {
            let (pool, other) = of(ours).zip(of(measure.subject))?;
            Some(Self {
                workload: pool.workload.clone(),
                beside: measure.subject,
                pool: pool.median,
                other: other.median,
                ratio: pool.median / other.median,
                at_most: measure.at_most,
            })
        });
        standings.collect()
    }

    /// All in a table.
    #[must_use]
    pub fn table(standings: &[Self]) -> Table {
        let headers = [
            "workload",
            "beside",
            "pool",
            "other",
            "pool/other",
            "at most",
        ];
        let mut table = table(headers, 2);
        for standing in standings {
            let names = [standing.workload.clone(), standing.beside.to_owned()];
            let numbers = [
                Some(standing.pool),
                Some(standing.other),
                Some(standing.ratio),
                standing.at_most,
            ];
            table.add_row(names.into_iter().chain(numbers.map(number)));
        }
        table
    }
}
