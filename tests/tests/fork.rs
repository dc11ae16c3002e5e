//! After a fork: the child allocates and frees, whatever the parent's threads were at.

#![cfg(all(unix, not(miri)))]

use pool::{PoolBox, Pooled};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

#[derive(Pooled)]
#[pool(capacity = 4096, magazine = 2)]
struct Order(u64);

/// Work that visits the depot at every turn.
fn work(rounds: usize) -> bool {
    (0..rounds).all(|_| {
        let boxes: Vec<_> = (0..50).map(|n| PoolBox::new(Order(n))).collect();
        boxes.iter().zip(0..).all(|(order, n)| order.0 == n)
    })
}

#[test]
fn the_child_allocates_and_frees() {
    assert!(work(10));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        // Busy in refills and flushes at the time of the forks, and pinned now and then.
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert!(work(10));
                }
            });
        }
        for _ in 0..50 {
            // SAFETY: the child calls nothing but the pool, whose refills need no lock of the C
            // library's that another thread could have held: glibc's `malloc` is good after a fork.
            let child = unsafe { libc::fork() };
            assert!(child >= 0, "fork: {}", std::io::Error::last_os_error());
            if child == 0 {
                let sound = work(200);
                // SAFETY: ends the child at once, without the test harness's own end.
                unsafe { libc::_exit(i32::from(!sound)) };
            }
            let mut status = 0;
            // SAFETY: waits for that child, with a place for its status.
            let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!((waited, status), (child, 0), "the child failed");
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(work(10));
}
