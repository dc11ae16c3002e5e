//! Random sequences of every operation over several threads, against a plain model: the set of
//! values that are live.

use pool::{PoolBox, Pooled};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::{Mutex, mpsc};
use std::thread;
use tests::scaled;

const MAGAZINE: usize = 3;
const CAPACITY: usize = 12;
const THREADS: usize = 3;

/// What the pool must agree with: which values are live, and at which address.
#[derive(Default)]
struct Model {
    live: HashMap<u64, usize>,
    dropped: Vec<u64>,
}

static MODEL: Mutex<Option<Model>> = Mutex::new(None);

fn model<R>(f: impl FnOnce(&mut Model) -> R) -> R {
    f(MODEL.lock().unwrap().as_mut().expect("within a case"))
}

#[derive(Debug, Pooled)]
#[pool(capacity = CAPACITY, magazine = MAGAZINE as u32)]
struct Value(u64);

impl Drop for Value {
    fn drop(&mut self) {
        model(|model| model.dropped.push(self.0));
    }
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    New,
    NewWith,
    Uninit,
    Drop,
    IntoInner,
    Raw,
    Leak,
    Pin,
    Replace,
    Swap,
    PanicInConstructor,
    /// Ends the thread; a new one goes on with its boxes.
    Exit,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => Just(Operation::New),
        2 => Just(Operation::NewWith),
        1 => Just(Operation::Uninit),
        4 => Just(Operation::Drop),
        1 => Just(Operation::IntoInner),
        1 => Just(Operation::Raw),
        1 => Just(Operation::Leak),
        1 => Just(Operation::Pin),
        1 => Just(Operation::Replace),
        1 => Just(Operation::Swap),
        1 => Just(Operation::PanicInConstructor),
        1 => Just(Operation::Exit),
    ]
}

/// A thread that does what it is told, one step at a time, so that the sequence is the test's.
struct Worker {
    orders: mpsc::Sender<(Operation, u64)>,
    thread: thread::JoinHandle<Vec<PoolBox<Value>>>,
}

/// Notes that `boxed` holds a new value.
fn born(boxed: PoolBox<Value>) -> PoolBox<Value> {
    let (value, address) = (boxed.0, PoolBox::as_ptr(&boxed).addr());
    model(|model| {
        let taken = model.live.values().any(|&other| other == address);
        assert!(!taken, "one slot was handed out twice");
        assert_eq!(model.live.insert(value, address), None);
    });
    boxed
}

/// Notes that a value is about to go.
fn dies(boxed: &PoolBox<Value>) {
    let address = model(|model| model.live.remove(&boxed.0)).expect("it was live");
    assert_eq!(address, PoolBox::as_ptr(boxed).addr());
}

/// "Full" is an answer only when so many are live; nobody else runs meanwhile.
fn check_full() {
    let live = model(|model| model.live.len());
    assert!(live >= CAPACITY, "full with {live} live");
}

fn perform(operation: Operation, value: u64, mine: &mut Vec<PoolBox<Value>>) {
    let made = match operation {
        Operation::New => PoolBox::try_new(Value(value)).map_err(std::mem::forget),
        Operation::NewWith => PoolBox::try_new_with(|| Value(value)).map_err(drop),
        Operation::Uninit => PoolBox::<Value>::try_new_uninit()
            .map(|uninit| PoolBox::write(uninit, Value(value)))
            .map_err(drop),
        _ => {
            change(operation, value, mine);
            return;
        }
    };
    match made {
        Ok(boxed) => mine.push(born(boxed)),
        Err(()) => check_full(),
    }
}

fn change(operation: Operation, value: u64, mine: &mut Vec<PoolBox<Value>>) {
    if matches!(operation, Operation::PanicInConstructor) {
        let constructor = || -> Value { std::panic::resume_unwind(Box::new(())) };
        let outcome = std::panic::catch_unwind(|| PoolBox::try_new_with(constructor).is_ok());
        if outcome.is_ok() {
            check_full();
        }
        return;
    }
    if matches!(operation, Operation::Swap) {
        mine.reverse();
        return;
    }
    let Some(boxed) = mine.pop() else { return };
    match operation {
        Operation::Drop => {
            dies(&boxed);
            drop(boxed);
        }
        Operation::IntoInner => {
            dies(&boxed);
            drop(PoolBox::into_inner(boxed));
        }
        Operation::Raw => {
            let raw = PoolBox::into_raw(boxed);
            // SAFETY: it came from `into_raw` just now.
            mine.push(unsafe { PoolBox::from_raw(raw) });
        }
        Operation::Leak => {
            let leaked = PoolBox::leak(boxed);
            // SAFETY: it was leaked just now, and the reference ends here.
            mine.push(unsafe { PoolBox::from_raw(leaked) });
        }
        Operation::Pin => {
            dies(&boxed);
            drop(PoolBox::into_pin(boxed));
        }
        Operation::Replace => {
            dies(&boxed);
            let mut boxed = boxed;
            *boxed = Value(value); // drops the old value in place
            mine.push(born(boxed));
        }
        _ => mine.push(boxed),
    }
}

fn worker(mut mine: Vec<PoolBox<Value>>, done: mpsc::Sender<()>) -> Worker {
    let (orders, receiver) = mpsc::channel();
    let body = move || {
        for (operation, value) in receiver {
            perform(operation, value, &mut mine);
            done.send(()).expect("the test waits");
        }
        mine
    };
    let thread = thread::spawn(body);
    Worker { orders, thread }
}

fn end(worker: Worker) -> Vec<PoolBox<Value>> {
    drop(worker.orders);
    worker.thread.join().expect("a worker's assertion failed")
}

fn run(steps: &[(usize, Operation)]) {
    *MODEL
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(Model::default());
    let (done, wait) = mpsc::channel();
    let mut workers: Vec<_> = (0..THREADS)
        .map(|_| worker(Vec::new(), done.clone()))
        .collect();
    for (value, &(who, operation)) in steps.iter().enumerate() {
        if matches!(operation, Operation::Exit) {
            let ended = workers.remove(who);
            let boxes = end(ended);
            workers.insert(who, worker(boxes, done.clone()));
        } else {
            let order = (operation, value as u64);
            if workers[who].orders.send(order).is_err() || wait.recv().is_err() {
                end(workers.remove(who));
            }
        }
        let live = model(|model| model.live.len());
        assert!(
            live <= CAPACITY + 2 * MAGAZINE * THREADS,
            "{live} live, over the bound"
        );
        // Everybody waits: the figures are exact.
        let stats = Value::pool().stats();
        assert_eq!((stats.live, Value::pool().len()), (live, live));
        assert_eq!(stats.allocations - stats.frees, live as u64);
        let threads = stats.threads;
        assert!(threads <= THREADS + 1, "{threads} threads"); // this one dropped a case's last
    }
    for worker in workers {
        for boxed in end(worker) {
            dies(&boxed);
        }
    }
    assert_eq!(Value::pool().len(), 0);
    let mut model = MODEL.lock().unwrap().take().expect("within a case");
    let dropped = model.dropped.len();
    model.dropped.sort_unstable();
    model.dropped.dedup();
    assert_eq!(model.dropped.len(), dropped, "a value was dropped twice");
    assert!(model.live.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: scaled(400, 4) as u32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_pool_agrees_with_a_set(
        steps in prop::collection::vec((0..THREADS, operation()), 1..scaled(200, 20)),
    ) {
        run(&steps);
    }
}
