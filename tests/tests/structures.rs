//! A stack and a queue of pooled nodes, as a user would write them: what threads see of them is what
//! they could see of a `Vec` and a `VecDeque`, and nothing is lost.

use pool::{Pooled, epoch};
use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use tests::ms_queue::{self, Queue};
use tests::treiber::{self, Stack};
use tests::{Census, Dice, Value, join_all, scaled};

/// What one pool's nodes are is counted, so tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What both structures are.
trait Shelf: Default + Sync {
    fn push(&self, value: Value) -> Result<(), Value>;
    fn pop(&self) -> Option<Value>;
    /// Nodes in use, and nodes that wait.
    fn nodes() -> (usize, usize);
}

impl Shelf for Stack {
    fn push(&self, value: Value) -> Result<(), Value> {
        self.push(value)
    }

    fn pop(&self) -> Option<Value> {
        self.pop()
    }

    fn nodes() -> (usize, usize) {
        let stats = treiber::Node::pool().stats();
        (stats.live, stats.retired)
    }
}

impl Shelf for Queue {
    fn push(&self, value: Value) -> Result<(), Value> {
        self.push(value)
    }

    fn pop(&self) -> Option<Value> {
        self.pop()
    }

    fn nodes() -> (usize, usize) {
        let stats = ms_queue::Node::pool().stats();
        (stats.live, stats.retired)
    }
}

/// Pushes, as soon as there is a node.
fn push(shelf: &impl Shelf, mut value: Value) {
    while let Err(back) = shelf.push(value) {
        value = back;
        epoch::pin().flush();
        thread::yield_now();
    }
}

/// Collects until nothing waits.
fn settle<S: Shelf>() {
    while S::nodes().1 > 0 {
        epoch::pin().flush();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Did {
    Push(u64),
    Pop(Option<u64>),
}

/// What an operation did, and when it began and ended.
#[derive(Debug, Clone, Copy)]
struct Operation {
    did: Did,
    began: usize,
    ended: usize,
}

/// What the structures are held against: one operation after the other. Whether it can do that.
trait Model: Default + Clone + Eq + Hash {
    fn run(&mut self, did: Did) -> bool;
}

impl Model for Vec<u64> {
    fn run(&mut self, did: Did) -> bool {
        match did {
            Did::Push(number) => {
                self.push(number);
                true
            }
            Did::Pop(popped) => self.pop() == popped,
        }
    }
}

impl Model for VecDeque<u64> {
    fn run(&mut self, did: Did) -> bool {
        match did {
            Did::Push(number) => {
                self.push_back(number);
                true
            }
            Did::Pop(popped) => self.pop_front() == popped,
        }
    }
}

/// Whether the operations could have happened one after the other, each at some time between its
/// beginning and its end (Wing & Gong, *Testing and verifying concurrent objects*, 1993; with the
/// states that led nowhere remembered, as Lowe does).
fn is_linearizable<M: Model>(history: &[Operation]) -> bool {
    assert!(history.len() <= 32, "a set of operations is a word");
    search(
        history,
        (1_u64 << history.len()) - 1,
        &M::default(),
        &mut HashSet::new(),
    )
}

fn search<M: Model>(
    history: &[Operation],
    open: u64,
    state: &M,
    failed: &mut HashSet<(u64, M)>,
) -> bool {
    if open == 0 {
        return true;
    }
    if failed.contains(&(open, state.clone())) {
        return false;
    }
    let is_open = |n: &usize| open & (1 << n) != 0;
    // Whatever comes next began before any that is left had ended.
    let left = (0..history.len()).filter(is_open);
    let first_end = left.clone().map(|n| history[n].ended).min();
    for n in left.filter(|&n| Some(history[n].began) < first_end) {
        let mut next = state.clone();
        if next.run(history[n].did) && search(history, open & !(1 << n), &next, failed) {
            return true;
        }
    }
    failed.insert((open, state.clone()));
    false
}

/// A history of operations one after the other, or all at once.
fn history(all_at_once: bool, did: &[Did]) -> Vec<Operation> {
    let operation = |(n, &did)| {
        let (began, ended) = if all_at_once {
            (n, n + 100)
        } else {
            (2 * n, 2 * n + 1)
        };
        Operation { did, began, ended }
    };
    did.iter().enumerate().map(operation).collect()
}

#[test]
fn the_checker_knows_right_from_wrong() {
    use Did::{Pop, Push};
    let as_stack = is_linearizable::<Vec<u64>>;
    let as_queue = is_linearizable::<VecDeque<u64>>;
    let last_out = [Push(1), Push(2), Pop(Some(2)), Pop(Some(1)), Pop(None)];
    let first_out = [Push(1), Push(2), Pop(Some(1)), Pop(Some(2)), Pop(None)];
    let in_turn = |did: &[Did]| history(false, did);
    let at_once = |did: &[Did]| history(true, did);
    assert!(as_stack(&in_turn(&last_out)) && !as_stack(&in_turn(&first_out)));
    assert!(as_queue(&in_turn(&first_out)) && !as_queue(&in_turn(&last_out)));
    for wrong in [
        [Push(1), Pop(None), Pop(Some(1))],
        [Push(1), Pop(Some(1)), Pop(Some(1))],
        [Pop(Some(1)), Push(1), Pop(None)],
        [Push(1), Pop(Some(2)), Pop(Some(1))],
    ] {
        assert!(!as_stack(&in_turn(&wrong)) && !as_queue(&in_turn(&wrong)));
    }
    // The order of what overlaps is not known.
    assert!(as_stack(&at_once(&first_out)) && as_queue(&at_once(&last_out)));
    assert!(as_stack(&at_once(&[Pop(Some(1)), Push(1)])));
    // But no order makes a value come twice, or from nowhere.
    assert!(!as_stack(&at_once(&[Push(1), Pop(Some(1)), Pop(Some(1))])));
    assert!(!as_queue(&at_once(&[Push(1), Pop(Some(2))])));
    // One pop overlaps both pushes, which do not overlap each other: a queue must not give the second
    // if the first is found later.
    let operation = |did, began, ended| Operation { did, began, ended };
    let overtaken = [
        operation(Push(1), 0, 1),
        operation(Push(2), 2, 3),
        operation(Pop(Some(2)), 0, 9),
        operation(Pop(Some(1)), 10, 11),
    ];
    assert!(as_stack(&overtaken) && !as_queue(&overtaken));
}

/// Runs a few operations on a few threads, which begin together, and returns what they saw.
fn record<S: Shelf>(seed: usize, threads: usize, operations: usize) -> Vec<Operation> {
    let shelf = S::default();
    let clock = AtomicUsize::new(0);
    let ready = AtomicUsize::new(0);
    let tick = || clock.fetch_add(1, Ordering::SeqCst);
    let worker = |thread: usize| {
        let dice = Dice::new((seed * threads + thread) as u64);
        ready.fetch_add(1, Ordering::SeqCst);
        while ready.load(Ordering::SeqCst) < threads {
            thread::yield_now();
        }
        let mut seen = Vec::new();
        for n in 0..operations {
            let number = (thread * operations + n) as u64;
            let pushes = dice.below(2) == 0;
            let began = tick();
            let did = if pushes {
                push(&shelf, Value::from(number));
                Did::Push(number)
            } else {
                Did::Pop(shelf.pop().map(|value| value.number))
            };
            let ended = tick();
            seen.push(Operation { did, began, ended });
        }
        seen
    };
    thread::scope(|scope| {
        let worker = &worker;
        let handles = (0..threads).map(|n| scope.spawn(move || worker(n)));
        join_all(handles.collect()).concat()
    })
}

fn histories_are_linearizable<S: Shelf, M: Model>() {
    let _alone = alone();
    for seed in 0..scaled(3000, 6) {
        let history = record::<S>(seed, 2 + seed % 2, scaled(6, 4));
        assert!(is_linearizable::<M>(&history), "{history:?}");
    }
    settle::<S>();
    assert_eq!(S::nodes(), (0, 0));
}

#[test]
fn the_stack_is_linearizable() {
    histories_are_linearizable::<Stack, Vec<u64>>();
}

#[test]
fn the_queue_is_linearizable() {
    histories_are_linearizable::<Queue, VecDeque<u64>>();
}

/// Threads put numbers and take them; each is taken once, each value is dropped once, and no node is
/// lost.
fn nothing_is_lost<S: Shelf>() {
    let _alone = alone();
    let census = Census::new();
    let (put, taken) = (AtomicU64::new(0), AtomicU64::new(0));
    let shelf = S::default();
    let threads = scaled(4, 2);
    let rounds = scaled(50_000, 40);
    let worker = |thread: usize| {
        let dice = Dice::new(thread as u64 + 1);
        for n in 0..rounds {
            let number = (thread * rounds + n) as u64;
            let member = Some(census.member());
            push(&shelf, Value { number, member });
            put.fetch_add(number, Ordering::Relaxed);
            // Not more than a hundred a thread stay.
            let pops = if n < 100 { dice.below(2) } else { 1 };
            for value in (0..pops).filter_map(|_| shelf.pop()) {
                taken.fetch_add(value.number, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        let worker = &worker;
        let handles = (0..threads).map(|n| scope.spawn(move || worker(n)));
        join_all(handles.collect());
    });
    let rest: u64 = std::iter::from_fn(|| shelf.pop())
        .map(|value| value.number)
        .sum();
    assert_eq!(put.into_inner(), taken.into_inner() + rest);
    assert_eq!(census.alive(), 0);
    // What is on it goes with it.
    for number in 0..20 {
        let member = Some(census.member());
        push(&shelf, Value { number, member });
    }
    drop(shelf);
    settle::<S>();
    assert_eq!((census.alive(), S::nodes()), (0, (0, 0)));
}

#[test]
fn a_stack_loses_nothing() {
    nothing_is_lost::<Stack>();
}

#[test]
fn a_queue_loses_nothing() {
    nothing_is_lost::<Queue>();
}

#[test]
fn a_queue_keeps_the_order_of_each_thread() {
    let _alone = alone();
    let queue = Queue::new();
    let rounds = scaled(20_000, 30) as u64;
    thread::scope(|scope| {
        let producers = (0..2).map(|thread| {
            let queue = &queue;
            let produce = move || {
                for n in 0..rounds {
                    push(queue, Value::from(thread << 32 | n));
                }
            };
            scope.spawn(produce)
        });
        let producers: Vec<_> = producers.collect();
        let mut expected = [0, 0];
        while expected != [rounds; 2] {
            match queue.pop() {
                Some(value) => {
                    let thread = (value.number >> 32) as usize;
                    assert_eq!(value.number & 0xFFFF_FFFF, expected[thread]);
                    expected[thread] += 1;
                }
                None => thread::yield_now(),
            }
        }
        join_all(producers);
    });
    assert!(queue.pop().is_none());
    drop(queue);
    settle::<Queue>();
    assert_eq!(Queue::nodes(), (0, 0));
}
