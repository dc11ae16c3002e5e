use pool::{PoolBox, Pooled};
use std::future::Future;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll};

struct Fixed(PhantomPinned);

impl Future for Fixed {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

#[derive(Pooled)]
struct Task(Option<Fixed>);

impl Drop for Task {
    fn drop(&mut self) {
        let _moved = self.0.take();
    }
}

fn main() {
    let task = PoolBox::new(Task(Some(Fixed(PhantomPinned))));
    PoolBox::map(task, |task| &mut task.0);

    let task = PoolBox::new(Task(Some(Fixed(PhantomPinned))));
    PoolBox::map(task, |task| -> &mut dyn Future<Output = ()> { task.0.as_mut().unwrap() });
}
