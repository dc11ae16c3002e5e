//! One order at a time.

use super::Round;
use crate::Order;
use crate::subject::Subject;
use std::hint::black_box;
use std::time::{Duration, Instant};

pub(super) struct Churn<'a, S> {
    subject: &'a S,
    made: u64,
}

impl<'a, S: Subject> Churn<'a, S> {
    pub(super) fn new(subject: &'a S) -> Self {
        Self { subject, made: 0 }
    }
}

impl<S: Subject> Round for Churn<'_, S> {
    fn run(&mut self, steps: u64) -> Duration {
        let first = self.made;
        self.made += steps;
        churn(self.subject, first, steps)
    }
}

#[inline(never)]
fn churn<S: Subject>(subject: &S, first: u64, steps: u64) -> Duration {
    let sink = subject.sink();
    let start = Instant::now();
    for n in first..first + steps {
        let mut handle = subject.make(Order::nth(n));
        // By reference: some handles hold the order itself, and are not to be copied for this.
        black_box(&mut handle);
        // SAFETY: this subject's handle and sink.
        unsafe { S::free(sink, handle) };
    }
    start.elapsed()
}
