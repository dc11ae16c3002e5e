//! Wakers that do what safe code may: they poll, drop, lock, panic, and move their threads.

use pool::{OnFull, Pool, PoolBox, PoolConfig, Pooled, ScopedBox};
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc;
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;
use tests::join_all;

type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Fails instead of hanging.
fn within(seconds: u64, what: &'static str, f: impl FnOnce() + Send + 'static) {
    let (done, news) = mpsc::channel();
    let thread = thread::spawn(move || {
        f();
        let _ = done.send(());
    });
    // Under Miri seconds are steps, and a hang is found by Miri.
    let seconds = if cfg!(miri) { 1 << 20 } else { seconds };
    match news.recv_timeout(Duration::from_secs(seconds)) {
        Ok(()) => thread.join().unwrap(),
        Err(mpsc::RecvTimeoutError::Disconnected) => thread.join().unwrap(),
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("hangs: {what}"),
    }
}

struct Call<F: Fn() + Send + Sync>(F);
impl<F: Fn() + Send + Sync + 'static> Wake for Call<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn waker(f: impl Fn() + Send + Sync + 'static) -> Waker {
    Waker::from(Arc::new(Call(f)))
}

/// The last handle of a task is the waker that the pool has (its executor is gone): waking it
/// drops the task, and the future that waits with it.
#[test]
fn a_wake_that_drops_the_waiting_future() {
    #[derive(Debug, Pooled)]
    #[pool(capacity = 1, on_full = "wait")]
    struct Connection(#[allow(dead_code)] usize);

    struct Task(Mutex<Option<Boxed>>);
    impl Wake for Task {
        fn wake(self: Arc<Self>) {} // the executor is gone
    }
    within(5, "the drop of a ticket in a wake", || {
        let first = PoolBox::new(Connection(0));
        let task = Arc::new(Task(Mutex::new(Some(Box::pin(async {
            let _ = PoolBox::new_async(Connection(1)).await;
        })))));
        let waker = Waker::from(Arc::clone(&task));
        let poll = task
            .0
            .lock()
            .unwrap()
            .as_mut()
            .unwrap()
            .as_mut()
            .poll(&mut Context::from_waker(&waker));
        assert!(poll.is_pending());
        drop(waker);
        drop(task); // the queue has the last
        drop(first);
        assert_eq!(Connection::pool().len(), 0);
    });
}

/// An executor that polls where it is woken.
#[test]
fn a_wake_that_polls() {
    #[derive(Debug, Pooled)]
    #[pool(capacity = 1, on_full = "wait")]
    struct Connection(#[allow(dead_code)] usize);

    struct Task(Mutex<Option<Boxed>>);
    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            let waker = Waker::from(Arc::clone(&self));
            let mut future = self.0.lock().unwrap();
            if let Some(waiting) = &mut *future
                && waiting
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_ready()
            {
                *future = None;
            }
        }
    }
    within(5, "a poll in a wake", || {
        let first = PoolBox::new(Connection(0));
        let task = Arc::new(Task(Mutex::new(Some(Box::pin(async {
            let _ = PoolBox::new_async(Connection(1)).await;
        })))));
        Arc::clone(&task).wake();
        drop(first);
        assert!(task.0.lock().unwrap().is_none());
        assert_eq!(Connection::pool().len(), 0);
    });
}

/// Two pools whose tasks' wakers free objects of the other.
#[test]
fn wakers_of_two_pools_that_free_crosswise() {
    #[derive(Debug, Pooled)]
    #[pool(capacity = 1, on_full = "wait")]
    struct A;
    #[derive(Debug, Pooled)]
    #[pool(capacity = 1, on_full = "wait")]
    struct B;
    within(5, "two wakers that free crosswise", || {
        let both = Arc::new(Barrier::new(2));
        // Two of each: this thread's one, and what another thread has room for.
        let (a, b) = (PoolBox::new(A), PoolBox::new(B));
        let mut more_a = Vec::new();
        let mut more_b = Vec::new();
        thread::scope(|scope| {
            join_all(vec![scope.spawn(|| {
                more_a.extend(PoolBox::try_new(A).ok());
                more_b.extend(PoolBox::try_new(B).ok());
                // What is left in caches.
                while let Ok(x) = PoolBox::try_new(A) {
                    more_a.push(x);
                }
                while let Ok(x) = PoolBox::try_new(B) {
                    more_b.push(x);
                }
            })]);
        });
        while let Ok(x) = PoolBox::try_new(A) {
            more_a.push(x);
        }
        while let Ok(x) = PoolBox::try_new(B) {
            more_b.push(x);
        }
        assert!(PoolBox::try_new(A).is_err() && PoolBox::try_new(B).is_err());
        let (x, y) = (more_a.pop(), more_b.pop());
        let (x, y) = match (x, y) {
            (Some(x), Some(y)) => (x, y),
            _ => panic!("one more of each is needed"),
        };
        let (x, y) = (Mutex::new(Some(x)), Mutex::new(Some(y)));
        let barrier = Arc::clone(&both);
        let wakes_a = waker(move || {
            barrier.wait();
            drop(y.lock().unwrap().take());
        });
        let barrier = Arc::clone(&both);
        let wakes_b = waker(move || {
            barrier.wait();
            drop(x.lock().unwrap().take());
        });
        let quiet = waker(|| ());
        let mut of_a = [
            Box::pin(PoolBox::new_async(A)),
            Box::pin(PoolBox::new_async(A)),
        ];
        let mut of_b = [
            Box::pin(PoolBox::new_async(B)),
            Box::pin(PoolBox::new_async(B)),
        ];
        assert!(
            of_a[0]
                .as_mut()
                .poll(&mut Context::from_waker(&wakes_a))
                .is_pending()
        );
        assert!(
            of_a[1]
                .as_mut()
                .poll(&mut Context::from_waker(&quiet))
                .is_pending()
        );
        assert!(
            of_b[0]
                .as_mut()
                .poll(&mut Context::from_waker(&wakes_b))
                .is_pending()
        );
        assert!(
            of_b[1]
                .as_mut()
                .poll(&mut Context::from_waker(&quiet))
                .is_pending()
        );
        let one = thread::spawn(move || drop(a));
        let two = thread::spawn(move || drop(b));
        one.join().unwrap();
        two.join().unwrap();
        drop((more_a, more_b));
    });
}

/// A lock of an executor, taken by wakers, and held by who frees.
#[test]
fn a_waker_that_locks_what_a_freeing_thread_has_locked() {
    #[derive(Debug, Pooled)]
    #[pool(capacity = 2, magazine = 1, on_full = "wait")]
    struct Connection(#[allow(dead_code)] usize);
    within(5, "a run queue's lock", || {
        let (one, two) = (PoolBox::new(Connection(0)), PoolBox::new(Connection(1)));
        let queue = Arc::new(Mutex::new(()));
        let locked = Arc::new(Barrier::new(2));
        let woken = {
            let (queue, locked) = (Arc::clone(&queue), Arc::clone(&locked));
            waker(move || {
                locked.wait();
                drop(queue.lock().unwrap());
            })
        };
        let quiet = waker(|| ());
        let mut first = Box::pin(PoolBox::new_async(Connection(2)));
        let mut second = Box::pin(PoolBox::new_async(Connection(3)));
        assert!(
            first
                .as_mut()
                .poll(&mut Context::from_waker(&woken))
                .is_pending()
        );
        assert!(
            second
                .as_mut()
                .poll(&mut Context::from_waker(&quiet))
                .is_pending()
        );
        let other = thread::spawn(move || {
            let held = queue.lock().unwrap();
            locked.wait();
            drop(two);
            drop(held);
        });
        drop(one);
        other.join().unwrap();
    });
}

/// A waker that panics where an allocation serves those who wait: the allocation's slot is not lost.
#[test]
fn a_waker_that_panics_loses_no_slot() {
    let pool: &'static Pool<u32> = {
        static POOL: Pool<u32> = Pool::new(
            PoolConfig::new()
                .capacity(4)
                .magazine(4)
                .on_full(OnFull::Wait),
        );
        &POOL
    };
    within(20, "panicking waker", move || {
        let all: Vec<_> = (0..4).map(|n| pool.alloc(n)).collect();
        assert!(pool.try_alloc(9).is_err());
        let bad = waker(|| panic!("a waker that panics"));
        let mut task = Box::pin(pool.alloc_async(5));
        assert!(
            task.as_mut()
                .poll(&mut Context::from_waker(&bad))
                .is_pending()
        );
        // A cache more is room for some more; and it serves.
        thread::spawn(move || {
            let caught = std::panic::catch_unwind(|| drop(pool.alloc(6)));
            eprintln!("alloc: {:?}", caught.is_err());
        })
        .join()
        .unwrap();
        drop(task);
        drop(all);
        assert_eq!(pool.len(), 0, "slots were lost");
    });
}

/// A waker that moves its thread to a node, where a pool that is a value serves those who wait.
#[test]
#[cfg_attr(miri, ignore = "moves a thread")]
fn a_waker_that_moves_its_thread() {
    if let Err(error) = pool::numa::run_on(0) {
        println!("skipped: a thread cannot be moved here: {error}");
        return;
    }
    static POOL: Pool<usize> = Pool::new(
        PoolConfig::new()
            .capacity(4000)
            .magazine(64)
            .on_full(OnFull::Wait),
    );
    within(60, "moving", || {
        for round in 0..300 {
            let all: Vec<_> = std::iter::from_fn(|| POOL.try_alloc(0).ok()).collect();
            let (go, gone) = mpsc::channel::<()>();
            let (claim, claimed) = mpsc::channel::<()>();
            let (go, claimed) = (Mutex::new(go), Mutex::new(claimed));
            let moves = waker(move || {
                drop(pool::numa::run_on(0).expect("node 0"));
                go.lock().unwrap().send(()).unwrap(); // the record is free
                claimed.lock().unwrap().recv().unwrap(); // and another thread's
            });
            let quiet = waker(|| ());
            let mut tasks: Vec<_> = (0..63).map(|n| Box::pin(POOL.alloc_async(n))).collect();
            for (n, task) in tasks.iter_mut().enumerate() {
                let waker = if n == 0 { &moves } else { &quiet };
                assert!(
                    task.as_mut()
                        .poll(&mut Context::from_waker(waker))
                        .is_pending()
                );
            }
            let (mine, others) = thread::scope(|scope| {
                let other = scope.spawn(move || {
                    gone.recv().unwrap();
                    let mut mine: Vec<ScopedBox<'static, usize>> = Vec::new();
                    mine.extend(POOL.try_alloc(1).ok());
                    claim.send(()).unwrap();
                    for _ in 0..3000 {
                        mine.extend(POOL.try_alloc(1).ok());
                    }
                    mine
                });
                let one = scope.spawn(|| POOL.alloc(2));
                (other.join().unwrap(), one.join().unwrap())
            });
            let mut got = Vec::new();
            for task in &mut tasks {
                if let Poll::Ready(Ok(b)) = task.as_mut().poll(&mut Context::from_waker(&quiet)) {
                    got.push(b);
                }
            }
            let mut addresses: Vec<_> = all
                .iter()
                .chain(&mine)
                .chain(&got)
                .chain([&others])
                .map(ScopedBox::as_ptr)
                .collect();
            let count = addresses.len();
            addresses.sort();
            addresses.dedup();
            assert_eq!(
                addresses.len(),
                count,
                "round {round}: a slot with two owners"
            );
            drop(tasks);
        }
    });
}
