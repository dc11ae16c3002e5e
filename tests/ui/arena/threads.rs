use pool::Arena;
use std::thread;

fn a_reference() {
    let arena = Arena::new();
    let value = arena.alloc(1);
    thread::spawn(move || *value += 1);
}

fn a_shared_arena() {
    let arena = Arena::new();
    thread::scope(|threads| {
        threads.spawn(|| arena.alloc(1).to_string());
    });
}

fn a_scope() {
    Arena::new().scope(|s| {
        thread::scope(|threads| {
            threads.spawn(|| s.alloc(1).to_string());
        });
    });
}

fn main() {}
