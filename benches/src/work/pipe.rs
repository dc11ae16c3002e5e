//! One thread makes, another frees.

use super::Round;
use crate::Order;
use crate::subject::Subject;
use crossbeam_utils::Backoff;
use rtrb::{Consumer, Producer, PushError, RingBuffer};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Rings' worth of orders that pass before the clock starts.
const WARM_UP: u64 = 4;

pub(super) struct Pipe<'a, S> {
    subject: &'a S,
    ring: usize,
    made: u64,
}

impl<'a, S: Subject> Pipe<'a, S> {
    pub(super) fn new(subject: &'a S, ring: usize) -> Self {
        Self {
            subject,
            ring,
            made: 0,
        }
    }
}

impl<'a, S: Subject> Round for Pipe<'a, S>
where
    S::Handle<'a>: Send,
    S::Sink<'a>: Send,
{
    /// From the first order made to the last one freed. Both threads are there before, and warm.
    fn run(&mut self, steps: u64) -> Duration {
        let warm_up = WARM_UP * self.ring as u64;
        let (mut producer, mut consumer) = RingBuffer::new(self.ring);
        let sink = self.subject.sink();
        let ready = &Barrier::new(2);
        let first = self.made;
        self.made += warm_up + steps;
        let started = first + warm_up;
        thread::scope(|scope| {
            let freeing = scope.spawn(move || {
                S::enter(sink);
                free::<S>(sink, &mut consumer, warm_up);
                ready.wait();
                free::<S>(sink, &mut consumer, steps);
                Instant::now()
            });
            make(self.subject, &mut producer, first, warm_up);
            ready.wait();
            let start = Instant::now();
            make(self.subject, &mut producer, started, steps);
            let end = freeing.join().expect("freeing does not panic");
            end - start
        })
    }
}

#[inline(never)]
fn make<'a, S: Subject>(
    subject: &'a S,
    ring: &mut Producer<S::Handle<'a>>,
    first: u64,
    count: u64,
) {
    for n in first..first + count {
        let mut handle = subject.make(Order::nth(n));
        let backoff = Backoff::new();
        while let Err(PushError::Full(back)) = ring.push(handle) {
            handle = back;
            backoff.snooze();
        }
    }
}

#[inline(never)]
fn free<'a, S: Subject>(sink: S::Sink<'a>, ring: &mut Consumer<S::Handle<'a>>, count: u64) {
    for _ in 0..count {
        let backoff = Backoff::new();
        let handle = loop {
            match ring.pop() {
                Ok(handle) => break handle,
                Err(_) => backoff.snooze(),
            }
        };
        // SAFETY: this subject's handle and sink.
        unsafe { S::free(sink, handle) };
    }
}
