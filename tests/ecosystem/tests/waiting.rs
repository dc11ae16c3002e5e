//! Waiting for a slot on an executor.

use pool::{PoolBox, Pooled};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

/// On a real executor: tasks that are spawned, wait, give up and come back.
#[test]
#[cfg_attr(miri, ignore = "starts an executor")]
fn tasks_of_an_executor_wait() {
    #[derive(Pooled)]
    #[pool(capacity = 4, magazine = 1, on_full = "wait")]
    struct Frame(usize);

    const WORKERS: usize = 2;
    static LIVE: AtomicUsize = AtomicUsize::new(0);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .build()
        .unwrap();
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            runtime.spawn(async move {
                for round in 0..100 {
                    if (n + round) % 7 == 0 {
                        // Asked for, and given up as soon as something else is ready.
                        let mut wanted = pin!(PoolBox::new_async(Frame(0)));
                        let mut first = true;
                        std::future::poll_fn(|context| match wanted.as_mut().poll(context) {
                            Poll::Pending if first => {
                                first = false;
                                context.waker().wake_by_ref();
                                Poll::Pending
                            }
                            _ => Poll::Ready(()),
                        })
                        .await;
                    }
                    let frame = PoolBox::new_async(Frame(n)).await;
                    let live = LIVE.fetch_add(1, Ordering::SeqCst) + 1;
                    assert!(live <= 4 + 2 * WORKERS, "{live} are live");
                    tokio::task::yield_now().await;
                    assert_eq!(frame.0, n);
                    LIVE.fetch_sub(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    runtime.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
    drop(runtime);
    let stats = Frame::pool().stats();
    assert_eq!((stats.live, stats.waiting), (0, 0));
}
