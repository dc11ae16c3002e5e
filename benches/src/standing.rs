//! Where the pool stands beside another subject.

use crate::table::{number, table};
use crate::turns::{Figures, median};
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

/// All others as one: the median of their medians.
pub const OTHERS: &str = "the others' median";

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
        let median_of = |name| match name {
            OTHERS => others(ours, figures),
            name => of(name).map(|figure| figure.median),
        };
        let standings = measures.iter().filter_map(|measure| {
            let (pool, other) = of(ours).zip(median_of(measure.subject))?;
            Some(Self {
                workload: pool.workload.clone(),
                beside: measure.subject,
                pool: pool.median,
                other,
                ratio: pool.median / other,
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
            "ours",
            "other",
            "ours/other",
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

/// The median of the medians of all but one.
fn others(ours: &str, figures: &[Figures]) -> Option<f64> {
    let others = figures.iter().filter(|figure| figure.subject != ours);
    let medians: Vec<_> = others.map(|figure| figure.median).collect();
    (!medians.is_empty()).then(|| median(&medians))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_others_stand_together_in_their_middle() {
        let figure = |subject, ns| Figures::new("work", subject, vec![ns]);
        let figures = [("we", 3.0), ("a", 1.0), ("b", 4.0), ("c", 6.0), ("d", 90.0)];
        let figures = figures.map(|(subject, ns)| figure(subject, ns));
        let measures = [beside("a"), beside(OTHERS), beside("nobody")];
        let standings = Standing::all("we", &measures, &figures);
        let found: Vec<_> = standings
            .iter()
            .map(|standing| (standing.beside, standing.other, standing.ratio))
            .collect();
        assert_eq!(found, [("a", 1.0, 3.0), (OTHERS, 5.0, 0.6)]);
        assert!(Standing::all("we", &measures, &figures[..1]).is_empty());
    }
}
