//! The loop that is measured, on one thread and on several.
//!
//! Rounds of several threads are taken again where they did not have a CPU each: see
//! [`disturbed`](crate::disturbed).

use crate::disturbed::{Attempt, least_disturbed};
use crate::process::timed;
use crate::work::Round;
use std::hint::{self, black_box};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Who makes handles.
pub trait Maker: 'static {
    /// What a thread has all the time that it works: a guard, or nothing.
    type Desk;

    /// What is made. Its drop ends it.
    type Handle<'a>;

    /// A thread's desk.
    fn desk(&self) -> Self::Desk;

    /// Makes the handle of the `n`th step.
    fn make<'a>(&'a self, desk: &'a Self::Desk, n: u64) -> Self::Handle<'a>;

    /// What is done with the handle of a step; nothing, unless there is more to compare than to make it
    /// and to drop it.
    #[inline(always)]
    fn call(&self, _: &mut Self::Handle<'_>, _n: u64) {}

    /// What a handle leads to, if it leads to something. For tests; the steps do not ask.
    fn read(&self, handle: Self::Handle<'_>) -> Option<u64>;
}

/// A maker that needs no desk, and whose handles do not borrow it: how it makes them, and how they
/// are read.
pub(super) struct Makes<F, R> {
    pub(super) make: F,
    pub(super) read: R,
}

impl<F, R, H> Maker for Makes<F, R>
where
    F: Fn(u64) -> H + 'static,
    R: Fn(H) -> Option<u64> + 'static,
    H: 'static,
{
    type Desk = ();
    type Handle<'a> = H;

    fn desk(&self) {}

    #[inline(always)]
    fn make<'a>(&'a self, (): &'a (), n: u64) -> H {
        (self.make)(n)
    }

    fn read(&self, handle: H) -> Option<u64> {
        (self.read)(handle)
    }
}

/// A maker, ready to be measured and to be asked.
pub trait Job: Round {
    /// Who.
    fn subject(&self) -> &'static str;

    /// What the handles of the first so many steps lead to, for each of the threads.
    fn answers(&self, steps: u64) -> Vec<Vec<Option<u64>>>;
}

/// One thread's steps.
struct Alone<M> {
    subject: &'static str,
    maker: M,
    taken: u64,
}

/// Several threads' steps on one maker.
struct Together<M> {
    subject: &'static str,
    maker: M,
    threads: usize,
    taken: u64,
}

/// A maker that one thread has to itself.
pub(super) fn alone<M: Maker>(subject: &'static str, maker: M) -> Box<dyn Job> {
    Box::new(Alone {
        subject,
        maker,
        taken: 0,
    })
}

/// A maker for any number of threads.
pub(super) fn together<M: Maker + Sync>(
    subject: &'static str,
    threads: usize,
    maker: M,
) -> Box<dyn Job> {
    match threads {
        1 => alone(subject, maker),
        _ => Box::new(Together {
            subject,
            maker,
            threads,
            taken: 0,
        }),
    }
}

/// The loop that is measured, the same for all.
#[inline(never)]
fn step<M: Maker>(maker: &M, desk: &M::Desk, first: u64, steps: u64) {
    for n in first..first + steps {
        let mut handle = maker.make(desk, n);
        black_box(&mut handle);
        maker.call(&mut handle, n);
    }
}

fn answers<M: Maker>(maker: &M, steps: u64) -> Vec<Option<u64>> {
    let desk = maker.desk();
    let answer = |n| {
        let mut handle = maker.make(&desk, n);
        maker.call(&mut handle, n);
        maker.read(handle)
    };
    (0..steps).map(answer).collect()
}

impl<M: Maker> Round for Alone<M> {
    fn run(&mut self, steps: u64) -> Duration {
        let first = self.taken;
        self.taken += steps;
        let desk = self.maker.desk();
        timed(|| step(&self.maker, &desk, first, steps)).0
    }
}

impl<M: Maker> Job for Alone<M> {
    fn subject(&self) -> &'static str {
        self.subject
    }

    fn answers(&self, steps: u64) -> Vec<Vec<Option<u64>>> {
        vec![answers(&self.maker, steps)]
    }
}

impl<M: Maker + Sync> Together<M> {
    /// What each thread, this one among them, says of its work.
    fn all<V: Send>(&self, work: impl Fn(&M) -> V + Sync) -> Vec<V> {
        thread::scope(|scope| {
            let others = (1..self.threads).map(|_| scope.spawn(|| work(&self.maker)));
            let others: Vec<_> = others.collect();
            let mut said = vec![work(&self.maker)];
            let joined = others.into_iter().map(|other| other.join());
            said.extend(joined.map(|other| other.expect("work does not panic")));
            said
        })
    }
}

impl<M: Maker + Sync> Together<M> {
    /// What it takes the slowest one, with all there before, and warm. Each takes all the steps, so
    /// this is what one costs while others are at it.
    fn attempt(&self, first: u64, steps: u64) -> Attempt {
        let ready = AtomicUsize::new(0);
        let times = self.all(|maker| {
            let desk = maker.desk();
            step(maker, &desk, first, steps.div_ceil(16));
            // Relaxed: nothing is handed over. Who slept here might wake on another's CPU.
            ready.fetch_add(1, Ordering::Relaxed);
            while ready.load(Ordering::Relaxed) < self.threads {
                hint::spin_loop();
            }
            timed(|| step(maker, &desk, first, steps))
        });
        Attempt {
            elapsed: times
                .iter()
                .map(|(elapsed, _)| *elapsed)
                .max()
                .unwrap_or_default(),
            waited: times.iter().map(|(_, waited)| *waited).sum(),
        }
    }
}

impl<M: Maker + Sync> Round for Together<M> {
    fn run(&mut self, steps: u64) -> Duration {
        let first = self.taken;
        self.taken += steps;
        least_disturbed(|| self.attempt(first, steps))
    }
}

impl<M: Maker + Sync> Job for Together<M> {
    fn subject(&self) -> &'static str {
        self.subject
    }

    fn answers(&self, steps: u64) -> Vec<Vec<Option<u64>>> {
        self.all(|maker| answers(maker, steps))
    }
}
