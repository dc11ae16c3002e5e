//! Measures subjects that take turns.
//!
//! Round by round, and each round begins with another one, so that what the machine does meanwhile
//! falls on all of them. Each figure is the median of a subject's rounds.

use crate::work::Round;
use serde::Serialize;
use std::time::Duration;

/// A subject, ready for a workload.
pub struct Row<'a> {
    /// Who.
    pub subject: &'static str,
    /// Whether the order has to be freed by the thread that made it: no peer of a pool's whose
    /// objects change threads.
    pub one_thread: bool,
    /// What.
    pub round: Box<dyn Round + 'a>,
}

/// How long a subject is measured.
#[derive(Debug, Clone, Copy)]
pub struct Turns {
    /// Rounds a subject.
    pub rounds: u32,
    /// How long one takes, about.
    pub length: Duration,
}

/// Nanoseconds per order made and freed, or whatever a step is.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// What was done.
    pub workload: String,
    /// Who did it.
    pub subject: &'static str,
    /// As in [`Row`].
    pub one_thread: bool,
    /// The middle one of the rounds.
    pub median: f64,
    /// The shortest.
    pub min: f64,
    /// The longest.
    pub max: f64,
    /// One a round, in the order they were taken.
    pub rounds: Vec<f64>,
}

impl Figures {
    /// Those of some rounds.
    ///
    /// # Panics
    ///
    /// There are none.
    #[must_use]
    pub fn new(workload: &str, subject: &'static str, rounds: Vec<f64>) -> Self {
        let least = rounds.iter().copied().min_by(f64::total_cmp);
        let most = rounds.iter().copied().max_by(f64::total_cmp);
        Self {
            workload: workload.to_owned(),
            subject,
            one_thread: false,
            median: median(&rounds),
            min: least.expect("there are rounds"),
            max: most.expect("there are rounds"),
            rounds,
        }
    }
}

/// A subject's place in the turns.
struct Turn<'a> {
    row: Row<'a>,
    /// Its place in the table.
    place: usize,
    /// Steps that take about as long as a round should.
    steps: u64,
    rounds: Vec<f64>,
}

impl Turns {
    /// Measures all, in the order in which they are given.
    ///
    /// # Panics
    ///
    /// There are no rounds.
    #[must_use]
    pub fn measure(self, workload: &str, rows: Vec<Row<'_>>) -> Vec<Figures> {
        assert!(self.rounds > 0, "nothing has no median");
        let rows = rows.into_iter().enumerate();
        let mut turns: Vec<_> = rows
            .map(|(place, row)| Turn::new(row, place, self.length))
            .collect();
        for _ in 0..self.rounds {
            turns.iter_mut().for_each(Turn::take);
            if !turns.is_empty() {
                turns.rotate_left(1);
            }
        }
        turns.sort_by_key(|turn| turn.place);
        turns
            .into_iter()
            .map(|turn| turn.figures(workload))
            .collect()
    }
}

impl<'a> Turn<'a> {
    /// Warms the subject up, and finds how many steps fit a round.
    fn new(mut row: Row<'a>, place: usize, length: Duration) -> Self {
        let mut steps = 1;
        let long = |elapsed: Duration| elapsed * 4 >= length;
        let elapsed = loop {
            let elapsed = row.round.run(steps);
            if long(elapsed) {
                // Once more: if that one was held up, rounds of so few steps would show nothing else.
                let elapsed = elapsed.min(row.round.run(steps));
                if long(elapsed) {
                    break elapsed;
                }
            }
            steps *= 2;
        };
        let fitting = steps as f64 * length.as_secs_f64() / elapsed.as_secs_f64();
        Self {
            row,
            place,
            steps: (fitting as u64).max(1),
            rounds: Vec::new(),
        }
    }

    fn take(&mut self) {
        // The others have had the caches meanwhile.
        self.row.round.run(self.steps.div_ceil(16));
        let elapsed = self.row.round.run(self.steps);
        let pairs = self.steps * self.row.round.pairs();
        self.rounds.push(elapsed.as_secs_f64() * 1e9 / pairs as f64);
    }

    fn figures(self, workload: &str) -> Figures {
        let figures = Figures::new(workload, self.row.subject, self.rounds);
        Figures {
            one_thread: self.row.one_thread,
            ..figures
        }
    }
}

/// The middle of some numbers; of an even count, what is between the two.
///
/// # Panics
///
/// There are none.
#[must_use]
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    /// Says that each step took so many nanoseconds, and who was asked.
    struct Steady<'a> {
        nanos: u64,
        asked: &'a RefCell<Vec<u64>>,
    }

    impl Round for Steady<'_> {
        fn pairs(&self) -> u64 {
            2
        }

        fn run(&mut self, steps: u64) -> Duration {
            self.asked.borrow_mut().push(self.nanos);
            Duration::from_nanos(steps * self.nanos)
        }
    }

    #[test]
    fn all_have_their_rounds_in_turns() {
        let asked = RefCell::default();
        let row = |subject, nanos| Row {
            subject,
            one_thread: true,
            round: Box::new(Steady {
                nanos,
                asked: &asked,
            }),
        };
        let turns = Turns {
            rounds: 3,
            length: Duration::from_micros(100),
        };
        let figures = turns.measure("nothing", vec![row("ten", 10), row("four", 4)]);
        let found: Vec<_> = figures
            .iter()
            .map(|figure| (figure.subject, figure.median, figure.min, figure.max))
            .collect();
        assert_eq!(found, [("ten", 5.0, 5.0, 5.0), ("four", 2.0, 2.0, 2.0)]);
        assert!(figures.iter().all(|figure| figure.rounds.len() == 3));
        // Twice a turn: to warm up, and for the figure.
        let asked = asked.borrow();
        let taken: Vec<_> = asked[asked.len() - 12..].chunks(2).collect();
        let order = [10, 4, 4, 10, 10, 4].map(|nanos| [nanos, nanos]);
        assert_eq!(taken, order);
    }

    /// Is held up the first time.
    struct HeldUp(bool);

    impl Round for HeldUp {
        fn run(&mut self, steps: u64) -> Duration {
            match std::mem::replace(&mut self.0, false) {
                true => Duration::from_secs(1),
                false => Duration::from_micros(steps),
            }
        }
    }

    #[test]
    fn a_round_has_its_length_whatever_held_the_first_one_up() {
        let row = Row {
            subject: "held up",
            one_thread: true,
            round: Box::new(HeldUp(true)),
        };
        let turn = Turn::new(row, 0, Duration::from_millis(1));
        assert_eq!(turn.steps, 1_000);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
