//! Waiting for a free slot: with threads and with tasks, in order, with deadlines and departures.

use pool::{OnFull, Pool, PoolBox, PoolConfig, Pooled, epoch};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};
use tests::{Dice, scaled};

/// A type of a test's own.
macro_rules! pooled {
    ($($attributes:tt)*) => {
        #[derive(Debug, Pooled)]
        #[pool(on_full = "wait", $($attributes)*)]
        struct Connection(#[allow(dead_code)] usize);

        /// All that this thread gets: the capacity, and where others have caches, what there is room
        /// for.
        #[allow(dead_code)]
        fn fill() -> Vec<PoolBox<Connection>> {
            std::iter::from_fn(|| PoolBox::try_new(Connection(0)).ok()).collect()
        }
    };
}

const LONG: Duration = Duration::from_secs(60);

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A future that is polled by hand.
struct Task<F> {
    future: Pin<Box<F>>,
    woken: Arc<Woken>,
}

impl<F: Future> Task<F> {
    fn new(future: F) -> Self {
        Self {
            future: Box::pin(future),
            woken: Arc::default(),
        }
    }

    fn poll(&mut self) -> Poll<F::Output> {
        let waker = Waker::from(Arc::clone(&self.woken));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    fn wakes(&self) -> usize {
        self.woken.0.load(SeqCst)
    }

    fn ready(&mut self) -> F::Output {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("not ready"),
        }
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn a_deadline_gives_the_value_back_and_says_how_long_it_was() {
    pooled!(capacity = 2);
    let both = [PoolBox::new(Connection(0)), PoolBox::new(Connection(1))];
    let begun = Instant::now();
    let full = PoolBox::new_timeout(Connection(2), Duration::from_millis(20)).unwrap_err();
    assert!(begun.elapsed() >= Duration::from_millis(20));
    let said = full.to_string();
    assert!(
        said.contains("stayed full for 20ms") && said.contains("capacity of 2"),
        "{said}"
    );
    assert_eq!((full.capacity(), full.into_inner().0), (Some(2), 2));
    assert_eq!(Connection::pool().stats().waiting, 0);
    assert!(
        PoolBox::try_new(Connection(3)).is_err(),
        "`try_new` does not wait"
    );
    drop(both);
    assert!(PoolBox::new_timeout(Connection(4), Duration::ZERO).is_ok());
}

#[test]
fn a_thread_sleeps_until_there_is_room() {
    pooled!(capacity = 1);
    let first = PoolBox::new(Connection(1));
    let other = thread::spawn(|| {
        let _all = fill();
        PoolBox::new_timeout(Connection(2), LONG).map(|c| c.0)
    });
    while Connection::pool().stats().waiting == 0 {
        thread::yield_now();
    }
    drop(first);
    assert_eq!(other.join().unwrap().unwrap(), 2);
    assert_eq!(Connection::pool().len(), 0);
}

/// One thread, whose cache would have had the slots: nobody may be forgotten.
#[test]
fn a_task_is_woken_by_a_free_on_its_own_thread() {
    pooled!(capacity = 2, magazine = 1);
    let mut live = vec![PoolBox::new(Connection(0)), PoolBox::new(Connection(1))];
    let mut tasks: Vec<_> = (2..6)
        .map(|n| Task::new(PoolBox::new_async(Connection(n))))
        .collect();
    assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
    assert_eq!(Connection::pool().stats().waiting, 4);
    for (n, task) in tasks.iter_mut().enumerate() {
        assert_eq!(task.wakes(), 0, "each in its turn");
        drop(live.remove(0));
        assert_eq!(task.wakes(), 1);
        let connection = task.ready();
        assert_eq!(connection.0, n + 2);
        live.push(connection);
    }
    drop(live);
    let stats = Connection::pool().stats();
    assert_eq!((stats.waiting, stats.live), (0, 0));
    assert_eq!((stats.allocations, stats.frees), (6, 6));
}

#[test]
fn first_come_first_served() {
    const CROWD: usize = if cfg!(miri) { 3 } else { 8 };
    pooled!(capacity = 4);
    let (ready, order) = (
        Arc::new(Barrier::new(CROWD + 1)),
        Arc::new(Mutex::new(vec![])),
    );
    let (go, threads): (Vec<_>, Vec<_>) = (0..CROWD)
        .map(|n| {
            let (ready, order) = (Arc::clone(&ready), Arc::clone(&order));
            let (go, gone) = mpsc::channel::<()>();
            let thread = thread::spawn(move || {
                // New caches are room for who waits: all are open before anybody does.
                drop(PoolBox::try_new(Connection(0)));
                ready.wait();
                gone.recv().unwrap();
                let all = fill();
                let connection = match n % 2 {
                    0 => PoolBox::new_timeout(Connection(n), LONG).unwrap(),
                    _ => block_on(PoolBox::new_async(Connection(n))),
                };
                order.lock().unwrap().push(connection.0);
                gone.recv().unwrap_err(); // all hold what they have to the end
                drop((connection, all));
            });
            (go, thread)
        })
        .unzip();
    ready.wait();
    let mut all = fill();
    for (n, go) in go.iter().enumerate() {
        go.send(()).unwrap();
        while Connection::pool().stats().waiting <= n {
            thread::yield_now();
        }
    }
    for n in 0..CROWD {
        drop(all.pop().unwrap());
        while order.lock().unwrap().len() <= n {
            thread::yield_now();
        }
    }
    drop(go);
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    assert!(order.lock().unwrap().iter().copied().eq(0..CROWD));
}

#[test]
fn who_leaves_gives_its_place_and_its_slot_to_the_next() {
    pooled!(capacity = 1);
    let first = PoolBox::new(Connection(0));
    let mut tasks: Vec<_> = (1..5)
        .map(|n| Task::new(PoolBox::new_async(Connection(n))))
        .collect();
    assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
    tasks.remove(1); // before it is told
    drop(first);
    assert_eq!(tasks[0].wakes(), 1);
    tasks.remove(0); // after it was told
    assert_eq!(tasks[0].wakes(), 1, "the next one is, at once");
    let third = tasks.remove(0).ready();
    assert_eq!(third.0, 3);
    tasks.clear();
    drop(third);
    assert_eq!(Connection::pool().stats().waiting, 0);
    assert!(PoolBox::try_new(Connection(9)).is_ok(), "nothing was lost");
    assert_eq!(Connection::pool().len(), 0);
}

#[test]
fn a_told_task_that_leaves_alone_loses_no_slot() {
    pooled!(capacity = 1);
    for _ in 0..3 {
        let first = PoolBox::new(Connection(0));
        let mut task = Task::new(PoolBox::new_async(Connection(1)));
        assert!(task.poll().is_pending());
        drop(first);
        assert_eq!(task.wakes(), 1);
    }
    assert_eq!(Connection::pool().len(), 0);
    assert!(PoolBox::try_new(Connection(2)).is_ok());
}

/// A waker runs at the end of the free that wakes it, and may use the pool.
#[test]
fn a_waker_may_use_the_pool() {
    pooled!(capacity = 3);
    struct Rude(Mutex<Vec<PoolBox<Connection>>>, AtomicUsize);
    impl Wake for Rude {
        fn wake(self: Arc<Self>) {
            self.1.fetch_add(1, SeqCst);
            let held = self.0.lock().unwrap().pop();
            drop(held);
            assert!(PoolBox::new_timeout(Connection(9), Duration::from_millis(1)).is_err());
            let mut inner = pin!(PoolBox::new_async(Connection(9)));
            let mut context = Context::from_waker(Waker::noop());
            assert!(inner.as_mut().poll(&mut context).is_pending());
        }
    }
    let first = PoolBox::new(Connection(0));
    let held = vec![PoolBox::new(Connection(1)), PoolBox::new(Connection(2))];
    let rude = Arc::new(Rude(Mutex::new(held), AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&rude));
    let mut context = Context::from_waker(&waker);
    let mut futures: Vec<_> = (10..13)
        .map(|n| Box::pin(PoolBox::new_async(Connection(n))))
        .collect();
    for future in &mut futures {
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
    drop(first);
    assert_eq!(rude.1.load(SeqCst), 3, "each free by a waker woke the next");
    for future in &mut futures {
        assert!(future.as_mut().poll(&mut context).is_ready());
    }
    drop(futures);
    assert_eq!(Connection::pool().len(), 0);
}

#[test]
fn the_end_of_a_thread_serves_who_waits() {
    pooled!(capacity = 4, magazine = 2);
    let (send, receive) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    // This thread has all slots, live or cached.
    let other = thread::spawn(move || {
        let all: Vec<_> = (0..4).map(|n| PoolBox::new(Connection(n))).collect();
        send.send(()).unwrap();
        gone.recv().unwrap();
        drop(all);
    });
    receive.recv().unwrap();
    let mut tasks: Vec<_> = (0..8)
        .map(|n| Task::new(PoolBox::new_async(Connection(n))))
        .collect();
    let mut waiting = Vec::new();
    let mut live = Vec::new();
    for mut task in tasks.drain(..) {
        match task.poll() {
            Poll::Ready(connection) => live.push(connection),
            Poll::Pending => waiting.push(task),
        }
    }
    go.send(()).unwrap();
    other.join().unwrap();
    assert!(!waiting.is_empty() && waiting.len() + live.len() == 8);
    for mut task in waiting.into_iter().take(8 - live.len()) {
        if task.wakes() == 0 {
            drop(live.pop().unwrap());
        }
        assert_eq!(task.wakes(), 1);
        live.push(task.ready());
    }
    drop(live);
    assert_eq!(Connection::pool().len(), 0);
}

#[test]
fn a_pool_that_is_a_value_is_waited_for() {
    let config = PoolConfig::new().capacity(1).on_full(OnFull::Wait);
    let pool = Pool::with_config(config).unwrap();
    let first = pool.alloc(1);
    assert!(pool.alloc_timeout(2, Duration::from_millis(1)).is_err());
    let pool = &pool;
    let fill = || -> Vec<_> { std::iter::from_fn(|| pool.try_alloc(0).ok()).collect() };
    let ready = &Barrier::new(2);
    thread::scope(|scope| {
        let other = scope.spawn(move || {
            drop(pool.try_alloc(0));
            ready.wait();
            let _all = fill();
            pool.alloc_timeout(3, LONG).map(|boxed| *boxed).unwrap()
        });
        let third = scope.spawn(move || {
            drop(pool.try_alloc(0));
            ready.wait();
            let _all = fill();
            block_on(pool.alloc_async(4)).map(|boxed| *boxed).unwrap()
        });
        while pool.stats().waiting < 2 {
            thread::yield_now();
        }
        drop(first);
        assert_eq!((other.join().unwrap(), third.join().unwrap()), (3, 4));
    });
    let plain = Pool::with_config(PoolConfig::new().capacity(1)).unwrap();
    let one = plain.alloc(1);
    assert!(
        plain.alloc_timeout(2, LONG).is_err(),
        "at once: nobody would tell"
    );
    assert!(block_on(plain.alloc_async(2)).is_err());
    drop(one);
}

/// Nobody sleeps for ever, and never are more live than may be, whatever the order of things.
#[test]
fn a_crowd_is_served() {
    pooled!(capacity = 3, magazine = 2);
    static LIVE: AtomicUsize = AtomicUsize::new(0);
    const THREADS: usize = 4;
    let crowd: Vec<_> = (0..THREADS)
        .map(|id| {
            thread::spawn(move || {
                let dice = Dice::new(id as u64 + 1);
                for n in 0..scaled(3000, 10) {
                    let wanted = Connection(id * 10_000 + n);
                    let connection = match dice.below(4) {
                        0 => block_on(PoolBox::new_async(wanted)),
                        1 => match PoolBox::new_timeout(
                            wanted,
                            Duration::from_micros(dice.below(50) as u64),
                        ) {
                            Ok(connection) => connection,
                            Err(full) => PoolBox::new_timeout(full.into_inner(), LONG).unwrap(),
                        },
                        2 => {
                            // Asked for and not waited for.
                            let mut task = Task::new(PoolBox::new_async(Connection(0)));
                            if let Poll::Ready(connection) = task.poll() {
                                drop(connection);
                            } else {
                                thread::yield_now();
                                drop(task);
                            }
                            PoolBox::new_timeout(wanted, LONG).unwrap()
                        }
                        _ => PoolBox::new_timeout(wanted, LONG).unwrap(),
                    };
                    let live = LIVE.fetch_add(1, SeqCst) + 1;
                    assert!(live <= 3 + 2 * 2 * (THREADS + 1), "{live} are live");
                    assert_eq!(connection.0, id * 10_000 + n);
                    if dice.below(3) == 0 {
                        thread::yield_now();
                    }
                    LIVE.fetch_sub(1, SeqCst);
                    drop(connection);
                }
            })
        })
        .collect();
    crowd.into_iter().for_each(|thread| thread.join().unwrap());
    let stats = Connection::pool().stats();
    assert_eq!((stats.live, stats.waiting), (0, 0));
}

/// A slot whose object waits for nothing but its readers goes to who waits when the last one leaves, and
/// not when somebody happens to collect.
#[test]
fn the_last_reader_feeds_who_waits() {
    pooled!(capacity = 1, magazine = 1);
    let (pinned, is_pinned) = mpsc::channel();
    let (leave, leaves) = mpsc::channel::<()>();
    let reader = thread::spawn(move || {
        let guard = epoch::pin();
        pinned.send(()).unwrap();
        leaves.recv().unwrap();
        drop(guard);
    });
    is_pinned.recv().unwrap();
    let mut all = fill();
    PoolBox::retire(all.pop().unwrap(), &epoch::pin());
    assert!(
        PoolBox::try_new(Connection(0)).is_err(),
        "a reader may see it"
    );
    let mut task = Task::new(PoolBox::new_async(Connection(7)));
    assert!(task.poll().is_pending());
    assert_eq!((task.wakes(), Connection::pool().stats().retired), (0, 1));
    leave.send(()).unwrap();
    reader.join().unwrap();
    assert_eq!((task.wakes(), Connection::pool().stats().retired), (1, 0));
    assert_eq!(task.ready().0, 7);
}
