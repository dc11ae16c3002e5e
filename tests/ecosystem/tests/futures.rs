//! Pinned futures in the pool: they stay where they are, on whatever thread they are polled.

use pool::{ErasedBox, PoolArc, PoolBox, Pooled, erase};
use std::future::Future;
use std::marker::PhantomPinned;
use std::pin::{Pin, pin};
use std::ptr;
use std::task::{Context, Poll, Waker};
use tests::{Census, Member, scaled};

/// A future that points into itself from its first poll on, and is ready at its last.
#[derive(Debug)]
struct Selfish {
    text: [u8; 8],
    /// Where `text` was at the first poll.
    at: *const [u8; 8],
    polls: u32,
    _fixed: PhantomPinned,
    _member: Member,
}

// SAFETY: what it points to is itself.
unsafe impl Send for Selfish {}

impl Selfish {
    fn new(polls: u32, census: &Census) -> Self {
        Self {
            text: *b"selfish!",
            at: ptr::null(),
            polls,
            _fixed: PhantomPinned,
            _member: census.member(),
        }
    }
}

impl Future for Selfish {
    type Output = [u8; 8];

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<[u8; 8]> {
        // SAFETY: nothing of it is moved.
        let this = unsafe { self.get_unchecked_mut() };
        if this.at.is_null() {
            this.at = &raw const this.text;
        }
        assert_eq!(this.at, &raw const this.text, "it was moved");
        this.polls -= 1;
        if this.polls > 0 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let at = this.at;
        // SAFETY: itself, which is pinned, and to which nobody has a reference that is used again.
        Poll::Ready(unsafe { *at })
    }
}

impl Drop for Selfish {
    fn drop(&mut self) {
        let here = &raw const self.text;
        assert!(self.at.is_null() || self.at == here, "it was moved");
    }
}

/// Polls it to its end on this thread.
fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

macro_rules! task {
    ($name:ident, $attributes:tt) => {
        #[derive(Debug, Pooled)]
        #[pool $attributes]
        struct $name(Selfish);

        impl Future for $name {
            type Output = [u8; 8];

            fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<[u8; 8]> {
                // SAFETY: what is pinned is all of it, and it has no destructor of its own.
                unsafe { self.map_unchecked_mut(|task| &mut task.0) }.poll(context)
            }
        }
    };
}

task!(Here, (capacity = 16));
task!(There, (capacity = 4096));
task!(Elsewhere, (capacity = 4096));

type Bytes = [u8; 8];

#[test]
fn polled_where_it_is() {
    let census = Census::new();
    let task = || PoolBox::new(Here(Selfish::new(3, &census)));
    assert_eq!(run(PoolBox::into_pin(task())), *b"selfish!");
    assert_eq!(run(Pin::from(task())), *b"selfish!");

    // Erased and pinned, and the other way round; once more, and in the middle of it.
    let erased = ErasedBox::into_pin(erase!(task(), dyn Future<Output = Bytes>));
    assert_eq!(run(erased), *b"selfish!");
    let pinned = erase!(PoolBox::into_pin(task()), dyn Future<Output = Bytes> + Send);
    let mut pinned = erase!(pinned, dyn Future<Output = Bytes>);
    let mut context = Context::from_waker(Waker::noop());
    assert!(pinned.as_mut().poll(&mut context).is_pending());
    let again: Pin<ErasedBox<dyn Future<Output = Bytes>>> =
        erase!(pinned, dyn Future<Output = Bytes>);
    assert_eq!(run(again), *b"selfish!");

    // Dropped before its end.
    let mut pinned = PoolBox::into_pin(task());
    assert!(pinned.as_mut().poll(&mut context).is_pending());
    drop(pinned);
    assert_eq!((census.alive(), Here::pool().len()), (0, 0));
}

#[derive(Pooled)]
#[pool(shared)]
struct Fixed(u64, PhantomPinned);

#[test]
fn several_owners_of_what_is_pinned() {
    let pinned: Pin<PoolArc<Fixed>> = PoolArc::pin(Fixed(7, PhantomPinned));
    let address = &raw const pinned.0;
    let number = erase!(pinned.clone(), dyn std::any::Any);
    assert!(number.is::<Fixed>());
    drop(number);
    assert_eq!((pinned.0, &raw const pinned.0), (7, address));
}

#[cfg_attr(miri, ignore = "tokio asks the system for what Miri does not have")]
#[test]
fn spawned() {
    let census = Census::new();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .build()
        .unwrap();
    let tasks: Vec<_> = (0..scaled(1000, 10) as u32)
        .map(|n| {
            let task: Pin<PoolBox<There>> = PoolBox::pin(There(Selfish::new(n % 7 + 1, &census)));
            runtime.spawn(task)
        })
        .collect();
    runtime.block_on(async {
        for task in tasks {
            assert_eq!(task.await.unwrap(), *b"selfish!");
        }
    });
    drop(runtime);
    assert_eq!((census.alive(), There::pool().len()), (0, 0));
}

/// Passes a number on.
#[derive(Pooled)]
#[pool(capacity = 4096)]
struct Relay {
    number: u64,
    to: Option<tokio::sync::oneshot::Sender<u64>>,
}

impl Future for Relay {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let number = self.number;
        let to = self.to.take().expect("polled after its end");
        to.send(number).expect("nobody waits");
        Poll::Ready(())
    }
}

/// As above, and has no output.
#[derive(Debug, Pooled)]
#[pool(capacity = 4096)]
struct Silent(Elsewhere);

impl Future for Silent {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // SAFETY: what is pinned is all of it, and it has no destructor of its own.
        let task = unsafe { self.map_unchecked_mut(|silent| &mut silent.0) };
        task.poll(context).map(|_| ())
    }
}

#[cfg_attr(miri, ignore = "tokio asks the system for what Miri does not have")]
#[test]
fn spawned_without_their_types() {
    type Task = Pin<ErasedBox<dyn Future<Output = ()> + Send>>;

    let census = Census::new();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .build()
        .unwrap();
    let mut answers = Vec::new();
    let mut tasks: Vec<Task> = Vec::new();
    for number in 0..500 {
        let (to, answer) = tokio::sync::oneshot::channel();
        answers.push(answer);
        let to = Some(to);
        let relay = erase!(
            PoolBox::new(Relay { number, to }),
            dyn Future<Output = ()> + Send
        );
        tasks.push(relay.into());
        let silent = PoolBox::pin(Silent(Elsewhere(Selfish::new(3, &census))));
        tasks.push(erase!(silent, dyn Future<Output = ()> + Send));
    }
    let tasks: Vec<_> = tasks.into_iter().map(|task| runtime.spawn(task)).collect();
    let sum = runtime.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
        let mut sum = 0;
        for answer in answers {
            sum += answer.await.unwrap();
        }
        sum
    });
    drop(runtime);
    assert_eq!(sum, 500 * 499 / 2);
    assert_eq!(census.alive(), 0);
    assert_eq!((Relay::pool().len(), Silent::pool().len()), (0, 0));
}
