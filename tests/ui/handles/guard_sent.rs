use pool::epoch;
use std::thread;

fn sent() {
    let guard = epoch::pin();
    thread::spawn(move || drop(guard));
}

fn shared() {
    let guard = epoch::pin();
    thread::scope(|scope| {
        scope.spawn(|| guard.flush());
    });
}

fn main() {}
